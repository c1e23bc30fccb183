/**
 * Replaces a file as a whole: temporary file in the same folder, fsync, rename, fsync of the folder. Whoever reads, also after kill -9 or a power
 * cut, finds the old content or the new, never a mixture. Writes to one path from this thread happen in the order they were asked for; two threads or
 * processes must not write the same path.
 */
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
  type PathLike,
} from 'node:fs';
import { mkdir, open, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { WriteFailedError } from './write-failure.ts';

/** State tells what a machine does: only its owner reads it. */
const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;

const TEMPORARY = /^\..+\.([0-9a-f]{12})-\d+\.tmp$/;
/** Tells this thread's temporary files from those of a killed one, also where every container's process has id 1. */
const OWN = randomBytes(6).toString('hex');
let written = 0;

/** Writes to one path that were asked for and are not done; `superseded` once a synchronous write went past them. */
interface Queue {
  tail: Promise<unknown>;
  waiting: number;
  superseded: boolean;
}
const queues = new Map<string, Queue>();

/**
 * Resolves when the content is on disk (or a later `replaceFileSync` of the same path is). The chunks must not change until then.
 * Missing folders are created. Rejects with `WriteFailedError`.
 */
export function replaceFile(path: string, chunks: readonly Uint8Array[]): Promise<void> {
  const target = resolve(path);
  const queue = queues.get(target) ?? { tail: Promise.resolve(), waiting: 0, superseded: false };
  queues.set(target, queue);
  queue.waiting += 1;
  const write = queue.tail.then(() => writeAndRename(target, chunks, queue));
  queue.tail = write.then(
    () => settled(target, queue),
    () => settled(target, queue),
  );
  return write;
}

/** The same at once, for the end of the process: writes of the path that are still under way are overtaken and leave no trace. */
export function replaceFileSync(path: string, chunks: readonly Uint8Array[]): void {
  const target = resolve(path);
  const temporary = temporaryFor(target);
  try {
    mkdirSync(dirname(target), { recursive: true, mode: FOLDER_MODE });
    const fd = openSync(temporary, 'wx', FILE_MODE);
    try {
      for (const chunk of chunks) writeFileSync(fd, chunk);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, target);
  } catch (error) {
    discard(temporary);
    throw new WriteFailedError(target, error);
  }
  const queue = queues.get(target);
  if (queue) {
    queue.superseded = true;
    queues.delete(target);
  }
  syncFolder(target);
}

/** Removes what killed processes left behind in a folder; returns how many files. To be called once at start, by the holder of the folder's lock. */
export function removeTemporaryFiles(folder: string): number {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
  const left = names.filter((name) => {
    const match = TEMPORARY.exec(name);
    return match !== null && match[1] !== OWN;
  });
  for (const name of left) rmSync(join(folder, name), { force: true });
  return left.length;
}

/** Makes a rename, a new or a removed file in the folder of `path` outlive a power cut. */
export function syncFolder(path: string): void {
  // a folder cannot be opened on Windows, where the rename itself is written through
  if (process.platform === 'win32') return;
  try {
    const fd = openSync(dirname(path), 'r');
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw new WriteFailedError(path, error, 'new file');
  }
}

/** A name beside `path` that `removeTemporaryFiles` recognises. */
export function temporaryFor(path: string): string {
  written += 1;
  return join(dirname(path), `.${basename(path)}.${OWN}-${written}.tmp`);
}

async function writeAndRename(target: string, chunks: readonly Uint8Array[], queue: Queue): Promise<void> {
  if (queue.superseded) return;
  const temporary = temporaryFor(target);
  try {
    await mkdir(dirname(target), { recursive: true, mode: FOLDER_MODE });
    const file = await open(temporary, 'wx', FILE_MODE);
    try {
      for (const chunk of chunks) await file.writeFile(chunk);
      await file.sync();
    } finally {
      await file.close();
    }
    if (queue.superseded) {
      await rm(temporary, { force: true });
      return;
    }
    // synchronous, so that no synchronous write can slip in between the look at `superseded` and the rename
    renameSync(temporary, target);
  } catch (error) {
    discard(temporary);
    throw new WriteFailedError(target, error);
  }
  await syncFolderLater(target);
}

/** The same off the hot path. */
export async function syncFolderLater(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  try {
    const folder = await open(dirname(path), 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  } catch (error) {
    throw new WriteFailedError(path, error, 'new file');
  }
}

function settled(target: string, queue: Queue): void {
  queue.waiting -= 1;
  if (queue.waiting === 0 && queues.get(target) === queue) queues.delete(target);
}

/** For what a failure leaves half-made. What cannot be removed now (a read-only disk) is removed at the next start; the error that led here matters more. */
export function discard(path: PathLike): void {
  try {
    rmSync(path, { force: true });
  } catch {
    return;
  }
}
