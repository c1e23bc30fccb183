/**
 * The TensorFlow.js Layers format (`model.json` with `weightsManifest`, and the binary files it names), as far as the two autoencoders need it: what is
 * written loads with `tf.loadLayersModel`, and what that saves again can be read.
 */

/** A layer of a saved model. `inbound_nodes`: for each call of the layer its input tensors, each [layer, call, output, options]. */
export interface LayerJson {
  readonly class_name: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly name?: string;
  readonly inbound_nodes?: readonly (readonly TensorJson[])[];
}

export type TensorJson = readonly [layer: string, call: number, output: number, options?: object];

/** A saved model: a chain of layers (`Sequential`), or layers with the graph between them. */
export interface TopologyJson {
  readonly class_name: string;
  readonly layers: readonly LayerJson[];
  readonly input_layers?: readonly TensorJson[];
  readonly output_layers?: readonly TensorJson[];
}

export interface NamedWeight {
  readonly name: string;
  readonly shape: readonly number[];
  /** row-major */
  readonly values: Float32Array;
}

/** What a folder holds. `file` gives the content of one of its files by name, and throws when there is none. */
export interface LayersFolder {
  readonly model: unknown;
  file(name: string): Uint8Array<ArrayBuffer>;
}

export const WEIGHTS_FILE = 'weights.bin';

/** The content of `model.json` and of the file with all weights, in order. */
export function encodeLayers(
  { class_name, layers, ...ends }: TopologyJson & { readonly name: string },
  weights: readonly NamedWeight[],
): { model: object; weights: Uint8Array<ArrayBuffer> } {
  const { name, ...inputsAndOutputs } = ends;
  const bytes = new Uint8Array(weights.reduce((sum, { values }) => sum + values.byteLength, 0));
  let at = 0;
  for (const { values } of weights) {
    bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), at);
    at += values.byteLength;
  }
  return {
    model: {
      format: 'layers-model',
      generatedBy: 'netpulse',
      convertedBy: null,
      modelTopology: {
        class_name,
        config: { name, layers, ...inputsAndOutputs },
        keras_version: 'tfjs-layers 4.22.0',
        backend: 'tensor_flow.js',
      },
      weightsManifest: [
        {
          paths: [WEIGHTS_FILE],
          weights: weights.map(({ name: weight, shape }) => ({ name: weight, shape, dtype: 'float32' })),
        },
      ],
    },
    weights: bytes,
  };
}

/** The layers of a saved model and their weights. Throws with what is not as the format says. */
export function decodeLayers({ model, file }: LayersFolder): { topology: TopologyJson; weights: NamedWeight[] } {
  const root = objectAt(model, 'model.json');
  if (root.format !== undefined && root.format !== 'layers-model')
    throw new Error(`model.json is of the format ${show(root.format)}; save it as a layers-model`);
  const topology = objectAt(root.modelTopology, 'modelTopology of model.json');
  // Keras wraps it once more
  const saved = objectAt(topology.model_config ?? topology, 'modelTopology of model.json');
  const config = objectAt(saved.config, 'config of modelTopology');
  const layers = arrayAt(config.layers, 'layers of modelTopology').map(layerAt);
  return {
    topology: {
      class_name: String(saved.class_name),
      layers,
      input_layers: config.input_layers as TopologyJson['input_layers'],
      output_layers: config.output_layers as TopologyJson['output_layers'],
    },
    weights: arrayAt(root.weightsManifest, 'weightsManifest of model.json').flatMap((group) => weightsOf(group, file)),
  };
}

function layerAt(value: unknown): LayerJson {
  const layer = objectAt(value, 'a layer');
  return {
    class_name: String(layer.class_name),
    config: objectAt(layer.config, `config of the layer ${show(layer.class_name)}`),
    name: typeof layer.name === 'string' ? layer.name : undefined,
    inbound_nodes: (layer.inbound_nodes ?? []) as LayerJson['inbound_nodes'],
  };
}

function weightsOf(value: unknown, file: LayersFolder['file']): NamedWeight[] {
  const group = objectAt(value, 'a group of weightsManifest');
  const parts = arrayAt(group.paths, 'paths of weightsManifest').map((path) => {
    // a name inside the folder and nothing else
    if (typeof path !== 'string' || !/^[\w.-]+$/.test(path) || /^\.+$/.test(path))
      throw new Error(`weightsManifest names the file ${show(path)}; weights are files beside model.json`);
    return file(path);
  });
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let filled = 0;
  for (const part of parts) {
    bytes.set(part, filled);
    filled += part.length;
  }
  let at = 0;
  const weights = arrayAt(group.weights, 'weights of weightsManifest').map((entry) => {
    const { name, shape, dtype, quantization } = objectAt(entry, 'a weight of weightsManifest');
    if (dtype !== 'float32' || quantization !== undefined)
      throw new Error(
        `the weight ${show(name)} is ${quantization === undefined ? show(dtype) : 'quantised'}; save the model with float32 weights`,
      );
    const sizes = arrayAt(shape, `shape of the weight ${show(name)}`).map(Number);
    const length = sizes.reduce((product, size) => product * size, 1);
    if (!sizes.every((size) => Number.isInteger(size) && size > 0) || at + 4 * length > bytes.length)
      throw new Error(`the weight ${show(name)} of shape ${sizes.join(' x ')} does not fit into the weights' files`);
    const values = new Float32Array(bytes.slice(at, (at += 4 * length)).buffer);
    return { name: String(name), shape: sizes, values };
  });
  if (at !== bytes.length)
    throw new Error(`the weights' files have ${bytes.length} bytes, weightsManifest speaks of ${at}`);
  return weights;
}

/** The array `part` (kernel, recurrent_kernel, bias) of a layer. Throws when it is missing or of another shape. */
export function weightOf(
  weights: readonly NamedWeight[],
  layer: string,
  part: string,
  shape: readonly number[],
): Float32Array<ArrayBuffer> {
  const found = weights.find(
    ({ name }) => name.startsWith(`${layer}/`) && name.replace(/:0$/, '').split('/').at(-1) === part,
  );
  if (!found) throw new Error(`there is no weight ${layer}/${part}`);
  if (found.shape.join() !== shape.join())
    throw new Error(`the weight ${found.name} is ${found.shape.join(' x ')} instead of ${shape.join(' x ')}`);
  if (!found.values.every(Number.isFinite)) throw new Error(`the weight ${found.name} has a number that is not finite`);
  return Float32Array.from(found.values);
}

/** Throws when an option of a layer is another one than given; options that are not named here change nothing in scoring. */
export function requireConfig(layer: LayerJson, wanted: Readonly<Record<string, unknown>>): void {
  for (const [key, value] of Object.entries(wanted)) {
    const found = layer.config[key] ?? defaultOf(key);
    if (JSON.stringify(found) !== JSON.stringify(value))
      throw new Error(`the layer ${nameOf(layer)} has ${key} = ${show(found)}, only ${show(value)} can be imported`);
  }
}

export function nameOf(layer: LayerJson): string {
  return layer.name ?? String(layer.config.name);
}

/** What TensorFlow.js means by an option that is null or absent. */
function defaultOf(key: string): unknown {
  const defaults: Record<string, unknown> = {
    activation: 'linear',
    use_bias: true,
    return_sequences: false,
    return_state: false,
    go_backwards: false,
    stateful: false,
  };
  return defaults[key];
}

export function objectAt(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`there is no ${what}`);
  return value as Record<string, unknown>;
}

export function arrayAt(value: unknown, what: string): unknown[] {
  if (!Array.isArray(value)) throw new Error(`there is no list of ${what}`);
  return value;
}

function show(value: unknown): string {
  return JSON.stringify(value) ?? 'nothing';
}
