/**
 * Rows of one entity on disk, the newest `capacity` of them, float32, in the order in which they came. One positional write a row, without fsync: what is written
 * survives the death of the process at any point (a torn row is left out); a power cut may cost the last half minute. Rows are not kept in memory.
 *
 * A file of other features is taken over by feature name (what is new is NaN), of another capacity by its newest rows. A file of another step, without any
 * common feature, or damaged in its header is set aside as `<name>.old`, replacing the previous one.
 *
 * One writer per file; any number of readers (`readRing`), also while it is written.
 */
import { closeSync, fstatSync, ftruncateSync, openSync, renameSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import type { Observer } from '../flow.ts';
import { encodeHeader, encodeSlot, layoutOf, slotBuffer, slotOffset, type RingHeader } from './ring-format.ts';
import { findNewest, readHeader, readRing, readRows, slotsAtOnce, withFile, type RingRows } from './ring-read.ts';

export interface RingOptions {
  /** unique names, in column order */
  readonly features: readonly string[];
  /** rows, 1..2^32-1 */
  readonly capacity: number;
  readonly stepMs: number;
  /** what the rows belong to; kept in the header */
  readonly label?: string;
  readonly observer: Observer;
}

export interface Ring {
  /** rows that were written and not overwritten; damage inside the file shows in `rows` only */
  readonly length: number;
  /** of the file */
  readonly bytes: number;
  /** `time` is ms since the epoch, `row` one value a feature. Throws when the disk refuses; the row is not in the ring then. */
  append(time: number, row: ArrayLike<number>): void;
  /** The same for many rows in as few writes as possible; `values` is row-major. All or a leading part is in the ring when this throws. */
  appendRows(times: ArrayLike<number>, values: ArrayLike<number>, count: number): void;
  /** The newest `limit` rows, default all. */
  rows(limit?: number): RingRows;
  /** Gives the file descriptor back until the next use. */
  release(): void;
  close(): void;
}

/** The time of a single row, on its way into the slot. */
const one = new Float64Array(1);

/** What a process that was killed while it made `<path>` leaves behind is `<path>.tmp`. */
export const TEMPORARY_EXTENSION = '.tmp';

/** Throws when the file cannot be opened or made. */
export function openRing(path: string, options: RingOptions): Ring {
  const wanted = checked(options);
  const { observer } = options;
  const layout = layoutOf(wanted, encodeHeader(wanted).length);
  takeOver(path, wanted, observer);
  let fd: number | undefined = openSync(path, 'r+');
  let newest = findNewest(fd, layout);
  let bytes = fstatSync(fd).size;
  let closed = false;

  function descriptor(): number {
    if (closed) throw new Error(`ring ${path} is closed`);
    fd ??= openSync(path, 'r+');
    return fd;
  }

  function appendRows(times: ArrayLike<number>, values: ArrayLike<number>, count: number): void {
    const file = descriptor();
    const { slotBytes, capacity, columns } = layout;
    const { slots: atOnce, buffer } = slotsAtOnce(layout);
    for (let done = 0; done < count;) {
      const untilEnd = capacity - (newest % capacity);
      const n = Math.min(count - done, atOnce, untilEnd);
      const slots = buffer.bytes.subarray(0, n * slotBytes).fill(0);
      for (let i = 0; i < n; i++) {
        encodeSlot(layout, buffer, i * slotBytes, newest + 1 + i, times[done + i], values, (done + i) * columns);
      }
      const at = slotOffset(layout, newest + 1);
      writeSlots(file, slots, at, bytes);
      newest += n;
      bytes = Math.max(bytes, at + slots.length);
      done += n;
    }
  }

  function release(): void {
    if (fd !== undefined) closeSync(fd);
    fd = undefined;
  }

  return {
    get length() {
      return Math.min(newest, layout.capacity);
    },
    get bytes() {
      return bytes;
    },
    append(time, row) {
      if (row.length !== layout.columns) {
        throw new RangeError(`ring ${path} has ${layout.columns} features, got a row of ${row.length} values`);
      }
      one[0] = time;
      appendRows(one, row, 1);
    },
    appendRows,
    rows: (limit = layout.capacity) => readRows(descriptor(), layout, newest, limit),
    release,
    close() {
      release();
      closed = true;
    },
  };
}

function checked(options: RingOptions): RingHeader {
  const { features, capacity, stepMs, label = '' } = options;
  if (!Number.isInteger(capacity) || capacity < 1 || capacity > 0xffffffff) {
    throw new RangeError(`ring: capacity must be 1..2^32-1 rows, got ${capacity}`);
  }
  if (!(stepMs > 0 && Number.isFinite(stepMs))) throw new RangeError(`ring: step must be positive, got ${stepMs} ms`);
  if (features.length === 0 || new Set(features).size !== features.length) {
    throw new RangeError(`ring: feature names must be unique and at least one, got ${features.join(', ')}`);
  }
  return { features, capacity, stepMs, label };
}

/** Sees to it that there is a file at `path` with exactly this header, with the rows that can be kept. */
function takeOver(path: string, wanted: RingHeader, observer: Observer): void {
  const found = withFile(path, readHeader);
  if (!found) return create(path, wanted);
  if ('reason' in found) {
    observer.count('state_refused_total', { kind: 'history', reason: found.reason });
    return setAside(path, wanted, observer, found.wrong);
  }
  const { header } = found;
  const same = (a: readonly string[], b: readonly string[]) => a.length === b.length && a.every((x, i) => x === b[i]);
  const sameRows = same(header.features, wanted.features) && header.capacity === wanted.capacity;
  if (sameRows && header.stepMs === wanted.stepMs && header.label === wanted.label) return;
  if (header.stepMs !== wanted.stepMs) {
    return setAside(path, wanted, observer, `its step is ${header.stepMs} ms, now it is ${wanted.stepMs} ms`);
  }
  if (header.label !== wanted.label) {
    return setAside(path, wanted, observer, `it holds ${JSON.stringify(header.label)}`);
  }
  const columns = wanted.features.map((name) => header.features.indexOf(name));
  if (columns.every((column) => column === -1)) {
    return setAside(path, wanted, observer, 'it has none of the features of now');
  }
  migrate(path, wanted, columns);
  observer.log.info('history taken over to new features or another length', {
    path,
    features: wanted.features.length,
    added: columns.filter((column) => column === -1).length,
    removed: header.features.filter((name) => !wanted.features.includes(name)).length,
    capacity: wanted.capacity,
  });
}

function setAside(path: string, wanted: RingHeader, observer: Observer, why: string): void {
  renameSync(path, `${path}.old`);
  observer.log.warn(`history ${path} starts anew: ${why}; the old file is kept as ${path}.old`);
  create(path, wanted);
}

function migrate(path: string, wanted: RingHeader, columns: readonly number[]): void {
  const old = readRing(path, wanted.capacity)!;
  const from = old.header.features.length;
  const header = encodeHeader(wanted);
  const layout = layoutOf(wanted, header.length);
  const bytes = new Uint8Array(header.length + old.length * layout.slotBytes);
  bytes.set(header);
  const buffer = slotBuffer(bytes);
  const row = new Float32Array(columns.length);
  for (let r = 0; r < old.length; r++) {
    for (let c = 0; c < columns.length; c++) row[c] = columns[c] === -1 ? NaN : old.values[r * from + columns[c]];
    encodeSlot(layout, buffer, slotOffset(layout, r + 1), r + 1, old.time[r], row, 0);
  }
  replace(path, bytes);
}

function create(path: string, header: RingHeader): void {
  replace(path, encodeHeader(header));
}

/** Whole or not at all for whoever opens it after kill -9. One writer per file, so one name will do and the next start overwrites it. */
function replace(path: string, bytes: Uint8Array): void {
  const temporary = path + TEMPORARY_EXTENSION;
  try {
    writeFileSync(temporary, bytes, { mode: 0o600 });
    renameSync(temporary, path);
  } catch (error) {
    // half a file would only take up the space that was missing
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** A file that could not grow as far as it should is cut back to `size`: rows that are tried again must not find older copies behind them. */
function writeSlots(fd: number, slots: Uint8Array, position: number, size: number): void {
  try {
    for (let done = 0; done < slots.length;) {
      done += writeSync(fd, slots, done, slots.length - done, position + done);
    }
  } catch (error) {
    if (fstatSync(fd).size > size) ftruncateSync(fd, size);
    throw error;
  }
}
