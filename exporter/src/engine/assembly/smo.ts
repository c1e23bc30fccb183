/**
 * The dual of the one-class support vector machine (B. Schoelkopf et al., Estimating the Support of a High-Dimensional Distribution, Neural Computation
 * 13(7), 2001) by sequential minimal optimisation with the second-order working set of R.-E. Fan, P.-H. Chen, C.-J. Lin (JMLR 6, 2005):
 *
 *   minimise 1/2 a'Ka  with 0 <= a_i <= 1, where the sum of a stays what it is at the start
 *
 * In each step two rows exchange weight: the one that lowers the objective fastest by taking some, and the one that lowers it most by giving it.
 */
import { kernelRow, startKernelRows } from './kernel-rows';

/** Curvature of a pair whose rows are the same. */
const FLAT: f64 = 1e-12;

/**
 * `alpha`, `gradient`, `up` and `low` have a float64 for each of 8 rows a panel. `alpha` is where to start, and the result; the gradient Ka is written. `up`
 * and `low` are scratch: 0 where a row's weight may go up or down, -Infinity where it may not. Stops when no exchange would gain more than `tolerance`
 * per unit of weight. The result is the number of steps, or -1 after `limit` of them.
 */
export function maximiseMargin(
  rows: usize,
  panels: i32,
  count: i32,
  columns: i32,
  gamma: f32,
  alpha: usize,
  gradient: usize,
  up: usize,
  low: usize,
  cache: usize,
  slots: i32,
  slotOfRow: usize,
  slotState: usize,
  tolerance: f64,
  limit: i32,
): i32 {
  startKernelRows(rows, panels, columns, gamma, cache, slots, slotOfRow, slotState);
  const padded = panels << 3;
  memory.fill(gradient, 0, <usize>padded << 3);
  for (let row = 0; row < padded; row++) {
    if (row < count) {
      const weight = load<f64>(alpha + (<usize>row << 3));
      mark(row, weight, up, low);
      if (weight > 0) addScaled(gradient, weight, kernelRow(row), padded);
    } else {
      store<f64>(up + (<usize>row << 3), -Infinity);
      store<f64>(low + (<usize>row << 3), -Infinity);
    }
  }
  for (let step = 0; step < limit; step++) {
    const taker = steepest(gradient, up, padded);
    if (taker < 0) return step;
    const slope = load<f64>(gradient + (<usize>taker << 3));
    const kernel = kernelRow(taker);
    const giver = bestGiver(gradient, low, kernel, slope, padded, tolerance);
    if (giver < 0) return step;

    const a = load<f64>(alpha + (<usize>taker << 3));
    const b = load<f64>(alpha + (<usize>giver << 3));
    const curvature = max<f64>(2 - 2 * <f64>load<f32>(kernel + (<usize>giver << 2)), FLAT);
    let moved = (load<f64>(gradient + (<usize>giver << 3)) - slope) / curvature;
    moved = min(moved, min(1 - a, b));
    // a weight that reaches its end is exactly there
    const more = moved === 1 - a ? 1 : a + moved;
    const less = moved === b ? 0 : b - moved;
    store<f64>(alpha + (<usize>taker << 3), more);
    store<f64>(alpha + (<usize>giver << 3), less);
    mark(taker, more, up, low);
    mark(giver, less, up, low);
    exchange(gradient, moved, kernel, kernelRow(giver), padded);
  }
  return -1;
}

function mark(row: i32, weight: f64, up: usize, low: usize): void {
  store<f64>(up + (<usize>row << 3), weight < 1 ? 0 : -Infinity);
  store<f64>(low + (<usize>row << 3), weight > 0 ? 0 : -Infinity);
}

/** gradient += weight * kernel */
function addScaled(gradient: usize, weight: f64, kernel: usize, padded: i32): void {
  const by = f64x2.splat(weight);
  const end = kernel + (<usize>padded << 2);
  for (; kernel < end; kernel += 16, gradient += 32) {
    const k = v128.load(kernel);
    v128.store(gradient, f64x2.add(v128.load(gradient), f64x2.mul(by, f64x2.promote_low_f32x4(k))));
    const high = f64x2.promote_low_f32x4(i32x4.shuffle(k, k, 2, 3, 2, 3));
    v128.store(gradient, f64x2.add(v128.load(gradient, 16), f64x2.mul(by, high)), 16);
  }
}

/** gradient += moved * (taker - giver) */
function exchange(gradient: usize, moved: f64, taker: usize, giver: usize, padded: i32): void {
  const by = f64x2.splat(moved);
  const end = taker + (<usize>padded << 2);
  for (; taker < end; taker += 16, giver += 16, gradient += 32) {
    const a = v128.load(taker);
    const b = v128.load(giver);
    const low = f64x2.sub(f64x2.promote_low_f32x4(a), f64x2.promote_low_f32x4(b));
    const high = f64x2.sub(
      f64x2.promote_low_f32x4(i32x4.shuffle(a, a, 2, 3, 2, 3)),
      f64x2.promote_low_f32x4(i32x4.shuffle(b, b, 2, 3, 2, 3)),
    );
    v128.store(gradient, f64x2.add(v128.load(gradient), f64x2.mul(by, low)));
    v128.store(gradient, f64x2.add(v128.load(gradient, 16), f64x2.mul(by, high)), 16);
  }
}

/** The row with the lowest gradient of those that may take weight; -1 when all are full. */
function steepest(gradient: usize, up: usize, padded: i32): i32 {
  let best = f64x2.splat(-Infinity);
  let found = i64x2.splat(0);
  let row = i64x2(0, 1);
  const end = gradient + (<usize>padded << 3);
  for (; gradient < end; gradient += 16, up += 16) {
    const value = f64x2.sub(v128.load(up), v128.load(gradient));
    const better = f64x2.gt(value, best);
    best = v128.bitselect(value, best, better);
    found = v128.bitselect(row, found, better);
    row = i64x2.add(row, i64x2.splat(2));
  }
  if (f64x2.extract_lane(best, 0) === -Infinity && f64x2.extract_lane(best, 1) === -Infinity) return -1;
  return better(best, found);
}

/** The row whose gift to the taker lowers the objective most; -1 when no gain per unit of weight is above the tolerance. */
function bestGiver(gradient: usize, low: usize, kernel: usize, slope: f64, padded: i32, tolerance: f64): i32 {
  const none = f64x2.splat(0);
  const flat = f64x2.splat(FLAT);
  const two = f64x2.splat(2);
  const from = f64x2.splat(slope);
  let steepestGain = none;
  let best = f64x2.splat(-1);
  let found = i64x2.splat(0);
  let row = i64x2(0, 1);
  const end = gradient + (<usize>padded << 3);
  for (; gradient < end; gradient += 16, low += 16, kernel += 8) {
    // below or equal to 0: nothing to gain
    const gain = f64x2.pmax(none, f64x2.add(f64x2.sub(v128.load(gradient), from), v128.load(low)));
    const k = f64x2.promote_low_f32x4(v128.load64_zero(kernel));
    const curvature = f64x2.pmax(flat, f64x2.sub(two, f64x2.add(k, k)));
    const value = f64x2.div(f64x2.mul(gain, gain), curvature);
    steepestGain = f64x2.pmax(steepestGain, gain);
    const more = f64x2.gt(value, best);
    best = v128.bitselect(value, best, more);
    found = v128.bitselect(row, found, more);
    row = i64x2.add(row, i64x2.splat(2));
  }
  const most = max(f64x2.extract_lane(steepestGain, 0), f64x2.extract_lane(steepestGain, 1));
  return most > tolerance ? better(best, found) : -1;
}

function better(value: v128, row: v128): i32 {
  return <i32>(f64x2.extract_lane(value, 1) > f64x2.extract_lane(value, 0)
    ? i64x2.extract_lane(row, 1)
    : i64x2.extract_lane(row, 0));
}
