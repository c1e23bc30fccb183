/**
 * Steps of a group of entities of one schema, on disk: a ring file each, the newest rows that could not be written yet in memory.
 *
 * Up to 16 entities, a row is in its file when `append` returns. For more, rows are gathered and written together every 2 s, in slices that leave the event loop
 * free; a killed process loses what was gathered. While the disk refuses, rows stay in memory (16 MiB for all entities), serve training from there and are tried
 * again. Values are kept as they come, before any transform, as float32.
 *
 * Disk space is bounded: a new file is made only while all files at their full size fit into `maxBytes`; entities beyond that have their newest rows in
 * memory only. Files that had no row for `days` while others had are removed at start, and when space for a new entity is short.
 */
import { join } from 'node:path';
import type { Observer, Rows, Schema } from '../flow.ts';
import { fileName, idleFiles, makeFolder, removeFile, ringPath, scanFolder, sizeOf } from './folder.ts';
import { encodeHeader, layoutOf } from './ring-format.ts';
import { openRing, type Ring } from './ring.ts';
import { joinRows, type EntityRows } from './segments.ts';
import { readShares } from './shares.ts';
import { createTail, type Tail } from './tail.ts';
import { createWriteBehind } from './write-behind.ts';

export interface HistoryOptions {
  readonly monitor: string;
  readonly schema: Schema;
  readonly stepMs: number;
  /** how far back, default 7 */
  readonly days?: number;
  /** rows kept of one entity, default 50,000 */
  readonly maxRows?: number;
  /** all files of this history together at their full size, default 4 GiB */
  readonly maxBytes?: number;
  /** default 256 */
  readonly maxOpenFiles?: number;
  readonly observer: Observer;
}

export interface History {
  /** `time` is ms since the epoch, `row` one value a feature, NaN = missing; copied. Never throws for the disk. */
  append(entityId: string, time: number, row: ArrayLike<number>): void;
  /** The newest `limitRows` rows, default all; no rows for an entity that is not known. */
  read(entityId: string, limitRows?: number): Rows;
  /** The newest rows of many entities, at most `limitRows` together, shared out evenly. */
  readAll(limitRows: number): Rows;
  /** Rows there are of one entity, on disk and in memory; 0 for an entity that is not known. */
  count(entityId: string): number;
  entities(): string[];
  /** The file of an entity, for `readRing` in another thread; undefined when it has none. Rows still in memory are not in it: `flush` first. */
  file(entityId: string): string | undefined;
  /** on disk now */
  bytes(): number;
  /** Writes what is in memory, at once. */
  flush(): void;
  /** Writes what is in memory and gives all files back. */
  close(): void;
}

const WRITE_AT_ONCE_UP_TO = 16;
const FLUSH_MS = 2000;
const RETRY_MS = 15_000;
const SLICE_MS = 5;
const TAIL_BYTES = 16 * 1024 * 1024;
const MOST_TAIL_ROWS = 4096;
const DAY_MS = 86_400_000;
/** how long a full history is not searched for room again */
const FULL_MS = 3_600_000;

interface Member {
  readonly id: string;
  readonly path: string;
  ring: Ring | undefined;
  tail: Tail | undefined;
  /** of its file and the one that was set aside, as last seen */
  bytes: number;
  /** `reserved`: has a file or may make one, its full size is accounted for; `refused`: there was no room for it */
  room: 'unknown' | 'reserved' | 'refused';
}

/** Folder and files are made as needed. Throws when the folder exists and cannot be read. */
export function openHistory(folder: string, options: HistoryOptions): History {
  const { monitor, schema, stepMs, observer } = options;
  const { days = 7, maxRows = 50_000, maxBytes = 4 * 1024 ** 3, maxOpenFiles = 256 } = options;
  const features = schema.features.map(({ name }) => name);
  const columns = features.length;
  const capacity = Math.max(1, Math.min(maxRows, Math.ceil((days * DAY_MS) / stepMs)));
  const home = join(folder, fileName(monitor), fileName(schema.name));
  const members = new Map<string, Member>();
  /** those with a file descriptor, least recently used first */
  const opened = new Set<Member>();
  const failing = new Set<Member>();
  const behind = createWriteBehind({ write, delayMs: FLUSH_MS, retryMs: RETRY_MS, sliceMs: SLICE_MS });
  let reserved = 0;
  let fullSince = -Infinity;
  let closed = false;

  for (const { id, path } of scanFolder(home, days * DAY_MS, observer)) {
    members.set(id, { id, path, ring: undefined, tail: undefined, bytes: sizeOf(path), room: 'reserved' });
    reserved += fullSize(id);
  }

  function fullSize(id: string): number {
    const header = { features, capacity, stepMs, label: id };
    const layout = layoutOf(header, encodeHeader(header).length);
    return layout.headerBytes + layout.slotBytes * capacity;
  }

  function memberOf(id: string): Member {
    let member = members.get(id);
    if (!member) {
      member = { id, path: ringPath(home, id), ring: undefined, tail: undefined, bytes: 0, room: 'unknown' };
      members.set(id, member);
    }
    return member;
  }

  /** undefined when there is no room for another file. Throws when the disk refuses. */
  function ringOf(member: Member): Ring | undefined {
    if (!member.ring) {
      if (!hasRoom(member)) return undefined;
      makeFolder(home);
      member.ring = openRing(member.path, { features, capacity, stepMs, label: member.id, observer });
      member.bytes = sizeOf(member.path);
    }
    opened.delete(member);
    opened.add(member);
    if (opened.size > maxOpenFiles) {
      const [oldest] = opened;
      oldest.ring?.release();
      opened.delete(oldest);
    }
    return member.ring;
  }

  function hasRoom(member: Member): boolean {
    if (member.room === 'reserved') return true;
    const size = fullSize(member.id);
    if (reserved + size > maxBytes && performance.now() - fullSince > FULL_MS) removeIdle();
    if (reserved + size <= maxBytes) {
      reserved += size;
      member.room = 'reserved';
      return true;
    }
    if (member.room === 'unknown') observer.count('store_errors_total', { store: 'history', reason: 'limit' });
    member.room = 'refused';
    if (performance.now() - fullSince > FULL_MS) {
      observer.log.warn('history is full: new entities keep their newest rows in memory only', {
        monitor,
        schema: schema.name,
        entities: members.size,
        limitBytes: maxBytes,
      });
      fullSince = performance.now();
    }
    return false;
  }

  function removeIdle(): void {
    const stored = [...members.values()].filter(({ room }) => room === 'reserved');
    const paths = stored.map(({ path }) => path);
    const idle = idleFiles(paths, days * DAY_MS);
    for (const member of stored.filter(({ path }) => idle.has(path))) {
      member.ring?.close();
      removeFile(member.path);
      for (const group of [opened, failing]) group.delete(member);
      behind.remove(member);
      members.delete(member.id);
      reserved -= fullSize(member.id);
    }
  }

  /** False when the disk refused and the rows stay in memory for another try. */
  function write(member: Member): boolean {
    const { tail } = member;
    if (!tail || tail.count === 0) return true;
    try {
      const ring = ringOf(member);
      if (!ring) return true;
      const before = ring.bytes;
      ring.appendRows(tail.times, tail.values, tail.count);
      tail.drop(tail.count);
      member.bytes += ring.bytes - before;
    } catch (error) {
      failed(member, error as Error);
      return false;
    }
    if (failing.delete(member) && failing.size === 0) observer.log.info('history is written again', { monitor });
    return true;
  }

  function failed(member: Member, error: Error): void {
    const reason = failureReason(error);
    observer.count('store_errors_total', { store: 'history', reason });
    if (failing.size === 0) {
      observer.log.warn('cannot write history; new rows stay in memory and are tried again', {
        path: member.path,
        reason,
        error: error.message,
      });
    }
    failing.add(member);
    // the file may have been removed under us, or be on a disk that went away: next time begin with opening it
    member.ring?.close();
    member.ring = undefined;
    opened.delete(member);
  }

  function tailLimit(): number {
    const perEntity = Math.floor(TAIL_BYTES / members.size / (8 + 4 * columns));
    return Math.max(1, Math.min(MOST_TAIL_ROWS, perEntity));
  }

  function rowsOf(member: Member, limit: number): EntityRows {
    const { tail } = member;
    const fresh = Math.min(limit, tail?.count ?? 0);
    const stored = storedRows(member, limit - fresh);
    if (fresh === 0 || !tail) return stored;
    const time = new Float64Array(stored.time.length + fresh);
    const values = new Float64Array(time.length * columns);
    time.set(stored.time);
    time.set(tail.times.subarray(tail.count - fresh), stored.time.length);
    values.set(stored.values);
    values.set(tail.values.subarray((tail.count - fresh) * columns), stored.values.length);
    return { time, values };
  }

  function storedRows(member: Member, limit: number): EntityRows {
    const nothing = { time: new Float64Array(0), values: new Float64Array(0) };
    if (limit <= 0) return nothing;
    const rows = stored(member, (ring) => ring.rows(limit));
    if (!rows) return nothing;
    if (rows.damaged > 0) {
      observer.count('store_errors_total', { store: 'history', reason: 'damaged' }, rows.damaged);
      observer.log.warn('damaged rows of history are left out', { path: member.path, rows: rows.damaged });
    }
    return rows;
  }

  /** undefined without a file. What the disk does not give back is counted and left out. */
  function stored<T>(member: Member, read: (ring: Ring) => T): T | undefined {
    if (member.room !== 'reserved') return undefined;
    try {
      const ring = ringOf(member);
      return ring && read(ring);
    } catch (error) {
      observer.count('store_errors_total', { store: 'history', reason: 'read' });
      observer.log.warn('cannot read history', { path: member.path, error: (error as Error).message });
      return undefined;
    }
  }

  function flush(): void {
    for (const member of [...members.values()]) write(member);
  }

  return {
    append(entityId, time, row) {
      if (closed) throw new Error(`history of monitor ${monitor} is closed`);
      if (row.length !== columns) {
        throw new RangeError(`history of ${schema.name} has ${columns} features, got a row of ${row.length} values`);
      }
      if (!Number.isFinite(time)) throw new RangeError(`history: time must be ms since the epoch, got ${time}`);
      const member = memberOf(entityId);
      member.tail ??= createTail(columns);
      const lost = member.tail.push(time, row, tailLimit());
      // an entity without room for a file loses its oldest rows by design; that was counted when it was refused
      if (lost > 0 && member.room !== 'refused') {
        observer.count('store_errors_total', { store: 'history', reason: 'dropped' }, lost);
      }
      if (members.size <= WRITE_AT_ONCE_UP_TO) write(member);
      else behind.add(member);
    },
    read(entityId, limitRows = capacity) {
      const member = members.get(entityId);
      return joinRows(member ? [rowsOf(member, limitRows)] : [], columns, stepMs);
    },
    readAll(limitRows) {
      const known = [...members.values()];
      return joinRows(
        readShares(known.length, limitRows, (entity, limit) => rowsOf(known[entity], limit)),
        columns,
        stepMs,
      );
    },
    count(entityId) {
      const member = members.get(entityId);
      if (!member) return 0;
      return Math.min(capacity, (stored(member, (ring) => ring.length) ?? 0) + (member.tail?.count ?? 0));
    },
    entities: () => [...members.keys()],
    file: (entityId) => (members.get(entityId)?.room === 'reserved' ? ringPath(home, entityId) : undefined),
    bytes: () => [...members.values()].reduce((sum, member) => sum + member.bytes, 0),
    flush,
    close() {
      if (closed) return;
      closed = true;
      behind.stop();
      flush();
      for (const member of members.values()) member.ring?.close();
      opened.clear();
    },
  };
}

function failureReason(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return 'no_space';
    case 'EROFS':
      return 'read_only';
    case 'EACCES':
    case 'EPERM':
      return 'permission';
    default:
      return 'io';
  }
}
