/**
 * The fill of the mounted file systems, asked for at a slow interval in the background; between two askings rows repeat the last answer. A mount that
 * hangs reads NaN and is left alone until its blocked worker returns or five minutes have passed; the others go on.
 */
import { readFileSync } from 'node:fs';
import type { Clock } from '../../clock.ts';
import type { Batch, Entity, Observer } from '../../flow.ts';
import { batchBuffer } from './batch-buffer.ts';
import type { EntityIndex } from './entity-index.ts';
import type { Mount } from './mounts.ts';
import { chooseMounts, parseMounts } from './mounts.ts';
import type { Filter } from './options.ts';
import { filesystemSchema } from './schemas.ts';
import type { StatfsClient, StatfsResult } from './statfs-client.ts';

/** Workers that may be blocked at once. When that many are, only local file systems are still asked, and hanging ones not again. */
export const MOST_STUCK = 4;
const RETRY_HANGING_MS = 300_000;

export interface Filesystems {
  /** Starts an asking when one is due; returns at once. */
  poll(): void;
  /** One row for each file system that was asked at least once; undefined without any. */
  batch(time: number): Batch | undefined;
}

interface Watched {
  readonly mount: Mount;
  readonly entity: number;
  state: 'new' | 'ok' | 'hangs' | 'failed' | 'passed over';
  /** monotonic ms */
  retryAt: number;
  used: number;
  inodesUsed: number;
}

export interface FilesystemsSetup {
  readonly monitor: string;
  readonly hostname: string;
  readonly observer: Observer;
  readonly paths: { readonly procfs: string; readonly rootfs: string };
  readonly filter: Filter;
  readonly intervalMs: number;
  readonly clock: Clock;
  readonly index: EntityIndex;
  readonly statfs: StatfsClient;
}

export function filesystems(setup: FilesystemsSetup): Filesystems {
  const { monitor, observer, clock, statfs } = setup;
  const rootfs = setup.paths.rootfs.replace(/\/+$/u, '');
  const buffer = batchBuffer(filesystemSchema);
  let watched = new Map<number, Watched>();
  let due = -Infinity;
  let asking = false;
  let tableReadable = true;

  /** Process 1 sees the host's mounts; when it may not be asked, our own are taken and what is not under rootfs left out. */
  function readMounts(): Mount[] | undefined {
    try {
      return parseMounts(readFileSync(`${setup.paths.procfs}/1/mounts`, 'utf8'));
    } catch {
      // not ours to read, or no such process: the next line decides
    }
    try {
      return parseMounts(readFileSync(`${setup.paths.procfs}/self/mounts`, 'utf8'), rootfs || '/');
    } catch (error) {
      if (tableReadable) {
        observer.count('source_errors_total', { monitor, reason: 'unreadable' });
        observer.log.warn('table of mounts is unreadable, file systems are missing', { monitor, error: String(error) });
      }
      return undefined;
    }
  }

  function refresh(): void {
    const mounts = readMounts();
    tableReadable = mounts !== undefined;
    const next = new Map<number, Watched>();
    for (const mount of chooseMounts(mounts ?? [], setup.filter)) {
      const entity = setup.index.add(filesystemEntity(setup.hostname, mount));
      if (entity < 0) continue;
      const known = watched.get(entity);
      next.set(
        entity,
        known?.mount.device === mount.device
          ? known
          : { mount, entity, state: 'new', retryAt: -Infinity, used: NaN, inodesUsed: NaN },
      );
    }
    watched = next;
  }

  function become(one: Watched, state: Watched['state'], error?: string): void {
    const before = one.state;
    one.state = state;
    if (state === before) return;
    const fields = { monitor, mountpoint: one.mount.mountpoint, device: one.mount.device };
    if (state === 'ok') {
      if (before !== 'new') observer.log.info('file system answers again', fields);
      return;
    }
    const { reason, text } = TROUBLE[state as keyof typeof TROUBLE];
    observer.count('source_errors_total', { monitor, reason });
    observer.log.warn(text, { ...fields, error });
  }

  function take(one: Watched, result: StatfsResult): void {
    one.used = one.inodesUsed = NaN;
    if ('hangs' in result) {
      one.retryAt = clock.monotonic() + RETRY_HANGING_MS;
      void result.hangs.then(() => (one.retryAt = -Infinity));
      become(one, 'hangs');
    } else if ('error' in result) become(one, 'failed', result.error);
    else {
      const used = result.blocks - result.free;
      // as df counts: what is reserved for root is neither used nor available
      if (used + result.available > 0) one.used = used / (used + result.available);
      if (result.files > 0) one.inodesUsed = (result.files - result.filesFree) / result.files;
      become(one, 'ok');
    }
  }

  async function askAll(): Promise<void> {
    refresh();
    for (const one of watched.values()) {
      const full = statfs.stuck() >= MOST_STUCK;
      if (one.state === 'hangs' && (full || clock.monotonic() < one.retryAt)) continue;
      // a local file system that hangs too is one more than may be: then nothing is asked
      if (full && (one.mount.remote || statfs.stuck() > MOST_STUCK)) {
        one.used = one.inodesUsed = NaN;
        become(one, 'passed over');
        continue;
      }
      take(one, await statfs.ask(rootfs + one.mount.mountpoint));
    }
    statfs.rest();
  }

  return {
    poll() {
      if (asking || clock.monotonic() < due) return;
      due = clock.monotonic() + setup.intervalMs;
      asking = true;
      void askAll().finally(() => (asking = false));
    },
    batch(time) {
      let rows = 0;
      for (const one of watched.values()) if (one.state !== 'new') rows++;
      if (rows === 0) return undefined;
      const batch = buffer.rows(rows, time);
      let row = 0;
      for (const one of watched.values()) {
        if (one.state === 'new') continue;
        batch.entity[row] = one.entity;
        batch.values[2 * row] = one.used;
        batch.values[2 * row + 1] = one.inodesUsed;
        row++;
      }
      return batch;
    },
  };
}

const TROUBLE = {
  hangs: { reason: 'mount_hangs', text: 'file system does not answer, its fill is missing' },
  failed: { reason: 'statfs_failed', text: 'file system cannot be asked, its fill is missing' },
  'passed over': {
    reason: 'mount_not_asked',
    text: `${MOST_STUCK} file systems hang, so this one is not asked until one of them answers`,
  },
} as const;

export function filesystemEntity(host: string, mount: Pick<Mount, 'mountpoint' | 'device' | 'type'>): Entity {
  const { mountpoint, device, type } = mount;
  return { id: `${host}/fs${mountpoint}`, kind: 'filesystem', host, labels: { mountpoint, device, fstype: type } };
}
