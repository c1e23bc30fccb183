/**
 * Isolation forest (F. T. Liu, K. M. Ting, Z.-H. Zhou: Isolation Forest, ICDM 2008): random splits separate an unusual row from the others after few steps.
 * The score is 2^(-mean path length / average path length), in (0, 1): near .5 for ordinary rows, towards 1 for rows that stand alone.
 *
 * Beyond the paper: every feature enters as level and as change against the mean of the 20 rows before it, and the forest is grown a second time without
 * the rows that the first one found most unusual, because training data is rarely clean.
 *
 * Limits: a forest only sees ranges that occurred in training; it cannot tell far outside from just outside. It sees one row (and its change) at a time,
 * and splits one column at a time, so broken relations between ordinary values stay hidden, and with hundreds of columns one deviating column is rarely
 * drawn. A missing value is replaced by the training median of its column; columns that were constant in training do not take part.
 */
import { z } from 'zod';
import { forestWalk } from '../engine/classic-forest.ts';
import type { Detector, FitOptions, Matrix, Model, Rows } from '../flow.ts';
import { seededRandom } from '../random.ts';
import type { DetectorType } from './detector-type.ts';
import { CHANGE_ROWS, centreInputs, centredInputs, columnCentres, writeInput } from './isolation-forest-inputs.ts';
import { type Forest, averagePath, creditSplits, growForest, sumPaths } from './isolation-forest-trees.ts';
import { packModel, unpackModel } from './model-buffer.ts';

const NAME = 'isolation-forest';
const LAYOUT_VERSION = 1;
const LAYOUT = ['f64', 'f64', 'f32', 'u16', 'f32'] as const;
const MINIMUM_ROWS = 64;
/** Columns are numbered in 16 bits. */
const MAXIMUM_COLUMNS = 65_536;
/** Share of the trees that the first forest has: enough to find the worst rows, and fitting is not spent on scoring. */
const TRIM_TREES = 0.25;
/** Bytes of inputs that are scored together: half of a small first-level cache, the other half is for one tree. */
const BLOCK_BYTES = 24 * 1024;
/** Rows from which on it pays to hand the forest over to WebAssembly, which walks it in half the time; the sums are the same, bit for bit. */
const BULK_ROWS = 64;

export const isolationForestOptions = z.strictObject({
  trees: z.int().min(1).max(1000).default(100).describe('number of trees'),
  sample: z.int().min(2).max(4096).default(256).describe('rows each tree is grown from'),
  inputs: z
    .enum(['level', 'level+change'])
    .default('level+change')
    .describe('what a tree may split: values, or also their difference to the mean of the 20 rows before'),
  trim: z
    .number()
    .min(0)
    .max(0.5)
    .default(0.05)
    .describe('share of training rows, the most unusual ones, that are left out'),
  contamination: z
    .number()
    .gt(0)
    .max(0.5)
    .default(0.1)
    .describe('share of rows expected to be anomalous: kept with the model for thresholds, does not change scores'),
});
export type IsolationForestOptions = z.infer<typeof isolationForestOptions>;

export interface IsolationForestModel extends Model {
  readonly parameters: Readonly<
    Record<'trees' | 'sample' | 'inputs' | 'trim' | 'contamination' | 'seed', number | string>
  >;
  /** training median of each column */
  readonly centre: Float64Array;
  readonly forest: Forest;
}

export const isolationForestType: DetectorType<IsolationForestOptions> = {
  name: NAME,
  options: isolationForestOptions,
  create: isolationForest,
};

const walk = forestWalk();

export function isolationForest(options: Partial<IsolationForestOptions> = {}): Detector<IsolationForestModel> {
  const settings = isolationForestOptions.parse(options);
  return {
    name: NAME,
    history: settings.inputs === 'level' ? 0 : CHANGE_ROWS,
    minimumRows: MINIMUM_ROWS,
    fit: (rows, fitOptions) => fit(rows, fitOptions, settings),
    score,
    contributions,
    load(state) {
      const model = load(state);
      if (model.parameters.inputs !== settings.inputs) {
        throw new Error(
          `cannot load this ${NAME} model: it was fitted with inputs "${model.parameters.inputs}" but "${settings.inputs}" is configured; fit it again`,
        );
      }
      return model;
    },
  };
}

function fit(rows: Rows, { seed }: FitOptions, settings: IsolationForestOptions): IsolationForestModel {
  const features = rows.values.columns;
  const columns = settings.inputs === 'level' ? features : 2 * features;
  if (columns > MAXIMUM_COLUMNS) {
    throw new Error(
      `${NAME} takes up to ${MAXIMUM_COLUMNS} columns; ${features} features as ${settings.inputs} are ${columns}`,
    );
  }
  const centre = columnCentres(rows, columns);
  const inputs = centredInputs(rows, centre);
  const count = inputs.length / columns;
  if (count < MINIMUM_ROWS) {
    throw new Error(`${NAME} needs at least minimumRows = ${MINIMUM_ROWS} rows with a value to fit, got ${count}`);
  }
  const random = seededRandom(seed);
  let kept = Int32Array.from({ length: count }, (_, row) => row);
  if (settings.trim > 0) {
    const trees = Math.ceil(settings.trees * TRIM_TREES);
    const first = growForest(inputs, columns, kept, trees, settings.sample, random);
    kept = leastUnusual(first, inputs, columns, Math.ceil(count * (1 - settings.trim)));
  }
  const forest = growForest(inputs, columns, kept, settings.trees, settings.sample, random);
  const { trees, sample, trim, contamination, inputs: kind } = settings;
  return model(features, kept.length, { trees, sample, inputs: kind, trim, contamination, seed }, centre, forest);
}

/** The rows with the longest paths, in row order. */
function leastUnusual(forest: Forest, inputs: Float32Array, columns: number, keep: number): Int32Array<ArrayBuffer> {
  const rows = inputs.length / columns;
  const path = new Float64Array(rows);
  const block = blockRows(columns);
  for (let row = 0; row < rows; row += block) {
    const end = Math.min(rows, row + block);
    paths(forest, inputs.subarray(row * columns, end * columns), columns, end - row, path.subarray(row, end));
  }
  const shortest = path.slice().sort()[rows - keep];
  return Int32Array.from(path.keys()).filter((row) => path[row] >= shortest);
}

function score(model: IsolationForestModel, rows: Rows, out: Float64Array, wanted?: Uint8Array): void {
  refuseOtherWidth(model, rows);
  const { centre, forest } = model;
  const columns = centre.length;
  const block = Math.min(rows.values.rows, blockRows(columns));
  const raw = new Float64Array(block * columns);
  const inputs = new Float32Array(block * columns);
  const sums = new Float64Array(block);
  const filled = new Int32Array(block);
  const scale = -1 / (forest.trees * averagePath(forest.sample));
  const flush = (count: number) => {
    centreInputs(raw, count * columns, centre, inputs);
    paths(forest, inputs, columns, count, sums);
    for (let i = 0; i < count; i++) out[filled[i]] = 2 ** (scale * sums[i]);
  };

  let count = 0;
  for (let row = 0; row < rows.values.rows; row++) {
    if (wanted !== undefined && wanted[row] === 0) continue;
    if (!writeInput(rows, row, columns, raw, count * columns)) {
      out[row] = NaN;
      continue;
    }
    filled[count++] = row;
    if (count === block) {
      flush(count);
      count = 0;
    }
  }
  flush(count);
}

/** A feature's credit is what its level and its change did to shorten the paths; what made them longer explains nothing and counts 0. */
function contributions(model: IsolationForestModel, rows: Rows, out: Matrix): void {
  refuseOtherWidth(model, rows);
  const { features, centre, forest } = model;
  const columns = centre.length;
  const raw = new Float64Array(columns);
  const inputs = new Float32Array(columns);
  const credit = new Float64Array(columns);
  for (let row = 0; row < rows.values.rows; row++) {
    const shares = out.data.subarray(row * features, (row + 1) * features);
    shares.fill(0);
    if (!writeInput(rows, row, columns, raw, 0)) continue;
    centreInputs(raw, columns, centre, inputs);
    creditSplits(forest, inputs, 0, credit);
    let total = 0;
    for (let f = 0; f < features; f++) {
      if (raw[f] !== raw[f]) continue;
      const sum = columns > features ? credit[f] + credit[features + f] : credit[f];
      if (sum > 0) total += shares[f] = sum;
    }
    if (total > 0) for (let f = 0; f < features; f++) shares[f] /= total;
  }
}

function refuseOtherWidth(model: IsolationForestModel, rows: Rows): void {
  if (rows.values.columns !== model.features) {
    throw new Error(
      `this ${NAME} model was fitted on ${model.features} features, the rows have ${rows.values.columns}`,
    );
  }
}

function paths(forest: Forest, inputs: Float32Array, columns: number, rows: number, out: Float64Array): void {
  (rows < BULK_ROWS ? sumPaths : walk.sumPaths)(forest, inputs, columns, rows, out);
}

function blockRows(columns: number): number {
  return Math.min(256, Math.max(8, Math.floor(BLOCK_BYTES / (4 * columns)) & ~7));
}

function model(
  features: number,
  rows: number,
  parameters: IsolationForestModel['parameters'],
  centre: Float64Array<ArrayBuffer>,
  forest: Forest,
): IsolationForestModel {
  return {
    features,
    rows,
    parameters,
    centre,
    forest,
    save() {
      const { trees, depth, sample, threshold, column, path } = forest;
      const { inputs, trim, contamination, seed } = parameters;
      const wide = inputs === 'level' ? 0 : 1;
      const counts = Float64Array.of(
        features,
        rows,
        trees,
        depth,
        sample,
        wide,
        +trim,
        +contamination,
        +seed,
        +parameters.sample,
      );
      return packModel(NAME, LAYOUT_VERSION, [counts, centre, threshold, column, path]);
    },
  };
}

/** Nothing in a loaded file may lead a walk outside its arrays: sizes follow from the counts, columns exist, and path lengths are finite. */
function load(state: ArrayBuffer): IsolationForestModel {
  const [counts, centre, threshold, column, path] = unpackModel(NAME, LAYOUT_VERSION, LAYOUT, state);
  const refuse = (problem: string): never => {
    throw new Error(`cannot load this ${NAME} model: ${problem}; fit it again`);
  };
  if (counts.length !== 10) refuse(`it has ${counts.length} counts instead of 10`);
  const [features, rows, trees, depth, sample, wide, trim, contamination, seed, sampleOption] = counts;
  const whole = (name: string, value: number, low: number, high: number) => {
    if (!Number.isInteger(value) || value < low || value > high)
      refuse(`${name} = ${value} is not in ${low} .. ${high}`);
  };
  whole('change columns', wide, 0, 1);
  whole('features', features, 1, MAXIMUM_COLUMNS >> wide);
  whole('rows', rows, 0, 2 ** 32);
  whole('trees', trees, 1, 1000);
  whole('depth', depth, 1, 12);
  whole('rows a tree', sample, 2, 2 ** depth);
  const columns = features << wide;
  const size = (name: string, array: ArrayLike<number>, length: number) => {
    if (array.length !== length) refuse(`${array.length} ${name} instead of ${length}`);
  };
  size('medians', centre, columns);
  size('thresholds', threshold, trees << depth);
  size('split columns', column, trees << depth);
  size('path lengths', path, trees << (depth + 1));
  if (!centre.every(Number.isFinite)) refuse('a median is not a finite number');
  if (!column.every((c) => c < columns)) refuse(`a tree splits a column that does not exist (there are ${columns})`);
  if (!threshold.every((t) => t === t)) refuse('a threshold is not a number');
  if (!path.every((p) => p >= 0 && p <= sample)) refuse(`a path length is not in 0 .. ${sample}`);
  const inputs = wide === 0 ? 'level' : 'level+change';
  const parameters = { trees, sample: sampleOption, inputs, trim, contamination, seed };
  return model(features, rows, parameters, centre, { trees, depth, sample, threshold, column, path });
}
