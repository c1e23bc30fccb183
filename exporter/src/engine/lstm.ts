/**
 * The LSTM autoencoder on WebAssembly: an encoder reads a window, a decoder that starts from the encoder's last state and feeds its own outputs back
 * writes it again (N. Srivastava, E. Mansimov, R. Salakhutdinov: Unsupervised Learning of Video Representations using LSTMs, ICML 2015, conditional decoder;
 * P. Malhotra et al.: LSTM-based Encoder-Decoder for Multi-sensor Anomaly Detection, 2016). The definition of correct is reference/lstm.ts.
 */
import { type WasmExports, arena, wasmModule } from './instantiate.ts';
import {
  type LstmShape,
  type LstmWeights,
  cellQuads,
  checkShape,
  checkWeights,
  eachArray,
  eachParameter,
  foldDecoder,
} from './lstm-weights.ts';
import { wasm } from './wasm/lstm.ts';

/** What assembly/lstm.ts exports. Addresses are in bytes. */
export interface LstmExports extends WasmExports {
  planTraining(base: number, features: number, hidden: number, steps: number, batch: number): number;
  beginTraining(): void;
  parameterCount(): number;
  parametersAt(): number;
  gradientsAt(): number;
  windowsAt(): number;
  masksAt(): number;
  seedDropout(a: number, b: number, c: number, d: number): void;
  trainBatch(count: number, step: number, dropout: number, learningRate: number, clip: number): number;
  loadBatch(count: number): void;
  forward(dropout: number): void;
  backward(dropout: number): void;
  loss(): number;
  planScoring(base: number, features: number, hidden: number, steps: number, batch: number): number;
  scoreEncoderAt(): number;
  scoreFirstAt(): number;
  scoreFoldedAt(): number;
  scoreWindowsAt(): number;
  reconstructionsAt(): number;
  reconstruct(count: number): void;
  tanhAll(from: number, to: number, length: number): void;
  sigmoidAll(from: number, to: number, length: number): void;
  adamStep(
    parameters: number,
    gradient: number,
    first: number,
    second: number,
    length: number,
    step: number,
    learningRate: number,
    beta1: number,
    beta2: number,
    epsilon: number,
    scale: number,
  ): void;
  sumOfSquares(values: number, length: number): number;
}

export const lstmModule = wasmModule<LstmExports>(wasm);

export interface LstmTrainingOptions {
  /** windows of a batch at most */
  readonly batch: number;
  /** chance that an output of the decoder's cell does not reach the output layer, 0 .. < 1 */
  readonly dropout: number;
  readonly learningRate: number;
  /** largest norm of a gradient; longer ones are scaled down. 0 = any */
  readonly clip: number;
  /** uniform in [0, 1): where dropout's masks begin */
  random(): number;
}

export interface LstmTrainer {
  /** where a batch is put before `step`, [window][step][feature] */
  readonly windows: Float32Array;
  /** One step of Adam on the first `count` windows; the mean squared error before it, with dropout. */
  step(count: number): number;
  /** a copy */
  weights(): LstmWeights;
  /**
   * Mean squared error of the first `count` windows and its gradient, without changing anything. `masks` ([window][step][unit]) multiply the outputs of
   * the decoder's cell; without them there is no dropout.
   */
  gradient(count: number, masks?: Float32Array): { loss: number; gradient: LstmWeights };
}

/** Optimises a copy of `weights` in memory of its own, about 22 MB for 64 windows of 30 x 6 and 128 units. */
export function createLstmTrainer(shape: LstmShape, weights: LstmWeights, options: LstmTrainingOptions): LstmTrainer {
  checkShape(shape);
  checkWeights(shape, weights);
  const { features, hidden, steps } = shape;
  const { batch, dropout, learningRate, clip } = options;
  const engine = lstmModule();
  const room = arena(engine);
  const base = engine.heapBase();
  room.reserve((engine.planTraining(align(base), features, hidden, steps, batch) - base) / 4);
  room.commit();
  engine.beginTraining();
  const { buffer } = engine.memory;
  const parameters = new Float32Array(buffer, engine.parametersAt(), engine.parameterCount());
  const gradients = new Float32Array(buffer, engine.gradientsAt(), engine.parameterCount());
  const windows = new Float32Array(buffer, engine.windowsAt(), batch * steps * features);
  eachParameter(shape, (name, index, place) => (parameters[place] = weights[name][index]));
  const word = () => 1 + Math.floor(options.random() * 0xffff_fffe);
  engine.seedDropout(word(), word(), word(), word());

  const gathered = (from: Float32Array) => {
    const arrays = eachArray(shape, (length) => new Float32Array(length));
    eachParameter(shape, (name, index, place) => (arrays[name][index] = from[place]));
    return arrays;
  };
  let done = 0;
  return {
    windows,
    step: (count) => engine.trainBatch(count, ++done, dropout, learningRate, clip),
    weights: () => gathered(parameters),
    gradient(count, masks) {
      engine.loadBatch(count);
      if (masks) writeMasks(shape, batch, count, masks, new Float32Array(buffer, engine.masksAt()));
      engine.forward(masks ? 1 : 0);
      const loss = engine.loss();
      engine.backward(masks ? 1 : 0);
      return { loss, gradient: gathered(gradients) };
    },
  };
}

/** [window][step][unit] to [step][panel][unit][8]. */
function writeMasks({ hidden, steps }: LstmShape, batch: number, count: number, masks: Float32Array, to: Float32Array) {
  const panels = Math.ceil(batch / 8);
  let from = 0;
  for (let window = 0; window < count; window++) {
    for (let t = 0; t < steps; t++) {
      const column = (t * panels + (window >> 3)) * hidden * 8 + (window & 7);
      for (let unit = 0; unit < hidden; unit++) to[column + 8 * unit] = masks[from++];
    }
  }
}

export interface LstmScorer {
  /** windows that are reconstructed together at most */
  readonly capacity: number;
  /** where they are put, [window][step][feature] */
  readonly windows: Float32Array;
  /** where their reconstructions are found, in the same order */
  readonly reconstructions: Float32Array;
  /** Reconstructs the first `count` windows. Each result depends on its own window only, to the last bit. */
  reconstruct(count: number): void;
}

/** Reconstructs windows with fixed weights, which are copied; without dropout. Needs about 1.2 MB for 64 windows of 30 x 6 and 128 units. */
export function createLstmScorer(shape: LstmShape, weights: LstmWeights, capacity = 64): LstmScorer {
  checkShape(shape);
  checkWeights(shape, weights);
  const { features, hidden, steps } = shape;
  const engine = lstmModule();
  const room = arena(engine);
  const base = engine.heapBase();
  room.reserve((engine.planScoring(align(base), features, hidden, steps, capacity) - base) / 4);
  room.commit();
  const { buffer } = engine.memory;
  const cell = cellQuads(shape);
  const encoder = new Float32Array(buffer, engine.scoreEncoderAt(), cell);
  eachParameter(shape, (name, index, place) => {
    if (place < cell) encoder[place] = weights[name][index];
  });
  const { first, folded } = foldDecoder(shape, weights);
  new Float32Array(buffer, engine.scoreFirstAt(), first.length).set(first);
  new Float32Array(buffer, engine.scoreFoldedAt(), folded.length).set(folded);
  const numbers = capacity * steps * features;
  return {
    capacity,
    windows: new Float32Array(buffer, engine.scoreWindowsAt(), numbers),
    reconstructions: new Float32Array(buffer, engine.reconstructionsAt(), numbers),
    reconstruct: (count) => engine.reconstruct(count),
  };
}

function align(address: number): number {
  return (address + 15) & ~15;
}
