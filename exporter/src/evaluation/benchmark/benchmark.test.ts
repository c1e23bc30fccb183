import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { faultyRows, normalRows } from '../../detectors/conformance-data.ts';
import { detectorTypes } from '../../detectors/registry.ts';
import type { Rows } from '../../flow.ts';
import { telemetrySets, readEntity } from '../datasets/telemetry.ts';
import { combineScores, memberScores, smooth } from './ensemble.ts';
import { runEntity } from './entity-run.ts';
import { planUnits } from './plan.ts';
import { policyQuality } from './policy-quality.ts';
import { qualityDocument, reportTables } from './report.ts';
import { createUnitRunner } from './run-unit.ts';
import { meanFigures, scoreQuality, spreadFigures } from './score-quality.ts';
import { asJson, summarise, summariseTable } from './summary.ts';
import { judgeConnections } from './table-run.ts';
import type { UnitOutcome } from './unit.ts';

const known = detectorTypes.map(({ name }) => name);
let data: string;

function csv({ values }: Rows, labels?: Uint8Array): Buffer {
  const { rows, columns } = values;
  const lines = Array.from({ length: rows }, (_, row) => {
    const cells = [...values.data.subarray(row * columns, (row + 1) * columns)].map((value) => value.toPrecision(6));
    return [...cells, ...(labels ? [labels[row]] : [])].join(',');
  });
  const header = [...Array.from({ length: columns }, (_, c) => `m${c}`), ...(labels ? ['label'] : [])].join(',');
  return gzipSync(`${header}\n${lines.join('\n')}\n`);
}

beforeAll(() => {
  data = mkdtempSync(join(tmpdir(), 'netpulse-benchmark-'));
  mkdirSync(join(data, 'tiny'));
  for (const [i, entity] of ['a', 'b'].entries()) {
    const { rows, labels } = faultyRows(600, 10 + i);
    writeFileSync(join(data, 'tiny', `${entity}.train.csv.gz`), csv(normalRows(2880, 20 + i)));
    writeFileSync(
      join(data, 'tiny', `${entity}.test.csv.gz`),
      csv(rows, entity === 'b' ? labels.map(() => 0) : labels),
    );
  }
  // the second fault of the set moves its second feature
  writeFileSync(join(data, 'tiny', 'a.causes.json'), '[{"start":160,"end":179,"dims":[1]}]');
});
afterAll(() => rmSync(data, { recursive: true }));

describe('a run of the benchmark', () => {
  const keys = ['ensemble', 'isolation-forest', 'pca', 'conditional', 'var'];
  const run = () => {
    const runner = createUnitRunner();
    return planUnits({ data, seeds: [0], quick: true, forms: keys, known }).units.map(runner);
  };
  let outcomes: UnitOutcome[];
  beforeAll(() => {
    outcomes = run();
  });

  it('judges the detectors that are asked for on every entity, and both ensembles', () => {
    const summary = summarise(outcomes, ['ensemble', 'ensemble_smoothed', ...keys.slice(1)]).get('tiny')!;
    const json = asJson(summary) as Record<string, Record<string, number>>;
    expect(Object.keys(json)).toEqual([
      'ensemble',
      'ensemble_smoothed',
      'isolation-forest',
      'pca',
      'conditional',
      'var',
    ]);
    expect(Object.keys(json.ensemble)).toEqual([
      'vus_pr',
      'average_precision',
      'event_recall_1pct',
      'event_f1',
      'cause_hit_rate_100',
    ]);
    expect(json.ensemble.average_precision).toBeGreaterThan(0.5);
    expect(json.ensemble.vus_pr).toBeGreaterThan(0.5);
    // one blames by its features' own scores, the other by shares of its score
    expect([json.ensemble.cause_hit_rate_100, json['isolation-forest'].cause_hit_rate_100]).toEqual([1, 1]);
  });

  it('leaves an entity whose labels are of one class out, and says why', () => {
    const failures = outcomes.flatMap(({ unit, entity }) =>
      unit.kind === 'entity' && unit.entity === 'b' ? (entity?.failures ?? []) : [],
    );
    expect(failures).toEqual([
      { key: 'entity', message: expect.stringContaining('all 600 labels are normal') as string },
    ]);
    expect(summarise(outcomes, keys).get('tiny')!.forms.get('pca')!.entities).toBe(1);
  });

  it('gives the same figures for the same seed', () => {
    const figures = (all: UnitOutcome[]) => asJson(summarise(all, keys).get('tiny')!);
    expect(figures(run())).toEqual(figures(outcomes));
  });

  it('goes on with the others when a detector fails', () => {
    const entity = readEntity(telemetrySets(data)[0], 'a');
    const short = { ...entity, trainRows: 40, labels: faultyRows(3440, 10).labels, causes: null };
    const { results, failures } = runEntity(short, ['isolation-forest', 'baseline'], 0, null);
    expect(failures.map(({ key }) => key)).toEqual(['isolation-forest']);
    expect(results.map(({ key }) => key)).toEqual(['baseline']);
  });

  it('scores what a policy decides', () => {
    const entity = readEntity(telemetrySets(data)[0], 'a');
    const policy = () => ({ flags: entity.labels, incidents: [{ start: 62, end: 63 }] });
    const { policy: figures } = runEntity(entity, [], 0, policy);
    expect(figures!.thresholded).toMatchObject({ precision: 1, recall: 1, event_recall: 1, false_alarm_rate: 0 });
    expect(figures!.incidents).toMatchObject({ false_per_week: 0, delay_rows: 2 });
    const events = policyQuality(entity, { flags: entity.labels, incidents: [{ start: 0, end: 3 }] }).incidents;
    expect(events).toEqual({ event_recall: 0, false_per_week: (7 * 1440) / 600, delay_rows: null });
  });

  it('is refused when nothing is asked for that there is', () => {
    const plan = (only: string[]) => () => planUnits({ data, seeds: [0], quick: true, only, known });
    expect(plan(['asd'])).toThrow('of tiny, nslkdd, connections, none is asked for');
    expect(plan(['connections'])().units).toEqual([{ kind: 'connections', data, seed: 0, quick: true }]);
    expect(plan(['tiny/a'])().units.every((unit) => unit.kind === 'entity' && unit.entity === 'a')).toBe(true);
    expect(planUnits({ data, seeds: [0], quick: false, known: ['pca'] }).missing).toContain('conditional');
  });

  it('becomes a document with tables, targets and spreads', () => {
    const connections: UnitOutcome = {
      unit: { kind: 'connections', data, seed: 0, quick: true },
      connections: { ensemble: { accuracy: 0.99, precision: 0.9, recall: 0.5, f1: 0.95 } },
    };
    const other = {
      ...connections,
      connections: { ensemble: { accuracy: 0.99, precision: 0.92, recall: 0.5, f1: 0.95 } },
    };
    const results = {
      seeds: [0, 1],
      quick: true,
      sets: summarise(outcomes, keys),
      nslkdd: null,
      connections: summariseTable([connections, other], 'connections'),
      peers: null,
    };
    const text = qualityDocument(results, 'npm run -s evaluate -- --write');
    expect(text).toContain('| ten-column connections | accuracy | 0.990 | 0.950 | 0.980 | aim reached |');
    expect(text).toContain('| ten-column connections | precision | 0.910 (0.900 – 0.920) | 0.900 | 0.980 | reached |');
    expect(text).toContain('| ten-column connections | recall | 0.500 | 0.920 | 0.980 | **missed** |');
    expect(text).toContain('## TINY: every detector');
    expect(reportTables(results, 3)).toContain('### TINY: VUS-PR by entity');
  });
});

describe('the parts of the benchmark', () => {
  it('divide members by the mean of their kept train scores and weigh them 1 to .2', () => {
    // 20 train rows, one of them an outlier that is not kept
    const first = Float64Array.of(...Array<number>(19).fill(2), 1000, 4, NaN, NaN);
    const second = Float64Array.of(...Array<number>(19).fill(5), 5, 10, 5, NaN);
    const members = [memberScores(first, 20), memberScores(second, 20)];
    expect(members.map(({ unit }) => unit)).toEqual([2, 5]);
    const scores = combineScores(members);
    expect(scores[0]).toBeCloseTo(1, 12);
    expect(scores[20]).toBeCloseTo(2, 12);
    expect(scores[21]).toBeCloseTo(1, 12);
    expect(scores[22]).toBeNaN();
  });

  it('smooth from the first score on and over missing ones', () => {
    expect([...smooth(Float64Array.of(NaN, 3, 0, NaN, 3), 5)]).toEqual([NaN, 3, 2, 2, 2 + 1 / 3]);
  });

  it('take means and spreads over what is known', () => {
    const figures = [
      { a: 1, b: null as number | null },
      { a: 3, b: null },
    ];
    expect(meanFigures(figures)).toEqual({ a: 2, b: null });
    expect(spreadFigures(figures)).toEqual({ a: [1, 3], b: null });
  });

  it('blame a column for the most it had in any row of an event', () => {
    const labels = Uint8Array.of(0, 1, 1, 0);
    const causes = [{ start: 1, end: 2, dims: [2] }];
    const blame = () => Float64Array.of(1, 1, 0, 0, 1, 3);
    const quality = scoreQuality(labels, Float64Array.of(0, 1, 2, 0), causes, blame);
    expect(quality.cause_hit_rate_100).toBe(1);
    expect(scoreQuality(labels, Float64Array.of(0, 1, 2, 0), null, blame).cause_hit_rate_100).toBeNull();
  });
});

describe('tables of connections', () => {
  it('are decided with few mistakes on unseen rows by what was learnt from clean ones', () => {
    const figures = judgeConnections(3, true);
    expect(Object.keys(figures)).toContain('histogram');
    expect(figures.ensemble.accuracy).toBeGreaterThan(0.95);
    expect(figures.ensemble.precision).toBeGreaterThan(0.9);
    expect(figures.ensemble.recall).toBeGreaterThan(0.92);
    expect(figures.histogram.f1).toBeGreaterThan(figures['isolation-forest'].f1);
  });
});
