import type { FeatureSpec } from '../flow.ts';
import { seededRandom } from '../random.ts';
import { BASELINE_MINIMUM, createBaselineState, type BaselineOptions } from './baseline-state.ts';

const START = Date.UTC(2026, 0, 1);
const OPTIONS: BaselineOptions = { smoothing: 1, levelHalfLife: 5400, scaleHalfLife: 21_600, seasonal: false };

function spec(overrides: Partial<FeatureSpec> = {}): FeatureSpec {
  return {
    name: 'x',
    unit: 'count',
    help: '',
    kind: 'gauge',
    direction: 'both',
    transform: 'none',
    minimumDeviation: 0,
    ...overrides,
  };
}

/** One entity, one feature: feeds values a second apart and returns what came out for each. */
function stream(feature: FeatureSpec, options = OPTIONS, stepMs = 1000) {
  const state = createBaselineState([feature], options);
  state.grow(1);
  let time = START;
  const out = {
    deviation: new Float64Array(1),
    expected: new Float64Array(1),
    lower: new Float64Array(1),
    upper: new Float64Array(1),
  };
  return {
    state,
    feed(value: number, gap = 0) {
      state.push(
        1,
        Int32Array.of(0),
        Float64Array.of((time += stepMs)),
        Uint8Array.of(gap),
        Float64Array.of(value),
        out,
      );
      return { deviation: out.deviation[0], expected: out.expected[0], lower: out.lower[0], upper: out.upper[0] };
    },
  };
}

/** AR(1) with unit deviation. */
function autoregressive(phi: number, seed: number): () => number {
  const random = seededRandom(seed);
  let x = random.normal();
  return () => (x = phi * x + Math.sqrt(1 - phi * phi) * random.normal());
}

describe('baseline statistics', () => {
  test('nothing is said before the thirtieth sample, then expected value and band', () => {
    const { feed } = stream(spec());
    const noise = autoregressive(0.5, 1);
    for (let i = 0; i < BASELINE_MINIMUM; i++) expect(feed(10 + noise()).deviation).toBeNaN();
    const { deviation, expected, lower, upper } = feed(10);
    expect(deviation).toBeGreaterThanOrEqual(0);
    expect(Math.abs(expected - 10)).toBeLessThan(1);
    expect(lower).toBeLessThan(expected);
    expect(upper).toBeGreaterThan(expected);
  });

  test.each([0, 0.9, 0.98])('an autocorrelation of %f: ten hours of normal samples rarely reach the limit', (phi) => {
    const { feed } = stream(spec());
    const noise = autoregressive(phi, 2);
    let runs = 0;
    let above = false;
    for (let i = 0; i < 36_000; i++) {
      const now = feed(noise()).deviation >= 1;
      if (now && !above && i > 3600) runs++;
      above = now;
    }
    expect(runs).toBeLessThan(20);
  });

  test.each([0.9, 0.98])(
    'after one minute of samples with autocorrelation %f the next minutes rarely look anomalous',
    (phi) => {
      let alarmed = 0;
      for (let seed = 0; seed < 40; seed++) {
        const { feed } = stream(spec());
        const noise = autoregressive(phi, 100 + seed);
        for (let i = 0; i < 60; i++) feed(noise());
        let alarms = 0;
        for (let i = 0; i < 120; i++) if (feed(noise()).deviation >= 1) alarms++;
        if (alarms >= 2) alarmed++;
      }
      expect(alarmed).toBeLessThan(8);
    },
  );

  test('a jump within the usual range of a slow series is seen for three samples', () => {
    const { feed } = stream(spec());
    const noise = autoregressive(0.995, 4);
    let last = 0;
    for (let i = 0; i < 20_000; i++) feed((last = noise()));
    const jump = last > 0 ? -1.6 : 1.6;
    expect(Math.abs(last + jump)).toBeLessThan(4);
    const deviations = [1, 2, 3, 4].map(() => feed(last + jump).deviation);
    expect(Math.min(...deviations.slice(0, 3))).toBeGreaterThan(1);
    expect(deviations[3]).toBeLessThan(1);
  });

  test('a long moderate shift is seen by its average though no sample is far out', () => {
    const { feed } = stream(spec());
    const noise = autoregressive(0.6, 5);
    for (let i = 0; i < 20_000; i++) feed(noise());
    const deviations = Array.from({ length: 120 }, () => feed(3.2 + 0.3 * noise()).deviation);
    expect(deviations[2]).toBeLessThan(1);
    expect(Math.max(...deviations.slice(30))).toBeGreaterThan(1);
  });

  test('outliers move level and scale by little, a lasting change becomes the new level', () => {
    const { feed } = stream(spec());
    const noise = autoregressive(0, 6);
    for (let i = 0; i < 5000; i++) feed(noise());
    for (let i = 0; i < 50; i++) feed(1e6);
    expect(Math.abs(feed(0).expected)).toBeLessThan(0.2);
    let rows = 0;
    while (feed(8 + noise()).expected < 7 && rows < 200_000) rows++;
    expect(rows).toBeGreaterThan(600);
    expect(rows).toBeLessThan(60_000);
  });

  test.each([
    ['up', 8, true],
    ['up', -8, false],
    ['down', 8, false],
    ['down', -8, true],
    ['both', 8, true],
    ['both', -8, true],
  ] as const)('direction %s and a deviation of %f: an anomaly is %s', (direction, value, anomalous) => {
    const { feed } = stream(spec({ direction }));
    const noise = autoregressive(0, 7);
    for (let i = 0; i < 1000; i++) feed(noise());
    expect(feed(value).deviation >= 1).toBe(anomalous);
  });

  test('less than the minimum deviation is never an anomaly, in the units of the feature also on a log scale', () => {
    const linear = stream(spec({ minimumDeviation: 20 }));
    for (let i = 0; i < 1000; i++) linear.feed(100 + (i % 2));
    expect(linear.feed(119).deviation).toBeLessThan(1);
    expect(linear.feed(125).deviation).toBeGreaterThan(1);
    const log = stream(spec({ minimumDeviation: 1000, transform: 'log1p', range: [0, Infinity] }));
    for (let i = 0; i < 1000; i++) log.feed(10 + (i % 2));
    expect(log.feed(900).deviation).toBeLessThan(1);
    expect(log.feed(1200).deviation).toBeGreaterThan(1);
    expect(log.feed(10).expected).toBeCloseTo(10.5, 0);
  });

  test('a series that never moved is not blind: the first movement beyond the minimum deviation counts', () => {
    const { feed } = stream(spec({ minimumDeviation: 0.1 }));
    for (let i = 0; i < 1000; i++) feed(5);
    expect(feed(5.05).deviation).toBeLessThan(1);
    expect(feed(6).deviation).toBeGreaterThan(1);
  });

  test('a missing value gives a band and no deviation, and is learnt from by nothing', () => {
    const { feed, state } = stream(spec());
    const noise = autoregressive(0, 8);
    for (let i = 0; i < 100; i++) feed(noise());
    const before = state.save(0).values.slice(0, -1);
    const { deviation, expected } = feed(NaN);
    expect(deviation).toBeNaN();
    expect(expected).not.toBeNaN();
    expect(state.save(0).values.slice(0, -1)).toEqual(before);
  });

  test('smoothing passes over a burst of three seconds and sees one of twenty', () => {
    const { feed } = stream(spec({ kind: 'counter', minimumDeviation: 0.3, range: [0, 1] }), {
      ...OPTIONS,
      smoothing: 15,
    });
    const random = seededRandom(9);
    for (let i = 0; i < 600; i++) feed(0.05 + 0.02 * random.next());
    const short = Math.max(...[0.7, 0.7, 0.7, 0.05, 0.05].map((x) => feed(x).deviation));
    for (let i = 0; i < 60; i++) feed(0.05);
    const long = Math.max(...Array.from({ length: 20 }, () => feed(0.7).deviation));
    expect(short).toBeLessThan(1);
    expect(long).toBeGreaterThan(1);
  });

  test('from the third day on an hour has its own level', () => {
    const minute = 60_000;
    const { feed } = stream(
      spec({ minimumDeviation: 1 }),
      { ...OPTIONS, seasonal: true, levelHalfLife: 100_000, scaleHalfLife: 1e6 },
      minute,
    );
    const random = seededRandom(10);
    // busy from 6 to 7 every day
    const value = (i: number) => (Math.floor(i / 60) % 24 === 6 ? 20 : 0) + random.normal();
    const busy: number[] = [];
    for (let i = 1; i <= 4 * 1440; i++) {
      const { expected } = feed(value(i));
      if (Math.floor(i / 60) % 24 === 6 && i % 60 === 59) busy.push(expected);
    }
    expect(busy[0]).toBeLessThan(5);
    expect(busy[3]).toBeGreaterThan(busy[0] + 3);
  });

  test('entities do not touch each other, in whatever order they come', () => {
    const features = [spec(), spec({ name: 'y' })];
    const together = createBaselineState(features, OPTIONS);
    const alone = createBaselineState(features, OPTIONS);
    together.grow(3);
    alone.grow(1);
    const buffers = (rows: number) => {
      const cells = () => new Float64Array(rows * 2);
      return { deviation: cells(), expected: cells(), lower: cells(), upper: cells() };
    };
    const three = buffers(3);
    const one = buffers(1);
    const random = seededRandom(11);
    for (let t = 1; t < 300; t++) {
      const values = Float64Array.from({ length: 6 }, () => random.normal());
      const order = t % 2 === 0 ? [0, 1, 2] : [2, 0, 1];
      together.push(
        3,
        Int32Array.from(order),
        new Float64Array(3).fill(t),
        new Uint8Array(3),
        Float64Array.from(order.flatMap((e) => [values[2 * e], values[2 * e + 1]])),
        three,
      );
      alone.push(1, Int32Array.of(0), Float64Array.of(t), new Uint8Array(1), values.slice(2, 4), one);
      const row = order.indexOf(1);
      expect(three.deviation.slice(2 * row, 2 * row + 2)).toEqual(one.deviation);
    }
  });

  test('what is saved goes on bit for bit', () => {
    const first = stream(spec({ transform: 'log1p' }), { ...OPTIONS, seasonal: true });
    const second = stream(spec({ transform: 'log1p' }), { ...OPTIONS, seasonal: true });
    const noise = autoregressive(0.9, 12);
    for (let i = 0; i < 500; i++) {
      first.feed(10 + noise());
      second.feed(3);
    }
    second.state.restore(0, first.state.save(0));
    for (let i = 0; i < 100; i++) {
      const value = 10 + noise();
      expect(second.feed(value)).toEqual(first.feed(value));
    }
    expect(() => first.state.restore(0, { values: new Float64Array(5), season: new Float64Array(0) })).toThrow(
      'does not fit',
    );
  });
});
