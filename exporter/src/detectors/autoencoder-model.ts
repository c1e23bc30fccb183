/** What a fitted autoencoder is, how it is saved, and its weights under names for interchange. */
import { unpackLayers } from '../engine/dense-layout.ts';
import { type DenseNetwork, denseNetwork } from '../engine/dense.ts';
import type { DenseLayer } from '../engine/reference/dense.ts';
import type { Model } from '../flow.ts';
import { packModel, unpackModel } from './model-buffer.ts';
import { type InputKind, type InputScale, checkedInputScale, inputColumns } from './scaled-inputs.ts';

export const NAME = 'autoencoder';
const LAYOUT_VERSION = 1;
const LAYOUT = ['f64', 'f64', 'f64', 'f64', 'f64', 'i32', 'f32'] as const;
export const MAXIMUM_WIDTH = 1024;
export const MAXIMUM_LAYERS = 16;
/** Columns of the input: levels and changes. */
export const MAXIMUM_COLUMNS = 8192;

export type ErrorKind = 'normalised' | 'raw';

export interface AutoencoderParameters {
  readonly layers: readonly number[];
  readonly inputs: InputKind;
  readonly error: ErrorKind;
  readonly seed: number;
  /** see `TrainedLayers` */
  readonly epochs: number;
  readonly trainLoss: number;
  readonly validationLoss: number;
}

export interface AutoencoderModel extends Model {
  readonly parameters: AutoencoderParameters;
  readonly scale: InputScale;
  readonly network: DenseNetwork;
  /** mean squared error of each input column over the training rows that have it */
  readonly trainError: Float64Array<ArrayBuffer>;
  /** most that a column's error, as a multiple of its unit, may count in the normalised score: Infinity, less for columns without a unit */
  readonly limit: Float64Array<ArrayBuffer>;
}

/** Widths from the input to the output. */
export function networkSizes(columns: number, layers: readonly number[]): number[] {
  return [columns, ...layers, columns];
}

export function autoencoderModel(
  rows: number,
  parameters: AutoencoderParameters,
  scale: InputScale,
  network: DenseNetwork,
  trainError: Float64Array<ArrayBuffer>,
  limit: Float64Array<ArrayBuffer>,
): AutoencoderModel {
  const { features } = scale;
  return {
    features,
    rows,
    parameters,
    scale,
    network,
    trainError,
    limit,
    save() {
      const { layers, inputs, error, seed, epochs, trainLoss, validationLoss } = parameters;
      const counts = Float64Array.of(
        features,
        rows,
        inputs === 'level' ? 0 : 1,
        error === 'raw' ? 0 : 1,
        seed,
        epochs,
        trainLoss,
        validationLoss,
      );
      const parts = unpackLayers(network.layout, network.parameters).flatMap(({ weight, bias }) => [
        ...weight,
        ...bias,
      ]);
      const sections = [
        counts,
        scale.mean,
        scale.deviation,
        trainError,
        limit,
        Int32Array.from(layers),
        Float32Array.from(parts),
      ];
      return packModel(NAME, LAYOUT_VERSION, sections);
    },
  };
}

/** Widths follow from the counts, and every number is finite: nothing in a file may lead outside an array or make scores that are none. */
export function loadAutoencoder(state: ArrayBuffer): AutoencoderModel {
  const [counts, mean, deviation, trainError, limit, layers, flat] = unpackModel(NAME, LAYOUT_VERSION, LAYOUT, state);
  if (counts.length !== 8) refuse(`it has ${counts.length} counts instead of 8`);
  const [features, rows, wide, normalised, seed, epochs, trainLoss, validationLoss] = counts;
  if (wide !== 0 && wide !== 1) refuse(`change columns = ${wide} is not in 0 .. 1`);
  if (normalised !== 0 && normalised !== 1) refuse(`normalised errors = ${normalised} is not in 0 .. 1`);
  const inputs = wide === 0 ? 'level' : 'level+change';
  const error = normalised === 0 ? 'raw' : 'normalised';
  const parameters = { layers: [...layers], inputs, error, seed, epochs, trainLoss, validationLoss } as const;
  const sizes = checkedSizes(features, parameters);
  const total = sizes.slice(1).reduce((sum, out, l) => sum + out * (sizes[l] + 1), 0);
  if (flat.length !== total) refuse(`it has ${flat.length} weights instead of ${total}`);
  let at = 0;
  const take = (length: number) => flat.subarray(at, (at += length));
  const network = sizes.slice(1).map((out, l) => ({ weight: take(out * sizes[l]), bias: take(out) }));
  return checkedModel(rows, parameters, { features, inputs, mean, deviation }, network, trainError, limit);
}

/**
 * A model as arrays with names, row-major: for each layer n from 0 `layer_<n>.weight` (outputs x inputs) and `layer_<n>.bias`, ReLU behind all layers but the
 * last; `mean` and `deviation`, with which inputs are standardised (levels of the features, then their changes; changes are in deviations of the level
 * before); `train_error` and `limit` as in the model.
 */
export interface AutoencoderWeights {
  readonly parameters: AutoencoderParameters;
  readonly features: number;
  readonly rows: number;
  readonly arrays: Readonly<Record<string, Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer>>>;
}

/** Copies: the model does not change with them. */
export function autoencoderWeights(model: AutoencoderModel): AutoencoderWeights {
  const { parameters, features, rows, scale, network, trainError, limit } = model;
  const arrays: Record<string, Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer>> = {
    mean: scale.mean.slice(),
    deviation: scale.deviation.slice(),
    train_error: trainError.slice(),
    limit: limit.slice(),
  };
  unpackLayers(network.layout, network.parameters).forEach(({ weight, bias }, n) => {
    arrays[`layer_${n}.weight`] = Float32Array.from(weight);
    arrays[`layer_${n}.bias`] = Float32Array.from(bias);
  });
  return { parameters, features, rows, arrays };
}

/** The model of such arrays. Throws when an array is missing, has another length than the widths ask for, or holds numbers that are not finite. */
export function autoencoderFromWeights(weights: AutoencoderWeights): AutoencoderModel {
  const { parameters, features, rows, arrays } = weights;
  const sizes = checkedSizes(features, parameters);
  const array = (name: string) => arrays[name] ?? refuse(`it has no array "${name}"`);
  const numbers = (name: string) => Float64Array.from(array(name));
  const layers = sizes.slice(1).map((out, n) => {
    const [weight, bias] = [array(`layer_${n}.weight`), array(`layer_${n}.bias`)];
    if (weight.length !== out * sizes[n]) {
      refuse(`layer_${n}.weight has ${weight.length} numbers instead of ${out} x ${sizes[n]}`);
    }
    if (bias.length !== out) refuse(`layer_${n}.bias has ${bias.length} numbers instead of ${out}`);
    return { weight, bias };
  });
  const scale = { features, inputs: parameters.inputs, mean: numbers('mean'), deviation: numbers('deviation') };
  return checkedModel(rows, parameters, scale, layers, numbers('train_error'), numbers('limit'));
}

function checkedSizes(features: number, { inputs, error, layers }: AutoencoderParameters): number[] {
  // weights may come from outside the program, where no type holds
  if (!['level', 'level+change'].includes(inputs)) refuse(`inputs "${inputs}" are neither level nor level+change`);
  if (!['normalised', 'raw'].includes(error)) refuse(`the error "${error}" is neither normalised nor raw`);
  if (!Number.isInteger(features) || features < 1) refuse(`features = ${features} is not a whole number above 0`);
  const columns = inputColumns(features, inputs);
  if (columns > MAXIMUM_COLUMNS) refuse(`${features} features as ${inputs} are more than ${MAXIMUM_COLUMNS} columns`);
  if (layers.length < 1 || layers.length > MAXIMUM_LAYERS) {
    refuse(`${layers.length} hidden layers are not in 1 .. ${MAXIMUM_LAYERS}`);
  }
  for (const width of layers) {
    if (!Number.isInteger(width) || width < 1 || width > MAXIMUM_WIDTH) {
      refuse(`a layer of ${width} is not in 1 .. ${MAXIMUM_WIDTH}`);
    }
  }
  return networkSizes(columns, layers);
}

function checkedModel(
  rows: number,
  parameters: AutoencoderParameters,
  scale: InputScale,
  layers: readonly DenseLayer[],
  trainError: Float64Array<ArrayBuffer>,
  limit: Float64Array<ArrayBuffer>,
): AutoencoderModel {
  checkedInputScale(scale, refuse);
  if (!Number.isInteger(rows) || rows < 0 || rows > 2 ** 32) refuse(`rows = ${rows} is not in 0 .. ${2 ** 32}`);
  const columns = scale.mean.length;
  if (trainError.length !== columns) refuse(`it has ${trainError.length} training errors instead of ${columns}`);
  if (limit.length !== columns) refuse(`it has ${limit.length} limits instead of ${columns}`);
  if (!trainError.every((error) => error >= 0 && error < Infinity)) refuse('a training error is not a finite number');
  if (!limit.every((most) => most >= 0)) refuse('a limit is not a number above 0');
  const finite = layers.every(({ weight, bias }) => weight.every(Number.isFinite) && bias.every(Number.isFinite));
  if (!finite) refuse('a weight is not a finite number');
  const network = denseNetwork(networkSizes(columns, parameters.layers), layers);
  return autoencoderModel(rows, parameters, scale, network, trainError, limit);
}

function refuse(problem: string): never {
  throw new Error(`cannot load this ${NAME} model: ${problem}; fit it again`);
}
