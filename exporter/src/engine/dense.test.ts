import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { denseLayout, packLayers, unpackLayers } from './dense-layout.ts';
import { denseNetwork, denseTraining, runDense } from './dense.ts';
import { type DenseLayer, type DenseTraining, type Numbers, denseReference } from './reference/dense.ts';

/** Float64 results of PyTorch: bench/autoencoder.py --references. Of a large block, every `every`-th gradient. */
interface Reference {
  readonly sizes: number[];
  readonly batch: number;
  readonly losses: number[];
  readonly gradients: { largest: number; every: number; values: number[] }[];
}
const { learningRate, cases } = JSON.parse(readFileSync(join(__dirname, 'fixtures/dense.json'), 'utf8')) as {
  learningRate: number;
  cases: Reference[];
};

/** The sines that bench/autoencoder.py starts from: float64 numbers that float32 holds exactly. */
function sineLayers(sizes: readonly number[]): DenseLayer[] {
  return sizes.slice(1).map((out, l) => ({
    weight: rounded(out * sizes[l], (i) => (1.5 * Math.sin(i * i * 0.71 + i + l)) / Math.sqrt(sizes[l])),
    bias: rounded(out, (i) => 0.1 * Math.cos(i + l)),
  }));
}

function sineRows(count: number, columns: number): Float64Array {
  return rounded(count * columns, (i) => Math.sin(i * i * 0.37 + i));
}

function rounded(length: number, value: (i: number) => number): Float64Array {
  return Float64Array.from({ length }, (_, i) => Math.fround(value(i)));
}

function everyRow(count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, i) => i);
}

/** Gradients in the order of the fixture: weight and bias of each layer. */
function blocks(layers: readonly DenseLayer[]): Numbers[] {
  return layers.flatMap(({ weight, bias }) => [weight, bias]);
}

type Make = (
  sizes: readonly number[],
  layers: readonly DenseLayer[],
  learningRate: number,
  batch: number,
) => DenseTraining;
const implementations: [string, Make, { gradient: number; loss: number; difference: number; width: number }][] = [
  ['the float64 reference', denseReference, { gradient: 1e-11, loss: 1e-11, difference: 1e-7, width: 1e-5 }],
  ['the WebAssembly kernels', denseTraining, { gradient: 3e-6, loss: 1e-6, difference: 1e-2, width: 4e-3 }],
];

describe.each(implementations)('a dense network on %s', (_, make, tolerance) => {
  it.each(cases)('has the gradients and the first 15 losses of PyTorch: widths $sizes, batch $batch', (expected) => {
    const { sizes, batch } = expected;
    const rows = sineRows(batch, sizes[0]);
    const training = make(sizes, sineLayers(sizes), learningRate, batch);
    expected.losses.forEach((loss, step) => {
      const found = training.gradient(rows, everyRow(batch));
      expect(Math.abs(found - loss) / loss).toBeLessThan(tolerance.loss);
      if (step === 0) {
        blocks(training.gradients()).forEach((gradient, b) => {
          const { largest, every, values } = expected.gradients[b];
          expect(Math.ceil(gradient.length / every)).toBe(values.length);
          values.forEach((value, i) =>
            expect(Math.abs(gradient[i * every] - value) / largest).toBeLessThan(tolerance.gradient),
          );
        });
      }
      training.step();
    });
  });

  it('has the gradients that finite differences of its loss give', () => {
    const sizes = [6, 5, 3, 6];
    const rows = sineRows(11, 6);
    const layers = sineLayers(sizes);
    const lossOf = (changed: readonly DenseLayer[]) =>
      make(sizes, changed, learningRate, 11).gradient(rows, everyRow(11));
    const training = make(sizes, layers, learningRate, 11);
    training.gradient(rows, everyRow(11));
    const gradients = blocks(training.gradients());
    const { width } = tolerance;
    blocks(layers).forEach((_values, b) => {
      const largest = Math.max(...gradients[b].map(Math.abs));
      for (const i of [0, gradients[b].length >> 1, gradients[b].length - 1]) {
        const moved = (by: number) => {
          const copy = layers.map(({ weight, bias }) => ({ weight: weight.slice(), bias: bias.slice() }));
          blocks(copy)[b][i] += by;
          return lossOf(copy);
        };
        const difference = (moved(width) - moved(-width)) / (2 * width);
        expect(Math.abs(difference - gradients[b][i])).toBeLessThan(tolerance.difference * largest);
      }
    });
  });

  it.each([1, 2, 7, 8, 9, 31, 32])('gives a row the same output among %i rows as alone', (count) => {
    const sizes = [5, 9, 3, 5];
    const rows = sineRows(32, 5);
    const training = make(sizes, sineLayers(sizes), learningRate, 32);
    const all = new Float64Array(count * 5);
    training.run(rows, count, all);
    for (let row = 0; row < count; row++) {
      const alone = new Float64Array(5);
      training.run(rows.subarray(5 * row), 1, alone);
      expect(all.subarray(5 * row, 5 * row + 5)).toEqual(alone);
    }
  });

  it('takes the rows it is told to, in their order', () => {
    const sizes = [5, 4, 5];
    const rows = sineRows(20, 5);
    const picked = Int32Array.of(17, 3, 3, 9);
    const training = make(sizes, sineLayers(sizes), learningRate, 8);
    const gathered = Float64Array.from([...picked].flatMap((row) => [...rows.subarray(5 * row, 5 * row + 5)]));
    const loss = training.gradient(gathered, everyRow(4));
    const gradients = training.gradients();
    expect(training.gradient(rows, picked)).toBe(loss);
    expect(training.gradients()).toEqual(gradients);
  });

  it('learns to copy what it can', () => {
    const sizes = [4, 8, 4];
    const rows = sineRows(64, 4);
    const training = make(sizes, sineLayers(sizes), 0.01, 64);
    const first = training.gradient(rows, everyRow(64));
    for (let step = 0; step < 300; step++) {
      training.gradient(rows, everyRow(64));
      training.step();
    }
    expect(training.gradient(rows, everyRow(64))).toBeLessThan(first / 100);
  });

  it('has a loss that is not a number when a weight is not', () => {
    const layers = sineLayers([5, 9, 5]);
    layers[0].weight[0] = NaN;
    const loss = make([5, 9, 5], layers, learningRate, 9).gradient(sineRows(9, 5), everyRow(9));
    expect(loss).toBeNaN();
  });
});

describe('the kernels against the reference', () => {
  it.each([
    [[76, 64, 32, 16, 8, 16, 32, 64, 76], 32],
    [[13, 5, 2, 5, 13], 21],
    [[1, 1], 1],
    [[3, 1, 3], 5],
    [[130, 70, 130], 40],
  ])('have every gradient within 3e-6 of the largest of its block: widths %j, batch %i', (sizes, batch) => {
    const rows = Float32Array.from(sineRows(batch, sizes[0]));
    const layers = sineLayers(sizes).map(({ weight, bias }) => ({
      weight: Float32Array.from(weight),
      bias: Float32Array.from(bias),
    }));
    const exact = denseReference(sizes, layers, learningRate);
    const fast = denseTraining(sizes, layers, learningRate, batch);
    const loss = exact.gradient(rows, everyRow(batch));
    expect(Math.abs(fast.gradient(rows, everyRow(batch)) / loss - 1)).toBeLessThan(1e-6);
    const found = blocks(fast.gradients());
    blocks(exact.gradients()).forEach((wanted, b) => {
      const largest = Math.max(...wanted.map(Math.abs));
      wanted.forEach((value, i) => expect(Math.abs(found[b][i] - value)).toBeLessThanOrEqual(3e-6 * largest));
    });
  });

  it('leave the padding of widths that are no multiples of four at zero', () => {
    const sizes = [5, 7, 3, 5];
    const layout = denseLayout(sizes);
    const training = denseTraining(sizes, sineLayers(sizes), learningRate, 9);
    for (let step = 0; step < 5; step++) {
      training.gradient(sineRows(9, 5), everyRow(9));
      training.step();
    }
    const layers = training.layers();
    const outputs = new Float64Array(45);
    training.run(sineRows(9, 5), 9, outputs);
    // a network made anew from the canonical weights, whose padding is zero, gives the same bits
    const again = new Float64Array(45);
    runDense({ layout, parameters: packLayers(layout, layers) }, sineRows(9, 5), 9, again);
    expect(again).toEqual(outputs);
  });

  it('refuse a batch that is empty or larger than they were made for', () => {
    const training = denseTraining([3, 2, 3], sineLayers([3, 2, 3]), learningRate, 4);
    expect(() => training.gradient(sineRows(5, 3), everyRow(5))).toThrow(/1 to 4 rows, got 5/);
    expect(() => training.gradient(sineRows(5, 3), everyRow(0))).toThrow(/got 0/);
  });

  it('refuse an end of another width than the start', () => {
    expect(() => denseTraining([3, 2, 4], sineLayers([3, 2, 4]), learningRate, 4)).toThrow(/3,2,4/);
  });
});

describe('a trained dense network', () => {
  const outputs = (sizes: readonly number[], rows: Float64Array) => {
    const network = denseNetwork(sizes, sineLayers(sizes));
    return () => {
      const out = new Float64Array((rows.length / sizes[0]) * sizes[sizes.length - 1]);
      runDense(network, rows, rows.length / sizes[0], out);
      return out;
    };
  };

  it('gives what the reference gives, for more rows than are run together', () => {
    const sizes = [7, 12, 3, 10];
    const exact = new Float64Array(150 * 10);
    const layers = sineLayers(sizes);
    denseReference(sizes, layers, learningRate).run(sineRows(150, 7), 150, exact);
    const found = outputs(sizes, sineRows(150, 7))();
    exact.forEach((value, i) => expect(Math.abs(found[i] - value)).toBeLessThan(1e-6));
  });

  it('gives the same after networks of other sizes have run, smaller and larger ones', () => {
    const small = outputs([3, 4, 3], sineRows(9, 3));
    const medium = outputs([5, 9, 5], sineRows(70, 5));
    const first = [small(), medium()];
    const large = outputs([300, 200, 300], sineRows(3, 300));
    large();
    expect([small(), medium()]).toEqual(first);
    expect([medium(), small()]).toEqual([...first].reverse());
  });

  it('is not touched by what an infinite row left behind', () => {
    const rows = outputs([5, 9, 5], sineRows(9, 5));
    const before = rows();
    outputs([5, 9, 5], new Float64Array(80).fill(Infinity))();
    outputs([8, 8], new Float64Array(8 * 64).fill(NaN))();
    expect(rows()).toEqual(before);
  });
});

describe('the layout of a dense network', () => {
  it('gives layers back as they were packed', () => {
    const sizes = [5, 7, 12, 1, 5];
    const layout = denseLayout(sizes);
    const layers = sineLayers(sizes).map(({ weight, bias }) => ({
      weight: Float32Array.from(weight),
      bias: Float32Array.from(bias),
    }));
    expect(unpackLayers(layout, packLayers(layout, layers))).toEqual(layers);
  });

  it.each([[[5]], [[5, 0, 5]], [[5, 2.5, 5]], [[]]])('refuses the widths %j', (sizes) => {
    expect(() => denseLayout(sizes)).toThrow(/widths/);
  });

  it('refuses layers of other sizes', () => {
    expect(() => packLayers(denseLayout([5, 4, 5]), sineLayers([5, 3, 5]))).toThrow(
      /3 \(15\), 5 \(15\) do not fit a network of 4 \(20\), 5 \(20\)/,
    );
    expect(() => packLayers(denseLayout([5, 4, 5]), sineLayers([5, 4]))).toThrow(/do not fit/);
  });
});
