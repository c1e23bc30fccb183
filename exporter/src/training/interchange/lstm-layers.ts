/**
 * The LSTM autoencoder as a graph of layers: the format has no loop that feeds outputs back, so the decoder, one LSTM layer and one Dense layer, is called once for
 * each row of the window.
 *
 *     window [rows, features] -> encoder (LSTM) -> h, c
 *     h -> start (Dense of zeros) -> step (Reshape to [1, features])          the first input is 0
 *     step, h, c -> decoder (LSTM) -> h, c;  h -> output (Dense) -> step      once for each row
 *     all steps -> reconstruction (Concatenate) [rows, features]
 *
 * An LSTM layer gives its output and its state h, which are one and the same: only h is used, because TensorFlow.js frees the one while the other is still needed.
 */
import type { LstmAutoencoderWeights } from '../../detectors/lstm-autoencoder-model.ts';
import {
  encodeLayers,
  nameOf,
  requireConfig,
  weightOf,
  type LayerJson,
  type NamedWeight,
  type TensorJson,
  type TopologyJson,
} from './layers-format.ts';

type LstmShape = LstmAutoencoderWeights['shape'];
type LstmWeights = LstmAutoencoderWeights['weights'];
type LstmArray = keyof LstmWeights;

/** What each layer is for; in an exported model also its name. */
interface Roles<T> {
  readonly window: T;
  readonly encoder: T;
  readonly start: T;
  readonly step: T;
  readonly decoder: T;
  readonly output: T;
  readonly reconstruction: T;
}
type Role = keyof Roles<unknown>;

const NAMES: Roles<string> = {
  window: 'window',
  encoder: 'encoder',
  start: 'start',
  step: 'step',
  decoder: 'decoder',
  output: 'output',
  reconstruction: 'reconstruction',
};
const STATE_H = 1;
const STATE_C = 2;

/** Where each array of the weights is in the layers. */
const PLACES: Readonly<Record<LstmArray, [role: Role, part: string]>> = {
  encoderKernel: ['encoder', 'kernel'],
  encoderRecurrent: ['encoder', 'recurrent_kernel'],
  encoderBias: ['encoder', 'bias'],
  decoderKernel: ['decoder', 'kernel'],
  decoderRecurrent: ['decoder', 'recurrent_kernel'],
  decoderBias: ['decoder', 'bias'],
  outputKernel: ['output', 'kernel'],
  outputBias: ['output', 'bias'],
};
const lstmArrays = Object.keys(PLACES) as LstmArray[];

export function encodeLstm(shape: LstmShape, weights: LstmWeights): ReturnType<typeof encodeLayers> {
  const { features, hidden } = shape;
  const named: NamedWeight[] = lstmArrays.map((array) => ({
    name: PLACES[array].join('/'),
    shape: layerShape(shape, array),
    values: weights[array],
  }));
  named.push({ name: 'start/kernel', shape: [hidden, features], values: new Float32Array(hidden * features) });
  const calls = callsOf(shape, NAMES);
  const layers = (Object.keys(NAMES) as Role[]).map((role): LayerJson => {
    const { class_name, config } = layerOf(shape, role);
    const name = NAMES[role];
    return { name, class_name, config: { name, ...config }, inbound_nodes: calls[role] };
  });
  const ends = { input_layers: [[NAMES.window, 0, 0]], output_layers: [[NAMES.reconstruction, 0, 0]] } as const;
  return encodeLayers({ class_name: 'Model', name: 'lstm_autoencoder', layers, ...ends }, named);
}

/** Shape and weights of exactly that graph, whatever its layers are called. Throws with what is different. */
export function decodeLstm(
  { class_name, layers, output_layers }: TopologyJson,
  weights: readonly NamedWeight[],
): { shape: LstmShape; weights: LstmWeights } {
  if (class_name !== 'Model' && class_name !== 'Functional')
    throw new Error(`an LSTM autoencoder is a Model or Functional, not ${class_name}`);
  const roles = rolesOf(layers);
  const [, steps, features] = (roles.window.config.batch_input_shape ?? roles.window.config.batch_shape) as number[];
  const hidden = Number(roles.encoder.config.units);
  const shape: LstmShape = { features, hidden, steps };
  for (const [name, value] of Object.entries(shape))
    if (!Number.isInteger(value) || value < 1)
      throw new Error(`${name} of the model is ${value}, it must be a whole number above 0`);

  const names = Object.fromEntries(
    (Object.keys(NAMES) as Role[]).map((role) => [role, nameOf(roles[role])]),
  ) as unknown as Roles<string>;
  const calls = callsOf(shape, names);
  for (const role of Object.keys(NAMES) as Role[]) {
    requireConfig(roles[role], layerOf(shape, role).required);
    if (graphOf(roles[role].inbound_nodes ?? []) !== graphOf(calls[role]))
      throw new Error(
        `the layer ${names[role]} is not connected as the ${role} of an LSTM autoencoder: one decoder that is called for each of the ${steps} rows and gets its own output (state h) as its next input`,
      );
  }
  if (graphOf([output_layers ?? []]) !== graphOf([[[names.reconstruction, 0, 0]]]))
    throw new Error('the output of the model is not its reconstruction');
  if (!weightOf(weights, names.start, 'kernel', [hidden, features]).every((value) => value === 0))
    throw new Error(`the first input of the decoder is not 0: the layer ${names.start} has weights`);
  const arrays = Object.fromEntries(
    lstmArrays.map((array) => {
      const [role, part] = PLACES[array];
      return [array, weightOf(weights, names[role], part, layerShape(shape, array))];
    }),
  ) as unknown as LstmWeights;
  return { shape, weights: arrays };
}

/** The layers by what they are and what they are connected to. Throws when one is missing or too many. */
function rolesOf(layers: readonly LayerJson[]): Roles<LayerJson> {
  const only = (role: string, found: readonly LayerJson[]): LayerJson => {
    if (found.length !== 1)
      throw new Error(
        `an LSTM autoencoder has one layer as ${role}, this model has ${found.length} (its layers: ${layers.map((layer) => `${nameOf(layer)} ${layer.class_name}`).join(', ')})`,
      );
    return found[0];
  };
  const of = (class_name: string) => layers.filter((layer) => layer.class_name === class_name);
  const window = only('window (InputLayer)', of('InputLayer'));
  const follows = (before: LayerJson) => (layer: LayerJson) =>
    layer.inbound_nodes?.length === 1 && layer.inbound_nodes[0][0]?.[0] === nameOf(before);
  const encoder = only('encoder (LSTM behind the input)', of('LSTM').filter(follows(window)));
  const start = only('start (Dense behind the encoder)', of('Dense').filter(follows(encoder)));
  const roles = {
    window,
    encoder,
    start,
    step: only('step (Reshape)', of('Reshape')),
    decoder: only(
      'decoder (LSTM)',
      of('LSTM').filter((layer) => layer !== encoder),
    ),
    output: only(
      'output (Dense)',
      of('Dense').filter((layer) => layer !== start),
    ),
    reconstruction: only('reconstruction (Concatenate)', of('Concatenate')),
  };
  const other = layers.find((layer) => !Object.values(roles).includes(layer));
  if (other) throw new Error(`an LSTM autoencoder has no layer like ${nameOf(other)} (${other.class_name})`);
  return roles;
}

/** What each call of each layer gets. Call t of the decoder writes row t; call t of `step` makes its input, call t + 1 the row itself. */
function callsOf({ steps }: LstmShape, name: Roles<string>): Roles<readonly (readonly TensorJson[])[]> {
  const rows = Array.from({ length: steps }, (_, t) => t);
  const tensor = (layer: string, call: number, output = 0): TensorJson => [layer, call, output, {}];
  const before = (t: number): [string, number] => (t === 0 ? [name.encoder, 0] : [name.decoder, t - 1]);
  return {
    window: [],
    encoder: [[tensor(name.window, 0)]],
    start: [[tensor(name.encoder, 0, STATE_H)]],
    step: [[tensor(name.start, 0)], ...rows.map((t) => [tensor(name.output, t)])],
    decoder: rows.map((t) => [tensor(name.step, t), tensor(...before(t), STATE_H), tensor(...before(t), STATE_C)]),
    output: rows.map((t) => [tensor(name.decoder, t, STATE_H)]),
    reconstruction: [rows.map((t) => tensor(name.step, t + 1))],
  };
}

/** `required`: what an imported layer must say too. */
function layerOf(
  { features, hidden, steps }: LstmShape,
  role: Role,
): { class_name: string; config: object; required: Record<string, unknown> } {
  switch (role) {
    case 'window':
      return {
        class_name: 'InputLayer',
        config: { batch_input_shape: [null, steps, features], dtype: 'float32', sparse: false },
        required: {},
      };
    case 'encoder':
    case 'decoder': {
      const required = {
        units: hidden,
        activation: 'tanh',
        recurrent_activation: 'sigmoid',
        use_bias: true,
        return_sequences: false,
        return_state: true,
        go_backwards: false,
        stateful: false,
      };
      return { class_name: 'LSTM', config: { trainable: true, ...required, unroll: false }, required };
    }
    case 'start':
    case 'output': {
      const required = { units: features, activation: 'linear', use_bias: role === 'output' };
      return { class_name: 'Dense', config: { trainable: role === 'output', ...required }, required };
    }
    case 'step': {
      const required = { target_shape: [1, features] };
      return { class_name: 'Reshape', config: required, required };
    }
    case 'reconstruction':
      return { class_name: 'Concatenate', config: { axis: 1 }, required: { axis: 1 } };
  }
}

function layerShape({ features, hidden }: LstmShape, array: LstmArray): readonly number[] {
  const [role, part] = PLACES[array];
  if (role === 'output') return part === 'bias' ? [features] : [hidden, features];
  if (part === 'bias') return [4 * hidden];
  return [part === 'kernel' ? features : hidden, 4 * hidden];
}

/** Connections without their options, to compare. */
function graphOf(nodes: readonly (readonly TensorJson[])[]): string {
  return JSON.stringify(nodes.map((tensors) => tensors.map(([layer, call, output]) => [layer, call, output])));
}
