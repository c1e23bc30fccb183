/** `netpulse train`: what it says of a table, what it leaves on disk, and what it does not. */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { removeFolders, temporaryFolder } from '../src/store/testing/disk.ts';
import { cleanEnvironment, killExporters, PROGRAM, runProgram } from './exporter-process.ts';

jest.setTimeout(120_000);

/** Steps that take seconds on a busy machine are told on the error output. */
const withoutProgress = (stderr: string) => stderr.replace(/^(fitting|reading) .*\n/gm, '');

afterEach(killExporters);
afterAll(removeFolders);

const FOREST = ['--detector', 'isolation-forest', '--options', '{"trees": 20}'];

function file(name: string, content: string | Buffer): string {
  const path = join(temporaryFolder(), name);
  writeFileSync(path, content);
  return path;
}

const connections = join(temporaryFolder(), 'connections.csv');

beforeAll(async () => {
  const { code } = await runProgram(['generate', '--kind', 'connections', '--rows', '300', '--output', connections]);
  expect(code).toBe(0);
});

function train(path: string, storage: string, ...args: string[]) {
  return runProgram(['train', path, '--name', 'flows', '--storage.path', storage, ...args]);
}

test('A table is described, learnt and saved, one model for each detector.', async () => {
  const storage = join(temporaryFolder(), 'state');
  const path = connections;
  const { code, stdout, stderr } = await train(path, storage, '--detector', 'isolation-forest,local-outlier-factor');
  expect([code, withoutProgress(stderr)]).toEqual([0, '']);
  expect(stdout).toContain(`${path}: 300 rows, 10 columns`);
  expect(stdout).toContain('labels: 255 normal, 45 anomalous (15 %)');
  expect(stdout).toMatch(/^packet_size +number, as log /m);
  expect(stdout).toMatch(/^protocol_type +number, as category /m);
  expect(stdout).toContain('saved in');
  const models = join(storage, 'models', 'flows', 'table');
  expect(readdirSync(models).sort()).toEqual(['isolation-forest', 'local-outlier-factor']);
  const manifest = JSON.parse(readFileSync(join(models, 'isolation-forest', 'v1', 'manifest.json'), 'utf8')) as {
    rows: number;
    options: { inputs: string; table: { members: string[] } };
  };
  expect(manifest.options.inputs).toBe('level');
  expect(manifest.options.table.members).toEqual(['isolation-forest', 'local-outlier-factor']);
});

test('Missing, constant and infinite values, text and bad rows are told before anything is learnt.', async () => {
  const lines = Array.from({ length: 100 }, (_, i) => `${i % 10 === 0 ? '' : i},7,${i % 3 === 0 ? 'tcp' : 'udp'}`);
  const path = file('x.csv', `load,zone,proto\n${lines.join('\n')}\n1,2\nx,7,tcp\n`);
  const storage = temporaryFolder();
  const { code, stdout } = await train(path, storage, ...FOREST, '--skip-bad-rows');
  expect(code).toBe(0);
  expect(stdout).toContain('100 rows, 3 columns, 1 of them constant');
  expect(stdout).toContain('left out: 2 rows that did not fit; the first:');
  expect(stdout).toContain('line 102: 2 fields instead of the 3 of the header');
  expect(stdout).toMatch(/^load +number.* 10 % /m);
  expect(stdout).toMatch(/^zone .*constant$/m);
  expect(stdout).toMatch(/^proto +text .*2 texts, mostly udp$/m);
});

test('The same table and seed give the same model, byte for byte, from a file and a packed one.', async () => {
  const path = connections;
  const bytes = readFileSync(path);
  const packed = file('renamed.dat', gzipSync(bytes));
  const model = (storage: string) =>
    readFileSync(join(storage, 'models/flows/table/isolation-forest/v1/model.bin')).toString('base64');
  const [a, b] = [temporaryFolder(), temporaryFolder()];
  expect((await train(path, a, ...FOREST)).code).toBe(0);
  expect((await train(packed, b, ...FOREST)).code).toBe(0);
  expect(model(b)).toBe(model(a));
});

test('A series with repeated times is learnt with a warning; without order it is an error with two ways out.', async () => {
  const rows = Array.from({ length: 200 }, (_, i) => `${1_700_000_000 + 60 * Math.floor(i / 2)},${(i * i) % 13}`);
  const storage = temporaryFolder();
  const repeated = await train(file('x.csv', `t,v\n${rows.join('\n')}\n`), storage, ...FOREST, '--time', 't');
  expect([repeated.code, withoutProgress(repeated.stderr)]).toEqual([0, '']);
  expect(repeated.stdout).toContain('warning: 100 rows with the time of the row before (first in line 3)');
  const unordered = await train(
    file('y.csv', `t,v\n${rows.toReversed().join('\n')}\n`),
    storage,
    ...FOREST,
    '--time',
    't',
  );
  expect([unordered.code, unordered.stdout]).toEqual([1, '']);
  expect(unordered.stderr).toMatch(/line 4, column "t": time runs backwards.*sort the rows.*--entity/);
});

test('Ctrl-C in the middle leaves nothing behind, and the models from before as they were.', async () => {
  const storage = temporaryFolder();
  const path = connections;
  expect((await train(path, storage, ...FOREST)).code).toBe(0);
  const models = join(storage, 'models/flows/table');
  const child = spawn(
    process.execPath,
    [
      ...[PROGRAM, 'train', path, '--name', 'flows', '--storage.path', storage],
      ...[
        '--detector',
        'isolation-forest,autoencoder',
        '--options',
        '{"autoencoder": {"epochs": 10000, "patience": 0}}',
      ],
    ],
    { env: cleanEnvironment(), stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const ended = new Promise((resolve) => child.once('close', (code, signal) => resolve({ code, signal })));
  // the table is described just before the first fit
  await new Promise((resolve) => child.stdout.once('data', resolve));
  child.kill('SIGINT');
  expect(await ended).toEqual({ code: null, signal: 'SIGINT' });
  expect(readdirSync(models)).toEqual(['isolation-forest']);
  expect(readdirSync(join(models, 'isolation-forest')).sort()).toEqual(['current.json', 'v1']);
});

test('A pipe that never ends is learnt from up to the rows that are wanted.', async () => {
  const storage = temporaryFolder();
  const child = spawn(
    process.execPath,
    [PROGRAM, 'train', '-', '--name', 'flows', '--storage.path', storage, '--max-rows', '500', ...FOREST],
    { env: cleanEnvironment(), stdio: ['pipe', 'pipe', 'inherit'] },
  );
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  let open = true;
  child.stdin.on('error', () => (open = false));
  child.stdin.write('a,b\n');
  const write = () => {
    for (let i = 0; i < 1000 && open; i++) child.stdin.write(`${(i * i) % 101},${i % 7}\n`);
    if (open) setImmediate(write);
  };
  write();
  const code = await new Promise((resolve) => child.once('close', resolve));
  open = false;
  expect(code).toBe(0);
  expect(stdout).toContain('standard input: 500 rows');
  expect(stdout).toContain('reading stopped after 500 rows');
});

test('A thousand columns are learnt, and those without anything special are not all listed.', async () => {
  const names = Array.from({ length: 1000 }, (_, c) => `c${c}`);
  const rows = Array.from({ length: 100 }, (_, r) => names.map((_name, c) => (r * (c + 3)) % 17).join());
  const path = file('wide.csv', `${names.join()}\n${rows.join('\n')}\n`);
  const { code, stdout } = await train(path, temporaryFolder(), ...FOREST);
  expect(code).toBe(0);
  expect(stdout).toContain('100 rows, 1,000 columns');
  expect(stdout).toMatch(/^and \d+ more columns/m);
});

test.each<[string, string, string[], string]>([
  ['One row', 'a,b\n1,2\n', [], 'has 1 row; too few to learn from: isolation-forest 64 at least'],
  [
    'Columns that are all constant',
    `a,b\n${'1,2\n'.repeat(99)}`,
    [],
    'nothing varies in the rows to learn from (a, b)',
  ],
  ['A ragged table', 'a,b\n1,2\n3\n', [], 'line 3: 1 field instead of the 2 of the header; --skip-bad-rows'],
  ['A wrong delimiter', 'a,b\n1,2\n', ['--delimiter', ';'], 'has no semicolon in its first line, but 1 times a comma'],
  ['Text in numbers', 'a,b\n1,2\n2,3\nx,1\n', [], 'line 4, column "a": "x" is not a number'],
  ['A column that is not there', 'a,b\n1,2\n', ['--label', 'c'], 'has no column "c"; there are a, b'],
  ['Labels of which none is normal', 'a,label\n1,x\n2,y\n', [], 'name those that do with --normal-label'],
  [
    'Normal rows only, without labels',
    `a,b\n${'1,2\n2,3\n'.repeat(99)}`,
    ['--normal-only'],
    'which --normal-only needs',
  ],
  ['A reservoir of a series', 'a,b\n1,2\n', ['--series', '--sample', 'reservoir'], 'tears a series apart'],
  ['Entities without order', 'a,b\n1,2\n', ['--entity', 'a'], 'give --time or --series with it'],
])('%s is an error with a way out, and nothing is saved.', async (_, content, args, told) => {
  const storage = join(temporaryFolder(), 'state');
  const { code, stdout, stderr } = await train(file('x.csv', content), storage, ...FOREST, ...args);
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toContain(told);
  expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  expect(existsSync(storage)).toBe(false);
});

test.each<[string, string[], string]>([
  ['A detector that does not exist', ['--detector', 'oracle'], 'there is no detector "oracle"; there are baseline, '],
  ['A detector that is named twice', ['--detector', 'baseline,baseline'], 'names baseline twice'],
  [
    'An option that does not exist',
    ['--detector', 'isolation-forest', '--options', '{"tree":1}'],
    'Unrecognized key: "tree"',
  ],
  ['Options for one of several', ['--options', '{"trees":1}'], `--options '{"isolation-forest": {"trees":1}}'`],
  ['Options that are no JSON', ['--options', '{trees:1}'], 'this is not JSON'],
  ['A contamination above one half', ['--contamination', '0.9'], 'write a share above 0, up to 0.5'],
  ['One fold', ['--folds', '1'], 'write 0, or a number from 2 to 20'],
  ['A scaler that does not exist', ['--scaler', 'log'], 'standard, minmax, robust, none'],
])('%s is an error with a way out.', async (_, args, told) => {
  const { code, stderr } = await train(connections, temporaryFolder(), ...args);
  expect(code).toBe(1);
  expect(stderr).toContain(told);
  expect(stderr).not.toMatch(/^\s+at .*:\d+:\d+/m);
});

test('train needs a name and a file.', async () => {
  expect((await runProgram(['train', 'x.csv'])).stderr).toContain("required option '--name <name>' not specified");
  expect((await runProgram(['train', '--name', 'x'])).stderr).toContain("missing required argument 'file'");
});
