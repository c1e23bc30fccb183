/** Fits a dense autoencoder to standardised inputs: shuffled batches, Adam, and early stopping on rows that are kept apart. */
import { denseTraining } from '../engine/dense.ts';
import type { DenseLayer } from '../engine/reference/dense.ts';
import type { FitProgress } from '../flow.ts';
import { type Random, seededRandom } from '../random.ts';

export interface TrainingSettings {
  readonly epochs: number;
  readonly batch: number;
  readonly learning_rate: number;
  /** epochs without a better validation loss that end the training; 0 = never */
  readonly patience: number;
  /** share of the rows that is kept apart; 0 = none */
  readonly validation: number;
}

export interface TrainedLayers {
  readonly layers: DenseLayer[];
  /** epochs behind these layers: the best one when rows were kept apart, else the last */
  readonly epochs: number;
  /** mean squared error of that epoch's batches, each before its step */
  readonly trainLoss: number;
  /** mean squared error over the rows kept apart, after that epoch; NaN without any */
  readonly validationLoss: number;
}

/** Neighbouring rows are alike, so the rows kept apart are whole stretches, spread evenly: this many. */
const STRETCHES = 10;

/** Streams of the seed: what one draws more does not move what the other draws. */
const INITIAL_STREAM = 1;
const SHUFFLE_STREAM = 2;

/**
 * `inputs` is rows x sizes[0], row-major, in the order of time. Throws when the loss is not finite: the learning rate is too high for this data.
 */
export function trainAutoencoder(
  inputs: Float32Array,
  sizes: readonly number[],
  seed: number,
  settings: TrainingSettings,
  onProgress?: (progress: FitProgress) => void,
): TrainedLayers {
  const { epochs, batch, patience } = settings;
  const { train, validation } = splitRows(inputs.length / sizes[0], settings.validation);
  const kept = gather(inputs, sizes[0], validation);
  const training = denseTraining(
    sizes,
    initialLayers(sizes, seededRandom(seed, INITIAL_STREAM)),
    settings.learning_rate,
    Math.min(batch, train.length),
  );
  const random = seededRandom(seed, SHUFFLE_STREAM);
  let best: TrainedLayers | undefined;
  for (let epoch = 1; epoch <= epochs; epoch++) {
    shuffle(train, random);
    let sum = 0;
    for (let from = 0; from < train.length; from += batch) {
      const picked = train.subarray(from, from + batch);
      sum += training.gradient(inputs, picked) * picked.length;
      training.step();
    }
    const trainLoss = sum / train.length;
    const validationLoss = validation.length > 0 ? meanSquaredError(training.run, kept, sizes[0]) : NaN;
    const apart = validation.length > 0;
    if (!Number.isFinite(trainLoss) || (apart && !Number.isFinite(validationLoss))) {
      throw new Error(
        `the autoencoder does not converge: in epoch ${epoch} its loss is ${trainLoss}${apart ? `, ${validationLoss} on validation rows` : ''}; lower learning_rate, it is ${settings.learning_rate}`,
      );
    }
    onProgress?.({ share: epoch / epochs, epoch, epochs, trainLoss, ...(apart && { validationLoss }) });
    if (apart && best !== undefined && validationLoss >= best.validationLoss) {
      if (patience > 0 && epoch - best.epochs >= patience) break;
    } else if (apart || epoch === epochs) {
      best = { layers: training.layers(), epochs: epoch, trainLoss, validationLoss };
    }
  }
  return best!;
}

/** Uniform in +-1 / sqrt(inputs), weights and biases alike: what PyTorch's Linear starts from. */
export function initialLayers(sizes: readonly number[], random: Random): DenseLayer[] {
  return sizes.slice(1).map((out, l) => {
    const bound = 1 / Math.sqrt(sizes[l]);
    const draw = (length: number) => Float32Array.from({ length }, () => random.between(-bound, bound));
    return { weight: draw(sizes[l] * out), bias: draw(out) };
  });
}

/** Row numbers in order. Both parts have a row, unless the share is 0 or there is only one. */
function splitRows(count: number, share: number): { train: Int32Array<ArrayBuffer>; validation: Int32Array } {
  const apart = share > 0 ? Math.min(count - 1, Math.max(1, Math.round(share * count))) : 0;
  const stretches = Math.min(STRETCHES, apart);
  const kept = new Uint8Array(count);
  for (let s = 0; s < stretches; s++) {
    // a stretch is the end of its part, so that the newest rows are among them
    const end = Math.floor(((s + 1) * count) / stretches);
    const length = Math.floor(((s + 1) * apart) / stretches) - Math.floor((s * apart) / stretches);
    kept.fill(1, end - length, end);
  }
  const rows = Int32Array.from(kept.keys());
  return { train: rows.filter((row) => kept[row] === 0), validation: rows.filter((row) => kept[row] === 1) };
}

function gather(inputs: Float32Array, columns: number, rows: Int32Array): Float32Array {
  const out = new Float32Array(rows.length * columns);
  rows.forEach((row, i) => out.set(inputs.subarray(row * columns, (row + 1) * columns), i * columns));
  return out;
}

function meanSquaredError(
  run: (rows: Float32Array, count: number, outputs: Float32Array) => void,
  inputs: Float32Array,
  columns: number,
): number {
  const outputs = new Float32Array(inputs.length);
  run(inputs, inputs.length / columns, outputs);
  let sum = 0;
  for (let i = 0; i < inputs.length; i++) sum += (outputs[i] - inputs[i]) ** 2;
  return sum / inputs.length;
}

/** Fisher and Yates. */
function shuffle(rows: Int32Array, random: Random): void {
  for (let i = rows.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    const row = rows[i];
    rows[i] = rows[j];
    rows[j] = row;
  }
}
