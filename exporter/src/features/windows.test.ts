import fc from 'fast-check';
import { seededRandom } from '../random.ts';
import { createOrderStatistic } from './order-statistic.ts';
import { createWindow } from './windows.ts';

const START = Date.UTC(2026, 0, 1);

interface Sample {
  time: number;
  value: number;
}

/** Everything from its definition. Values are taken relative to one of them, or at 1e9 the check itself would be the less exact side. */
function definition(samples: Sample[]) {
  const known = samples.filter(({ value }) => !Number.isNaN(value));
  const level = known[0]?.value ?? 0;
  const origin = known[0]?.time ?? 0;
  const mean = (of: (sample: Sample) => number) => known.reduce((sum, sample) => sum + of(sample), 0) / known.length;
  const centre = mean(({ value }) => value - level);
  const middle = mean(({ time }) => (time - origin) / 1000);
  const squares = known.reduce((sum, { value }) => sum + (value - level - centre) ** 2, 0);
  const timeSquares = known.reduce((sum, { time }) => sum + ((time - origin) / 1000 - middle) ** 2, 0);
  const mixed = known.reduce(
    (sum, { time, value }) => sum + ((time - origin) / 1000 - middle) * (value - level - centre),
    0,
  );
  const sorted = known.map(({ value }) => value).sort((a, b) => a - b);
  return {
    count: known.length,
    mean: known.length > 0 ? level + centre : NaN,
    variance: known.length > 1 ? squares / (known.length - 1) : NaN,
    slope: timeSquares > 0 ? mixed / timeSquares : NaN,
    p95: known.length > 0 ? sorted[Math.ceil((95 * known.length) / 100) - 1] : NaN,
    timeSpread: Math.sqrt(timeSquares),
    largest: Math.max(...known.map(({ value }) => Math.abs(value - level))),
  };
}

/** To `tolerance` of the window's spread, and the spacing of doubles at its level; what is too small for full precision is 0. */
function expectSame(window: ReturnType<typeof createWindow>, samples: Sample[], tolerance = 1e-11): void {
  const expected = definition(samples);
  const { largest } = expected;
  const close = (actual: number, wanted: number, allowed: number) => {
    if (Number.isNaN(wanted)) expect(actual).toBeNaN();
    else expect(Math.abs(actual - wanted)).toBeLessThanOrEqual(allowed + 1e-290);
  };
  expect(window.count()).toBe(expected.count);
  expect(window.p95()).toBe(expected.p95);
  close(window.mean(), expected.mean, tolerance * largest + 4e-16 * Math.abs(expected.mean));
  close(window.variance(), expected.variance, tolerance * largest * largest);
  close(window.slope(), expected.slope, (tolerance * largest * expected.count) / expected.timeSpread);
}

const value = fc.oneof(
  { weight: 6, arbitrary: fc.double({ min: -1000, max: 1000, noNaN: true }) },
  { weight: 2, arbitrary: fc.integer({ min: 0, max: 3 }) },
  { weight: 2, arbitrary: fc.constant(NaN) },
);

describe('a window', () => {
  test('has the mean, variance, slope and 95th percentile of its last samples by their definitions', () => {
    const stream = fc.array(fc.tuple(fc.integer({ min: 1, max: 5000 }), value), { maxLength: 80 });
    const offset = fc.constantFrom(0, 1e9, -1e12);
    fc.assert(
      fc.property(stream, fc.integer({ min: 1, max: 25 }), offset, (steps, size, level) => {
        const window = createWindow(size);
        const samples: Sample[] = [];
        let time = START;
        expectSame(window, []);
        for (const [after, change] of steps) {
          samples.push({ time: (time += after), value: level + change });
          window.push(time, level + change);
          expectSame(window, samples.slice(-size));
        }
      }),
      { numRuns: 400 },
    );
  });

  test('is as exact after a million samples on an offset of 1e9 as at the start', () => {
    const random = seededRandom(7);
    const size = 600;
    const window = createWindow(size);
    const last: Sample[] = [];
    for (let i = 0; i < 1_000_000; i++) {
      const sample = { time: START + i * 1000, value: 1e9 + random.normal() };
      window.push(sample.time, sample.value);
      if (i >= 999_000) last.push(sample);
      if (i > 999_700 && i % 7 === 0) expectSame(window, last.slice(-size));
    }
    expect(window.variance()).toBeGreaterThan(0.8);
  });

  test.each(Array.from({ length: 11 }, (_, i) => 10 + i))(
    'keeps no trace of a huge value that has left it, wherever it came (sample %d)',
    (huge) => {
      const window = createWindow(10);
      const samples: Sample[] = [];
      for (let i = 0; i < 50; i++) {
        samples.push({ time: START + i * 1000, value: i === huge ? 1e18 : Math.sin(i) });
        window.push(samples[i].time, samples[i].value);
        if (i >= huge + 10) expectSame(window, samples.slice(-10));
      }
    },
  );

  test('knows no spread of one value, no slope at one time, and nothing of missing and infinite values', () => {
    const window = createWindow(4);
    const known = () => [window.count(), window.mean(), window.variance(), window.slope(), window.p95()];
    expect(known()).toEqual([0, NaN, NaN, NaN, NaN]);
    window.push(START, NaN);
    window.push(START, -Infinity);
    expect(known()).toEqual([0, NaN, NaN, NaN, NaN]);
    window.push(START, 5);
    expect(known()).toEqual([1, 5, NaN, NaN, 5]);
    window.push(START, 7);
    expect(known()).toEqual([2, 6, 2, NaN, 7]);
  });

  test('is empty after a reset and then as good as new', () => {
    const window = createWindow(3);
    for (let i = 0; i < 10; i++) window.push(START + i * 1000, i * i);
    window.reset();
    expectSame(window, []);
    const samples = [3, NaN, 4, 8].map((value, i) => ({ time: START + i * 500, value: 1e6 + value }));
    samples.forEach(({ time, value }, i) => {
      window.push(time, value);
      expectSame(window, samples.slice(0, i + 1).slice(-3));
    });
  });

  test.each([0, -3, 2.5, NaN])('of %d samples is refused', (size) => {
    expect(() => createWindow(size)).toThrow(`window of ${size} samples`);
  });
});

describe('an order statistic', () => {
  test('is the nearest rank of the sorted window for every quantile, with ties and missing values', () => {
    const numbers = fc.array(fc.oneof(fc.integer({ min: -4, max: 4 }), fc.constant(NaN), fc.double({ noNaN: true })), {
      maxLength: 120,
    });
    const hundredths = fc.integer({ min: 1, max: 100 });
    fc.assert(
      fc.property(numbers, fc.integer({ min: 1, max: 40 }), hundredths, (values, size, percent) => {
        const statistic = createOrderStatistic(size, percent / 100);
        values.forEach((value, i) => {
          statistic.push(value);
          const sorted = Float64Array.from(
            values.slice(Math.max(0, i + 1 - size), i + 1).filter((v) => !Number.isNaN(v)),
          ).sort();
          const expected = sorted.length > 0 ? sorted[Math.ceil((percent * sorted.length) / 100) - 1] : NaN;
          expect(statistic.value() + 0).toBe(expected + 0); // -0 and 0 are one value
        });
      }),
      { numRuns: 300 },
    );
  });

  test.each([
    [0.28, 25],
    [0.14, 50],
    [0.07, 100],
  ])('of %d takes no rank too many because of a product that is rounded up (%d values)', (fraction, count) => {
    const statistic = createOrderStatistic(count, fraction);
    for (let i = 1; i <= count; i++) statistic.push(i);
    expect(fraction * count).toBeGreaterThan(Math.round(fraction * count));
    expect(statistic.value()).toBe(Math.round(fraction * count));
  });

  test.each([0, 1.1, NaN])('of quantile %d is refused', (fraction) => {
    expect(() => createOrderStatistic(10, fraction)).toThrow(`quantile ${fraction}`);
  });
});
