import fc from 'fast-check';
import type { FeatureSpec, Schema } from '../flow.ts';
import { createRates } from './rates.ts';

const START = Date.UTC(2026, 0, 1);

function feature(name: string, kind: 'gauge' | 'counter', more: Partial<FeatureSpec> = {}): FeatureSpec {
  return {
    name,
    kind,
    unit: 'per_second',
    help: name,
    direction: 'both',
    transform: 'none',
    minimumDeviation: 0,
    ...more,
  };
}

function schemaOf(...features: FeatureSpec[]): Schema {
  return { name: 'disk', features };
}

/** Rows of one entity, each a batch of its own: seconds since the start, then the values. Interval 1 s. */
function run(schema: Schema, rows: number[][], startMs = START): { values: number[][]; gaps: number[] } {
  const rates = createRates(schema, 1000);
  const gap = new Uint8Array(1);
  const values: number[][] = [];
  const gaps: number[] = [];
  for (const [seconds, ...raw] of rows) {
    const out = new Float64Array(schema.features.length).fill(-1);
    const batch = {
      schema,
      entity: Int32Array.of(3),
      time: Float64Array.of(startMs + seconds * 1000),
      values: Float64Array.from(raw),
    };
    rates.apply(batch, out, gap);
    values.push([...out]);
    gaps.push(gap[0]);
  }
  return { values, gaps };
}

const total = feature('read_bytes_per_second', 'counter');
const busy = feature('disk_utilisation_ratio', 'counter', { unit: 'ratio', range: [0, 1] });
const EDGE = 2 ** 32;

describe('rates of one counter', () => {
  test.each<[string, FeatureSpec, number[][], number[], number[]]>([
    ['the first sample has no rate', total, [[0, 5]], [NaN], [1]],
    ['the increase counts per second', total, [[0, 5], [1, 25], [2, 25]], [NaN, 20, 0], [1, 0, 0]], // prettier-ignore
    ["the rows' own times count, not the interval", total, [[0, 0], [0.5, 50], [2, 350]], [NaN, 100, 200], [1, 0, 0]], // prettier-ignore
    ['a counter that starts over has no rate once', total, [[0, 900], [1, 1000], [2, 40], [3, 90]], [NaN, 100, NaN, 50], [1, 0, 0, 0]], // prettier-ignore
    ['32 bits that run over go on', total, [[0, EDGE - 100], [1, EDGE - 40], [2, 60], [3, 90]], [NaN, 60, 100, 30], [1, 0, 0, 0]], // prettier-ignore
    ['a fall from the middle of 32 bits is a reset', total, [[0, EDGE / 2], [1, 60]], [NaN, NaN], [1, 0]], // prettier-ignore
    ['a fall from the edge by too much is a reset', total, [[0, EDGE - 100], [1, EDGE / 4]], [NaN, NaN], [1, 0]], // prettier-ignore
    [
      'a fall from beyond 32 bits is a reset',
      total,
      [
        [0, EDGE + 5],
        [1, 3],
      ],
      [NaN, NaN],
      [1, 0],
    ],
    [
      '3 missed intervals are averaged over',
      total,
      [
        [0, 0],
        [3, 300],
      ],
      [NaN, 100],
      [1, 0],
    ],
    ['more than 3 start a new segment', total, [[0, 0], [3.001, 300], [4, 400.9]], [NaN, NaN, 101.001001], [1, 1, 0]], // prettier-ignore
    ['a clock that goes back starts a new segment', total, [[10, 0], [9, 50], [10, 60]], [NaN, NaN, 10], [1, 1, 0]], // prettier-ignore
    ['a clock that stands still starts a new segment', total, [[1, 0], [1, 50], [2, 60]], [NaN, NaN, 10], [1, 1, 0]], // prettier-ignore
    ['a missing value is averaged over', total, [[0, 0], [1, NaN], [2, 30]], [NaN, NaN, 15], [1, 0, 0]], // prettier-ignore
    ['a value missing for more than 3 intervals is not', total, [[0, 0], [1, NaN], [2, NaN], [3, NaN], [4, 30], [5, 37]], [NaN, NaN, NaN, NaN, NaN, 7], [1, 0, 0, 0, 0, 0]], // prettier-ignore
    ['a value missing at the start of a segment has no rate yet', total, [[0, NaN], [1, 5], [2, 8]], [NaN, NaN, 3], [1, 0, 0]], // prettier-ignore
    ['infinite totals are missing', total, [[0, 0], [1, Infinity], [2, -Infinity], [3, 30]], [NaN, NaN, NaN, 10], [1, 0, 0, 0]], // prettier-ignore
    ['a ratio above 1 by a timer tick is 1', busy, [[0, 0], [1, 1.01], [2, 1.51]], [NaN, 1, 0.5], [1, 0, 0]], // prettier-ignore
  ])('%s', (_, spec, rows, expected, gaps) => {
    const { values, gaps: actual } = run(schemaOf(spec), rows);
    expect(values.map(([value]) => Math.round(value * 1e6) / 1e6)).toEqual(expected);
    expect(actual).toEqual(gaps);
  });

  test('a wrap is seen after a gap of its own counter, but never over a gap of the row', () => {
    expect(run(schemaOf(total), [[0, EDGE - 100], [4, 60]]).values[1][0]).toBeNaN(); // prettier-ignore
  });
});

describe('counters divided by counters', () => {
  const schema = schemaOf(
    feature('disk_latency_seconds', 'counter', {
      unit: 'seconds',
      per: 'operations_per_second',
      range: [0, 10],
      fewest: 2,
    }),
    feature('operations_per_second', 'counter'),
  );

  test.each<[string, number[][], number[]]>([
    ['seconds per operation', [[0, 0, 0], [1, 0.5, 100]], [NaN, 0.005]], // prettier-ignore
    ['fewer operations than the fewest that count have none', [[0, 0, 0], [1, 0.5, 1], [2, 1, 3]], [NaN, NaN, 0.25]], // prettier-ignore
    ['no operations have no duration', [[0, 0, 7], [1, 0, 7], [2, 0.25, 7]], [NaN, NaN, NaN]], // prettier-ignore
    ['a reset of the operations leaves no duration', [[0, 1, 7], [1, 2, 3]], [NaN, NaN]], // prettier-ignore
    ['a reset of the seconds leaves no duration', [[0, 5, 7], [1, 2, 9]], [NaN, NaN]], // prettier-ignore
    ['increases over different times are not divided', [[0, 0, 0], [1, NaN, 10], [2, 4, 20], [3, 6, 30]], [NaN, NaN, NaN, 0.2]], // prettier-ignore
    ['an increase of an earlier row is never used again', [[0, 0, 0], [1, 1, 10], [2, NaN, 20], [3, 3, 30], [4, 4, NaN]], [NaN, 0.1, NaN, NaN, NaN]], // prettier-ignore
    ['both missing at once is averaged over', [[0, 0, 0], [1, NaN, NaN], [2, 4, 20]], [NaN, NaN, 0.2]], // prettier-ignore
    ['an impossible duration is clipped to the range', [[0, 0, 0], [1, 500, 2]], [NaN, 10]], // prettier-ignore
  ])('%s', (_, rows, expected) => {
    expect(run(schema, rows).values.map(([latency]) => latency)).toEqual(expected);
  });

  test('the counter that is divided by keeps its own rate', () => {
    expect(run(schema, [[0, 0, 0], [2, 0.5, 100]]).values[1]).toEqual([0.005, 50]); // prettier-ignore
  });

  test.each([
    ['names nothing', schemaOf(feature('a', 'counter', { per: 'b' })), /a of disk: "per" names b/],
    ['names a gauge', schemaOf(feature('a', 'counter', { per: 'b' }), feature('b', 'gauge')), /"per" names b/],
    ['names itself', schemaOf(feature('a', 'counter', { per: 'a' })), /"per" names a/],
    ['belongs to a gauge', schemaOf(feature('a', 'gauge', { per: 'b' }), feature('b', 'counter')), /is no counter/],
  ])('a "per" that %s is refused', (_, wrong, message) => {
    expect(() => createRates(wrong, 1000)).toThrow(message);
  });
});

describe('rates of many', () => {
  const schema = schemaOf(feature('memory_ratio', 'gauge', { range: [0, 1] }), total, busy);

  test('gauges pass as they are, but for infinite ones', () => {
    const rows = [[0, 0.5, 1, 0], [1, 7, 2, 0], [2, Infinity, 3, 0], [9, -3, 4, 0]]; // prettier-ignore
    expect(run(schema, rows).values.map(([gauge]) => gauge)).toEqual([0.5, 7, NaN, -3]);
  });

  test('a forgotten entity begins again, others go on', () => {
    const rates = createRates(schemaOf(total), 1000);
    const out = new Float64Array(2);
    const gap = new Uint8Array(2);
    const batch = (seconds: number, ...values: number[]) => ({
      schema,
      entity: Int32Array.of(0, 1),
      time: new Float64Array(2).fill(START + seconds * 1000),
      values: Float64Array.from(values),
    });
    rates.apply(batch(0, 1, 1), out, gap);
    rates.forget(1);
    rates.forget(99);
    rates.apply(batch(1, 3, 3), out, gap);
    expect([...out, ...gap]).toEqual([2, NaN, 0, 1]);
  });

  test('entities that appear later leave the state of others alone, and the values may be overwritten in place', () => {
    const arbitrary = fc.array(
      fc.uniqueArray(fc.record({ entity: fc.nat(40), by: fc.double({ min: 0, max: 1e6, noNaN: true }) }), {
        selector: ({ entity }) => entity,
        minLength: 1,
      }),
      { minLength: 1, maxLength: 12 },
    );
    fc.assert(
      fc.property(arbitrary, (ticks) => {
        const together = createRates(schema, 1000);
        const alone = new Map<number, ReturnType<typeof createRates>>();
        const totals = new Float64Array(41);
        ticks.forEach((tick, t) => {
          const values = tick.flatMap(({ entity, by }) => [by, (totals[entity] += by), totals[entity] / 1e6]);
          const time = new Float64Array(tick.length).fill(START + t * 1000);
          const entity = Int32Array.from(tick, (row) => row.entity);
          const inPlace = Float64Array.from(values);
          const gap = new Uint8Array(tick.length);
          together.apply({ schema, entity, time, values: inPlace }, inPlace, gap);
          tick.forEach((row, r) => {
            let rates = alone.get(row.entity);
            if (!rates) alone.set(row.entity, (rates = createRates(schema, 1000)));
            const out = new Float64Array(3);
            const own = new Uint8Array(1);
            const raw = Float64Array.from(values.slice(r * 3, r * 3 + 3));
            rates.apply({ schema, entity: Int32Array.of(0), time: time.subarray(0, 1), values: raw }, out, own);
            expect([...inPlace.subarray(r * 3, r * 3 + 3), gap[r]]).toEqual([...out, own[0]]);
          });
        });
      }),
    );
  });

  test('rates times their spans add up to the increase of the counter, whatever is missing in between', () => {
    const sample = fc.record({
      by: fc.integer({ min: 0, max: 1e9 }),
      afterMs: fc.integer({ min: 1, max: 1400 }),
      missing: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(sample, { maxLength: 40 }), (samples) => {
        let now = 0;
        let count = 0;
        const seen = [{ at: 0, count: 0 }];
        const rows = [[0, 0]];
        let run2 = 0;
        for (const { by, afterMs, missing } of samples) {
          now += afterMs;
          count += by;
          run2 = missing ? run2 + 1 : 0;
          // two missing in a row stay below 3 intervals
          const hidden = missing && run2 <= 1;
          if (!hidden) seen.push({ at: now, count });
          rows.push([now / 1000, hidden ? NaN : count]);
        }
        let last = 0;
        let sum = 0;
        run(schemaOf(total), rows, 0).values.forEach(([rate], row) => {
          if (Number.isNaN(rate)) return;
          sum += (rate * (rows[row][0] * 1000 - last)) / 1000;
          last = rows[row][0] * 1000;
        });
        expect(sum).toBeCloseTo(seen[seen.length - 1].count, 1);
      }),
    );
  });

  test.each([
    ['out', { out: new Float64Array(1) }],
    ['gap', { gap: new Uint8Array(1) }],
    ['values', { values: new Float64Array(1) }],
    ['time', { time: new Float64Array(1) }],
  ])('a buffer %s that is too short is refused by name', (name, short) => {
    const { out, gap, ...batch } = {
      schema: schemaOf(total),
      entity: Int32Array.of(0, 1),
      time: new Float64Array(2),
      values: new Float64Array(2),
      out: new Float64Array(2),
      gap: new Uint8Array(2),
      ...short,
    };
    expect(() => createRates(batch.schema, 1000).apply(batch, out, gap)).toThrow(new RegExp(`^${name} holds 1 `));
  });

  test('a negative entity index and an interval of 0 are refused', () => {
    const batch = { schema, entity: Int32Array.of(-2), time: new Float64Array(1), values: new Float64Array(3) };
    expect(() => createRates(schema, 1000).apply(batch, new Float64Array(3), new Uint8Array(1))).toThrow(/-2/);
    expect(() => createRates(schema, 0)).toThrow(/interval of 0 ms/);
  });
});
