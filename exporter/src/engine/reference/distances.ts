/**
 * Nearest rows by squared Euclidean distance, by brute force. Every operation is rounded to float32, in a fixed order, so that the numbers are the same on
 * every machine. A distance that is NaN is no neighbour. Squares of rows must be finite in float32.
 */

/** The k nearest of each query, nearest first, of equally near ones the row with the lower number first. */
export interface Neighbours {
  readonly k: number;
  /** squared distances, query i's at `i * k`; Infinity where there are fewer than k rows */
  readonly squared: Float32Array<ArrayBuffer>;
  /** row numbers, parallel to `squared`; -1 where there are fewer than k rows */
  readonly index: Int32Array<ArrayBuffer>;
}

/** The k rows nearest to each query. Both are row-major with `columns` columns. */
export function nearestRows(rows: Float32Array, queries: Float32Array, columns: number, k: number): Neighbours {
  return search(rows, queries, columns, k, false);
}

/** The k other rows nearest to each row. */
export function nearestOthers(rows: Float32Array, columns: number, k: number): Neighbours {
  return search(rows, rows, columns, k, true);
}

/** Squared distance of row i of `a` and row j of `b`, columns in order. */
export function squaredDistance(a: Float32Array, i: number, b: Float32Array, j: number, columns: number): number {
  const { fround } = Math;
  let sum = 0;
  for (let c = 0; c < columns; c++) {
    const difference = fround(a[i * columns + c] - b[j * columns + c]);
    sum = fround(sum + fround(difference * difference));
  }
  return sum;
}

function search(rows: Float32Array, queries: Float32Array, columns: number, k: number, others: boolean): Neighbours {
  const count = queries.length / columns;
  const squared = new Float32Array(count * k).fill(Infinity);
  const index = new Int32Array(count * k).fill(-1);
  for (let query = 0; query < count; query++) {
    const all: { row: number; distance: number }[] = [];
    for (let row = 0; row < rows.length / columns; row++) {
      if (others && row === query) continue;
      const distance = squaredDistance(queries, query, rows, row, columns);
      if (distance === distance) all.push({ row, distance });
    }
    all.sort((a, b) => a.distance - b.distance || a.row - b.row);
    all.slice(0, k).forEach(({ row, distance }, i) => {
      squared[query * k + i] = distance;
      index[query * k + i] = row;
    });
  }
  return { k, squared, index };
}
