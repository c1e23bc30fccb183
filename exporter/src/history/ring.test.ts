import { openSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { bundleProgram, killPrograms, runAndKill } from '../store/testing/child.ts';
import { fillDisk, removeFolders, smallDisk, temporaryFolder, testWithDisk } from '../store/testing/disk.ts';
import { recordingObserver } from '../store/testing/recording-observer.ts';
import { readRing, readRingHeader } from './ring-read.ts';
import { openRing, type Ring, type RingOptions } from './ring.ts';

afterEach(killPrograms);
afterEach(removeFolders);

const features = ['cpu_usage_ratio', 'load'];

function open(path: string, options: Partial<RingOptions> = {}) {
  const observer = recordingObserver();
  return { observer, ring: openRing(path, { features, capacity: 5, stepMs: 15_000, observer, ...options }) };
}

/** Rows `from`..`to` as `append` was given them: time n, values n and -n. */
function fill(ring: Ring, from: number, to: number): void {
  for (let n = from; n <= to; n++) ring.append(n, [n, -n]);
}

const times = (ring: Ring) => [...ring.rows().time];

describe('ring', () => {
  test('keeps the newest rows in order of arrival, over a restart', () => {
    const path = join(temporaryFolder(), 'a.ring');
    const { ring } = open(path);
    expect([ring.length, ...times(ring)]).toEqual([0]);
    fill(ring, 1, 7);
    const expected = {
      length: 5,
      damaged: 0,
      time: Float64Array.of(3, 4, 5, 6, 7),
      values: Float64Array.of(3, -3, 4, -4, 5, -5, 6, -6, 7, -7),
    };
    expect(ring.rows()).toEqual(expected);
    expect([...ring.rows(2).time]).toEqual([6, 7]);
    ring.close();
    const again = open(path).ring;
    expect(again.rows()).toEqual(expected);
    again.append(8, [NaN, Infinity]);
    expect([...again.rows(1).values]).toEqual([NaN, Infinity]);
    again.close();
  });

  test('behaves as an array of the newest rows, whatever is appended, read, released and reopened', () => {
    const rows = fc.array(
      fc.tuple(fc.double({ noNaN: true }), fc.array(fc.float(), { minLength: 3, maxLength: 3 })),
      { maxLength: 12 },
    ); // prettier-ignore
    const command = fc.oneof(
      rows.map((rows) => ({ type: 'append', rows }) as const),
      rows.map((rows) => ({ type: 'appendRows', rows }) as const),
      fc.nat(12).map((limit) => ({ type: 'read', limit }) as const),
      fc.constantFrom({ type: 'release' } as const, { type: 'reopen' } as const),
    );
    const folder = temporaryFolder();
    let file = 0;
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), fc.array(command, { maxLength: 20 }), (capacity, commands) => {
        const path = join(folder, `${(file += 1)}.ring`);
        const options = { capacity, features: ['a', 'b', 'c'] };
        let { ring } = open(path, options);
        let model: [number, number[]][] = [];
        for (const command of commands) {
          if (command.type === 'append') for (const [time, row] of command.rows) ring.append(time, row);
          if (command.type === 'appendRows') {
            const values = command.rows.flatMap(([, row]) => row);
            ring.appendRows(
              Float64Array.from(command.rows, ([time]) => time),
              values,
              command.rows.length,
            );
          }
          if ('rows' in command) model = [...model, ...command.rows].slice(-capacity);
          if (command.type === 'release') ring.release();
          if (command.type === 'reopen') {
            ring.close();
            ring = open(path, options).ring;
          }
          const limit = command.type === 'read' ? command.limit : capacity;
          const expected = limit === 0 ? [] : model.slice(-limit);
          const found = ring.rows(limit);
          expect([...found.time]).toEqual(expected.map(([time]) => time));
          expect([...found.values]).toEqual(expected.flatMap(([, row]) => row));
          expect([ring.length, found.damaged]).toEqual([model.length, 0]);
          expect(ring.bytes).toBe(statSync(path).size);
          expect(readRing(path, limit)!.time).toEqual(found.time);
        }
        ring.close();
      }),
      { numRuns: 150 },
    );
  });

  test('values keep single precision and the bits of a missing one are a NaN', () => {
    const { ring } = open(join(temporaryFolder(), 'a.ring'));
    ring.append(1, [0.1, NaN]);
    expect([...ring.rows().values]).toEqual([Math.fround(0.1), NaN]);
    ring.close();
  });

  // with 5 rows of capacity and 12 rows written, the newest is in slot 1 and the oldest (8) in slot 2
  const damages: [written: number, slot: number, expected: number[]][] = [
    [3, 2, [1, 2]],
    [3, 0, [2, 3]],
    [5, 4, [1, 2, 3, 4]],
    [12, 1, [8, 9, 10, 11]],
    [12, 0, [8, 9, 10, 12]],
    [12, 4, [8, 9, 11, 12]],
    [12, 2, [9, 10, 11, 12]],
  ];
  test.each(damages)('of %d rows written, damage in slot %d costs that row only', (written, slot, expected) => {
    const path = join(temporaryFolder(), 'a.ring');
    const first = open(path).ring;
    fill(first, 1, written);
    first.close();
    const slotBytes = 24;
    const start = statSync(path).size - Math.min(written, 5) * slotBytes;
    const file = openSync(path, 'r+');
    writeSync(file, Uint8Array.of(0xff), 0, 1, start + slot * slotBytes + 17);
    const { ring } = open(path);
    const found = times(ring);
    expect(found).toEqual(expected);
    // and the next row goes where the ring goes on
    fill(ring, 100, 101);
    expect(times(ring).slice(-2)).toEqual([100, 101]);
    expect(times(ring).slice(0, -2)).toEqual(expected.slice(-times(ring).length + 2));
    ring.close();
  });

  test('a row that was not written to its end is dropped, and its place is used again', () => {
    const path = join(temporaryFolder(), 'a.ring');
    const first = open(path).ring;
    fill(first, 1, 3);
    first.close();
    for (let cut = 1; cut < 24; cut++) {
      const whole = readFileSync(path);
      truncateSync(path, whole.length - cut);
      const { ring } = open(path);
      expect(times(ring)).toEqual([1, 2]);
      fill(ring, 3, 3);
      expect(times(ring)).toEqual([1, 2, 3]);
      ring.close();
      expect(readFileSync(path)).toEqual(whole);
    }
  });

  const changes: [what: string, change: Partial<RingOptions>, time: number[], values: number[]][] = [
    ['added', { features: ['cpu_usage_ratio', 'new', 'load'] }, [3, 4, 5, 6, 7], [3, NaN, -3, 4, NaN, -4]],
    ['removed', { features: ['load'] }, [3, 4, 5, 6, 7], [-3, -4, -5, -6, -7]],
    ['reordered', { features: ['load', 'cpu_usage_ratio'] }, [3, 4, 5, 6, 7], [-3, 3, -4, 4]],
    ['renamed in part', { features: ['x', 'load'] }, [3, 4, 5, 6, 7], [NaN, -3, NaN, -4]],
    ['kept, with less capacity', { capacity: 2 }, [6, 7], [6, -6, 7, -7]],
    ['kept, with more capacity', { capacity: 50 }, [3, 4, 5, 6, 7], [3, -3, 4, -4]],
  ];
  test.each(changes)('features %s: the rows are taken over', (_what, change, time, values) => {
    const folder = temporaryFolder();
    const path = join(folder, 'a.ring');
    const first = open(path).ring;
    fill(first, 1, 7);
    first.close();
    const { ring, observer } = open(path, change);
    expect(times(ring)).toEqual(time);
    expect([...ring.rows().values].slice(0, values.length)).toEqual(values);
    expect(observer.lines).toEqual([expect.stringMatching(/^info history taken over/)]);
    ring.append(8, Array((change.features ?? features).length).fill(8));
    ring.close();
    const again = open(path, change);
    expect(again.observer.lines).toEqual([]);
    expect(times(again.ring).at(-1)).toBe(8);
    again.ring.close();
    expect(readdirSync(folder)).toEqual(['a.ring']);
  });

  const refusals: [what: string, change: Partial<RingOptions>, damage: (path: string) => void, message: RegExp][] = [
    ['another step', { stepMs: 1000 }, () => undefined, /its step is 15000 ms, now it is 1000 ms/],
    ['no common feature', { features: ['x'] }, () => undefined, /none of the features of now/],
    ['another entity', { label: 'b' }, () => undefined, /it holds ""/],
    ['a foreign file', {}, (path) => writeFileSync(path, 'foreign'), /not a history file/],
    ['an empty file', {}, (path) => writeFileSync(path, ''), /ends after 0 bytes/],
    ['a cut header', {}, (path) => truncateSync(path, 60), /ends inside its header/],
    ['a damaged header', {}, (path) => damageAt(path, 24), /header does not match its checksum/],
    ['damaged names', {}, (path) => damageAt(path, 62), /header does not match its checksum/],
    ['a newer layout', {}, (path) => damageAt(path, 8), /layout has version/],
  ];
  test.each(refusals)('%s: the old file is kept aside and a new one begins', (_what, change, damage, message) => {
    const folder = temporaryFolder();
    const path = join(folder, 'a.ring');
    const first = open(path).ring;
    fill(first, 1, 3);
    first.close();
    damage(path);
    const old = readFileSync(path);
    const { ring, observer } = open(path, change);
    expect(ring.length).toBe(0);
    expect(observer.lines).toEqual([expect.stringMatching(/^warn .* starts anew: .*kept as .*a\.ring\.old/)]);
    expect(observer.lines[0]).toMatch(message);
    expect(readFileSync(`${path}.old`)).toEqual(old);
    ring.close();
    // one generation only
    open(path, { stepMs: 7 }).ring.close();
    expect(readdirSync(folder).sort()).toEqual(['a.ring', 'a.ring.old']);
  });

  test('the header tells what the rows are, also with names longer than a page', () => {
    const path = join(temporaryFolder(), 'a.ring');
    const many = Array.from({ length: 300 }, (_, i) => `feature_${i}_with_a_long_name_bytes_per_second`);
    const { ring } = open(path, { features: many, label: 'host-ü' });
    ring.append(1, many.map((_, i) => i)); // prettier-ignore
    ring.close();
    expect(readRingHeader(path)).toEqual({ features: many, capacity: 5, stepMs: 15_000, label: 'host-ü' });
    expect(readRing(path)!.values[299]).toBe(299);
    expect(readRing(`${path}.absent`)).toBeUndefined();
    writeFileSync(path, 'foreign');
    expect(() => readRing(path)).toThrow(/cannot read .*a\.ring: it is not a history file/);
  });

  test.each([
    [{ capacity: 0 }, /capacity must be/],
    [{ capacity: 1.5 }, /capacity must be/],
    [{ stepMs: 0 }, /step must be positive/],
    [{ features: [] }, /feature names must be unique/],
    [{ features: ['a', 'a'] }, /feature names must be unique/],
  ])('options %j are refused', (options, message) => {
    expect(() => open(join(temporaryFolder(), 'a.ring'), options)).toThrow(message);
  });

  test('a row of another length and a closed ring are refused', () => {
    const { ring } = open(join(temporaryFolder(), 'a.ring'));
    expect(() => ring.append(1, [1])).toThrow('has 2 features, got a row of 1 values');
    ring.close();
    expect(() => ring.append(1, [1, 2])).toThrow('is closed');
  });

  test('a file that was removed is an error once its descriptor was given back', () => {
    const path = join(temporaryFolder(), 'a.ring');
    const { ring } = open(path);
    ring.release();
    rmSync(path);
    expect(() => ring.append(1, [1, 2])).toThrow(/ENOENT/);
    ring.close();
  });

  testWithDisk()('a row that the full disk refuses is not in the ring, and later ones are whole', () => {
    const folder = smallDisk(64);
    const path = join(folder, 'a.ring');
    const { ring } = open(path, { capacity: 10_000 });
    const giveBack = fillDisk(folder);
    let written = 0;
    expect(() => {
      for (;;) {
        ring.append(written + 1, [0, 0]);
        written += 1;
      }
    }).toThrow(/ENOSPC/);
    expect(times(ring)).toEqual(Array.from({ length: written }, (_, i) => i + 1));
    expect(statSync(path).size).toBe(ring.bytes);
    giveBack();
    ring.append(written + 1, [0, 0]);
    ring.close();
    const again = open(path, { capacity: 10_000 }).ring;
    expect(times(again)).toEqual(Array.from({ length: written + 1 }, (_, i) => i + 1));
    again.close();
  });

  test('killed at any moment, every row that was reported is there and at most the one being written is torn', async () => {
    const path = join(temporaryFolder(), 'a.ring');
    const program = bundleProgram(
      temporaryFolder(),
      `import { writeSync } from 'node:fs';
       import { openRing } from './history/ring.ts';
       const observer = { log: { debug() {}, info() {}, warn() {}, error() {} }, count() {} };
       const options = { features: Array.from({ length: 40 }, (_, i) => 'f' + i), capacity: 500, stepMs: 1, observer };
       const ring = openRing(${JSON.stringify(path)}, options);
       for (let n = (ring.rows(1).time[0] ?? 0) + 1; ; n++) {
         ring.append(n, new Float32Array(40).fill(n % 1000));
         if (n % 16 === 0) writeSync(1, n + '\\n');
       }`,
    );
    for (let kill = 0; kill < 20; kill++) {
      const reported = Number((await runAndKill(program, [])).at(-1));
      const { time, values, damaged } = readRing(path)!;
      // the kernel stops a write between two pages when the process is killed; that row was not reported, and in a full ring it lay over the oldest one
      expect(damaged).toBeLessThanOrEqual(1);
      const newest = time.at(-1)!;
      expect(newest).toBeGreaterThanOrEqual(reported);
      const kept = Math.min(newest, 500 - damaged);
      expect([...time]).toEqual(Array.from({ length: kept }, (_, i) => newest - kept + 1 + i));
      for (let r = 0; r < time.length; r++) expect(values[r * 40 + 39]).toBe(time[r] % 1000);
    }
  });
});

function damageAt(path: string, at: number): void {
  const file = readFileSync(path);
  file[at] ^= 1;
  writeFileSync(path, file);
}
