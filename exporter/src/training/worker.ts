/** A training worker: one job, one answer, then it is ended by who started it. */
import { parentPort, workerData } from 'node:worker_threads';
import { createDetector } from '../detectors/registry.ts';
import { fitHeldOut } from './fit.ts';
import type { FitJob, WorkerMessage } from './job.ts';

const port = parentPort;
if (!port) throw new Error('the training worker is started by the exporter, not by hand');
const tell = (message: WorkerMessage, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);
const job = workerData as FitJob;
try {
  const result = fitHeldOut(createDetector(job.detector), job, (progress) => tell({ progress }));
  tell({ result }, [result.model, result.unseen.buffer as ArrayBuffer]);
} catch (error) {
  tell({ error: (error as Error).message });
}
