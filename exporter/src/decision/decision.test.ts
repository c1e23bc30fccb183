import fc from 'fast-check';
import { seededRandom } from '../random.ts';
import { createBudget } from './budget.ts';
import { classify, kindTable } from './classify.ts';
import { severityName, severityOf } from './severity.ts';
import { createTail } from './tail.ts';
import { thresholdOf } from './threshold.ts';
import type { FeatureSpec } from '../flow.ts';

const DAY = 86_400_000;

function feature(name: string): FeatureSpec {
  return { name, unit: 'ratio', help: '', kind: 'gauge', direction: 'both', transform: 'none', minimumDeviation: 0 };
}

describe('tail', () => {
  test('its quantiles are those of the scores, to within a bin', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0.05, max: 4, noNaN: true }), { minLength: 30, maxLength: 400 }),
        fc.double({ min: 0.5, max: 0.99, noNaN: true }),
        (scores, q) => {
          const tail = createTail(1);
          tail.grow(1);
          for (const score of scores) tail.add(0, score);
          const found = tail.quantile(0, q);
          const allowed = (1 - q) * scores.length;
          // at most a share of 1 - q lies above, and just below it there would be more; a bin is 5 % wide
          expect(scores.filter((s) => s > found * 1.051).length).toBeLessThanOrEqual(allowed + 1e-9);
          expect(scores.filter((s) => s >= found / 1.051).length).toBeGreaterThanOrEqual(
            Math.min(allowed, scores.length) - 1e-9,
          );
        },
      ),
    );
  });

  test('keeps entities apart, forgets by a factor, and comes back bit for bit', () => {
    const tail = createTail(1);
    tail.grow(2);
    for (let i = 0; i < 100; i++) tail.add(1, 0.5);
    expect(tail.rows(0)).toBe(0);
    expect(tail.quantile(0, 0.9)).toBeNaN();
    tail.decay(0.25);
    expect(tail.rows(1)).toBe(25);
    const other = createTail(1);
    other.restore(3, tail.save(1));
    expect(other.quantile(3, 0.9)).toBe(tail.quantile(1, 0.9));
    tail.forget(1);
    expect(tail.rows(1)).toBe(0);
    expect(() => tail.restore(0, new Float32Array(3))).toThrow('3 bins');
  });

  test('a trimmed mean leaves the highest scores out', () => {
    const tail = createTail(1);
    tail.grow(1);
    for (let i = 0; i < 95; i++) tail.add(0, 0.5);
    for (let i = 0; i < 5; i++) tail.add(0, 4);
    expect(tail.trimmedMean(0, 0.05)).toBeCloseTo(0.5, 1);
    expect(tail.moments(0).mean).toBeGreaterThan(0.65);
  });
});

describe('thresholds', () => {
  const tail = createTail(1);
  tail.grow(2);
  const random = seededRandom(1);
  const scores = Float64Array.from({ length: 20_000 }, () => Math.exp(0.3 * random.normal()));
  for (const score of scores) tail.add(0, score);
  const sorted = scores.slice().sort();
  const within = (value: number, expected: number) => expect(Math.abs(value / expected - 1)).toBeLessThan(0.06);

  test.each([
    ['budget', { method: 'budget', incidentsPerDay: 1 }, 0.99],
    ['percentile', { method: 'percentile', percentile: 97 }, 0.97],
    ['contamination', { method: 'contamination', contamination: 0.1 }, 0.9],
  ] as const)('%s is a quantile of unseen rows', (_, options, q) => {
    within(thresholdOf(tail, 0, options), sorted[Math.floor(q * sorted.length)]);
  });

  test('sigma is the mean and k deviations', () => {
    const mean = scores.reduce((a, b) => a + b) / scores.length;
    const deviation = Math.sqrt(scores.reduce((a, b) => a + (b - mean) ** 2, 0) / scores.length);
    within(thresholdOf(tail, 0, { method: 'sigma', k: 2.5 }), mean + 2.5 * deviation);
  });

  test('there is none from fewer than twenty rows', () => {
    for (let i = 0; i < 19; i++) tail.add(1, 1);
    expect(thresholdOf(tail, 1, { method: 'percentile', percentile: 99 })).toBeNaN();
    tail.add(1, 1);
    expect(thresholdOf(tail, 1, { method: 'percentile', percentile: 99 })).toBeGreaterThan(0.9);
  });
});

describe('budget', () => {
  /** one alarm run with this peak, and the quiet after it */
  function run(budget: ReturnType<typeof createBudget>, time: number, peak: number): number {
    for (let row = 0; row < 5; row++) budget.tell(7, (time += 1000), peak);
    for (let row = 0; row < 40; row++) budget.tell(7, (time += 1000), 0.1);
    return time;
  }

  test('three alarms in three days leave the bar where it is, habits raise it above what the budget allows', () => {
    const budget = createBudget(1, 3);
    let time = 0;
    for (let i = 0; i < 3; i++) time = run(budget, time, 2 + i);
    expect(budget.bar(7)).toBe(1);
    time = run(budget, time, 2.5);
    // four peaks 2, 3, 4, 2.5: at most three may exceed the bar
    expect(budget.bar(7)).toBeCloseTo(1.05 * 2);
    for (let i = 0; i < 20; i++) time = run(budget, time, 3);
    expect(budget.bar(7)).toBeGreaterThan(3);
    expect(budget.bar(7)).toBeLessThan(4);
    expect(budget.bar(8)).toBe(1);
  });

  test('a habit does not hide a fault that stays', () => {
    const budget = createBudget(1, 3);
    let time = 0;
    for (let i = 0; i < 10; i++) time = run(budget, time, 3);
    expect(budget.bar(7)).toBeGreaterThan(3);
    for (let row = 0; row < 200; row++) budget.tell(7, (time += 1000), 3);
    expect(budget.bar(7)).toBe(1);
  });

  test('single rows are no habit', () => {
    const budget = createBudget(1, 3);
    let time = 0;
    for (let i = 0; i < 20; i++) {
      budget.tell(7, (time += 1000), 1.5);
      for (let row = 0; row < 40; row++) budget.tell(7, (time += 1000), 0.1);
    }
    expect(budget.bar(7)).toBe(1);
  });

  test('a habit that stops is forgotten after three days', () => {
    const budget = createBudget(1, 3);
    let time = 0;
    for (let i = 0; i < 10; i++) time = run(budget, time, 3);
    expect(budget.bar(7)).toBeGreaterThan(1);
    time += 3 * DAY + 1000;
    budget.tell(7, time, 0.1);
    expect(budget.bar(7)).toBe(1);
    expect(budget.watching(2)).toBe(false);
  });

  test('a larger budget allows more', () => {
    const budget = createBudget(10, 3);
    let time = 0;
    for (let i = 0; i < 30; i++) time = run(budget, time, 3);
    expect(budget.bar(7)).toBe(1);
  });

  test('the spent share counts incidents of the last three days', () => {
    const budget = createBudget(2, 3);
    budget.opened(1, 0);
    budget.opened(1, DAY);
    budget.opened(1, 2 * DAY);
    expect(budget.used(1, 2 * DAY)).toBeCloseTo(3 / 6);
    expect(budget.used(1, 3.5 * DAY)).toBeCloseTo(2 / 6);
    expect(budget.used(2, DAY)).toBe(0);
  });

  test('what is saved comes back to the same bars', () => {
    const budget = createBudget(1, 3);
    let time = 0;
    for (let i = 0; i < 6; i++) time = run(budget, time, 2 + 0.1 * i);
    const other = createBudget(1, 3);
    // series 7 is feature 1 of entity 2 with three columns
    other.restore(2, JSON.parse(JSON.stringify(budget.save(2))));
    expect(other.bar(7)).toBe(budget.bar(7));
    other.forget(2);
    expect(other.bar(7)).toBe(1);
  });
});

describe('kinds', () => {
  const names = [
    'cpu_usage_ratio',
    'memory_used_ratio',
    'disk_latency_seconds',
    'network_receive_packets_per_second',
    'network_receive_bytes_per_second',
    'tcp_retransmission_ratio',
    'threads',
  ];
  const table = kindTable(names.map(feature));
  const shares = (main: number, share = 0.8) =>
    names.map((_, j) => (j === main ? share : (1 - share) / (names.length - 1)));

  test.each([
    ['cpu_usage_ratio', true, 'cpu_spike'],
    ['cpu_usage_ratio', false, 'unknown'],
    ['memory_used_ratio', true, 'memory_pressure'],
    ['disk_latency_seconds', true, 'latency_surge'],
    ['network_receive_packets_per_second', true, 'packet_storm'],
    ['network_receive_bytes_per_second', false, 'bandwidth_drop'],
    ['tcp_retransmission_ratio', true, 'error_flood'],
    ['threads', true, 'unknown'],
  ] as const)('%s above its expected value (%s) is a %s', (name, above, kind) => {
    expect(classify(table, shares(names.indexOf(name)), () => above, 2, false, false)).toBe(kind);
  });

  test('memory that fills while the CPU is busy is named after the memory, and a leak after ten minutes of climbing', () => {
    const both = [0.6, 0.35, 0.05, 0, 0, 0, 0];
    expect(classify(table, both, () => true, 3, false, false)).toBe('memory_pressure');
    expect(classify(table, both, () => true, 3, false, true)).toBe('memory_leak');
    expect(classify(table, [0.9, 0.1, 0, 0, 0, 0, 0], () => true, 3, false, true)).toBe('cpu_spike');
    expect(classify(table, [0.1, 0.9, 0, 0, 0, 0, 0], () => false, 3, false, true)).toBe('memory_leak');
    expect(classify(table, [0.1, 0.9, 0, 0, 0, 0, 0], () => false, 3, false, false)).toBe('unknown');
  });

  test('without a feature that stands out the relation is broken, or a limit was crossed', () => {
    expect(classify(table, shares(0, 0.5), () => true, 0.5, false, false)).toBe('correlation_break');
    expect(classify(table, shares(0, 0.8), () => true, 0.5, false, false)).toBe('cpu_spike');
    expect(classify(table, shares(0), () => true, 0.5, true, false)).toBe('limit');
    expect(classify(table, shares(0), () => true, 5, true, false)).toBe('limit');
    expect(classify(table, shares(0), () => true, NaN, true, false)).toBe('limit');
  });
});

test.each([
  [NaN, 0],
  [0.99, 0],
  [1, 1],
  [1.49, 1],
  [1.5, 2],
  [2, 3],
  [9, 3],
])('a score of %f has severity %i', (score, severity) => {
  expect(severityOf(score)).toBe(severity);
  if (severity > 0) expect(severityName(score)).toBe(['', 'low', 'medium', 'high'][severity]);
});
