/** Radial basis functions K(x, y) = exp(-gamma |x - y|^2), and the one-class support vector machine that is made of them. */
import { squaredDistance } from './distances.ts';

/** What is left of a weighted sum of kernel values when the largest of them is taken out: sum of weight * exp(-gamma (d - nearest)). */
export interface KernelSums {
  /** squared distance of each query's nearest row; Infinity when no distance is a number */
  readonly nearest: Float32Array<ArrayBuffer>;
  /** at least the weight of the nearest row, however far it is; 0 when no distance is a number */
  readonly sum: Float32Array<ArrayBuffer>;
}

/** One weight a row; rows and queries are row-major with `columns` columns. The kernel-weighted sum itself is sum * exp(-gamma * nearest). */
export function rbfSums(
  rows: Float32Array,
  weights: Float32Array,
  queries: Float32Array,
  columns: number,
  gamma: number,
): KernelSums {
  const count = queries.length / columns;
  const out = { nearest: new Float32Array(count).fill(Infinity), sum: new Float32Array(count) };
  for (let query = 0; query < count; query++) {
    const distances = Array.from(weights, (_, row) => squaredDistance(queries, query, rows, row, columns));
    const numbers = distances.filter((distance) => distance === distance);
    const nearest = Math.min(...numbers);
    let sum = 0;
    distances.forEach((distance, row) => {
      if (distance < Infinity) sum += weights[row] * Math.exp(-gamma * (distance - nearest));
    });
    out.nearest[query] = nearest;
    out.sum[query] = sum;
  }
  return out;
}

export interface Margin {
  /** weight of each row, 0 .. 1 */
  readonly alpha: Float64Array<ArrayBuffer>;
  /** K alpha: each row's own decision value before the offset is taken off */
  readonly gradient: Float64Array<ArrayBuffer>;
  readonly steps: number;
}

/**
 * The weights that minimise 1/2 a'Ka with 0 <= a_i <= 1 and the sum of `start` (B. Schoelkopf et al., Neural Computation 13(7), 2001), by sequential minimal
 * optimisation with the second-order working set (R.-E. Fan, P.-H. Chen, C.-J. Lin, JMLR 6, 2005). Stops when moving weight from any row to any other
 * would gain no more than `tolerance` per unit. Throws when that takes more than `limit` steps.
 */
export function maximiseMargin(
  rows: Float32Array,
  columns: number,
  gamma: number,
  start: Float64Array,
  tolerance: number,
  limit: number,
): Margin {
  const count = start.length;
  const alpha = Float64Array.from(start);
  const kernel = (i: number, j: number) => Math.exp(-gamma * squaredDistance(rows, i, rows, j, columns));
  const gradient = Float64Array.from({ length: count }, (_, i) =>
    alpha.reduce((sum, weight, j) => (weight > 0 ? sum + weight * kernel(i, j) : sum), 0),
  );
  for (let steps = 0; steps < limit; steps++) {
    let taker = -1;
    for (let i = 0; i < count; i++) {
      if (alpha[i] < 1 && (taker < 0 || gradient[i] < gradient[taker])) taker = i;
    }
    let giver = -1;
    let best = 0;
    let steepest = 0;
    for (let i = 0; i < count && taker >= 0; i++) {
      const gain = gradient[i] - gradient[taker];
      if (!(alpha[i] > 0 && gain > 0)) continue;
      steepest = Math.max(steepest, gain);
      const value = gain ** 2 / curvature(kernel(taker, i));
      if (value > best) {
        best = value;
        giver = i;
      }
    }
    if (giver < 0 || steepest <= tolerance) return { alpha, gradient, steps };
    const wish = (gradient[giver] - gradient[taker]) / curvature(kernel(taker, giver));
    const moved = Math.min(wish, 1 - alpha[taker], alpha[giver]);
    // a weight that reaches its end is exactly there
    alpha[taker] = moved === 1 - alpha[taker] ? 1 : alpha[taker] + moved;
    alpha[giver] = moved === alpha[giver] ? 0 : alpha[giver] - moved;
    for (let i = 0; i < count; i++) gradient[i] += moved * (kernel(taker, i) - kernel(giver, i));
  }
  throw notConverged(limit, tolerance);
}

/** Of the objective along an exchange between two rows; rows that are the same have none. */
function curvature(kernel: number): number {
  return Math.max(2 - 2 * kernel, 1e-12);
}

export function notConverged(limit: number, tolerance: number): Error {
  return new Error(
    `the support vector machine did not settle in ${limit} steps; raise its tolerance above ${tolerance}`,
  );
}
