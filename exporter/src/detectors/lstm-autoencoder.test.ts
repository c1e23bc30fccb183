import type { FitProgress, Rows } from '../flow.ts';
import { eachArray } from '../engine/lstm-weights.ts';
import { seededRandom } from '../random.ts';
import { describeDetector } from './conformance.ts';
import { asRows, normalRows, sliceRows, specs } from './conformance-data.ts';
import { lstmAutoencoder, lstmAutoencoderOptions } from './lstm-autoencoder.ts';
import { type LstmAutoencoderModel, lstmAutoencoderWeights, modelFromWeights } from './lstm-autoencoder-model.ts';
import { trainLstm } from './lstm-autoencoder-training.ts';
import { fitLstmScale, gatherWindows, lstmInputs, windowEnds, windowRows } from './lstm-autoencoder-windows.ts';
import { packModel, unpackModel } from './model-buffer.ts';

// the conformance suite fits a dozen models: small ones, that learn fast
const SMALL = { window: 8, hidden: 32, epochs: 10, learning_rate: 0.003 };
describeDetector(lstmAutoencoder(SMALL));

const TINY = { window: 5, hidden: 8, epochs: 2, windows: 200 };
const fitOptions = (columns: number, seed = 1) => ({ seed, features: specs(columns), rowsPerDay: 0 });

function scores(detector: ReturnType<typeof lstmAutoencoder>, model: LstmAutoencoderModel, rows: Rows): Float64Array {
  const out = new Float64Array(rows.values.rows);
  detector.score(model, rows, out);
  return out;
}

describe('the windows of the LSTM autoencoder', () => {
  const rows = asRows(
    Float64Array.from({ length: 14 }, (_, i) => i),
    2,
  );
  rows.segment.set([3, 3, 3, 3, 8, 8, 8]);

  it('end at rows that have a whole window of their segment behind them', () => {
    expect([...windowEnds(rows, 3)]).toEqual([2, 3, 6]);
    expect([...windowEnds(rows, 5)]).toEqual([]);
  });

  it("repeat their segment's first row where history is missing", () => {
    const steps = new Int32Array(3);
    const of = (row: number) => {
      windowRows(rows, row, steps);
      return [...steps];
    };
    expect([0, 1, 3, 4, 5].map(of)).toEqual([
      [0, 0, 0],
      [0, 0, 1],
      [1, 2, 3],
      [4, 4, 4],
      [4, 4, 5],
    ]);
    const inputs = lstmInputs(rows, { mean: new Float64Array(2), deviation: new Float64Array(2).fill(1) });
    const out = new Float32Array(12);
    gatherWindows(inputs, Int32Array.of(3, 4), 3, out);
    expect([...out]).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 8, 9, 8, 9]);
  });

  it('are standardised, with 0 for what is missing, infinite or of a column without values', () => {
    const table = asRows(Float64Array.of(1, 7, NaN, 3, 7, NaN, Infinity, 7, NaN), 3);
    const scale = fitLstmScale(table);
    expect([...scale.mean]).toEqual([2, 7, 0]);
    expect([...scale.deviation]).toEqual([1, 1, 0]);
    const later = asRows(Float64Array.of(4, 8, 5, 1e300, NaN, 5), 3);
    const { inputs, present } = lstmInputs(later, scale);
    expect([...inputs]).toEqual([2, 1, 0, 1e6, 0, 0]);
    expect([...present]).toEqual([1, 1, 0, 1, 0, 0]);
  });
});

describe('the LSTM autoencoder', () => {
  const detector = lstmAutoencoder(TINY);
  const train = normalRows(400, 0);
  const model = detector.fit(train, fitOptions(6));

  it('tells after each epoch how far it is, and what its losses are', () => {
    const told: FitProgress[] = [];
    lstmAutoencoder({ ...TINY, epochs: 4 }).fit(train, { ...fitOptions(6), onProgress: (step) => told.push(step) });
    expect(told.map(({ share, epoch, epochs }) => [share, epoch, epochs])).toEqual([
      [0.25, 1, 4],
      [0.5, 2, 4],
      [0.75, 3, 4],
      [1, 4, 4],
    ]);
    for (const { trainLoss, validationLoss } of told) {
      expect(trainLoss).toBeGreaterThan(0);
      expect(validationLoss).toBeGreaterThan(0);
    }
    expect(told[3].trainLoss).toBeLessThan(told[0].trainLoss ?? 0);
  });

  it('ends early when the validation loss stays, and keeps the best weights', () => {
    // noise: there is nothing to learn but the mean
    const noise = normalRows(400, 0);
    for (let i = 0; i < noise.values.data.length; i++)
      noise.values.data[i] = (Math.sin(i * i * 12.9898) * 43758.5453) % 1;
    const told: FitProgress[] = [];
    const options = { ...TINY, epochs: 500, patience: 2, learning_rate: 0.02 };
    const found = lstmAutoencoder(options).fit(noise, { ...fitOptions(6), onProgress: (step) => told.push(step) });
    expect(found.epochs).toBe(told.length);
    expect(found.epochs).toBeLessThan(500);
    expect(told.at(-1)?.share).toBe(1);
    expect(found.validationLoss).toBe(Math.min(...told.map(({ validationLoss }) => validationLoss ?? NaN)));
    expect(found.validationLoss).toBeLessThan(told.at(-1)?.validationLoss ?? 0);
  });

  it('ends when its processor time is spent, with a model that scores', () => {
    const options = { ...TINY, hidden: 64, epochs: 10_000, patience: 10_000, cpu_seconds: 0.2 };
    const found = lstmAutoencoder(options).fit(train, fitOptions(6));
    expect(found.epochs).toBeLessThan(10_000);
    expect(scores(detector, found, train).every(Number.isFinite)).toBe(true);
  });

  it('says in which epoch and with which learning rate training diverged', () => {
    const inputs = lstmInputs(train, fitLstmScale(train));
    inputs.inputs[6 * 100] = NaN;
    const settings = { ...lstmAutoencoderOptions.parse(TINY), clip: 0 };
    const shape = { features: 6, hidden: 8, steps: 5 };
    expect(() => trainLstm(shape, inputs, windowEnds(train, 5), settings, seededRandom(1))).toThrow(
      /diverged: the loss is NaN in epoch 1 with learning_rate 0.001; choose a smaller learning_rate, or clip: 1/,
    );
  });

  it('scores the newest row or the window, raw or by what is usual for each feature', () => {
    const rows = normalRows(60, 1);
    const { lastError, meanError } = model;
    const parts = (options: object) => scores(lstmAutoencoder({ ...TINY, ...options }), model, rows);
    const raw = parts({ error: 'raw' });
    const normalised = parts({});
    expect(parts({ score: 'mean', error: 'raw' })[40]).not.toBe(raw[40]);
    // a model whose usual errors are all the same has scores in proportion to the raw ones
    const even = modelFromWeights({ ...model, lastError: lastError.map(() => 0.5), meanError });
    const half = scores(detector, even, rows);
    for (let r = 0; r < 60; r++) expect(half[r]).toBeCloseTo(2 * raw[r], 9);
    expect(normalised[40]).not.toBeCloseTo(half[40], 6);
  });

  it('gives a missing value the error that is usual for its feature', () => {
    const rows = normalRows(60, 1);
    rows.values.data.fill(NaN, 6 * 50 + 1, 6 * 51);
    const shares = { rows: 60, columns: 6, data: new Float64Array(360) };
    detector.contributions?.(model, rows, shares);
    expect([...shares.data.subarray(300, 306)]).toEqual([1, 0, 0, 0, 0, 0]);
    const lonely = modelFromWeights({
      ...model,
      lastError: model.lastError.map((error, f) => (f === 0 ? 1e9 : error)),
    });
    // the only error there is counts nothing now, five missing ones count 1 each
    expect(scores(detector, lonely, rows)[50]).toBeCloseTo(5 / 6, 6);
  });

  it('limits what one feature can add', () => {
    const steady = normalRows(400, 0);
    for (let r = 0; r < 400; r++) steady.values.data[6 * r + 2] = 5;
    const rows = sliceRows(steady, 300, 400);
    const found = detector.fit(steady, fitOptions(6));
    rows.values.data[6 * 99 + 2] = 1e15;
    const score = scores(detector, found, rows)[99];
    expect(score).toBeGreaterThan(1e4 / 6);
    expect(score).toBeLessThan(1e4 / 6 + 100);
  });

  it('learns from whole windows only, never across a gap', () => {
    const torn = normalRows(400, 0);
    for (let r = 0; r < 400; r++) torn.segment[r] = Math.floor(r / 4);
    expect(() => detector.fit(torn, fitOptions(6))).toThrow(/no segment of the 400 rows has more than 5 rows/);
  });

  it('refuses rows without any value', () => {
    expect(() => detector.fit(asRows(new Float64Array(600).fill(NaN), 6), fitOptions(6))).toThrow(/without any value/);
  });

  it('refuses a model with another window than configured', () => {
    expect(() => lstmAutoencoder({ ...TINY, window: 6 }).load(model.save())).toThrow(
      /window has 5 rows but 6 are configured/,
    );
  });

  it('gives its weights away and makes the same model of them', () => {
    const given = lstmAutoencoderWeights(model);
    expect(given.weights.encoderKernel).toHaveLength(6 * 32);
    expect(given.weights.outputKernel).toHaveLength(8 * 6);
    const rows = normalRows(60, 1);
    expect(scores(detector, modelFromWeights(given), rows)).toEqual(scores(detector, model, rows));
    const { shape, weights, scale } = given;
    const foreign = modelFromWeights({ shape, weights, scale });
    const raw = scores(lstmAutoencoder({ ...TINY, error: 'raw' }), model, rows);
    expect(scores(detector, foreign, rows)).toEqual(raw);
    expect(detector.load(foreign.save()).validationLoss).toBeNaN();
  });

  it('refuses weights that no model can have', () => {
    const given = lstmAutoencoderWeights(model);
    const nan = eachArray(given.shape, (_length, name) => given.weights[name].map((x, i) => (i === 3 ? NaN : x)));
    expect(() => modelFromWeights({ ...given, weights: nan })).toThrow(/encoderKernel .* not finite/);
    expect(() => modelFromWeights({ ...given, lastError: new Float64Array(5) })).toThrow(
      /of 6 features has 5 errors of the last step/,
    );
    expect(() => modelFromWeights({ ...given, meanError: new Float64Array(6) })).toThrow(
      /0 cannot be among the errors of the window/,
    );
  });

  const LAYOUT = ['f64', 'f64', 'f64', 'f64', 'f64', 'f32'] as const;
  type Sections = ReturnType<typeof unpackModel<typeof LAYOUT>>;
  const count = (index: number, value: number) => (sections: Sections) => (sections[0][index] = value);
  it.each<[string, (sections: Sections) => unknown, RegExp]>([
    ['other features', count(0, 5), /weights instead of/],
    ['half a unit', count(1, 8.5), /hidden = 8.5/],
    ['units that are no multiple of 4', count(1, 6), /weights instead of|multiple of 4/],
    ['more units than memory', count(1, 1e9), /hidden = 1000000000 is not in/],
    ['no window', count(2, 0), /window = 0/],
    ['rows that are no number', count(3, NaN), /rows = NaN/],
    ['a negative loss', count(5, -1), /validation loss is -1/],
    ['an infinite mean', (sections) => (sections[1][0] = Infinity), /Infinity cannot be among the means/],
    ['a negative deviation', (sections) => (sections[2][0] = -1), /-1 cannot be among the deviations/],
    ['an error of 0', (sections) => (sections[3][0] = 0), /0 cannot be among the errors/],
    ['a weight that is no number', (sections) => (sections[5][100] = NaN), /not finite/],
  ])('refuses a file with a right checksum but %s', (_, edit, problem) => {
    const sections = unpackModel('lstm-autoencoder', 1, LAYOUT, model.save());
    expect(() => detector.load(packModel('lstm-autoencoder', 1, sections))).not.toThrow();
    edit(sections);
    expect(() => detector.load(packModel('lstm-autoencoder', 1, sections))).toThrow(problem);
  });

  it.each([
    [{ window: 1 }, /window/],
    [{ hidden: 30 }, /hidden/],
    [{ dropout: 1 }, /dropout/],
    [{ learning_rate: 0 }, /learning_rate/],
    [{ cpu_seconds: 0 }, /cpu_seconds/],
    [{ error: 'both' as never }, /error/],
    [{ learningRate: 0.1 } as object, /learningRate/],
  ])('refuses the options %j', (options, problem) => {
    expect(() => lstmAutoencoder(options)).toThrow(problem);
  });
});
