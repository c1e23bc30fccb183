/** `netpulse score`: rows in, scores out, in step with a pipe and in bounded memory. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { removeFolders, temporaryFolder } from '../src/store/testing/disk.ts';
import { cleanEnvironment, killExporters, PROGRAM, runCommand, runProgram } from './exporter-process.ts';

jest.setTimeout(120_000);

/** Steps that take seconds on a busy machine are told on the error output. */
const withoutProgress = (stderr: string) => stderr.replace(/^(fitting|reading) .*\n/gm, '');

const storage = temporaryFolder();
const table = join(storage, 'connections.csv');
let lines: string[] = [];

beforeAll(async () => {
  await runProgram(['generate', '--kind', 'connections', '--rows', '400', '--output', table]);
  lines = readFileSync(table, 'utf8').trimEnd().split('\n');
  const { code, stderr } = await runProgram([
    ...['train', table, '--name', 'flows', '--storage.path', storage, '--contamination', '0.15'],
    ...['--detector', 'isolation-forest,local-outlier-factor', '--options', '{"isolation-forest": {"trees": 20}}'],
  ]);
  expect([code, withoutProgress(stderr)]).toEqual([0, '']);
});
afterEach(killExporters);
afterAll(removeFolders);

function score(input: string, ...args: string[]) {
  const command = [PROGRAM, 'score', '-', '--name', 'flows', '--storage.path', storage, ...args];
  return runCommand(process.execPath, command, { env: cleanEnvironment(), input });
}

const scoreFile = (path: string, ...args: string[]) =>
  runProgram(['score', path, '--name', 'flows', '--storage.path', storage, ...args]);

test('Each row has its number, the scores of the detectors and of the ensemble, and what made it anomalous.', async () => {
  const other = join(temporaryFolder(), 'other.csv');
  await runProgram(['generate', '--kind', 'connections', '--rows', '400', '--seed', '1', '--output', other]);
  const { code, stdout, stderr } = await scoreFile(other);
  expect(code).toBe(0);
  const [header, ...rows] = stdout.trimEnd().split('\n');
  expect(header).toBe('row,isolation-forest,local-outlier-factor,ensemble,anomaly,top_features');
  expect(rows).toHaveLength(400);
  const labels = readFileSync(other, 'utf8')
    .trimEnd()
    .split('\n')
    .slice(1)
    .map((line) => line.at(-1));
  let flagged = 0;
  let found = 0;
  rows.forEach((row, i) => {
    const [number, forest, factor, ensemble, anomaly, top] = row.split(',');
    expect([Number(number), Number(forest) > 0, Number(factor) > 0]).toEqual([i + 1, true, true]);
    expect(anomaly).toBe(Number(ensemble) >= 1 ? '1' : '0');
    expect(top).toMatch(Number(ensemble) >= 0.5 ? /^(\w+=[01]\.\d\d ?)+$/ : /^$/);
    if (anomaly === '1') flagged++;
    if (anomaly === '1' && labels[i] === '1') found++;
  });
  // 15 % of the rows are anomalous: flags at random would be right as often
  expect(found / flagged).toBeGreaterThan(0.3);
  expect(stderr).toMatch(/^400 rows scored, \d+ anomalous\n$/);
});

test('NDJSON, in and out, says the same as CSV.', async () => {
  const names = lines[0].split(',');
  const json = lines
    .slice(1)
    .map((line) => JSON.stringify(Object.fromEntries(line.split(',').map((cell, c) => [names[c], Number(cell)]))))
    .join('\n');
  const [csv, ndjson] = await Promise.all([scoreFile(table), score(json, '--format', 'ndjson')]);
  const records = ndjson.stdout
    .trimEnd()
    .split('\n')
    .map(
      (line) => JSON.parse(line) as { row: number; scores: Record<string, number>; ensemble: number; anomaly: number },
    );
  const rows = csv.stdout.trimEnd().split('\n').slice(1);
  expect(records.map((r) => [r.row, ...Object.values(r.scores), r.ensemble, r.anomaly].join())).toEqual(
    rows.map((row) => row.split(',').slice(0, 5).join()),
  );
});

test('A score is there as soon as its row is, while the pipe stays open.', async () => {
  const child = spawn(process.execPath, [PROGRAM, 'score', '-', '--name', 'flows', '--storage.path', storage], {
    env: cleanEnvironment(),
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  let text = '';
  const rows = (count: number) =>
    new Promise<void>((resolve) => {
      const look = () => {
        if (text.trimEnd().split('\n').length < count + 1) return;
        child.stdout.off('data', look);
        resolve();
      };
      child.stdout.on('data', look);
      look();
    });
  child.stdout.setEncoding('utf8').on('data', (part: string) => (text += part));
  child.stdin.write(`${lines[0]}\n${lines[1]}\n`);
  await rows(1);
  child.stdin.write(`${lines[2]}\n`);
  await rows(2);
  child.stdin.end();
  expect(await new Promise((resolve) => child.once('close', resolve))).toBe(0);
});

(existsSync('/proc/self/status') ? test : test.skip)('A long pipe is scored in less than 300 MB.', async () => {
  const child = spawn(process.execPath, [PROGRAM, 'score', '-', '--name', 'flows', '--storage.path', storage], {
    env: cleanEnvironment(),
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdout.resume();
  const body = `${lines.slice(1).join('\n')}\n`;
  child.stdin.write(`${lines[0]}\n`);
  for (let i = 0; i < 100; i++)
    if (!child.stdin.write(body)) await new Promise((resolve) => child.stdin.once('drain', resolve));
  const peak = Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]);
  child.stdin.end();
  expect(await new Promise((resolve) => child.once('close', resolve))).toBe(0);
  expect(stderr).toMatch(/^40,000 rows scored/);
  expect(peak).toBeGreaterThan(0);
  expect(peak / 1024).toBeLessThan(300);
});

test('A reader that has enough ends it quietly.', async () => {
  const child = spawn(process.execPath, [PROGRAM, 'score', '-', '--name', 'flows', '--storage.path', storage], {
    env: cleanEnvironment(),
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  let open = true;
  child.stdin.on('error', () => (open = false));
  const ended = new Promise((resolve) => child.once('close', (code, signal) => resolve({ code, signal })));
  child.stdin.write(`${lines[0]}\n`);
  const body = `${lines.slice(1).join('\n')}\n`;
  child.stdout.once('data', () => child.stdout.destroy());
  const write = () => {
    if (!open) return;
    if (child.stdin.write(body)) setImmediate(write);
    else child.stdin.once('drain', write);
  };
  write();
  expect(await ended).toEqual({ code: 0, signal: null });
  expect(stderr).toBe('');
});

test('Bad rows are an error that names the line, or are left out and counted.', async () => {
  const input = `${lines.slice(0, 3).join('\n')}\n1,2\n${lines[3]}\n`;
  const refused = await score(input);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain('standard input, line 4: 2 fields instead of the 11 of the header; --skip-bad-rows');
  const skipped = await score(input, '--skip-bad-rows');
  expect(skipped.code).toBe(0);
  expect(
    skipped.stdout
      .trimEnd()
      .split('\n')
      .map((row) => row.split(',')[0]),
  ).toEqual(['row', '1', '2', '4']);
  expect(skipped.stderr).toContain('left out: 1 row that did not fit; the first: standard input, line 4');
});

test('Scores go to a file when one is named, and one that cannot be made is an error that names it.', async () => {
  const output = join(temporaryFolder(), 'scores.csv');
  const { code, stdout } = await scoreFile(table, '--output', output);
  expect([code, stdout]).toEqual([0, '']);
  expect(readFileSync(output, 'utf8')).toBe((await scoreFile(table)).stdout);
  const wrong = await scoreFile(table, '--output', join(output, 'scores.csv'));
  expect([wrong.code, wrong.stderr.includes(output)]).toEqual([1, true]);
});

test('A table of other features is an error that names what is missing, before there is any output.', async () => {
  const { code, stdout, stderr } = await score('packet_size,duration\n1,2\n');
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toContain('fitted on 8 columns that this table does not have (src_bytes, dst_bytes, ');
});

test('A table without a header is scored when its columns are named.', async () => {
  const body = `${lines.slice(1, 20).join('\n')}\n`;
  const unnamed = await score(body);
  expect([unnamed.code, unnamed.stderr.includes('it has no header: --names names its columns')]).toEqual([1, true]);
  const named = await score(body, '--names', lines[0]);
  const whole = (await scoreFile(table)).stdout.split('\n').slice(0, 20).join('\n');
  expect(named.stdout.trimEnd()).toBe(whole);
});

test('A name that nothing was trained under is an error that tells the names there are.', async () => {
  const { code, stderr } = await runProgram(['score', table, '--name', 'other', '--storage.path', storage]);
  expect(code).toBe(1);
  expect(stderr).toContain('there is no table model "other"');
  expect(stderr).toContain('(there are flows)');
  expect(stderr).toContain('netpulse train FILE --name other');
});

test('A model that was damaged is an error that says so.', async () => {
  const folder = temporaryFolder();
  const train = () =>
    runProgram([
      ...['train', table, '--name', 'flows', '--storage.path', folder],
      ...['--detector', 'isolation-forest', '--options', '{"trees": 5}'],
    ]);
  const scoring = () => runProgram(['score', table, '--name', 'flows', '--storage.path', folder]);
  expect((await train()).code).toBe(0);
  const home = join(folder, 'models/flows/table/isolation-forest/v1');
  const model = readFileSync(join(home, 'model.bin'));
  model[model.length - 9] ^= 1;
  writeFileSync(join(home, 'model.bin'), model);
  const damaged = await scoring();
  expect([damaged.code, damaged.stdout]).toEqual([1, '']);
  expect(damaged.stderr).toContain('damaged');
});

test('A run that was killed while it was saved does not count: the one before it is used.', async () => {
  const folder = temporaryFolder();
  const detectors = ['--detector', 'isolation-forest,local-outlier-factor'];
  const train = (seed: string) =>
    runProgram(['train', table, '--name', 'flows', '--storage.path', folder, '--seed', seed, ...detectors]);
  const scoring = async () => (await runProgram(['score', table, '--name', 'flows', '--storage.path', folder])).stdout;
  expect((await train('0')).code).toBe(0);
  const before = await scoring();
  expect((await train('1')).code).toBe(0);
  expect(await scoring()).not.toBe(before);
  // the second run, as if the second of its models had never been written
  rmSync(join(folder, 'models/flows/table/local-outlier-factor/v2'), { recursive: true });
  expect(await scoring()).toBe(before);
});
