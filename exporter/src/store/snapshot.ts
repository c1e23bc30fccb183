/**
 * State as one buffer: JSON beside named typed arrays, the arrays bit for bit (NaN payloads and -0 included). The JSON has JSON's limits: a NaN in `meta`
 * comes back as null, so numbers that may be missing belong into an array.
 *
 * Layout, in the machine's byte order, every array at a multiple of 8:
 *
 *      0  magic      'NPSNAP' 0 0
 *      8  u32        0x01020304 as the writing machine stores it
 *     12  u32        version of this layout (1)
 *     16  f64        bytes of the whole snapshot
 *     24  u32        bytes of the JSON, then u32 0
 *     32  JSON       {"meta": …, "arrays": [[name, type, offset, length] …]}, offsets in bytes from the end of the padded JSON
 *      …  arrays
 */
import { isUtf8 } from 'node:buffer';
const MAGIC = Uint8Array.of(0x4e, 0x50, 0x53, 0x4e, 0x41, 0x50, 0, 0);
const BYTE_ORDER = 0x01020304;
const LAYOUT = 1;
const FIXED = 32;

const TYPES = {
  Float64Array,
  Float32Array,
  BigInt64Array,
  BigUint64Array,
  Int32Array,
  Uint32Array,
  Int16Array,
  Uint16Array,
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
} as const;
type TypeName = keyof typeof TYPES;

export type TypedArray = InstanceType<(typeof TYPES)[TypeName]>;

export interface Snapshot {
  readonly meta: unknown;
  /** views of the decoded buffer */
  readonly arrays: Record<string, TypedArray>;
}

/** Throws on a `meta` that JSON cannot hold. */
export function encodeSnapshot(meta: unknown, arrays: Readonly<Record<string, TypedArray>>): Uint8Array<ArrayBuffer> {
  const metaJson = JSON.stringify(meta) as string | undefined;
  if (metaJson === undefined) throw new TypeError(`snapshot: meta is not JSON: ${String(meta)}`);
  let offset = 0;
  const placed = Object.entries(arrays).map(([name, array]) => {
    // the tag and not instanceof: arrays from a worker or a test runner have constructors of their own
    const type = array[Symbol.toStringTag];
    if (!Object.hasOwn(TYPES, type)) throw new TypeError(`snapshot: ${name} is no typed array`);
    const at = offset;
    offset += align(array.byteLength);
    return { name, type, at, array };
  });
  const table = JSON.stringify(placed.map(({ name, type, at, array }) => [name, type, at, array.length]));
  const json = new TextEncoder().encode(`{"meta":${metaJson},"arrays":${table}}`);
  const start = FIXED + align(json.length);
  const bytes = new Uint8Array(start + offset);
  bytes.set(MAGIC);
  new Uint32Array(bytes.buffer, 8, 2).set([BYTE_ORDER, LAYOUT]);
  new Float64Array(bytes.buffer, 16, 1)[0] = bytes.length;
  new Uint32Array(bytes.buffer, 24, 1)[0] = json.length;
  bytes.set(json, FIXED);
  for (const { at, array } of placed) {
    bytes.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), start + at);
  }
  return bytes;
}

/** The arrays are views of `bytes` (of a copy when `bytes` does not start at a multiple of 8). Throws on anything that `encodeSnapshot` did not write. */
export function decodeSnapshot(bytes: Uint8Array): Snapshot {
  if (bytes.length < FIXED) throw new Error(`snapshot: ${bytes.length} bytes are too few to be one`);
  if (!MAGIC.every((byte, i) => bytes[i] === byte)) throw new Error('snapshot: the bytes are not a snapshot');
  const aligned = bytes.byteOffset % 8 === 0 ? bytes : bytes.slice();
  const { buffer, byteOffset } = aligned;
  const [order, layout] = new Uint32Array(buffer, byteOffset + 8, 2);
  if (order !== BYTE_ORDER) throw new Error('snapshot: it was written on a machine of another byte order');
  if (layout !== LAYOUT) throw new Error(`snapshot: its layout has version ${layout}, this reads version ${LAYOUT}`);
  const total = new Float64Array(buffer, byteOffset + 16, 1)[0];
  if (total !== bytes.length) throw new Error(`snapshot: it should have ${total} bytes and has ${bytes.length}`);
  const jsonLength = new Uint32Array(buffer, byteOffset + 24, 1)[0];
  const start = FIXED + align(jsonLength);
  if (start > bytes.length) throw new Error(`snapshot: its JSON of ${jsonLength} bytes does not fit into it`);
  const { meta, arrays } = parse(aligned.subarray(FIXED, FIXED + jsonLength));
  return {
    meta,
    arrays: Object.fromEntries(
      arrays.map(([name, type, at, length]) => {
        const Type = TYPES[type];
        const from = start + at;
        if (at % 8 !== 0 || from + length * Type.BYTES_PER_ELEMENT > bytes.length) {
          throw new Error(`snapshot: array ${JSON.stringify(name)} lies outside it`);
        }
        return [name, new Type(buffer as ArrayBuffer, byteOffset + from, length)];
      }),
    ),
  };
}

function parse(json: Uint8Array): { meta: unknown; arrays: [string, TypeName, number, number][] } {
  let parsed: unknown;
  try {
    if (!isUtf8(json)) throw new Error('it is not UTF-8');
    parsed = JSON.parse(Buffer.from(json.buffer, json.byteOffset, json.byteLength).toString());
  } catch (error) {
    throw new Error('snapshot: its JSON is damaged', { cause: error });
  }
  const { meta, arrays } = (parsed ?? {}) as { meta?: unknown; arrays?: unknown };
  if (meta === undefined || !Array.isArray(arrays) || !arrays.every(isPlacement)) {
    throw new Error('snapshot: its JSON is not that of a snapshot');
  }
  return { meta, arrays };
}

function isPlacement(entry: unknown): entry is [string, TypeName, number, number] {
  if (!Array.isArray(entry)) return false;
  const [name, type, at, length] = entry as unknown[];
  return (
    typeof name === 'string' &&
    typeof type === 'string' &&
    Object.hasOwn(TYPES, type) &&
    [at, length].every((number) => Number.isSafeInteger(number) && (number as number) >= 0)
  );
}

function align(bytes: number): number {
  return Math.ceil(bytes / 8) * 8;
}
