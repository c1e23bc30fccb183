import { denseReference } from '../engine/reference/dense.ts';
import type { FitProgress, Rows } from '../flow.ts';
import { seededRandom } from '../random.ts';
import {
  type AutoencoderModel,
  type AutoencoderWeights,
  autoencoderFromWeights,
  autoencoderWeights,
} from './autoencoder-model.ts';
import { initialLayers, trainAutoencoder } from './autoencoder-training.ts';
import { type AutoencoderOptions, autoencoder } from './autoencoder.ts';
import { describeDetector } from './conformance.ts';
import { FEATURES, asRows, normalRows, pickColumns, sliceRows, specs } from './conformance-data.ts';
import { packModel, unpackModel } from './model-buffer.ts';

// errors smear: where two features usually move together, the one that stays is now and then copied worse than the one that moves
describeDetector(autoencoder({ epochs: 10 }), { rankedFirst: 0.8 });

const fitOptions = (columns: number, seed = 1) => ({ seed, features: specs(columns), rowsPerDay: 0 });

function fitted(train: Rows, options: Partial<AutoencoderOptions> = {}, seed = 1): AutoencoderModel {
  return autoencoder({ epochs: 5, ...options }).fit(train, fitOptions(train.values.columns, seed));
}

function scores(model: AutoencoderModel, rows: Rows): Float64Array {
  const out = new Float64Array(rows.values.rows);
  autoencoder().score(model, rows, out);
  return out;
}

function mean(numbers: ArrayLike<number>): number {
  return Array.from(numbers).reduce((sum, x) => sum + x, 0) / numbers.length;
}

describe('the score of the autoencoder', () => {
  it('is 1 for the average training row', () => {
    const train = normalRows(500, 0);
    expect(mean(scores(fitted(train), train))).toBeCloseTo(1, 9);
  });

  it('is, raw and of levels, the mean squared error of standardised values that the exported weights give', () => {
    const train = normalRows(500, 0);
    const rows = normalRows(50, 1);
    const model = fitted(train, { inputs: 'level', error: 'raw', layers: [7, 3, 7] });
    const { arrays } = autoencoderWeights(model);
    const layers = [0, 1, 2, 3].map((n) => ({ weight: arrays[`layer_${n}.weight`], bias: arrays[`layer_${n}.bias`] }));
    const inputs = rows.values.data.map(
      (value, i) => (value - arrays.mean[i % FEATURES]) / arrays.deviation[i % FEATURES],
    );
    const outputs = new Float64Array(inputs.length);
    denseReference([FEATURES, 7, 3, 7, FEATURES], layers, 0).run(inputs, 50, outputs);
    scores(model, rows).forEach((score, r) => {
      const squares = Array.from({ length: FEATURES }, (_, f) => (outputs[6 * r + f] - inputs[6 * r + f]) ** 2);
      expect(score / mean(squares)).toBeCloseTo(1, 4);
    });
  });

  it('counts a missing value as the average error of its columns', () => {
    const train = normalRows(500, 0);
    const model = fitted(train, { inputs: 'level' });
    const rows = asRows(new Float64Array(6).fill(NaN), 6);
    rows.values.data[0] = train.values.data[0];
    const [score] = scores(model, rows);
    const { arrays } = autoencoderWeights(model);
    const error = new Float64Array(6);
    autoencoder({ inputs: 'level' }).expected?.(model, rows, { rows: 1, columns: 6, data: error });
    const own = ((error[0] - rows.values.data[0]) / arrays.deviation[0]) ** 2 / arrays.train_error[0];
    expect(score).toBeCloseTo((own + 5) / 6, 4);
  });

  it('counts the first movement of a constant column up to a limit, and blames no other for it', () => {
    const train = pickColumns(normalRows(500, 0), [0, 1, 2, 3, 4, 5, -1], 3);
    const model = fitted(train, { inputs: 'level' });
    const moved = (by: number) => {
      const rows = sliceRows(train, 100, 101);
      rows.values.data[6] += by;
      const shares = { rows: 1, columns: 7, data: new Float64Array(7) };
      autoencoder({ inputs: 'level' }).contributions?.(model, rows, shares);
      const [score] = scores(model, rows);
      return { score, own: score * shares.data[6] };
    };
    const still = moved(0);
    expect(moved(1).score).toBeGreaterThan(still.score + 10);
    expect(moved(1e9).own).toBeCloseTo(1e4 / 7, 6);
    for (const by of [1, 1e9]) expect(moved(by).score - moved(by).own).toBeCloseTo(still.score - still.own, 6);
  });

  it('never counts a column that had no value in training', () => {
    const train = pickColumns(normalRows(500, 0), [0, 1, 2, 3, 4, 5, -1], NaN);
    const model = fitted(train, { inputs: 'level' });
    const [absent, present] = [sliceRows(train, 100, 101), sliceRows(train, 100, 101)];
    present.values.data[6] = 0;
    expect(scores(model, present)[0]).toBeCloseTo(scores(model, absent)[0], 12);
    const shares = { rows: 1, columns: 7, data: new Float64Array(7) };
    autoencoder({ inputs: 'level' }).contributions?.(model, present, shares);
    expect(shares.data[6]).toBe(0);
  });

  it('is highest where the relation of two features is broken, though each value is usual', () => {
    const random = seededRandom(3);
    const pairs = (count: number) => {
      const data = new Float64Array(2 * count);
      for (let r = 0; r < count; r++) {
        data[2 * r] = random.normal();
        data[2 * r + 1] = data[2 * r] + 0.05 * random.normal();
      }
      return asRows(data, 2);
    };
    const model = fitted(pairs(1000), { inputs: 'level', layers: [8, 1, 8], epochs: 60, learning_rate: 0.01 });
    const rows = pairs(200);
    rows.values.data.set([1, -1], 2 * 50);
    const out = scores(model, rows);
    expect(out.indexOf(Math.max(...out))).toBe(50);
  });
});

describe('training of the autoencoder', () => {
  const train = normalRows(600, 0);

  function progressOf(options: Partial<AutoencoderOptions>): { model: AutoencoderModel; told: FitProgress[] } {
    const told: FitProgress[] = [];
    const model = autoencoder(options).fit(train, { ...fitOptions(6), onProgress: (progress) => told.push(progress) });
    return { model, told };
  }

  it('tells each epoch and its losses, and both fall', () => {
    const { told } = progressOf({ epochs: 8 });
    expect(told.map(({ epoch, epochs, share }) => [epoch, epochs, share])).toEqual(
      Array.from({ length: 8 }, (_, i) => [i + 1, 8, (i + 1) / 8]),
    );
    for (const loss of ['trainLoss', 'validationLoss'] as const) {
      expect(told[7][loss]!).toBeLessThan(0.8 * told[0][loss]!);
    }
  });

  it('tells no validation loss when no rows are kept apart, and takes every epoch', () => {
    const { model, told } = progressOf({ epochs: 4, validation: 0 });
    expect(told).toHaveLength(4);
    expect(told.every((progress) => !('validationLoss' in progress))).toBe(true);
    expect(model.parameters).toMatchObject({ epochs: 4, trainLoss: told[3].trainLoss, validationLoss: NaN });
  });

  it('stops after as many epochs without a better validation loss as patience allows, and keeps the best', () => {
    const { model, told } = progressOf({ epochs: 500, patience: 3, learning_rate: 0.01 });
    const losses = told.map((progress) => progress.validationLoss!);
    const best = losses.indexOf(Math.min(...losses)) + 1;
    expect(told.length).toBeLessThan(500);
    expect(told).toHaveLength(best + 3);
    expect(model.parameters).toMatchObject({ epochs: best, validationLoss: losses[best - 1] });
    const kept = fitted(train, { epochs: best, patience: 3, learning_rate: 0.01 });
    expect(scores(model, train)).toEqual(scores(kept, train));
  });

  it('never stops early without patience', () => {
    expect(progressOf({ epochs: 60, patience: 0, learning_rate: 0.02, layers: [16] }).told).toHaveLength(60);
  });

  it('learns nothing from the rows that are kept apart: the last tenth of each tenth', () => {
    const inputs = Float32Array.from({ length: 600 * 6 }, (_, i) => Math.sin(i * i));
    const lossOf = (edited: (row: number) => boolean) => {
      const losses: FitProgress[] = [];
      const some = inputs.map((value, i) => (edited(Math.floor(i / 6)) ? -value : value));
      const settings = { epochs: 3, batch: 32, learning_rate: 0.001, patience: 0, validation: 0.1 };
      trainAutoencoder(some, [6, 4, 6], 1, settings, (progress) => losses.push(progress));
      return losses[2];
    };
    const [plain, apart, other] = [() => false, (row: number) => row % 60 >= 54, (row: number) => row % 60 === 53].map(
      lossOf,
    );
    expect(apart.trainLoss).toBe(plain.trainLoss);
    expect(apart.validationLoss).not.toBe(plain.validationLoss);
    expect(other.trainLoss).not.toBe(plain.trainLoss);
  });

  it('begins with weights and biases between plus and minus one by the root of the inputs', () => {
    const [first, second] = initialLayers([100, 40, 9], seededRandom(1));
    for (const [numbers, bound] of [
      [first.weight, 0.1],
      [first.bias, 0.1],
      [second.weight, 40 ** -0.5],
      [second.bias, 40 ** -0.5],
    ] as const) {
      expect(Math.max(...numbers.map(Math.abs))).toBeLessThanOrEqual(bound);
      expect(Math.max(...numbers.map(Math.abs))).toBeGreaterThan(0.7 * bound);
    }
    expect(mean(first.weight.map((w) => w * w))).toBeCloseTo(0.01 / 3, 3);
  });

  it('says which epoch failed when the loss is no longer a number', () => {
    const inputs = new Float32Array(200 * 4).fill(1);
    inputs[400] = NaN;
    const settings = { epochs: 3, batch: 32, learning_rate: 0.5, patience: 0, validation: 0 };
    expect(() => trainAutoencoder(inputs, [4, 2, 4], 1, settings)).toThrow(
      /does not converge: in epoch 1 its loss is NaN; lower learning_rate, it is 0.5/,
    );
  });

  it('takes a random choice of more rows than it may, the same for the same seed', () => {
    const model = fitted(train, { rows: 200 });
    expect(model.rows).toBe(200);
    expect(scores(model, train)).toEqual(scores(fitted(train, { rows: 200 }), train));
    expect(scores(model, train)).not.toEqual(scores(fitted(train), train));
  });

  it('names minimumRows when rows without any value leave too few', () => {
    const rows = normalRows(300, 0);
    rows.values.data.fill(NaN, 6 * 127);
    expect(() => fitted(rows)).toThrow(/minimumRows = 128 rows with a value to fit, got 127/);
  });

  it('refuses more columns than a network may have', () => {
    expect(() => fitted(asRows(new Float64Array(128 * 4097), 4097))).toThrow(/4097 features as level\+change are 8194/);
  });
});

describe('the autoencoder as a file', () => {
  const model = fitted(normalRows(300, 0), { layers: [5, 3], epochs: 2 });
  const LAYOUT = ['f64', 'f64', 'f64', 'f64', 'f64', 'i32', 'f32'] as const;
  type Sections = ReturnType<typeof unpackModel<typeof LAYOUT>>;

  const counts = (edit: Partial<Record<number, number>>) => (sections: Sections) => {
    for (const [i, value] of Object.entries(edit)) sections[0][Number(i)] = value ?? 0;
  };
  it.each<[string, (sections: Sections) => void, RegExp]>([
    ['features that are no number', counts({ 0: NaN }), /features = NaN/],
    ['other features', counts({ 0: 5 }), /weights instead of/],
    ['a negative number of rows', counts({ 1: -1 }), /rows = -1/],
    ['inputs of a third kind', counts({ 2: 2 }), /change columns = 2/],
    ['an error of a third kind', counts({ 3: 7 }), /normalised errors = 7/],
    ['an infinite mean', (sections) => (sections[1][3] = Infinity), /a mean is not a finite number/],
    ['a deviation of 0', (sections) => (sections[2][3] = 0), /a deviation is not a finite number above 0/],
    ['a training error that is no number', (sections) => (sections[3][3] = NaN), /a training error is not/],
    ['a negative limit', (sections) => (sections[4][3] = -1), /a limit is not a number above 0/],
    ['a layer of another width', (sections) => (sections[5][1] = 4), /weights instead of/],
    ['a layer without width', (sections) => (sections[5][1] = 0), /a layer of 0/],
    ['a weight that is no number', (sections) => (sections[6][9] = NaN), /a weight is not a finite number/],
  ])('is refused with a right checksum but %s', (_, edit, problem) => {
    const detector = autoencoder();
    const sections = unpackModel('autoencoder', 1, LAYOUT, model.save());
    expect(() => detector.load(packModel('autoencoder', 1, sections))).not.toThrow();
    edit(sections);
    expect(() => detector.load(packModel('autoencoder', 1, sections))).toThrow(problem);
  });

  it.each([[{ inputs: 'level' }], [{ error: 'raw' }]] as const)('is refused when %j is configured', (options) => {
    expect(() => autoencoder(options).load(model.save())).toThrow(/but "(level|raw)" is configured/);
  });

  it('keeps how it was trained', () => {
    expect(autoencoder().load(model.save()).parameters).toEqual(model.parameters);
    expect(model.parameters).toMatchObject({ layers: [5, 3], inputs: 'level+change', error: 'normalised', seed: 1 });
  });
});

describe('weights of an autoencoder under names', () => {
  const train = normalRows(300, 0);
  const model = fitted(train, { layers: [5, 3] });

  it('make the same model again', () => {
    const again = autoencoderFromWeights(autoencoderWeights(model));
    expect(new Uint8Array(again.save())).toEqual(new Uint8Array(model.save()));
    expect(scores(again, train)).toEqual(scores(model, train));
  });

  it('are named by layer, outputs by inputs', () => {
    const { arrays } = autoencoderWeights(model);
    expect(Object.fromEntries(Object.entries(arrays).map(([name, { length }]) => [name, length]))).toEqual({
      mean: 12,
      deviation: 12,
      train_error: 12,
      limit: 12,
      'layer_0.weight': 5 * 12,
      'layer_0.bias': 5,
      'layer_1.weight': 3 * 5,
      'layer_1.bias': 3,
      'layer_2.weight': 12 * 3,
      'layer_2.bias': 12,
    });
  });

  it('are copies', () => {
    const before = scores(model, train);
    for (const array of Object.values(autoencoderWeights(model).arrays)) array.fill(0);
    expect(scores(model, train)).toEqual(before);
  });

  it.each<[string, (weights: AutoencoderWeights) => AutoencoderWeights, RegExp]>([
    ['a missing array', (w) => ({ ...w, arrays: omit(w.arrays, 'layer_1.bias') }), /no array "layer_1.bias"/],
    ['a shorter array', (w) => cut(w, 'layer_1.weight'), /layer_1.weight has 14 numbers instead of 3 x 5/],
    ['a shorter bias', (w) => cut(w, 'layer_0.bias'), /layer_0.bias has 4 numbers instead of 5/],
    ['fewer means', (w) => cut(w, 'mean'), /11 means instead of 12/],
    ['fewer training errors', (w) => cut(w, 'train_error'), /11 training errors instead of 12/],
    ['no hidden layer', (w) => ({ ...w, parameters: { ...w.parameters, layers: [] } }), /0 hidden layers/],
    ['inputs of no kind', (w) => ({ ...w, parameters: { ...w.parameters, inputs: 'all' as never } }), /inputs "all"/],
    ['an error of no kind', (w) => ({ ...w, parameters: { ...w.parameters, error: 'x' as never } }), /error "x"/],
  ])('are refused with %s', (_, edit, problem) => {
    expect(() => autoencoderFromWeights(edit(autoencoderWeights(model)))).toThrow(problem);
  });
});

describe('the options of the autoencoder', () => {
  it.each([
    [{ layers: [] }, /layers/],
    [{ layers: [64, 0] }, /layers/],
    [{ epochs: 0 }, /epochs/],
    [{ batch: 0.5 }, /batch/],
    [{ learning_rate: 0 }, /learning_rate/],
    [{ patience: -1 }, /patience/],
    [{ validation: 0.6 }, /validation/],
    [{ inputs: 'change' as never }, /inputs/],
    [{ error: 'squared' as never }, /error/],
    [{ rows: 1 }, /rows/],
    [{ dropout: 0.3 } as object, /dropout/],
  ])('refuse %j', (options, problem) => {
    expect(() => autoencoder(options)).toThrow(problem);
  });
});

function omit(arrays: AutoencoderWeights['arrays'], name: string): AutoencoderWeights['arrays'] {
  return Object.fromEntries(Object.entries(arrays).filter(([key]) => key !== name));
}

function cut(weights: AutoencoderWeights, name: string): AutoencoderWeights {
  return { ...weights, arrays: { ...weights.arrays, [name]: weights.arrays[name].slice(1) } };
}
