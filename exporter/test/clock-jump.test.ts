/** Somebody sets the machine's clock while the exporter runs. Its process gets a wall clock that this test can set; everything else is real. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { removeFolders, temporaryFolder } from '../src/store/testing/disk.ts';
import { cleanEnvironment, configText, killExporters, launch, PROGRAM, until, type Page } from './exporter-process.ts';
import { NODE_NAMES, syntheticMonitor, writeHistory } from './synthetic-monitor.ts';

jest.setTimeout(90_000);

afterAll(async () => {
  await killExporters();
  removeFolders();
});

const SETTABLE_CLOCK = `
  const real = Date.now;
  let shift = 0;
  Date.now = () => real() + shift;
  process.on('SIGUSR2', () => (shift -= 3_600_000));
  process.on('SIGWINCH', () => (shift += 7_200_000));
`;

test('After a jump back by an hour and one forward by two, it is counted, told, and every node is sampled, scored and saved as before.', async () => {
  const folder = temporaryFolder();
  const storage = join(folder, 'state');
  writeHistory(storage, 100);
  const preload = join(folder, 'clock.mjs');
  const file = join(folder, 'netpulse.yaml');
  writeFileSync(preload, SETTABLE_CLOCK);
  writeFileSync(file, configText({ monitors: [syntheticMonitor('net')] }, storage));
  const exporter = await launch(['--import', preload, PROGRAM, '--config.file', file], {
    storage,
    configure: (config) => writeFileSync(file, typeof config === 'string' ? config : configText(config, storage)),
    env: cleanEnvironment(),
  });
  const lastSample = (page: Page) =>
    page.value('netpulse_source_last_sample_timestamp_seconds', { monitor: 'net', source: 'synthetic' })!;
  const scored = (page: Page) =>
    page.labels('netpulse_anomaly_score', 'entity').length === NODE_NAMES.length &&
    page.labels('netpulse_detector_score', 'detector').includes('ensemble');
  await until('every node is scored', async () => scored(await exporter.page()));

  for (const [signal, hours, jumps] of [
    ['SIGUSR2', -1, 1],
    ['SIGWINCH', 2, 2],
  ] as const) {
    const before = await exporter.page();
    exporter.signal(signal);
    const after = await until('twelve more samples have come', async () => {
      const page = await exporter.page();
      return (
        page.sum('netpulse_samples_total') >= before.sum('netpulse_samples_total') + 12 * NODE_NAMES.length && page
      );
    });
    expect(Math.round((lastSample(after) - lastSample(before)) / 3600)).toBe(hours);
    expect(after.sum('netpulse_clock_jumps_total')).toBe(jumps);
    expect(exporter.lines.filter((line) => line.includes('the clock was set'))).toHaveLength(jumps);
    expect(exporter.lines.at(-1)).toContain(`by_seconds=${hours * 3600}`);
    expect(scored(after)).toBe(true);
    expect(after.sum('netpulse_stage_errors_total')).toBe(0);
    expect(after.sum('netpulse_source_skipped_ticks_total')).toBe(before.sum('netpulse_source_skipped_ticks_total'));
    expect(after.value('netpulse_source_up', { monitor: 'net', source: 'synthetic' })).toBe(1);
  }
  expect(exporter.lines.filter((line) => line.includes('level=error'))).toEqual([]);
  expect((await exporter.stop()).code).toBe(0);
});
