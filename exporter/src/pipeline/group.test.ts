import { resolveMonitor } from '../config/monitors.ts';
import { fileOptions } from '../config/schema.ts';
import { isolationForest } from '../detectors/isolation-forest.ts';
import type { Batch, Detector, Entity } from '../flow.ts';
import { nodeGenerator } from '../sources/synthetic/generator.ts';
import { SYNTHETIC_SCHEMA } from '../sources/synthetic/network.ts';
import { sourceTypes } from '../sources/registry.ts';
import { fitHeldOut } from '../training/fit.ts';
import { createGroup, type Group } from './group.ts';
import { encodeState, readState, writeStateSync } from './monitor-state.ts';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const WIDTH = SYNTHETIC_SCHEMA.features.length;
const START = Date.UTC(2026, 0, 1);
const entities: Entity[] = [{ id: 'core-01', kind: 'node', host: 'core-01', labels: {} }];
const forest: Detector = isolationForest() as Detector;

function configOf(extra: object = {}) {
  const [given] = fileOptions.parse({ monitors: [{ name: 'demo', source: 'synthetic', ...extra }] }).monitors!;
  return resolveMonitor(given, { sources: sourceTypes });
}

function open(extra: object = {}, detectors = [forest]) {
  const rows: Float64Array[] = [];
  const group = createGroup({
    config: configOf(extra),
    schema: SYNTHETIC_SCHEMA,
    entities,
    detectors,
    onMet: () => {},
    onScored: () => {},
    onStep: (_, __, values, at) => rows.push(values.slice(at, at + WIDTH)),
  });
  return { group, rows };
}

function feeder(seed: number, share = 0) {
  const generator = nodeGenerator(seed, 0, 1000, share);
  const batch: Batch = {
    schema: SYNTHETIC_SCHEMA,
    entity: new Int32Array(1),
    time: new Float64Array(1),
    values: new Float64Array(WIDTH),
  };
  let t = 0;
  return (change: (values: Float64Array) => void = () => {}): Batch => {
    batch.time[0] = START + 1000 * t;
    batch.values.set(generator.next(1000 * t++).values);
    change(batch.values);
    return batch;
  };
}

function fit(group: Group, rows: readonly Float64Array[]): void {
  const values = new Float64Array(rows.length * WIDTH);
  rows.forEach((row, r) => values.set(row, r * WIDTH));
  const job = {
    detector: forest.name,
    values,
    time: Float64Array.from(rows, (_, r) => START + 1000 * r),
    segment: new Int32Array(rows.length),
    features: group.columns,
    seed: 0,
    rowsPerDay: 86_400,
  };
  const { model, meanScore, unseen } = fitHeldOut(forest, job, () => {});
  group.use(0, 0, { model: forest.load(model), meanScore, shared: false }, unseen);
}

describe('a group', () => {
  test('the baseline decides until the ensemble has scored enough unseen rows, then the ensemble does', () => {
    const { group, rows } = open({ trust: '100 rows' });
    const next = feeder(1);
    for (let i = 0; i < 600; i++) group.process(next());
    fit(group, rows);
    for (let i = 0; i < 100; i++) group.process(next());
    let { score, detectors } = group.process(next());
    expect(detectors.map(({ name }) => name)).toEqual(['baseline', 'isolation-forest', 'ensemble']);
    expect(score[0]).toBe(detectors[2].score[0]);
    expect(detectors[2].warmup[0]).toBe(1);
    const young = open({ trust: '1000 rows' });
    const again = feeder(1);
    for (let i = 0; i < 600; i++) young.group.process(again());
    fit(young.group, young.rows);
    ({ score, detectors } = young.group.process(again()));
    expect(score[0]).toBe(detectors[0].score[0]);
    expect(detectors[2].warmup[0]).toBeLessThan(0.01);
    expect(detectors[2].score[0]).not.toBeNaN();
  });

  test('a restart goes on with the same scores, bit for bit, through the file on disk', () => {
    const folder = mkdtempSync(join(tmpdir(), 'netpulse-group-'));
    try {
      const first = open();
      const next = feeder(2, 0.05);
      for (let i = 0; i < 700; i++) first.group.process(next());
      fit(first.group, first.rows);
      for (let i = 0; i < 300; i++) first.group.process(next());

      const path = join(folder, 'demo.state');
      writeStateSync(path, encodeState('demo', [{ schema: 'node', entities: first.group.save() }]));
      const second = open();
      const [saved] = readState(path, 'demo')!;
      second.group.restore(saved.entities);
      const rows = first.rows.slice(-20);
      const data = new Float64Array(20 * WIDTH);
      rows.forEach((row, r) => data.set(row, r * WIDTH));
      second.group.remember(0, {
        values: { rows: 20, columns: WIDTH, data },
        time: new Float64Array(20),
        segment: new Int32Array(20),
      });
      second.group.use(0, 0, first.group.modelOf(0, 0)!, new Float64Array(0));

      for (let i = 0; i < 200; i++) {
        const batch = next();
        const a = first.group.process(batch);
        const expected = [
          a.score[0],
          a.confidence[0],
          ...a.expected.data.slice(0, WIDTH),
          ...a.detectors.map((d) => d.score[0]),
        ];
        const b = second.group.process(batch);
        expect([
          b.score[0],
          b.confidence[0],
          ...b.expected.data.slice(0, WIDTH),
          ...b.detectors.map((d) => d.score[0]),
        ]).toEqual(expected);
      }
      expect(() => readState(path, 'other')).toThrow('not of "other"');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('state of other features is refused; of other detectors, what still exists goes on', () => {
    const { group, rows } = open({ trust: '100 rows' });
    const next = feeder(3);
    for (let i = 0; i < 600; i++) group.process(next());
    fit(group, rows);
    for (let i = 0; i < 200; i++) group.process(next());
    const saved = group.save();
    expect(() => open({ features: { error_ratio: { enabled: false } } }).group.restore(saved)).toThrow(
      'core-01 is of the features',
    );
    const alone = open({}, []);
    alone.group.restore(saved);
    const batch = next();
    const expected = group.process(batch).detectors[0].score[0];
    const { score, detectors } = alone.group.process(batch);
    expect(detectors.map(({ name }) => name)).toEqual(['baseline']);
    expect(detectors[0].score[0]).toBe(expected);
    expect(score[0]).toBe(expected);
  });

  test('other members and weights at run time leave every detector where it was, and the ensemble has a threshold at once', () => {
    const flows = [open({ trust: '100 rows' }), open({ trust: '100 rows' })];
    const feeders = [feeder(8), feeder(8)];
    const last = flows.map(({ group, rows }, i) => {
      for (let k = 0; k < 600; k++) group.process(feeders[i]());
      fit(group, rows);
      for (let k = 0; k < 400; k++) group.process(feeders[i]());
      return group;
    });
    last[1].setEnsemble({ method: 'mean', members: { 'isolation-forest': 1 }, votes: 2 });
    const [before, after] = last.map((group, i) => group.process(feeders[i]()).detectors);
    for (const d of [0, 1]) expect(after[d].score[0]).toBe(before[d].score[0]);
    expect(after[2].raw[0]).toBe(after[1].raw[0]);
    expect(after[2].raw[0]).not.toBe(before[2].raw[0]);
    expect(after[2].warmup[0]).toBe(1);
    expect(after[2].threshold[0] / after[1].threshold[0]).toBeGreaterThan(0.8);
    expect(after[2].threshold[0] / after[1].threshold[0]).toBeLessThan(1.25);
    expect(() => last[1].setEnsemble({ method: 'mean', members: { lof: 1 }, votes: 2 })).toThrow(
      /"lof" is none of the monitor's detectors \(baseline, isolation-forest\)/,
    );
  });

  test('a member whose scores stop is left out, and is named', () => {
    const { group, rows } = open({ trust: '100 rows' });
    const next = feeder(9);
    for (let i = 0; i < 600; i++) group.process(next());
    fit(group, rows);
    for (let i = 0; i < 300; i++) group.process(next());
    expect(group.leftOut(0)).toEqual([]);
    group.setEnsemble({ method: 'mean', members: { baseline: 1, 'isolation-forest': 3 }, votes: 2 });
    group.process(next());
    expect(group.leftOut(0)).toEqual([]);
    const dead: Detector = { ...forest, score: (_, __, out) => out.fill(NaN) };
    const broken = open({ trust: '100 rows' }, [dead]);
    broken.group.restore(group.save());
    broken.group.use(0, 0, group.modelOf(0, 0)!, new Float64Array(0));
    for (let i = 0; i < 100; i++) broken.group.process(next());
    const { score, detectors } = broken.group.process(next());
    expect(detectors[2].score[0]).toBeNaN();
    expect(score[0]).toBe(detectors[0].score[0]);
  });

  test('a fault is scored above the threshold and its feature comes first; shares add up to 1', () => {
    const { group } = open({}, []);
    const next = feeder(4);
    for (let i = 0; i < 600; i++) group.process(next());
    const fault = next((values) => (values[2] = 0.2));
    const { score, contributions, severity, confidence } = group.process(fault);
    expect(score[0]).toBeGreaterThan(2);
    expect(severity[0]).toBe(3);
    expect(confidence[0]).toBe(1);
    const shares = [...contributions.data.slice(0, WIDTH)];
    expect(shares.indexOf(Math.max(...shares))).toBe(2);
    expect(shares.reduce((a, b) => a + b)).toBeCloseTo(1);
    const quiet = group.process(next());
    if (quiet.score[0] < 0.5) expect(quiet.contributions.data[0]).toBeNaN();
  });

  test('a crossed limit needs no learning', () => {
    const { group } = open({ limits: { latency_seconds: { max: 0.1 } } }, []);
    const next = feeder(5);
    expect(group.process(next()).severity[0]).toBe(0);
    const verdicts = group.process(next((values) => (values[2] = 0.3)));
    expect(verdicts.score[0]).toBeCloseTo(3);
    expect(verdicts.severity[0]).toBe(3);
    expect(group.kindOf(verdicts, 0)).toBe('limit');
  });

  test('settings of the monitor change direction and minimum deviation, and switch features off', () => {
    const { group } = open(
      { features: { latency_seconds: { minimum_deviation: 10 }, error_ratio: { enabled: false } } },
      [],
    );
    expect(group.schema.features.map(({ name }) => name)).not.toContain('error_ratio');
    const next = feeder(6);
    for (let i = 0; i < 300; i++) group.process(next());
    expect(group.process(next((values) => (values[2] = 0.3))).score[0]).toBeLessThan(1);
  });

  test('after an hour back in time rows are scored on', () => {
    const { group } = open({}, []);
    const next = feeder(7);
    for (let i = 0; i < 400; i++) group.process(next());
    const back = next();
    back.time[0] -= 3_600_000;
    const { score } = group.process(back);
    expect(score[0]).toBeGreaterThanOrEqual(0);
    const fault = next((values) => (values[2] = 0.2));
    fault.time[0] -= 3_600_000;
    expect(group.process(fault).score[0]).toBeGreaterThan(1);
  });
});
