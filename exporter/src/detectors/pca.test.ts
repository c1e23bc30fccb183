import type { Rows } from '../flow.ts';
import { seededRandom } from '../random.ts';
import { describeDetector } from './conformance.ts';
import { asRows, normalRows, pickColumns, specs } from './conformance-data.ts';
import { packModel, unpackModel } from './model-buffer.ts';
import { pca } from './pca.ts';

// six features that are hardly related leave little for the components to miss
describeDetector(pca(), { auc: 0.75, servers: 2, wideColumns: 300 });

const LAYOUT = ['f64', 'f64', 'f64', 'f64', 'f64'] as const;
type Sections = ReturnType<typeof unpackModel<typeof LAYOUT>>;

const fitOptions = (columns: number) => ({ seed: 1, features: specs(columns), rowsPerDay: 0 });

function scores(rows: Rows, train: Rows, options: object): Float64Array {
  const detector = pca(options);
  const out = new Float64Array(rows.values.rows);
  detector.score(detector.fit(train, fitOptions(train.values.columns)), rows, out);
  return out;
}

/** Points along a line in three dimensions, with a little noise. */
function line(count: number, stream: number): Rows {
  const random = seededRandom(2, stream);
  return asRows(
    Float64Array.from({ length: count }, () => random.normal()).reduce(
      (data, along, r) => {
        for (let c = 0; c < 3; c++) data[3 * r + c] = (c + 1) * (along + 0.1 * random.normal());
        return data;
      },
      new Float64Array(3 * count),
    ),
    3,
  );
}

describe('the principal component analysis', () => {
  it('keeps as few components as have the share of the variance, and never all', () => {
    expect(pca({ inputs: 'level' }).fit(line(500, 1), fitOptions(3)).components).toBe(1);
    expect(pca({ inputs: 'level', variance: 1 }).fit(line(500, 1), fitOptions(3)).components).toBe(2);
    const alone = pickColumns(line(500, 1), [0]);
    expect(pca({ inputs: 'level' }).fit(alone, fitOptions(1)).components).toBe(0);
    expect(pca({ inputs: 'level' }).fit(asRows(new Float64Array(300), 3), fitOptions(3)).components).toBe(0);
  });

  it('finds what lies beside the components, not what lies far along them', () => {
    const rows = asRows(Float64Array.of(0, 0, 0, 5, 10, 15, 1, 2, -3), 3);
    const [centre, along, beside] = scores(rows, line(500, 1), { inputs: 'level' });
    expect(along).toBeLessThan(1);
    expect(centre).toBeLessThan(1);
    expect(beside).toBeGreaterThan(20);
  });

  it('scores training rows with 1 on average, unless errors are raw', () => {
    const train = normalRows(500, 0);
    const mean = (out: Float64Array) => out.reduce((a, b) => a + b) / out.length;
    expect(mean(scores(train, train, {}))).toBeCloseTo(1, 6);
    expect(mean(scores(train, train, { inputs: 'level', error: 'raw' }))).toBeLessThan(0.3);
  });

  it('reconstructs a metric from the others', () => {
    const detector = pca({ inputs: 'level' });
    const model = detector.fit(line(500, 1), fitOptions(3));
    const rows = asRows(Float64Array.of(1, 2, NaN), 3);
    const out = { rows: 1, columns: 3, data: new Float64Array(3) };
    detector.expected?.(model, rows, out);
    expect(out.data[2]).toBeGreaterThan(1);
    expect(out.data[0]).toBeLessThan(1);
  });

  it.each(['normalised', 'raw'])('never counts a metric that had no value in training, with %s errors', (error) => {
    const train = pickColumns(normalRows(500, 0), [0, 1, 2, -1]);
    const rows = pickColumns(normalRows(200, 1), [0, 1, 2, -1], 1e6);
    const without = pickColumns(normalRows(200, 1), [0, 1, 2, -1]);
    expect([...scores(rows, train, { error })]).toEqual([...scores(without, train, { error })]);
  });

  it.each([
    [{ variance: 0 }, /variance/],
    [{ inputs: 'change' }, /inputs/],
    [{ error: 'mean' }, /error/],
    [{ components: 5 }, /components/],
  ])('refuses the options %j', (options, problem) => {
    expect(() => pca(options as object)).toThrow(problem);
  });

  it('refuses a model that was fitted with other inputs or errors than configured', () => {
    const saved = pca({ inputs: 'level', error: 'raw' }).fit(normalRows(100, 0), fitOptions(6)).save();
    expect(() => pca({ error: 'raw' }).load(saved)).toThrow(/inputs "level" but "level\+change" is configured/);
    expect(() => pca({ inputs: 'level' }).load(saved)).toThrow(/error "raw" but "normalised" is configured/);
  });

  it('names minimumRows when there are too few rows', () => {
    expect(() => pca().fit(normalRows(63, 0), fitOptions(6))).toThrow(
      /minimumRows = 64 rows with a value to fit, got 63/,
    );
  });

  it.each<[string, (sections: Sections) => void, RegExp]>([
    ['other features', (sections) => (sections[0][0] = 5), /12 means instead of 10/],
    ['other inputs', (sections) => (sections[0][2] = 0), /12 means instead of 6/],
    ['more components than columns', (sections) => (sections[0][5] = 13), /components = 13/],
    ['an element that is no number', (sections) => (sections[3][7] = NaN), /elements of the matrix/],
    ['a negative error', (sections) => (sections[4][0] = -1), /mean errors/],
  ])('refuses a file with a right checksum but %s', (_, edit, problem) => {
    const detector = pca();
    const sections = unpackModel('pca', 1, LAYOUT, detector.fit(normalRows(105, 0), fitOptions(6)).save());
    expect(() => detector.load(packModel('pca', 1, sections))).not.toThrow();
    edit(sections);
    expect(() => detector.load(packModel('pca', 1, sections))).toThrow(problem);
  });
});
