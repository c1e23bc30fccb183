import { closeSync, fstatSync, ftruncateSync, openSync } from 'node:fs';
import type { Observer } from '../flow.ts';
import type { IncidentIndex } from './incident-index.ts';
import { decodeLine, inspectHeader } from './journal-line.ts';
import { readLines } from './line-reader.ts';
import { refuse, type Refusal } from './refused-file.ts';

export interface JournalFile {
  /** undefined until there is a file */
  fd: number | undefined;
  /** end of the last whole line */
  size: number;
  /** there may be bytes of a failed write behind it */
  tornTail: boolean;
}

/** Throws when the file cannot be read; damage is counted, logged and left out, a foreign file set aside. */
export function loadJournal(path: string, index: IncidentIndex, observer: Observer): JournalFile {
  let fd: number | undefined;
  try {
    fd = openSync(path, 'r+');
    const { size, tornBytes, corrupt, refusal } = scan(fd, index);
    if (refusal) {
      closeSync(fd);
      const error = refuse(path, refusal.reason, refusal.wrong);
      observer.count('state_refused_total', { kind: 'incidents', reason: refusal.reason });
      observer.log.warn(error.message);
      return { fd: undefined, size: 0, tornTail: false };
    }
    if (tornBytes > 0) ftruncateSync(fd, size);
    report(path, observer, corrupt, tornBytes);
    return { fd, size, tornTail: false };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { fd: undefined, size: 0, tornTail: false };
    if (fd !== undefined) closeSync(fd);
    throw new Error(
      `cannot open the incident journal ${path}: ${(error as Error).message}; check its owner and mode, or choose another folder with --storage.path`,
      { cause: error },
    );
  }
}

interface Scan {
  readonly size: number;
  readonly tornBytes: number;
  readonly corrupt: number;
  readonly refusal: { readonly reason: Refusal; readonly wrong: string } | undefined;
}

function scan(fd: number, index: IncidentIndex): Scan {
  let corrupt = 0;
  let whole = 0;
  let header: 'ours' | 'newer' | 'foreign' = 'foreign';
  const size = readLines(fd, (line, offset) => {
    if (offset === 0) {
      header = inspectHeader(line);
      if (header !== 'foreign') return;
    }
    if (header === 'newer') return;
    const decoded = decodeLine(line);
    if (!decoded) {
      corrupt += 1;
      return;
    }
    whole += 1;
    index.apply(decoded.incident, { ...decoded.parts, offset, length: line.length + 1, bytes: undefined });
  });
  const tornBytes = fstatSync(fd).size - size;
  const verdict = header as 'ours' | 'newer' | 'foreign';
  if (verdict === 'newer') {
    return { size, tornBytes, corrupt, refusal: { reason: 'version', wrong: 'a newer netpulse wrote it' } };
  }
  if (verdict === 'foreign' && whole === 0 && size > 0) {
    return { size, tornBytes, corrupt, refusal: { reason: 'magic', wrong: 'it is not an incident journal' } };
  }
  return { size, tornBytes, corrupt, refusal: undefined };
}

function report(path: string, observer: Observer, corrupt: number, tornBytes: number): void {
  if (corrupt > 0) {
    observer.count('store_errors_total', { store: 'incidents', reason: 'corrupt_line' }, corrupt);
    observer.log.warn('damaged lines of the incident journal are left out', { path, lines: corrupt });
  }
  if (tornBytes > 0) {
    observer.count('store_errors_total', { store: 'incidents', reason: 'torn_line' });
    observer.log.info('the last line of the incident journal was cut off: it was not written to its end', {
      path,
      bytes: tornBytes,
    });
  }
}
