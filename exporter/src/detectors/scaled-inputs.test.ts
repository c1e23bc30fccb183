import type { Rows } from '../flow.ts';
import { seededRandom } from '../random.ts';
import { asRows, normalRows, sliceRows } from './conformance-data.ts';
import { CHANGE_HISTORY, type InputKind, checkedInputScale, fitInputScale, inputBlocks } from './scaled-inputs.ts';

/** One input row for each of the rows, NaN where a row is left out. */
function inputs(train: Rows, rows: Rows, kind: InputKind, wanted?: Uint8Array, size = 64): number[][] {
  const scale = fitInputScale(train, kind);
  const columns = scale.mean.length;
  const out = Array.from({ length: rows.values.rows }, () => new Array<number>(columns).fill(NaN));
  for (const block of inputBlocks(scale, rows, size, wanted)) {
    for (let i = 0; i < block.count; i++) {
      out[block.row[i]] = [...block.inputs.subarray(i * columns, (i + 1) * columns)];
    }
  }
  return out;
}

/** The change of one value, summed as the definition says. */
function change(values: number[], row: number): number {
  let sum = 0;
  let weight = 0;
  for (let age = 1; age <= Math.min(row, CHANGE_HISTORY); age++) {
    const value = values[row - age];
    if (!Number.isFinite(value)) continue;
    sum += (19 / 21) ** (age - 1) * value;
    weight += (19 / 21) ** (age - 1);
  }
  return values[row] - sum / weight;
}

const deviation = (values: number[]) => {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
};

describe('scaled inputs', () => {
  it('have mean 0 and deviation 1 in training, levels and changes alike', () => {
    const train = normalRows(1000, 0);
    const table = inputs(train, train, 'level+change');
    for (let c = 0; c < 12; c++) {
      const column = table.slice(c < 6 ? 0 : 1).map((row) => row[c]);
      expect(column.reduce((a, b) => a + b, 0) / column.length).toBeCloseTo(0, 6);
      expect(deviation(column)).toBeCloseTo(1, 6);
    }
    expect(inputs(train, train, 'level')).toEqual(table.map((row) => row.slice(0, 6)));
  });

  it('measure a change against the weighted mean of the hundred values before it, holes left out', () => {
    const random = seededRandom(3);
    const values = Array.from({ length: 600 }, () => (random.next() < 0.3 ? NaN : random.normal()));
    values[300] = Infinity;
    const rows = asRows(Float64Array.from(values), 1);
    const got = inputs(rows, rows, 'level+change');
    const changes = values.map((_, r) => change(values, r));
    const spread = deviation(changes.filter(Number.isFinite));
    const mean = changes.filter(Number.isFinite).reduce((a, b, _, all) => a + b / all.length, 0);
    changes.forEach((expected, r) => {
      if (!Number.isFinite(values[r])) expect(got[r]).toEqual([NaN, NaN]);
      else expect(got[r][1]).toBeCloseTo(Number.isFinite(expected) ? (expected - mean) / spread : 0, 5);
    });
  });

  it('do not depend on what lies further back, be it a million deviations', () => {
    const train = normalRows(1000, 0);
    const rows = normalRows(400, 1);
    for (let i = 0; i < 200 * 6; i++) if (i % 5 === 0) rows.values.data[i] *= 1e12;
    const among = inputs(train, rows, 'level+change').slice(300);
    const alone = inputs(train, sliceRows(rows, 200, 400), 'level+change').slice(100);
    among.forEach((row, r) => row.forEach((value, c) => expect(Math.abs(value - alone[r][c])).toBeLessThan(1e-5)));
  });

  it('forget everything at the start of a segment', () => {
    const train = normalRows(1000, 0);
    const rows = normalRows(300, 1);
    rows.segment.fill(8, 100, 200);
    expect(inputs(train, rows, 'level+change').slice(100, 200)).toEqual(
      inputs(train, sliceRows(rows, 100, 200), 'level+change'),
    );
    expect(inputs(train, rows, 'level+change')[200].slice(6)).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it('are the same whatever the size of the block and whichever rows are wanted', () => {
    const train = normalRows(500, 0);
    const rows = normalRows(150, 1);
    rows.values.data.fill(NaN, 6 * 70, 6 * 72);
    const all = inputs(train, rows, 'level+change');
    expect(inputs(train, rows, 'level+change', undefined, 1)).toEqual(all);
    const wanted = Uint8Array.from({ length: 150 }, (_, r) => (r % 7 === 2 ? 1 : 0));
    inputs(train, rows, 'level+change', wanted).forEach((row, r) =>
      expect(row).toEqual(wanted[r] === 1 ? all[r] : new Array(12).fill(NaN)),
    );
  });

  it('scale a constant column by 1 and an empty one not at all', () => {
    const train = asRows(
      Float64Array.from({ length: 300 }, (_, i) => [0.1, NaN, i][i % 3]),
      3,
    );
    const { mean, deviation: spread } = fitInputScale(train, 'level+change');
    expect([...mean.subarray(0, 2), ...mean.subarray(3, 5)]).toEqual([0.1, 0, 0, 0]);
    expect([...spread.subarray(0, 2), ...spread.subarray(3, 5)]).toEqual([1, 1, 1, 1]);
  });

  it('tell small deviations of a large level apart, and survive the largest numbers', () => {
    const random = seededRandom(2);
    const level = Float64Array.from({ length: 500 }, () => 1e12 + random.normal());
    expect(fitInputScale(asRows(level, 1), 'level').deviation[0]).toBeCloseTo(1, 1);
    const huge = asRows(
      Float64Array.from({ length: 500 }, (_, i) => (i % 2 === 0 ? 1.7e308 : -1.7e308)),
      1,
    );
    for (const row of inputs(huge, huge, 'level+change')) expect(row.every(Number.isFinite)).toBe(true);
    const far = inputs(asRows(level, 1), huge, 'level');
    expect([far[0][0], far[1][0]]).toEqual([1e6, -1e6]);
  });

  it('refuse rows of another width', () => {
    const scale = fitInputScale(normalRows(100, 0), 'level');
    expect(() => [...inputBlocks(scale, asRows(new Float64Array(10), 5), 8)]).toThrow(/6 features, the rows have 5/);
  });

  it.each([
    [{ features: 0 }, /features = 0/],
    [{ mean: new Float64Array(3) }, /3 means instead of 2/],
    [{ deviation: new Float64Array(1) }, /1 deviations instead of 2/],
    [{ mean: Float64Array.of(0, NaN) }, /a mean is not/],
    [{ deviation: Float64Array.of(1, 0) }, /a deviation is not/],
  ])('refuse a scale that was read as %j', (edit, problem) => {
    const scale = {
      features: 1,
      inputs: 'level+change' as const,
      mean: new Float64Array(2),
      deviation: Float64Array.of(1, 1),
    };
    const refuse = (message: string): never => {
      throw new Error(message);
    };
    expect(checkedInputScale(scale, refuse)).toBe(scale);
    expect(() => checkedInputScale({ ...scale, ...edit }, refuse)).toThrow(problem);
  });
});
