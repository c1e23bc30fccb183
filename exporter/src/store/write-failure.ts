/** Why a write failed, as operators and the label `reason` of `store_errors_total` know it. */
export type WriteFailure = 'no_space' | 'read_only' | 'permission' | 'io';

const REASONS: Readonly<Record<string, WriteFailure>> = {
  ENOSPC: 'no_space',
  EDQUOT: 'no_space',
  EROFS: 'read_only',
  EACCES: 'permission',
  EPERM: 'permission',
};

const SENTENCES: Readonly<Record<WriteFailure, string>> = {
  no_space: 'no space is left there; free some, or choose another folder with --storage.path',
  read_only: 'the file system is read-only; mount it writable, or choose another folder with --storage.path',
  permission:
    'permission denied; give the folder to the user that runs netpulse, or choose another one with --storage.path',
  io: 'the system reported an error; check the disk, or choose another folder with --storage.path',
};

/** What is there after the failure. */
const LEFT = {
  'old file': '; the file that was there before is unchanged',
  'new file': '; the new content is in place but may not survive a power cut',
  nothing: '',
} as const;

export function writeFailure(error: unknown): WriteFailure {
  return REASONS[(error as NodeJS.ErrnoException | undefined)?.code ?? ''] ?? 'io';
}

/** A file could not be written. `cause` is the system's error. */
export class WriteFailedError extends Error {
  readonly path: string;
  readonly reason: WriteFailure;

  constructor(path: string, cause: unknown, left: keyof typeof LEFT = 'old file') {
    const reason = writeFailure(cause);
    const code = (cause as NodeJS.ErrnoException | undefined)?.code ?? String(cause);
    super(`cannot write ${path} (${code}): ${SENTENCES[reason]}${LEFT[left]}`, { cause });
    this.name = 'WriteFailedError';
    this.path = path;
    this.reason = reason;
  }
}

/** The reason of a failed write, whether the system's error was wrapped already or not. */
export function reasonOf(error: unknown): WriteFailure {
  return error instanceof WriteFailedError ? error.reason : writeFailure(error);
}
