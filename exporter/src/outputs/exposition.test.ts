import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { manualClock } from '../clock.ts';
import type { CounterName, Schema } from '../flow.ts';
import { COUNTERS, OBSERVED_METRICS } from '../observe/declared.ts';
import { createObserver, type PipelineObserver } from '../observe.ts';
import type { ModelStatus } from '../wire/model.ts';
import { SECTIONS } from './declarations.ts';
import { createMetricsPage } from './exposition.ts';
import { readOpenMetrics, readText, samplesOf, type ReadFamily } from './fixtures/read-page.ts';
import { entity, feature, incidentEvent, verdicts } from './fixtures/verdicts.ts';
import { metricsDocument } from './metrics-document.ts';
import { createScoreboard } from './scoreboard.ts';
import type { ServiceState } from './service-families.ts';

const OPEN_METRICS = 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5';
const HOST: Schema = {
  name: 'host',
  features: [feature('cpu_usage_ratio', 'ratio'), feature('memory_available_bytes', 'bytes')],
};
const INTERFACE: Schema = { name: 'interface', features: [feature('receive_bytes_per_second', 'bytes_per_second')] };

let observer: PipelineObserver | undefined;
afterEach(() => observer?.stop());

function model(given: Partial<ModelStatus> = {}): ModelStatus {
  return {
    monitor: 'host',
    group: 'host-01',
    detector: 'isolation-forest',
    version: '1.4',
    trainedAt: Date.UTC(2026, 0, 1) - 60_000,
    rows: 1200,
    features: [],
    warmup: 0.5,
    trusted: false,
    thresholds: [],
    sha256: null,
    bytes: 0,
    parameters: {},
    lastError: null,
    progress: null,
    pinnedUntil: null,
    aside: [],
    ...given,
  };
}

/** Two entities, one open incident, one model, a link that is up and one that nobody knows about. */
function setUp({ state = {}, maxSeries }: { state?: Partial<ServiceState>; maxSeries?: number } = {}) {
  const clock = manualClock();
  const own = createObserver({ version: '0.0.0-test', clock, write: () => {} });
  observer = own;
  const scoreboard = createScoreboard({
    clock,
    observer: own,
    expected: (_, __, id) =>
      id === 'host-01'
        ? [
            {
              detector: 'conditional',
              value: Float64Array.of(0.3, NaN),
              lower: Float64Array.of(0.2, NaN),
              upper: Float64Array.of(0.4, NaN),
            },
          ]
        : [],
  });
  scoreboard.setMonitor('host', { intervalMs: 1000, source: 'host' });
  const time = clock.now();
  scoreboard.write(
    verdicts(
      'host',
      HOST,
      [entity('host-01', 'host')],
      [
        {
          time,
          score: 1.7,
          confidence: 0.5,
          severity: 2,
          budgetUsed: 0.125,
          values: [0.97, 2e9],
          expected: [0.12, 4e9],
          lower: [0.02, 3.5e9],
          upper: [0.3, 4.5e9],
          contributions: [0.875, 0.125],
          detectors: { baseline: [1.7, 5.1, 3], 'isolation-forest': [NaN, 0.55, NaN] },
        },
      ],
    ),
    [incidentEvent('opened')],
  );
  scoreboard.write(
    verdicts(
      'host',
      INTERFACE,
      [entity('eth0', 'interface')],
      [{ time, score: 0.2, confidence: 0.5, values: [1e-300], expected: [0], detectors: { baseline: [0.2, 0.6, 3] } }],
    ),
    [],
  );
  own.observeStage('features', 2, () => {});
  own.observeScoreDuration('baseline', 0.00002);
  own.observeScoreDuration('baseline', 0.2);
  own.observeVerdictDelay(0.004);
  own.count('source_errors_total', { monitor: 'host', reason: 'read' }, 3);
  const page = createMetricsPage({
    scoreboard,
    registry: own.registry,
    observer: own,
    maxSeries,
    state: {
      models: () => ({ models: [model(), model({ detector: 'baseline', version: null, trainedAt: null, rows: 0 })] }),
      training: () => [{ monitor: 'host', progress: 0.25, lastSuccessAt: time - 60_000 }],
      sources: () => [{ monitor: 'host', source: 'host', up: true, lastSampleAt: time }],
      config: () => ({ lastReloadSuccessful: true, lastSuccessAt: time - 3_600_000 }),
      topology: () => ({
        nodes: [
          { id: 'host-01', kind: 'server', title: 'host-01', labels: {}, score: 1.7, status: 'warning' },
          { id: 'gw', kind: 'router', title: 'The "gateway"', labels: {}, score: null, status: 'unknown' },
        ],
        edges: [
          { source: 'host-01', target: 'gw', up: true, bytesPerSecond: null },
          { source: 'gw', target: 'host-01', up: null, bytesPerSecond: null },
        ],
      }),
      ...state,
    },
  });
  return { clock, scoreboard, page, observer: own };
}

/** Values of the process itself differ from run to run. */
function masked(body: string): string {
  return body
    .replace(/^((?:process|nodejs)_\S+) .*$/gm, '$1 <volatile>')
    .replace(/node_version="[^"]*"/, 'node_version="<volatile>"');
}

function compare(file: string, content: string): void {
  if (process.env.UPDATE_GOLDEN) writeFileSync(file, content);
  expect(content).toBe(readFileSync(file, 'utf8'));
}

/** Samples by their series, without those of the process. */
function stable(families: readonly ReadFamily[]): Map<string, number> {
  return new Map([...samplesOf(families)].filter(([key]) => !/^(process|nodejs)_/.test(key)));
}

test('The text page of two entities and an incident is the golden one.', async () => {
  const { contentType, body } = await setUp().page(undefined);
  expect(contentType).toBe('text/plain; version=0.0.4; charset=utf-8');
  compare(join(__dirname, 'golden/page.txt'), masked(body));
});

test('The OpenMetrics page of two entities and an incident is the golden one.', async () => {
  const { contentType, body } = await setUp().page(OPEN_METRICS);
  expect(contentType).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
  compare(join(__dirname, 'golden/page.openmetrics.txt'), masked(body));
});

test('Text, OpenMetrics and text again show the same samples, and the second text page is the first.', async () => {
  const { page } = setUp();
  const first = (await page('text/plain')).body;
  const open = (await page(OPEN_METRICS)).body;
  const second = (await page('text/plain')).body;
  expect(stable(readOpenMetrics(open))).toEqual(stable(readText(first)));
  expect(masked(second)).toBe(masked(first));
  expect(samplesOf(readOpenMetrics(open)).size).toBe(samplesOf(readText(first)).size);
});

const PROMTOOL = '/usr/bin/promtool';
(existsSync(PROMTOOL) ? test : test.skip)('promtool finds nothing to complain about.', async () => {
  const { body } = await everything();
  const { status, stdout, stderr } = spawnSync(PROMTOOL, ['check', 'metrics'], { input: body, encoding: 'utf8' });
  expect([stdout, stderr, status]).toEqual(['', '', 0]);
});

test('docs/metrics.md is what the declarations say.', () => {
  compare(join(__dirname, '../../../docs/metrics.md'), metricsDocument(OBSERVED_METRICS));
});

test('The page exposes exactly the metrics that docs/metrics.md lists, with these types and labels.', async () => {
  const { body } = await everything();
  const document = readFileSync(join(__dirname, '../../../docs/metrics.md'), 'utf8');
  const listed = [...document.matchAll(/^\| `(\w+)` *\| (\w+) *\| ([^|]*) \|/gm)].map(([, name, type, labels]) => ({
    name,
    type: type === 'info' ? 'gauge' : type,
    labels: labels.replace(/[` ]/g, ''),
  }));
  const exposed = readText(body).map(({ name, type, samples }) => {
    const labels = Object.keys(samples.find((sample) => !sample.name.endsWith('_bucket'))!.labels);
    return { name, type, labels: labels.join(',') };
  });
  const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);
  expect(exposed.sort(byName)).toEqual(listed.sort(byName));
});

test('No two metrics share a name, also where OpenMetrics shortens it.', () => {
  const all = [...SECTIONS.flatMap(({ metrics }) => metrics), ...OBSERVED_METRICS];
  const families = all.map(({ name }) => name.replace(/_(total|info)$/, ''));
  expect(new Set(families).size).toBe(families.length);
});

test('A silent entity leaves the page while the service stays on it.', async () => {
  const { clock, page } = setUp();
  clock.advance(3001);
  const { body } = await page(undefined);
  expect(body).not.toContain('eth0');
  expect(body).toContain('netpulse_incidents_opened_total{monitor="host",kind="cpu_spike"} 1');
  expect(body).toContain('netpulse_source_up{monitor="host",source="host"} 1');
});

test('Hostile names of entities, hosts and nodes leave the page valid in both formats.', async () => {
  const hostile = [
    'a"b',
    'c\\d',
    'e\nf',
    '\n# EOF\n',
    '"} 1\nevil 1',
    '\ud800',
    '\udfff',
    'x'.repeat(10_000),
    '{}',
    ' ',
    '',
  ];
  const { scoreboard, clock, page } = setUp({
    state: {
      topology: () => ({
        nodes: hostile.map((id) => ({ id, kind: 'unknown', title: id, labels: {}, score: null, status: 'unknown' })),
        edges: hostile.map((id) => ({ source: id, target: id, up: false, bytesPerSecond: null })),
      }),
    },
  });
  scoreboard.write(
    verdicts(
      'host',
      INTERFACE,
      hostile.map((id) => entity(id, id, id)),
      hostile.map((_, i) => ({ time: clock.now(), score: i, values: [i] })),
    ),
    [],
  );
  const text = (await page(undefined)).body;
  const open = (await page(OPEN_METRICS)).body;
  expect(Buffer.from(open, 'utf8').toString('utf8')).toBe(open);
  expect(stable(readOpenMetrics(open))).toEqual(stable(readText(text)));
  const entities = readText(text).find(({ name }) => name === 'netpulse_anomaly_score')!.samples;
  expect(entities.map(({ labels }) => labels.entity)).toEqual(
    expect.arrayContaining(['a"b', 'c\\d', 'e\nf', '"} 1\nevil 1']),
  );
  expect(entities).toHaveLength(2 + hostile.length);
});

test('A node or model that a list names twice is on the page once.', async () => {
  const node = { id: 'n', kind: 'router', title: 'n', labels: {}, score: null, status: 'unknown' } as const;
  const edge = { source: 'n', target: 'n', up: true, bytesPerSecond: null };
  const { page } = setUp({
    state: {
      topology: () => ({ nodes: [node, node], edges: [edge, { ...edge, up: false }] }),
      models: () => ({ models: [model(), model({ rows: 7 })] }),
    },
  });
  const { body } = await page(undefined);
  expect(readText(body).find(({ name }) => name === 'netpulse_topology_edge_up')!.samples).toHaveLength(1);
  expect(body).toContain('netpulse_model_rows{monitor="host",group="host-01",detector="isolation-forest"} 1200');
});

test('A topology beyond its share of the page is cut, and the next page says so.', async () => {
  const nodes = Array.from({ length: 200 }, (_, i) => ({
    id: `n${i}`,
    kind: 'unknown' as const,
    title: '',
    labels: {},
    score: null,
    status: 'unknown' as const,
  }));
  const { page } = setUp({ maxSeries: 1000, state: { topology: () => ({ nodes, edges: [] }) } });
  const { body } = await page(undefined);
  expect(readText(body).find(({ name }) => name === 'netpulse_topology_node_info')!.samples).toHaveLength(100);
  expect((await page(undefined)).body).toContain('netpulse_series_limit_hits_total{limit="topology"} 1');
});

/** A page on which every declared metric has a sample. */
async function everything(): Promise<{ body: string }> {
  const { page, observer: own } = setUp();
  for (const [name, { labels }] of Object.entries(COUNTERS)) {
    own.preset(name as CounterName, Object.fromEntries(labels.map((label) => [label, 'some'])));
  }
  return page(undefined);
}
