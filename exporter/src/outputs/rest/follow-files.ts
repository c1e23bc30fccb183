/**
 * A value read from files that people change while the exporter runs: certificates, users, tokens.
 * Files are looked at when the value is asked for, at most once a second, and read again only when one of them changed.
 * What cannot be read never replaces what was read before: the last good value stays, and the error is reported once.
 */
import { statSync } from 'node:fs';
import type { Clock } from '../../clock.ts';

const LOOK_EVERY_MS = 1000;

export interface Reading<T> {
  value: T;
  /** every file the value came from */
  files: readonly string[];
}

export interface FollowedFiles<T> {
  /** the last good value */
  current(): T;
}

/**
 * Reads once at once: throws what `read` throws. Later failures go to `onError` (again only when the message changes) and are retried at each look,
 * because what was missing may be a file nobody knew of before. `read` gets the value in force, undefined at first.
 */
export function followFiles<T>(
  read: (previous: T | undefined) => Reading<T>,
  clock: Clock,
  report: { onError(message: string): void; onChange(): void },
): FollowedFiles<T> {
  let reading = read(undefined);
  let prints = fingerprints(reading.files);
  let looked = clock.monotonic();
  let failure: string | undefined;
  return {
    current() {
      if (clock.monotonic() - looked < LOOK_EVERY_MS) return reading.value;
      looked = clock.monotonic();
      // taken before reading: a change during the read is seen at the next look
      const before = fingerprints(reading.files);
      const same = reading.files.every((file) => before.get(file) === prints.get(file));
      if (same && failure === undefined) return reading.value;
      try {
        reading = read(reading.value);
        prints = new Map([...fingerprints(reading.files), ...before]);
        failure = undefined;
        report.onChange();
      } catch (error) {
        const message = (error as Error).message;
        if (message !== failure) report.onError(message);
        failure = message;
      }
      return reading.value;
    },
  };
}

/** By file: changes when it is written, replaced, moved, or its permissions change. */
function fingerprints(files: readonly string[]): Map<string, string> {
  return new Map(files.map((file) => [file, fingerprint(file)]));
}

function fingerprint(file: string): string {
  try {
    const { ino, size, mtimeMs, ctimeMs } = statSync(file);
    return `${ino}:${size}:${mtimeMs}:${ctimeMs}`;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unreadable';
  }
}
