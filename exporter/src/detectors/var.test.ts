import type { Rows } from '../flow.ts';
import { seededRandom } from '../random.ts';
import { describeDetector } from './conformance.ts';
import { asRows, normalRows, pickColumns, specs } from './conformance-data.ts';
import { packModel, unpackModel } from './model-buffer.ts';
import { vectorAutoregression } from './var.ts';

// most rows of the seeded faults hold a level that is off, which the rows before them predict: it finds where they begin and end
describeDetector(vectorAutoregression(), { auc: 0.7, servers: 2, wideColumns: 300 });

const LAYOUT = ['f64', 'f64', 'f64', 'f64', 'f64', 'f64', 'f64'] as const;
type Sections = ReturnType<typeof unpackModel<typeof LAYOUT>>;

const fitOptions = (columns: number) => ({ seed: 1, features: specs(columns), rowsPerDay: 0 });

/** x follows itself, y follows the x of two rows before. */
function follower(count: number, stream: number): Rows {
  const random = seededRandom(11, stream);
  const data = new Float64Array(2 * count);
  for (let r = 0; r < count; r++) {
    data[2 * r] = (r > 0 ? 0.5 * data[2 * r - 2] : 0) + random.normal();
    data[2 * r + 1] = 10 + (r > 1 ? 3 * data[2 * r - 4] : 0) + 0.1 * random.normal();
  }
  return asRows(data, 2);
}

describe('the vector autoregression', () => {
  it('predicts one row ahead, from other metrics too, with a band of three deviations', () => {
    const detector = vectorAutoregression();
    const model = detector.fit(follower(3000, 1), fitOptions(2));
    const rows = follower(200, 2);
    const matrix = () => ({ rows: 200, columns: 2, data: new Float64Array(400) });
    const [value, lower, upper] = [matrix(), matrix(), matrix()];
    detector.expected?.(model, rows, value, lower, upper);
    for (let r = 5; r < 200; r++) {
      expect(value.data[2 * r]).toBeCloseTo(0.5 * rows.values.data[2 * r - 2], 0);
      expect(Math.abs(value.data[2 * r + 1] - 10 - 3 * rows.values.data[2 * r - 4])).toBeLessThan(0.2);
    }
    expect((upper.data[0] - lower.data[0]) / 6).toBeCloseTo(1, 1);
    expect((upper.data[1] - lower.data[1]) / 6).toBeCloseTo(0.1, 1);
  });

  it('finds and blames a metric that stops following', () => {
    const detector = vectorAutoregression();
    const model = detector.fit(follower(3000, 1), fitOptions(2));
    const rows = follower(200, 2);
    const before = new Float64Array(200);
    detector.score(model, rows, before);
    rows.values.data[2 * 150 + 1] += 2;
    const after = new Float64Array(200);
    detector.score(model, rows, after);
    expect(after[150]).toBeGreaterThan(5 + before[150]);
    const shares = { rows: 200, columns: 2, data: new Float64Array(400) };
    detector.contributions?.(model, rows, shares);
    expect(shares.data[301]).toBeGreaterThan(0.8);
  });

  it('counts the first movement of a metric that was constant, up to its cap', () => {
    const train = pickColumns(normalRows(500, 0), [0, 1, 2, -1], 5);
    const rows = pickColumns(normalRows(200, 1), [0, 1, 2, -1], 5);
    rows.values.data[4 * 150 + 3] = 1e6;
    const score = (cap: number) => {
      const detector = vectorAutoregression({ cap });
      const out = new Float64Array(200);
      detector.score(detector.fit(train, fitOptions(4)), rows, out);
      return out[150];
    };
    expect(score(100)).toBeGreaterThan(30);
    expect(score(10)).toBeLessThan(8);
  });

  it('does not learn from the first rows of a segment, whose past is not known', () => {
    const rows = normalRows(100, 0);
    rows.segment.forEach((_, r) => (rows.segment[r] = r >> 2));
    expect(() => vectorAutoregression().fit(rows, fitOptions(6))).toThrow(/minimumRows = 69 .* got 0 of those/);
    rows.segment.forEach((_, r) => (rows.segment[r] = r < 50 ? 0 : 1));
    expect(vectorAutoregression({ trim: 0 }).fit(rows, fitOptions(6)).rows).toBe(90);
  });

  it.each([
    [{ lags: 0 }, /lags/],
    [{ ridge: 0 }, /ridge/],
    [{ trim: 0.6 }, /trim/],
    [{ cap: 0 }, /cap/],
    [{ lag: 5 } as object, /lag/],
  ])('refuses the options %j', (options, problem) => {
    expect(() => vectorAutoregression(options)).toThrow(problem);
  });

  it('refuses rows with another number of features', () => {
    const detector = vectorAutoregression();
    const model = detector.fit(normalRows(100, 0), fitOptions(6));
    expect(() => detector.score(model, asRows(new Float64Array(10), 5), new Float64Array(2))).toThrow(
      /6 features, the rows have 5/,
    );
  });

  it('refuses a model that was fitted with other lags than configured', () => {
    const saved = vectorAutoregression({ lags: 3 }).fit(normalRows(100, 0), fitOptions(6)).save();
    expect(() => vectorAutoregression().load(saved)).toThrow(/it has 3 lags, configured are 5/);
  });

  it.each<[string, (sections: Sections) => void, RegExp]>([
    ['other features', (sections) => (sections[0][0] = 5), /6 means instead of 5/],
    ['more lags', (sections) => (sections[0][2] = 6), /216 elements of the matrix instead of 252/],
    ['half a lag', (sections) => (sections[0][2] = 0.5), /lags = 0.5/],
    ['an element that is no number', (sections) => (sections[3][7] = NaN), /elements of the matrix/],
    ['a mean square of 0', (sections) => (sections[5][0] = 0), /mean squares/],
    ['a negative cap', (sections) => (sections[0][3] = -1), /caps and means/],
  ])('refuses a file with a right checksum but %s', (_, edit, problem) => {
    const detector = vectorAutoregression();
    const sections = unpackModel('var', 1, LAYOUT, detector.fit(normalRows(105, 0), fitOptions(6)).save());
    expect(() => detector.load(packModel('var', 1, sections))).not.toThrow();
    edit(sections);
    expect(() => detector.load(packModel('var', 1, sections))).toThrow(problem);
  });
});
