/**
 * Symmetric positive-definite systems in float64: Cholesky's factorisation A = L L', solution and inverse. Matrices are row-major with rows of `stride`
 * numbers, a multiple of 4 that is at least n; whatever is above the diagonal is ignored, and columns n .. stride - 1 are zero.
 */

/**
 * Replaces the lower triangle of A by L, four columns at a time: first what the columns to the left contribute to all rows, then the four among themselves.
 * The result is -1, or the row whose pivot is not above `least` times its own diagonal element, where the pivot is left in the diagonal.
 */
export function cholesky(a: usize, n: i32, stride: i32, least: f64): i32 {
  const bytes = <usize>stride << 3;
  for (let left = 0; left < n; left += 4) {
    const width = min(4, n - left);
    const top = a + <usize>left * bytes;
    // the own diagonal elements, before anything is taken from them
    const d0 = load<f64>(diagonal(a, bytes, left));
    const d1 = width > 1 ? load<f64>(diagonal(a, bytes, left + 1)) : 0;
    const d2 = width > 2 ? load<f64>(diagonal(a, bytes, left + 2)) : 0;
    const d3 = width > 3 ? load<f64>(diagonal(a, bytes, left + 3)) : 0;
    for (let row = left; row < n; row++) subtractProducts(a + <usize>row * bytes, top, bytes, left, width);
    for (let j = left; j < left + width; j++) {
      const own = a + <usize>j * bytes;
      const at = own + (<usize>j << 3);
      let pivot = load<f64>(at);
      for (let k = left; k < j; k++) {
        const value = load<f64>(own + (<usize>k << 3));
        pivot -= value * value;
      }
      const before = j === left ? d0 : j === left + 1 ? d1 : j === left + 2 ? d2 : d3;
      if (!(pivot > least * before && pivot < Infinity)) {
        store<f64>(at, pivot);
        return j;
      }
      const root = sqrt(pivot);
      store<f64>(at, root);
      for (let i = j + 1; i < n; i++) {
        const row = a + <usize>i * bytes;
        let sum = load<f64>(row + (<usize>j << 3));
        for (let k = left; k < j; k++) sum -= load<f64>(row + (<usize>k << 3)) * load<f64>(own + (<usize>k << 3));
        store<f64>(row + (<usize>j << 3), sum / root);
      }
    }
  }
  return -1;
}

function diagonal(a: usize, bytes: usize, i: i32): usize {
  return a + <usize>i * bytes + (<usize>i << 3);
}

/** row[left + j] -= sum over k < left of row[k] * top[j][k], for `width` rows of `top`; `left` is a multiple of 4. */
function subtractProducts(row: usize, top: usize, bytes: usize, left: i32, width: i32): void {
  let c0 = f64x2.splat(0);
  let c1 = c0;
  let c2 = c0;
  let c3 = c0;
  // rows that do not exist are replaced by the first: their sums are not used
  const t1 = width > 1 ? top + bytes : top;
  const t2 = width > 2 ? t1 + bytes : top;
  const t3 = width > 3 ? t2 + bytes : top;
  const end = <usize>left << 3;
  for (let k: usize = 0; k < end; k += 16) {
    const v = v128.load(row + k);
    c0 = f64x2.add(c0, f64x2.mul(v, v128.load(top + k)));
    c1 = f64x2.add(c1, f64x2.mul(v, v128.load(t1 + k)));
    c2 = f64x2.add(c2, f64x2.mul(v, v128.load(t2 + k)));
    c3 = f64x2.add(c3, f64x2.mul(v, v128.load(t3 + k)));
  }
  const at = row + end;
  subtract(at, c0);
  if (width > 1) subtract(at + 8, c1);
  if (width > 2) subtract(at + 16, c2);
  if (width > 3) subtract(at + 24, c3);
}

function subtract(at: usize, v: v128): void {
  store<f64>(at, load<f64>(at) - sum(v));
}

function sum(v: v128): f64 {
  return f64x2.extract_lane(v, 0) + f64x2.extract_lane(v, 1);
}

/** Replaces b by the x of A x = b. */
export function solve(factor: usize, n: i32, stride: i32, b: usize): void {
  const bytes = <usize>stride << 3;
  for (let i = 0; i < n; i++) {
    const row = factor + <usize>i * bytes;
    let products = f64x2.splat(0);
    const even: usize = <usize>(i & ~1) << 3;
    for (let k: usize = 0; k < even; k += 16) {
      products = f64x2.add(products, f64x2.mul(v128.load(row + k), v128.load(b + k)));
    }
    let value = load<f64>(b + (<usize>i << 3)) - sum(products);
    if (i & 1) value -= load<f64>(row + even) * load<f64>(b + even);
    store<f64>(b + (<usize>i << 3), value / load<f64>(row + (<usize>i << 3)));
  }
  for (let i = n - 1; i >= 0; i--) {
    const row = factor + <usize>i * bytes;
    const x = load<f64>(b + (<usize>i << 3)) / load<f64>(row + (<usize>i << 3));
    store<f64>(b + (<usize>i << 3), x);
    addRow(b, -x, row, i);
  }
}

/**
 * The inverse of A from its factor, both triangles: out[n][stride]. `lower` has room for the inverse of the factor, [n][stride].
 */
export function inverse(factor: usize, n: i32, stride: i32, lower: usize, out: usize): void {
  const bytes = <usize>stride << 3;
  memory.fill(lower, 0, <usize>n * bytes);
  memory.fill(out, 0, <usize>n * bytes);
  for (let i = 0; i < n; i++) {
    const to = lower + <usize>i * bytes;
    const from = factor + <usize>i * bytes;
    addRows(to, from, 8, lower, bytes, 0, i, i, -1);
    const pivot = load<f64>(from + (<usize>i << 3));
    for (let j: usize = 0; j < <usize>i << 3; j += 8) store<f64>(to + j, load<f64>(to + j) / pivot);
    store<f64>(to + (<usize>i << 3), 1 / pivot);
  }
  // row i of the inverse of A: all rows of the inverse of L from i on, each times its element in column i
  for (let i = 0; i < n; i++) {
    addRows(out + <usize>i * bytes, lower + (<usize>i << 3), bytes, lower, bytes, i, n, i + 1, 1);
  }
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < i; j++) {
      store<f64>(out + <usize>j * bytes + (<usize>i << 3), load<f64>(out + <usize>i * bytes + (<usize>j << 3)));
    }
  }
}

/** to[0 .. length) += sign * by[k] * rows[k][0 .. length) for k = first .. last - 1, four at a time; `by` steps by `step` bytes. */
function addRows(
  to: usize,
  by: usize,
  step: usize,
  rows: usize,
  bytes: usize,
  first: i32,
  last: i32,
  length: i32,
  sign: f64,
): void {
  let k = first;
  for (; k + 4 <= last; k += 4) {
    const factors = by + <usize>k * step;
    const s0 = f64x2.splat(sign * load<f64>(factors));
    const s1 = f64x2.splat(sign * load<f64>(factors + step));
    const s2 = f64x2.splat(sign * load<f64>(factors + 2 * step));
    const s3 = f64x2.splat(sign * load<f64>(factors + 3 * step));
    let a = rows + <usize>k * bytes;
    const end = to + (<usize>((length + 1) & ~1) << 3);
    // an odd length spills one number over, into what is padding or is written later
    for (let at = to; at < end; at += 16, a += 16) {
      let v = v128.load(at);
      v = f64x2.add(v, f64x2.mul(s0, v128.load(a)));
      v = f64x2.add(v, f64x2.mul(s1, v128.load(a + bytes)));
      v = f64x2.add(v, f64x2.mul(s2, v128.load(a + 2 * bytes)));
      v = f64x2.add(v, f64x2.mul(s3, v128.load(a + 3 * bytes)));
      v128.store(at, v);
    }
  }
  for (; k < last; k++) addRow(to, sign * load<f64>(by + <usize>k * step), rows + <usize>k * bytes, length);
}

/** to[0 .. length) += by * row[0 .. length) */
function addRow(to: usize, by: f64, row: usize, length: i32): void {
  const s = f64x2.splat(by);
  const even = <usize>(length & ~1) << 3;
  for (let k: usize = 0; k < even; k += 16) {
    v128.store(to + k, f64x2.add(v128.load(to + k), f64x2.mul(s, v128.load(row + k))));
  }
  if (length & 1) store<f64>(to + even, load<f64>(to + even) + by * load<f64>(row + even));
}
