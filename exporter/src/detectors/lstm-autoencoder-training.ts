/** Fits the weights of the LSTM autoencoder: shuffled windows, a validation split by time, early stopping, a bound on processor time. */
import type { FitProgress } from '../flow.ts';
import { type LstmScorer, createLstmScorer, createLstmTrainer } from '../engine/lstm.ts';
import { type LstmShape, type LstmWeights, initialWeights } from '../engine/lstm-weights.ts';
import type { Random } from '../random.ts';
import { type LstmInputs, gatherWindows } from './lstm-autoencoder-windows.ts';

/** A loss must fall by this much to count as progress. */
const PROGRESS = 1e-4;

export interface LstmTrainingSettings {
  readonly dropout: number;
  readonly epochs: number;
  readonly batch: number;
  readonly learning_rate: number;
  readonly windows: number;
  readonly patience: number;
  readonly validation: number;
  readonly clip: number;
  readonly cpu_seconds: number;
}

export interface LstmTraining {
  readonly weights: LstmWeights;
  /** last rows of the windows that it learnt from, in time order */
  readonly trained: Int32Array<ArrayBuffer>;
  /** epochs that were run; the weights are those of the best */
  readonly epochs: number;
  /** smallest mean squared error of the validation windows, standardised, without dropout */
  readonly validationLoss: number;
}

/**
 * `ends` are the last rows of all windows, in time order. Throws when a loss is not a number. The same seed gives the same weights, bit for bit, as long
 * as the bound on processor time is not reached.
 */
export function trainLstm(
  shape: LstmShape,
  inputs: LstmInputs,
  ends: Int32Array,
  settings: LstmTrainingSettings,
  random: Random,
  onProgress?: (progress: FitProgress) => void,
): LstmTraining {
  const split = Math.min(ends.length - 1, Math.ceil(ends.length * (1 - settings.validation)));
  const trained = sample(ends.subarray(0, split), settings.windows, random);
  const validation = sample(ends.subarray(split), Math.ceil(settings.windows * settings.validation), random);
  const batch = Math.min(settings.batch, trained.length);
  const next = () => random.next();
  let weights = initialWeights(shape, next);
  const trainer = createLstmTrainer(shape, weights, {
    batch,
    dropout: settings.dropout,
    learningRate: settings.learning_rate,
    clip: settings.clip,
    random: next,
  });

  const start = process.cpuUsage();
  const order = trained.slice();
  let best = Infinity;
  let target = Infinity;
  let fruitless = 0;
  let epoch = 0;
  let late = false;
  while (epoch < settings.epochs && fruitless < settings.patience && !late) {
    epoch++;
    shuffle(order, random);
    let sum = 0;
    let count = 0;
    for (let from = 0; from < order.length && !late; from += batch) {
      const some = order.subarray(from, from + batch);
      gatherWindows(inputs, some, shape.steps, trainer.windows);
      const loss = trainer.step(some.length);
      if (!Number.isFinite(loss)) throw diverged(loss, epoch, settings);
      sum += loss * some.length;
      count += some.length;
      late = cpuSeconds(start) > settings.cpu_seconds;
    }
    const found = trainer.weights();
    const validationLoss = meanError(createLstmScorer(shape, found), inputs, validation, shape);
    if (!Number.isFinite(validationLoss)) throw diverged(validationLoss, epoch, settings);
    if (validationLoss < best) {
      best = validationLoss;
      weights = found;
    }
    if (validationLoss < target - PROGRESS) {
      target = validationLoss;
      fruitless = 0;
    } else {
      fruitless++;
    }
    const over = late || fruitless >= settings.patience;
    const share = over ? 1 : epoch / settings.epochs;
    onProgress?.({ share, epoch, epochs: settings.epochs, trainLoss: sum / count, validationLoss });
  }
  return { weights, trained, epochs: epoch, validationLoss: best };
}

function diverged(loss: number, epoch: number, settings: LstmTrainingSettings): Error {
  return new Error(
    `the training of lstm-autoencoder diverged: the loss is ${loss} in epoch ${epoch} with learning_rate ${settings.learning_rate}; ` +
      `choose a smaller learning_rate${settings.clip === 0 ? ', or clip: 1' : ''}`,
  );
}

/** Mean squared error over windows. */
function meanError(scorer: LstmScorer, inputs: LstmInputs, ends: Int32Array, { steps, features }: LstmShape): number {
  let sum = 0;
  for (let from = 0; from < ends.length; from += scorer.capacity) {
    const some = ends.subarray(from, from + scorer.capacity);
    gatherWindows(inputs, some, steps, scorer.windows);
    scorer.reconstruct(some.length);
    for (let i = 0; i < some.length * steps * features; i++)
      sum += (scorer.reconstructions[i] - scorer.windows[i]) ** 2;
  }
  return sum / (ends.length * steps * features);
}

/** Up to `count` of them, drawn without repetition, in their order. */
function sample(from: Int32Array, count: number, random: Random): Int32Array<ArrayBuffer> {
  const all = Int32Array.from(from);
  if (all.length <= count) return all;
  for (let i = 0; i < count; i++) swap(all, i, i + random.below(all.length - i));
  return all.slice(0, count).sort();
}

function shuffle(order: Int32Array, random: Random): void {
  for (let i = order.length - 1; i > 0; i--) swap(order, i, random.below(i + 1));
}

function swap(array: Int32Array, i: number, j: number): void {
  const value = array[i];
  array[i] = array[j];
  array[j] = value;
}

/** Of the whole process: where other threads work too, the bound is reached sooner. */
function cpuSeconds(start: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1e6;
}
