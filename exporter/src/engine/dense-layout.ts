/**
 * Where the parameters of a dense network lie in one block of float32, the way the kernels read them: layer by layer the weights as [out / 4][in][4], then
 * the bias. Widths are padded to multiples of 4, and padding is 0: it makes no output, gets no gradient, and so stays 0 in training.
 */
import type { DenseLayer } from './reference/dense.ts';

export interface DenseLayout {
  readonly sizes: readonly number[];
  /** `sizes`, padded */
  readonly widths: readonly number[];
  /** where each layer's weights and bias begin, in numbers */
  readonly weights: readonly number[];
  readonly biases: readonly number[];
  /** of the whole block, in numbers */
  readonly length: number;
}

/** `sizes` are the widths from the input to the output: one layer between each two. */
export function denseLayout(sizes: readonly number[]): DenseLayout {
  if (sizes.length < 2 || !sizes.every((size) => Number.isInteger(size) && size > 0)) {
    throw new Error(`a dense network needs two or more widths, whole numbers above 0, got ${sizes.join(', ')}`);
  }
  const widths = sizes.map((size) => (size + 3) & ~3);
  const weights: number[] = [];
  const biases: number[] = [];
  let length = 0;
  for (let l = 0; l + 1 < widths.length; l++) {
    weights.push(length);
    biases.push((length += widths[l] * widths[l + 1]));
    length += widths[l + 1];
  }
  return { sizes: [...sizes], widths, weights, biases, length };
}

/** The block of canonical layers. Throws when they are not of the layout's sizes. */
export function packLayers(layout: DenseLayout, layers: readonly DenseLayer[]): Float32Array<ArrayBuffer> {
  const { sizes } = layout;
  const shape = (each: readonly DenseLayer[]) => each.map((layer) => `${layer.bias.length} (${layer.weight.length})`);
  const found = shape(layers).join(', ');
  const wanted = layout.weights.map((_, l) => `${sizes[l + 1]} (${sizes[l] * sizes[l + 1]})`).join(', ');
  if (found !== wanted) throw new Error(`layers with the outputs (weights) ${found} do not fit a network of ${wanted}`);
  const block = new Float32Array(layout.length);
  layers.forEach(({ weight, bias }, l) => {
    for (let o = 0; o < bias.length; o++) {
      block[layout.biases[l] + o] = bias[o];
      for (let i = 0; i < sizes[l]; i++) block[place(layout, l, o, i)] = weight[o * sizes[l] + i];
    }
  });
  return block;
}

export function unpackLayers(layout: DenseLayout, block: Float32Array): DenseLayer[] {
  const { sizes } = layout;
  return layout.weights.map((_, l) => {
    const weight = new Float32Array(sizes[l] * sizes[l + 1]);
    for (let o = 0; o < sizes[l + 1]; o++) {
      for (let i = 0; i < sizes[l]; i++) weight[o * sizes[l] + i] = block[place(layout, l, o, i)];
    }
    return { weight, bias: block.slice(layout.biases[l], layout.biases[l] + sizes[l + 1]) };
  });
}

function place({ widths, weights }: DenseLayout, layer: number, output: number, input: number): number {
  return weights[layer] + ((output >> 2) * widths[layer] + input) * 4 + (output & 3);
}
