/** Models of the two autoencoders in the TensorFlow.js Layers format, there and back. */
import { autoencoderFromWeights, autoencoderWeights, loadAutoencoder } from '../../detectors/autoencoder-model.ts';
import {
  loadLstmAutoencoder,
  lstmAutoencoderWeights,
  modelFromWeights,
} from '../../detectors/lstm-autoencoder-model.ts';
import { sha256 } from '../../store/atomic-file.ts';
import type { ModelManifest } from '../model-manifest.ts';
import { decodeDense, encodeDense } from './dense-layers.ts';
import { decodeLayers, WEIGHTS_FILE, type LayersFolder } from './layers-format.ts';
import { decodeLstm, encodeLstm } from './lstm-layers.ts';
import { manifestOf, parseScaler, sharedPart, type Scaler } from './scaler.ts';

export const TOPOLOGY_FILE = 'model.json';
export const SCALER_FILE = 'netpulse.json';

/** Contents of files by their names. Throws for detectors that have no form in the format. */
export function toLayers(manifest: ModelManifest, model: ArrayBuffer): Readonly<Record<string, Uint8Array | object>> {
  const { layers, scaler } = encode(manifest, model);
  return { [WEIGHTS_FILE]: layers.weights, [SCALER_FILE]: scaler, [TOPOLOGY_FILE]: layers.model };
}

function encode(
  manifest: ModelManifest,
  saved: ArrayBuffer,
): { layers: ReturnType<typeof encodeDense>; scaler: Scaler } {
  const about = sharedPart(manifest);
  switch (manifest.detector) {
    case 'autoencoder': {
      const { parameters, arrays } = autoencoderWeights(loadAutoencoder(saved));
      const { inputs, error, layers } = parameters;
      const weights = Array.from({ length: layers.length + 1 }, (_, l) => ({
        weight: Float32Array.from(arrays[`layer_${l}.weight`]),
        bias: Float32Array.from(arrays[`layer_${l}.bias`]),
      }));
      return {
        layers: encodeDense(arrays.mean.length, weights),
        scaler: {
          ...about,
          detector: 'autoencoder',
          inputs,
          error,
          mean: [...arrays.mean],
          deviation: [...arrays.deviation],
          train_error: [...arrays.train_error],
          limit: [...arrays.limit].map((most) => (most === Infinity ? null : most)),
        },
      };
    }
    case 'lstm-autoencoder': {
      const { shape, weights, scale, lastError, meanError } = lstmAutoencoderWeights(loadLstmAutoencoder(saved));
      return {
        layers: encodeLstm(shape, weights),
        scaler: {
          ...about,
          detector: 'lstm-autoencoder',
          mean: [...scale.mean],
          deviation: [...scale.deviation],
          last_error: [...lastError],
          mean_error: [...meanError],
        },
      };
    }
    default:
      throw new Error(
        `${manifest.detector} has no form in the TensorFlow.js Layers format, only autoencoder and lstm-autoencoder have; leave --format out`,
      );
  }
}

/** The model and its manifest. Throws with what is wrong with the folder, which `name` names. */
export function fromLayers(
  name: string,
  folder: LayersFolder,
  scalerFile: unknown,
): { manifest: ModelManifest; model: ArrayBuffer } {
  try {
    const scaler = parseScaler(scalerFile);
    const model = decode(folder, scaler);
    return { manifest: manifestOf(scaler, sha256(new Uint8Array(model)), model.byteLength), model };
  } catch (error) {
    throw new Error(`${name} cannot be imported: ${(error as Error).message}`, { cause: error });
  }
}

function decode(folder: LayersFolder, scaler: Scaler): ArrayBuffer {
  const { topology, weights } = decodeLayers(folder);
  const features = scaler.features.length;
  const mean = Float64Array.from(scaler.mean);
  const deviation = Float64Array.from(scaler.deviation);
  if (scaler.detector === 'autoencoder') {
    const layers = decodeDense(topology, weights, mean.length);
    const parameters = {
      layers: layers.slice(0, -1).map(({ bias }) => bias.length),
      inputs: scaler.inputs,
      error: scaler.error,
      seed: scaler.seed,
      epochs: 0,
      trainLoss: NaN,
      validationLoss: NaN,
    };
    const arrays = {
      mean,
      deviation,
      train_error: Float64Array.from(scaler.train_error),
      limit: Float64Array.from(scaler.limit, (most) => most ?? Infinity),
      ...Object.fromEntries(
        layers.flatMap(({ weight, bias }, l) => [
          [`layer_${l}.weight`, weight],
          [`layer_${l}.bias`, bias],
        ]),
      ),
    };
    return autoencoderFromWeights({ parameters, features, rows: scaler.rows, arrays }).save();
  }
  const { shape, weights: arrays } = decodeLstm(topology, weights);
  if (shape.features !== features)
    throw new Error(`the model has ${shape.features} features, netpulse.json names ${features}`);
  const [lastError, meanError] = [scaler.last_error, scaler.mean_error].map((errors) => Float64Array.from(errors));
  const training = { rows: scaler.rows, epochs: 0, validationLoss: NaN };
  return modelFromWeights(
    { shape, weights: arrays, scale: { mean, deviation }, lastError, meanError },
    training,
  ).save();
}
