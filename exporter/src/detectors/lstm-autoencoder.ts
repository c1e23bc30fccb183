/**
 * LSTM autoencoder (P. Malhotra et al.: LSTM-based Encoder-Decoder for Multi-sensor Anomaly Detection, ICML workshop 2016): an encoder reads a window of
 * rows, a decoder writes it again from the encoder's last state alone. What it did not learn to write, it writes badly: the score is the squared error.
 *
 * Each feature's error is divided by its own mean over training windows before they are averaged, else the features that nobody can predict decide; ratios
 * count up to 100^2, else one movement of a column that was constant in training hides all others. `error: raw` is the plain mean squared error.
 * By default the error of the newest row counts and not the mean over the window: on servers with labelled incidents the mean ranks rows better (area under
 * the precision-recall curve) but, at one false row in a hundred, sees half as many incidents, because it rises late and falls late.
 *
 * A missing value enters as the mean and has the error that is usual for its feature. A row with less history than a window stands behind copies of the
 * first row of its segment. Windows that are learnt from never have such copies. A column without any value in training is not looked at.
 *
 * Limits: minutes to train (the time is bounded), milliseconds a batch to score; what happens in training is learnt, incidents included.
 */
import { z } from 'zod';
import { type LstmScorer, createLstmScorer } from '../engine/lstm.ts';
import type { Detector, FitOptions, Matrix, Rows } from '../flow.ts';
import { seededRandom } from '../random.ts';
import type { DetectorType } from './detector-type.ts';
import {
  LSTM_AUTOENCODER,
  type LstmAutoencoderModel,
  loadLstmAutoencoder,
  modelFromWeights,
} from './lstm-autoencoder-model.ts';
import { trainLstm } from './lstm-autoencoder-training.ts';
import {
  type WindowErrors,
  eachReconstruction,
  fitLstmScale,
  lstmInputs,
  windowEnds,
} from './lstm-autoencoder-windows.ts';

/** Training windows that the usual errors are taken from. */
const ERROR_WINDOWS = 2000;
/** Smallest usual error, in squared deviations: that of a column that was constant is near 0. */
const LEAST_ERROR = 1e-6;
/** An error counts for up to this many times the usual one. */
const MOST_TIMES = 1e4;
/** Half of the band around expected values, in root mean squared errors of training. */
const BAND = 3;

export const lstmAutoencoderOptions = z.strictObject({
  window: z.int().min(2).max(1000).default(30).describe('rows a window has'),
  hidden: z
    .int()
    .min(4)
    .max(1024)
    .multipleOf(4)
    .default(128)
    .describe('units of the encoder and of the decoder, a multiple of 4'),
  dropout: z.number().min(0).max(0.9).default(0.3).describe('share of decoder outputs dropped in training'),
  epochs: z.int().min(1).max(10_000).default(15).describe('passes over the training windows at most'),
  batch: z.int().min(1).max(1024).default(64).describe('windows in one optimiser step'),
  learning_rate: z.number().gt(0).max(1).default(0.001).describe('step size of Adam'),
  windows: z.int().min(16).max(1_000_000).default(8000).describe('training windows at most, drawn at random'),
  patience: z
    .int()
    .min(1)
    .max(10_000)
    .default(3)
    .describe('epochs without a better validation loss before training ends'),
  validation: z
    .number()
    .gt(0)
    .max(0.5)
    .default(0.1)
    .describe('share of the windows, the newest, that only decide when training ends'),
  clip: z.number().min(0).default(1).describe('largest norm of a gradient; 0 for any'),
  error: z
    .enum(['normalised', 'raw'])
    .default('normalised')
    .describe("errors divided by each feature's mean in training, or plain mean squared error"),
  score: z.enum(['last', 'mean']).default('last').describe('error of the newest row, or mean over the window'),
  cpu_seconds: z
    .number()
    .gt(0)
    .default(300)
    .describe('processor time after which training ends with the best weights so far'),
});
export type LstmAutoencoderOptions = z.infer<typeof lstmAutoencoderOptions>;

export const lstmAutoencoderType: DetectorType<LstmAutoencoderOptions> = {
  name: LSTM_AUTOENCODER,
  options: lstmAutoencoderOptions,
  create: lstmAutoencoder,
};

export function lstmAutoencoder(options: Partial<LstmAutoencoderOptions> = {}): Detector<LstmAutoencoderModel> {
  const settings = lstmAutoencoderOptions.parse(options);
  return {
    name: LSTM_AUTOENCODER,
    history: settings.window - 1,
    minimumRows: minimumRows(settings),
    fit: (rows, fitOptions) => fit(rows, fitOptions, settings),
    score: (model, rows, out, wanted) => score(model, rows, out, wanted, settings),
    expected,
    contributions: (model, rows, out) => contributions(model, rows, out, settings),
    load(state) {
      const model = loadLstmAutoencoder(state);
      if (model.shape.steps !== settings.window) {
        throw new Error(
          `cannot load this ${LSTM_AUTOENCODER} model: its window has ${model.shape.steps} rows but ${settings.window} are configured; fit it again`,
        );
      }
      return model;
    },
  };
}

function minimumRows({ window }: LstmAutoencoderOptions): number {
  return Math.max(64, 2 * window);
}

function fit(rows: Rows, { seed, onProgress }: FitOptions, settings: LstmAutoencoderOptions): LstmAutoencoderModel {
  const { window, hidden } = settings;
  const features = rows.values.columns;
  if (rows.values.rows < minimumRows(settings)) {
    throw new Error(
      `${LSTM_AUTOENCODER} needs at least minimumRows = ${minimumRows(settings)} rows to fit, got ${rows.values.rows}`,
    );
  }
  const ends = windowEnds(rows, window);
  if (ends.length < 2) {
    throw new Error(
      `${LSTM_AUTOENCODER} has no window to learn from: no segment of the ${rows.values.rows} rows has more than ${window} rows without a gap; choose a smaller window`,
    );
  }
  const scale = fitLstmScale(rows);
  const inputs = lstmInputs(rows, scale);
  if (!inputs.present.includes(1)) {
    throw new Error(`${LSTM_AUTOENCODER} cannot learn from rows without any value`);
  }
  const shape = { features, hidden, steps: window };
  const training = trainLstm(shape, inputs, ends, settings, seededRandom(seed), onProgress);

  const step = Math.max(1, training.trained.length / ERROR_WINDOWS);
  const some = Int32Array.from(
    { length: Math.floor(training.trained.length / step) },
    (_, i) => training.trained[Math.floor(i * step)],
  );
  const last = meanOf(features);
  const mean = meanOf(features);
  eachReconstruction(createLstmScorer(shape, training.weights), inputs, some, window, (_row, errors) => {
    last.add(errors.last);
    mean.add(errors.mean);
  });
  return modelFromWeights(
    { shape, weights: training.weights, scale, lastError: last.means(), meanError: mean.means() },
    { rows: rows.values.rows, epochs: training.epochs, validationLoss: training.validationLoss },
  );
}

/** Means of the numbers that are there, by feature. */
function meanOf(features: number) {
  const sums = new Float64Array(features);
  const counts = new Int32Array(features);
  return {
    add(errors: Float64Array): void {
      for (let f = 0; f < features; f++) {
        if (Number.isNaN(errors[f])) continue;
        sums[f] += errors[f];
        counts[f]++;
      }
    },
    means: () => sums.map((sum, f) => Math.max(LEAST_ERROR, sum / Math.max(1, counts[f]))),
  };
}

/** Scorers hold a copy of the weights in the engine's memory, as long as somebody holds the model. */
const scorers = new WeakMap<LstmAutoencoderModel, LstmScorer>();

function scorerOf(model: LstmAutoencoderModel): LstmScorer {
  const found = scorers.get(model);
  if (found) return found;
  const scorer = createLstmScorer(model.shape, model.weights);
  scorers.set(model, scorer);
  return scorer;
}

function reconstructRows(
  model: LstmAutoencoderModel,
  rows: Rows,
  visit: (row: number, errors: WindowErrors, reconstruction: Float32Array) => void,
  wanted?: Uint8Array,
): void {
  if (rows.values.columns !== model.features) {
    throw new Error(
      `this ${LSTM_AUTOENCODER} model was fitted on ${model.features} features, the rows have ${rows.values.columns}`,
    );
  }
  const ends = new Int32Array(rows.values.rows);
  let count = 0;
  for (let row = 0; row < ends.length; row++) if (wanted === undefined || wanted[row] !== 0) ends[count++] = row;
  if (count === 0) return;
  const inputs = lstmInputs(rows, model.scale);
  eachReconstruction(scorerOf(model), inputs, ends.subarray(0, count), model.shape.steps, visit);
}

function score(
  model: LstmAutoencoderModel,
  rows: Rows,
  out: Float64Array,
  wanted: Uint8Array | undefined,
  settings: LstmAutoencoderOptions,
): void {
  const { features, scale } = model;
  const usual = settings.score === 'last' ? model.lastError : model.meanError;
  const raw = settings.error === 'raw';
  let looked = 0;
  for (let f = 0; f < features; f++) if (scale.deviation[f] > 0) looked++;
  const visit = (row: number, errors: WindowErrors) => {
    const found = settings.score === 'last' ? errors.last : errors.mean;
    let sum = 0;
    for (let f = 0; f < features; f++) {
      if (scale.deviation[f] === 0) continue;
      const error = Number.isNaN(found[f]) ? usual[f] : found[f];
      sum += raw ? error : Math.min(MOST_TIMES, error / usual[f]);
    }
    out[row] = hasValue(rows, row) ? sum / looked : NaN;
  };
  reconstructRows(model, rows, visit, wanted);
}

function hasValue({ values: { columns, data } }: Rows, row: number): boolean {
  for (let i = row * columns; i < (row + 1) * columns; i++) if (data[i] - data[i] === 0) return true;
  return false;
}

/** The reconstruction of each row, the last of its window. A feature that had no value in training is expected to be 0. */
function expected(
  model: LstmAutoencoderModel,
  rows: Rows,
  out: Matrix,
  lower?: Matrix,
  upper?: Matrix,
  wanted?: Uint8Array,
): void {
  const { features, scale, lastError } = model;
  reconstructRows(
    model,
    rows,
    (row, _errors, reconstruction) => {
      for (let f = 0; f < features; f++) {
        const at = row * features + f;
        out.data[at] = scale.mean[f] + scale.deviation[f] * reconstruction[f];
        const band = BAND * Math.sqrt(lastError[f]) * scale.deviation[f];
        if (lower) lower.data[at] = out.data[at] - band;
        if (upper) upper.data[at] = out.data[at] + band;
      }
    },
    wanted,
  );
}

/** Shares of the normalised errors; of `raw` scores too, where one restless feature would take all blame. */
function contributions(model: LstmAutoencoderModel, rows: Rows, out: Matrix, settings: LstmAutoencoderOptions): void {
  const { features } = model;
  const last = settings.score === 'last';
  const usual = last ? model.lastError : model.meanError;
  reconstructRows(model, rows, (row, errors) => {
    const shares = out.data.subarray(row * features, (row + 1) * features);
    let total = 0;
    for (let f = 0; f < features; f++) {
      const error = last || Number.isNaN(errors.last[f]) ? errors.last[f] : errors.mean[f];
      total += shares[f] = Number.isNaN(error) ? 0 : Math.min(MOST_TIMES, error / usual[f]);
    }
    if (total > 0) for (let f = 0; f < features; f++) shares[f] /= total;
  });
}
