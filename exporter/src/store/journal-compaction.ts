import { close, fdatasync, open, read, renameSync, write } from 'node:fs';
import { promisify } from 'node:util';
import type { Entry, PlacedLine } from './incident-index.ts';
import { HEADER, joinLine } from './journal-line.ts';
import { discard, temporaryFor } from './replace-file.ts';

const openFile = promisify(open);
const closeFile = promisify(close);
const readFile = promisify(read);
const writeFile = promisify(write);
const syncFile = promisify(fdatasync);

const WRITE_BYTES = 256 * 1024;

export interface Compacted {
  /** of the new file, which is in place */
  readonly fd: number;
  readonly size: number;
  /** Points the entries to the new file; to be called in the same tick as the descriptor is exchanged. */
  adopt(): void;
}

/**
 * Rewrites the journal at `path` with one line for each entry: its latest state and its recording. To be called while no line waits to be written; lines that
 * are appended meanwhile have to stay in memory until this is over. Rejects with the old file in place.
 */
export async function compactJournal(path: string, from: number, entries: readonly Entry[]): Promise<Compacted> {
  // as they are now, all of them in the file; events may replace them while we read
  const sources = entries.map((entry) => ({ entry, latest: entry.latest, recorded: entry.recorded }));
  const temporary = temporaryFor(path);
  const fd = await openFile(temporary, 'wx+', 0o600);
  try {
    const moves: { entry: Entry; latest: PlacedLine; recorded: PlacedLine | undefined; to: PlacedLine }[] = [];
    let pending: Buffer[] = [HEADER];
    let pendingBytes = HEADER.length;
    let size = 0;
    const flush = async () => {
      const bytes = Buffer.concat(pending);
      await writeAll(fd, bytes, size);
      size += bytes.length;
      pending = [];
      pendingBytes = 0;
    };
    for (const { entry, latest, recorded } of sources) {
      const incident = await readPart(from, latest.offset + latest.incidentStart, latest.offset + latest.incidentEnd);
      const frames =
        recorded &&
        (await readPart(from, recorded.offset + recorded.framesStart, recorded.offset + recorded.framesEnd));
      const { bytes, ...parts } = joinLine(latest.type, incident, frames);
      const to: PlacedLine = { ...parts, offset: size + pendingBytes, length: bytes.length, bytes: undefined };
      moves.push({ entry, latest, recorded, to });
      pending.push(bytes);
      pendingBytes += bytes.length;
      if (pendingBytes >= WRITE_BYTES) await flush();
    }
    await flush();
    await syncFile(fd);
    renameSync(temporary, path);
    return {
      fd,
      size,
      adopt() {
        for (const { entry, latest, recorded, to } of moves) {
          if (entry.latest === latest) entry.latest = to;
          if (entry.recorded === recorded && recorded) entry.recorded = to;
        }
      },
    };
  } catch (error) {
    await closeFile(fd);
    discard(temporary);
    throw error;
  }
}

async function readPart(fd: number, from: number, to: number): Promise<Buffer> {
  const part = Buffer.allocUnsafe(to - from);
  for (let done = 0; done < part.length;) {
    const { bytesRead } = await readFile(fd, part, done, part.length - done, from + done);
    if (bytesRead === 0) throw new Error('the journal ends inside an incident');
    done += bytesRead;
  }
  return part;
}

async function writeAll(fd: number, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await writeFile(fd, bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}
