import fc from 'fast-check';
import type { FeatureSpec, Schema } from '../flow.ts';
import { createSteps } from './steps.ts';

const features: FeatureSpec[] = [
  { ...spec('cpu_usage_ratio'), peak: true, range: [0, 1], limits: { max: 0.9 } },
  { ...spec('receive_bytes_per_second'), kind: 'counter', transform: 'log1p' },
  { ...spec('disk_latency_seconds'), kind: 'counter', per: 'x', transform: 'log1p', peak: true },
];
const schema: Schema = { name: 'host', features };

function spec(name: string): FeatureSpec {
  return { name, unit: 'ratio', help: name, kind: 'gauge', direction: 'up', transform: 'none', minimumDeviation: 0 };
}

interface Sample {
  readonly entity: number;
  readonly time: number;
  readonly gap: number;
  readonly values: number[];
}

interface Step {
  entity: number;
  time: number;
  gap: number;
  samples: number;
  values: number[];
}

/** Pushes each tick's samples as one batch; per sample its trailing row, and all closed steps in order. */
function run(ticks: Sample[][], samplesPerStep: number, stepMs: number): { trailing: number[][]; closed: Step[] } {
  const steps = createSteps(schema, samplesPerStep, stepMs);
  const width = steps.columns.length;
  const trailing: number[][] = [];
  const closed: Step[] = [];
  for (const tick of ticks) {
    const out = new Float64Array(tick.length * width).fill(-1);
    const result = steps.push(
      Int32Array.from(tick, ({ entity }) => entity),
      Float64Array.from(tick, ({ time }) => time),
      Uint8Array.from(tick, ({ gap }) => gap),
      Float64Array.from(tick.flatMap(({ values }) => values)),
      tick.length,
      out,
    );
    for (let r = 0; r < tick.length; r++) trailing.push([...out.subarray(r * width, (r + 1) * width)]);
    for (let r = 0; r < result.rows; r++) {
      closed.push({
        entity: result.entity[r],
        time: result.time[r],
        gap: result.gap[r],
        samples: result.samples[r],
        values: [...result.values.subarray(r * width, (r + 1) * width)],
      });
    }
  }
  return { trailing, closed };
}

/** Means of all features and maxima of the peak ones, the slow way. */
function aggregate(samples: Sample[]): number[] {
  const known = (column: number) => samples.map(({ values }) => values[column]).filter((value) => !Number.isNaN(value));
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const most = (values: number[]) => (values.length > 0 ? Math.max(...values) : NaN);
  return [mean(known(0)), mean(known(1)), mean(known(2)), most(known(0)), most(known(2))];
}

const LOGS = [1, 2, 4];

function toModelUnits(row: number[]): number[] {
  return row.map((value, column) => (LOGS.includes(column) ? Math.log1p(value) : value));
}

/** Equal to a rounding of the largest value that took part; NaN only where NaN is expected. */
function expectRow(actual: number[], expected: number[], magnitude: number): void {
  expect(actual.map(Number.isNaN)).toEqual(expected.map(Number.isNaN));
  expected.forEach((value, column) => {
    if (!Number.isNaN(value)) expect(Math.abs(actual[column] - value)).toBeLessThanOrEqual(1e-13 * magnitude);
  });
}

const value = fc.oneof(
  { weight: 6, arbitrary: fc.double({ min: 0, max: 1, noNaN: true }) },
  { weight: 2, arbitrary: fc.double({ min: 0, max: 1e12, noNaN: true }) },
  { weight: 2, arbitrary: fc.constant(NaN) },
);
/** Ticks of some of four entities whose rings begin at different slots, 1 s apart with jitter, now and then with a gap or a clock that went back. */
const stream = fc
  .array(
    fc.record({
      afterMs: fc.oneof(
        { weight: 8, arbitrary: fc.integer({ min: 700, max: 1300 }) },
        { weight: 1, arbitrary: fc.integer({ min: -20_000, max: 20_000 }) },
      ),
      rows: fc.uniqueArray(
        fc.record({
          entity: fc.constantFrom(0, 17, 35, 53),
          gap: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.constant(1) }),
          values: fc.tuple(fc.oneof(value, fc.double({ min: -9, max: -1, noNaN: true })), value, value),
        }),
        { selector: ({ entity }) => entity },
      ),
    }),
    { maxLength: 60 },
  )
  .map((ticks) => {
    let time = Date.UTC(2026, 0, 1);
    return ticks.map(({ afterMs, rows }) => {
      time += afterMs;
      return rows.map((row): Sample => ({ ...row, time, values: [...row.values] }));
    });
  });

describe('the trailing step', () => {
  test('is the mean and the maximum of the last samples of its segment, in model units', () => {
    fc.assert(
      fc.property(stream, fc.integer({ min: 2, max: 9 }), (ticks, size) => {
        const { trailing } = run(ticks, size, size * 1000);
        const window = new Map<number, Sample[]>();
        ticks.flat().forEach((sample, i) => {
          const before = sample.gap === 1 ? [] : (window.get(sample.entity) ?? []);
          const last = [...before, sample].slice(-size);
          window.set(sample.entity, last);
          const expected = aggregate(last);
          const actual = trailing[i].map((value, column) => (LOGS.includes(column) ? Math.expm1(value) : value));
          expectRow(
            actual,
            expected,
            20 * Math.max(1, ...last.flatMap(({ values }) => values.map((v) => Math.abs(v) || 0))),
          );
        });
      }),
      { numRuns: 300 },
    );
  });

  const one = (values: number[], i: number, gap = i === 0 ? 1 : 0): Sample[] => [
    { entity: 0, time: 1000 * i, gap, values },
  ];

  test('forgets a huge value completely once it is out of the window', () => {
    const ticks = Array.from({ length: 20 }, (_, i) => one([i === 3 ? 1e18 : 0.1, 1, 1], i));
    const { trailing } = run(ticks, 5, 5000);
    expect(trailing[7][0]).toBeCloseTo(2e17, -3);
    expect(trailing[8][0]).toBeCloseTo(0.1, 14);
  });

  test('is missing, not infinite, when rounding is all that is left of it', () => {
    const cpu = [1e30, 0.1, 0.2, NaN, NaN, NaN, NaN, 3];
    const { trailing } = run(
      cpu.map((value, i) => one([value, 1, 1], i)),
      3,
      3000,
    );
    expect(trailing.slice(5).map(([mean]) => mean)).toEqual([NaN, NaN, 3]);
  });

  test('recovers from a sum beyond the range of a double', () => {
    const ticks = Array.from({ length: 20 }, (_, i) => one([i === 3 || i === 4 ? 1.7e308 : 0.5, 1, 1], i));
    const means = run(ticks, 5, 5000).trailing.map(([mean]) => mean);
    expect(means.slice(4, 8)).toEqual([NaN, NaN, NaN, NaN]);
    expect(means[8]).toBe(1.7e308 / 5);
    expect(means.slice(9)).toEqual(Array(11).fill(0.5));
  });

  test('does not drift over a million samples on an offset of 1e9', () => {
    const steps = createSteps(schema, 15, 15_000);
    const out = new Float64Array(5);
    const gap = Uint8Array.of(1);
    const time = new Float64Array(1);
    const values = new Float64Array(3);
    const last: number[] = [];
    let worst = 0;
    for (let i = 0; i < 1_000_000; i++) {
      values[0] = 1e9 + ((i * 7919) % 1000) / 997;
      time[0] = i * 1000;
      steps.push(Int32Array.of(0), time, gap, values, 1, out);
      gap[0] = 0;
      last[i % 15] = values[0] - 1e9;
      if (i > 999_000) worst = Math.max(worst, Math.abs(out[0] - 1e9 - last.reduce((a, b) => a + b, 0) / 15));
    }
    expect(worst).toBeLessThan(3e-7); // the spacing of doubles at 1e9 is 1.2e-7
  });

  test('a constant stays what it is, to a rounding', () => {
    const ticks = Array.from({ length: 100 }, (_, i) => one([0.1, 0.1, NaN], i));
    for (const [mean] of run(ticks, 15, 15_000).trailing) expect(Math.abs(mean - 0.1)).toBeLessThan(2e-17);
  });
});

describe('whole steps', () => {
  test('hold exactly the samples whose time fell into them, and say whether they follow the one before', () => {
    fc.assert(
      fc.property(stream, fc.integer({ min: 2, max: 9 }), (ticks, size) => {
        const stepMs = size * 1000;
        const open = new Map<number, { number: number; samples: Sample[] }>();
        const previous = new Map<number, number>();
        const expected: (Step & { magnitude: number })[] = [];
        for (const sample of ticks.flat()) {
          const number = Math.floor(sample.time / stepMs);
          const step = open.get(sample.entity);
          if (step?.number === number) {
            step.samples.push(sample);
            continue;
          }
          open.set(sample.entity, { number, samples: [sample] });
          if (!step) continue;
          expected.push({
            entity: sample.entity,
            time: step.number * stepMs,
            gap: previous.get(sample.entity) === step.number - 1 ? 0 : 1,
            samples: step.samples.length,
            values: aggregate(step.samples),
            magnitude: Math.max(1, ...step.samples.flatMap(({ values }) => values.map((v) => Math.abs(v) || 0))),
          });
          previous.set(sample.entity, step.number);
        }
        const { closed } = run(ticks, size, stepMs);
        expect(closed.map(({ values: _, ...step }) => step)).toEqual(
          expected.map(({ values: _, magnitude: __, ...step }) => step),
        );
        expected.forEach(({ values, magnitude }, i) => expectRow(closed[i].values, values, magnitude));
      }),
      { numRuns: 300 },
    );
  });

  test('a forgotten entity leaves no step behind and begins a new one', () => {
    const steps = createSteps(schema, 2, 2000);
    const push = (seconds: number, gap: number, cpu: number) => {
      const out = new Float64Array(5);
      const values = Float64Array.of(cpu, 0, 0);
      const closed = steps.push(Int32Array.of(4), Float64Array.of(seconds * 1000), Uint8Array.of(gap), values, 1, out);
      return { mean: out[0], closed: closed.rows, gap: closed.gap[0], value: closed.values[0] };
    };
    push(0, 1, 1);
    push(1, 0, 1);
    expect(push(2, 0, 1)).toMatchObject({ closed: 1, gap: 1, value: 1 });
    steps.forget(4);
    steps.forget(1000);
    expect(push(3, 0, 5)).toMatchObject({ mean: 5, closed: 0 });
    expect(push(4, 0, 7)).toMatchObject({ mean: 6, closed: 1, gap: 1, value: 5 });
  });
});

describe('columns', () => {
  test('are the means, then the peaks, all of them gauges; limits stay with the mean', () => {
    const { columns } = createSteps(schema, 15, 15_000);
    expect(columns.map(({ name, kind }) => `${name} ${kind}`)).toEqual([
      'cpu_usage_ratio gauge',
      'receive_bytes_per_second gauge',
      'disk_latency_seconds gauge',
      'cpu_usage_ratio_peak gauge',
      'disk_latency_seconds_peak gauge',
    ]);
    expect(columns[0]).toMatchObject({ limits: { max: 0.9 }, range: [0, 1] });
    expect(columns[3].limits).toBeUndefined();
    expect(columns[4]).toMatchObject({ transform: 'log1p' });
    expect(columns[2].per).toBeUndefined();
  });

  test('one sample a step is its own mean and maximum: no peak columns, every sample closes its step', () => {
    fc.assert(
      fc.property(stream, (ticks) => {
        const { trailing, closed } = run(ticks, 1, 1000);
        ticks.flat().forEach((sample, i) => {
          expect(closed[i]).toEqual({ ...sample, samples: 1 });
          const expected = toModelUnits(sample.values);
          expectRow(trailing[i], expected, 100);
        });
        expect(closed).toHaveLength(ticks.flat().length);
      }),
    );
    expect(createSteps(schema, 1, 1000).columns).toHaveLength(3);
  });

  test.each([
    [0, 1000, /^0 samples a step/],
    [1.5, 1000, /^1.5 samples a step/],
    [70_000, 1000, /^70000 samples a step/],
    [15, 0, /^step of 0 ms/],
  ])('%d samples in a step of %d ms are refused', (samples, stepMs, message) => {
    expect(() => createSteps(schema, samples, stepMs)).toThrow(message);
  });

  test.each([1, 3])('a row of output that does not fit is refused (%d samples a step)', (samples) => {
    const steps = createSteps(schema, samples, 1000);
    const push = (values: number, out: number) =>
      steps.push(
        Int32Array.of(0),
        Float64Array.of(0),
        Uint8Array.of(1),
        new Float64Array(values),
        1,
        new Float64Array(out),
      );
    expect(() => push(3, 2)).toThrow(/^out holds 2 values/);
    expect(() => push(2, 5)).toThrow(/^values holds 2 values, 3 are needed/);
  });
});
