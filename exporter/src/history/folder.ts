/** The folder of one history: which file belongs to which entity, how much there is, which files nobody writes any more. */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Observer } from '../flow.ts';
import { readRingHeader } from './ring-read.ts';
import { TEMPORARY_EXTENSION } from './ring.ts';

const EXTENSION = '.ring';
const READABLE = 40;

/** A file name for any text: a readable start and a hash, so that no two texts share one and none leaves the folder. */
export function fileName(text: string): string {
  const readable = text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .slice(0, READABLE);
  return `${readable}-${createHash('sha256').update(text).digest('hex').slice(0, 20)}`;
}

export function ringPath(home: string, entityId: string): string {
  return join(home, fileName(entityId) + EXTENSION);
}

export function makeFolder(home: string): void {
  mkdirSync(home, { recursive: true, mode: 0o700 });
}

/**
 * The entities that have a file, after files were removed that are `idleMs` older than the newest one (no clock is asked: a wrong one would cost everything).
 * A file whose header is damaged is left for its entity to set aside. Throws when the folder exists and cannot be read.
 */
export function scanFolder(home: string, idleMs: number, observer: Observer): { id: string; path: string }[] {
  let all: string[];
  try {
    all = readdirSync(home);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  for (const name of all) if (name.endsWith(EXTENSION + TEMPORARY_EXTENSION)) removeFile(join(home, name));
  const paths = all.filter((name) => name.endsWith(EXTENSION)).map((name) => join(home, name));
  const idle = idleFiles(paths, idleMs);
  for (const path of idle) removeFile(path);
  if (idle.size > 0) observer.log.info('history of entities that are gone was removed', { home, files: idle.size });
  const found: { id: string; path: string }[] = [];
  for (const path of paths.filter((path) => !idle.has(path))) {
    const header = readRingHeader(path);
    if (header && ringPath(home, header.label) === path) found.push({ id: header.label, path });
    else observer.log.warn('history file is damaged or was renamed, it is not read', { path });
  }
  return found;
}

export function idleFiles(paths: readonly string[], idleMs: number): Set<string> {
  const times = paths.map((path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? -Infinity);
  const newest = times.reduce((a, b) => Math.max(a, b), -Infinity);
  return new Set(paths.filter((_, i) => newest - times[i] > idleMs));
}

/** With what was set aside of it. */
export function removeFile(path: string): void {
  rmSync(path, { force: true });
  rmSync(`${path}.old`, { force: true });
}

/** Of a file and what was set aside of it. */
export function sizeOf(path: string): number {
  return [path, `${path}.old`].reduce((sum, file) => sum + (statSync(file, { throwIfNoEntry: false })?.size ?? 0), 0);
}
