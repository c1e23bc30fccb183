/** What a stop saves and a start resumes, with real processes on real folders. */
import { cpSync, existsSync, readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { removeFolders, temporaryFolder } from '../src/store/testing/disk.ts';
import type { IncidentList } from '../src/wire/incident.ts';
import type { ModelList, ModelStatus } from '../src/wire/model.ts';
import type { Status } from '../src/wire/status.ts';
import { killExporters, startExporter, until, type Exporter } from './exporter-process.ts';
import { ALWAYS_OVER_THE_LIMIT, NODE_NAMES, syntheticMonitor, writeHistory } from './synthetic-monitor.ts';

jest.setTimeout(90_000);

const ROWS = 100;
const CONFIG = { monitors: [syntheticMonitor('net', ALWAYS_OVER_THE_LIMIT)] };
/** The same monitor with one sample at its start and none after it: what it shows is what it resumed with. */
const ONE_SAMPLE = { monitors: [syntheticMonitor('net', { ...ALWAYS_OVER_THE_LIMIT, interval: '1h' })] };

afterAll(async () => {
  await killExporters();
  removeFolders();
});

const modelsOf = async (exporter: Exporter) => (await exporter.api<ModelList>('/api/models')).models;
const incidentsOf = async (exporter: Exporter) => (await exporter.api<IncidentList>('/api/incidents')).incidents;
const fitted = (models: readonly ModelStatus[]) => models.length > 0 && models.every(({ version }) => version !== null);
const identity = ({ group, detector, version, sha256, trainedAt, rows, bytes }: ModelStatus) => ({
  group,
  detector,
  version,
  sha256,
  trainedAt,
  rows,
  bytes,
});
const byGroup = (a: { group: string }, b: { group: string }) => (a.group < b.group ? -1 : 1);

/** Everything that the first run learnt, and how it stopped. */
interface FirstRun {
  storage: string;
  models: ModelStatus[];
  incidents: IncidentList['incidents'];
  warmup: number;
  lines: readonly string[];
  exit: unknown;
}

let first: FirstRun;
beforeAll(async () => {
  const storage = join(temporaryFolder(), 'state');
  writeHistory(storage, ROWS);
  const exporter = await startExporter({ storage, config: CONFIG });
  await until(
    'every node has an incident, an ensemble that is trusted and a baseline that expects something',
    async () => {
      const models = await modelsOf(exporter);
      if (!(models.length === NODE_NAMES.length && fitted(models) && models.every(({ trusted }) => trusted)))
        return false;
      return (await exporter.page()).labels('netpulse_feature_expected_value', 'entity').length > 0;
    },
  );
  const models = (await modelsOf(exporter)).sort(byGroup);
  const incidents = await incidentsOf(exporter);
  const status = await exporter.api<Status>('/api/status');
  first = {
    storage,
    models,
    incidents,
    warmup: status.monitors[0].detectors[0].warmup,
    exit: await exporter.stop(),
    lines: exporter.lines,
  };
});

/** A copy of what the first run left. */
function copied(): string {
  const folder = join(temporaryFolder(), 'state');
  cpSync(first.storage, folder, { recursive: true });
  return folder;
}

test('SIGTERM stops the exporter with code 0: it says so, saves, and says that it has stopped.', () => {
  expect(first.exit).toEqual({ code: 0, signal: null });
  const messages = first.lines.map((line) => /msg="([^"]*)"/.exec(line)?.[1]);
  expect(messages.slice(-2)).toEqual(['netpulse stops', 'netpulse has stopped']);
  expect(first.lines.filter((line) => /level=(warn|error)/.test(line) && !line.includes('incident opened'))).toEqual(
    [],
  );
  expect(readdirSync(join(first.storage, 'state')).sort()).toEqual(['incidents.state', 'net.state']);
  expect(existsSync(join(first.storage, 'incidents/incidents.ndjson'))).toBe(true);
});

test('A restart has models, warm-up, baseline and incidents at its first sample, bit for bit the same in two copies and after one more restart.', async () => {
  const storages = [copied(), copied()];
  const seen = [];
  for (const storage of [storages[0], storages[1], storages[0]]) {
    const exporter = await startExporter({ storage, config: ONE_SAMPLE });
    const models = await until('the models are in use', async () => {
      const models = await modelsOf(exporter);
      return models.length === NODE_NAMES.length && models;
    });
    const page = await exporter.page();
    const status = await exporter.api<Status>('/api/status');
    const refused = exporter.lines.filter((line) => /refused|not used|error/.test(line));
    const incidents = await incidentsOf(exporter);
    const { code } = await exporter.stop();
    expect([refused, code]).toEqual([[], 0]);
    expect(page.sum('netpulse_samples_total')).toBe(NODE_NAMES.length);
    // a baseline that starts from nothing expects nothing of its first sample
    expect(page.labels('netpulse_feature_expected_value', 'entity')).toHaveLength(5);
    expect(page.labels('netpulse_model_info', 'group')).toEqual(NODE_NAMES);
    expect(page.sum('netpulse_incidents_active')).toBe(NODE_NAMES.length);
    expect(page.sum('netpulse_incidents_opened_total')).toBe(0);
    expect(status.monitors[0].detectors[0].warmup).toBeGreaterThanOrEqual(first.warmup);
    expect(status.incidentsOpen).toBe(first.incidents.length);
    expect(incidents.map(({ id, openedAt }) => ({ id, openedAt }))).toEqual(
      first.incidents.map(({ id, openedAt }) => ({ id, openedAt })),
    );
    expect(models.sort(byGroup).map(identity)).toEqual(first.models.map(identity));
    seen.push(models.map(({ thresholds, warmup, trusted }) => ({ thresholds, warmup, trusted })));
  }
  expect(seen[0].every(({ thresholds, trusted }) => thresholds.length === 1 && trusted)).toBe(true);
  expect(seen[1]).toEqual(seen[0]);
  expect(seen[2]).toEqual(seen[0]);
});

test('Without its state the same exporter knows nothing at its first sample.', async () => {
  const exporter = await startExporter({ config: ONE_SAMPLE });
  const page = await until('the first sample is there', async () => {
    const page = await exporter.page();
    return page.sum('netpulse_samples_total') > 0 && page;
  });
  expect(page.labels('netpulse_feature_expected_value', 'entity')).toEqual([]);
  expect(page.labels('netpulse_model_info', 'group')).toEqual([]);
  expect(page.sum('netpulse_incidents_opened_total')).toBe(NODE_NAMES.length);
  await exporter.stop();
});

test('A restart goes on sampling, keeps its incidents open and fits no model anew.', async () => {
  const exporter = await startExporter({ storage: copied(), config: CONFIG });
  await until(
    'samples come',
    async () => (await exporter.page()).sum('netpulse_samples_total') > 5 * NODE_NAMES.length,
  );
  const page = await exporter.page();
  expect(page.sum('netpulse_incidents_active')).toBe(NODE_NAMES.length);
  expect(page.sum('netpulse_incidents_opened_total')).toBe(0);
  expect(page.sum('netpulse_incidents_closed_total')).toBe(0);
  expect((await modelsOf(exporter)).sort(byGroup).map(identity)).toEqual(first.models.map(identity));
  expect(exporter.lines.filter((line) => line.includes('model fitted'))).toEqual([]);
  expect(page.labels('netpulse_detector_score', 'detector')).toContain('ensemble');
  expect((await exporter.stop()).code).toBe(0);
});

test('A model is fitted from the history of an earlier run as soon as a step has ended.', async () => {
  const storage = join(temporaryFolder(), 'state');
  writeHistory(storage, ROWS);
  const exporter = await startExporter({ storage, config: { monitors: [syntheticMonitor()] } });
  await until('models are fitted', async () => fitted(await modelsOf(exporter)));
  // a monitor without history would have to wait for 64 steps
  expect((await exporter.page()).value('netpulse_samples_total', { monitor: 'net', entity: 'core-01' })).toBeLessThan(
    60,
  );
  expect((await exporter.page()).sum('netpulse_training_failures_total')).toBe(0);
  await exporter.stop();
});

test('SIGINT stops it in the same way, also with clients that hold connections and half a request.', async () => {
  const exporter = await startExporter({ storage: copied(), config: CONFIG });
  const sockets = [
    '',
    'GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n',
    'POST /-/reload HTTP/1.1\r\nContent-Length: 9\r\n\r\nx',
  ];
  const closed = sockets.map(
    (text) =>
      new Promise<void>((resolve, reject) => {
        const socket = connect(exporter.port, '127.0.0.1', () => socket.write(text));
        socket
          .on('close', () => resolve())
          .on('error', (error: NodeJS.ErrnoException) => error.code !== 'ECONNRESET' && reject(error));
        socket.resume();
      }),
  );
  await exporter.page();
  expect(await exporter.stop('SIGINT')).toEqual({ code: 0, signal: null });
  await Promise.all(closed);
});

test('A stop while models are fitted ends with code 0 and leaves no half-made model.', async () => {
  const storage = join(temporaryFolder(), 'state');
  writeHistory(storage, 5000);
  const exporter = await startExporter({ storage, config: { monitors: [syntheticMonitor()] } });
  await until('a training runs', async () =>
    (await exporter.page()).families.some(({ name }) => name === 'netpulse_training_progress_ratio'),
  );
  expect(await exporter.stop()).toEqual({ code: 0, signal: null });
  expect(exporter.lines.filter((line) => line.includes('level=error'))).toEqual([]);
  const again = await startExporter({ storage, config: { monitors: [syntheticMonitor()] } });
  await until('all models are fitted', async () => {
    const models = await modelsOf(again);
    return models.length === NODE_NAMES.length && fitted(models);
  });
  expect((await again.page()).sum('netpulse_state_refused_total')).toBe(0);
  await again.stop();
});
