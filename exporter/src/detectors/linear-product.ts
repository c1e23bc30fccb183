/**
 * The two dense products of the linear detectors, in float64, tiled so that a number that was read is used several times. Every result is one sum in the
 * order of the columns whatever tile it falls into, so that a row's result does not depend, not even in its last bit, on the rows beside it.
 */

/** Part of a row-major table: row r begins at `data[from + r * stride]`. */
export interface Table {
  readonly data: Float64Array;
  readonly from: number;
  readonly stride: number;
}

/**
 * y = x m': element (r, i) of y is the product of row r of x and row i of m, minus `offset[i]`. `m` has `outputs` rows of `columns` numbers without gaps;
 * x and y have `rows` rows.
 */
export function multiply(
  x: Table,
  rows: number,
  m: Float64Array,
  offset: Float64Array,
  outputs: number,
  columns: number,
  y: Table,
): void {
  let i = 0;
  // four rows of m stay in the nearest cache while all rows of x pass by
  for (; i + 4 <= outputs; i += 4) {
    let r = 0;
    for (; r + 2 <= rows; r += 2) fourOutputsTwoRows(x, r, m, i, columns, offset, y);
    if (r < rows) fourOutputs(x, r, m, i, columns, offset, y);
  }
  for (; i < outputs; i++) {
    for (let r = 0; r < rows; r++) y.data[y.from + r * y.stride + i] = oneOutput(x, r, m, i, columns) - offset[i];
  }
}

function fourOutputsTwoRows(
  { data: x, from, stride }: Table,
  row: number,
  m: Float64Array,
  i: number,
  columns: number,
  offset: Float64Array,
  out: Table,
): void {
  const y = out.data;
  const a = from + row * stride;
  const b = a + stride;
  const m0 = i * columns;
  const m1 = m0 + columns;
  const m2 = m1 + columns;
  const m3 = m2 + columns;
  let a0 = 0;
  let a1 = 0;
  let a2 = 0;
  let a3 = 0;
  let b0 = 0;
  let b1 = 0;
  let b2 = 0;
  let b3 = 0;
  for (let c = 0; c < columns; c++) {
    const xa = x[a + c];
    const xb = x[b + c];
    const w0 = m[m0 + c];
    const w1 = m[m1 + c];
    const w2 = m[m2 + c];
    const w3 = m[m3 + c];
    a0 += xa * w0;
    a1 += xa * w1;
    a2 += xa * w2;
    a3 += xa * w3;
    b0 += xb * w0;
    b1 += xb * w1;
    b2 += xb * w2;
    b3 += xb * w3;
  }
  const toA = out.from + row * out.stride + i;
  y[toA] = a0 - offset[i];
  y[toA + 1] = a1 - offset[i + 1];
  y[toA + 2] = a2 - offset[i + 2];
  y[toA + 3] = a3 - offset[i + 3];
  const toB = toA + out.stride;
  y[toB] = b0 - offset[i];
  y[toB + 1] = b1 - offset[i + 1];
  y[toB + 2] = b2 - offset[i + 2];
  y[toB + 3] = b3 - offset[i + 3];
}

function fourOutputs(
  { data: x, from, stride }: Table,
  row: number,
  m: Float64Array,
  i: number,
  columns: number,
  offset: Float64Array,
  out: Table,
): void {
  const a = from + row * stride;
  const m0 = i * columns;
  const m1 = m0 + columns;
  const m2 = m1 + columns;
  const m3 = m2 + columns;
  let a0 = 0;
  let a1 = 0;
  let a2 = 0;
  let a3 = 0;
  for (let c = 0; c < columns; c++) {
    const xa = x[a + c];
    a0 += xa * m[m0 + c];
    a1 += xa * m[m1 + c];
    a2 += xa * m[m2 + c];
    a3 += xa * m[m3 + c];
  }
  const to = out.from + row * out.stride + i;
  out.data[to] = a0 - offset[i];
  out.data[to + 1] = a1 - offset[i + 1];
  out.data[to + 2] = a2 - offset[i + 2];
  out.data[to + 3] = a3 - offset[i + 3];
}

function oneOutput({ data: x, from, stride }: Table, row: number, m: Float64Array, i: number, columns: number): number {
  const a = from + row * stride;
  const m0 = i * columns;
  let sum = 0;
  for (let c = 0; c < columns; c++) sum += x[a + c] * m[m0 + c];
  return sum;
}

/** Adds `sign` times the products of all pairs of columns, summed over the rows of x, to the lower triangle of `sums` (columns x columns, row-major). */
export function addProducts(
  { data: x, from, stride }: Table,
  rows: number,
  sign: number,
  columns: number,
  sums: Float64Array,
): void {
  const end = from + rows * stride;
  let i = 0;
  for (; i + 2 <= columns; i += 2) {
    const r0 = i * columns;
    const r1 = r0 + columns;
    let j = 0;
    for (; j + 4 <= i + 2; j += 4) {
      let a0 = 0;
      let a1 = 0;
      let a2 = 0;
      let a3 = 0;
      let b0 = 0;
      let b1 = 0;
      let b2 = 0;
      let b3 = 0;
      for (let at = from; at < end; at += stride) {
        const xa = x[at + i];
        const xb = x[at + i + 1];
        const v0 = x[at + j];
        const v1 = x[at + j + 1];
        const v2 = x[at + j + 2];
        const v3 = x[at + j + 3];
        a0 += xa * v0;
        a1 += xa * v1;
        a2 += xa * v2;
        a3 += xa * v3;
        b0 += xb * v0;
        b1 += xb * v1;
        b2 += xb * v2;
        b3 += xb * v3;
      }
      sums[r0 + j] += sign * a0;
      sums[r0 + j + 1] += sign * a1;
      sums[r0 + j + 2] += sign * a2;
      sums[r0 + j + 3] += sign * a3;
      sums[r1 + j] += sign * b0;
      sums[r1 + j + 1] += sign * b1;
      sums[r1 + j + 2] += sign * b2;
      sums[r1 + j + 3] += sign * b3;
    }
    for (; j < i + 2; j++) {
      let a = 0;
      let b = 0;
      for (let at = from; at < end; at += stride) {
        const v = x[at + j];
        a += x[at + i] * v;
        b += x[at + i + 1] * v;
      }
      sums[r0 + j] += sign * a;
      sums[r1 + j] += sign * b;
    }
  }
  if (i < columns) {
    for (let j = 0; j <= i; j++) {
      let sum = 0;
      for (let at = from; at < end; at += stride) sum += x[at + i] * x[at + j];
      sums[i * columns + j] += sign * sum;
    }
  }
}
