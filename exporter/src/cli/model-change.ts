/** Changes to stored models from the command line, with or without an exporter that has the storage folder. */
import type { Observer } from '../flow.ts';
import { acquireLock, FolderLockedError } from '../store/lock.ts';
import type { Pin } from '../training/model-manifest.ts';
import { openModelStore, type ModelStore } from '../training/model-store.ts';
import { join } from 'node:path';

/** Warnings go to standard error; nobody counts here. */
export const commandObserver: Observer = {
  log: {
    debug() {},
    info() {},
    warn: (message) => void process.stderr.write(`netpulse: ${message}\n`),
    error: (message) => void process.stderr.write(`netpulse: ${message}\n`),
  },
  count() {},
};

/**
 * Runs `change` with the models of a storage folder. While nobody else has the folder it is locked, so that no exporter starts in the middle; beside a running
 * exporter the change is made on disk, and the second result says what makes the exporter take it up.
 */
export async function changeModels<T>(
  storage: string,
  change: (store: ModelStore) => Promise<T>,
): Promise<{ result: T; advice: string | undefined }> {
  const lock = await acquireLock(storage, { observer: commandObserver }).catch((error: unknown) => {
    if (error instanceof FolderLockedError) return error;
    throw error;
  });
  const beside = lock instanceof FolderLockedError;
  try {
    const result = await change(openModelStore(join(storage, 'models'), commandObserver, { cleanUp: false }));
    return { result, advice: beside ? adviceFor(lock) : undefined };
  } finally {
    if (!beside) lock.release();
  }
}

function adviceFor({ pid }: FolderLockedError): string {
  const signal = pid === undefined ? 'send it SIGHUP' : `kill -HUP ${pid}`;
  return `an exporter is running on this storage; it takes this up when it reloads: ${signal}, or POST /-/reload`;
}

/** From now on; undefined for no time at all. */
export function pinFor(ms: number): Pin | undefined {
  const at = Date.now();
  return ms > 0 ? { at, until: at + ms } : undefined;
}
