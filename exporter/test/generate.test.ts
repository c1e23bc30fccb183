/** `netpulse generate`: the same data for the same seed, in two formats, to a file or a pipe that may close. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fillDisk, removeFolders, smallDisk, temporaryFolder, testWithDisk } from '../src/store/testing/disk.ts';
import { cleanEnvironment, killExporters, PROGRAM, runProgram } from './exporter-process.ts';

jest.setTimeout(60_000);

afterEach(async () => {
  await killExporters();
  removeFolders();
});

const HEADER =
  'time,node,cpu_usage_ratio,memory_used_ratio,latency_seconds,packet_loss_ratio,bandwidth_bits_per_second,error_ratio,label,kind,event';
const digest = (text: string | Buffer) => createHash('sha256').update(text).digest('hex');

async function generate(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runProgram(['generate', ...args]);
  expect([code, stderr]).toEqual([0, '']);
  return stdout;
}

test('An hour of the same seed is the same, byte for byte, on the output and in a file; another seed is not.', async () => {
  const file = join(temporaryFolder(), 'samples.csv');
  const hour = ['--duration', '1h', '--seed', '3'];
  const [first, second, other] = await Promise.all([
    generate(...hour),
    generate(...hour),
    generate('--duration', '1h', '--seed', '4'),
    generate(...hour, '--output', file),
  ]);
  expect(digest(second)).toBe(digest(first));
  expect(digest(readFileSync(file))).toBe(digest(first));
  expect(digest(other)).not.toBe(digest(first));
  // six nodes, each second of the hour
  expect(first.trimEnd().split('\n')).toHaveLength(1 + 6 * 3600);
});

test('CSV has its header and, in each row, a time, a node, six numbers in base units, and a label with its kind and event.', async () => {
  const [header, ...rows] = (await generate('--duration', '1h', '--seed', '3')).trimEnd().split('\n');
  expect(header).toBe(HEADER);
  const start = Date.UTC(2026, 0, 1);
  rows.forEach((row, i) => {
    const [time, node, ...rest] = row.split(',');
    const [label, kind, event] = rest.slice(6);
    expect([Number(time), rest.length]).toEqual([start + Math.floor(i / 6) * 1000, 9]);
    expect(node).toMatch(/^(core|edge|leaf)-0\d$/);
    const values = rest.slice(0, 6).map(Number);
    expect(values.every((value) => value >= 0)).toBe(true);
    expect(values[0] <= 1 && values[1] <= 1 && values[3] <= 1 && values[5] <= 1 && values[4] > 1e6).toBe(true);
    expect(label === '1' ? kind !== '' && Number(event) > 0 : label === '0' && kind === '' && event === '').toBe(true);
  });
});

test('NDJSON says the same as CSV.', async () => {
  const args = [
    '--duration',
    '10m',
    '--seed',
    '5',
    '--interval',
    '500ms',
    '--start',
    '2026-03-01T00:00:00Z',
    '--anomaly-share',
    '0.2',
  ];
  const [csv, json] = await Promise.all([generate(...args), generate(...args, '--format', 'ndjson')]);
  const names = HEADER.split(',');
  const rows = csv.trimEnd().split('\n').slice(1);
  const records = json
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(records).toHaveLength(rows.length);
  expect(rows.length).toBe(6 * 2 * 600);
  expect(records[0].time).toBe(Date.UTC(2026, 2, 1));
  rows.forEach((row, i) => {
    const text = (name: string) => (records[i][name] === null ? '' : String(records[i][name]));
    expect(names.map(text).join()).toBe(row);
    expect(Object.keys(records[i])).toEqual(names);
  });
});

test.each([
  [0, 0, 0],
  [0.05, 0.03, 0.07],
  [0.2, 0.15, 0.25],
])(
  'A share of %d labels between %d and %d of a day, in events of at least five samples.',
  async (share, least, most) => {
    const csv = await generate(
      '--duration',
      '24h',
      '--interval',
      '5s',
      '--seed',
      '1',
      '--anomaly-share',
      String(share),
    );
    const rows = csv
      .trimEnd()
      .split('\n')
      .slice(1)
      .map((row) => row.split(','));
    const events = new Map<string, number>();
    let labelled = 0;
    for (const row of rows) {
      const [label, , event] = row.slice(8);
      if (label !== '1') continue;
      labelled++;
      const key = `${row[1]} ${event}`;
      events.set(key, (events.get(key) ?? 0) + 1);
    }
    expect(labelled / rows.length).toBeGreaterThanOrEqual(least);
    expect(labelled / rows.length).toBeLessThanOrEqual(most);
    // the last event of each node may be cut by the end of the data
    expect([...events.values()].filter((length) => length < 5).length).toBeLessThanOrEqual(6);
  },
);

test('A reader that has enough ends it quietly.', async () => {
  const child = spawn(process.execPath, [PROGRAM, 'generate', '--duration', '24h'], {
    env: cleanEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = new Promise((resolve) => child.once('close', (code, signal) => resolve({ code, signal })));
  await new Promise((resolve) => child.stdout.once('data', resolve));
  child.stdout.destroy();
  expect(await ended).toEqual({ code: 0, signal: null });
  expect(stderr).toBe('');
});

test('An output file that cannot be made is an error that names it.', async () => {
  const file = join(temporaryFolder(), 'no/such/folder.csv');
  const { code, stdout, stderr } = await runProgram(['generate', '--duration', '1m', '--output', file]);
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toMatch(/^netpulse: .*\n$/);
  expect(stderr).toContain(file);
  expect(existsSync(file)).toBe(false);
});

testWithDisk()('A disk that fills up is an error that says so, and the code is 1.', async () => {
  const disk = smallDisk(512);
  const { code, stderr } = await runProgram(['generate', '--duration', '24h', '--output', join(disk, 'samples.csv')]);
  expect(code).toBe(1);
  expect(stderr).toMatch(/^netpulse: .*(ENOSPC|no space)/);
  // full from the start, too
  const full = smallDisk(64);
  fillDisk(full);
  const again = await runProgram(['generate', '--duration', '1m', '--output', join(full, 'samples.csv')]);
  expect([again.code, /ENOSPC|no space/.test(again.stderr)]).toEqual([1, true]);
});

test('Connections have their columns, 1000 rows of which 15 % are anomalous, and are the same for the same seed.', async () => {
  const [first, second, other] = await Promise.all([
    generate('--kind', 'connections'),
    generate('--kind', 'connections', '--seed', '0'),
    generate('--kind', 'connections', '--seed', '1'),
  ]);
  expect(second).toBe(first);
  expect(other).not.toBe(first);
  const [header, ...rows] = first.trimEnd().split('\n');
  expect(header).toBe(
    'packet_size,duration,src_bytes,dst_bytes,protocol_type,flag,src_port,dst_port,packet_rate,error_rate,label',
  );
  expect(rows).toHaveLength(1000);
  const cells = rows.map((row) => row.split(',').map(Number));
  expect(cells.filter((row) => row[10] === 1)).toHaveLength(150);
  for (const [size, duration, sent, received, protocol, flag, source, , rate, errors] of cells.filter(
    (row) => row[10] === 0,
  )) {
    expect(size >= 400 && size <= 650 && duration >= 0.5 && duration <= 5).toBe(true);
    expect([sent, received].every((bytes) => bytes >= 3500 && bytes <= 6500)).toBe(true);
    expect([0, 1, 2].includes(protocol) && [0, 1, 2].includes(flag) && source > 1024).toBe(true);
    expect(rate >= 35 && rate <= 65 && errors >= 0.2 && errors <= 0.8).toBe(true);
  }
});

test('Connections as NDJSON say the same as CSV, and rows and share are as asked.', async () => {
  const args = ['--kind', 'connections', '--rows', '2500', '--anomaly-share', '0.2'];
  const [csv, json] = await Promise.all([generate(...args), generate(...args, '--format', 'ndjson')]);
  const [header, ...rows] = csv.trimEnd().split('\n');
  const records = json
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, number>);
  expect(records.map((record) => Object.values(record).join())).toEqual(rows);
  expect(Object.keys(records[0]).join()).toBe(header);
  expect([rows.length, records.filter(({ label }) => label === 1).length]).toEqual([2500, 500]);
});

test.each([
  [['--kind', 'connections', '--duration', '1h'], '--duration has no meaning with --kind connections'],
  [['--rows', '10'], '--rows has no meaning with --kind network'],
  [['--kind', 'connections', '--rows', '0'], 'write a whole number from 1 to 1000000'],
  [['--kind', 'packets'], 'network, connections'],
])('%j is an error with a way out.', async (args, told) => {
  const { code, stdout, stderr } = await runProgram(['generate', ...args]);
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toContain(told);
});
