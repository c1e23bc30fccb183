/**
 * The file of a ring, little endian.
 *
 *      0  magic      89 'NPRING' 0a
 *      8  u32        version of this layout (1)
 *     12  u32        bytes of the header, a multiple of 8
 *     16  f64        step in ms
 *     24  u32        capacity in rows
 *     28  u32        features
 *     32  u32        CRC-32 of the JSON of the feature names
 *     36  u32        bytes of the JSON
 *     40  u32        CRC-32 of bytes 0..39 and of the JSON
 *     44  u32        0
 *     48  JSON       {"features": [names], "label": text}, padded with 0
 *      …  slots      row number n (1, 2 …) is in slot (n - 1) mod capacity
 *
 * A slot: f64 time (ms since the epoch), u32 row number, u32 CRC-32 of time, row number and values, f32 values, padded to a multiple of 8.
 * A slot whose CRC is wrong was not written to its end. The file grows to its full size as rows come.
 */
import { crc32 } from './crc32.ts';

export interface RingHeader {
  readonly features: readonly string[];
  /** rows */
  readonly capacity: number;
  readonly stepMs: number;
  /** what the rows belong to, free text */
  readonly label: string;
}

/** Where things are, derived from the header. Bytes. */
export interface RingLayout {
  readonly headerBytes: number;
  readonly slotBytes: number;
  readonly columns: number;
  readonly capacity: number;
}

const MAGIC = Uint8Array.of(0x89, 0x4e, 0x50, 0x52, 0x49, 0x4e, 0x47, 0x0a);
const VERSION = 1;
const FIXED = 48;
export const LARGEST_HEADER = 1024 * 1024;

export type HeaderFault = { readonly reason: 'magic' | 'version' | 'length' | 'checksum'; readonly wrong: string };

export function encodeHeader(header: RingHeader): Uint8Array<ArrayBuffer> {
  const { features, capacity, stepMs, label } = header;
  const json = new TextEncoder().encode(JSON.stringify({ features, label }));
  const bytes = new Uint8Array(align(FIXED + json.length));
  if (bytes.length > LARGEST_HEADER) throw new RangeError(`ring: feature names and label have ${json.length} bytes`);
  const view = new DataView(bytes.buffer);
  bytes.set(MAGIC);
  view.setUint32(8, VERSION, true);
  view.setUint32(12, bytes.length, true);
  view.setFloat64(16, stepMs, true);
  view.setUint32(24, capacity, true);
  view.setUint32(28, features.length, true);
  view.setUint32(32, namesHash(features), true);
  view.setUint32(36, json.length, true);
  bytes.set(json, FIXED);
  view.setUint32(40, headerSum(bytes, json.length), true);
  return bytes;
}

/** `bytes`: the start of the file, up to `LARGEST_HEADER`. */
export function decodeHeader(bytes: Uint8Array): { header: RingHeader; layout: RingLayout } | HeaderFault {
  if (!MAGIC.every((byte, i) => i >= bytes.length || bytes[i] === byte)) {
    return { reason: 'magic', wrong: 'it is not a history file of netpulse' };
  }
  if (bytes.length < FIXED) return { reason: 'length', wrong: `it ends after ${bytes.length} bytes` };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = view.getUint32(8, true);
  if (version !== VERSION) {
    return { reason: 'version', wrong: `its layout has version ${version}, this netpulse reads version ${VERSION}` };
  }
  const jsonLength = view.getUint32(36, true);
  if (FIXED + jsonLength > bytes.length) return { reason: 'length', wrong: 'it ends inside its header' };
  if (view.getUint32(40, true) !== headerSum(bytes, jsonLength)) {
    return { reason: 'checksum', wrong: 'its header does not match its checksum' };
  }
  const { features, label } = JSON.parse(Buffer.from(bytes.subarray(FIXED, FIXED + jsonLength)).toString()) as {
    features: string[];
    label: string;
  };
  const header = { features, label, stepMs: view.getFloat64(16, true), capacity: view.getUint32(24, true) };
  return { header, layout: layoutOf(header, view.getUint32(12, true)) };
}

export function layoutOf(header: RingHeader, headerBytes: number): RingLayout {
  const columns = header.features.length;
  return { headerBytes, slotBytes: align(16 + 4 * columns), columns, capacity: header.capacity };
}

export function slotOffset(layout: RingLayout, row: number): number {
  return layout.headerBytes + ((row - 1) % layout.capacity) * layout.slotBytes;
}

/** Two views of the same bytes. */
export interface SlotBuffer {
  readonly view: DataView;
  readonly bytes: Uint8Array;
}

export function slotBuffer(bytes: Uint8Array): SlotBuffer {
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) };
}

/** Writes one slot at byte `at`; `values` from index `from`. */
export function encodeSlot(
  layout: RingLayout,
  { view, bytes }: SlotBuffer,
  at: number,
  row: number,
  time: number,
  values: ArrayLike<number>,
  from: number,
): void {
  view.setFloat64(at, time, true);
  view.setUint32(at + 8, row, true);
  for (let c = 0; c < layout.columns; c++) view.setFloat32(at + 16 + 4 * c, values[from + c], true);
  view.setUint32(at + 12, slotSum(layout, bytes, at), true);
}

/** The row number in a slot, or 0 when it is empty, torn or damaged. */
export function slotRow(layout: RingLayout, { view, bytes }: SlotBuffer, at: number): number {
  return view.getUint32(at + 12, true) === slotSum(layout, bytes, at) ? view.getUint32(at + 8, true) : 0;
}

function slotSum(layout: RingLayout, bytes: Uint8Array, at: number): number {
  return crc32(bytes, at + 16, at + 16 + 4 * layout.columns, crc32(bytes, at, at + 12));
}

function headerSum(bytes: Uint8Array, jsonLength: number): number {
  return crc32(bytes, FIXED, FIXED + jsonLength, crc32(bytes, 0, 40));
}

function namesHash(features: readonly string[]): number {
  return crc32(new TextEncoder().encode(JSON.stringify(features)));
}

function align(bytes: number): number {
  return Math.ceil(bytes / 8) * 8;
}
