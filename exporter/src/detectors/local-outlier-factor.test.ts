import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Rows } from '../flow.ts';
import { describeDetector } from './conformance.ts';
import { asRows, normalRows, sliceRows, specs } from './conformance-data.ts';
import { localOutlierFactor } from './local-outlier-factor.ts';
import { packModel, unpackModel } from './model-buffer.ts';

// the mean of the hundred rows before is all the context there is; what is left is rounding
describeDetector(localOutlierFactor(), { contextTolerance: 1e-6 });

const fixture = JSON.parse(
  readFileSync(resolve('exporter/test/fixtures/neighbours-and-svm/scikit-learn.json'), 'utf8'),
) as { train: number[]; test: number[]; lof5: number[]; lof20: number[] };

const LAYOUT = ['f64', 'f64', 'f64', 'f32', 'f64', 'f64'] as const;
const fitOptions = (columns: number, seed = 1) => ({ seed, features: specs(columns), rowsPerDay: 0 });

function scores(rows: Rows, train: Rows, options = {}): Float64Array {
  const detector = localOutlierFactor(options);
  const out = new Float64Array(rows.values.rows);
  detector.score(detector.fit(train, fitOptions(train.values.columns)), rows, out);
  return out;
}

const column = (values: number[]) => asRows(Float64Array.from(values), 1);

describe('the local outlier factor', () => {
  it.each([
    [5, fixture.lof5],
    [20, fixture.lof20],
  ])('of %i neighbours is that of scikit-learn, beside repeated rows too', (neighbours, wanted) => {
    const train = asRows(Float64Array.from(fixture.train), 4);
    const test = asRows(Float64Array.from(fixture.test), 4);
    const got = scores(test, train, { neighbours, inputs: 'level' });
    wanted.forEach((score, i) => expect(Math.abs(got[i] - score) / score).toBeLessThan(1e-6));
  });

  it('is what the definition gives by hand', () => {
    // inside a row of equal steps everything is as dense as its neighbours
    const train = column(Array.from({ length: 64 }, (_, i) => i));
    const [middle, out] = scores(column([30, 73]), train, { neighbours: 2, inputs: 'level' });
    expect(middle).toBeCloseTo(1, 6);
    // 73 reaches 63 and 62 at 10 and 11, density 1 / 10.5; 63 reaches 62 and 61 at 1 and 2, 62 reaches 61 at 1 and 63 at 2 (63's own last), density 1 / 1.5
    expect(out).toBeCloseTo(10.5 / 1.5, 5);
  });

  it('is 1 where all training rows are alike, and bounded beside them', () => {
    const same = column(new Array(100).fill(2));
    const [alike, beside] = scores(column([2, 3]), same, { inputs: 'level' });
    expect(alike).toBe(1);
    expect(beside).toBeCloseTo(1e10, -3);
  });

  it('keeps a seeded sample of the rows', () => {
    const train = normalRows(2000, 0);
    const detector = localOutlierFactor({ rows: 300 });
    const [a, b, c] = [1, 1, 2].map((seed) => detector.fit(train, fitOptions(6, seed)));
    expect(a.rows).toBe(300);
    expect(new Set(Array.from({ length: 300 }, (_, r) => a.inputs.subarray(12 * r, 12 * r + 12).join())).size).toBe(
      300,
    );
    expect(b.inputs).toEqual(a.inputs);
    expect(c.inputs).not.toEqual(a.inputs);
  });

  it('sees a change that stays inside the usual range, unless it is given levels only', () => {
    const wave = Array.from({ length: 3000 }, (_, r) => Math.sin(r / 200));
    const test = wave.slice(0, 1000);
    test[314] = -0.8;
    const rank = (options: object) => {
      const out = scores(column(test), column(wave), options);
      return out.filter((score) => score > out[314]).length;
    };
    expect(rank({})).toBe(0);
    expect(rank({ inputs: 'level' })).toBeGreaterThan(100);
  });

  it('shares a score by the squared distances to the neighbours, level and change together', () => {
    const train = normalRows(500, 0);
    const rows = normalRows(200, 1);
    rows.values.data[6 * 199 + 2] += 0.03;
    const detector = localOutlierFactor();
    const model = detector.fit(train, fitOptions(6));
    const shares = { rows: 200, columns: 6, data: new Float64Array(1200) };
    detector.contributions?.(model, rows, shares);
    expect(shares.data[6 * 199 + 2]).toBeGreaterThan(0.6);
  });

  it.each([
    [{ neighbours: 0 }, /neighbours/],
    [{ neighbours: 201 }, /neighbours/],
    [{ rows: 63 }, /rows/],
    [{ inputs: 'change' as never }, /inputs/],
    [{ neighbors: 5 } as object, /neighbors/],
  ])('refuses the options %j', (options, problem) => {
    expect(() => localOutlierFactor(options)).toThrow(problem);
  });

  it('needs more rows than neighbours', () => {
    const detector = localOutlierFactor({ neighbours: 100 });
    expect(detector.minimumRows).toBe(101);
    expect(() => detector.fit(normalRows(100, 0), fitOptions(6))).toThrow(
      /minimumRows = 101 rows with a value to fit, got 100/,
    );
  });

  it('refuses rows with another number of features', () => {
    const detector = localOutlierFactor();
    const model = detector.fit(normalRows(100, 0), fitOptions(6));
    expect(() => detector.score(model, asRows(new Float64Array(10), 5), new Float64Array(2))).toThrow(
      /6 features, the rows have 5/,
    );
  });

  it('refuses a model that was fitted with other inputs than configured', () => {
    const saved = localOutlierFactor({ inputs: 'level' }).fit(normalRows(100, 0), fitOptions(6)).save();
    expect(() => localOutlierFactor().load(saved)).toThrow(
      /fitted with inputs "level" but "level\+change" is configured/,
    );
  });

  it.each<[string, (sections: Sections) => void, RegExp]>([
    ['half a neighbour', (s) => (s[0][2] = 0.5), /neighbours = 0.5 is not in 1 .. 99/],
    ['as many neighbours as rows', (s) => (s[0][2] = 100), /neighbours = 100 is not in/],
    ['other features', (s) => (s[0][0] = 5), /12 means instead of 10/],
    ['changes that are neither there nor not', (s) => (s[0][1] = 2), /change columns = 2/],
    ['a deviation of 0', (s) => (s[2][3] = 0), /a deviation is not/],
    ['an input that is no number', (s) => (s[3][7] = NaN), /an input is not/],
    ['a missing input', (s) => (s[3] = s[3].slice(1)), /1199 inputs instead of 1200/],
    ['a distance below 0', (s) => (s[4][7] = -1), /a distance is not/],
    ['a density of 0', (s) => (s[5][7] = 0), /a density is not/],
    ['fewer densities than rows', (s) => (s[5] = s[5].slice(1)), /99 densities instead of 100/],
  ])('refuses a file with a right checksum but %s', (_, edit, problem) => {
    const detector = localOutlierFactor();
    const model = detector.fit(normalRows(100, 0), fitOptions(6));
    const sections = unpackModel('local-outlier-factor', 1, LAYOUT, model.save());
    expect(() => detector.load(packModel('local-outlier-factor', 1, sections))).not.toThrow();
    edit(sections);
    expect(() => detector.load(packModel('local-outlier-factor', 1, sections))).toThrow(problem);
  });

  it('keeps its parameters with the model', () => {
    const detector = localOutlierFactor({ neighbours: 7, rows: 100 });
    const model = detector.fit(sliceRows(normalRows(150, 0), 0, 150), fitOptions(6, 5));
    expect(detector.load(model.save()).parameters).toEqual({
      neighbours: 7,
      rows: 100,
      inputs: 'level+change',
      seed: 5,
    });
  });
});

type Sections = ReturnType<typeof unpackModel<typeof LAYOUT>>;
