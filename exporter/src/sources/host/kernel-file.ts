/**
 * Files of /proc that are read every second: opened once, read again from offset 0 into one shared buffer (the kernel prints them anew then).
 * A file that cannot be read or understood is counted and logged when that begins and logged when it ends, not each second.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import type { Observer } from '../../flow.ts';
import type { Cursor } from './cursor.ts';

/** Larger files are cut here and so count as malformed: a tick must stay short, whatever the kernel prints. */
const MAXIMUM_BYTES = 8 << 20;

export interface KernelFile {
  readonly path: string;
  /** Reads the file and lets `parse` have it; true when that went well. `parse` tells whether it understood the content. */
  parse(parse: (cursor: Cursor) => boolean): boolean;
  /** Up to `length` bytes from `position` into `target` at `offset`: their number, 0 at the end, -1 when unreadable. */
  readAt(target: Buffer, offset: number, length: number, position: number): number;
}

export interface KernelFiles {
  /** `optional`: may be absent in this kernel, which is then said once and not counted. */
  file(path: string, optional?: boolean): KernelFile;
  /** Opens every file again: finds those that came back, were replaced, or are gone though their descriptor lives on. */
  reopen(): void;
  close(): void;
}

type State = 'unopened' | 'absent' | 'ok' | 'unreadable' | 'malformed';

export function kernelFiles(monitor: string, observer: Observer): KernelFiles {
  const cursor: Cursor = { bytes: Buffer.allocUnsafe(16 << 10), at: 0, end: 0 };
  const reopeners: (() => void)[] = [];
  const closers: (() => void)[] = [];

  function file(path: string, optional = false): KernelFile {
    let descriptor = -1;
    let state: State = 'unopened';

    function become(next: State, cause?: unknown): void {
      if (next === state) return;
      const before = state;
      state = next;
      if (next === 'ok') {
        if (before === 'unreadable' || before === 'malformed')
          observer.log.info('kernel file is readable again', { monitor, path });
      } else if (next === 'absent') {
        observer.log.info('this kernel does not have the file, its features stay empty', { monitor, path });
      } else if (next === 'unreadable' || next === 'malformed') {
        observer.count('source_errors_total', { monitor, reason: next });
        observer.log.warn(`kernel file is ${next}, its features are missing`, { monitor, path, error: message(cause) });
      }
    }

    function failed(cause: unknown): void {
      const never = optional && (state === 'unopened' || state === 'absent');
      become(never && ABSENT.has((cause as NodeJS.ErrnoException).code ?? '') ? 'absent' : 'unreadable', cause);
    }

    function close(): void {
      if (descriptor >= 0) closeSync(descriptor);
      descriptor = -1;
    }

    function open(): void {
      try {
        const opened = openSync(path, 'r');
        close();
        descriptor = opened;
      } catch (error) {
        // out of descriptors: the one we hold is as good as a new one
        if (descriptor >= 0 && OUT_OF_DESCRIPTORS.has((error as NodeJS.ErrnoException).code ?? '')) return;
        close();
        failed(error);
      }
    }

    function readAt(target: Buffer, offset: number, length: number, position: number): number {
      if (descriptor < 0) return -1;
      try {
        const got = readSync(descriptor, target, offset, length, position);
        if (state !== 'ok' && state !== 'malformed') become('ok');
        return got;
      } catch (error) {
        close();
        failed(error);
        return -1;
      }
    }

    reopeners.push(open);
    closers.push(close);
    open();
    return {
      path,
      readAt,
      parse(parse) {
        let end = 0;
        for (;;) {
          if (end === cursor.bytes.length) {
            if (end >= MAXIMUM_BYTES) break;
            const larger = Buffer.allocUnsafe(end * 2);
            cursor.bytes.copy(larger, 0, 0, end);
            cursor.bytes = larger;
          }
          const got = readAt(cursor.bytes, end, cursor.bytes.length - end, end);
          if (got < 0) return false;
          if (got === 0) break;
          end += got;
        }
        cursor.at = 0;
        cursor.end = end;
        const understood = end < MAXIMUM_BYTES && parse(cursor);
        become(understood ? 'ok' : 'malformed');
        return understood;
      },
    };
  }

  return {
    file,
    reopen() {
      for (const reopen of reopeners) reopen();
    },
    close() {
      for (const close of closers) close();
    },
  };
}

/** EOPNOTSUPP: pressure stall information is compiled in but switched off at boot. */
const ABSENT = new Set(['ENOENT', 'ENOTDIR', 'EOPNOTSUPP', 'ENOTSUP']);
const OUT_OF_DESCRIPTORS = new Set(['EMFILE', 'ENFILE']);

function message(cause: unknown): string | undefined {
  return cause instanceof Error ? cause.message : undefined;
}
