/**
 * The LSTM autoencoder in plain float64 TypeScript: the definition of what the kernels of `engine/lstm.ts` must compute.
 *
 * Encoder and decoder are LSTM cells with forget gates and one bias (F. A. Gers, J. Schmidhuber, F. Cummins: Learning to Forget, Neural Computation 12(10),
 * 2000). The encoder reads the window from zero state; the decoder starts from its last h and c, its first input is 0 and each later one its own last
 * output, y = Wo (mask x h) + bo. The loss is the mean of (y - x)^2 over windows, steps and features. One window after the other, nothing packed.
 */
import { type LstmArray, type LstmShape, lstmArrayShapes, lstmArrays } from '../lstm-weights.ts';

export type ReferenceWeights = Readonly<Record<LstmArray, Float64Array>>;

/** float64 copies of weights, or zeros of their shapes. */
export function referenceWeights(
  shape: LstmShape,
  from?: Readonly<Record<LstmArray, ArrayLike<number>>>,
): ReferenceWeights {
  const shapes = lstmArrayShapes(shape);
  return Object.fromEntries(
    lstmArrays.map((name) => [
      name,
      from ? Float64Array.from(from[name]) : new Float64Array(shapes[name][0] * shapes[name][1]),
    ]),
  ) as unknown as ReferenceWeights;
}

/** What a forward step leaves for the way back. */
interface Step {
  readonly input: Float64Array;
  readonly hBefore: Float64Array;
  readonly cBefore: Float64Array;
  /** i, f, g, o, activated, each of `hidden` numbers */
  readonly gates: Float64Array;
  readonly c: Float64Array;
  readonly h: Float64Array;
}

interface Cell {
  readonly kernel: Float64Array;
  readonly recurrent: Float64Array;
  readonly bias: Float64Array;
}

const encoderOf = (w: ReferenceWeights): Cell => ({
  kernel: w.encoderKernel,
  recurrent: w.encoderRecurrent,
  bias: w.encoderBias,
});
const decoderOf = (w: ReferenceWeights): Cell => ({
  kernel: w.decoderKernel,
  recurrent: w.decoderRecurrent,
  bias: w.decoderBias,
});

/** One window's steps and outputs ([step][feature]). `mask` is [step][unit]; without it nothing is dropped. */
function runWindow(shape: LstmShape, weights: ReferenceWeights, window: Float64Array, mask?: Float64Array) {
  const { features, hidden, steps } = shape;
  const taken: Step[] = [];
  const dropped: Float64Array[] = [];
  const outputs = new Float64Array(steps * features);
  let h: Float64Array = new Float64Array(hidden);
  let c: Float64Array = new Float64Array(hidden);
  const take = (cell: Cell, input: Float64Array) => {
    const step = cellStep(hidden, cell, input, h, c);
    taken.push(step);
    h = step.h;
    c = step.c;
  };
  for (let t = 0; t < steps; t++) take(encoderOf(weights), window.slice(t * features, (t + 1) * features));
  let input: Float64Array = new Float64Array(features);
  for (let t = 0; t < steps; t++) {
    take(decoderOf(weights), input);
    const kept = h.map((value, unit) => (mask ? mask[t * hidden + unit] * value : value));
    dropped.push(kept);
    input = Float64Array.from(weights.outputBias);
    addProduct(weights.outputKernel, kept, input);
    outputs.set(input, t * features);
  }
  return { taken, dropped, outputs };
}

function cellStep(hidden: number, cell: Cell, input: Float64Array, hBefore: Float64Array, cBefore: Float64Array): Step {
  const gates = Float64Array.from(cell.bias);
  addProduct(cell.kernel, input, gates);
  addProduct(cell.recurrent, hBefore, gates);
  const c = new Float64Array(hidden);
  const h = new Float64Array(hidden);
  for (let u = 0; u < hidden; u++) {
    const i = (gates[u] = sigmoid(gates[u]));
    const f = (gates[hidden + u] = sigmoid(gates[hidden + u]));
    const g = (gates[2 * hidden + u] = Math.tanh(gates[2 * hidden + u]));
    const o = (gates[3 * hidden + u] = sigmoid(gates[3 * hidden + u]));
    c[u] = f * cBefore[u] + i * g;
    h[u] = o * Math.tanh(c[u]);
  }
  return { input, hBefore, cBefore, gates, c, h };
}

/**
 * Adds to `gradient` what this step's derivatives of h and c give; returns the derivatives by its input, by h and by c before it.
 */
function cellStepBack(hidden: number, cell: Cell, gradient: Cell, step: Step, dh: Float64Array, dc: Float64Array) {
  const { gates, c, cBefore } = step;
  const dGates = new Float64Array(4 * hidden);
  const dcBefore = new Float64Array(hidden);
  for (let u = 0; u < hidden; u++) {
    const i = gates[u];
    const f = gates[hidden + u];
    const g = gates[2 * hidden + u];
    const o = gates[3 * hidden + u];
    const t = Math.tanh(c[u]);
    const d = dc[u] + dh[u] * o * (1 - t * t);
    dGates[u] = d * g * i * (1 - i);
    dGates[hidden + u] = d * cBefore[u] * f * (1 - f);
    dGates[2 * hidden + u] = d * i * (1 - g * g);
    dGates[3 * hidden + u] = dh[u] * t * o * (1 - o);
    dcBefore[u] = d * f;
  }
  addOuter(step.input, dGates, gradient.kernel);
  addOuter(step.hBefore, dGates, gradient.recurrent);
  for (let j = 0; j < dGates.length; j++) gradient.bias[j] += dGates[j];
  return {
    dInput: transposedProduct(cell.kernel, dGates, step.input.length),
    dhBefore: transposedProduct(cell.recurrent, dGates, hidden),
    dcBefore,
  };
}

/** Reconstructions of windows, both [window][step][feature]. */
export function reconstructReference(shape: LstmShape, weights: ReferenceWeights, windows: Float64Array): Float64Array {
  const size = shape.steps * shape.features;
  const out = new Float64Array(windows.length);
  for (let at = 0; at < windows.length; at += size) {
    out.set(runWindow(shape, weights, windows.subarray(at, at + size)).outputs, at);
  }
  return out;
}

/** Mean squared error of windows and its gradient. `masks` are [window][step][unit]. */
export function gradientReference(
  shape: LstmShape,
  weights: ReferenceWeights,
  windows: Float64Array,
  masks?: Float64Array,
): { loss: number; gradient: ReferenceWeights } {
  const { features, hidden, steps } = shape;
  const size = steps * features;
  const count = windows.length / size;
  const gradient = referenceWeights(shape);
  let sum = 0;
  for (let w = 0; w < count; w++) {
    const window = windows.subarray(w * size, (w + 1) * size);
    const mask = masks?.subarray(w * steps * hidden, (w + 1) * steps * hidden);
    const { taken, dropped, outputs } = runWindow(shape, weights, window, mask);
    let dh: Float64Array = new Float64Array(hidden);
    let dc: Float64Array = new Float64Array(hidden);
    let fedBack: Float64Array = new Float64Array(features);
    for (let s = 2 * steps - 1; s >= 0; s--) {
      const t = s - steps;
      if (t >= 0) {
        const dy = fedBack.map((value, f) => {
          const error = outputs[t * features + f] - window[t * features + f];
          sum += error * error;
          return value + (2 * error) / (count * size);
        });
        addOuter(dropped[t], dy, gradient.outputKernel);
        for (let f = 0; f < features; f++) gradient.outputBias[f] += dy[f];
        const dDropped = transposedProduct(weights.outputKernel, dy, hidden);
        for (let u = 0; u < hidden; u++) dh[u] += mask ? mask[t * hidden + u] * dDropped[u] : dDropped[u];
      }
      const back =
        t >= 0
          ? cellStepBack(hidden, decoderOf(weights), decoderOf(gradient), taken[s], dh, dc)
          : cellStepBack(hidden, encoderOf(weights), encoderOf(gradient), taken[s], dh, dc);
      fedBack = back.dInput;
      dh = back.dhBefore;
      dc = back.dcBefore;
    }
  }
  return { loss: sum / (count * size), gradient };
}

/** to += x W, W being x.length rows of to.length */
function addProduct(matrix: Float64Array, x: Float64Array, to: Float64Array): void {
  const columns = to.length;
  for (let k = 0; k < x.length; k++) {
    const value = x[k];
    const row = k * columns;
    for (let j = 0; j < columns; j++) to[j] += value * matrix[row + j];
  }
}

/** W d', W being `rows` rows of d.length */
function transposedProduct(matrix: Float64Array, d: Float64Array, rows: number): Float64Array<ArrayBuffer> {
  const columns = d.length;
  const product = new Float64Array(rows);
  for (let k = 0; k < rows; k++) {
    let sum = 0;
    for (let j = 0; j < columns; j++) sum += matrix[k * columns + j] * d[j];
    product[k] = sum;
  }
  return product;
}

/** to += x' d */
function addOuter(x: Float64Array, d: Float64Array, to: Float64Array): void {
  const columns = d.length;
  for (let k = 0; k < x.length; k++) {
    const value = x[k];
    const row = k * columns;
    for (let j = 0; j < columns; j++) to[row + j] += value * d[j];
  }
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}
