/** What a scraper gets from running exporters: both formats, the whole page, and the promise of docs/metrics.md. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readOpenMetrics, readText, samplesOf } from '../src/outputs/fixtures/read-page.ts';
import { removeFolders, temporaryFolder } from '../src/store/testing/disk.ts';
import { killExporters, runCommand, startExporter, until, type Exporter } from './exporter-process.ts';
import { ALWAYS_OVER_THE_LIMIT, NODE_NAMES, syntheticMonitor, writeHistory } from './synthetic-monitor.ts';

jest.setTimeout(60_000);

const OPEN_METRICS = 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5';
const GOLDEN = join(__dirname, 'golden/page.txt');
const DOCUMENT = join(__dirname, '../../docs/metrics.md');
/** of the synthetic monitor, with the ensemble */
const DETECTORS = 4;
const PROMTOOL = '/usr/bin/promtool';

let synthetic: Exporter;
let host: Exporter;

/** Six nodes with models, an incident each, and their features: as many series as the synthetic network can have. */
beforeAll(async () => {
  const storage = join(temporaryFolder(), 'state');
  writeHistory(storage, 200);
  [synthetic, host] = await Promise.all([
    startExporter({
      storage,
      config: {
        metrics: { feature_entities: NODE_NAMES.length },
        monitors: [
          syntheticMonitor('net', {
            ...ALWAYS_OVER_THE_LIMIT,
            detectors: ['baseline', 'isolation-forest', 'conditional'],
          }),
        ],
      },
    }),
    startExporter({
      config: {
        monitors: [
          { name: 'host', source: 'host', interval: '500ms', step: '1s' },
          { name: 'probe', source: 'probe', interval: '500ms', options: { targets: ['icmp://127.0.0.1'] } },
        ],
      },
    }),
  ]);
});

afterAll(async () => {
  await killExporters();
  removeFolders();
});

/** A page on which every model has scored and thrown off its first verdicts. */
async function settledPage(): Promise<string> {
  return until('every node is scored by every detector', async () => {
    const page = await synthetic.page();
    const scored = page.families.find(({ name }) => name === 'netpulse_detector_score')!.samples;
    return (
      scored.length === DETECTORS * NODE_NAMES.length &&
      page.labels('netpulse_feature_expected_value', 'entity').length === NODE_NAMES.length &&
      page.labels('netpulse_detector_expected_value', 'entity').length === NODE_NAMES.length &&
      page.sum('netpulse_incidents_active') === NODE_NAMES.length &&
      page.body
    );
  });
}

const QUANTITIES = [
  /^(process|nodejs)_/,
  /_(seconds|seconds_bucket|seconds_sum|seconds_count|bytes)$/,
  /^netpulse_(anomaly_|detector_score|reconstruction_error|(feature|detector)_(value|expected|contribution))/,
  /^netpulse_(samples|anomalous_samples|stage_rows|clock_jumps)_total$/,
  /^netpulse_(health_ratio|false_alarm_budget_used_ratio|model_rows|model_warmup_ratio)$/,
];
/** There while a model is fitted, and where a busy machine has skipped a tick. */
const NOW_AND_THEN = /\bnetpulse_(training_progress_ratio|source_skipped_ticks_total)\b/;

/** Values that time, machine and samples decide become `#`; names, labels, HELP and TYPE stay, and so do counts of what happened. */
function masked(body: string): string {
  return body
    .split('\n')
    .filter((line) => !NOW_AND_THEN.test(line))
    .map((line) => {
      const name = /^[a-z_]\w*/i.exec(line)?.[0];
      if (name === undefined || !QUANTITIES.some((pattern) => pattern.test(name))) return line;
      return line.replace(/ \S+$/, ' #');
    })
    .join('\n')
    .replace(/node_version="[^"]*"/, 'node_version="#"');
}

test('The page of the synthetic network is the golden one, but for quantities.', async () => {
  await settledPage();
  const { body } = await synthetic.get('/metrics');
  if (process.env.UPDATE_GOLDEN) writeFileSync(GOLDEN, masked(body));
  expect(masked(body)).toBe(readFileSync(GOLDEN, 'utf8'));
});

test('Text, OpenMetrics and text again have the same families, types and series.', async () => {
  await settledPage();
  const pages = [];
  for (const accept of ['text/plain', OPEN_METRICS, 'text/plain']) {
    const { status, headers, body } = await synthetic.get('/metrics', { headers: { Accept: accept } });
    expect(status).toBe(200);
    const open = headers['content-type']!.startsWith('application/openmetrics-text');
    expect(open).toBe(accept === OPEN_METRICS);
    const families = (open ? readOpenMetrics : readText)(body);
    pages.push({
      body,
      names: families.map(({ name, type }) => `${name} ${type}`),
      series: [...samplesOf(families).keys()].sort(),
      values: samplesOf(families),
    });
  }
  const [first, open, second] = pages;
  expect(open.series.length).toBeGreaterThan(300);
  expect(open.series).toEqual(first.series);
  expect(second.series).toEqual(first.series);
  expect(second.names).toEqual(first.names);
  // OpenMetrics names families without `_total` and `_info`, in the same order
  const bare = (name: string) => name.replace(/(_total|_info)? \w+$/, '');
  expect(open.names.map(bare)).toEqual(first.names.map(bare));
  // counters never fall from one format to the next
  for (const [key, value] of first.values) {
    if (!/^\w+_total/.test(key)) continue;
    expect([key, open.values.get(key)! >= value && second.values.get(key)! >= open.values.get(key)!]).toEqual([
      key,
      true,
    ]);
  }
  expect(open.body.endsWith('# EOF\n')).toBe(true);
});

const testWithPromtool = existsSync(PROMTOOL) ? test : test.skip;
testWithPromtool('promtool finds nothing to complain about on the pages of running exporters.', async () => {
  await settledPage();
  for (const exporter of [synthetic, host]) {
    const { body } = await exporter.get('/metrics');
    const { code, stdout, stderr } = await runCommand(PROMTOOL, ['check', 'metrics'], { input: body });
    expect([stdout, stderr, code]).toEqual(['', '', 0]);
  }
});

/** What only an event brings to the page. */
const NEEDS_AN_EVENT: Record<string, string> = {
  netpulse_source_skipped_ticks_total: 'a tick that takes longer than the interval',
  netpulse_source_restarts_total: 'a source that fails',
  netpulse_samples_late_total: 'samples out of order, which only listening sources have',
  netpulse_series_limit_hits_total: 'more series than metrics.max_series',
  netpulse_sink_dropped_total: 'an output that cannot keep up',
  netpulse_store_errors_total: 'a disk that refuses',
  netpulse_state_refused_total: 'a damaged file of state',
  netpulse_training_failures_total: 'a training that fails',
  netpulse_web_requests_refused_total: 'a request that is refused',
  netpulse_training_progress_ratio: 'a training that runs during the scrape',
};

test('The pages of running exporters and docs/metrics.md name the same metrics.', async () => {
  await settledPage();
  await until(
    'the probe answers',
    async () => (await host.page()).labels('netpulse_feature_value', 'entity').length >= 2,
  );
  const exposed = new Set<string>();
  for (const exporter of [synthetic, host])
    for (const { name, samples } of (await exporter.page()).families) if (samples.length > 0) exposed.add(name);
  const documented = [...readFileSync(DOCUMENT, 'utf8').matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name);
  expect(documented.length).toBeGreaterThan(50);
  expect([...exposed].filter((name) => !documented.includes(name))).toEqual([]);
  expect(documented.filter((name) => !exposed.has(name) && !(name in NEEDS_AN_EVENT))).toEqual([]);
  expect(Object.keys(NEEDS_AN_EVENT).filter((name) => !documented.includes(name))).toEqual([]);
});
