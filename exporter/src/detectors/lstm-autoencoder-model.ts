/** The fitted LSTM autoencoder: its numbers, their file, and the plain arrays that other programs exchange. */
import {
  type LstmShape,
  type LstmWeights,
  checkShape,
  checkWeights,
  eachArray,
  lstmArrayShapes,
  lstmArrays,
} from '../engine/lstm-weights.ts';
import type { Model } from '../flow.ts';
import type { LstmScale } from './lstm-autoencoder-windows.ts';
import { packModel, unpackModel } from './model-buffer.ts';

export const LSTM_AUTOENCODER = 'lstm-autoencoder';
const LAYOUT_VERSION = 1;
const LAYOUT = ['f64', 'f64', 'f64', 'f64', 'f64', 'f32'] as const;
/** Far beyond any model that trains in a day: what a file may ask to be allocated. */
const LARGEST = { features: 65_536, hidden: 4096, steps: 10_000 };

/** Everything that scores depend on. */
export interface LstmAutoencoderWeights {
  readonly shape: LstmShape;
  /** Keras' layout: kernels are inputs x 4 hidden, row-major, gates in the order i, f, g, o; one bias an LSTM */
  readonly weights: LstmWeights;
  readonly scale: LstmScale;
  /** mean squared error of each feature over training windows, standardised: of the last step, and over all steps. Both > 0 */
  readonly lastError: Float64Array<ArrayBuffer>;
  readonly meanError: Float64Array<ArrayBuffer>;
}

export interface LstmAutoencoderModel extends Model, LstmAutoencoderWeights {
  /** epochs it was trained for, and its error on the validation windows; 0 and NaN for one that was trained elsewhere */
  readonly epochs: number;
  readonly validationLoss: number;
}

/** What a model consists of, for other programs. The arrays are the model's own: do not write to them. */
export function lstmAutoencoderWeights(model: LstmAutoencoderModel): LstmAutoencoderWeights {
  const { shape, weights, scale, lastError, meanError } = model;
  return { shape, weights, scale, lastError, meanError };
}

/**
 * A model of given weights, which it keeps. Without errors of its training (another program's model) they count as 1: then `error: normalised` is `raw`.
 * Throws when a length or a number cannot be.
 */
export function modelFromWeights(
  given: Omit<LstmAutoencoderWeights, 'lastError' | 'meanError'> & Partial<LstmAutoencoderWeights>,
  training: { rows: number; epochs: number; validationLoss: number } = { rows: 0, epochs: 0, validationLoss: NaN },
): LstmAutoencoderModel {
  const { shape, weights, scale } = given;
  const ones = () => new Float64Array(shape.features).fill(1);
  const { lastError = ones(), meanError = ones() } = given;
  checkShape(shape);
  checkWeights(shape, weights);
  for (const [name, numbers, low] of [
    ['means', scale.mean, -Infinity],
    ['deviations', scale.deviation, 0],
    ['errors of the last step', lastError, Number.MIN_VALUE],
    ['errors of the window', meanError, Number.MIN_VALUE],
  ] as const) {
    if (numbers.length !== shape.features) {
      throw new Error(`${LSTM_AUTOENCODER} of ${shape.features} features has ${numbers.length} ${name}`);
    }
    const bad = numbers.find((value) => !(value >= low && value < Infinity && value > -Infinity));
    if (bad !== undefined) throw new Error(`${bad} cannot be among the ${name} of ${LSTM_AUTOENCODER}`);
  }
  for (const name of lstmArrays) {
    if (!weights[name].every(Number.isFinite))
      throw new Error(`${name} of ${LSTM_AUTOENCODER} has a number that is not finite`);
  }
  return {
    features: shape.features,
    rows: training.rows,
    epochs: training.epochs,
    validationLoss: training.validationLoss,
    shape,
    weights,
    scale,
    lastError,
    meanError,
    save() {
      const { features, hidden, steps } = shape;
      const counts = Float64Array.of(features, hidden, steps, training.rows, training.epochs, training.validationLoss);
      const flat = new Float32Array(lstmArrays.reduce((sum, name) => sum + weights[name].length, 0));
      let at = 0;
      for (const name of lstmArrays) {
        flat.set(weights[name], at);
        at += weights[name].length;
      }
      return packModel(LSTM_AUTOENCODER, LAYOUT_VERSION, [
        counts,
        scale.mean,
        scale.deviation,
        lastError,
        meanError,
        flat,
      ]);
    },
  };
}

/** Sizes follow from the counts and every number is checked, so that no file leads outside an array or to scores that are no numbers. */
export function loadLstmAutoencoder(state: ArrayBuffer): LstmAutoencoderModel {
  const [counts, mean, deviation, lastError, meanError, flat] = unpackModel(
    LSTM_AUTOENCODER,
    LAYOUT_VERSION,
    LAYOUT,
    state,
  );
  const refuse = (problem: string): never => {
    throw new Error(`cannot load this ${LSTM_AUTOENCODER} model: ${problem}; fit it again`);
  };
  if (counts.length !== 6) refuse(`it has ${counts.length} counts instead of 6`);
  const [features, hidden, steps, rows, epochs, validationLoss] = counts;
  const whole = (name: string, value: number, low: number, high: number) => {
    if (!(Number.isInteger(value) && value >= low && value <= high)) {
      refuse(`${name} = ${value} is not in ${low} .. ${high}`);
    }
  };
  whole('features', features, 1, LARGEST.features);
  whole('hidden', hidden, 4, LARGEST.hidden);
  whole('window', steps, 1, LARGEST.steps);
  whole('rows', rows, 0, 2 ** 32);
  whole('epochs', epochs, 0, 2 ** 32);
  if (!(validationLoss >= 0 || Number.isNaN(validationLoss))) refuse(`its validation loss is ${validationLoss}`);
  const shape = { features, hidden, steps };
  const shapes = Object.values(lstmArrayShapes(shape));
  const total = shapes.reduce((sum, [height, width]) => sum + height * width, 0);
  if (flat.length !== total) refuse(`it has ${flat.length} weights instead of ${total}`);
  let at = 0;
  const weights = eachArray(shape, (length) => flat.slice(at, (at += length)));
  try {
    const scale = { mean, deviation };
    return modelFromWeights({ shape, weights, scale, lastError, meanError }, { rows, epochs, validationLoss });
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
}
