/**
 * Incidents on disk: `incidents.ndjson`, one line an event, only ever appended to. The last line of an incident counts. What lists are filtered by stays in
 * memory, everything else is read from the file when asked for: a thousand recordings would not fit into the memory that the whole exporter has.
 *
 * Appending never blocks and never throws for the disk. `opened` and `closed` are written at once in the background, `updated` within 5 s, only the newest of an
 * incident, so that a killed process loses at most that; lines are synced to the disk. While the disk is full they stay in memory, up to 4 MB, and are tried
 * again. A file that grew past `maxBytes` is rewritten with one line for each of the newest `keep` incidents.
 *
 * One journal per folder, under the folder's lock.
 */
import { closeSync, fdatasync, ftruncate, mkdirSync, open, readSync, write } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { IncidentEvent, Observer } from '../flow.ts';
import type { IncidentDetail, IncidentList } from '../wire/incident.ts';
import { createIncidentIndex, type Entry, type IncidentQuery, type PlacedLine } from './incident-index.ts';
import { compactJournal } from './journal-compaction.ts';
import { encodeLine, HEADER, parseFrames, parseIncident } from './journal-line.ts';
import { loadJournal } from './journal-load.ts';
import { removeTemporaryFiles, syncFolderLater } from './replace-file.ts';
import { writeFailure } from './write-failure.ts';

export interface JournalOptions {
  readonly observer: Observer;
  /** incidents that are kept, default 1000; open ones are always */
  readonly keep?: number;
  /** size of the file that starts a rewrite, default 8 MiB (or twice of what has to be kept) */
  readonly maxBytes?: number;
}

export interface IncidentJournal {
  /** Takes a copy. */
  append(event: IncidentEvent): void;
  incident(id: string): IncidentDetail | undefined;
  list(query: IncidentQuery): IncidentList;
  /** Oldest first; with the frames that `opened` brought. */
  openIncidents(): IncidentDetail[];
  /** Resolves when everything appended so far was written, or tried and failed. Never rejects. */
  flush(): Promise<void>;
  /** Writes what is left, waiting at most `budgetMs` (default 2000) for a disk that hangs. Never rejects. */
  close(budgetMs?: number): Promise<void>;
}

const UPDATE_DELAY_MS = 5000;
const RETRY_MS = 5000;
const MOST_QUEUED_BYTES = 4 * 1024 * 1024;
const MOST_WRITTEN_AT_ONCE = 1024 * 1024;

const openFile = promisify(open);
const writeFile = promisify(write);
const truncateFile = promisify(ftruncate);
const syncFile = promisify(fdatasync);

interface Queued {
  readonly id: string;
  readonly line: PlacedLine;
}

/** Throws when the folder or the file cannot be read; damage is counted, logged and left out. */
export function openIncidentJournal(folder: string, options: JournalOptions): IncidentJournal {
  const { observer, keep = 1000, maxBytes = 8 * 1024 * 1024 } = options;
  const path = join(folder, 'incidents.ndjson');
  const index = createIncidentIndex(keep);
  removeTemporaryFiles(folder);
  const file = loadJournal(path, index, observer);
  let queue: Queued[] = [];
  let queuedBytes = 0;
  let compactAbove = maxBytes;
  let running: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let due = Infinity;
  let failing = false;
  let closed = false;

  /** Time of the disk, not of events: real timers, also while days are replayed in seconds. */
  function wake(delayMs: number): void {
    const at = performance.now() + (failing ? Math.max(delayMs, RETRY_MS) : delayMs);
    if (closed || at >= due) return;
    clearTimeout(timer);
    due = at;
    timer = setTimeout(() => void run(), Math.max(0, at - performance.now()));
    timer.unref();
  }

  function run(): Promise<void> {
    clearTimeout(timer);
    due = Infinity;
    running ??= drain().finally(() => {
      running = undefined;
      // what came while the last write was under way
      if (queue.length > 0) wake(failing ? RETRY_MS : 0);
    });
    return running;
  }

  async function drain(): Promise<void> {
    while (queue.length > 0) {
      const batch = takeBatch();
      try {
        await writeBatch(batch);
      } catch (error) {
        queue = [...batch, ...queue];
        queuedBytes += bytesOf(batch);
        failed('cannot write incidents; they stay in memory and are tried again', error);
        return;
      }
      if (failing) observer.log.info('incidents are written again', { path });
      failing = false;
    }
    if (file.size > compactAbove) await compact();
  }

  async function flush(): Promise<void> {
    // a run under way took its lines before the newest came
    if (running) await running;
    await run();
  }

  function takeBatch(): Queued[] {
    let bytes = 0;
    const end = queue.findIndex(({ line }) => (bytes += line.length) > MOST_WRITTEN_AT_ONCE);
    const batch = queue.splice(0, end === -1 ? queue.length : Math.max(1, end));
    queuedBytes -= bytesOf(batch);
    return batch;
  }

  async function writeBatch(batch: readonly Queued[]): Promise<void> {
    if (file.fd === undefined) {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      file.fd = await openFile(path, 'w+', 0o600);
    }
    if (file.tornTail) await truncateFile(file.fd, file.size);
    const start = file.size === 0 ? HEADER.length : file.size;
    const bytes = Buffer.concat([...(file.size === 0 ? [HEADER] : []), ...batch.map(({ line }) => line.bytes!)]);
    // should this fail half-way, old lines must not linger behind new ones
    file.tornTail = true;
    for (let done = 0; done < bytes.length;) {
      const { bytesWritten } = await writeFile(file.fd, bytes, done, bytes.length - done, file.size + done);
      done += bytesWritten;
    }
    await syncFile(file.fd);
    file.tornTail = false;
    file.size += bytes.length;
    let offset = start;
    for (const { line } of batch) {
      line.offset = offset;
      line.bytes = undefined;
      offset += line.length;
    }
  }

  async function compact(): Promise<void> {
    try {
      const { fd, size, adopt } = await compactJournal(path, file.fd!, index.all());
      closeSync(file.fd!);
      adopt();
      Object.assign(file, { fd, size });
      observer.log.debug('incident journal rewritten', { path, bytes: size });
      compactAbove = Math.max(maxBytes, 2 * size);
      await syncFolderLater(path);
    } catch (error) {
      // the old file is whole and goes on growing; next try when there is more to gain
      compactAbove = Math.max(compactAbove, file.size + maxBytes / 4);
      failed('cannot rewrite the incident journal', error);
    }
  }

  function failed(message: string, error: unknown): void {
    const reason = writeFailure(error);
    observer.count('store_errors_total', { store: 'incidents', reason });
    if (!failing) observer.log.warn(message, { path, reason, error: (error as Error).message });
    failing = true;
  }

  function shed(): void {
    let dropped = 0;
    while (queuedBytes > MOST_QUEUED_BYTES) {
      const outdated = queue.findIndex(({ id, line }) => {
        const entry = index.get(id);
        return entry?.latest !== line && entry?.recorded !== line;
      });
      const [{ id, line }] = queue.splice(Math.max(0, outdated), 1);
      queuedBytes -= line.length;
      index.forget(line, id);
      dropped += 1;
    }
    if (dropped > 0) observer.count('store_errors_total', { store: 'incidents', reason: 'dropped' }, dropped);
  }

  function readPart(line: PlacedLine, from: number, to: number): Buffer {
    if (line.bytes) return line.bytes.subarray(from, to);
    if (file.fd === undefined) throw new Error(`${path} is closed`);
    const part = Buffer.allocUnsafe(to - from);
    for (let done = 0; done < part.length;) {
      const got = readSync(file.fd, part, done, part.length - done, line.offset + from + done);
      if (got === 0) throw new Error(`${path} ends inside an incident`);
      done += got;
    }
    return part;
  }

  /** undefined when the disk does not give it back: counted, and left out of the answer. */
  function read<T>(entry: Entry, parts: () => T | undefined): T | undefined {
    try {
      const value = parts();
      if (value !== undefined) return value;
    } catch (error) {
      observer.log.warn('cannot read an incident', { path, incident: entry.id, error: (error as Error).message });
    }
    observer.count('store_errors_total', { store: 'incidents', reason: 'read' });
    return undefined;
  }

  const incidentOf = (entry: Entry) =>
    read(entry, () => parseIncident(readPart(entry.latest, entry.latest.incidentStart, entry.latest.incidentEnd)));

  function detailOf(entry: Entry): IncidentDetail | undefined {
    const incident = incidentOf(entry);
    const { recorded } = entry;
    if (!incident) return undefined;
    const frames =
      recorded && read(entry, () => parseFrames(readPart(recorded, recorded.framesStart, recorded.framesEnd)));
    return { ...incident, frames: frames ?? [] };
  }

  return {
    append({ type, incident }) {
      if (closed) throw new Error(`incident journal ${path} is closed; ${type} ${incident.id} came too late`);
      const encoded = encodeLine(type, incident, type !== 'updated');
      const line: PlacedLine = { ...encoded, offset: -1, length: encoded.bytes.length };
      if (type === 'updated') {
        const previous = queue.findIndex((queued) => queued.id === incident.id && queued.line.type === 'updated');
        if (previous !== -1) queuedBytes -= queue.splice(previous, 1)[0].line.length;
      }
      index.apply(incident, line);
      queue.push({ id: incident.id, line });
      queuedBytes += line.length;
      shed();
      wake(type === 'updated' ? UPDATE_DELAY_MS : 0);
    },
    incident(id) {
      const entry = index.get(id);
      return entry && detailOf(entry);
    },
    list(query) {
      const { total, entries } = index.select(query);
      return { total, incidents: entries.map(incidentOf).filter((incident) => incident !== undefined) };
    },
    openIncidents: () =>
      index
        .all()
        .filter((entry) => entry.state === 'open')
        .map(detailOf)
        .filter((incident) => incident !== undefined),
    flush,
    async close(budgetMs = 2000) {
      if (closed) return;
      closed = true;
      clearTimeout(timer);
      const budget = new Promise<'late'>((resolve) => setTimeout(() => resolve('late'), budgetMs).unref());
      const outcome = await Promise.race([flush(), budget]);
      if (queue.length > 0 || outcome === 'late') {
        observer.count('store_errors_total', { store: 'incidents', reason: 'dropped' }, Math.max(1, queue.length));
        observer.log.error('incidents are lost: they could not be written in time', { path, events: queue.length });
      }
      // a write that still hangs keeps its descriptor until the process ends
      if (outcome !== 'late' && file.fd !== undefined) closeSync(file.fd);
      file.fd = undefined;
    },
  };
}

function bytesOf(batch: readonly Queued[]): number {
  return batch.reduce((sum, { line }) => sum + line.length, 0);
}
