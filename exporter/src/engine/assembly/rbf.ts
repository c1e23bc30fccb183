/** Radial basis functions exp(-gamma |x - y|^2) of rows in panels. */
import { distanceRow, distanceTile } from './distances';
import { exponential } from './exponential';

/** Kernel values of one row (a lane of a panel) with all rows: to[panel][8], 0 for padding. */
export function rbfRow(query: usize, rows: usize, panels: i32, columns: i32, gamma: f32, to: usize): void {
  const bytes = <usize>columns << 5;
  const scale = f32x4.splat(-gamma);
  for (let panel = 0; panel < panels; panel++) {
    distanceRow(query, rows, columns, to);
    v128.store(to, exponential(f32x4.mul(scale, v128.load(to))));
    v128.store(to, exponential(f32x4.mul(scale, v128.load(to, 16))), 16);
    rows += bytes;
    to += 32;
  }
}

/**
 * For each query the squared distance of the nearest row, and the sum over the rows of weight * exp(-gamma (squared distance - nearest)): so the sum has a
 * term as large as the nearest row's weight however far the query is. `weights` has a number a row, anything finite for padding; `buffer` has room for
 * 4 x 8 numbers a panel of rows. Queries are computed in fours: `nearest` and `sums` need room for a multiple of 4.
 */
export function rbfSums(
  rows: usize,
  rowPanels: i32,
  weights: usize,
  queries: usize,
  count: i32,
  columns: i32,
  gamma: f32,
  buffer: usize,
  nearest: usize,
  sums: usize,
): void {
  const bytes = <usize>columns << 5;
  const scale = f32x4.splat(-gamma);
  for (let query = 0; query < count; query += 4) {
    const lanes = queries + <usize>(query >> 3) * bytes + (<usize>(query & 4) << 2);
    const single = query + 1 === count;
    let panel = rows;
    let to = buffer;
    for (let i = 0; i < rowPanels; i++) {
      if (single) distanceRow(lanes, panel, columns, to);
      else distanceTile(lanes, panel, columns, to);
      panel += bytes;
      to += 128;
    }
    for (let q = query; q < min(query + 4, count); q++) {
      const begin = buffer + (<usize>(q - query) << 5);
      let least = f32x4.splat(Infinity);
      for (let at = begin; at < to; at += 128) {
        // NaN never takes the place of what is there
        least = f32x4.pmin(least, v128.load(at));
        least = f32x4.pmin(least, v128.load(at, 16));
      }
      const closest = lowest(least);
      const from = f32x4.splat(closest);
      let low = f32x4.splat(0);
      let high = low;
      let weight = weights;
      for (let at = begin; at < to; at += 128) {
        const left = exponential(f32x4.mul(scale, f32x4.sub(v128.load(at), from)));
        const right = exponential(f32x4.mul(scale, f32x4.sub(v128.load(at, 16), from)));
        low = f32x4.add(low, f32x4.mul(v128.load(weight), left));
        high = f32x4.add(high, f32x4.mul(v128.load(weight, 16), right));
        weight += 32;
      }
      store<f32>(nearest + (<usize>q << 2), closest);
      store<f32>(sums + (<usize>q << 2), total(f32x4.add(low, high)));
    }
  }
}

function lowest(v: v128): f32 {
  const a = min(f32x4.extract_lane(v, 0), f32x4.extract_lane(v, 1));
  return min(a, min(f32x4.extract_lane(v, 2), f32x4.extract_lane(v, 3)));
}

function total(v: v128): f32 {
  const a = f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 1);
  return a + (f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3));
}
