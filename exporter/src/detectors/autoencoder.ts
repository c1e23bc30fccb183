/**
 * Dense autoencoder (G. E. Hinton, R. R. Salakhutdinov: Reducing the Dimensionality of Data with Neural Networks, Science 313, 2006; as a detector: S. Hawkins,
 * H. He, G. Williams, R. Baxter: Outlier Detection Using Replicator Neural Networks, DaWaK 2002): a network with a narrow middle learns to copy normal rows,
 * and copies others badly.
 *
 * The score is the mean over the columns of the squared reconstruction error, by default each divided by its own mean in training, because some columns
 * are copied far better than others: 1 is an average training row.
 *
 * Limits: one row (and its change) at a time. Errors smear: one feature far off moves the copies of the others too, so contributions are blurred. Rows are
 * taken as they are, without weights: what happens often in training is copied well, also when it is a fault.
 * A missing value enters as its mean and counts as an average error. A column that was constant in training has no scale: its first movement counts, up to a
 * limit. A column that had no value in training never counts.
 */
import { z } from 'zod';
import { type DenseNetwork, denseNetwork, runDense } from '../engine/dense.ts';
import type { DenseLayer } from '../engine/reference/dense.ts';
import type { Detector, FitOptions, Matrix, Rows } from '../flow.ts';
import { type Random, seededRandom } from '../random.ts';
import {
  type AutoencoderModel,
  MAXIMUM_COLUMNS,
  MAXIMUM_LAYERS,
  MAXIMUM_WIDTH,
  NAME,
  autoencoderModel,
  loadAutoencoder,
  networkSizes,
} from './autoencoder-model.ts';
import { trainAutoencoder } from './autoencoder-training.ts';
import type { DetectorType } from './detector-type.ts';
import { type InputScale, fitInputScale, inputBlocks, inputColumns, inputHistory } from './scaled-inputs.ts';

const MINIMUM_ROWS = 128;
/** Rows that go through the network together. */
const BLOCK_ROWS = 64;
/** Smallest unit of a column's error, in squared deviations: a column that is always copied exactly has no other. */
const LEAST_ERROR = 1e-6;
/** Most that the error of a column that was constant in training may count, in units: a hundred times the root error of a normal row. */
const CONSTANT_LIMIT = 1e4;
/** Half width of the band of expected values, in root mean squared training errors. */
const BAND = 3;

export const autoencoderOptions = z.strictObject({
  layers: z
    .array(z.int().min(1).max(MAXIMUM_WIDTH))
    .min(1)
    .max(MAXIMUM_LAYERS)
    .default([64, 32, 16, 8, 16, 32, 64])
    .describe('widths of the hidden layers, from the input to the output'),
  epochs: z.int().min(1).max(10_000).default(30).describe('how often training goes through all rows, at most'),
  batch: z.int().min(1).max(4096).default(32).describe('rows each step of training learns from'),
  learning_rate: z.number().gt(0).max(1).default(0.001).describe('step size of Adam'),
  patience: z
    .int()
    .min(0)
    .max(10_000)
    .default(5)
    .describe('training ends after so many epochs without a better validation loss; 0 = never'),
  validation: z
    .number()
    .min(0)
    .max(0.5)
    .default(0.1)
    .describe('share of the rows kept apart for the validation loss; 0 = none, and training takes all epochs'),
  inputs: z
    .enum(['level', 'level+change'])
    .default('level+change')
    .describe('what is reconstructed: values, or also their difference to the recent mean'),
  error: z
    .enum(['normalised', 'raw'])
    .default('normalised')
    .describe('how errors become a score: each divided by its own mean in training, or plain squares'),
  rows: z
    .int()
    .min(MINIMUM_ROWS)
    .max(1_000_000)
    .default(50_000)
    .describe('most rows to fit on; of more, a random choice'),
});
export type AutoencoderOptions = z.infer<typeof autoencoderOptions>;

export const autoencoderType: DetectorType<AutoencoderOptions> = {
  name: NAME,
  options: autoencoderOptions,
  create: autoencoder,
};

export function autoencoder(options: Partial<AutoencoderOptions> = {}): Detector<AutoencoderModel> {
  const settings = autoencoderOptions.parse(options);
  return {
    name: NAME,
    history: inputHistory(settings.inputs),
    minimumRows: MINIMUM_ROWS,
    fit: (rows, fitOptions) => fit(rows, fitOptions, settings),
    score,
    expected,
    contributions,
    load(state) {
      const model = loadAutoencoder(state);
      for (const name of ['inputs', 'error'] as const) {
        if (model.parameters[name] === settings[name]) continue;
        throw new Error(
          `cannot load this ${NAME} model: it was fitted with ${name} "${model.parameters[name]}" but "${settings[name]}" is configured; fit it again`,
        );
      }
      return model;
    },
  };
}

function fit(rows: Rows, { seed, onProgress }: FitOptions, settings: AutoencoderOptions): AutoencoderModel {
  const { inputs: kind, error, layers } = settings;
  const features = rows.values.columns;
  const columns = inputColumns(features, kind);
  if (columns > MAXIMUM_COLUMNS) {
    throw new Error(`${NAME} takes up to ${MAXIMUM_COLUMNS} columns; ${features} features as ${kind} are ${columns}`);
  }
  const scale = fitInputScale(rows, kind);
  const chosen = chooseRows(rows.values.rows, settings.rows, seededRandom(seed));
  const inputs = trainingInputs(scale, rows, chosen);
  const count = inputs.length / columns;
  if (count < MINIMUM_ROWS) {
    throw new Error(`${NAME} needs at least minimumRows = ${MINIMUM_ROWS} rows with a value to fit, got ${count}`);
  }
  const sizes = networkSizes(columns, layers);
  const trained = trainAutoencoder(inputs, sizes, seed, settings, onProgress);
  const { epochs, trainLoss, validationLoss } = trained;
  const moved = movedColumns(inputs, columns);
  const network = denseNetwork(sizes, withoutInputs(trained.layers, moved));
  const { mean, values } = trainingErrors(scale, network, rows, chosen);
  const limit = moved.map((yes, c) => (values[c] === 0 ? 0 : yes === 1 ? Infinity : CONSTANT_LIMIT));
  const parameters = { layers: [...layers], inputs: kind, error, seed, epochs, trainLoss, validationLoss };
  return autoencoderModel(count, parameters, scale, network, mean, limit);
}

/** Which rows to fit on, as `wanted`; undefined for all. Selection sampling (D. E. Knuth: The Art of Computer Programming 2, 3.4.2, algorithm S). */
function chooseRows(count: number, most: number, random: Random): Uint8Array | undefined {
  if (count <= most) return undefined;
  const chosen = new Uint8Array(count);
  let missing = most;
  for (let row = 0; missing > 0; row++) {
    if (random.below(count - row) >= missing) continue;
    chosen[row] = 1;
    missing--;
  }
  return chosen;
}

function trainingInputs(scale: InputScale, rows: Rows, chosen: Uint8Array | undefined): Float32Array {
  const columns = scale.mean.length;
  const all = new Float32Array((chosen?.reduce((sum, one) => sum + one, 0) ?? rows.values.rows) * columns);
  let at = 0;
  for (const { count, inputs } of inputBlocks(scale, rows, BLOCK_ROWS, chosen)) {
    all.set(inputs.subarray(0, count * columns), at);
    at += count * columns;
  }
  return all.subarray(0, at);
}

/** 1 for each column that is not 0 in every row: standardised, a column that never moves stays at 0. */
function movedColumns(inputs: Float32Array, columns: number): Float64Array<ArrayBuffer> {
  const moved = new Float64Array(columns);
  for (let i = 0; i < inputs.length; i++) if (inputs[i] !== 0) moved[i % columns] = 1;
  return moved;
}

/** An input that never moved taught nothing: its weights are the random ones of the start, and would let its first movement disturb every other column. */
function withoutInputs([first, ...others]: readonly DenseLayer[], moved: Float64Array): DenseLayer[] {
  return [{ weight: first.weight.map((weight, i) => weight * moved[i % moved.length]), bias: first.bias }, ...others];
}

/** Mean squared error of each column over the rows that have it, and their number. */
function trainingErrors(scale: InputScale, network: DenseNetwork, rows: Rows, chosen: Uint8Array | undefined) {
  const columns = scale.mean.length;
  const mean = new Float64Array(columns);
  const values = new Float64Array(columns);
  for (const { count, row, inputs, outputs } of reconstructions(scale, network, rows, chosen)) {
    for (let i = 0; i < count; i++) {
      for (let c = 0; c < columns; c++) {
        if (!present(rows, row[i], c)) continue;
        const at = i * columns + c;
        values[c]++;
        mean[c] += ((outputs[at] - inputs[at]) ** 2 - mean[c]) / values[c];
      }
    }
  }
  return { mean, values };
}

function score(model: AutoencoderModel, rows: Rows, out: Float64Array, wanted?: Uint8Array): void {
  const columns = model.scale.mean.length;
  const weigh = weighing(model);
  const { rows: count } = rows.values;
  for (let row = 0; row < count; row++) if (wanted === undefined || wanted[row] !== 0) out[row] = NaN;
  for (const block of reconstructions(model.scale, model.network, rows, wanted)) {
    for (let i = 0; i < block.count; i++) {
      let sum = 0;
      for (let c = 0; c < columns; c++) {
        const at = i * columns + c;
        sum += present(rows, block.row[i], c) ? weigh(block.outputs[at] - block.inputs[at], c) : weigh(undefined, c);
      }
      out[block.row[i]] = sum / columns;
    }
  }
}

/** A feature's share is that of its errors, level and change together. */
function contributions(model: AutoencoderModel, rows: Rows, out: Matrix): void {
  const { features } = model;
  const columns = model.scale.mean.length;
  const weigh = weighing(model);
  out.data.fill(0, 0, rows.values.rows * features);
  for (const block of reconstructions(model.scale, model.network, rows)) {
    for (let i = 0; i < block.count; i++) {
      const begin = block.row[i] * features;
      let total = 0;
      for (let c = 0; c < columns; c++) {
        if (!present(rows, block.row[i], c)) continue;
        const at = i * columns + c;
        const part = weigh(block.outputs[at] - block.inputs[at], c);
        out.data[begin + (c % features)] += part;
        total += part;
      }
      if (total > 0) for (let f = 0; f < features; f++) out.data[begin + f] /= total;
    }
  }
}

/** The copies of the levels, in the units of the rows; a row without any value has none (NaN). */
function expected(
  model: AutoencoderModel,
  rows: Rows,
  out: Matrix,
  lower?: Matrix,
  upper?: Matrix,
  wanted?: Uint8Array,
): void {
  const { features, scale, trainError } = model;
  const columns = scale.mean.length;
  for (const matrix of [out, lower, upper]) matrix?.data.fill(NaN, 0, rows.values.rows * features);
  for (const { count, row, outputs } of reconstructions(scale, model.network, rows, wanted)) {
    for (let i = 0; i < count; i++) {
      for (let f = 0; f < features; f++) {
        const at = row[i] * features + f;
        const value = scale.mean[f] + scale.deviation[f] * outputs[i * columns + f];
        const half = BAND * Math.sqrt(trainError[f]) * scale.deviation[f];
        out.data[at] = value;
        if (lower) lower.data[at] = value - half;
        if (upper) upper.data[at] = value + half;
      }
    }
  }
}

/** Inputs and what the network makes of them, row-major; valid until the next block. */
function* reconstructions(scale: InputScale, network: DenseNetwork, rows: Rows, wanted?: Uint8Array) {
  const outputs = new Float32Array(Math.min(BLOCK_ROWS, rows.values.rows) * scale.mean.length);
  for (const { count, row, inputs } of inputBlocks(scale, rows, BLOCK_ROWS, wanted)) {
    runDense(network, inputs, count, outputs);
    yield { count, row, inputs, outputs };
  }
}

/** What an error counts in the score, >= 0. A missing value (undefined) counts as the average of training. */
function weighing({
  parameters,
  trainError,
  limit,
}: AutoencoderModel): (error: number | undefined, column: number) => number {
  if (parameters.error === 'raw') return (error, column) => (error === undefined ? trainError[column] : error * error);
  return (error, column) => {
    const unit = Math.max(trainError[column], LEAST_ERROR);
    return Math.min((error === undefined ? trainError[column] : error * error) / unit, limit[column]);
  };
}

/** Columns are the levels of the features, then their changes: both are missing where the value is. */
function present({ values: { columns, data } }: Rows, row: number, column: number): boolean {
  const value = data[row * columns + (column % columns)];
  return value - value === 0;
}
