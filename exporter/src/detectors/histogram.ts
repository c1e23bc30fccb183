/**
 * Histograms of single columns (M. Goldstein, A. Dengel: Histogram-based Outlier Score (HBOS), KI 2012): how surprising each value is by itself, -ln p, added up over
 * the columns. It knows which values occur and how often, and nothing of relations; beside detectors that know relations it is the one that never overlooks
 * a value that was never seen.
 *
 * Beyond the paper: a surprise counts only as far as it exceeds the column's usual surprise (its mean in training), so that ordinary rows are near 0 and the
 * excess of a column is its contribution. Outside the fitted range the surprise goes on from the outermost bin and grows by 1 for each bin's width, so
 * that just outside is not far outside. A column of few different values (codes, counts, 0 and 1) has a bin for each; any other value is as surprising as
 * one that half a row had, and more the further it is outside their range, by 1 for each width of the range. No bin is narrower than the feature's minimum
 * deviation.
 *
 * Missing values count for nothing. Rows are judged one by one: no order, no history.
 */
import { z } from 'zod';
import type { Detector, FeatureSpec, Matrix, Model, Rows } from '../flow.ts';
import type { DetectorType } from './detector-type.ts';
import { packModel, unpackModel } from './model-buffer.ts';

const NAME = 'histogram';
const LAYOUT_VERSION = 1;
const LAYOUT = ['f64', 'f64', 'f64', 'f64'] as const;
const MINIMUM_ROWS = 32;
/** Up to so many different values have a bin each, if rows are at least ROWS_PER_VALUE times as many. */
const FEW_VALUES = 50;
const ROWS_PER_VALUE = 5;
/** No distance adds more than this: one column far out may decide, but must not drown all others when scores are combined. */
const FURTHEST = 30;
/** Values that differ by this share are the same one. */
const ROUNDING = 1e-9;
const MOST_COLUMNS = 1_000_000;

export const histogramOptions = z.strictObject({
  bins: z
    .int()
    .min(2)
    .max(1000)
    .optional()
    .describe('bins of a column with many different values; default the square root of the rows, 10 to 50'),
});
export type HistogramOptions = z.infer<typeof histogramOptions>;

/** Column c has its bins at `start[c] .. start[c + 1]` of `value` and `surprise`. */
export interface HistogramModel extends Model {
  readonly start: Int32Array;
  /** of few different values, each, rising; of bins, the middle of each */
  readonly value: Float64Array;
  /** -ln p of each bin */
  readonly surprise: Float64Array;
  /** by column: half a bin's width, 0 = a bin for each value */
  readonly half: Float64Array;
  /** by column: mean surprise in training, which is no news */
  readonly usual: Float64Array;
  /** by column: surprise of a value that is no bin's */
  readonly unseen: Float64Array;
}

export const histogramType: DetectorType<HistogramOptions> = {
  name: NAME,
  options: histogramOptions,
  create: histogram,
};

export function histogram(options: Partial<HistogramOptions> = {}): Detector<HistogramModel> {
  const settings = histogramOptions.parse(options);
  return {
    name: NAME,
    history: 0,
    minimumRows: MINIMUM_ROWS,
    fit: (rows, { features }) => fit(rows.values, features, settings),
    score,
    contributions,
    load,
  };
}

interface Column {
  readonly value: readonly number[];
  readonly surprise: readonly number[];
  readonly half: number;
  readonly usual: number;
  readonly unseen: number;
}

function fit(
  { rows, columns, data }: Matrix,
  features: readonly FeatureSpec[],
  settings: HistogramOptions,
): HistogramModel {
  const used = rowsWithValues(rows, columns, data);
  if (used < MINIMUM_ROWS) {
    throw new Error(`${NAME} needs at least minimumRows = ${MINIMUM_ROWS} rows with a value to fit, got ${used}`);
  }
  const fitted = Array.from({ length: columns }, (_, c) => {
    const values = Float64Array.from({ length: rows }, (_, row) => data[row * columns + c]).filter(Number.isFinite);
    const bins = settings.bins ?? Math.min(50, Math.max(10, Math.ceil(Math.sqrt(rows))));
    return fitColumn(values.sort(), bins, features[c]?.minimumDeviation ?? 0);
  });
  const start = new Int32Array(columns + 1);
  fitted.forEach(({ value }, c) => (start[c + 1] = start[c] + value.length));
  return model(columns, used, {
    start,
    value: Float64Array.from(fitted.flatMap(({ value }) => value)),
    surprise: Float64Array.from(fitted.flatMap(({ surprise }) => surprise)),
    half: Float64Array.from(fitted, ({ half }) => half),
    usual: Float64Array.from(fitted, ({ usual }) => usual),
    unseen: Float64Array.from(fitted, ({ unseen }) => unseen),
  });
}

function rowsWithValues(rows: number, columns: number, data: Float64Array): number {
  let count = 0;
  for (let row = 0; row < rows; row++) {
    if (data.subarray(row * columns, (row + 1) * columns).some(Number.isFinite)) count++;
  }
  return count;
}

/** No bin is narrower than `least`. */
function fitColumn(sorted: Float64Array, most: number, least: number): Column {
  const n = sorted.length;
  if (n === 0) return { value: [], surprise: [], half: 0, usual: 0, unseen: 0 };
  const counts = new Map<number, number>();
  for (const value of sorted) {
    counts.set(value, (counts.get(value) ?? 0) + 1);
    if (counts.size > FEW_VALUES) break;
  }
  const few = least === 0 && counts.size <= FEW_VALUES && n >= ROWS_PER_VALUE * counts.size;
  const low = sorted[0];
  const range = sorted[n - 1] - low;
  const bins = least > 0 ? Math.max(1, Math.min(most, Math.floor(range / least))) : most;
  const width = Math.max(range / bins, least);
  // a range too narrow or too wide for its numbers cannot be divided
  const divisible = Number.isFinite(width) && low + width > low && sorted[n - 1] + width > sorted[n - 1];
  if (few || !divisible) {
    const value = few ? [...counts.keys()] : [...new Set(sorted)];
    const count = few ? [...counts.values()] : countsOf(sorted, value);
    return { value, half: 0, ...surprises(count, n, 1) };
  }
  const count = new Array<number>(bins).fill(0);
  for (const value of sorted) count[Math.min(bins - 1, Math.floor((value - low) / width))]++;
  return { value: count.map((_, i) => low + (i + 0.5) * width), half: width / 2, ...surprises(count, n, 0) };
}

function countsOf(sorted: Float64Array, values: readonly number[]): number[] {
  const counts = new Map(values.map((value) => [value, 0]));
  for (const value of sorted) counts.set(value, counts.get(value)! + 1);
  return [...counts.values()];
}

/** Half a row is added to every bin, and `others` bins for values that have none. */
function surprises(count: readonly number[], rows: number, others: number) {
  const total = Math.log(rows + (count.length + others) / 2);
  const surprise = count.map((c) => total - Math.log(c + 0.5));
  const usual = surprise.reduce((sum, s, i) => sum + s * count[i], 0) / rows;
  return { surprise, usual, unseen: total - Math.log(0.5) };
}

function score(model: HistogramModel, { values }: Rows, out: Float64Array, wanted?: Uint8Array): void {
  refuseOtherWidth(model, values.columns);
  for (let row = 0, at = 0; row < values.rows; row++, at += values.columns) {
    if (wanted !== undefined && wanted[row] === 0) continue;
    let sum = NaN;
    for (let c = 0; c < values.columns; c++) {
      const value = values.data[at + c];
      if (value - value !== 0) continue;
      sum = (sum === sum ? sum : 0) + excess(model, c, value);
    }
    out[row] = sum;
  }
}

function contributions(model: HistogramModel, { values }: Rows, out: Matrix): void {
  refuseOtherWidth(model, values.columns);
  for (let row = 0; row < values.rows; row++) {
    const shares = out.data.subarray(row * values.columns, (row + 1) * values.columns);
    let sum = 0;
    for (let c = 0; c < values.columns; c++) {
      const value = values.data[row * values.columns + c];
      shares[c] = value - value === 0 ? excess(model, c, value) : 0;
      sum += shares[c];
    }
    if (sum > 0) for (let c = 0; c < values.columns; c++) shares[c] /= sum;
  }
}

/** How much more surprising the value is than the column's values usually are; a column that was empty in training says nothing. */
function excess({ start, value, surprise, half, usual, unseen }: HistogramModel, column: number, x: number): number {
  const first = start[column];
  const last = start[column + 1] - 1;
  if (last < first) return 0;
  const low = value[first] - half[column];
  const high = value[last] + half[column];
  const outside = x < low ? low - x : x > high ? x - high : 0;
  const unit = half[column] > 0 ? (high - low) / (last - first + 1) : high - low;
  const far = outside > 0 && unit > 0 ? Math.min(FURTHEST, outside / unit) : 0;
  let nats: number;
  if (half[column] > 0) {
    const bin = first + Math.floor((x - low) / unit);
    nats = surprise[Math.max(first, Math.min(last, bin))];
  } else {
    const at = indexOf(value, first, last, x);
    nats = at < 0 ? unseen[column] : surprise[at];
  }
  return Math.max(0, nats - usual[column]) + far;
}

/** Place of x, but for rounding, in the rising values first .. last; -1 = not there. */
function indexOf(value: Float64Array, first: number, last: number, x: number): number {
  let low = first;
  let high = last;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (value[middle] < x) low = middle + 1;
    else high = middle;
  }
  // the first one that is not below x, or the one before it
  if (Math.abs(value[low] - x) <= ROUNDING * Math.abs(x)) return low;
  return low > first && Math.abs(value[low - 1] - x) <= ROUNDING * Math.abs(x) ? low - 1 : -1;
}

function refuseOtherWidth({ features }: HistogramModel, columns: number): void {
  if (columns !== features) {
    throw new Error(`this ${NAME} model was fitted on ${features} features, the rows have ${columns}`);
  }
}

type Parts = Pick<HistogramModel, 'start' | 'value' | 'surprise' | 'half' | 'usual' | 'unseen'>;

function model(features: number, rows: number, parts: Parts): HistogramModel {
  const { start, value, surprise, half, usual, unseen } = parts;
  return {
    features,
    rows,
    ...parts,
    save() {
      const byColumn = Float64Array.from([...start, ...half, ...usual, ...unseen]);
      return packModel(NAME, LAYOUT_VERSION, [
        Float64Array.of(features, rows),
        byColumn,
        Float64Array.from(value),
        Float64Array.from(surprise),
      ]);
    },
  };
}

/** Bins lie inside the arrays, values rise, and every number is finite. */
function load(state: ArrayBuffer): HistogramModel {
  const [counts, byColumn, value, surprise] = unpackModel(NAME, LAYOUT_VERSION, LAYOUT, state);
  const refuse = (problem: string): never => {
    throw new Error(`cannot load this ${NAME} model: ${problem}; fit it again`);
  };
  const [features, rows] = counts;
  if (counts.length !== 2) refuse(`it has ${counts.length} counts instead of 2`);
  if (!Number.isInteger(features) || features < 1 || features > MOST_COLUMNS) refuse(`it has ${features} features`);
  if (!Number.isInteger(rows) || rows < 0 || rows > 2 ** 32) refuse(`it was fitted on ${rows} rows`);
  if (byColumn.length !== 4 * features + 1) refuse(`it has ${byColumn.length} numbers for ${features} features`);
  const starts = byColumn.subarray(0, features + 1);
  if (starts[0] !== 0 || starts[features] !== value.length || surprise.length !== value.length) {
    refuse(`its bins do not fit: ${value.length} values, ${surprise.length} surprises`);
  }
  for (let c = 0; c < features; c++) {
    if (!Number.isInteger(starts[c + 1]) || starts[c + 1] < starts[c] || starts[c + 1] > value.length)
      refuse(`the bins of column ${c} lie outside the file`);
    for (let i = starts[c] + 1; i < starts[c + 1]; i++)
      if (!(value[i] > value[i - 1])) refuse(`the bins of column ${c} do not rise`);
  }
  for (const numbers of [byColumn, value, surprise]) {
    if (!numbers.every(Number.isFinite)) refuse('a number in it is not finite');
  }
  const half = byColumn.slice(features + 1, 2 * features + 1);
  if (!half.every((h) => h >= 0)) refuse('a bin has a negative width');
  return model(features, rows, {
    start: Int32Array.from(starts),
    value,
    surprise,
    half,
    usual: byColumn.slice(2 * features + 1, 3 * features + 1),
    unseen: byColumn.slice(3 * features + 1),
  });
}
