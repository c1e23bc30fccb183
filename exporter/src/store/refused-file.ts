/** Files that are damaged, foreign or of another format version: never loaded, kept aside for a look, and their content is learnt again. */
import { existsSync, renameSync, statSync } from 'node:fs';
import { basename, join, dirname } from 'node:path';

/** What is wrong, as the label `reason` of `state_refused_total`. */
export type Refusal = 'magic' | 'format' | 'kind' | 'version' | 'length' | 'checksum' | 'content';

/** More refused copies of one file than this replace the oldest. */
const KEPT = 3;

export class RefusedFileError extends Error {
  readonly path: string;
  readonly reason: Refusal;
  /** where the file is now; undefined when it could not be moved and is still in place */
  readonly movedTo: string | undefined;

  constructor(path: string, reason: Refusal, wrong: string, movedTo: string | undefined, cause?: unknown) {
    const outcome = movedTo
      ? `it is set aside as ${basename(movedTo)}`
      : 'it could not be set aside and will be overwritten';
    super(`${path} is refused: ${wrong}; ${outcome} and relearnt`, { cause });
    this.name = 'RefusedFileError';
    this.path = path;
    this.reason = reason;
    this.movedTo = movedTo;
  }
}

/** The label for whatever kept saved state from being used: a file that is intact and makes no sense is refused for its content. */
export function refusalOf(error: unknown): Refusal {
  return error instanceof RefusedFileError ? error.reason : 'content';
}

/** Moves the file to `<name>.refused-<n>`, n = 1..3, and returns the error that says so. */
export function refuse(path: string, reason: Refusal, wrong: string): RefusedFileError {
  try {
    const place = refusedName(path);
    renameSync(path, place);
    return new RefusedFileError(path, reason, wrong, place);
  } catch (error) {
    return new RefusedFileError(path, reason, wrong, undefined, error);
  }
}

function refusedName(path: string): string {
  const names = Array.from({ length: KEPT }, (_, i) => join(dirname(path), `${basename(path)}.refused-${i + 1}`));
  const free = names.find((name) => !existsSync(name));
  if (free) return free;
  // renaming keeps the time of the content and changes the time of the inode: that one tells when a file was set aside
  return names.reduce((oldest, name) => (statSync(name).ctimeMs < statSync(oldest).ctimeMs ? name : oldest));
}
