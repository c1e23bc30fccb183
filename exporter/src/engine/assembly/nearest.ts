/**
 * The k nearest rows of each query, by brute force in two stages. First every row's distance, cheaply and with an error that has a bound; then the exact
 * distances of the few rows that may be among the nearest whatever the error. The result is that of exact distances throughout.
 *
 * With h = |y|^2 / 2 - x y, the squared distance is 2 h + |x|^2. In float32 with m columns and u = 2^-24, h is off by at most (m + 3) u (|x|^2 + |y|^2): the part
 * of |y|^2 is taken off beforehand (`half` below), the part of |x|^2 is added to the limit that h is compared with. An exact distance is itself a sum in
 * float32, off by a share (m + 3) u.
 */
import { distance, productTile } from './distances';

const UNIT: f64 = 5.9604644775390625e-8;

/** Halving the interval this often gives a limit that lets few rows too many pass. */
const HALVINGS = 12;

/** Half of each row's square less its part of the error, for all rows of the panels: NaN for padding. */
export function halfSquares(rows: usize, panels: i32, columns: i32, to: usize): void {
  const share = 0.5 - errorShare(columns);
  for (let panel = 0; panel < panels; panel++) {
    for (let lane: usize = 0; lane < 32; lane += 4) {
      store<f32>(to, <f32>(square(rows + lane, columns) * share));
      to += 4;
    }
    rows += <usize>columns << 5;
  }
}

/**
 * squared[query][k] and index[query][k]: nearest first, of equal distances the row with the lower number first, filled up with Infinity and -1. With `others`
 * the queries are the rows, and a row is not its own neighbour. `buffer` has room for 6 x 8 numbers a panel of rows, `minima` for `groups` numbers, a
 * multiple of 16 that is well above k.
 */
export function nearest(
  rows: usize,
  rowPanels: i32,
  halves: usize,
  queries: usize,
  count: i32,
  columns: i32,
  k: i32,
  others: bool,
  squared: usize,
  index: usize,
  buffer: usize,
  minima: usize,
  groups: i32,
): void {
  const bytes = <usize>columns << 5;
  const stride = <usize>rowPanels << 5;
  for (let i: usize = 0; i < (<usize>count * k) << 2; i += 4) {
    store<f32>(squared + i, Infinity);
    store<i32>(index + i, -1);
  }
  for (let query = 0; query < count; query += 4) {
    const lanes = queries + <usize>(query >> 3) * bytes + (<usize>(query & 4) << 2);
    for (let panel = 0; panel < rowPanels; panel++) {
      const at = <usize>panel << 5;
      productTile(lanes, rows + <usize>panel * bytes, halves + at, columns, buffer + at, stride);
    }
    const found = buffer + (stride << 2);
    for (let q = query; q < min(query + 4, count); q++) {
      const values = buffer + <usize>(q - query) * stride;
      if (others) store<f32>(values + (<usize>q << 2), NaN);
      const list = (<usize>q * k) << 2;
      const lane = lanes + (<usize>(q - query) << 2);
      select(values, stride, rows, lane, columns, k, squared + list, index + list, minima, groups, found);
    }
  }
}

function errorShare(columns: i32): f64 {
  return <f64>(columns + 3) * UNIT;
}

function square(lane: usize, columns: i32): f64 {
  let sum: f64 = 0;
  for (let c = 0; c < columns; c++, lane += 32) {
    const value = <f64>load<f32>(lane);
    sum += value * value;
  }
  return sum;
}

function select(
  values: usize,
  bytes: usize,
  rows: usize,
  query: usize,
  columns: i32,
  k: i32,
  squared: usize,
  index: usize,
  minima: usize,
  groups: i32,
  found: usize,
): void {
  const own = square(query, columns);
  const error = errorShare(columns);
  let limit: f32 = Infinity;
  if (bytes >= <usize>groups << 3) {
    groupMinima(values, bytes, minima, groups);
    limit = limitOf(minima, groups, k);
  }
  place(collect(values, bytes, -Infinity, limit, found), found, bytes, rows, query, columns, k, squared, index);
  const furthest = <f64>load<f32>(squared + (<usize>(k - 1) << 2));
  const needed = 0.5 * (furthest * (1 + 2 * error) - own) + error * own;
  const rounded = <f32>(needed + abs(needed) * 2 * UNIT);
  if (rounded > limit) {
    place(collect(values, bytes, limit, rounded, found), found, bytes, rows, query, columns, k, squared, index);
  }
}

/** The smallest value of each group; neighbours in time lie in different groups. */
function groupMinima(values: usize, bytes: usize, minima: usize, groups: i32): void {
  const step = <usize>groups << 2;
  const end = values + bytes;
  for (let first: usize = 0; first < step; first += 64) {
    let a = f32x4.splat(Infinity);
    let b = a;
    let c = a;
    let d = a;
    let at = values + first;
    // NaN never takes the place of a number
    for (; at + 64 <= end; at += step) {
      a = f32x4.pmin(a, v128.load(at));
      b = f32x4.pmin(b, v128.load(at, 16));
      c = f32x4.pmin(c, v128.load(at, 32));
      d = f32x4.pmin(d, v128.load(at, 48));
    }
    // an odd number of panels ends in the middle
    if (at < end) {
      a = f32x4.pmin(a, v128.load(at));
      b = f32x4.pmin(b, v128.load(at, 16));
    }
    v128.store(minima + first, a);
    v128.store(minima + first, b, 16);
    v128.store(minima + first, c, 32);
    v128.store(minima + first, d, 48);
  }
}

/** A number that at least k of the minima, so at least k rows, are not above, and not many more; Infinity when there are fewer than k. */
function limitOf(minima: usize, groups: i32, k: i32): f32 {
  const end = minima + (<usize>groups << 2);
  let low: f32 = Infinity;
  let high: f32 = -Infinity;
  let finite = 0;
  for (let at = minima; at < end; at += 4) {
    const value = load<f32>(at);
    low = min(low, value);
    if (value < Infinity) {
      high = max(high, value);
      finite++;
    }
  }
  if (finite < k) return Infinity;
  for (let i = 0; i < HALVINGS; i++) {
    const middle = low + (high - low) * <f32>0.5;
    const limit = f32x4.splat(middle);
    let below = i32x4.splat(0);
    for (let at = minima; at < end; at += 16) below = i32x4.sub(below, f32x4.le(v128.load(at), limit));
    const counted =
      i32x4.extract_lane(below, 0) +
      i32x4.extract_lane(below, 1) +
      i32x4.extract_lane(below, 2) +
      i32x4.extract_lane(below, 3);
    if (counted === k) return middle;
    if (counted > k) high = middle;
    else low = middle;
  }
  return high;
}

/** The numbers of the rows with `above` < value <= `limit`, in order; gives the end of the list. */
function collect(values: usize, bytes: usize, above: f32, limit: f32, found: usize): usize {
  const most = f32x4.splat(limit);
  for (let at: usize = 0; at < bytes; at += 32) {
    const left = f32x4.le(v128.load(values + at), most);
    const right = f32x4.le(v128.load(values + at, 16), most);
    if (!v128.any_true(v128.or(left, right))) continue;
    let hits = i32x4.bitmask(left) | (i32x4.bitmask(right) << 4);
    while (hits) {
      const row = at + (<usize>ctz(hits) << 2);
      hits &= hits - 1;
      if (load<f32>(values + row) <= above) continue;
      store<u32>(found, <u32>(row >> 2));
      found += 4;
    }
  }
  return found;
}

/** Puts the rows of a list in their places by their exact distances: all of these first, because they do not wait for each other; `bytes` behind the list. */
function place(
  end: usize,
  found: usize,
  bytes: usize,
  rows: usize,
  query: usize,
  columns: i32,
  k: i32,
  squared: usize,
  index: usize,
): void {
  for (let at = found; at < end; at += 4) {
    const row = load<u32>(at);
    const lane = rows + <usize>(row >> 3) * (<usize>columns << 5) + (<usize>(row & 7) << 2);
    store<f32>(at + bytes, distance(query, lane, columns));
  }
  for (; found < end; found += 4) insert(load<f32>(found + bytes), load<u32>(found), k, squared, index);
}

/** Puts a row in its place of a sorted list; the last one leaves it. */
function insert(distance: f32, row: i32, k: i32, squared: usize, index: usize): void {
  let at = <usize>(k - 1) << 2;
  const last = load<f32>(squared + at);
  if (distance > last || (distance === last && <u32>load<i32>(index + at) < <u32>row)) return;
  while (at > 0) {
    const before = load<f32>(squared + at - 4);
    const other = load<i32>(index + at - 4);
    // as unsigned numbers, a free place (-1) comes behind every row
    if (before < distance || (before === distance && <u32>other < <u32>row)) break;
    store<f32>(squared + at, before);
    store<i32>(index + at, other);
    at -= 4;
  }
  store<f32>(squared + at, distance);
  store<i32>(index + at, row);
}
