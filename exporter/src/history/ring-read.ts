/** Reading the file of a ring, for its writer and for others. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import {
  decodeHeader,
  LARGEST_HEADER,
  slotBuffer,
  slotRow,
  type HeaderFault,
  type RingHeader,
  type RingLayout,
  type SlotBuffer,
} from './ring-format.ts';

/** Oldest first. */
export interface RingRows {
  readonly length: number;
  readonly time: Float64Array;
  /** rows x features, row-major */
  readonly values: Float64Array;
  /** rows that were left out because their slot is damaged */
  readonly damaged: number;
}

const CHUNK_BYTES = 256 * 1024;
/** Shared by all rings of the thread: nothing here is asynchronous. */
const chunk = slotBuffer(new Uint8Array(CHUNK_BYTES));

/** Reads a ring that somebody else may be writing; undefined when there is no file. Throws an Error that names what is wrong with it. */
export function readRing(path: string, limit?: number): (RingRows & { readonly header: RingHeader }) | undefined {
  return withFile(path, (fd) => {
    const read = readHeader(fd);
    if ('reason' in read) throw new Error(`cannot read ${path}: ${read.wrong}`);
    const { header, layout } = read;
    return { header, ...readRows(fd, layout, findNewest(fd, layout), limit ?? layout.capacity) };
  });
}

/** undefined when there is no file or it is no ring. */
export function readRingHeader(path: string): RingHeader | undefined {
  const read = withFile(path, readHeader);
  return read && 'header' in read ? read.header : undefined;
}

/** As many slots as go into one read or write. The buffer is valid until the next call. */
export function slotsAtOnce(layout: RingLayout): { slots: number; buffer: SlotBuffer } {
  const { slotBytes } = layout;
  if (slotBytes > CHUNK_BYTES) return { slots: 1, buffer: slotBuffer(new Uint8Array(slotBytes)) };
  return { slots: Math.floor(CHUNK_BYTES / slotBytes), buffer: chunk };
}

export function readHeader(fd: number): { header: RingHeader; layout: RingLayout } | HeaderFault {
  const { size } = fstatSync(fd);
  const start = new Uint8Array(Math.min(size, 4096));
  const got = readAll(fd, start, 0);
  const declared = got >= 16 ? new DataView(start.buffer).getUint32(12, true) : 0;
  if (declared <= start.length || declared > Math.min(size, LARGEST_HEADER)) {
    return decodeHeader(start.subarray(0, got));
  }
  const whole = new Uint8Array(declared);
  return decodeHeader(whole.subarray(0, readAll(fd, whole, 0)));
}

/**
 * The highest row number. Rows are written in order, so a file that is not full ends with it, and in a full one the numbers rise from slot 0 until they drop:
 * a binary search finds the drop. Any damage on the way, and every slot is looked at.
 */
export function findNewest(fd: number, layout: RingLayout): number {
  const slots = Math.min(layout.capacity, Math.floor((fstatSync(fd).size - layout.headerBytes) / layout.slotBytes));
  if (slots <= 0) return 0;
  const buffer = slotBuffer(new Uint8Array(layout.slotBytes));
  const rowIn = (slot: number) => {
    readAll(fd, buffer.bytes, layout.headerBytes + slot * layout.slotBytes);
    return slotRow(layout, buffer, 0);
  };
  if (slots < layout.capacity) {
    for (const slot of [slots - 1, slots - 2]) if (slot >= 0 && rowIn(slot) === slot + 1) return slot + 1;
    return scanNewest(fd, layout, slots);
  }
  const first = rowIn(0);
  if (first === 0) return scanNewest(fd, layout, slots);
  let low = 0;
  let high = slots;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    const row = rowIn(middle);
    if (row === first + middle) low = middle;
    else if (row !== 0 && row === first + middle - layout.capacity) high = middle;
    else return scanNewest(fd, layout, slots);
  }
  return first + low;
}

function scanNewest(fd: number, layout: RingLayout, slots: number): number {
  let newest = 0;
  eachSlot(fd, layout, 0, slots, (slot, row) => {
    if (row > newest && (row - 1) % layout.capacity === slot) newest = row;
  });
  return newest;
}

export function readRows(fd: number, layout: RingLayout, newest: number, limit: number): RingRows {
  const { capacity, columns } = layout;
  const count = Math.max(0, Math.min(newest, capacity, Math.floor(limit)));
  const time = new Float64Array(count);
  const values = new Float64Array(count * columns);
  let length = 0;
  let expected = newest - count + 1;
  const take = (_slot: number, row: number, view: DataView, at: number) => {
    if (row === expected) {
      time[length] = view.getFloat64(at, true);
      for (let c = 0; c < columns; c++) values[length * columns + c] = view.getFloat32(at + 16 + 4 * c, true);
      length += 1;
    }
    expected += 1;
  };
  const first = (newest - count) % capacity;
  const untilEnd = Math.min(count, capacity - first);
  eachSlot(fd, layout, first, untilEnd, take);
  eachSlot(fd, layout, 0, count - untilEnd, take);
  return {
    length,
    time: time.subarray(0, length),
    values: values.subarray(0, length * columns),
    damaged: count - length,
  };
}

/** `row` is 0 for a slot that is empty, torn or damaged, or behind the end of the file. */
function eachSlot(
  fd: number,
  layout: RingLayout,
  first: number,
  count: number,
  visit: (slot: number, row: number, view: DataView, at: number) => void,
): void {
  const { slotBytes, headerBytes } = layout;
  const { slots: atOnce, buffer } = slotsAtOnce(layout);
  for (let done = 0; done < count; done += atOnce) {
    const n = Math.min(atOnce, count - done);
    const bytes = buffer.bytes.subarray(0, n * slotBytes);
    bytes.fill(0, readAll(fd, bytes, headerBytes + (first + done) * slotBytes));
    for (let i = 0; i < n; i++) {
      visit(first + done + i, slotRow(layout, buffer, i * slotBytes), buffer.view, i * slotBytes);
    }
  }
}

export function withFile<T>(path: string, use: (fd: number) => T): T | undefined {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return use(fd);
  } finally {
    closeSync(fd);
  }
}

/** How many bytes there were. */
function readAll(fd: number, bytes: Uint8Array, position: number): number {
  let done = 0;
  while (done < bytes.length) {
    const got = readSync(fd, bytes, done, bytes.length - done, position + done);
    if (got === 0) break;
    done += got;
  }
  return done;
}
