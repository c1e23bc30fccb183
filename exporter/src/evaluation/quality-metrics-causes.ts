/**
 * HitRate@P%: of the true causes of an event, the share among the floor(P% x number of causes) largest contributors; earlier columns first among equal ones.
 * Y. Su, Y. Zhao, C. Niu, R. Liu, W. Sun, D. Pei: Robust Anomaly Detection for Multivariate Time Series through Stochastic Recurrent Neural Network, KDD 2019.
 * `contributions`: one number a column, larger = more to blame, NaN = none. `causes`: column numbers. Throws a RangeError without causes or on a cause that is no column.
 */
export function hitRate(contributions: ArrayLike<number>, causes: readonly number[], percent = 100): number {
  if (causes.length === 0) throw new RangeError('an event without causes has no hit rate');
  for (const cause of causes) {
    if (!Number.isInteger(cause) || cause < 0 || cause >= contributions.length) {
      throw new RangeError(`cause ${cause} is no column: there are ${contributions.length}, counted from 0`);
    }
  }
  const blame = Float64Array.from(contributions, (c) => (c === c ? c : -Infinity));
  const order = [...blame.keys()].sort((a, b) => (blame[b] > blame[a] ? 1 : blame[b] < blame[a] ? -1 : a - b));
  const top = new Set(order.slice(0, Math.floor((percent / 100) * causes.length)));
  return causes.filter((cause) => top.has(cause)).length / causes.length;
}
