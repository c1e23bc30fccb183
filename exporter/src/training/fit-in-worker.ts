/** Fits in a thread of its own, so that scoring never waits; the thread and its memory are gone afterwards. */
import { Worker, type ResourceLimits } from 'node:worker_threads';
import type { FitJob, FitResult, WorkerMessage } from './job.ts';

export interface FitInWorkerOptions {
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  readonly resourceLimits?: ResourceLimits;
  onProgress(share: number): void;
}

/** Rejects when the fit fails, crashes, takes too long, runs out of memory or is cancelled. The job's arrays belong to the worker afterwards. */
export async function fitInWorker(workerUrl: URL, job: FitJob, options: FitInWorkerOptions): Promise<FitResult> {
  const { signal, timeoutMs, onProgress, resourceLimits } = options;
  signal.throwIfAborted();
  const worker = new Worker(workerUrl, {
    workerData: job,
    transferList: [job.values.buffer, job.time.buffer, job.segment.buffer] as ArrayBuffer[],
    resourceLimits,
  });
  let timer: NodeJS.Timeout | undefined;
  let cancel: () => void = () => {};
  try {
    return await new Promise<FitResult>((resolve, reject) => {
      cancel = () => reject(new Error(`the fit of ${job.detector} was cancelled`));
      signal.addEventListener('abort', cancel, { once: true });
      timer = setTimeout(
        () => reject(new Error(`the fit of ${job.detector} took longer than ${timeoutMs / 1000} s`)),
        timeoutMs,
      );
      worker.on('message', (message: WorkerMessage) => {
        if ('progress' in message) onProgress(message.progress);
        else if ('result' in message) resolve(message.result);
        else reject(new Error(message.error));
      });
      worker.on('error', (error) =>
        reject(new Error(`the fit of ${job.detector} crashed: ${error.message}`, { cause: error })),
      );
      worker.on('exit', (code) => reject(new Error(`the training worker ended with code ${code} and no model`)));
    });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', cancel);
    await worker.terminate();
  }
}
