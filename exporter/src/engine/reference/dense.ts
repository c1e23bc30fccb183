/**
 * A dense autoencoder in plain float64 TypeScript: the definition of what the WebAssembly kernels of `engine/dense.ts` must compute.
 * Layers are y = W x + b with ReLU between them and nothing behind the last; the loss is the mean of (output - input)^2 over rows and columns; Adam as in
 * D. P. Kingma, J. Ba: Adam: A Method for Stochastic Optimization, ICLR 2015, algorithm 1.
 */

export type Numbers = Float32Array | Float64Array;

/** `weight` is out x in, row-major, as PyTorch's Linear has it; `bias` has one number for each output. */
export interface DenseLayer {
  readonly weight: Numbers;
  readonly bias: Numbers;
}

/** Training of a network with widths `sizes` that starts from given layers. Data is row-major with `sizes[0]` columns. */
export interface DenseTraining {
  /** what the network makes of the first `count` rows, to `outputs` */
  run(rows: Numbers, count: number, outputs: Numbers): void;
  /** the loss over the picked rows; its gradient is kept for `step` and `gradients` */
  gradient(rows: Numbers, picked: Int32Array): number;
  /** one step of Adam along the last gradient */
  step(): void;
  /** copies, as the steps have moved them */
  layers(): DenseLayer[];
  gradients(): DenseLayer[];
}

export const ADAM = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } as const;

export function denseReference(
  sizes: readonly number[],
  layers: readonly DenseLayer[],
  learningRate: number,
): DenseTraining {
  const parameters = layers.map(copy);
  const gradients = layers.map(zeros);
  const first = layers.map(zeros);
  const second = layers.map(zeros);
  let steps = 0;

  /** the values of every layer for one row: input, hidden ones, output */
  function values(rows: Numbers, row: number): Float64Array[] {
    const width = sizes[0];
    const all = [Float64Array.from(rows.subarray(row * width, (row + 1) * width))];
    parameters.forEach(({ weight, bias }, l) => {
      const from = all[l];
      const to = new Float64Array(sizes[l + 1]);
      for (let o = 0; o < to.length; o++) {
        let sum = bias[o];
        for (let i = 0; i < from.length; i++) sum += weight[o * from.length + i] * from[i];
        to[o] = l < parameters.length - 1 && sum < 0 ? 0 : sum;
      }
      all.push(to);
    });
    return all;
  }

  return {
    run(rows, count, outputs) {
      const width = sizes[sizes.length - 1];
      for (let row = 0; row < count; row++) outputs.set(values(rows, row)[sizes.length - 1], row * width);
    },
    gradient(rows, picked) {
      for (const { weight, bias } of gradients) {
        weight.fill(0);
        bias.fill(0);
      }
      const terms = picked.length * sizes[0];
      let loss = 0;
      for (const row of picked) {
        const all = values(rows, row);
        const output = all[all.length - 1];
        let carried = new Float64Array(output.length);
        for (let o = 0; o < output.length; o++) {
          const error = output[o] - all[0][o];
          loss += error ** 2 / terms;
          carried[o] = (2 * error) / terms;
        }
        for (let l = parameters.length - 1; l >= 0; l--) {
          const from = all[l];
          const back = new Float64Array(from.length);
          for (let o = 0; o < carried.length; o++) {
            gradients[l].bias[o] += carried[o];
            for (let i = 0; i < from.length; i++) {
              gradients[l].weight[o * from.length + i] += carried[o] * from[i];
              back[i] += carried[o] * parameters[l].weight[o * from.length + i];
            }
          }
          // the derivative of ReLU; the input, which has none in front of it, is not asked
          for (let i = 0; i < back.length; i++) if (from[i] <= 0) back[i] = 0;
          carried = back;
        }
      }
      return loss;
    },
    step() {
      steps++;
      const rate = learningRate / (1 - ADAM.beta1 ** steps);
      const root = Math.sqrt(1 - ADAM.beta2 ** steps);
      parameters.forEach((layer, l) => {
        for (const part of ['weight', 'bias'] as const) {
          const gradient = gradients[l][part];
          const m = first[l][part];
          const v = second[l][part];
          for (let i = 0; i < gradient.length; i++) {
            m[i] = ADAM.beta1 * m[i] + (1 - ADAM.beta1) * gradient[i];
            v[i] = ADAM.beta2 * v[i] + (1 - ADAM.beta2) * gradient[i] ** 2;
            layer[part][i] -= (rate * m[i]) / (Math.sqrt(v[i]) / root + ADAM.epsilon);
          }
        }
      });
    },
    layers: () => parameters.map(copy),
    gradients: () => gradients.map(copy),
  };
}

function copy({ weight, bias }: DenseLayer): DenseLayer {
  return { weight: Float64Array.from(weight), bias: Float64Array.from(bias) };
}

function zeros({ weight, bias }: DenseLayer): DenseLayer {
  return { weight: new Float64Array(weight.length), bias: new Float64Array(bias.length) };
}
