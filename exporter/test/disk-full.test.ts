/** A disk that fills up under a running exporter, on a small file system of its own: the service goes on, counts, and writes again when there is space. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fillDisk, removeFolders, smallDisk, temporaryFolder, testWithDisk } from '../src/store/testing/disk.ts';
import type { IncidentList } from '../src/wire/incident.ts';
import type { ModelList } from '../src/wire/model.ts';
import type { Status } from '../src/wire/status.ts';
import {
  configText,
  killExporters,
  runProgram,
  startExporter,
  until,
  type Exporter,
  type Page,
} from './exporter-process.ts';
import { ALWAYS_OVER_THE_LIMIT, NODE_NAMES, syntheticMonitor, writeHistory } from './synthetic-monitor.ts';

jest.setTimeout(120_000);

afterEach(async () => {
  await killExporters();
  removeFolders();
});

const errors = (page: Page, store: string) => page.sum('netpulse_store_errors_total', { store, reason: 'no_space' });
const samples = (page: Page) => page.sum('netpulse_samples_total', { monitor: 'net' });

async function samplesGoOn(exporter: Exporter, rows = 2): Promise<void> {
  const before = samples(await exporter.page());
  await until('samples go on', async () => samples(await exporter.page()) >= before + rows * NODE_NAMES.length);
}

const testOnDisk = testWithDisk();

testOnDisk(
  'History, models, incidents and state that cannot be written are counted, kept in memory and written later.',
  async () => {
    const disk = smallDisk(4096);
    const storage = join(disk, 'state');
    writeHistory(storage, 100, { monitor: 'late' });
    const calm = { monitors: [syntheticMonitor('net')] };
    const exporter = await startExporter({ storage, config: calm });
    await samplesGoOn(exporter);
    expect((await exporter.page()).sum('netpulse_store_errors_total')).toBe(0);

    const freeDisk = fillDisk(disk);
    // a changed monitor saves its state and opens incidents, one with a past fits models, one without makes files of history
    const busy = {
      monitors: [syntheticMonitor('net', ALWAYS_OVER_THE_LIMIT), syntheticMonitor('late'), syntheticMonitor('fresh')],
    };
    exporter.configure(busy);
    expect((await exporter.get('/-/reload', { method: 'POST' })).status).toBe(200);
    for (const store of ['state', 'incidents', 'models', 'history'])
      await until(`${store} fails`, async () => errors(await exporter.page(), store) > 0);
    await samplesGoOn(exporter);
    expect((await exporter.get('/-/ready')).status).toBe(200);
    expect((await exporter.page()).value('netpulse_source_up', { monitor: 'net', source: 'synthetic' })).toBe(1);
    const { incidents } = await exporter.api<IncidentList>('/api/incidents');
    expect(incidents.map(({ host }) => host).sort()).toEqual(NODE_NAMES);
    // fitted models score, although no disk holds them
    const { models } = await until('models of the new monitor are in use', async () => {
      const list = await exporter.api<ModelList>('/api/models');
      return list.models.filter(({ monitor, version }) => monitor === 'late' && version !== null).length === 6 && list;
    });
    expect(models.length).toBeGreaterThanOrEqual(6);
    for (const what of ['cannot write history', 'cannot write incidents', 'could not be saved'])
      expect(exporter.lines.some((line) => line.includes('level=warn') && line.includes(what))).toBe(true);

    freeDisk();
    await until('incidents are written', () =>
      exporter.lines.some((line) => line.includes('incidents are written again')),
    );
    const journal = readFileSync(join(storage, 'incidents/incidents.ndjson'), 'utf8');
    for (const { id } of incidents) expect(journal).toContain(id);
    await until('history is written', () => exporter.lines.some((line) => line.includes('history is written again')));
    expect((await exporter.stop()).code).toBe(0);

    const again = await startExporter({ storage, config: busy });
    await samplesGoOn(again);
    const page = await again.page();
    expect(page.sum('netpulse_state_refused_total') + page.sum('netpulse_store_errors_total')).toBe(0);
    expect((await again.api<IncidentList>('/api/incidents?state=open')).incidents.map(({ id }) => id).sort()).toEqual(
      incidents.map(({ id }) => id).sort(),
    );
    await again.stop();
  },
);

testOnDisk('A stop on a full disk ends with code 0, says what is lost, and leaves the last good state.', async () => {
  const disk = smallDisk(4096);
  const storage = join(disk, 'state');
  const config = { monitors: [syntheticMonitor('net')] };
  const first = await startExporter({ storage, config });
  await samplesGoOn(first, 4);
  await first.stop();
  const state = readFileSync(join(storage, 'state/net.state'));

  const second = await startExporter({ storage, config });
  await samplesGoOn(second);
  const freeDisk = fillDisk(disk);
  expect(await second.stop()).toEqual({ code: 0, signal: null });
  expect(second.lines.some((line) => line.includes('level=error') && line.includes('net.state'))).toBe(true);
  expect(readFileSync(join(storage, 'state/net.state')).equals(state)).toBe(true);
  freeDisk();

  const third = await startExporter({ storage, config: { monitors: [syntheticMonitor('net', { interval: '1h' })] } });
  const page = await until('the first sample is there', async () => {
    const page = await third.page();
    return samples(page) > 0 && page;
  });
  expect(page.sum('netpulse_state_refused_total')).toBe(0);
  // a baseline that starts from nothing has seen one sample of sixty
  const { monitors } = await third.api<Status>('/api/status');
  expect(monitors[0].detectors[0].warmup).toBeGreaterThan(3 / 60);
  await third.stop();
});

testOnDisk('A start on a full disk ends with code 1 and says which folder and which flag.', async () => {
  const disk = smallDisk(256);
  const storage = join(disk, 'state');
  const file = join(temporaryFolder(), 'netpulse.yaml');
  writeFileSync(file, configText({ monitors: [syntheticMonitor('net')] }, storage));
  fillDisk(disk);
  const { code, stderr } = await runProgram(['--config.file', file]);
  expect(code).toBe(1);
  expect(stderr).toContain(storage);
  expect(stderr).toContain('--storage.path');
  expect(existsSync(join(storage, 'state'))).toBe(false);
});
