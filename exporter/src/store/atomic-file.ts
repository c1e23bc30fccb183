/**
 * One payload in one file, replaced as a whole, that is recognised as ours and intact before anybody reads it.
 *
 * Layout, little endian, the payload at a multiple of 8:
 *
 *      0  magic      89 'NPFILE' 0a
 *      8  u16        version of this layout (1)
 *     10  u16        bytes of the kind
 *     12  u32        format version of the payload
 *     16  u64        bytes of the payload
 *     24  32 bytes   SHA-256 of the payload
 *     56  kind       UTF-8, padded with 0 to a multiple of 8
 *      …  payload
 */
import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { replaceFile, replaceFileSync } from './replace-file.ts';
import { refuse, type Refusal } from './refused-file.ts';

const MAGIC = Uint8Array.of(0x89, 0x4e, 0x50, 0x46, 0x49, 0x4c, 0x45, 0x0a);
const LAYOUT = 1;
const FIXED = 56;
const LONGEST_KIND = 255;

/**
 * Writes the payload under its kind (`model`, `calibration` …) and the version of the payload's own format, 0..2^32-1. Resolves when it is on disk. The
 * payload must not change until then. Rejects with `WriteFailedError`, the old file intact.
 */
export async function writeAtomic(path: string, kind: string, version: number, payload: Uint8Array): Promise<void> {
  await replaceFile(path, [headerOf(kind, version, payload), payload]);
}

/** The same at once, for the end of the process. It overtakes asynchronous writes of the same path. */
export function writeAtomicSync(path: string, kind: string, version: number, payload: Uint8Array): void {
  replaceFileSync(path, [headerOf(kind, version, payload), payload]);
}

/**
 * The payload (its own buffer, offset 0), or undefined when there is no file. A file that is not ours, of another kind or version, or damaged is set aside
 * and `RefusedFileError` thrown; a file that the system will not give us throws an Error and stays.
 */
export function readAtomic(path: string, kind: string, version: number): Uint8Array<ArrayBuffer> | undefined {
  const found = inspect(path, kind, version);
  if (found === undefined || found instanceof Uint8Array) return found;
  throw refuse(path, found.reason, found.wrong);
}

/** SHA-256 as hex, as in the header. */
export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

interface Fault {
  readonly reason: Refusal;
  readonly wrong: string;
}

function headerOf(kind: string, version: number, payload: Uint8Array): Uint8Array {
  const name = new TextEncoder().encode(kind);
  if (name.length === 0 || name.length > LONGEST_KIND) {
    throw new RangeError(`kind of a state file must have 1..${LONGEST_KIND} bytes, got "${kind}"`);
  }
  if (!Number.isInteger(version) || version < 0 || version > 0xffffffff) {
    throw new RangeError(`format version of a state file must be an integer 0..2^32-1, got ${version}`);
  }
  const header = new Uint8Array(headerBytes(name.length));
  const view = new DataView(header.buffer);
  header.set(MAGIC);
  view.setUint16(8, LAYOUT, true);
  view.setUint16(10, name.length, true);
  view.setUint32(12, version, true);
  view.setBigUint64(16, BigInt(payload.length), true);
  header.set(createHash('sha256').update(payload).digest(), 24);
  header.set(name, FIXED);
  return header;
}

function inspect(path: string, kind: string, version: number): Uint8Array<ArrayBuffer> | Fault | undefined {
  try {
    const fd = openSync(path, 'r');
    try {
      return check(fd, kind, version);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new Error(
      `cannot read ${path}: ${(error as Error).message}; check its owner and mode, or choose another folder with --storage.path`,
      { cause: error },
    );
  }
}

function check(fd: number, kind: string, version: number): Uint8Array<ArrayBuffer> | Fault {
  const { size } = fstatSync(fd);
  const head = read(fd, 0, Math.min(size, FIXED + LONGEST_KIND));
  if (!MAGIC.every((byte, i) => i >= head.length || head[i] === byte)) {
    return { reason: 'magic', wrong: 'it is not a state file of netpulse' };
  }
  if (head.length < FIXED) return { reason: 'length', wrong: `it ends after ${size} bytes, inside the header` };
  const view = new DataView(head.buffer);
  const layout = view.getUint16(8, true);
  if (layout !== LAYOUT) {
    return { reason: 'format', wrong: `its layout has version ${layout}, this netpulse reads version ${LAYOUT}` };
  }
  const kindLength = view.getUint16(10, true);
  const found = Buffer.from(head.subarray(FIXED, FIXED + kindLength)).toString();
  if (found !== kind)
    return { reason: 'kind', wrong: `it holds ${JSON.stringify(found)}, not ${JSON.stringify(kind)}` };
  const foundVersion = view.getUint32(12, true);
  if (foundVersion !== version) {
    const writer = foundVersion > version ? 'a newer netpulse wrote it' : 'an older netpulse wrote it';
    return { reason: 'version', wrong: `${writer} (format ${foundVersion}, this one reads ${version})` };
  }
  const start = headerBytes(kindLength);
  const length = view.getBigUint64(16, true);
  // before anything is allocated: a damaged length may claim any size
  if (length !== BigInt(size - start)) {
    return { reason: 'length', wrong: `it should hold ${length} bytes after the header and holds ${size - start}` };
  }
  const payload = read(fd, start, size - start);
  const digest = createHash('sha256').update(payload).digest();
  if (payload.length !== size - start || !digest.every((byte, i) => byte === head[24 + i])) {
    return { reason: 'checksum', wrong: 'its content does not match its checksum' };
  }
  return payload;
}

function headerBytes(kindLength: number): number {
  return Math.ceil((FIXED + kindLength) / 8) * 8;
}

/** Up to `length` bytes; fewer when the file ends. */
function read(fd: number, position: number, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const got = readSync(fd, bytes, done, length - done, position + done);
    if (got === 0) return bytes.slice(0, done);
    done += got;
  }
  return bytes;
}
