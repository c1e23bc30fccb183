/**
 * Shapley values by sampling: what each player (a column, or several together) adds to a value, averaged over orders in which players join (S. M. Lundberg, S.-I. Lee:
 * A Unified Approach to Interpreting Model Predictions, NeurIPS 2017; the sampling of orders is E. Štrumbelj, I. Kononenko: Explaining prediction models, 2014).
 *
 * Players that have not joined have the values of a background row. Every background row is walked through in one random order and in its reverse (antithetic pairs, which
 * cancel much of the noise), and every walk adds up to the value of all players less the value of that background row. So the values add up to the value of all less the
 * mean over the background exactly (efficiency), whatever the number of background rows; only how they are divided among the players has a sampling error.
 */
import { seededRandom } from '../random.ts';

/** Values of coalitions. `joined`: count x players, 1 = has joined; `background`: the background row of each coalition. One number each. */
export type CoalitionValue = (joined: Uint8Array, background: Int32Array) => Float64Array;

export interface SampledShap {
  /** one number a player */
  readonly values: Float64Array;
  /** standard error of each value by sampling; 0 with one background row, where nobody can tell */
  readonly errors: Float64Array;
  /** mean value of the background */
  readonly base: number;
  /** value of all players; `base` and all `values` add up to it */
  readonly full: number;
}

export interface ShapOptions {
  /** 1 or more */
  readonly players: number;
  /** background rows, 1 or more */
  readonly background: number;
  readonly seed: number;
  readonly value: CoalitionValue;
}

/** Coalitions that `sampledShap` asks the value of. */
export function coalitionsOf(players: number, background: number): number {
  return background * (1 + 2 * (players - 1)) + 1;
}

/** Asks for `coalitionsOf` values, in one call. Throws a RangeError without players or background. */
export function sampledShap({ players, background, seed, value }: ShapOptions): SampledShap {
  if (!(players >= 1) || !(background >= 1))
    throw new RangeError(`${players} players and ${background} background rows: one of each is needed at least`);
  const random = seededRandom(seed, 3);
  const count = coalitionsOf(players, background);
  const joined = new Uint8Array(count * players);
  const rows = new Int32Array(count);
  const orders: Int32Array[] = [];
  let at = 0;
  for (let b = 0; b < background; b++) {
    const order = Int32Array.from({ length: players }, (_, player) => player);
    for (let i = players - 1; i > 0; i--) {
      const other = random.below(i + 1);
      [order[i], order[other]] = [order[other], order[i]];
    }
    orders.push(order);
    // nobody; then all but the last to join, forwards and backwards
    rows[at++] = b;
    for (const walk of [order, order.toReversed()]) {
      for (let joining = 1; joining < players; joining++) {
        for (let i = 0; i < joining; i++) joined[at * players + walk[i]] = 1;
        rows[at++] = b;
      }
    }
  }
  joined.fill(1, at * players);
  const worth = value(joined, rows);

  const full = worth[at];
  const values = new Float64Array(players);
  const squares = new Float64Array(players);
  const step = new Float64Array(players);
  let base = 0;
  at = 0;
  for (const order of orders) {
    const nobody = worth[at++];
    base += nobody / background;
    step.fill(0);
    for (const walk of [order, order.toReversed()]) {
      let before = nobody;
      for (let joining = 1; joining <= players; joining++) {
        const now = joining < players ? worth[at++] : full;
        step[walk[joining - 1]] += (now - before) / 2;
        before = now;
      }
    }
    for (let player = 0; player < players; player++) {
      values[player] += step[player] / background;
      squares[player] += step[player] ** 2 / background;
    }
  }
  const errors = values.map((mean, player) =>
    background > 1 ? Math.sqrt(Math.max(0, squares[player] - mean * mean) / (background - 1)) : 0,
  );
  return { values, errors, base, full };
}
