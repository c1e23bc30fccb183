/** Where commands write rows to: a file or the standard output, as fast as the reader takes them and no faster. */
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import type { Writable } from 'node:stream';

export interface Output {
  /** Resolves when more can be written. Rejects when the output has failed; a closed pipe has the code EPIPE. */
  write(text: string): Promise<void>;
  /** Resolves when everything is in the file. Rejects when it is not. */
  close(): Promise<void>;
}

/** `path`: undefined or `-` is the standard output. */
export function openOutput(path: string | undefined): Output {
  const standard = path === undefined || path === '-';
  const out: Writable = standard ? process.stdout : createWriteStream(path);
  const failures: Error[] = [];
  out.on('error', (error: Error) => failures.push(error));
  const check = () => {
    for (const failure of failures) throw failure;
  };
  return {
    async write(text) {
      check();
      if (!out.write(text)) await writable(out);
      check();
    },
    async close() {
      if (!standard) {
        out.end();
        if (!out.closed) await once(out, 'close');
      } else if (out.writableLength > 0) {
        await new Promise<void>((resolve) => out.write('', () => resolve()));
      }
      check();
    },
  };
}

/** Resolves when the output takes more, or has failed or closed. */
function writable(out: Writable): Promise<void> {
  return new Promise((resolve) => {
    const events = ['drain', 'error', 'close'];
    const done = () => {
      for (const event of events) out.off(event, done);
      resolve();
    };
    for (const event of events) out.on(event, done);
  });
}
