/**
 * Asks mounts for their fill, one at a time, away from the main thread: statfs on a dead mount never returns. Synchronous on purpose, the asynchronous call
 * would block one of the few threads that all file access of the process shares.
 */
import { statfsSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import type { StatfsAnswer, StatfsQuestion } from './statfs-client.ts';

/** Says that questions are read from now on: the client's timeout is for mounts, not for a slow start. */
const READY: StatfsAnswer = { id: 0, error: '' };

const port = parentPort;
if (!port) throw new Error('statfs-worker runs as a worker thread only');
port.on('message', ({ id, path }: StatfsQuestion) => {
  let answer: StatfsAnswer;
  try {
    const { blocks, bfree, bavail, files, ffree } = statfsSync(path);
    answer = { id, blocks, free: bfree, available: bavail, files, filesFree: ffree };
  } catch (error) {
    answer = { id, error: (error as NodeJS.ErrnoException).code ?? String(error) };
  }
  port.postMessage(answer);
});
port.postMessage(READY);
