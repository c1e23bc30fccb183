import type { Rows } from '../flow.ts';
import type { LstmScorer } from '../engine/lstm.ts';

/** A column whose deviation in training was at most this, or this share of its level, was constant. */
const CONSTANT = 1e-12;
const CONSTANT_SHARE = 1e-9;
/** Deviations beyond this tell nothing more, and float32 can square them. */
const LARGEST = 1e6;

/** What makes a value comparable: (value - mean) / deviation. The deviation is 1 for a column that was constant, 0 for one without any value. */
export interface LstmScale {
  readonly mean: Float64Array<ArrayBuffer>;
  readonly deviation: Float64Array<ArrayBuffer>;
}

export function fitLstmScale({ values: { rows, columns, data } }: Rows): LstmScale {
  const mean = new Float64Array(columns);
  const deviation = new Float64Array(columns);
  for (let c = 0; c < columns; c++) {
    let count = 0;
    for (let i = c; i < rows * columns; i += columns) {
      if (data[i] - data[i] === 0) mean[c] += (data[i] - mean[c]) / ++count;
    }
    let squares = 0;
    for (let i = c; i < rows * columns; i += columns) if (data[i] - data[i] === 0) squares += (data[i] - mean[c]) ** 2;
    const found = Math.sqrt(squares / Math.max(1, count));
    const constant = found <= CONSTANT || found <= CONSTANT_SHARE * Math.abs(mean[c]);
    deviation[c] = count === 0 ? 0 : constant || !Number.isFinite(found) ? 1 : found;
  }
  return { mean, deviation };
}

/** Standardised rows. A missing value is 0 in `inputs` and 0 in `present`; so is all of a column that had no value in training. */
export interface LstmInputs {
  readonly rows: Rows;
  readonly inputs: Float32Array;
  readonly present: Uint8Array;
}

export function lstmInputs(rows: Rows, { mean, deviation }: LstmScale): LstmInputs {
  const { rows: count, columns, data } = rows.values;
  const inputs = new Float32Array(count * columns);
  const present = new Uint8Array(count * columns);
  for (let at = 0; at < inputs.length;) {
    for (let c = 0; c < columns; c++, at++) {
      const value = (data[at] - mean[c]) / deviation[c];
      if (deviation[c] === 0 || !(data[at] - data[at] === 0)) continue;
      present[at] = 1;
      inputs[at] = Math.max(-LARGEST, Math.min(LARGEST, value));
    }
  }
  return { rows, inputs, present };
}

/** Rows that have `window - 1` rows of their own segment before them. */
export function windowEnds({ segment, values }: Rows, window: number): Int32Array<ArrayBuffer> {
  const ends: number[] = [];
  for (let row = 0, begin = 0; row < values.rows; row++) {
    if (row > 0 && segment[row] !== segment[row - 1]) begin = row;
    if (row - begin >= window - 1) ends.push(row);
  }
  return Int32Array.from(ends);
}

/** The row that stands at each step of the window that ends with `row`: where the segment begins later than the window, its first row is repeated. */
export function windowRows({ segment }: Rows, row: number, out: Int32Array): void {
  let from = row;
  for (let t = out.length - 1; t >= 0; t--) {
    out[t] = from;
    if (from > 0 && segment[from - 1] === segment[row]) from--;
  }
}

/** Writes windows one behind the other, [window][step][column]. */
export function gatherWindows({ rows, inputs }: LstmInputs, ends: Int32Array, window: number, out: Float32Array): void {
  const { columns } = rows.values;
  const steps = new Int32Array(window);
  let at = 0;
  for (const end of ends) {
    windowRows(rows, end, steps);
    // consecutive rows, the usual case, are one copy
    if (steps[window - 1] - steps[0] === window - 1) {
      out.set(inputs.subarray(steps[0] * columns, (end + 1) * columns), at);
      at += window * columns;
      continue;
    }
    for (const row of steps) {
      out.set(inputs.subarray(row * columns, (row + 1) * columns), at);
      at += columns;
    }
  }
}

/** Squared errors of each column of a window: of its last step, and their mean over the steps that have the value. NaN where there is no value. */
export interface WindowErrors {
  readonly last: Float64Array;
  readonly mean: Float64Array;
}

/**
 * Reconstructs the windows that end at `ends` and hands over each one's errors and the last row of its reconstruction, standardised; both are overwritten
 * for the next.
 */
export function eachReconstruction(
  scorer: LstmScorer,
  all: LstmInputs,
  ends: Int32Array,
  window: number,
  visit: (row: number, errors: WindowErrors, reconstruction: Float32Array) => void,
): void {
  const { rows, present } = all;
  const { columns } = rows.values;
  const size = window * columns;
  const steps = new Int32Array(window);
  const errors = { last: new Float64Array(columns), mean: new Float64Array(columns) };
  const counts = new Int32Array(columns);
  for (let from = 0; from < ends.length; from += scorer.capacity) {
    const some = ends.subarray(from, from + scorer.capacity);
    gatherWindows(all, some, window, scorer.windows);
    scorer.reconstruct(some.length);
    some.forEach((row, w) => {
      windowRows(rows, row, steps);
      errors.mean.fill(0);
      counts.fill(0);
      for (let t = 0; t < window; t++) {
        const at = w * size + t * columns;
        for (let c = 0; c < columns; c++) {
          if (present[steps[t] * columns + c] === 0) continue;
          errors.mean[c] += (scorer.reconstructions[at + c] - scorer.windows[at + c]) ** 2;
          counts[c]++;
        }
      }
      const last = w * size + (window - 1) * columns;
      for (let c = 0; c < columns; c++) {
        errors.mean[c] /= counts[c];
        const there = present[row * columns + c] === 1;
        errors.last[c] = there ? (scorer.reconstructions[last + c] - scorer.windows[last + c]) ** 2 : NaN;
      }
      visit(row, errors, scorer.reconstructions.subarray(last, last + columns));
    });
  }
}
