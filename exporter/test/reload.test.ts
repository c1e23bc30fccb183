import { hostname } from 'node:os';
/** SIGHUP and POST /-/reload: what did not change goes on, what is gone leaves, and a bad configuration changes nothing. */
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { removeFolders, temporaryFolder } from '../src/store/testing/disk.ts';
import type { IncidentDetail, IncidentList } from '../src/wire/incident.ts';
import type { ModelList } from '../src/wire/model.ts';
import type { Status } from '../src/wire/status.ts';
import { killExporters, startExporter, until, type Exporter, type Page } from './exporter-process.ts';
import { ALWAYS_OVER_THE_LIMIT, NODE_NAMES, syntheticMonitor, writeHistory } from './synthetic-monitor.ts';

jest.setTimeout(60_000);

afterEach(killExporters);
afterAll(removeFolders);

const reload = (exporter: Exporter) => exporter.get('/-/reload', { method: 'POST' });
const samples = (page: Page, monitor: string) =>
  page.value('netpulse_samples_total', { monitor, entity: NODE_NAMES[0] }) ?? 0;
const successful = (page: Page) => page.value('netpulse_config_last_reload_successful');
const reloadsIn = (lines: readonly string[]) => lines.filter((line) => line.includes('configuration reloaded')).length;
const monitorsOf = async (exporter: Exporter) =>
  (await exporter.api<Status>('/api/status')).monitors.map(({ monitor }) => monitor).sort();

async function sampled(exporter: Exporter, monitor: string, more = 2): Promise<Page> {
  const before = samples(await exporter.page(), monitor);
  return until(`${monitor} has ${more} more samples`, async () => {
    const page = await exporter.page();
    return samples(page, monitor) >= before + more && page;
  });
}

/** every series that carries the monitor's name, in whatever label */
const seriesOf = (page: Page, monitor: string) =>
  page.families.flatMap(({ samples }) => samples).filter(({ labels }) => Object.values(labels).includes(monitor));

test.each(['SIGHUP', 'POST /-/reload'])(
  '%s: an unchanged monitor goes on counting, a removed one leaves the page with its incidents closed, a new one appears.',
  async (way) => {
    const exporter = await startExporter({
      config: { monitors: [syntheticMonitor('stays'), syntheticMonitor('goes', ALWAYS_OVER_THE_LIMIT)] },
    });
    const before = await sampled(exporter, 'stays', 6);
    expect(before.sum('netpulse_incidents_active', { monitor: 'goes' })).toBe(NODE_NAMES.length);
    exporter.configure({ monitors: [syntheticMonitor('comes'), syntheticMonitor('stays')] });
    if (way === 'SIGHUP') exporter.signal('SIGHUP');
    else expect((await reload(exporter)).status).toBe(200);
    await until('it is reloaded', () => reloadsIn(exporter.lines) === 1);

    const page = await sampled(exporter, 'comes');
    expect(await monitorsOf(exporter)).toEqual(['comes', 'stays']);
    expect(samples(page, 'stays')).toBeGreaterThan(samples(before, 'stays'));
    // a monitor that is stopped saves its state: this one was not
    const saved = (monitor: string) => existsSync(join(exporter.storage, 'state', `${monitor}.state`));
    expect([saved('stays'), saved('goes')]).toEqual([false, true]);
    expect(exporter.lines.find((line) => line.includes('configuration reloaded'))).toContain('monitors=2 unchanged=1');
    expect(samples(page, 'comes')).toBeLessThan(samples(page, 'stays'));
    expect(seriesOf(page, 'goes')).toEqual([]);
    expect(page.labels('netpulse_source_up', 'monitor')).toEqual(['comes', 'stays']);
    expect(successful(page)).toBe(1);
    const { incidents } = await exporter.api<IncidentList>('/api/incidents');
    expect(incidents.map(({ monitor, state }) => `${monitor} ${state}`)).toEqual(NODE_NAMES.map(() => 'goes closed'));
    expect(exporter.lines.filter((line) => line.includes('level=error'))).toEqual([]);
    expect((await exporter.stop()).code).toBe(0);
  },
);

test('A monitor whose settings change keeps what it has learnt: models, baseline and open incidents.', async () => {
  const storage = join(temporaryFolder(), 'state');
  writeHistory(storage, 100);
  const config = (more: object) => ({ monitors: [syntheticMonitor('net', { ...ALWAYS_OVER_THE_LIMIT, ...more })] });
  const exporter = await startExporter({ storage, config: config({}) });
  const fitted = () =>
    until('models are fitted', async () => {
      const { models } = await exporter.api<ModelList>('/api/models');
      return (
        models.length === NODE_NAMES.length &&
        models.every(({ sha256 }) => sha256 !== null) &&
        models.map((m) => m.sha256).sort()
      );
    });
  const models = await fitted();
  await sampled(exporter, 'net', 4);
  const { incidents } = await exporter.api<IncidentList>('/api/incidents');
  exporter.configure(config({ threshold: { method: 'percentile', percentile: 99 } }));
  expect((await reload(exporter)).status).toBe(200);
  await until('the first sample is there', async () => (await exporter.page()).sum('netpulse_samples_total') > 0);
  expect(await fitted()).toEqual(models);
  const page = await exporter.page();
  expect(page.sum('netpulse_incidents_active')).toBe(NODE_NAMES.length);
  expect((await exporter.api<IncidentList>('/api/incidents')).incidents.map(({ id, state }) => [id, state])).toEqual(
    incidents.map(({ id }) => [id, 'open']),
  );
  expect((await exporter.stop()).code).toBe(0);
});

test('A monitor that loses a feature and opens an incident at once records the features that it has.', async () => {
  const exporter = await startExporter({ config: { monitors: [syntheticMonitor('net')] } });
  await sampled(exporter, 'net', 4);
  const features = { latency_seconds: { enabled: false } };
  exporter.configure({ monitors: [syntheticMonitor('net', { ...ALWAYS_OVER_THE_LIMIT, features })] });
  expect((await reload(exporter)).status).toBe(200);
  const { incidents } = await until('an incident is open', async () => {
    const list = await exporter.api<IncidentList>('/api/incidents');
    return list.total === NODE_NAMES.length && list;
  });
  await sampled(exporter, 'net', 2);
  for (const { id } of incidents) {
    const { features, frames } = await exporter.api<IncidentDetail>(`/api/incidents/${id}`);
    expect(features).toHaveLength(5);
    expect(features).not.toContain('latency_seconds');
    expect(frames.length).toBeGreaterThan(0);
    for (const { values, expected, lower, upper } of frames)
      expect([values, expected, lower, upper].map(({ length }) => length)).toEqual([5, 5, 5, 5]);
  }
  // and an incident that is open when features come back does not mix the two
  exporter.configure({ monitors: [syntheticMonitor('net', ALWAYS_OVER_THE_LIMIT)] });
  expect((await reload(exporter)).status).toBe(200);
  await sampled(exporter, 'net', 2);
  const { features: kept, frames } = await exporter.api<IncidentDetail>(`/api/incidents/${incidents[0].id}`);
  for (const { values } of frames) expect(values).toHaveLength(kept.length);
  expect((await exporter.stop()).code).toBe(0);
});

describe('A bad configuration', () => {
  const good = { monitors: [syntheticMonitor('net')] };
  let exporter: Exporter;
  beforeEach(async () => {
    exporter = await startExporter({ config: good });
    await sampled(exporter, 'net', 1);
  });

  const bad: [string, string | Record<string, unknown>, string[]][] = [
    [
      'several mistakes',
      { monitors: [{ ...syntheticMonitor('net'), interval: 'often', colour: 'red' }], storrage: {} },
      ['monitors[0].interval', 'monitors[0].colour', 'storrage', 'did you mean "storage"?'],
    ],
    ['no YAML', 'monitors: [', ['line 1']],
    [
      'a feature that the source does not have',
      { monitors: [syntheticMonitor('net', { limits: { cpu: { max: 1 } } })] },
      ['cpu'],
    ],
    [
      'a source that cannot work here',
      { monitors: [{ name: 'host', source: 'host' }], path: { procfs: '/nowhere' } },
      ['/nowhere/stat'],
    ],
  ];
  test.each(bad)(
    '(%s) is refused with every problem; the old one stays in force, and the metric says so until it is mended.',
    async (_, config, told) => {
      exporter.configure(config);
      const { status, body } = await reload(exporter);
      expect(status).toBe(500);
      for (const part of told) expect(body).toContain(part);
      const page = await sampled(exporter, 'net');
      expect(successful(page)).toBe(0);
      const since = page.value('netpulse_config_last_reload_success_timestamp_seconds')!;
      const { config: shown } = await exporter.api<Status>('/api/status');
      expect([shown.lastReloadSuccessful, shown.lastReloadError]).toEqual([false, expect.stringContaining(told[0])]);
      expect(await monitorsOf(exporter)).toEqual(['net']);

      exporter.configure(good);
      expect((await reload(exporter)).status).toBe(200);
      const mended = await exporter.page();
      expect(successful(mended)).toBe(1);
      expect(mended.value('netpulse_config_last_reload_success_timestamp_seconds')).toBeGreaterThan(since);
      expect(samples(mended, 'net')).toBeGreaterThanOrEqual(samples(page, 'net'));
      expect((await exporter.stop()).code).toBe(0);
    },
  );

  test('(a file that is gone) does not end the exporter on SIGHUP.', async () => {
    rmSync(join(exporter.storage, '../netpulse.yaml'));
    exporter.signal('SIGHUP');
    await until('the metric says so', async () => successful(await exporter.page()) === 0);
    expect(exporter.lines.some((line) => line.includes('netpulse.yaml') && line.includes('level=error'))).toBe(true);
    exporter.configure(good);
    exporter.signal('SIGHUP');
    await until('the metric says so', async () => successful(await exporter.page()) === 1);
    expect((await exporter.stop()).code).toBe(0);
  });
});

test('Reloads that come all at once end with each monitor running once.', async () => {
  const host = (seconds: number) => ({
    name: 'changes',
    source: 'host',
    interval: '500ms',
    options: { filesystem_interval: `${seconds}s` },
  });
  const config = (seconds: number) => ({ monitors: [syntheticMonitor('stays'), host(seconds)] });
  const seen = (page: Page) => page.sum('netpulse_samples_total', { monitor: 'changes', entity: hostname() });
  const exporter = await startExporter({ config: config(10) });
  await until('the host is sampled', async () => seen(await exporter.page()) > 0);
  const answers = [];
  for (let seconds = 11; seconds <= 20; seconds++) {
    exporter.configure(config(seconds));
    answers.push(reload(exporter));
    exporter.signal('SIGHUP');
    await exporter.get('/-/healthy');
  }
  expect((await Promise.all(answers)).map(({ status }) => status)).toEqual(answers.map(() => 200));
  const before = await sampled(exporter, 'stays', 2);
  const after = await sampled(exporter, 'stays', 8);
  expect(seen(after) - seen(before)).toBeGreaterThan(0);
  expect(seen(after) - seen(before)).toBeLessThanOrEqual(samples(after, 'stays') - samples(before, 'stays') + 2);
  expect(exporter.lines.filter((line) => line.includes('level=error'))).toEqual([]);
  expect((await exporter.stop()).code).toBe(0);
});

test('A reload that comes with the stop starts nothing that outlives it.', async () => {
  const exporter = await startExporter({ config: { monitors: [syntheticMonitor('net')] } });
  exporter.configure({ monitors: [syntheticMonitor('net', { options: { seed: 9 } }), syntheticMonitor('more')] });
  exporter.signal('SIGTERM');
  exporter.signal('SIGHUP');
  expect(await exporter.exited).toEqual({ code: 0, signal: null });
  expect(exporter.lines.filter((line) => line.includes('level=error'))).toEqual([]);
});

test('Options that only a start reads are told when they change, and the exporter stays where it is.', async () => {
  const exporter = await startExporter({ config: { monitors: [syntheticMonitor('net')] } });
  exporter.configure({
    monitors: [syntheticMonitor('net')],
    web: { listen_address: '127.0.0.1:1' },
    log: { level: 'debug' },
  });
  expect((await reload(exporter)).status).toBe(200);
  const told = exporter.lines.filter((line) => line.includes('takes effect at the next start'));
  expect(told.map((line) => /option=(\w+)/.exec(line)![1]).sort()).toEqual(['log', 'web']);
  expect((await exporter.get('/-/healthy')).status).toBe(200);
});
