/**
 * The seed's own table: its LSTM autoencoder, trained as it was, on the synthetic stream, judged by its own criteria, with each of the two scalers.
 *
 * A score is the mean squared error of a window on scaled inputs, unnormalised; its unit is the square of the scaler's: deviations with `standard`, ranges of
 * the training rows with `min-max`. Thresholds are therefore no more comparable than metres and feet, and an absolute bound on a loss says nothing about
 * `min-max`, whose losses are some fifty times smaller by their unit alone. A separation is a ratio and has no unit. To compare the rest, every run is also
 * measured in deviations: each feature's error divided by the variance its column has in that scaler, so that 1 is a model that always answers the mean.
 */
import { lstmAutoencoder, type LstmAutoencoderOptions } from '../detectors/lstm-autoencoder.ts';
import { modelFromWeights, type LstmAutoencoderModel } from '../detectors/lstm-autoencoder-model.ts';
import { trainLstm } from '../detectors/lstm-autoencoder-training.ts';
import { lstmInputs } from '../detectors/lstm-autoencoder-windows.ts';
import { fitScaling, type ScalingKind } from '../features/scaling.ts';
import type { FitProgress, Matrix, Rows } from '../flow.ts';
import { seededRandom } from '../random.ts';
import { CORRELATION_BREAK, FAULT_KINDS, SYNTHETIC_SCHEMA, type FaultKind } from '../sources/synthetic/network.ts';
import { seedStream, type SeedStream } from './seed-preset-stream.ts';

/** threshold = mean + this many deviations of the training windows' errors */
const DEVIATIONS = 2.5;

/** The seed's network and optimiser. */
export const SEED_NETWORK = {
  window: 30,
  hidden: 128,
  dropout: 0.3,
  batch: 64,
  learning_rate: 0.001,
  clip: 0,
} as const satisfies Partial<LstmAutoencoderOptions>;

export interface SeedPresetSettings {
  readonly seeds: readonly number[];
  readonly scalings: readonly ScalingKind[];
  /** all are run: early stopping is told, not done */
  readonly epochs: number;
  /** training windows, spread over one day */
  readonly windows: number;
  readonly testHours: number;
  /** epochs without a better validation loss after which early stopping would end the training */
  readonly patience: number;
  /** processor time after which one training ends with the best weights so far */
  readonly cpuSeconds: number;
  onProgress?(scaling: ScalingKind, seed: number, progress: FitProgress): void;
}

export const SEED_PRESET: SeedPresetSettings = {
  seeds: [0],
  scalings: ['standard', 'min-max'],
  epochs: 80,
  windows: 4320,
  testHours: 24,
  patience: 10,
  cpuSeconds: 900,
};

/** For a look that takes seconds: what it prints is no proof of anything. */
export const QUICK_SEED_PRESET: SeedPresetSettings = { ...SEED_PRESET, epochs: 8, windows: 1080, testHours: 6 };

export interface ErrorFigures {
  /** of the training windows; the mean is also the training loss, without dropout */
  readonly mean: number;
  readonly deviation: number;
  readonly threshold: number;
  readonly validationLoss: number;
  /** validation loss - training loss, both without dropout and of the same weights */
  readonly gap: number;
  /** median error of anomalous windows / threshold */
  readonly separation: number;
  /** the same over the seed's six kinds of fault, each kind weighing the same however many windows it has */
  readonly balancedSeparation: number;
}

export interface SeedRun {
  readonly seed: number;
  readonly scaling: ScalingKind;
  /** in squares of the scaler's own unit: the seed's figures */
  readonly own: ErrorFigures;
  /** in squared deviations, for a comparison of scalers */
  readonly inDeviations: ErrorFigures;
  /** share of anomalous windows, and of unseen quiet windows, above the threshold (own unit) */
  readonly found: number;
  readonly falseAlarms: number;
  readonly byKind: readonly { kind: FaultKind; windows: number; separation: number; found: number }[];
  readonly epochs: {
    readonly run: number;
    /** whose weights were kept: that of the lowest validation loss */
    readonly best: number;
    /** last epoch with early stopping, and the best until then; undefined where it would not have stopped */
    readonly stop: { readonly after: number; readonly best: number; readonly validationLoss: number } | undefined;
    /** losses by epoch: of training with dropout while the weights changed, of validation without */
    readonly trainLoss: readonly number[];
    readonly validationLoss: readonly number[];
  };
  readonly cpuSeconds: number;
}

export interface SeedPresetResult {
  readonly settings: Omit<SeedPresetSettings, 'onProgress'>;
  readonly network: typeof SEED_NETWORK & { readonly features: readonly string[] };
  /** numbers that are learnt: with one bias an LSTM, as Keras and this engine have it, and with two, as PyTorch counts */
  readonly parameters: { readonly oneBias: number; readonly twoBiases: number };
  readonly windows: {
    readonly training: number;
    readonly validation: number;
    readonly unseen: number;
    /** by seed */
    readonly anomalous: readonly number[];
  };
  /** lag-1 autocorrelation of each feature over the rows that were learnt, by seed */
  readonly autocorrelation: readonly { readonly seed: number; readonly byFeature: readonly number[] }[];
  readonly runs: readonly SeedRun[];
}

/** Throws when a setting cannot be, or a training diverges. The same settings give the same figures, as long as the bound on processor time is not reached. */
export function evaluateSeedPreset(settings: SeedPresetSettings): SeedPresetResult {
  const { onProgress: _told, ...given } = settings;
  const runs: SeedRun[] = [];
  const autocorrelation: SeedPresetResult['autocorrelation'][number][] = [];
  const anomalous: number[] = [];
  let sizes = { training: 0, validation: 0, unseen: 0 };
  let parameters = 0;
  for (const seed of settings.seeds) {
    const stream = seedStream(seed, settings.windows, SEED_NETWORK.window, settings.testHours);
    sizes = {
      training: stream.training.length,
      validation: stream.validation.length,
      unseen: stream.unseen.length,
    };
    anomalous.push(stream.anomalous.length);
    autocorrelation.push({ seed, byFeature: lag1(between(stream.quiet, 0, stream.learnt).values) });
    for (const scaling of settings.scalings) {
      const { run, weights } = evaluateScaling(stream, seed, scaling, settings);
      runs.push(run);
      parameters = weights;
    }
  }
  return {
    settings: given,
    network: { ...SEED_NETWORK, features: SYNTHETIC_SCHEMA.features.map(({ name }) => name) },
    // two LSTMs with four gates each
    parameters: { oneBias: parameters, twoBiases: parameters + 2 * 4 * SEED_NETWORK.hidden },
    windows: { ...sizes, anomalous },
    autocorrelation,
    runs,
  };
}

function evaluateScaling(
  stream: SeedStream,
  seed: number,
  scaling: ScalingKind,
  { epochs, patience, cpuSeconds, onProgress }: SeedPresetSettings,
): { run: SeedRun; weights: number } {
  const learnt = between(stream.quiet, 0, stream.learnt).values;
  const { centre, scale: spread } = fitScaling(learnt, scaling);
  const scale = { mean: Float64Array.from(centre), deviation: Float64Array.from(spread) };
  const shape = { features: learnt.columns, hidden: SEED_NETWORK.hidden, steps: SEED_NETWORK.window };
  const { training, validation } = stream;
  const total = training.length + validation.length;
  const trainLoss: number[] = [];
  const validationLoss: number[] = [];
  const start = process.cpuUsage();
  const trained = trainLstm(
    shape,
    lstmInputs(between(stream.quiet, 0, validation[validation.length - 1] + 1), scale),
    Int32Array.from([...training, ...validation]),
    {
      ...SEED_NETWORK,
      epochs,
      patience: epochs,
      windows: total,
      // the half keeps rounding away from the border between the two
      validation: (validation.length + 0.5) / total,
      cpu_seconds: cpuSeconds,
    },
    seededRandom(seed),
    (progress) => {
      trainLoss.push(progress.trainLoss ?? NaN);
      validationLoss.push(progress.validationLoss ?? NaN);
      onProgress?.(scaling, seed, progress);
    },
  );
  const used = process.cpuUsage(start);

  const model = modelFromWeights({ shape, weights: trained.weights, scale });
  // of each column after scaling: 1 with the standard scaler
  const variance = Float64Array.from(
    fitScaling(learnt, 'standard').scale,
    (deviation, f) => (deviation / spread[f]) ** 2,
  );
  const raw = errorsOf(model, stream, 'raw');
  const compared = errorsOf(modelFromWeights({ ...model, meanError: variance }), stream, 'normalised');
  const own = figures(raw, stream.kinds);
  const best = validationLoss.indexOf(Math.min(...validationLoss)) + 1;
  return {
    run: {
      seed,
      scaling,
      own,
      inDeviations: figures(compared, stream.kinds),
      found: shareAbove(raw.anomalous, own.threshold),
      falseAlarms: shareAbove(raw.unseen, own.threshold),
      byKind: FAULT_KINDS.flatMap((kind) => {
        const errors = raw.anomalous.filter((_, i) => stream.kinds[i] === kind);
        if (errors.length === 0) return [];
        return [
          {
            kind,
            windows: errors.length,
            separation: median(errors) / own.threshold,
            found: shareAbove(errors, own.threshold),
          },
        ];
      }),
      epochs: { run: trained.epochs, best, stop: earlyStop(validationLoss, patience), trainLoss, validationLoss },
      cpuSeconds: (used.user + used.system) / 1e6,
    },
    weights: Object.values(trained.weights).reduce((sum, array) => sum + array.length, 0),
  };
}

interface WindowErrors {
  readonly training: Float64Array;
  readonly validation: Float64Array;
  readonly unseen: Float64Array;
  readonly anomalous: Float64Array;
}

function errorsOf(model: LstmAutoencoderModel, stream: SeedStream, error: 'raw' | 'normalised'): WindowErrors {
  const detector = lstmAutoencoder({ ...SEED_NETWORK, error, score: 'mean' });
  const of = (rows: Rows, ends: Int32Array) => {
    const from = ends[0] - SEED_NETWORK.window + 1;
    const part = between(rows, from, ends[ends.length - 1] + 1);
    const wanted = new Uint8Array(part.values.rows);
    for (const end of ends) wanted[end - from] = 1;
    const out = new Float64Array(part.values.rows);
    detector.score(model, part, out, wanted);
    return Float64Array.from(ends, (end) => out[end - from]);
  };
  return {
    training: of(stream.quiet, stream.training),
    validation: of(stream.quiet, stream.validation),
    unseen: of(stream.quiet, stream.unseen),
    anomalous: of(stream.faulty, stream.anomalous),
  };
}

function figures({ training, validation, anomalous }: WindowErrors, kinds: readonly FaultKind[]): ErrorFigures {
  const mean = average(training);
  const deviation = Math.sqrt(average(training.map((error) => (error - mean) ** 2)));
  const threshold = mean + DEVIATIONS * deviation;
  const validationLoss = average(validation);
  return {
    mean,
    deviation,
    threshold,
    validationLoss,
    gap: validationLoss - mean,
    separation: median(anomalous) / threshold,
    balancedSeparation: balancedMedian(anomalous, kinds) / threshold,
  };
}

/** Median where every kind weighs the same; of two middle values the lower. NaN where there are only broken correlations, which the seed does not have. */
export function balancedMedian(values: Float64Array, kinds: readonly FaultKind[]): number {
  const counts = new Map<FaultKind, number>();
  for (const kind of kinds) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  counts.delete(CORRELATION_BREAK);
  const sorted = Array.from(values, (value, i) => ({ value, weight: 1 / (counts.get(kinds[i]) ?? Infinity) }))
    .filter(({ weight }) => weight > 0)
    .sort((a, b) => a.value - b.value);
  let below = 0;
  // sums of weights are not exact
  return sorted.find(({ weight }) => (below += weight) >= counts.size / 2 - 1e-9)?.value ?? NaN;
}

/** When training would have ended if it did after `patience` epochs without a loss below all before. Undefined: not in these epochs. */
export function earlyStop(losses: readonly number[], patience: number): SeedRun['epochs']['stop'] {
  let best = 0;
  for (let epoch = 1; epoch < losses.length; epoch++) {
    if (losses[epoch] < losses[best]) best = epoch;
    else if (epoch - best >= patience) return { after: epoch + 1, best: best + 1, validationLoss: losses[best] };
  }
  return undefined;
}

/** Lag-1 autocorrelation of each column; NaN for a constant one. */
export function lag1({ rows, columns, data }: Matrix): number[] {
  return Array.from({ length: columns }, (_, c) => {
    const column = Float64Array.from({ length: rows }, (_, row) => data[row * columns + c]);
    const mean = average(column);
    let products = 0;
    let squares = 0;
    for (let row = 0; row < rows; row++) {
      squares += (column[row] - mean) ** 2;
      if (row > 0) products += (column[row] - mean) * (column[row - 1] - mean);
    }
    return products / squares;
  });
}

/** The rows from `from` to before `to`. */
function between({ values: { columns, data }, time, segment }: Rows, from: number, to: number): Rows {
  return {
    values: { rows: to - from, columns, data: data.subarray(from * columns, to * columns) },
    time: time.subarray(from, to),
    segment: segment.subarray(from, to),
  };
}

function average(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function median(values: Float64Array): number {
  const sorted = values.slice().sort();
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function shareAbove(values: Float64Array, threshold: number): number {
  return values.reduce((count, value) => count + (value > threshold ? 1 : 0), 0) / values.length;
}
