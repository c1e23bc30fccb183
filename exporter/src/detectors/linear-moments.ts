/**
 * Sums and products of columns, from which means and covariances follow. Rows can be taken out again, so that a fit without the worst rows reads only the
 * rows that come or go. Columns are about standardised (no value further from 0 than the root of the number of rows), so no digits are lost that matter.
 */
import { type Table, addProducts } from './linear-product.ts';

export interface Moments {
  readonly columns: number;
  rows: number;
  readonly sums: Float64Array;
  /** lower triangle, columns x columns, row-major */
  readonly products: Float64Array;
}

export function createMoments(columns: number): Moments {
  return { columns, rows: 0, sums: new Float64Array(columns), products: new Float64Array(columns * columns) };
}

/** `sign` 1 adds the rows of the table, -1 takes them out. */
export function countRows(moments: Moments, x: Table, rows: number, sign: 1 | -1): void {
  const { columns, sums, products } = moments;
  moments.rows += sign * rows;
  for (let r = 0; r < rows; r++) {
    const at = x.from + r * x.stride;
    for (let c = 0; c < columns; c++) sums[c] += sign * x.data[at + c];
  }
  addProducts(x, rows, sign, columns, products);
}

export function columnMeans({ columns, rows, sums }: Moments): Float64Array<ArrayBuffer> {
  const mean = new Float64Array(columns);
  for (let c = 0; c < columns; c++) mean[c] = sums[c] / rows;
  return mean;
}

/** Products of the centred columns, summed over the rows: lower triangle, columns x columns. */
export function centredProducts({ columns, rows, sums, products }: Moments): Float64Array<ArrayBuffer> {
  const centred = new Float64Array(columns * columns);
  for (let i = 0; i < columns; i++) {
    for (let j = 0; j <= i; j++) {
      const at = i * columns + j;
      centred[at] = products[at] - (sums[i] * sums[j]) / rows;
    }
  }
  return centred;
}

/**
 * What a ridge is multiplied by when a fit has few rows for its columns: (1 + (3 columns / rows)^2). A covariance of fewer rows than columns fits noise, and
 * unseen rows then score several times the training rows; a growing ridge leads back to what little data can tell, every column by itself. Measured on ten
 * servers, mean of unseen over fitted scores: 64 rows 11.6 -> 4.5, 128 rows 5.9 -> 3.2, 512 rows 1.6 -> 1.4; from some thousand rows on it changes nothing.
 */
export function ridgeGrowth(columns: number, rows: number): number {
  return 1 + ((3 * columns) / rows) ** 2;
}
