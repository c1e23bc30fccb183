import { manualClock } from '../clock.ts';
import type { CounterName, Observer, Schema } from '../flow.ts';
import { entity, feature, incidentEvent, verdicts, type Row } from './fixtures/verdicts.ts';
import { renderPage } from './formats.ts';
import { readText, samplesOf } from './fixtures/read-page.ts';
import { createScoreboard, type Scoreboard, type ScoreboardOptions } from './scoreboard.ts';

const DISK: Schema = {
  name: 'disk',
  features: [feature('usage_ratio', 'ratio'), feature('latency_seconds', 'seconds')],
};
const HOST: Schema = { ...DISK, name: 'host' };

function setUp(options: Partial<ScoreboardOptions> = {}) {
  const clock = manualClock();
  const counted: [CounterName, Record<string, string>, number][] = [];
  const silent = () => {};
  const observer: Observer = {
    log: { debug: silent, info: silent, warn: silent, error: silent },
    count: (name, labels, by = 1) => void counted.push([name, labels, by]),
  };
  const scoreboard = createScoreboard({ clock, observer, ...options });
  scoreboard.setMonitor('disks', { intervalMs: 1000, source: 'host' });
  const disks = ['sda', 'sdb', 'sdc'].map((id) => entity(id, 'disk'));
  const write = (rows: readonly Row[], entities = disks, schema = DISK) =>
    scoreboard.write(verdicts('disks', schema, entities, rows), []);
  return { clock, counted, scoreboard, write, disks };
}

/** Samples by `name label=value ...`, without the prefix; the monitor's label is left out. */
function samples(scoreboard: Scoreboard, maxSeries = 50_000): Record<string, number> {
  const families = readText(renderPage(scoreboard.families(maxSeries), 'text'));
  return Object.fromEntries(
    families.flatMap((family) =>
      family.samples.map(({ name, labels: { monitor: _, ...labels }, value }) => [
        [name.replace('netpulse_', ''), ...Object.values(labels)].join(' '),
        value,
      ]),
    ),
  );
}

function names(page: Record<string, number>): Set<string> {
  return new Set(Object.keys(page).map((key) => key.split(' ')[0]));
}

test('What other detectors expected is there by detector for entities that show their features, and is asked for no others.', () => {
  const asked: string[] = [];
  const { clock, scoreboard, write } = setUp({
    maxFeatureEntities: 1,
    expected(monitor, schema, id) {
      asked.push(`${monitor} ${schema} ${id}`);
      const row = (...values: number[]) => Float64Array.from(values);
      return [{ detector: 'conditional', value: row(0.5, NaN), lower: row(0.4, 1), upper: row(0.6, 2) }];
    },
  });
  write([
    { time: clock.now(), score: 0.1, values: [0.7, 0.1] },
    { time: clock.now(), score: 1.5, values: [0.7, 0.1] },
  ]);
  const page = samples(scoreboard);
  expect(asked).toEqual(['disks disk sdb']);
  expect(Object.fromEntries(Object.entries(page).filter(([name]) => name.startsWith('detector_expected')))).toEqual({
    'detector_expected_value sdb conditional usage_ratio': 0.5,
    'detector_expected_lower sdb conditional usage_ratio': 0.4,
    'detector_expected_lower sdb conditional latency_seconds': 1,
    'detector_expected_upper sdb conditional usage_ratio': 0.6,
    'detector_expected_upper sdb conditional latency_seconds': 2,
  });
});

test('The last verdict of an entity is on the page, and what is missing in it is absent.', () => {
  const { clock, scoreboard, write } = setUp();
  write([
    {
      time: clock.now(),
      score: 1.5,
      confidence: 0.9,
      severity: 2,
      budgetUsed: 0.25,
      values: [0.7, NaN],
      expected: [0.5, 0.002],
      lower: [0.4, NaN],
      upper: [0.6, 0.004],
      contributions: [1, 0],
      detectors: { baseline: [1.5, 6, 4], 'isolation-forest': [NaN, NaN, NaN] },
    },
    { entity: 2, time: clock.now(), values: [0.1, 0.001] },
  ]);
  const page = samples(scoreboard);
  expect(page).toMatchObject({
    'anomaly_score sda': 1.5,
    'anomaly_score_max sda': 1.5,
    'anomaly_confidence_ratio sda': 0.9,
    'anomaly_severity sda': 2,
    'samples_total sda': 1,
    'anomalous_samples_total sda': 1,
    'health_ratio sda': 0,
    'incidents_active sda': 0,
    'false_alarm_budget_used_ratio sda': 0.25,
    'entity_info sda disk host-01': 1,
    'detector_score sda baseline': 1.5,
    'reconstruction_error sda baseline': 6,
    'reconstruction_error_threshold sda baseline': 4,
    'feature_value sda usage_ratio': 0.7,
    'feature_expected_value sda latency_seconds': 0.002,
    'feature_expected_lower sda usage_ratio': 0.4,
    'feature_expected_upper sda latency_seconds': 0.004,
    'feature_contribution_ratio sda usage_ratio': 1,
    'feature_info usage_ratio ratio': 1,
    'feature_info latency_seconds seconds': 1,
    'samples_total sdc': 1,
    'anomaly_severity sdc': 0,
  });
  for (const absent of [
    'feature_value sda latency_seconds',
    'feature_expected_lower sda latency_seconds',
    'detector_score sda isolation-forest',
    'anomaly_score sdc',
    'anomaly_score_max sdc',
    'health_ratio sdc',
    'samples_total sdb',
  ]) {
    expect(page).not.toHaveProperty([absent]);
  }
});

test('A later verdict without a score, a detector or contributions leaves none of the earlier ones behind.', () => {
  const { clock, scoreboard, write } = setUp();
  const detectors: Row['detectors'] = { baseline: [2, 8, 4] };
  write([{ time: clock.now(), score: 2, values: [1, 1], contributions: [0.5, 0.5], detectors }]);
  clock.advance(1000);
  write([{ time: clock.now(), values: [1, 1] }]);
  const page = samples(scoreboard);
  expect(page['anomaly_score_max sda']).toBe(2);
  expect(page['samples_total sda']).toBe(2);
  expect(names(page)).not.toContain('anomaly_score');
  expect(names(page)).not.toContain('detector_score');
  expect(names(page)).not.toContain('feature_contribution_ratio');
});

test('Contributions are not shown below a score of 0.5.', () => {
  const { clock, scoreboard, write } = setUp();
  write([{ time: clock.now(), score: 0.49, values: [1, 1], contributions: [0.5, 0.5] }]);
  expect(names(samples(scoreboard))).not.toContain('feature_contribution_ratio');
  expect(scoreboard.entity('disks', 'sda')!.topFeatures).toEqual([]);
});

test('The maximum reaches back sixty seconds of event time and forgets a peak within five more.', () => {
  const { clock, scoreboard, write } = setUp();
  const at = (score: number) => {
    write([{ time: clock.now(), score, values: [0, 0] }]);
    return samples(scoreboard)['anomaly_score_max sda'];
  };
  expect(at(3)).toBe(3);
  for (let second = 1; second <= 60; second++) {
    clock.advance(1000);
    expect(at(0.2)).toBe(3);
  }
  clock.advance(5000);
  expect(at(0.2)).toBe(0.2);
});

test('When the clock steps back by an hour the maximum does not hold on to the old hour.', () => {
  const { clock, scoreboard, write } = setUp();
  write([{ time: clock.now(), score: 5, values: [0, 0] }]);
  clock.jump(-3_600_000);
  write([{ time: clock.now(), score: 0.1, values: [0, 0] }]);
  expect(samples(scoreboard)['anomaly_score_max sda']).toBe(0.1);
});

test('Health is the share of good samples at first and their five-minute average later.', () => {
  const { clock, scoreboard, write } = setUp();
  const run = (count: number, score: number) => {
    for (let i = 0; i < count; i++) {
      clock.advance(1000);
      write([{ time: clock.now(), score, values: [0, 0] }]);
    }
    return samples(scoreboard)['health_ratio sda'];
  };
  run(3, 0.1);
  expect(run(1, 2)).toBeCloseTo(0.75, 10);
  expect(run(3600, 0.1)).toBeGreaterThan(0.9999);
  expect(run(300, 1)).toBeCloseTo(Math.exp(-1), 3);
});

test('An entity that is silent for three intervals leaves the page, comes back with its next sample and goes on counting.', () => {
  const { clock, scoreboard, write } = setUp();
  const row = { time: 0, score: 0.1, values: [0, 0] };
  write([row, row]);
  clock.advance(3000);
  write([row]);
  expect(samples(scoreboard)).toHaveProperty(['anomaly_score sdb'], 0.1);
  clock.advance(1);
  expect(Object.keys(samples(scoreboard)).filter((key) => key.includes('sdb'))).toEqual([]);
  expect(samples(scoreboard)).toHaveProperty(['samples_total sda'], 2);
  expect(scoreboard.entity('disks', 'sdb')).toBeUndefined();
  expect(scoreboard.totals('disks')).toEqual({ entities: 1, features: 2, samples: 3, lastSampleAt: 0 });
  write([{ ...row, entity: 1, score: 0.3 }]);
  expect(samples(scoreboard)).toMatchObject({ 'anomaly_score sdb': 0.3, 'samples_total sdb': 2 });
});

test('Rows without any value are silence.', () => {
  const { clock, scoreboard, write } = setUp();
  write([{ time: clock.now(), values: [1, 1] }]);
  for (let i = 0; i < 4; i++) {
    clock.advance(1000);
    write([{ time: clock.now() }]);
  }
  expect(scoreboard.entityCount()).toBe(0);
});

test('Silence is measured by arrival: event time may be of last year.', () => {
  const { clock, scoreboard, write } = setUp();
  write([{ time: clock.now() - 365 * 86_400_000, score: 0.5, values: [1, 1] }]);
  expect(samples(scoreboard)).toHaveProperty(['anomaly_score sda'], 0.5);
});

test('A source that starts again and numbers its entities anew keeps their counters.', () => {
  const { clock, scoreboard, write, disks } = setUp();
  const row = (score: number) => ({ time: clock.now(), score, values: [0, 0] });
  write([row(0.1), row(0.2), row(0.3)]);
  write([row(0.4), row(0.5)], [disks[2], entity('sdz', 'disk', 'host-02')]);
  expect(samples(scoreboard)).toMatchObject({
    'samples_total sda': 1,
    'samples_total sdc': 2,
    'anomaly_score sdc': 0.4,
    'anomaly_score sdz': 0.5,
    'entity_info sdz disk host-02': 1,
  });
});

test('Rows in any order and with gaps reach the right entities.', () => {
  const { clock, scoreboard, write } = setUp();
  const many = Array.from({ length: 40 }, (_, i) => entity(`d${i}`, 'disk'));
  const order = [...many.keys()].sort((a, b) => ((a * 17) % 40) - ((b * 17) % 40)).filter((i) => i % 7 !== 3);
  // slots are given out in the first order; the second one visits them out of order
  for (const [pass, visited] of [order, [...order].sort((a, b) => ((a * 23) % 40) - ((b * 23) % 40))].entries()) {
    write(
      visited.map((i) => ({ entity: i, time: clock.now(), score: i + pass / 2, values: [i, -i] })),
      many,
    );
  }
  const all = scoreboard.entities(100);
  expect(all.map((status) => [status.entity, status.score])).toEqual(
    order
      .slice()
      .sort((a, b) => b - a)
      .map((i) => [`d${i}`, i + 0.5]),
  );
});

test('Verdicts of a monitor that is not there are dropped and counted, also after it was removed.', () => {
  const { clock, scoreboard, write, counted } = setUp();
  const row = { time: clock.now(), score: 0.1, values: [0, 0] };
  write([row]);
  scoreboard.removeMonitor('disks');
  write([row, row]);
  expect(counted).toEqual([['sink_dropped_total', { sink: 'scoreboard' }, 2]]);
  expect(samples(scoreboard)).toEqual({});
});

test('A monitor whose features change under the same name starts over, and the old ones are gone.', () => {
  const { clock, scoreboard, write, disks } = setUp();
  write([{ time: clock.now(), score: 0.1, values: [0.5, 0.5] }]);
  write([{ time: clock.now(), score: 0.2, values: [7] }], disks, {
    name: 'disk',
    features: [feature('io_count', 'count')],
  });
  const page = samples(scoreboard);
  expect(page).toMatchObject({ 'feature_value sda io_count': 7, 'samples_total sda': 1 });
  expect(page).not.toHaveProperty(['feature_value sda usage_ratio']);
});

test('Incidents are counted by monitor from 0 on, and are active at the entity that opened them until they close.', () => {
  const { clock, scoreboard, disks } = setUp();
  const at = { monitor: 'disks', entity: 'sda' };
  const write = (...events: Parameters<Scoreboard['write']>[1]) => {
    const row = { time: clock.now(), score: 2, values: [0, 0] };
    scoreboard.write(verdicts('disks', DISK, disks, [row, row]), events);
    return samples(scoreboard);
  };
  let page = write();
  expect(page).toMatchObject({ 'incidents_opened_total memory_leak': 0, 'incidents_closed_total limit high': 0 });
  const sources = [{ monitor: 'disks', entity: 'sdb', kind: 'limit' as const, peak: 2 }];
  write(incidentEvent('opened', { ...at, kind: 'cpu_spike' }));
  page = write(incidentEvent('updated', { ...at, kind: 'limit', sources }));
  expect(page).toMatchObject({
    'incidents_opened_total cpu_spike': 1,
    'incidents_opened_total limit': 0,
    'incidents_active sda': 1,
    'incidents_active sdb': 0,
  });
  expect(scoreboard.entity('disks', 'sda')!.openIncident).toBe('incident-1');
  expect(scoreboard.entity('disks', 'sdb')!.openIncident).toBe('incident-1');
  page = write(incidentEvent('closed', { ...at, kind: 'limit', severity: 'high', sources }));
  expect(page).toMatchObject({
    'incidents_closed_total limit high': 1,
    'incidents_closed_total cpu_spike high': 0,
    'incidents_active sda': 0,
  });
  expect(scoreboard.entity('disks', 'sdb')!.openIncident).toBeNull();
});

test('Incidents restored after a restart are active and not counted as opened.', () => {
  const { clock, scoreboard, write } = setUp();
  scoreboard.restore([incidentEvent('updated', { monitor: 'disks', entity: 'sda' }).incident]);
  write([{ time: clock.now(), score: 0.1, values: [0, 0] }]);
  expect(samples(scoreboard)).toMatchObject({ 'incidents_active sda': 1, 'incidents_opened_total cpu_spike': 0 });
});

test('The status of an entity names its largest contributions first, at most three of them.', () => {
  const { clock, scoreboard } = setUp();
  const features = ['a', 'b', 'c', 'd'].map((name) => feature(`${name}_ratio`, 'ratio'));
  scoreboard.write(
    verdicts(
      'disks',
      { name: 'disk', features },
      [entity('sda', 'disk')],
      [
        {
          time: clock.now(),
          score: 2.5,
          confidence: 0.8,
          severity: 3,
          values: [1, 2, NaN, 4],
          expected: [0.1, 0.2, 0.3, 0.4],
          contributions: [0.1, 0.5, 0.3, 0.1],
        },
      ],
    ),
    [],
  );
  expect(scoreboard.entities(1)).toEqual([
    {
      monitor: 'disks',
      entity: 'sda',
      kind: 'disk',
      host: 'host-01',
      score: 2.5,
      confidence: 0.8,
      severity: 'high',
      openIncident: null,
      lastSampleAt: clock.now(),
      topFeatures: [
        { feature: 'b_ratio', unit: 'ratio', share: 0.5, value: 2, expected: 0.2 },
        { feature: 'c_ratio', unit: 'ratio', share: 0.3, value: null, expected: 0.3 },
        { feature: 'a_ratio', unit: 'ratio', share: 0.1, value: 1, expected: 0.1 },
      ],
    },
  ]);
});

test('Entities without a score come last in the list, and the list respects its limit.', () => {
  const { clock, scoreboard, write } = setUp();
  const time = clock.now();
  write([
    { time, values: [0, 0] },
    { time, score: 0.1, values: [0, 0] },
    { time, score: 0.2, values: [0, 0] },
  ]);
  expect(scoreboard.entities(9).map((status) => status.entity)).toEqual(['sdc', 'sdb', 'sda']);
  expect(scoreboard.entities(2)).toHaveLength(2);
});

describe('A fleet of 10,000 entities', () => {
  const fleet = Array.from({ length: 10_000 }, (_, i) => entity(`target-${i}`, 'target', `host-${i}`));
  const schema: Schema = { ...DISK, name: 'target' };
  const rowsAt = (time: number, score: (i: number) => number): Row[] =>
    fleet.map((_, i) => ({
      time,
      score: score(i),
      confidence: 1,
      budgetUsed: 0,
      values: [1, 1],
      expected: [1, 1],
      lower: [0, 0],
      upper: [2, 2],
      contributions: [0.5, 0.5],
      detectors: { baseline: [score(i), 1, 1] },
    }));

  test('has ten series for each, and detectors and features for five.', () => {
    const { clock, scoreboard, write } = setUp();
    write(
      rowsAt(clock.now(), (i) => (i % 2000 === 7 ? 2 : 0.1)),
      fleet,
      schema,
    );
    const families = readText(renderPage(scoreboard.families(200_000), 'text'));
    const count = (name: string) => families.find((family) => family.name === `netpulse_${name}`)!.samples.length;
    const series = samplesOf(families).size;
    expect(series).toBe(10_000 * 10 + 5 * (1 + 3 + 5 * 2) + 10 + 30 + 2);
    expect(count('detector_score')).toBe(5);
    const shown = families
      .find(({ name }) => name === 'netpulse_feature_contribution_ratio')!
      .samples.map(({ labels }) => labels.entity);
    expect([...new Set(shown)].sort()).toEqual([
      'target-2007',
      'target-4007',
      'target-6007',
      'target-7',
      'target-8007',
    ]);
  });

  test('keeps within the limit of series, drops the least anomalous first and the same quiet ones each time, and counts it.', () => {
    const { clock, scoreboard, write, counted } = setUp();
    const noise = (i: number, round: number) => 0.1 + 0.3 * Math.abs(Math.sin(i * 12.9898 + round));
    const shown: Set<string>[] = [];
    for (let round = 0; round < 2; round++) {
      write(
        rowsAt(clock.now(), (i) => (i >= 9_990 ? 3 : noise(i, round))),
        fleet,
        schema,
      );
      const families = readText(renderPage(scoreboard.families(50_000), 'text'));
      expect(samplesOf(families).size).toBeLessThanOrEqual(50_000);
      expect(samplesOf(families).size).toBeGreaterThan(49_900);
      const scores = families.find(({ name }) => name === 'netpulse_anomaly_score')!.samples;
      expect(scores.filter(({ value }) => value === 3)).toHaveLength(10);
      shown.push(new Set(scores.map(({ labels }) => labels.entity)));
      // an entity is on the page with all of its series or with none
      for (const name of ['netpulse_samples_total', 'netpulse_entity_info']) {
        expect(families.find((family) => family.name === name)!.samples).toHaveLength(scores.length);
      }
      clock.advance(1000);
    }
    expect(shown[0]).toEqual(shown[1]);
    expect(counted).toEqual([
      ['series_limit_hits_total', { limit: 'entities' }, 1],
      ['series_limit_hits_total', { limit: 'entities' }, 1],
    ]);
  });
});

test('Hosts always show their features, and the most anomalous entities beside them; detectors are shown for all of a small monitor.', () => {
  const { clock, scoreboard, write } = setUp({ maxFeatureEntities: 1 });
  const row = (score: number): Row => ({
    time: clock.now(),
    score,
    values: [1, 1],
    detectors: { baseline: [score, 1, 1] },
  });
  write([row(0.1)], [entity('host-01', 'host')], HOST);
  write([row(0.2), row(1.3), row(0.3)]);
  const page = samples(scoreboard);
  expect(
    Object.keys(page)
      .filter((key) => /^feature_value .* usage_ratio/.test(key))
      .sort(),
  ).toEqual(['feature_value host-01 usage_ratio', 'feature_value sdb usage_ratio']);
  expect(Object.keys(page).filter((key) => key.startsWith('detector_score'))).toHaveLength(4);
});

test('A fleet of hosts is a fleet: only the most anomalous show their features.', () => {
  const { clock, scoreboard, write } = setUp({ maxFeatureEntities: 2 });
  const hosts = Array.from({ length: 11 }, (_, i) => entity(`host-${i}`, 'host'));
  write(
    hosts.map((_, i) => ({ time: clock.now(), score: i / 10, values: [1, 1] })),
    hosts,
    HOST,
  );
  const shown = Object.keys(samples(scoreboard)).filter((key) => /^feature_value .* usage_ratio/.test(key));
  expect(shown.sort()).toEqual(['feature_value host-10 usage_ratio', 'feature_value host-9 usage_ratio']);
});
