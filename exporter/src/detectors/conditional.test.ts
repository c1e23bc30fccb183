import type { Rows } from '../flow.ts';
import { seededRandom } from '../random.ts';
import { conditional, conditionalFeatureScores } from './conditional.ts';
import { describeDetector } from './conformance.ts';
import { asRows, normalRows, pickColumns, sliceRows, specs } from './conformance-data.ts';
import { packModel, unpackModel } from './model-buffer.ts';

// more columns are more parts of the same kind; two servers instead of six for time
describeDetector(conditional(), { servers: 2, wideColumns: 300 });

const LAYOUT = Array.from({ length: 18 }, () => 'f64' as const);
type Sections = ReturnType<typeof unpackModel<typeof LAYOUT>>;

const fitOptions = (columns: number, rowsPerDay = 0) => ({ seed: 1, features: specs(columns), rowsPerDay });

function scores(rows: Rows, train: Rows, options = {}, rowsPerDay = 0): Float64Array {
  const detector = conditional(options);
  const out = new Float64Array(rows.values.rows);
  detector.score(detector.fit(train, fitOptions(train.values.columns, rowsPerDay)), rows, out);
  return out;
}

const mean = (numbers: ArrayLike<number>) => Array.from(numbers).reduce((a, b) => a + b, 0) / numbers.length;

/** Eight metrics that move together. */
function coupled(count: number, stream: number): Rows {
  const random = seededRandom(3, stream);
  const data = new Float64Array(count * 8);
  for (let r = 0, common = 0; r < count; r++) {
    common = 0.9 * common + random.normal();
    for (let f = 0; f < 8; f++) data[8 * r + f] = common + 0.2 * random.normal();
  }
  return asRows(data, 8);
}

describe('the conditional model', () => {
  it('scores kept training rows with 1 on average', () => {
    const train = normalRows(1000, 0);
    const usual = scores(train, train).sort().subarray(0, 950);
    expect(mean(usual)).toBeCloseTo(1, 1);
  });

  it('sees a relation that breaks while every metric stays in its usual range', () => {
    const rows = coupled(500, 2);
    const at = rows.values.data.findIndex((value, i) => i > 2400 && i % 8 === 3 && Math.abs(value) > 3);
    const row = (at - 3) / 8;
    rows.values.data[at] *= -1;
    const out = scores(rows, coupled(2000, 1));
    const others = out.filter((_, r) => r < row || r > row + 5);
    expect(Math.max(...others)).toBeLessThan(out[row] / 1.4);
  });

  it('expects of a metric what the others say', () => {
    const detector = conditional();
    const model = detector.fit(coupled(2000, 1), fitOptions(8));
    const rows = coupled(300, 2);
    for (let r = 0; r < 300; r++) rows.values.data[8 * r + 1] = 0;
    const out = { rows: 300, columns: 8, data: new Float64Array(2400) };
    detector.expected?.(model, rows, out);
    let share = 0;
    for (let r = 0; r < 300; r++) share += out.data[8 * r + 1] * rows.values.data[8 * r];
    share /= rows.values.data.reduce((sum, x, i) => sum + (i % 8 === 0 ? x * x : 0), 0);
    expect(share).toBeGreaterThan(0.75);
    expect(share).toBeLessThan(1);
  });

  it('takes the daily season off once the rows span two days, and only then', () => {
    const ROWS = 96;
    const wave = (count: number, stream: number) => {
      const random = seededRandom(8, stream);
      const rows = asRows(
        Float64Array.from({ length: 2 * count }, (_, i) => {
          const r = i >> 1;
          return 5 * Math.sin((2 * Math.PI * r) / ROWS + (i % 2)) + random.normal();
        }),
        2,
      );
      rows.time.forEach((_, r) => (rows.time[r] = Date.UTC(2026, 0, 1) + (r * 86_400_000) / ROWS));
      return rows;
    };
    const test = wave(3 * ROWS, 2);
    // at the time of the highest values, the value of the mean
    test.values.data[2 * (ROWS + 24)] = 0;
    const ratio = (harmonics: number) => {
      const out = scores(test, wave(4 * ROWS, 1), { harmonics, lags: [0], spans: [] }, ROWS);
      return out[ROWS + 24] / mean(out);
    };
    expect(ratio(4)).toBeGreaterThan(1.3 * ratio(0));
    const short = wave(2 * ROWS - 1, 1);
    expect(scores(test, short, {}, ROWS)).toEqual(scores(test, short, { harmonics: 0 }, ROWS));
  });

  it('counts the first movement of a metric that was constant, up to its cap', () => {
    const train = pickColumns(normalRows(500, 0), [0, 1, 2, -1], 5);
    const rows = pickColumns(normalRows(200, 1), [0, 1, 2, -1], 5);
    const before = scores(rows, train)[150];
    rows.values.data[4 * 150 + 3] = 5.5;
    const [moved, capped] = [scores(rows, train)[150], scores(rows, train, { cap_root: 10, cap_rms: 5 })[150]];
    expect(moved).toBeGreaterThan(before + 10);
    expect(capped).toBeLessThan(before + 6);
    rows.values.data[4 * 150 + 3] = 5e9;
    expect(scores(rows, train)[150]).toBeCloseTo(moved, 0);
  });

  it('never counts a metric that had no value in training', () => {
    const train = pickColumns(normalRows(500, 0), [0, 1, 2, -1]);
    const rows = pickColumns(normalRows(200, 1), [0, 1, 2, -1], 1e6);
    const without = pickColumns(normalRows(200, 1), [0, 1, 2, -1]);
    expect([...scores(rows, train)]).toEqual([...scores(without, train)]);
  });

  it('leaves the worst training rows out, so that a polluted model still finds their like', () => {
    const polluted = normalRows(1000, 0);
    const test = normalRows(300, 1);
    for (let r = 500; r < 530; r++) polluted.values.data[6 * r + 2] += 0.05;
    test.values.data[6 * 200 + 2] += 0.05;
    const trimmed = conditional().fit(polluted, fitOptions(6));
    expect(trimmed.rows).toBe(950);
    expect(scores(test, polluted)[200]).toBeGreaterThan(1.15 * scores(test, polluted, { trim: 0 })[200]);
  });

  it.each([64, 128, 256])(
    'fitted on %i rows of twenty metrics, scores other rows of the same kind not much higher',
    (n) => {
      const random = seededRandom(4);
      const state = new Float64Array(20);
      const rows = asRows(
        Float64Array.from(
          { length: 20 * (n + 400) },
          (_, i) => (state[i % 20] = 0.7 * state[i % 20] + random.normal()),
        ),
        20,
      );
      const out = scores(rows, sliceRows(rows, 0, n));
      expect(mean(out.subarray(n)) / mean(out.subarray(0, n))).toBeLessThan(n === 256 ? 1.6 : 2);
    },
  );

  it('cuts many metrics into parts that do not see each other', () => {
    const random = seededRandom(6);
    const table = (count: number) =>
      asRows(
        Float64Array.from({ length: 70 * count }, () => random.normal()),
        70,
      );
    const train = table(200);
    const rows = table(100);
    const detector = conditional();
    const model = detector.fit(train, fitOptions(70));
    const expected = () => {
      const out = { rows: 100, columns: 70, data: new Float64Array(7000) };
      detector.expected?.(model, rows, out);
      return out.data.slice(99 * 70);
    };
    const before = expected();
    rows.values.data[99 * 70 + 69] = 50;
    const after = expected();
    expect(after.subarray(0, 35)).toEqual(before.subarray(0, 35));
    expect(after[40]).not.toBe(before[40]);
  });

  it('scores features on one scale over all rows, of which contributions are the shares', () => {
    const detector = conditional();
    const model = detector.fit(normalRows(1000, 0), fitOptions(6));
    const rows = normalRows(300, 1);
    rows.values.data[6 * 250 + 4] *= 3;
    const matrix = () => ({ rows: 300, columns: 6, data: new Float64Array(1800) });
    const [features, shares] = [matrix(), matrix()];
    conditionalFeatureScores(model, rows, features);
    detector.contributions?.(model, rows, shares);
    const total = features.data.subarray(1500, 1506).reduce((a, b) => a + b);
    for (let f = 0; f < 6; f++) expect(shares.data[1500 + f]).toBeCloseTo(features.data[1500 + f] / total, 12);
    expect(features.data.indexOf(Math.max(...features.data))).toBe(1504);
  });

  it.each([
    [{ lags: [1, 2] }, /lags begin with 0/],
    [{ lags: [0, 2, 2] }, /lags begin with 0 and increase/],
    [{ lags: [] }, /lags/],
    [{ spans: [30, 10] }, /spans increase/],
    [{ spans: [0] }, /spans/],
    [{ ridge: 0 }, /ridge/],
    [{ trim: 0.6 }, /trim/],
    [{ cap_root: 0 }, /cap_root/],
    [{ season: true } as object, /season/],
  ])('refuses the options %j', (options, problem) => {
    expect(() => conditional(options)).toThrow(problem);
  });

  it('names minimumRows when rows without any value leave too few', () => {
    const rows = normalRows(100, 0);
    rows.values.data.fill(NaN, 6 * 63);
    expect(() => conditional().fit(rows, fitOptions(6))).toThrow(/minimumRows = 64 rows with a value to fit, got 63/);
  });

  it('refuses rows with another number of features', () => {
    const detector = conditional();
    const model = detector.fit(normalRows(100, 0), fitOptions(6));
    expect(() => detector.score(model, asRows(new Float64Array(10), 5), new Float64Array(2))).toThrow(
      /6 features, the rows have 5/,
    );
  });

  it('refuses a model that was fitted with other lags than configured', () => {
    const saved = conditional({ lags: [0, 1, 3] })
      .fit(normalRows(100, 0), fitOptions(6))
      .save();
    expect(() => conditional().load(saved)).toThrow(/it has lags 0,1,3 and spans 10,30, configured are lags 0,1,2,3,4/);
  });

  const counts = (i: number, value: number) => (sections: Sections) => (sections[0][i] = value);
  it.each<[string, (sections: Sections) => void, RegExp]>([
    ['other features', counts(0, 5), /6 means instead of 5/],
    ['features that are no number', counts(0, NaN), /features = NaN/],
    ['a negative number of rows', counts(1, -1), /rows = -1/],
    ['harmonics without weights', counts(2, 4), /0 weights of the season instead of 378/],
    ['a lag that is not whole', (sections) => (sections[1][2] = 1.5), /a lag = 1.5/],
    ['a span that is no number', (sections) => (sections[2][0] = NaN), /a span is not/],
    ['a deviation of 0', (sections) => (sections[4][0] = 0), /deviation is not a finite number above 0/],
    ['an infinite element', (sections) => (sections[10][7] = Infinity), /elements of the matrix/],
    ['a mean error of 0', (sections) => (sections[12][0] = 0), /mean errors/],
    ['a mean score that is no number', counts(5, NaN), /caps and means/],
  ])('refuses a file with a right checksum but %s', (_, edit, problem) => {
    const detector = conditional();
    const sections = unpackModel('conditional', 1, LAYOUT, detector.fit(normalRows(105, 0), fitOptions(6)).save());
    expect(() => detector.load(packModel('conditional', 1, sections))).not.toThrow();
    edit(sections);
    expect(() => detector.load(packModel('conditional', 1, sections))).toThrow(problem);
  });
});
