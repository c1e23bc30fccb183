/** Files of /proc that disappear, or turn into something else, under a running exporter: only their own features go. */
import { copyFileSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { removeFolders, temporaryFolder } from '../src/store/testing/disk.ts';
import { killExporters, startExporter, until, type Page } from './exporter-process.ts';

jest.setTimeout(120_000);

afterAll(async () => {
  await killExporters();
  removeFolders();
});

const FILES = [
  'stat',
  'loadavg',
  'meminfo',
  'vmstat',
  'uptime',
  'cpuinfo',
  'diskstats',
  'version',
  'sys/fs/file-nr',
  'sys/kernel/osrelease',
];
const OF_PROCESS_1 = [
  'mounts',
  'mountinfo',
  'net/dev',
  'net/snmp',
  'net/netstat',
  'net/sockstat',
  'net/tcp',
  'net/tcp6',
];

/** As much of /proc as the host source reads. */
function copyOfProc(): string {
  const folder = join(temporaryFolder(), 'proc');
  const copy = (from: string, to: string) => {
    mkdirSync(dirname(join(folder, to)), { recursive: true });
    try {
      writeFileSync(join(folder, to), readFileSync(join('/proc', from)));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  };
  for (const name of FILES) copy(name, name);
  for (const name of OF_PROCESS_1) copy(`self/${name}`, `1/${name}`);
  try {
    for (const name of readdirSync('/proc/pressure')) copy(`pressure/${name}`, `pressure/${name}`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return folder;
}

test('A file that is garbage for a while and one that is removed cost their own features, are counted, and come back.', async () => {
  const procfs = copyOfProc();
  const exporter = await startExporter({
    config: { path: { procfs }, monitors: [{ name: 'host', source: 'host', interval: '500ms', step: '1s' }] },
  });
  const memory = (page: Page) =>
    page.labels('netpulse_feature_value', 'feature').filter((name) => name.startsWith('memory_'));
  const load = (page: Page) =>
    page.labels('netpulse_feature_value', 'feature').filter((name) => name.startsWith('load1'));
  const errors = (page: Page, reason: string) => page.sum('netpulse_source_errors_total', { monitor: 'host', reason });
  const up = (page: Page) => page.value('netpulse_source_up', { monitor: 'host', source: 'host' });
  const page = (what: string, holds: (page: Page) => boolean) =>
    until(what, async () => {
      const page = await exporter.page();
      return holds(page) && page;
    });
  const first = await page('memory and load are there', (page) => memory(page).length > 0 && load(page).length > 0);
  expect([errors(first, 'malformed'), errors(first, 'unreadable')]).toEqual([0, 0]);

  const path = join(procfs, 'meminfo');
  copyFileSync(path, `${path}.kept`);
  writeFileSync(path, 'MemTotal: many kB\n');
  const malformed = await page('memory has left the page', (page) => memory(page).length === 0);
  expect([errors(malformed, 'malformed'), up(malformed), load(malformed)]).toEqual([1, 1, load(first)]);
  copyFileSync(`${path}.kept`, path);
  const again = await page('memory is back', (page) => memory(page).length > 0);
  expect(memory(again)).toEqual(memory(first));

  // an open file outlives its name; the exporter looks again every 15 s
  rmSync(join(procfs, 'loadavg'));
  const missing = await page('load has left the page', (page) => load(page).length === 0);
  expect([errors(missing, 'unreadable'), up(missing), memory(missing)]).toEqual([1, 1, memory(first)]);
  const samples = missing.sum('netpulse_samples_total');
  await page('samples go on', (page) => page.sum('netpulse_samples_total') > samples);
  const told = exporter.lines.filter((line) => line.includes('level=warn') && line.includes(procfs));
  expect(told.map((line) => /msg="([^"]*)".* path=(\S+)/.exec(line)!.slice(1))).toEqual([
    ['kernel file is malformed, its features are missing', path],
    ['kernel file is unreadable, its features are missing', join(procfs, 'loadavg')],
  ]);
  expect((await exporter.get('/-/ready')).status).toBe(200);
  expect((await exporter.stop()).code).toBe(0);
});
