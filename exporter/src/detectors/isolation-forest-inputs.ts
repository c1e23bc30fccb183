import type { Rows } from '../flow.ts';

/** Rows before a row that its change is measured against. */
export const CHANGE_ROWS = 20;

/** Rows that medians are taken from: more would cost memory and change nothing that a forest sees. */
const CENTRE_ROWS = 4096;

/** Largest finite float32: values beyond it would become infinite, and a split between infinities has no place to be. */
const FLOAT32_MAX = (2 - 2 ** -23) * 2 ** 127;

/**
 * One row as the forest sees it, at `out[at ...]`: its levels and, when there are twice as many columns as features, each level minus the mean of the up
 * to 20 rows before it in the same segment (0 without any). Missing values are NaN, infinite ones count as missing; false when nothing is left.
 * The mean is summed afresh, oldest row first, so that the columns do not depend, not even in their last bit, on how many rows were handed over before.
 */
export function writeInput(rows: Rows, row: number, columns: number, out: Float64Array, at: number): boolean {
  const features = rows.values.columns;
  const values = rows.values.data;
  const segment = rows.segment;
  const begin = row * features;
  let present = false;
  for (let f = 0; f < features; f++) {
    const value = values[begin + f];
    const finite = value - value === 0;
    out[at + f] = finite ? value : NaN;
    if (finite) present = true;
  }
  if (columns === features) return present;

  let first = row;
  while (first > 0 && row - first < CHANGE_ROWS && segment[first - 1] === segment[row]) first--;
  const oldest = first * features;
  for (let f = 0; f < features; f++) {
    let sum = 0;
    let count = 0;
    for (let i = oldest + f; i < begin; i += features) {
      const before = values[i];
      if (before - before === 0) {
        sum += before;
        count++;
      }
    }
    const value = out[at + f];
    out[at + features + f] = count > 0 ? value - sum / count : value - value;
  }
  return present;
}

/** Columns minus their centre, in float32: the centre goes first because 24 bits are enough for a deviation but not for every level. Missing becomes 0. */
export function centreInputs(inputs: Float64Array, length: number, centre: Float64Array, out: Float32Array): void {
  const columns = centre.length;
  for (let at = 0; at < length; at += columns) {
    for (let c = 0; c < columns; c++) {
      const value = inputs[at + c] - centre[c];
      if (value <= FLOAT32_MAX && value >= -FLOAT32_MAX) out[at + c] = value;
      else out[at + c] = value > 0 ? FLOAT32_MAX : value < 0 ? -FLOAT32_MAX : 0;
    }
  }
}

/** All rows with a value, centred. */
export function centredInputs(rows: Rows, centre: Float64Array): Float32Array<ArrayBuffer> {
  const columns = centre.length;
  const inputs = new Float32Array(rows.values.rows * columns);
  const raw = new Float64Array(columns);
  let count = 0;
  for (let row = 0; row < rows.values.rows; row++) {
    if (!writeInput(rows, row, columns, raw, 0)) continue;
    centreInputs(raw, columns, centre, inputs.subarray(count * columns, (count + 1) * columns));
    count++;
  }
  return inputs.subarray(0, count * columns);
}

/**
 * Median of each column over its values in up to 4,096 evenly spread rows; the lower one of an even number, so that it is a value that occurred.
 * A column without values in those rows has any one of its values, or 0.
 */
export function columnCentres(rows: Rows, columns: number): Float64Array<ArrayBuffer> {
  const count = Math.min(rows.values.rows, CENTRE_ROWS);
  const raw = new Float64Array(count * columns);
  for (let i = 0; i < count; i++)
    writeInput(rows, Math.floor((i * rows.values.rows) / count), columns, raw, i * columns);
  const centres = new Float64Array(columns);
  const scratch = new Float64Array(count);
  for (let c = 0; c < columns; c++) {
    let n = 0;
    for (let i = c; i < raw.length; i += columns) if (raw[i] === raw[i]) scratch[n++] = raw[i];
    if (n > 0) centres[c] = selectSmallest(scratch, n, (n - 1) >> 1);
    else if (c < rows.values.columns) centres[c] = anyValue(rows, c);
  }
  return centres;
}

function anyValue({ values: { rows, columns, data } }: Rows, column: number): number {
  for (let i = column; i < rows * columns; i += columns) if (data[i] - data[i] === 0) return data[i];
  return 0;
}

/** The k-th smallest of the first n numbers; reorders them (C. A. R. Hoare: Algorithm 65, Find, CACM 4(7), 1961). */
function selectSmallest(a: Float64Array, n: number, k: number): number {
  let low = 0;
  let high = n - 1;
  while (low < high) {
    const x = a[low];
    const y = a[(low + high) >> 1];
    const z = a[high];
    const pivot = Math.max(Math.min(x, y), Math.min(Math.max(x, y), z));
    let i = low;
    let j = high;
    while (i <= j) {
      while (a[i] < pivot) i++;
      while (a[j] > pivot) j--;
      if (i <= j) {
        const swap = a[i];
        a[i++] = a[j];
        a[j--] = swap;
      }
    }
    if (k <= j) high = j;
    else if (k >= i) low = i;
    else break;
  }
  return a[k];
}
