import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Rows } from '../flow.ts';
import { describeDetector } from './conformance.ts';
import { DEVIATIONS, asRows, normalRows, rocAuc, specs } from './conformance-data.ts';
import { packModel, unpackModel } from './model-buffer.ts';
import { type OneClassSvmModel, oneClassSvm } from './one-class-svm.ts';

// the mean of the hundred rows before is all the context there is; what is left is rounding
describeDetector(oneClassSvm(), { contextTolerance: 1e-6 });

interface Machine {
  decision: number[];
  rho: number;
  vectors: number;
}
const fixture = JSON.parse(
  readFileSync(resolve('exporter/test/fixtures/neighbours-and-svm/scikit-learn.json'), 'utf8'),
) as { train: number[]; test: number[]; svm_scale: Machine; svm_narrow: Machine };

const LAYOUT = ['f64', 'f64', 'f64', 'f32', 'f32'] as const;
const fitOptions = (columns: number, seed = 1) => ({ seed, features: specs(columns), rowsPerDay: 0 });

function fitted(train: Rows, options = {}) {
  const detector = oneClassSvm(options);
  const model = detector.fit(train, fitOptions(train.values.columns));
  const scores = (rows: Rows) => {
    const out = new Float64Array(rows.values.rows);
    detector.score(model, rows, out);
    return out;
  };
  return { detector, model, scores };
}

/** The machine's own decision, from a score. */
function decision({ weights, rho }: OneClassSvmModel, score: number): number {
  return weights.reduce((sum, weight) => sum + weight, 0) * Math.exp(-score) - rho;
}

describe('the one-class SVM', () => {
  it.each([
    [{}, fixture.svm_scale],
    [{ gamma: 2, nu: 0.3 }, fixture.svm_narrow],
  ])('with %j decides as scikit-learn, within the tolerance', (options, wanted) => {
    const test = asRows(Float64Array.from(fixture.test), 4);
    const { model, scores } = fitted(asRows(Float64Array.from(fixture.train), 4), { ...options, inputs: 'level' });
    const got = scores(test);
    expect(Math.abs(model.rho - wanted.rho)).toBeLessThan(2e-3);
    wanted.decision.forEach((value, i) => expect(Math.abs(decision(model, got[i]) - value)).toBeLessThan(2e-3));
    const labels = Uint8Array.from(got, (_, i) => (i >= 30 && i < 38 ? 1 : 0));
    const peer = Float64Array.from(wanted.decision, (value) => -value);
    expect(Math.abs(rocAuc(got, labels) - rocAuc(peer, labels))).toBeLessThan(1e-3);
  });

  it('has the support vectors of scikit-learn when it is fitted as finely', () => {
    const train = asRows(Float64Array.from(fixture.train), 4);
    const { model } = fitted(train, { inputs: 'level', tolerance: 1e-5 });
    expect(Math.abs(model.weights.length - fixture.svm_scale.vectors)).toBeLessThanOrEqual(2);
    expect(model.weights.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(12, 4);
  });

  it.each([0.02, 0.1, 0.5])('leaves a share nu = %f of the training rows outside its border', (nu) => {
    const train = normalRows(1500, 0);
    const { model, scores } = fitted(train, { nu });
    const outside = scores(train).filter((score) => decision(model, score) < 0).length;
    expect(Math.abs(outside / 1500 - nu)).toBeLessThan(0.02);
    expect(model.weights.length / 1500).toBeGreaterThanOrEqual(nu);
  });

  it('takes every row as a support vector when nu is 1', () => {
    const { model } = fitted(normalRows(200, 0), { nu: 1 });
    expect(model.weights).toEqual(new Float32Array(200).fill(1));
    expect(Number.isFinite(model.rho)).toBe(true);
  });

  it('tells far from further, where every decision is the same', () => {
    const { model, scores } = fitted(asRows(normalRows(1000, 0).values.data, 6), { inputs: 'level' });
    const rows = asRows(
      Float64Array.from({ length: 12 }, (_, i) => (i < 6 ? 100 : 1000) * DEVIATIONS[i % 6]),
      6,
    );
    const [far, further] = scores(rows);
    expect(decision(model, far)).toBe(decision(model, further));
    expect(further).toBeGreaterThan(10 * far);
  });

  it('gives positive scores', () => {
    const train = normalRows(500, 0);
    expect(
      fitted(train)
        .scores(train)
        .every((score) => score > 0),
    ).toBe(true);
  });

  it('scores 0 where all training rows are alike, and more beside them', () => {
    const same = asRows(new Float64Array(100).fill(2), 1);
    const [alike, beside] = fitted(same, { inputs: 'level' }).scores(asRows(Float64Array.of(2, 3), 1));
    expect(alike).toBe(0);
    expect(beside).toBeCloseTo(1, 5);
  });

  it('is fitted on a seeded sample of the rows', () => {
    const train = normalRows(2000, 0);
    const detector = oneClassSvm({ rows: 300 });
    const [a, b, c] = [1, 1, 2].map((seed) => detector.fit(train, fitOptions(6, seed)));
    expect(a.rows).toBe(300);
    expect(b.vectors).toEqual(a.vectors);
    expect(c.vectors).not.toEqual(a.vectors);
  });

  it('blames the feature that keeps a row away, even where every kernel value is 0', () => {
    const { detector, model } = fitted(normalRows(500, 0));
    const rows = normalRows(200, 1);
    rows.values.data[6 * 199 + 2] += 50;
    const shares = { rows: 200, columns: 6, data: new Float64Array(1200) };
    detector.contributions?.(model, rows, shares);
    expect(shares.data[6 * 199 + 2]).toBeGreaterThan(0.99);
  });

  it.each([
    [{ nu: 0 }, /nu/],
    [{ nu: 1.1 }, /nu/],
    [{ gamma: 0 }, /gamma/],
    [{ gamma: 'auto' as never }, /gamma/],
    [{ rows: 63 }, /rows/],
    [{ tolerance: 0 }, /tolerance/],
    [{ inputs: 'change' as never }, /inputs/],
    [{ kernel: 'rbf' } as object, /kernel/],
  ])('refuses the options %j', (options, problem) => {
    expect(() => oneClassSvm(options)).toThrow(problem);
  });

  it('refuses rows with another number of features', () => {
    const { detector, model } = fitted(normalRows(100, 0));
    expect(() => detector.score(model, asRows(new Float64Array(10), 5), new Float64Array(2))).toThrow(
      /6 features, the rows have 5/,
    );
  });

  it('refuses a model that was fitted with other inputs than configured', () => {
    const saved = fitted(normalRows(100, 0), { inputs: 'level' }).model.save();
    expect(() => oneClassSvm().load(saved)).toThrow(/fitted with inputs "level" but "level\+change" is configured/);
  });

  it.each<[string, (sections: Sections) => void, RegExp]>([
    ['fewer rows than support vectors', (s) => (s[0][1] = 1), /rows = 1 is not/],
    ['other features', (s) => (s[0][0] = 5), /12 means instead of 10/],
    ['changes that are neither there nor not', (s) => (s[0][2] = 2), /change columns = 2/],
    ['a gamma of 0', (s) => (s[0][3] = 0), /gamma = 0/],
    ['a border that is no number', (s) => (s[0][4] = NaN), /rho = NaN/],
    ['a mean that is no number', (s) => (s[1][3] = NaN), /a mean is not/],
    ['an input that is no number', (s) => (s[3][7] = NaN), /an input is not/],
    ['a missing input', (s) => (s[3] = s[3].slice(1)), /inputs instead of/],
    ['a weight above 1', (s) => (s[4][0] = 1.5), /a weight is not/],
    ['no support vectors', (s) => (s[4] = s[4].slice(0, 0)), /no support vectors/],
  ])('refuses a file with a right checksum but %s', (_, edit, problem) => {
    const { detector, model } = fitted(normalRows(100, 0));
    const sections = unpackModel('one-class-svm', 1, LAYOUT, model.save());
    expect(() => detector.load(packModel('one-class-svm', 1, sections))).not.toThrow();
    edit(sections);
    expect(() => detector.load(packModel('one-class-svm', 1, sections))).toThrow(problem);
  });

  it.each(['scale' as const, 0.25])('keeps its parameters with the model, gamma %s among them', (gamma) => {
    const detector = oneClassSvm({ nu: 0.2, gamma });
    const model = detector.fit(normalRows(100, 0), fitOptions(6, 5));
    expect(detector.load(model.save()).parameters).toEqual({
      nu: 0.2,
      gamma,
      rows: 2000,
      tolerance: 1e-3,
      inputs: 'level+change',
      seed: 5,
    });
  });
});

type Sections = ReturnType<typeof unpackModel<typeof LAYOUT>>;
