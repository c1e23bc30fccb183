import { autoencoder } from '../../detectors/autoencoder.ts';
import { modelFromWeights } from '../../detectors/lstm-autoencoder-model.ts';
import { lstmAutoencoder } from '../../detectors/lstm-autoencoder.ts';
import type { Detector, FeatureSpec } from '../../flow.ts';
import { seededRandom } from '../../random.ts';
import { MANIFEST_FORMAT, type ModelManifest } from '../model-manifest.ts';
import type { LayerJson, TensorJson } from './layers-format.ts';
import { fromLayers, toLayers } from './layers-model.ts';

const FEATURES = 3;
const ROWS = 200;
const features = Array.from({ length: FEATURES }, (_, f): FeatureSpec => ({
  name: `f${f}_ratio`,
  unit: 'ratio',
  help: 'A column of a test.',
  kind: 'gauge',
  direction: 'both',
  transform: 'none',
  minimumDeviation: 0,
}));
const random = seededRandom(1);
const rows = {
  values: {
    rows: ROWS,
    columns: FEATURES,
    data: Float64Array.from({ length: ROWS * FEATURES }, () => random.normal()),
  },
  time: Float64Array.from({ length: ROWS }, (_, r) => r * 1000),
  segment: new Int32Array(ROWS),
};

function manifestOf(detector: string): ModelManifest {
  return {
    formatVersion: MANIFEST_FORMAT,
    version: 'v1',
    monitor: 'host',
    group: 'web-01',
    detector,
    sha256: '',
    bytes: 0,
    features: features.map(({ name, unit, transform }) => ({ name, unit, transform })),
    rows: ROWS,
    trainedAt: Date.UTC(2026, 0, 1),
    seed: 3,
    options: {},
    meanScore: 0.8,
    usualScore: null,
    historyRows: ROWS,
    notes: {},
  };
}

/** A folder as it lies on disk: JSON that a test may change, and files. */
interface Folder {
  model: {
    format?: string;
    modelTopology: {
      class_name: string;
      config: { layers: LayerJson[]; input_layers: TensorJson[]; output_layers: TensorJson[] };
    };
    weightsManifest: {
      paths: string[];
      weights: { name: string; shape: number[]; dtype: string; quantization?: object }[];
    }[];
  };
  scaler: Record<string, unknown>;
  weights: Uint8Array<ArrayBuffer>;
}

function folderOf(detector: string, saved: ArrayBuffer): Folder {
  const files = toLayers(manifestOf(detector), saved);
  const json = (name: string) => JSON.parse(JSON.stringify(files[name])) as never;
  return {
    model: json('model.json'),
    scaler: json('netpulse.json'),
    weights: files['weights.bin'] as Uint8Array<ArrayBuffer>,
  };
}

function importOf({ model, scaler, weights }: Folder) {
  const file = (name: string) => {
    if (name !== 'weights.bin') throw new Error(`there is no ${name}`);
    return weights;
  };
  return fromLayers('folder', { model, file }, scaler);
}

const denseDetector = () => autoencoder({ epochs: 1, layers: [8, 4, 8] }) as Detector;
const denseSaved = denseDetector().fit(rows, { seed: 1, features, rowsPerDay: 0 }).save();
const dense = () => folderOf('autoencoder', denseSaved);

const shape = { features: FEATURES, hidden: 4, steps: 5 };
const lstmDetector = () => lstmAutoencoder({ window: 5, hidden: 4 }) as Detector;
const lstmSaved = lstmModel().save();
const lstm = () => folderOf('lstm-autoencoder', lstmSaved);

function lstmModel() {
  const some = seededRandom(2);
  const numbers = (length: number) => Float32Array.from({ length }, () => some.normal() / 2);
  const weights = {
    encoderKernel: numbers(3 * 16),
    encoderRecurrent: numbers(4 * 16),
    encoderBias: numbers(16),
    decoderKernel: numbers(3 * 16),
    decoderRecurrent: numbers(4 * 16),
    decoderBias: numbers(16),
    outputKernel: numbers(4 * 3),
    outputBias: numbers(3),
  };
  const scale = { mean: Float64Array.of(0, 1, 2), deviation: Float64Array.of(1, 0, 3) };
  return modelFromWeights({ shape, weights, scale });
}

function scoresOf(detector: Detector, saved: ArrayBuffer): Float64Array {
  const scores = new Float64Array(ROWS);
  detector.score(detector.load(saved), rows, scores);
  return scores;
}

const layerOf = (folder: Folder, name: string) =>
  folder.model.modelTopology.config.layers.find(({ config }) => config.name === name) as {
    class_name: string;
    config: Record<string, unknown>;
    name?: string;
    inbound_nodes: [string, number, number][][];
  };
const refusal = (folder: Folder): string => {
  try {
    importOf(folder);
    return 'accepted';
  } catch (error) {
    return (error as Error).message;
  }
};

describe('an autoencoder as layers', () => {
  it.each<[string, () => Folder, () => Detector, ArrayBuffer]>([
    ['dense', dense, denseDetector, denseSaved],
    ['LSTM', lstm, lstmDetector, lstmSaved],
  ])('comes back with the same scores and what the manifest said (%s)', (_, folder, detector, saved) => {
    const { manifest, model } = importOf(folder());
    expect(scoresOf(detector(), model)).toEqual(scoresOf(detector(), saved));
    expect(manifest).toMatchObject({ monitor: 'host', group: 'web-01', rows: ROWS, meanScore: 0.8, usualScore: null });
    expect(manifest.features).toEqual(manifestOf('').features);
    expect(manifest.trainedAt).toBe(Date.UTC(2026, 0, 1));
  });

  it('keeps limits that are infinite, which JSON does not know', () => {
    const folder = dense();
    expect(folder.scaler.limit).toEqual(Array.from({ length: 6 }, () => null));
    folder.scaler.limit = [1, 2, 3, 4, null, null];
    expect(scoresOf(denseDetector(), importOf(folder).model)).not.toEqual(scoresOf(denseDetector(), denseSaved));
  });

  it('has no form for other detectors, and says so', () => {
    expect(() => toLayers(manifestOf('pca'), denseSaved)).toThrow(
      /pca has no form in the TensorFlow.js Layers format, only autoencoder and lstm-autoencoder have/,
    );
  });

  it('may be saved as a graph instead of a chain, and with other names', () => {
    const folder = dense();
    const { modelTopology, weightsManifest } = folder.model;
    const names = ['in', 'a', 'b', 'c', 'd'];
    const chain = modelTopology.config.layers;
    for (const weight of weightsManifest[0].weights)
      weight.name = weight.name.replace(/dense_(\d)/, (_, l: string) => names[Number(l) + 1]);
    modelTopology.class_name = 'Functional';
    modelTopology.config.layers = [
      { class_name: 'InputLayer', config: { name: 'in' }, name: 'in', inbound_nodes: [] },
    ].concat(
      chain.map(({ class_name, config }, l) => ({
        class_name,
        config: { ...config, name: names[l + 1] },
        name: names[l + 1],
        inbound_nodes: [[[names[l], 0, 0, {}]]] as never,
      })) as never,
    );
    modelTopology.config.output_layers = [['d', 0, 0]];
    expect(scoresOf(denseDetector(), importOf(folder).model)).toEqual(scoresOf(denseDetector(), denseSaved));
    layerOf(folder, 'c').inbound_nodes[0][0][0] = 'a';
    expect(refusal(folder)).toMatch(/the layers are no chain: c does not follow b/);
  });
});

describe('what is no autoencoder of ours is refused with what is different', () => {
  it.each<[string, (folder: Folder) => void, RegExp]>([
    [
      'another activation',
      (f) => (layerOf(f, 'dense_1').config.activation = 'tanh'),
      /dense_1 has activation = "tanh", only "relu"/,
    ],
    [
      'an output that is not linear',
      (f) => (layerOf(f, 'dense_3').config.activation = 'relu'),
      /dense_3 has activation = "relu", only "linear"/,
    ],
    ['no bias', (f) => (layerOf(f, 'dense_0').config.use_bias = false), /use_bias = false, only true/],
    [
      'another kind of layer',
      (f) => (layerOf(f, 'dense_1').class_name = 'Conv1D'),
      /dense_1 is a Conv1D layer; only Dense/,
    ],
    ['one layer', (f) => f.model.modelTopology.config.layers.splice(1), /has a hidden layer, this model has 1/],
    ['another class', (f) => (f.model.modelTopology.class_name = 'Sequel'), /class Sequel cannot be imported/],
    [
      'another format',
      (f) => (f.model.format = 'graph-model'),
      /of the format "graph-model"; save it as a layers-model/,
    ],
    [
      'a narrower output',
      (f) => {
        layerOf(f, 'dense_3').config.units = 5;
        f.model.weightsManifest[0].weights.splice(
          -2,
          2,
          { name: 'dense_3/kernel', shape: [8, 5], dtype: 'float32' },
          { name: 'dense_3/bias', shape: [5], dtype: 'float32' },
        );
        f.weights = f.weights.slice(0, f.weights.length - 9 * 4);
      },
      /the last layer has 5 outputs, an autoencoder of 6 inputs/,
    ],
    [
      'a weight that is missing',
      (f) => (f.model.weightsManifest[0].weights[0].name = 'other/kernel'),
      /there is no weight dense_0\/kernel/,
    ],
    [
      'a weight of another shape',
      (f) => (f.model.weightsManifest[0].weights[0].shape = [8, 6]),
      /dense_0\/kernel is 8 x 6 instead of 6 x 8/,
    ],
    [
      'weights that are cut off',
      (f) => (f.weights = f.weights.subarray(4) as never),
      /does not fit into the weights' files/,
    ],
    [
      'weights with something behind them',
      (f) => (f.weights = new Uint8Array([...f.weights, 0, 0, 0, 0])),
      /have \d+ bytes, weightsManifest speaks of \d+/,
    ],
    [
      'quantised weights',
      (f) => (f.model.weightsManifest[0].weights[1].quantization = {}),
      /dense_0\/bias" is quantised/,
    ],
    [
      'whole numbers',
      (f) => (f.model.weightsManifest[0].weights[1].dtype = 'int32'),
      /is "int32"; save the model with float32/,
    ],
    [
      'a weight that is not finite',
      (f) => new Float32Array(f.weights.buffer).fill(NaN, 0, 1),
      /dense_0\/kernel has a number that is not finite/,
    ],
    [
      'a file outside the folder',
      (f) => (f.model.weightsManifest[0].paths = ['../weights.bin']),
      /names the file "..\/weights.bin"/,
    ],
    ['the folder itself as file', (f) => (f.model.weightsManifest[0].paths = ['..']), /names the file ".."/],
    ['a file that is not there', (f) => (f.model.weightsManifest[0].paths = ['shard1']), /there is no shard1/],
    ['no weights', (f) => delete (f.model as Partial<Folder['model']>).weightsManifest, /no list of weightsManifest/],
    ['no topology', (f) => delete (f.model as Partial<Folder['model']>).modelTopology, /no modelTopology/],
    ['a scaler of other columns', (f) => (f.scaler.mean as number[]).pop(), /folder cannot be imported/],
    [
      'a deviation of 0',
      (f) => ((f.scaler.deviation as number[])[0] = 0),
      /a deviation is not a finite number above 0/,
    ],
    ['a scaler of another detector', (f) => (f.scaler.detector = 'pca'), /netpulse.json/],
    ['a file that is no scaler', (f) => (f.scaler = {}), /netpulse.json/],
    ['a scaler without mean score', (f) => delete f.scaler.mean_score, /mean_score/],
    ['a newer scaler', (f) => (f.scaler.version = 2), /reads version 1/],
  ])('dense: %s', (_, change, problem) => {
    const folder = dense();
    change(folder);
    expect(refusal(folder)).toMatch(problem);
    expect(refusal(folder)).toMatch(/^folder cannot be imported: /);
  });

  it.each<[string, (folder: Folder) => void, RegExp]>([
    [
      'other gates',
      (f) => (layerOf(f, 'decoder').config.recurrent_activation = 'hardSigmoid'),
      /decoder has recurrent_activation = "hardSigmoid", only "sigmoid"/,
    ],
    [
      'a decoder that is called once less',
      (f) => layerOf(f, 'decoder').inbound_nodes.pop(),
      /decoder is not connected as the decoder.*each of the 5 rows/,
    ],
    [
      'a decoder that gets the window',
      (f) => (layerOf(f, 'decoder').inbound_nodes[2][0] = ['window', 0, 0]),
      /decoder is not connected/,
    ],
    [
      'a decoder that gets the output, not the state',
      (f) => (layerOf(f, 'output').inbound_nodes[1][0] = ['decoder', 1, 0]),
      /output is not connected/,
    ],
    [
      'states that are swapped',
      (f) => layerOf(f, 'decoder').inbound_nodes[0].splice(1, 2, ['encoder', 0, 2], ['encoder', 0, 1]),
      /decoder is not connected/,
    ],
    [
      'rows in another order',
      (f) => layerOf(f, 'reconstruction').inbound_nodes[0].reverse(),
      /reconstruction is not connected/,
    ],
    ['another axis', (f) => (layerOf(f, 'reconstruction').config.axis = 2), /axis = 2, only 1/],
    [
      'another output',
      (f) => (f.model.modelTopology.config.output_layers = [['step', 5, 0]]),
      /output of the model is not its reconstruction/,
    ],
    ['another number of units', (f) => (layerOf(f, 'decoder').config.units = 8), /units = 8, only 4/],
    [
      'one layer more',
      (f) =>
        f.model.modelTopology.config.layers.push({
          class_name: 'Dropout',
          config: { name: 'drop' },
          name: 'drop',
          inbound_nodes: [],
        }),
      /no layer like drop \(Dropout\)/,
    ],
    [
      'one layer less',
      (f) => f.model.modelTopology.config.layers.pop(),
      /one layer as reconstruction \(Concatenate\), this model has 0/,
    ],
    [
      'two decoders',
      (f) => f.model.modelTopology.config.layers.push({ ...layerOf(f, 'decoder'), name: 'other' }),
      /one layer as decoder \(LSTM\), this model has 2/,
    ],
    ['a chain', (f) => (f.model.modelTopology.class_name = 'Sequential'), /is a Model or Functional, not Sequential/],
    [
      'a first input that is not 0',
      (f) => new Float32Array(f.weights.buffer).fill(1, -1),
      /first input of the decoder is not 0/,
    ],
    [
      'a window without length',
      (f) => (layerOf(f, 'window').config.batch_input_shape = [null, null, 3]),
      /steps of the model is null/,
    ],
    [
      'features that the scaler does not name',
      (f) => (f.scaler.features as unknown[]).pop(),
      /the model has 3 features, netpulse.json names 2/,
    ],
    ['an error of 0', (f) => ((f.scaler.last_error as number[])[0] = 0), /last_error/],
  ])('LSTM: %s', (_, change, problem) => {
    const folder = lstm();
    change(folder);
    expect(refusal(folder)).toMatch(problem);
  });
});
