/** The dense autoencoder as layers: Dense with ReLU, one after the other, the last one linear. Inputs and outputs are standardised. */
import {
  encodeLayers,
  nameOf,
  requireConfig,
  weightOf,
  type LayerJson,
  type NamedWeight,
  type TopologyJson,
} from './layers-format.ts';

/** One layer; `weight` is outputs x inputs, row-major. */
export interface DenseLayerWeights {
  readonly weight: Float32Array<ArrayBuffer>;
  readonly bias: Float32Array<ArrayBuffer>;
}

/** `columns`: of the input. */
export function encodeDense(columns: number, layers: readonly DenseLayerWeights[]): ReturnType<typeof encodeLayers> {
  const weights: NamedWeight[] = [];
  let inputs = columns;
  const json = layers.map(({ weight, bias }, l): LayerJson => {
    const units = bias.length;
    const name = `dense_${l}`;
    weights.push(
      { name: `${name}/kernel`, shape: [inputs, units], values: transposed(weight, units, inputs) },
      { name: `${name}/bias`, shape: [units], values: bias },
    );
    const config = {
      name,
      trainable: true,
      units,
      activation: l + 1 < layers.length ? 'relu' : 'linear',
      use_bias: true,
      ...(l === 0 && { batch_input_shape: [null, columns], dtype: 'float32' }),
    };
    inputs = units;
    return { class_name: 'Dense', config };
  });
  return encodeLayers({ class_name: 'Sequential', name: 'autoencoder', layers: json }, weights);
}

/** The layers of a chain of Dense layers, saved as such or as a graph. Throws when it is anything else. */
export function decodeDense(
  topology: TopologyJson,
  weights: readonly NamedWeight[],
  columns: number,
): DenseLayerWeights[] {
  const chain = chainOf(topology).filter(({ class_name }) => class_name !== 'InputLayer');
  if (chain.length < 2) throw new Error(`an autoencoder has a hidden layer, this model has ${chain.length} layers`);
  let inputs = columns;
  return chain.map((layer, l) => {
    if (layer.class_name !== 'Dense')
      throw new Error(`${nameOf(layer)} is a ${layer.class_name} layer; only Dense layers can be imported`);
    requireConfig(layer, { activation: l + 1 < chain.length ? 'relu' : 'linear', use_bias: true });
    const name = nameOf(layer);
    const units = Number(layer.config.units);
    const kernel = weightOf(weights, name, 'kernel', [inputs, units]);
    const bias = weightOf(weights, name, 'bias', [units]);
    const weight = transposed(kernel, inputs, units);
    inputs = units;
    if (l + 1 === chain.length && units !== columns)
      throw new Error(`the last layer has ${units} outputs, an autoencoder of ${columns} inputs has as many`);
    return { weight, bias };
  });
}

/** In the order of the flow. Throws when a layer has other inputs than the one before it. */
function chainOf({ class_name, layers, output_layers }: TopologyJson): readonly LayerJson[] {
  if (class_name === 'Sequential') return layers;
  if (class_name !== 'Model' && class_name !== 'Functional')
    throw new Error(`a model of the class ${class_name} cannot be imported, only Sequential, Model and Functional`);
  layers.forEach((layer, l) => {
    const nodes = layer.inbound_nodes ?? [];
    const before = l === 0 ? undefined : nameOf(layers[l - 1]);
    const single = nodes.length === 1 && nodes[0].length === 1 && nodes[0][0][0] === before;
    if (l === 0 ? nodes.length > 0 : !single)
      throw new Error(`the layers are no chain: ${nameOf(layer)} does not follow ${before ?? 'the input'}`);
  });
  if (output_layers?.length !== 1 || output_layers[0][0] !== nameOf(layers[layers.length - 1]))
    throw new Error('the output of the model is not its last layer');
  return layers;
}

function transposed(values: Float32Array, rows: number, columns: number): Float32Array<ArrayBuffer> {
  const out = new Float32Array(rows * columns);
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) out[c * rows + r] = values[r * columns + c];
  return out;
}
