/** A training worker: one job, one answer, then it is ended by who started it. */
import { parentPort, workerData } from 'node:worker_threads';
import { createDetector } from '../detectors/registry.ts';
import type { FitProgress } from '../flow.ts';
import { fitHeldOut } from './fit.ts';
import type { FitJob, StoredFitJob, WorkerMessage } from './job.ts';
import { readStoredRows } from './stored-rows.ts';
import { currentThread } from './thread-time.ts';

/** progress that comes faster than this is not told, but for the last of it */
const TELL_MS = 100;

const port = parentPort;
if (!port) throw new Error('the training worker is started by the exporter, not by hand');
const tell = (message: WorkerMessage, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);
let told = -Infinity;
const onProgress = (progress: FitProgress) => {
  const now = performance.now();
  if (now - told < TELL_MS && progress.share < 1) return;
  told = now;
  tell({ progress });
};
const given = workerData as FitJob | StoredFitJob;
try {
  const thread = currentThread();
  if (thread !== undefined) tell({ thread });
  const detector = createDetector(given.detector, given.options ?? {});
  const result = fitHeldOut(detector, 'file' in given ? readStoredRows(given) : given, onProgress);
  tell({ result }, [result.model, result.unseen.buffer as ArrayBuffer]);
} catch (error) {
  tell({ error: (error as Error).message });
}
