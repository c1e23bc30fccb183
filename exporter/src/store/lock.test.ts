import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { acquireLock, FolderLockedError, type LockOptions } from './lock.ts';
import { bundleProgram, killPrograms, startProgram } from './testing/child.ts';
import { remount, removeFolders, smallDisk, temporaryFolder, testWithDisk } from './testing/disk.ts';
import { recordingObserver } from './testing/recording-observer.ts';

afterEach(killPrograms);
afterEach(removeFolders);

const quick = (): LockOptions => ({ observer: recordingObserver(), heartbeatMs: 50, watchMs: 400 });
const onLinux = process.platform === 'linux' ? test : test.skip;

describe('lock of the state folder', () => {
  test('the second exporter is told the process, the folder and the way out', async () => {
    const folder = join(temporaryFolder(), 'state');
    const lock = await acquireLock(folder, quick());
    const refused = acquireLock(folder, quick());
    await expect(refused).rejects.toBeInstanceOf(FolderLockedError);
    await expect(refused).rejects.toMatchObject({ pid: process.pid, folder });
    await expect(refused).rejects.toThrow(
      `the state folder ${folder} is in use by another netpulse (process ${process.pid} on ${hostname()}, lock file ${lock.path}); ` +
        'stop that one, or give this one a folder of its own with --storage.path',
    );
    lock.release();
  });

  test('a released lock is free at once, however often it is released, and leaves two files at most', async () => {
    const folder = temporaryFolder();
    for (let i = 0; i < 5; i++) {
      const lock = await acquireLock(folder, quick());
      lock.release();
      lock.release();
    }
    expect(readdirSync(folder).sort()).toEqual(['lock.4', 'lock.5']);
  });

  onLinux('after kill -9 of the holder the lock is free', async () => {
    const folder = temporaryFolder();
    const holder = startProgram(holderProgram(), [folder]);
    expect(await holder.line()).toMatch(/^won/);
    await expect(acquireLock(folder, quick())).rejects.toMatchObject({ pid: holder.process.pid });
    await holder.kill();
    (await acquireLock(folder, quick())).release();
  });

  const me = () => ({
    pid: process.pid,
    startTime: readFileSync('/proc/self/stat', 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')[19],
    bootId: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
    pidNamespace: readlinkSync('/proc/self/ns/pid'),
    hostname: hostname(),
  });
  const holders: [who: string, outcome: 'held' | 'free', content: () => unknown][] = [
    ['this very process', 'held', me],
    ['a process that had our id before', 'free', () => ({ ...me(), startTime: '1' })],
    ['a process that is gone', 'free', () => ({ ...me(), pid: 2 ** 22 + 1 })],
    ['this machine before it was restarted', 'free', () => ({ ...me(), bootId: 'before' })],
    ['a silent one in another container', 'free', () => ({ ...me(), pid: 1, pidNamespace: 'pid:[1]' })],
    ['a silent one on another machine', 'free', () => ({ ...me(), bootId: 'other', hostname: 'other' })],
    ['nobody can tell: the file is empty', 'free', () => ''],
    ['nobody can tell: the file is foreign', 'free', () => ({ pid: 'x' })],
  ];
  onLinux.each(holders)('%s: %s', async (_who, outcome, content) => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'lock.7'), content() === '' ? '' : JSON.stringify(content()));
    const attempt = acquireLock(folder, quick());
    if (outcome === 'held') return await expect(attempt).rejects.toBeInstanceOf(FolderLockedError);
    const lock = await attempt;
    expect(lock.path).toBe(join(folder, 'lock.8'));
    lock.release();
  });

  onLinux.each(holders.filter(([who]) => who.startsWith('a silent one')).map(([, , content]) => [content]))(
    'a holder that cannot be looked up but gives signs of life holds the lock (%#)',
    async (content) => {
      const folder = temporaryFolder();
      const path = join(folder, 'lock.7');
      writeFileSync(path, JSON.stringify(content()));
      let now = 1_000_000;
      const alive = setInterval(() => utimesSync(path, now, now++), 50);
      await expect(acquireLock(folder, quick())).rejects.toBeInstanceOf(FolderLockedError);
      clearInterval(alive);
      (await acquireLock(folder, quick())).release();
    },
  );

  onLinux('a holder gives signs of life, and stops with the release', async () => {
    const folder = temporaryFolder();
    const lock = await acquireLock(folder, quick());
    const foreign = { ...me(), bootId: 'other', hostname: 'other' };
    writeFileSync(lock.path, JSON.stringify(foreign));
    await expect(acquireLock(folder, quick())).rejects.toBeInstanceOf(FolderLockedError);
    lock.release();
    (await acquireLock(folder, quick())).release();
  });

  test('a lock that is deleted under its holder is counted', async () => {
    const folder = temporaryFolder();
    const observer = recordingObserver();
    const lock = await acquireLock(folder, { observer, heartbeatMs: 5 });
    rmSync(lock.path);
    while (observer.counted('store_errors_total', { store: 'lock', reason: 'io' }) < 2) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(observer.lines.filter((line) => line.startsWith('warn cannot touch the lock'))).toHaveLength(1);
    lock.release();
  });

  test('what a killed starter left is removed, what one prepares now is not', async () => {
    const folder = temporaryFolder();
    const old = join(folder, `.lock-candidate.${'a'.repeat(16)}`);
    const young = join(folder, `.lock-candidate.${'b'.repeat(16)}`);
    for (const path of [old, young]) writeFileSync(path, '{}');
    utimesSync(old, 1000, 1000);
    (await acquireLock(folder, quick())).release();
    expect([existsSync(old), existsSync(young)]).toEqual([false, true]);
  });

  test('a folder that cannot be made is an error with a way out', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'file'), '');
    await expect(acquireLock(join(folder, 'file', 'state'), quick())).rejects.toThrow(/cannot write .*--storage\.path/);
  });

  testWithDisk()('a read-only folder is an error with a way out', async () => {
    const folder = smallDisk(64);
    mkdirSync(join(folder, 'state'));
    remount(folder, 'ro');
    await expect(acquireLock(join(folder, 'state'), quick())).rejects.toThrow(/read-only.*--storage\.path/);
  });

  onLinux(
    'of four processes that start at the same moment exactly one wins, on a fresh folder and on a stale lock',
    async () => {
      const path = holderProgram();
      const racers = [1, 2, 3, 4].map(() => startProgram(path));
      for (const racer of racers) expect(await racer.line()).toBe('ready');
      const parent = temporaryFolder();
      for (let round = 0; round < 16; round++) {
        const folder = join(parent, `${round}`);
        mkdirSync(folder);
        if (round % 2 === 1) writeFileSync(join(folder, 'lock.3'), JSON.stringify({ ...me(), startTime: '1' }));
        for (const racer of racers) racer.process.stdin!.write(`${folder}\n`);
        const outcomes = await Promise.all(racers.map((racer) => racer.line()));
        expect(outcomes.filter((outcome) => outcome!.startsWith('won'))).toHaveLength(1);
        const winner = racers[outcomes.findIndex((outcome) => outcome!.startsWith('won'))];
        for (const outcome of outcomes.filter((outcome) => !outcome!.startsWith('won'))) {
          expect(outcome).toBe(`lost to ${winner.process.pid}`);
        }
        expect(readdirSync(folder).filter((name) => !/^lock\.[34]$/.test(name))).toEqual(
          round % 2 === 1 ? [] : ['lock.1'],
        );
      }
      for (const racer of racers) await racer.kill();
    },
  );
});

/** Takes the lock of every folder that it is told (argument or lines of stdin) and keeps it. */
function holderProgram(): string {
  return bundleProgram(
    temporaryFolder(),
    `import { writeSync } from 'node:fs';
     import { createInterface } from 'node:readline';
     import { acquireLock } from './store/lock.ts';
     const observer = { log: { debug() {}, info() {}, warn() {}, error() {} }, count() {} };
     async function take(folder) {
       try {
         const lock = await acquireLock(folder, { observer });
         writeSync(1, 'won ' + lock.path + '\\n');
       } catch (error) {
         writeSync(1, error.name === 'FolderLockedError' ? 'lost to ' + error.pid + '\\n' : error.stack + '\\n');
       }
     }
     if (process.argv[2]) await take(process.argv[2]);
     else writeSync(1, 'ready\\n');
     for await (const folder of createInterface({ input: process.stdin })) await take(folder);`,
  );
}
