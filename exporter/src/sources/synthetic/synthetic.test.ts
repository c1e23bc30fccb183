import { createHash } from 'node:crypto';
import { manualClock } from '../../clock.ts';
import type { Batch, Observer } from '../../flow.ts';
import { seededRandom } from '../../random.ts';
import { faultSchedule } from './faults.ts';
import { nodeGenerator } from './generator.ts';
import { CORRELATION, FAULTS, FAULT_KINDS, NODES, NORMAL, SYNTHETIC_SCHEMA, type FaultKind } from './network.ts';
import { syntheticOptions, syntheticSource } from './synthetic.ts';

const WIDTH = SYNTHETIC_SCHEMA.features.length;
const observer: Observer = { log: { debug() {}, info() {}, warn() {}, error() {} }, count() {} };

function samples(seed: number, count: number, share: number, intervalMs = 1000) {
  const generator = nodeGenerator(seed, 0, intervalMs, share);
  const values = new Float64Array(count * WIDTH);
  const faults: (FaultKind | undefined)[] = [];
  const events = new Map<object, { kind: FaultKind; shape: string; rows: number[] }>();
  for (let i = 0; i < count; i++) {
    const sample = generator.next(i * intervalMs);
    values.set(sample.values, i * WIDTH);
    faults.push(sample.fault?.kind);
    if (!sample.fault) continue;
    const event = events.get(sample.fault) ?? { kind: sample.fault.kind, shape: sample.fault.shape, rows: [] };
    event.rows.push(i);
    events.set(sample.fault, event);
  }
  return { values, faults, events: [...events.values()] };
}

function column(values: Float64Array, j: number, keep: (row: number) => boolean = () => true): number[] {
  return Array.from({ length: values.length / WIDTH }, (_, r) => r)
    .filter(keep)
    .map((r) => values[r * WIDTH + j]);
}

const mean = (x: readonly number[]) => x.reduce((a, b) => a + b, 0) / x.length;
function deviation(x: readonly number[]): number {
  const middle = mean(x);
  return Math.sqrt(mean(x.map((v) => (v - middle) ** 2)));
}
function correlation(x: readonly number[], y: readonly number[]): number {
  const [mx, my] = [mean(x), mean(y)];
  return mean(x.map((v, i) => (v - mx) * (y[i] - my))) / (deviation(x) * deviation(y));
}

describe('the synthetic network', () => {
  const twoDays = samples(1, 2 * 86_400, 0).values;

  test('is the same, bit for bit, for the same seed, and pinned', () => {
    const digest = (seed: number) =>
      createHash('sha256')
        .update(new Uint8Array(samples(seed, 5000, 0.05).values.buffer))
        .digest('hex')
        .slice(0, 16);
    expect(digest(7)).toBe(digest(7));
    expect(digest(8)).not.toBe(digest(7));
    // a change of this number changes what everybody's seeds mean
    expect(digest(0)).toMatchInlineSnapshot(`"bcffb6855ce9d898"`);
  });

  test.each(SYNTHETIC_SCHEMA.features.map((feature, j) => [feature.name, j] as const))(
    'without faults %s has its mean, its deviation and its autocorrelation',
    (_, j) => {
      const x = column(twoDays, j);
      const clipped = NORMAL.mean[j] < 2 * NORMAL.deviation[j]; // cannot go below zero: a little narrower and higher
      expect(Math.abs(mean(x) - NORMAL.mean[j])).toBeLessThan((clipped ? 0.15 : 0.1) * NORMAL.deviation[j]);
      expect(deviation(x) / NORMAL.deviation[j]).toBeGreaterThan(clipped ? 0.85 : 0.94);
      expect(deviation(x) / NORMAL.deviation[j]).toBeLessThan(1.06);
      const lag1 = correlation(x.slice(1), x.slice(0, -1));
      expect(lag1).toBeGreaterThan(0.83);
      expect(lag1).toBeLessThan(0.995);
    },
  );

  test('its features move together as they are told to', () => {
    const { values } = samples(2, 86_400, 0);
    expect(correlation(column(values, 0), column(values, 4))).toBeGreaterThan(0.6);
    expect(correlation(column(values, 1), column(values, 3))).toBeLessThan(0.4);
    expect(CORRELATION.every((row, i) => row.every((r, j) => r === CORRELATION[j][i]))).toBe(true);
  });

  test('half a second between samples is the same process seen twice as often', () => {
    const { values } = samples(3, 100_000, 0, 500);
    const x = column(values, 0);
    const slow = column(samples(3, 50_000, 0).values, 0);
    expect(correlation(x.slice(2), x.slice(0, -2))).toBeCloseTo(correlation(slow.slice(1), slow.slice(0, -1)), 1);
  });

  test.each([0.01, 0.05, 0.2])('labels a share of %f of its samples', (share) => {
    const { faults } = samples(4, 2 * 86_400, share);
    const labelled = faults.filter((fault) => fault !== undefined).length / faults.length;
    expect(labelled / share).toBeGreaterThan(0.8);
    expect(labelled / share).toBeLessThan(1.2);
  });

  test('has every kind in every shape, each at least five samples long', () => {
    const { events } = samples(5, 6 * 86_400, 0.1);
    for (const kind of FAULT_KINDS)
      for (const shape of ['spike', 'ramp', 'plateau'])
        expect(events.filter((event) => event.kind === kind && event.shape === shape).length).toBeGreaterThan(0);
    const whole = events.slice(0, -1); // the last one may be cut off by the end of the data
    expect(Math.min(...whole.map(({ rows }) => rows.length))).toBeGreaterThanOrEqual(5);
    for (const { rows } of whole) expect(rows[rows.length - 1] - rows[0] + 1).toBe(rows.length);
  });

  test('plateaus of each kind stand at the level that the kind is defined by', () => {
    const { values, events } = samples(6, 8 * 86_400, 0.1);
    for (const [kind, fault] of Object.entries(FAULTS)) {
      if (kind === 'memory_leak') continue; // part of its label is the climb
      const rows = events.filter((e) => e.kind === kind && e.shape === 'plateau').flatMap((e) => e.rows);
      const level = mean(rows.map((r) => values[r * WIDTH + fault.feature]));
      expect(Math.abs(level - fault.mean)).toBeLessThan(0.6 * fault.deviation);
    }
  });

  test('a climb is labelled from the first sample that is three deviations from normal', () => {
    const { values, events } = samples(7, 4 * 86_400, 0.1);
    const climbs = events.filter((e) => e.shape === 'ramp' && e.kind !== 'correlation_break');
    expect(climbs.length).toBeGreaterThan(10);
    for (const { kind, rows } of climbs) {
      const { feature } = FAULTS[kind as keyof typeof FAULTS];
      const apart = Math.abs(values[rows[0] * WIDTH + feature] - NORMAL.mean[feature]) / NORMAL.deviation[feature];
      const before =
        Math.abs(values[(rows[0] - 1) * WIDTH + feature] - NORMAL.mean[feature]) / NORMAL.deviation[feature];
      // or the climb was over before noise let it reach three
      expect(apart >= 3 || rows.length <= 45).toBe(true);
      expect(before).toBeLessThan(6);
    }
  });

  test('a broken correlation keeps every feature within two deviations and parts CPU from bandwidth', () => {
    const { values, events } = samples(8, 4 * 86_400, 0.1);
    const rows = events
      .filter((e) => e.kind === 'correlation_break' && e.shape === 'plateau')
      .flatMap((e) => e.rows.slice(10));
    expect(rows.length).toBeGreaterThan(100);
    const z = (r: number, j: number) => (values[r * WIDTH + j] - NORMAL.mean[j]) / NORMAL.deviation[j];
    expect(Math.max(...rows.flatMap((r) => NORMAL.mean.map((_, j) => Math.abs(z(r, j)))))).toBeLessThanOrEqual(2);
    expect(rows.filter((r) => Math.sign(z(r, 0)) === Math.sign(z(r, 4)))).toEqual([]);
  });

  test('no share, no faults', () => {
    expect(faultSchedule(seededRandom(1), 0, 1).next(0).done).toBe(true);
    expect(samples(9, 20_000, 0).events).toHaveLength(0);
  });

  test('as a source it gives one row for each node and tick, with its nodes and links', async () => {
    const clock = manualClock();
    const source = syntheticSource.create(syntheticOptions.parse({}), {
      monitor: 'demo',
      intervalMs: 500,
      hostname: 'here',
      observer,
      paths: { procfs: '/proc', sysfs: '/sys', rootfs: '/' },
    });
    const stop = new AbortController();
    const times: number[] = [];
    let last: Batch | undefined;
    for await (const batch of source.batches(stop.signal, clock)) {
      expect(batch.entity).toEqual(Int32Array.of(0, 1, 2, 3, 4, 5));
      times.push(batch.time[0]);
      last = batch;
      if (times.length === 4) stop.abort();
    }
    expect(times.map((time) => time - times[0])).toEqual([0, 500, 1000, 1500]);
    expect(last?.values.every(Number.isFinite)).toBe(true);
    expect(source.entities.map(({ id }) => id)).toEqual(NODES.map(({ id }) => id));
    const map = source.topology?.();
    expect(map?.edges.map(({ source: from, target }) => `${from}>${target}`)).toEqual([
      'core-01>edge-01',
      'core-01>edge-02',
      'edge-01>leaf-01',
      'edge-01>leaf-02',
      'edge-02>leaf-03',
    ]);
  });

  test.each([
    [{ seed: -1 }, 'seed'],
    [{ anomaly_share: 0.6 }, 'anomaly_share'],
    [{ anomalies: 1 }, 'anomalies'],
  ])('options %j are refused and named', (options, key) => {
    const result = syntheticOptions.safeParse(options);
    expect(JSON.stringify(result.error?.issues)).toContain(key);
  });
});
