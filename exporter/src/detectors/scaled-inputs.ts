/**
 * What detectors of distances and neural networks see: every feature as level and, on request, as change against its recent mean, each standardised by
 * its mean and standard deviation on training rows.
 *
 * The recent mean is an exponentially weighted one (span 20, alpha = 2 / 21) over the up to 100 rows before a row in the same segment, its weights
 * normalised over the values that are there. Older rows would weigh (19 / 21)^100 = 4.5e-5 in all, too little to see; cutting them off means that a
 * row's inputs do not depend on how many more rows were handed over before it (a spike leaves the mean completely). A running sum to which each row is
 * added, and from which the row 100 before it is taken off again, makes this one pass over a segment whatever the window.
 *
 * Missing and infinite values become 0, the training mean. So does a change without any value before it.
 */
import type { Rows } from '../flow.ts';
import type { Random } from '../random.ts';

export type InputKind = 'level' | 'level+change';

const SPAN = 20;
/** Rows before a row that its change is measured against. */
export const CHANGE_HISTORY = 100;
const DECAY = 1 - 2 / (SPAN + 1);
const LAST_WEIGHT = DECAY ** CHANGE_HISTORY;

/**
 * No standardised input is further from 0 than this. It keeps squares far inside float32, and what the running sums lose to rounding below 1e-8 training
 * deviations; a million deviations and more need not be told apart.
 */
const FURTHEST = 1e6;

/** A column whose deviation is below this share of its largest value is constant but for rounding. */
const ROUNDING = 1e-14;
/** The same for changes, which are counted in deviations of their level. */
const CONSTANT_CHANGE = 1e-9;

/**
 * How inputs are standardised. Columns are the features' levels, then, for `level+change`, their changes in the same order. A change is measured in
 * deviations of its level, before it is standardised itself. The deviation of a column that was constant in training is 1.
 */
export interface InputScale {
  readonly features: number;
  readonly inputs: InputKind;
  /** one number a column */
  readonly mean: Float64Array<ArrayBuffer>;
  /** one number a column, > 0 */
  readonly deviation: Float64Array<ArrayBuffer>;
}

export function inputColumns(features: number, inputs: InputKind): number {
  return inputs === 'level' ? features : 2 * features;
}

/** Rows of context that the inputs of one row need. */
export function inputHistory(inputs: InputKind): number {
  return inputs === 'level' ? 0 : CHANGE_HISTORY;
}

/** Rows that the scale is fitted on; a column without any value has mean 0 and deviation 1. */
export function fitInputScale(rows: Rows, inputs: InputKind): InputScale {
  const features = rows.values.columns;
  const columns = inputColumns(features, inputs);
  const mean = new Float64Array(columns);
  const deviation = new Float64Array(columns).fill(1);
  for (let f = 0; f < features; f++) fitLevel(rows, f, mean, deviation);
  if (columns > features) fitChanges(rows, mean, deviation);
  return { features, inputs, mean, deviation };
}

/** Standardised inputs of some rows; valid until the next block is asked for. */
export interface InputBlock {
  readonly count: number;
  /** which row of the rows each input belongs to; the first `count` are valid */
  readonly row: Int32Array<ArrayBuffer>;
  /** row-major, input i at `i * columns`; the first `count` rows are valid */
  readonly inputs: Float32Array<ArrayBuffer>;
}

/**
 * The wanted rows (all without `wanted`) in blocks of up to `size`, in order. Rows without any value are left out: they have no score. The rows that are
 * not wanted are read as context only.
 */
export function* inputBlocks(
  scale: InputScale,
  rows: Rows,
  size: number,
  wanted?: Uint8Array,
): Generator<InputBlock, void, undefined> {
  if (rows.values.columns !== scale.features) {
    throw new Error(`this model was fitted on ${scale.features} features, the rows have ${rows.values.columns}`);
  }
  const capacity = Math.min(size, rows.values.rows);
  const row = new Int32Array(capacity);
  const inputs = new Float32Array(capacity * scale.mean.length);
  const write = inputWriter(scale, rows);
  let filled = 0;
  for (let r = 0; r < rows.values.rows; r++) {
    if (!write(r, wanted === undefined || wanted[r] !== 0, inputs, filled)) continue;
    row[filled++] = r;
    if (filled < capacity) continue;
    yield { count: filled, row, inputs };
    filled = 0;
  }
  if (filled > 0) yield { count: filled, row, inputs };
}

/** Inputs of up to `limit` rows that have a value, drawn without replacement, in the order of the rows: row-major. */
export function sampleInputs(scale: InputScale, rows: Rows, limit: number, random: Random): Float32Array<ArrayBuffer> {
  const { rows: count, columns, data } = rows.values;
  const pool = new Int32Array(count);
  let size = 0;
  for (let row = 0; row < count; row++) {
    let at = row * columns;
    const end = at + columns;
    while (at < end && data[at] - data[at] !== 0) at++;
    if (at < end) pool[size++] = row;
  }
  const drawn = Math.min(limit, size);
  const wanted = new Uint8Array(count);
  for (let i = 0; i < drawn; i++) {
    const other = drawn < size ? i + random.below(size - i) : i;
    wanted[pool[other]] = 1;
    pool[other] = pool[i];
  }
  const out = new Float32Array(drawn * scale.mean.length);
  for (const block of inputBlocks(scale, rows, drawn, wanted)) out.set(block.inputs);
  return out;
}

/** Checks the numbers of a scale that was read from a file; `refuse` throws with the problem. */
export function checkedInputScale(scale: InputScale, refuse: (problem: string) => never): InputScale {
  const { features, inputs, mean, deviation } = scale;
  if (!Number.isInteger(features) || features < 1) refuse(`features = ${features} is not a whole number above 0`);
  const columns = inputColumns(features, inputs);
  if (mean.length !== columns) refuse(`it has ${mean.length} means instead of ${columns}`);
  if (deviation.length !== columns) refuse(`it has ${deviation.length} deviations instead of ${columns}`);
  if (!mean.every(Number.isFinite)) refuse('a mean is not a finite number');
  if (!deviation.every((value) => value > 0 && value < Infinity)) refuse('a deviation is not a finite number above 0');
  return scale;
}

function fitLevel(
  { values: { rows, columns, data } }: Rows,
  column: number,
  mean: Float64Array,
  deviation: Float64Array,
): void {
  const end = rows * columns;
  let low = Infinity;
  let high = -Infinity;
  for (let i = column; i < end; i += columns) {
    const value = data[i];
    if (value - value !== 0) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low > high) return;
  const largest = Math.max(-low, high);
  // squares and sums of the largest numbers would be infinite
  const unit = largest > 1e150 ? largest : 1;
  let count = 0;
  let sum = 0;
  for (let i = column; i < end; i += columns) {
    if (data[i] - data[i] !== 0) continue;
    sum += data[i] / unit;
    count++;
  }
  const centre = sum / count;
  let squares = 0;
  for (let i = column; i < end; i += columns) {
    if (data[i] - data[i] !== 0) continue;
    const difference = data[i] / unit - centre;
    squares += difference * difference;
  }
  const spread = unit * Math.sqrt(squares / count);
  const constant = low === high || spread <= ROUNDING * largest;
  mean[column] = constant ? low : unit * centre;
  deviation[column] = constant ? 1 : spread;
}

function fitChanges(rows: Rows, mean: Float64Array, deviation: Float64Array): void {
  const { rows: count, columns: features } = rows.values;
  const context = changeContext(rows);
  const raw = new Float64Array(2 * features);
  const seen = new Float64Array(features);
  const centre = new Float64Array(features);
  const squares = new Float64Array(features);
  for (let r = 0; r < count; r++) {
    writeLevels(rows, r, mean, deviation, raw);
    context.next(r, raw);
    for (let f = 0; f < features; f++) {
      const change = raw[features + f];
      if (change !== change) continue;
      const difference = change - centre[f];
      centre[f] += difference / ++seen[f];
      squares[f] += difference * (change - centre[f]);
    }
  }
  for (let f = 0; f < features; f++) {
    const spread = Math.sqrt(squares[f] / seen[f]);
    const varies = spread > CONSTANT_CHANGE; // false too where no change was seen
    mean[features + f] = varies ? centre[f] : 0;
    deviation[features + f] = varies ? spread : 1;
  }
}

/** A function that is called with every row in order, and writes those that are wanted and have a value as input `at`: then it returns true. */
function inputWriter({ features, mean, deviation }: InputScale, rows: Rows) {
  const columns = mean.length;
  const raw = new Float64Array(columns);
  const context = columns > features ? changeContext(rows) : undefined;
  return (row: number, wanted: boolean, out: Float32Array, at: number): boolean => {
    if (!wanted && context === undefined) return false;
    const present = writeLevels(rows, row, mean, deviation, raw);
    context?.next(row, raw);
    if (!wanted || !present) return false;
    const begin = at * columns;
    for (let c = 0; c < features; c++) out[begin + c] = raw[c] === raw[c] ? raw[c] : 0;
    for (let c = features; c < columns; c++) {
      const change = raw[c];
      out[begin + c] = change === change ? clamp((change - mean[c]) / deviation[c]) : 0;
    }
    return true;
  };
}

/** Standardised levels, NaN where missing; false when there is none. */
function writeLevels(
  { values: { columns, data } }: Rows,
  row: number,
  mean: Float64Array,
  deviation: Float64Array,
  out: Float64Array,
): boolean {
  const at = row * columns;
  let present = false;
  for (let f = 0; f < columns; f++) {
    const value = data[at + f];
    if (value - value === 0) {
      out[f] = clamp((value - mean[f]) / deviation[f]);
      present = true;
    } else {
      out[f] = NaN;
    }
  }
  return present;
}

/**
 * The recent means. `next` is called with every row in order: the row's standardised levels come in, and their changes are put behind them, NaN where there
 * is no value or none before it.
 */
function changeContext({ values: { columns }, segment }: Rows) {
  const sum = new Float64Array(columns);
  const weight = new Float64Array(columns);
  const values = new Int32Array(columns);
  /** the last hundred rows, in a ring */
  const recent = new Float64Array(CHANGE_HISTORY * columns).fill(NaN);
  let slot = 0;
  return {
    next(row: number, levels: Float64Array): void {
      if (row > 0 && segment[row] !== segment[row - 1]) {
        sum.fill(0);
        weight.fill(0);
        values.fill(0);
        recent.fill(NaN);
      }
      for (let f = 0; f < columns; f++) {
        const level = levels[f];
        levels[columns + f] = values[f] === 0 ? NaN : level - sum[f] / weight[f];
        sum[f] *= DECAY;
        weight[f] *= DECAY;
        if (level === level) {
          sum[f] += level;
          weight[f] += 1;
          values[f]++;
        }
        const oldest = recent[slot + f];
        recent[slot + f] = level;
        if (oldest !== oldest) continue;
        values[f]--;
        // nothing left is exactly nothing, not what rounding leaves
        sum[f] = values[f] === 0 ? 0 : sum[f] - LAST_WEIGHT * oldest;
        weight[f] = values[f] === 0 ? 0 : weight[f] - LAST_WEIGHT;
      }
      slot = (slot + columns) % recent.length;
    },
  };
}

function clamp(value: number): number {
  return value > FURTHEST ? FURTHEST : value < -FURTHEST ? -FURTHEST : value;
}
