/** Real mounts that hang: FUSE file systems whose program never answers. They are asked by workers only, and end when their holder is killed. */
import type { ChildProcess } from 'node:child_process';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { hostSource } from './host.ts';
import { linuxSource } from './linux.ts';
import type { Tick } from './testing.ts';
import { contextFor, fixtureTree, rememberingObserver, statfsWorker, tickByTick } from './testing.ts';

const canHang = process.platform === 'linux' && process.getuid?.() === 0 && existsSync('/dev/fuse');
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

/** Mounts on a folder what will never answer. Returns how to end it: whoever waits for it gets an error then. */
async function mountThatHangs(folder: string): Promise<() => Promise<void>> {
  const script =
    'exec 3<>/dev/fuse; mount -i -t fuse -o fd=3,rootmode=40000,user_id=0,group_id=0 hang "$1" && echo up; exec sleep 120';
  const holder: ChildProcess = spawn('bash', ['-c', script, 'bash', folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  const release = async () => {
    if (holder.exitCode === null && holder.signalCode === null) {
      holder.kill('SIGKILL');
      await once(holder, 'exit');
    }
    spawnSync('umount', ['-l', folder]);
  };
  cleanups.push(release);
  const [said] = (await once(holder.stdout!, 'data')) as [Buffer];
  expect(said.toString()).toBe('up\n');
  return release;
}

function machine(mounts: string[], values: object = {}) {
  const tree = fixtureTree();
  cleanups.push(tree.clean);
  for (const line of mounts) mkdirSync(join(tree.paths.rootfs, line.split(' ')[1]), { recursive: true });
  tree.write('proc/1/mounts', mounts.map((line) => `${line} rw 0 0\n`).join(''));
  const memory = rememberingObserver();
  const options = hostSource.options.parse({ statfs_timeout: '300ms', filesystem_interval: '1s', ...values });
  const source = linuxSource(options, contextFor(tree.paths, memory.observer), statfsWorker());
  const run = tickByTick(source);
  cleanups.push(run.stop);

  /** Ticks with a little real time between, in which workers answer, until file systems look like this. */
  async function until(looksRight: (rows: Tick[string]) => boolean): Promise<Tick[string]> {
    for (let i = 0; i < 600; i++) {
      const rows = (await run.next()).filesystem ?? {};
      if (looksRight(rows)) return rows;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    throw new Error(`file systems never looked right: ${JSON.stringify((await run.next()).filesystem)}`);
  }
  return { ...tree, ...memory, ...run, source, until };
}

test('the fill of real mounts is that of df, under the root of the host', async () => {
  const { until, paths, counts } = machine(['/dev/sda1 / ext4', '/dev/sdb1 /srv/my\\040data xfs', 'tmpfs /tmp tmpfs']);
  mkdirSync(join(paths.rootfs, 'srv/my data'));
  const rows = await until((rows) => Object.keys(rows).length === 2);
  const { blocks, bfree, bavail, files, ffree } = statfsSync(paths.rootfs);
  expect(Object.keys(rows)).toEqual(['box/fs/', 'box/fs/srv/my data']);
  expect(rows['box/fs/'].filesystem_used_ratio).toBeCloseTo((blocks - bfree) / (blocks - bfree + bavail), 2);
  expect(rows['box/fs/'].filesystem_inodes_used_ratio).toBeCloseTo((files - ffree) / files, 2);
  expect(counts).toEqual({});
});

test('a mount that cannot be asked is missing and counted once, and returns', async () => {
  const { until, skip, paths, remove, counts, source, stop } = machine(['/dev/sda1 / ext4', '/dev/sdb1 /data xfs']);
  await until((rows) => rows['box/fs/data']?.filesystem_used_ratio > 0);
  remove('root/data');
  const rows = await until((rows) => Number.isNaN(rows['box/fs/data']?.filesystem_used_ratio));
  expect(rows['box/fs/'].filesystem_used_ratio).toBeGreaterThan(0);
  await skip(5);
  expect(counts).toEqual({ 'source_errors_total{statfs_failed}': 1 });
  mkdirSync(join(paths.rootfs, 'data'));
  await until((rows) => rows['box/fs/data']?.filesystem_used_ratio > 0);
  await stop();
  expect(source.hasStuckWorkers()).toBe(false);
});

test('a worker that cannot start leaves the fill missing and the service running', async () => {
  const tree = fixtureTree();
  const { observer, counts } = rememberingObserver();
  const source = linuxSource(
    hostSource.options.parse({ filesystem_interval: '1s' }),
    contextFor(tree.paths, observer),
    new URL('file:///nowhere/statfs-worker.js'),
  );
  const run = tickByTick(source);
  cleanups.push(tree.clean, run.stop);
  for (let i = 0; i < 100 && !(counts['source_errors_total{statfs_failed}'] === 2); i++) {
    await run.next();
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  const tick = await run.next();
  expect(counts).toEqual({ 'source_errors_total{statfs_failed}': 2 });
  expect(tick.filesystem['box/fs/'].filesystem_used_ratio).toBe(NaN);
  expect(tick.host.box.memory_used_ratio).toBe(0.625);
});

(canHang ? describe : describe.skip)('mounts that hang (needs root and /dev/fuse)', () => {
  test('is missing and counted once while the others go on, and is asked again when its program has died', async () => {
    const { until, skip, folder, counts, source, clock } = machine(['/dev/sda1 / ext4', 'hang /hang fuse'], {
      filesystems: { include: ['/', '/hang'] },
    });
    const release = await mountThatHangs(join(folder, 'root/hang'));
    const rows = await until((rows) => 'box/fs/hang' in rows);
    expect(rows['box/fs/hang'].filesystem_used_ratio).toBe(NaN);
    expect((await skip(5)).filesystem['box/fs/'].filesystem_used_ratio).toBeGreaterThan(0);
    expect(counts).toEqual({ 'source_errors_total{mount_hangs}': 1 });
    expect(source.hasStuckWorkers()).toBe(true);

    await release();
    const released = clock.monotonic();
    await until((rows) => rows['box/fs/hang'].filesystem_used_ratio > 0);
    // because its worker returned, not because it was time to try again
    expect(clock.monotonic() - released).toBeLessThan(290_000);
    expect(source.hasStuckWorkers()).toBe(false);
    expect(counts).toEqual({ 'source_errors_total{mount_hangs}': 1 });
  });

  test('four hang at most: further remote mounts are not asked, local ones are', async () => {
    const names = [1, 2, 3, 4, 5].map((number) => `/hang${number}`);
    const { until, folder, counts, source } = machine(
      [...names.map((name) => `hang ${name} fuse`), '/dev/sda1 /local ext4'],
      { filesystems: { include: ['/hang.', '/local'] } },
    );
    for (const name of names) await mountThatHangs(join(folder, 'root', name));
    const rows = await until((rows) => Object.keys(rows).length === 6);
    expect(rows['box/fs/local'].filesystem_used_ratio).toBeGreaterThan(0);
    expect(rows['box/fs/hang5'].filesystem_used_ratio).toBe(NaN);
    expect(counts).toEqual({ 'source_errors_total{mount_hangs}': 4, 'source_errors_total{mount_not_asked}': 1 });
    expect(source.hasStuckWorkers()).toBe(true);
  });

  test('a stop while a mount is being asked says that a worker is stuck', async () => {
    const { next, stop, folder, source } = machine(['hang /hang fuse'], {
      filesystems: { include: ['/hang'] },
      statfs_timeout: '1m',
    });
    const release = await mountThatHangs(join(folder, 'root/hang'));
    await next();
    // lets the worker start and take the question
    await new Promise((resolve) => setTimeout(resolve, 500));
    await stop();
    expect(source.hasStuckWorkers()).toBe(true);
    await release();
  });
});
