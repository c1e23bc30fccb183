/** The text of a file or of the standard input, piece by piece: gzip is told by its first bytes, whatever the file is called, and a byte order mark is dropped. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { TableError } from './table-error.ts';

/** What stands for the standard input. */
export const STANDARD_INPUT = '-';

/** First bytes of what a table is sometimes packed in. */
const PACKED: readonly [string, readonly number[]][] = [
  ['a zip archive', [0x50, 0x4b, 0x03, 0x04]],
  ['packed with xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a]],
  ['packed with zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['packed with bzip2', [0x42, 0x5a, 0x68]],
  ['Parquet', [0x50, 0x41, 0x52, 0x31]],
];
const LONGEST_START = 5;

/** How messages call an input. */
export function nameOf(path: string): string {
  return path === STANDARD_INPUT ? 'standard input' : path;
}

/** Opens nothing before it is iterated, and closes what it opened when the reader stops early. Throws a `TableError` for what is not text. */
export async function* readText(path: string): AsyncGenerator<string> {
  const file = nameOf(path);
  yield* decode(file, unpack(file, await open(path, file)));
}

/** As `readText`, of bytes that come from elsewhere. */
export async function* decodeText(file: string, bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  yield* decode(file, unpack(file, bytes));
}

async function open(path: string, file: string): Promise<AsyncIterable<Uint8Array>> {
  if (path === STANDARD_INPUT) return process.stdin;
  try {
    if ((await stat(path)).isDirectory()) throw new TableError(file, 'is a folder; name a file in it');
  } catch (error) {
    if (error instanceof TableError) throw error;
    throw new TableError(file, reason(error as NodeJS.ErrnoException));
  }
  return createReadStream(path);
}

function reason(error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT') return 'there is no such file';
  if (error.code === 'EACCES') return 'it may not be read (permission denied)';
  return `cannot be read: ${error.message}`;
}

async function* unpack(file: string, bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const source = bytes[Symbol.asyncIterator]();
  let start = new Uint8Array(0);
  let ended = false;
  const next = async () => {
    try {
      return await source.next();
    } catch (error) {
      throw new TableError(file, reason(error as NodeJS.ErrnoException));
    }
  };
  // a pipe may hand over its first line only: no more is waited for than a first line has
  while (start.length < LONGEST_START && !ended && !start.includes(0x0a)) {
    const { value, done } = await next();
    if (done) ended = true;
    else start = Buffer.concat([start, value]);
  }
  async function* all(): AsyncGenerator<Uint8Array> {
    try {
      if (start.length > 0) yield start;
      while (!ended) {
        const { value, done } = await next();
        if (done) break;
        yield value;
      }
    } finally {
      await source.return?.();
    }
  }
  for (const [what, magic] of PACKED) {
    if (magic.every((byte, i) => start[i] === byte))
      throw new TableError(file, `is ${what}, which is not read; unpack it first (gzip may stay)`);
  }
  if (!(start[0] === 0x1f && start[1] === 0x8b)) {
    yield* all();
    return;
  }
  const gunzip = createGunzip();
  // its failure arrives where the output is read
  pipeline(Readable.from(all()), gunzip, () => {});
  try {
    for await (const chunk of gunzip) yield chunk as Uint8Array;
  } catch (error) {
    if (error instanceof TableError) throw error;
    throw new TableError(file, `the gzip data is damaged or cut short (${(error as Error).message})`);
  } finally {
    gunzip.destroy();
  }
}

async function* decode(file: string, bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let offset = 0;
  const text = (chunk?: Uint8Array) => {
    let decoded: string;
    try {
      decoded = chunk ? decoder.decode(chunk, { stream: true }) : decoder.decode();
    } catch {
      throw new TableError(
        file,
        `is not UTF-8 text (after byte ${offset}); convert it, for example with: iconv -f ISO-8859-1 -t UTF-8`,
      );
    }
    if (decoded.includes('\0')) throw new TableError(file, `is not text: a zero byte follows byte ${offset}`);
    offset += chunk?.length ?? 0;
    return decoded;
  };
  for await (const chunk of bytes) {
    const decoded = text(chunk);
    if (decoded !== '') yield decoded;
  }
  const rest = text();
  if (rest !== '') yield rest;
}
