/**
 * Squared Euclidean distances by brute force. One column per iteration and one pointer per operand: with more, V8 11 and 12 spill load addresses.
 */

/** Bytes of one column of a panel. */
const COLUMN: usize = 32;

/** Squared distances of the queries in 4 lanes of a panel to the 8 rows of a panel, in eight registers: to[4][8]. */
export function distanceTile(queries: usize, rows: usize, columns: i32, to: usize): void {
  let c00 = f32x4.splat(0);
  let c01 = c00;
  let c10 = c00;
  let c11 = c00;
  let c20 = c00;
  let c21 = c00;
  let c30 = c00;
  let c31 = c00;
  let a = queries;
  let b = rows;
  const end = b + (<usize>columns << 5);
  while (b < end) {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    let s = v128.load32_splat(a);
    let d = f32x4.sub(b0, s);
    c00 = f32x4.add(c00, f32x4.mul(d, d));
    d = f32x4.sub(b1, s);
    c01 = f32x4.add(c01, f32x4.mul(d, d));
    s = v128.load32_splat(a, 4);
    d = f32x4.sub(b0, s);
    c10 = f32x4.add(c10, f32x4.mul(d, d));
    d = f32x4.sub(b1, s);
    c11 = f32x4.add(c11, f32x4.mul(d, d));
    s = v128.load32_splat(a, 8);
    d = f32x4.sub(b0, s);
    c20 = f32x4.add(c20, f32x4.mul(d, d));
    d = f32x4.sub(b1, s);
    c21 = f32x4.add(c21, f32x4.mul(d, d));
    s = v128.load32_splat(a, 12);
    d = f32x4.sub(b0, s);
    c30 = f32x4.add(c30, f32x4.mul(d, d));
    d = f32x4.sub(b1, s);
    c31 = f32x4.add(c31, f32x4.mul(d, d));
    a += COLUMN;
    b += COLUMN;
  }
  v128.store(to, c00);
  v128.store(to, c01, 16);
  v128.store(to, c10, 32);
  v128.store(to, c11, 48);
  v128.store(to, c20, 64);
  v128.store(to, c21, 80);
  v128.store(to, c30, 96);
  v128.store(to, c31, 112);
}

/** Squared distances of one query (a lane of a panel) to the 8 rows of a panel: to[8]. The same sums as in a tile. */
export function distanceRow(query: usize, rows: usize, columns: i32, to: usize): void {
  let c0 = f32x4.splat(0);
  let c1 = c0;
  let a = query;
  let b = rows;
  const end = b + (<usize>columns << 5);
  while (b < end) {
    const s = v128.load32_splat(a);
    const d0 = f32x4.sub(v128.load(b), s);
    const d1 = f32x4.sub(v128.load(b, 16), s);
    c0 = f32x4.add(c0, f32x4.mul(d0, d0));
    c1 = f32x4.add(c1, f32x4.mul(d1, d1));
    a += COLUMN;
    b += COLUMN;
  }
  v128.store(to, c0);
  v128.store(to, c1, 16);
}

/** Squared distance of two lanes of panels: again the same sum. */
export function distance(query: usize, row: usize, columns: i32): f32 {
  let sum: f32 = 0;
  const end = query + (<usize>columns << 5);
  while (query < end) {
    const d = load<f32>(row) - load<f32>(query);
    sum += d * d;
    query += COLUMN;
    row += COLUMN;
  }
  return sum;
}

/**
 * Half the squared distances of 4 queries to 8 rows, but for half the query's own square: |y|^2 / 2 - x y, with the halves given. Two operations a number
 * instead of three, at the price of rounding errors in proportion to the squares: `stride` bytes lie between the queries' results.
 */
export function productTile(queries: usize, rows: usize, halves: usize, columns: i32, to: usize, stride: usize): void {
  let c00 = v128.load(halves);
  let c01 = v128.load(halves, 16);
  let c10 = c00;
  let c11 = c01;
  let c20 = c00;
  let c21 = c01;
  let c30 = c00;
  let c31 = c01;
  let a = queries;
  let b = rows;
  const end = b + (<usize>columns << 5);
  while (b < end) {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    let s = v128.load32_splat(a);
    c00 = f32x4.sub(c00, f32x4.mul(s, b0));
    c01 = f32x4.sub(c01, f32x4.mul(s, b1));
    s = v128.load32_splat(a, 4);
    c10 = f32x4.sub(c10, f32x4.mul(s, b0));
    c11 = f32x4.sub(c11, f32x4.mul(s, b1));
    s = v128.load32_splat(a, 8);
    c20 = f32x4.sub(c20, f32x4.mul(s, b0));
    c21 = f32x4.sub(c21, f32x4.mul(s, b1));
    s = v128.load32_splat(a, 12);
    c30 = f32x4.sub(c30, f32x4.mul(s, b0));
    c31 = f32x4.sub(c31, f32x4.mul(s, b1));
    a += COLUMN;
    b += COLUMN;
  }
  v128.store(to, c00);
  v128.store(to, c01, 16);
  v128.store(to + stride, c10);
  v128.store(to + stride, c11, 16);
  to += stride << 1;
  v128.store(to, c20);
  v128.store(to, c21, 16);
  v128.store(to + stride, c30);
  v128.store(to + stride, c31, 16);
}
