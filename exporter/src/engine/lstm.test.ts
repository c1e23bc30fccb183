import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { createLstmScorer, createLstmTrainer, lstmModule } from './lstm.ts';
import {
  type LstmArray,
  type LstmShape,
  type LstmWeights,
  eachArray,
  initialWeights,
  lstmArrayShapes,
  lstmArrays,
} from './lstm-weights.ts';
import { adamReference, adamState } from './reference/adam.ts';
import { gradientReference, reconstructReference, referenceWeights } from './reference/lstm.ts';

/** What bench/lstm-fixture.py wrote: PyTorch in float64. */
interface Fixture {
  readonly gradients: readonly {
    readonly batch: number;
    readonly dropout: boolean;
    readonly loss: number;
    readonly every: number;
    readonly gradients: Readonly<Record<LstmArray, { largest: number; alternating: number; every: number[] }>>;
  }[];
  readonly trajectories: readonly { readonly batch: number; readonly clip: number; readonly losses: number[] }[];
  readonly scores: { readonly windows: number; readonly reconstructions: number[]; readonly errors: number[] };
}
const fixture = JSON.parse(readFileSync(resolve('exporter/test/fixtures/engine/lstm.json'), 'utf8')) as Fixture;

const SHAPE: LstmShape = { features: 6, hidden: 128, steps: 30 };

/** Uniform in [-1, 1): `numbers` of bench/lstm-fixture.py. */
function numbers(count: number, seed: number): Float64Array {
  let state = seed;
  return Float64Array.from({ length: count }, () => {
    state = (Math.imul(1664525, state) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

const cachedWeights = new Map<LstmShape, LstmWeights>();

function fixtureWeights(shape = SHAPE): LstmWeights {
  const cached = cachedWeights.get(shape);
  if (cached) return cached;
  const weights = eachArray(shape, (length, name) =>
    Float32Array.from(numbers(length, 11 + lstmArrays.indexOf(name)), (value) => value / Math.sqrt(shape.hidden)),
  );
  cachedWeights.set(shape, weights);
  return weights;
}

function fixtureWindows(count: number, seed: number, { steps, features }: LstmShape = SHAPE): Float32Array {
  const noise = numbers(count * steps * features, seed);
  for (let at = 0; at < noise.length; at++) {
    if (at % (steps * features) >= features) noise[at] += 0.75 * noise[at - features];
  }
  return Float32Array.from(noise);
}

function fixtureMasks(count: number, seed: number, { steps, hidden }: LstmShape = SHAPE): Float32Array {
  return Float32Array.from(numbers(count * steps * hidden, seed), (value) => (value >= -0.4 ? 1 / 0.7 : 0));
}

type Arrays = Readonly<Record<LstmArray, ArrayLike<number>>>;

/** What both implementations can do, and the rounding they may have. */
interface Engine {
  readonly tolerance: { readonly gradient: number; readonly loss: number; readonly score: number };
  /** batches that its steps are compared on: the reference takes a second for 64 windows */
  readonly batches: readonly number[];
  gradient(
    shape: LstmShape,
    weights: LstmWeights,
    windows: Float32Array,
    masks?: Float32Array,
  ): { loss: number; gradient: Arrays };
  train(shape: LstmShape, weights: LstmWeights, batches: readonly Float32Array[], clip: number): number[];
  reconstruct(shape: LstmShape, weights: LstmWeights, windows: Float32Array): ArrayLike<number>;
}

const countOf = (shape: LstmShape, windows: Float32Array) => windows.length / (shape.steps * shape.features);
const trainer = (shape: LstmShape, weights: LstmWeights, batch: number, clip = 0, dropout = 0) =>
  createLstmTrainer(shape, weights, { batch, dropout, learningRate: 1e-3, clip, random: lcg(5) });

const engines: Record<string, Engine> = {
  'the reference': {
    tolerance: { gradient: 1e-11, loss: 1e-11, score: 1e-11 },
    batches: [3],
    gradient: (shape, weights, windows, masks) =>
      gradientReference(
        shape,
        referenceWeights(shape, weights),
        Float64Array.from(windows),
        masks && Float64Array.from(masks),
      ),
    train(shape, weights, batches, clip) {
      const parameters = referenceWeights(shape, weights);
      const flat = lstmArrays.map((name) => parameters[name]);
      const state = adamState(flat);
      return batches.map((windows) => {
        const { loss, gradient } = gradientReference(shape, parameters, Float64Array.from(windows));
        adamReference(
          flat,
          lstmArrays.map((name) => gradient[name]),
          state,
          { learningRate: 1e-3, clip },
        );
        return loss;
      });
    },
    reconstruct: (shape, weights, windows) =>
      reconstructReference(shape, referenceWeights(shape, weights), Float64Array.from(windows)),
  },
  WebAssembly: {
    tolerance: { gradient: 3e-6, loss: 1e-6, score: 2e-6 },
    batches: [64, 37, 3],
    gradient(shape, weights, windows, masks) {
      const count = countOf(shape, windows);
      const training = trainer(shape, weights, count);
      training.windows.set(windows);
      return training.gradient(count, masks);
    },
    train(shape, weights, batches, clip) {
      const training = trainer(shape, weights, countOf(shape, batches[0]), clip);
      return batches.map((windows) => {
        training.windows.set(windows);
        return training.step(countOf(shape, windows));
      });
    },
    reconstruct(shape, weights, windows) {
      const count = countOf(shape, windows);
      const scorer = createLstmScorer(shape, weights, count);
      scorer.windows.set(windows);
      scorer.reconstruct(count);
      return scorer.reconstructions.slice(0, windows.length);
    },
  },
};

function lcg(seed: number): () => number {
  let state = seed;
  return () => (state = (Math.imul(1664525, state) + 1013904223) >>> 0) / 2 ** 32;
}

function largest(values: ArrayLike<number>): number {
  return Array.from(values).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

/** Largest difference as a share of the largest wanted number; NaN counts as infinite. */
function deviation(found: ArrayLike<number>, wanted: ArrayLike<number>): number {
  expect(found.length).toBe(wanted.length);
  const most = largest(wanted);
  return Array.from(wanted).reduce((worst, value, i) => {
    const off = found[i] === value ? 0 : Math.abs(found[i] - value) / most;
    return off <= worst ? worst : Number.isNaN(off) ? Infinity : off;
  }, 0);
}

describe.each(Object.entries(engines))('the LSTM autoencoder in %s', (_, engine) => {
  it.each(fixture.gradients)(
    "has PyTorch's loss and gradients for $batch windows (dropout: $dropout)",
    ({ batch, dropout, loss, every, gradients }) => {
      const windows = fixtureWindows(batch, 100 + batch);
      const masks = dropout ? fixtureMasks(batch, 200 + batch) : undefined;
      const found = engine.gradient(SHAPE, fixtureWeights(), windows, masks);
      expect(Math.abs(found.loss / loss - 1)).toBeLessThan(engine.tolerance.loss);
      for (const name of lstmArrays) {
        const wanted = gradients[name];
        const flat = Array.from(found.gradient[name]);
        const scale = engine.tolerance.gradient * wanted.largest;
        expect(Math.abs(largest(flat) - wanted.largest)).toBeLessThan(scale);
        wanted.every.forEach((value, i) => expect(Math.abs(flat[i * every] - value)).toBeLessThan(scale));
        const alternating = flat.reduce((sum, value, i) => sum + (i % 2 ? -value : value), 0);
        expect(Math.abs(alternating - wanted.alternating)).toBeLessThan(scale * Math.sqrt(flat.length));
      }
    },
  );

  it.each(fixture.trajectories.filter(({ batch }) => engine.batches.includes(batch)))(
    "has PyTorch's losses over 15 steps of Adam on $batch windows, clipped at $clip",
    ({ batch, clip, losses }) => {
      const batches = losses.map((_loss, step) => fixtureWindows(batch, 300 + batch + step));
      const found = engine.train(SHAPE, fixtureWeights(), batches, clip);
      found.forEach((loss, step) => expect(Math.abs(loss / losses[step] - 1)).toBeLessThan(engine.tolerance.loss));
    },
  );

  it('reconstructs windows as PyTorch does', () => {
    const { windows: count, reconstructions, errors } = fixture.scores;
    const windows = fixtureWindows(count, 400);
    const found = engine.reconstruct(SHAPE, fixtureWeights(), windows);
    expect(deviation(found, reconstructions)).toBeLessThan(engine.tolerance.score);
    errors.forEach((error, w) => {
      let sum = 0;
      for (let i = w * 180; i < (w + 1) * 180; i++) sum += (found[i] - windows[i]) ** 2;
      expect(Math.abs(sum / 180 / error - 1)).toBeLessThan(engine.tolerance.score);
    });
  });

  it('keeps a window with NaN to itself', () => {
    const windows = fixtureWindows(11, 400);
    const usual = engine.reconstruct(SHAPE, fixtureWeights(), windows);
    windows[2 * 180 + 7] = NaN;
    windows[10 * 180 + 100] = NaN;
    const found = engine.reconstruct(SHAPE, fixtureWeights(), windows);
    for (let w = 0; w < 11; w++) {
      const rows = Array.from(found).slice(w * 180, (w + 1) * 180);
      if (w === 2 || w === 10) expect(rows.every(Number.isNaN)).toBe(true);
      else expect(rows).toEqual(Array.from(usual).slice(w * 180, (w + 1) * 180));
    }
  });
});

describe('the WebAssembly LSTM beside the reference', () => {
  const { WebAssembly: wasm, 'the reference': reference } = engines;

  it.each<[LstmShape, number]>([
    [{ features: 1, hidden: 4, steps: 1 }, 1],
    [{ features: 1, hidden: 8, steps: 7 }, 20],
    [{ features: 3, hidden: 4, steps: 5 }, 9],
    [{ features: 4, hidden: 12, steps: 2 }, 8],
    [{ features: 5, hidden: 20, steps: 3 }, 150],
    [{ features: 7, hidden: 16, steps: 30 }, 5],
    [{ features: 8, hidden: 16, steps: 4 }, 17],
    [{ features: 38, hidden: 32, steps: 6 }, 11],
    [{ features: 70, hidden: 8, steps: 4 }, 6],
  ])('has all gradients and reconstructions of the shape %j for %i windows', (shape, count) => {
    const weights = fixtureWeights(shape);
    const windows = fixtureWindows(count, 1, shape);
    for (const masks of [undefined, fixtureMasks(count, 2, shape)]) {
      const wanted = reference.gradient(shape, weights, windows, masks);
      const found = wasm.gradient(shape, weights, windows, masks);
      expect(Math.abs(found.loss / wanted.loss - 1)).toBeLessThan(1e-6);
      for (const name of lstmArrays) expect(deviation(found.gradient[name], wanted.gradient[name])).toBeLessThan(3e-6);
    }
    const wanted = reference.reconstruct(shape, weights, windows);
    expect(deviation(wasm.reconstruct(shape, weights, windows), wanted)).toBeLessThan(3e-6);
  });

  it('reconstructs a window to the same bits alone, in a panel and in a block', () => {
    const windows = fixtureWindows(29, 7);
    const together = Array.from(wasm.reconstruct(SHAPE, fixtureWeights(), windows));
    for (const [from, to] of [
      [0, 1],
      [28, 29],
      [3, 8],
      [3, 9],
      [5, 13],
      [10, 29],
    ]) {
      const some = wasm.reconstruct(SHAPE, fixtureWeights(), windows.slice(from * 180, to * 180));
      expect(Array.from(some)).toEqual(together.slice(from * 180, to * 180));
    }
  });

  it('gives the same gradient for a small batch behind a large one as at first', () => {
    const training = trainer(SHAPE, fixtureWeights(), 64);
    training.windows.set(fixtureWindows(3, 103));
    const fresh = training.gradient(3);
    training.windows.set(fixtureWindows(64, 1));
    training.gradient(64, fixtureMasks(64, 2));
    training.windows.set(fixtureWindows(3, 103));
    expect(training.gradient(3)).toEqual(fresh);
  });

  it('learns nothing from the columns that fill the last panel', () => {
    // three windows alone and the same with room for 64: what lies behind the third is no part of the batch
    const small = trainer(SHAPE, fixtureWeights(), 3);
    const large = trainer(SHAPE, fixtureWeights(), 64);
    large.windows.fill(NaN);
    for (let step = 0; step < 3; step++) {
      small.windows.set(fixtureWindows(3, step));
      large.windows.set(fixtureWindows(3, step));
      expect(large.step(3)).toBe(small.step(3));
    }
    expect(large.weights()).toEqual(small.weights());
  });

  it('gives its weights back as it got them', () => {
    for (const shape of [SHAPE, { features: 5, hidden: 12, steps: 2 }]) {
      const weights = initialWeights(shape, lcg(3));
      expect(trainer(shape, weights, 8).weights()).toEqual(weights);
    }
  });

  it('trains to the same bits from the same seed, and with dropout not as without', () => {
    const run = (dropout: number, seed = 5) => {
      const training = createLstmTrainer(SHAPE, fixtureWeights(), {
        batch: 16,
        dropout,
        learningRate: 1e-3,
        clip: 1,
        random: lcg(seed),
      });
      training.windows.set(fixtureWindows(16, 9));
      return [training.step(16), training.step(16)];
    };
    expect(run(0.3)).toEqual(run(0.3));
    expect(run(0.3)).not.toEqual(run(0.3, 6));
    expect(run(0)).not.toEqual(run(0.3));
    // dropped outputs are made up for: the loss stays near that of all outputs
    expect(Math.abs(run(0.3)[0] / run(0)[0] - 1)).toBeLessThan(0.1);
  });

  it('learns to repeat a window', () => {
    const shape = { features: 2, hidden: 16, steps: 8 };
    const training = createLstmTrainer(shape, initialWeights(shape, lcg(1)), {
      batch: 4,
      dropout: 0,
      learningRate: 0.01,
      clip: 1,
      random: lcg(2),
    });
    training.windows.set(fixtureWindows(4, 3, shape));
    const first = training.step(4);
    for (let step = 0; step < 600; step++) training.step(4);
    expect(training.step(4)).toBeLessThan(first / 50);
  });

  it.each([
    [{ features: 0, hidden: 8, steps: 3 }, /features = 0/],
    [{ features: 2, hidden: 6, steps: 3 }, /hidden = 6 of an LSTM must be a positive multiple of 4/],
    [{ features: 2, hidden: 8, steps: 1.5 }, /steps = 1.5/],
  ])('refuses the shape %j', (shape, problem) => {
    expect(() => trainer(shape, fixtureWeights(SHAPE), 8)).toThrow(problem);
  });

  it('refuses weights of another shape', () => {
    const weights = fixtureWeights();
    const cut = { ...weights, decoderBias: weights.decoderBias.slice(1) };
    expect(() => createLstmScorer(SHAPE, cut)).toThrow(/decoderBias of an LSTM has 511 numbers instead of 512/);
  });
});

describe('the activations', () => {
  const engine = lstmModule();
  const at = (engine.heapBase() + 15) & ~15;
  const view = () => new Float32Array(engine.memory.buffer, at, 4096);
  const apply = (kernel: 'tanhAll' | 'sigmoidAll', values: readonly number[]) => {
    view().fill(0);
    view().set(values);
    engine[kernel](at, at, Math.ceil(values.length / 4) * 4);
    return view().slice(0, values.length);
  };
  const line = Array.from({ length: 4001 }, (_, i) => Math.fround((i - 2000) / 150));

  it('are within 4e-7 of tanh and 2.5e-7 of the sigmoid', () => {
    const tanh = apply('tanhAll', line);
    const sigmoid = apply('sigmoidAll', line);
    line.forEach((x, i) => {
      expect(Math.abs(tanh[i] - Math.tanh(x))).toBeLessThan(4e-7);
      expect(Math.abs(sigmoid[i] - 1 / (1 + Math.exp(-x)))).toBeLessThan(2.5e-7);
    });
  });

  it('keep 0, infinities and NaN what they are', () => {
    const tanh = [...apply('tanhAll', [0, Infinity, -Infinity, NaN])];
    expect(tanh[0]).toBe(0);
    expect(tanh[1]).toBeCloseTo(1, 6);
    expect(tanh[2]).toBeCloseTo(-1, 6);
    expect(tanh[3]).toBeNaN();
    expect([...apply('sigmoidAll', [0, NaN])]).toEqual([0.5, NaN]);
  });
});

describe('Adam', () => {
  const engine = lstmModule();
  const LENGTH = 64;
  const at = (part: number) => ((engine.heapBase() + 15) & ~15) + 4 * LENGTH * part;
  const view = (part: number) => new Float32Array(engine.memory.buffer, at(part), LENGTH);

  it('moves parameters as the reference does, whatever the size of their gradients', () => {
    for (let part = 0; part < 4; part++) view(part).fill(0);
    const wanted = [new Float64Array(LENGTH)];
    const state = adamState(wanted);
    for (let step = 1; step <= 10; step++) {
      view(1).set(numbers(LENGTH, step).map((value, i) => value * 10 ** ((i % 9) - 6)));
      const gradients = [Float64Array.from(view(1))];
      const norm = Math.sqrt(engine.sumOfSquares(at(1), LENGTH));
      expect(norm).toBeCloseTo(Math.hypot(...gradients[0]), 6);
      adamReference(wanted, gradients, state, { learningRate: 1e-3, clip: 20 });
      const scale = Math.min(1, 20 / norm);
      engine.adamStep(at(0), at(1), at(2), at(3), LENGTH, step, 1e-3, 0.9, 0.999, 1e-8, scale);
      // 1 - beta2 in float32 would be off by 2.4e-5 here
      expect(deviation(view(0), wanted[0])).toBeLessThan(2e-6);
    }
  });
});

it('has 139,014 parameters at 6 features and 128 units', () => {
  const shapes = Object.values(lstmArrayShapes(SHAPE));
  expect(shapes.reduce((sum, [rows, columns]) => sum + rows * columns, 0)).toBe(139_014);
});
