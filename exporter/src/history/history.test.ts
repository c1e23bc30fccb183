import {
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { FeatureSpec, Schema } from '../flow.ts';
import { fillDisk, removeFolders, smallDisk, temporaryFolder, testWithDisk } from '../store/testing/disk.ts';
import { recordingObserver } from '../store/testing/recording-observer.ts';
import { fileName } from './folder.ts';
import { openHistory, type History, type HistoryOptions } from './history.ts';
import { readRing } from './ring-read.ts';

const STEP = 15_000;
const histories: History[] = [];
afterEach(() => {
  for (const history of histories.splice(0)) history.close();
  removeFolders();
});

const feature = (name: string): FeatureSpec => ({
  name,
  unit: 'ratio',
  help: '',
  kind: 'gauge',
  direction: 'both',
  transform: 'none',
  minimumDeviation: 0,
});
const schema: Schema = { name: 'host', features: [feature('cpu_usage_ratio'), feature('memory_used_ratio')] };

function open(folder: string, options: Partial<HistoryOptions> = {}) {
  const observer = recordingObserver();
  const history = openHistory(folder, { monitor: 'm', schema, stepMs: STEP, observer, ...options });
  histories.push(history);
  return { history, observer };
}

function append(history: History, id: string, from: number, to: number): void {
  for (let n = from; n <= to; n++) history.append(id, n * STEP, [n, NaN]);
}

const steps = (rows: { time: Float64Array }) => Array.from(rows.time, (time) => time / STEP);
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

describe('history', () => {
  test('gives back what was appended, with segments, also after a restart', () => {
    const folder = temporaryFolder();
    const { history } = open(folder);
    append(history, 'a', 1, 3);
    append(history, 'a', 10, 11);
    append(history, 'b', 5, 5);
    const check = (history: History) => {
      const rows = history.read('a');
      expect(steps(rows)).toEqual([1, 2, 3, 10, 11]);
      expect([...rows.segment]).toEqual([0, 0, 0, 1, 1]);
      expect(rows.values).toEqual({
        rows: 5,
        columns: 2,
        data: Float64Array.of(1, NaN, 2, NaN, 3, NaN, 10, NaN, 11, NaN),
      });
      expect(steps(history.read('a', 2))).toEqual([10, 11]);
      expect(history.read('unknown').values.rows).toBe(0);
      expect(history.entities().sort()).toEqual(['a', 'b']);
    };
    check(history);
    history.close();
    check(open(folder).history);
  });

  test('the count of rows is that of file and memory together, also after a restart, and never above the capacity', () => {
    const folder = temporaryFolder();
    const { history } = open(folder, { maxRows: 5 });
    expect(history.count('a')).toBe(0);
    append(history, 'a', 1, 3);
    expect(history.count('a')).toBe(3);
    history.close();
    const again = open(folder, { maxRows: 5 }).history;
    expect(again.count('a')).toBe(3);
    append(again, 'a', 4, 9);
    expect(again.count('a')).toBe(5);
    const many = open(temporaryFolder()).history;
    for (const id of range(1, 20)) append(many, String(id), 1, 2);
    expect(many.count('20')).toBe(2);
  });

  test('up to 16 entities, a row is in its file when append returns', () => {
    const { history } = open(temporaryFolder());
    append(history, 'a', 1, 3);
    expect(readRing(history.file('a')!)!.length).toBe(3);
    expect(history.file('b')).toBeUndefined();
  });

  test('of more entities rows are gathered, read from memory and written together, with few files open', async () => {
    const folder = temporaryFolder();
    const { history } = open(folder, { maxOpenFiles: 4 });
    const ids = range(1, 60).map((n) => `entity-${n}`);
    for (const n of range(1, 5)) for (const id of ids) append(history, id, n, n);
    expect(steps(history.read('entity-60'))).toEqual(range(1, 5));
    expect(history.bytes()).toBeLessThan(17 * 1000);
    while (readRing(history.file('entity-60') ?? folder + '/absent')?.length !== 5) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    // the write is sliced: on a busy machine its last files come some time after its first
    const written = () =>
      ids.every((id) => existsSync(history.file(id) ?? '') && readRing(history.file(id)!)?.length === 5);
    for (let i = 0; i < 400 && !written(); i++) await new Promise((resolve) => setTimeout(resolve, 50));
    for (const id of ids) expect(readRing(history.file(id)!)!.length).toBe(5);
    const descriptors = readdirSync('/proc/self/fd').map((fd) => linkOf(fd)).filter((path) => path.includes(folder)); // prettier-ignore
    expect(descriptors).toHaveLength(4);
    append(history, 'entity-7', 6, 6);
    history.close();
    expect(steps(open(folder).history.read('entity-7'))).toEqual(range(1, 6));
  });

  test('capacity is days over step and at most maxRows', () => {
    const { history } = open(temporaryFolder(), { days: 1, stepMs: 3_600_000 });
    for (const n of range(1, 30)) history.append('a', n * 3_600_000, [n, n]);
    expect(history.read('a').values.rows).toBe(24);
    const few = open(temporaryFolder(), { maxRows: 7 }).history;
    append(few, 'a', 1, 30);
    expect(steps(few.read('a'))).toEqual(range(24, 30));
    const size = few.bytes();
    append(few, 'a', 31, 100);
    expect(few.bytes()).toBe(size);
  });

  const hostile = ['../../etc/passwd', '..', '', 'a/b', 'A', 'a', 'x'.repeat(5000), 'nul\0', 'ü 网', 'eth0:1', 'CON'];
  test('entity ids of any kind stay in the folder and apart', () => {
    const folder = temporaryFolder();
    const { history } = open(folder);
    for (const [n, id] of hostile.entries()) append(history, id, n, n);
    history.close();
    const [monitor] = readdirSync(folder);
    const files = readdirSync(join(folder, monitor, fileName('host')));
    expect(files).toHaveLength(hostile.length);
    for (const file of files) expect(file).toMatch(/^[a-z0-9_]{0,40}-[0-9a-f]{20}\.ring$/);
    const again = open(folder).history;
    expect(again.entities().sort()).toEqual([...hostile].sort());
    for (const [n, id] of hostile.entries()) expect(steps(again.read(id))).toEqual([n]);
  });

  test('monitors and schemas do not share files', () => {
    const folder = temporaryFolder();
    append(open(folder).history, 'a', 1, 1);
    expect(open(folder, { monitor: 'M' }).history.entities()).toEqual([]);
    expect(open(folder, { schema: { ...schema, name: 'disk' } }).history.entities()).toEqual([]);
  });

  test('a feature that came and one that went are taken over by name', () => {
    const folder = temporaryFolder();
    const first = open(folder).history;
    append(first, 'a', 1, 2);
    first.close();
    const { history } = open(folder, {
      schema: { name: 'host', features: [feature('new'), feature('cpu_usage_ratio')] },
    });
    history.append('a', 3 * STEP, [7, 3]);
    expect([...history.read('a').values.data]).toEqual([NaN, 1, NaN, 2, 7, 3]);
  });

  describe('rows of many entities', () => {
    const sizes = { a: 100, b: 1000, c: 10, d: 1000 };
    const lengths = (limit: number) => {
      const { history } = open(temporaryFolder());
      for (const [id, rows] of Object.entries(sizes)) append(history, id, 1, rows);
      const rows = history.readAll(limit);
      const counts = new Map<number, number>();
      for (const segment of rows.segment) counts.set(segment, (counts.get(segment) ?? 0) + 1);
      expect(rows.values.data).toHaveLength(rows.time.length * 2);
      return { counts: [...counts.values()], newest: rows.time.at(-1)! / STEP };
    };
    test.each([
      ['all when they fit', 10_000, [100, 1000, 10, 1000]],
      ['equal shares, what is left over goes on', 800, [100, 233, 10, 457]],
      ['an even selection when shares would be too short', 150, [75, 10]],
      ['one entity when there is little room', 10, [10]],
      ['none', 0, []],
    ])('%s', (_what, limit, expected) => {
      expect(lengths(limit).counts).toEqual(expected);
    });
    test('are the newest ones', () => {
      expect(lengths(800).newest).toBe(1000);
    });
  });

  test('files without a row for days while others have them are removed at start, and what they were set aside as', () => {
    const folder = temporaryFolder();
    const first = open(folder).history;
    for (const id of ['old', 'new']) append(first, id, 1, 1);
    const old = first.file('old')!;
    first.close();
    writeFileSync(`${old}.old`, '');
    const day = 86_400;
    const now = Date.now() / 1000;
    utimesSync(old, now - 6 * day, now - 6 * day);
    expect(open(folder).history.entities().sort()).toEqual(['new', 'old']);
    utimesSync(old, now - 8 * day, now - 8 * day);
    expect(open(folder).history.entities()).toEqual(['new']);
    expect([existsSync(old), existsSync(`${old}.old`)]).toEqual([false, false]);
  });

  test('when space is used up, new entities stay in memory, counted once', () => {
    const folder = temporaryFolder();
    const { history, observer } = open(folder, { maxRows: 100, maxBytes: 6000 });
    for (const id of ['a', 'b', 'c', 'd']) append(history, id, 1, 5);
    const label = { store: 'history', reason: 'limit' };
    expect(observer.counted('store_errors_total', label)).toBe(2);
    expect(observer.lines.filter((line) => line.startsWith('warn history is full'))).toHaveLength(1);
    expect(steps(history.read('d'))).toEqual(range(1, 5));
    expect(history.file('d')).toBeUndefined();
    history.close();
    const again = open(folder, { maxRows: 100, maxBytes: 6000 });
    expect(again.history.entities().sort()).toEqual(['a', 'b']);
    // an entity that is gone gives its place to a new one
    const idle = Date.now() / 1000 - 8 * 86_400;
    utimesSync(again.history.file('a')!, idle, idle);
    append(again.history, 'b', 6, 6);
    append(again.history, 'e', 1, 1);
    expect(again.history.file('e')).toBeDefined();
    expect(again.history.entities().sort()).toEqual(['b', 'e']);
  });

  test('a damaged file costs its entity its past, nothing else', () => {
    const folder = temporaryFolder();
    const first = open(folder).history;
    for (const id of ['a', 'b']) append(first, id, 1, 3);
    const path = first.file('a')!;
    first.close();
    truncateSync(path, 20);
    const { history, observer } = open(folder);
    expect(history.entities()).toEqual(['b']);
    append(history, 'a', 4, 4);
    expect(steps(history.read('a'))).toEqual([4]);
    expect(steps(history.read('b'))).toEqual([1, 2, 3]);
    expect(observer.counted('state_refused_total', { kind: 'history', reason: 'length' })).toBe(1);
  });

  test('a damaged row is left out and counted', () => {
    const folder = temporaryFolder();
    const { history, observer } = open(folder);
    append(history, 'a', 1, 3);
    const path = history.file('a')!;
    const file = readFileSync(path);
    file[file.length - 30] ^= 1;
    writeFileSync(path, file);
    expect(steps(history.read('a'))).toEqual([1, 3]);
    expect(observer.counted('store_errors_total', { store: 'history', reason: 'damaged' })).toBe(1);
  });

  test('what a killed process left half-made is removed at start', () => {
    const folder = temporaryFolder();
    const first = open(folder).history;
    append(first, 'a', 1, 1);
    const left = `${first.file('a')!}.tmp`;
    first.close();
    writeFileSync(left, '');
    open(folder);
    expect(existsSync(left)).toBe(false);
  });

  test('rows that are not rows and a closed history are refused', () => {
    const { history } = open(temporaryFolder());
    expect(() => history.append('a', 1, [1])).toThrow('history of host has 2 features, got a row of 1 values');
    expect(() => history.append('a', NaN, [1, 2])).toThrow('history: time must be ms since the epoch, got NaN');
    history.close();
    expect(() => history.append('a', 1, [1, 2])).toThrow('closed');
  });

  const withDisk = testWithDisk();

  withDisk('on a full disk rows are counted, serve from memory, and are written when there is space', () => {
    const folder = smallDisk(128);
    const { history, observer } = open(folder);
    append(history, 'a', 1, 10);
    const giveBack = fillDisk(folder);
    append(history, 'a', 11, 2000);
    const label = { store: 'history', reason: 'no_space' };
    expect(observer.counted('store_errors_total', label)).toBeGreaterThan(100);
    expect(observer.lines.filter((line) => line.startsWith('warn cannot write history'))).toHaveLength(1);
    const rows = history.read('a');
    expect(steps(rows)).toEqual(range(1, 2000));
    expect(rows.segment.every((segment) => segment === 0)).toBe(true);
    expect(steps(history.readAll(70))).toEqual(range(1931, 2000));
    giveBack();
    append(history, 'a', 2001, 2001);
    expect(observer.lines.at(-1)).toMatch(/^info history is written again/);
    history.close();
    expect(steps(open(folder).history.read('a'))).toEqual(range(1, 2001));
  });

  withDisk('a disk that is full from the start keeps a bounded number of rows', () => {
    const folder = smallDisk(64);
    fillDisk(folder);
    const { history, observer } = open(folder);
    append(history, 'a', 1, 5000);
    expect(steps(history.read('a'))).toEqual(range(905, 5000));
    expect(observer.counted('store_errors_total', { store: 'history', reason: 'dropped' })).toBe(904);
  });

  test('a folder that is removed under a history with few open files is made again', () => {
    const folder = temporaryFolder();
    const { history, observer } = open(folder, { maxOpenFiles: 1 });
    append(history, 'a', 1, 3);
    append(history, 'b', 1, 3);
    rmSync(folder, { recursive: true });
    append(history, 'a', 4, 5);
    expect(observer.counted('store_errors_total', { store: 'history', reason: 'io' })).toBe(1);
    expect(steps(history.read('a'))).toEqual([4, 5]);
  });
});

function linkOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return '';
  }
}
