/** Fits in a thread of its own, so that scoring never waits; the thread and its memory are gone afterwards. */
import { Worker, type ResourceLimits } from 'node:worker_threads';
import type { FitProgress } from '../flow.ts';
import type { FitJob, FitResult, StoredFitJob, WorkerMessage } from './job.ts';
import { threadSeconds } from './thread-time.ts';

/** how often the CPU time of the worker is looked at */
const LOOK_MS = 1000;

export interface FitInWorkerOptions {
  readonly signal: AbortSignal;
  /** on the clock on the wall */
  readonly timeoutMs: number;
  /** CPU time of the fit, where the system tells it; default: as long as it likes */
  readonly mostCpuSeconds?: number;
  readonly resourceLimits?: ResourceLimits;
  onProgress(progress: FitProgress): void;
}

/** What the fit cost. */
export interface FitCost {
  /** on the clock on the wall */
  readonly seconds: number;
  /** undefined where the system does not tell */
  readonly cpuSeconds: number | undefined;
}

/** Rejects when the fit fails, crashes, takes too long, runs out of memory or is cancelled. The job's arrays belong to the worker afterwards. */
export async function fitInWorker(
  workerUrl: URL,
  job: FitJob | StoredFitJob,
  options: FitInWorkerOptions,
): Promise<FitResult & FitCost> {
  const { signal, timeoutMs, mostCpuSeconds = Infinity, onProgress, resourceLimits } = options;
  signal.throwIfAborted();
  const started = performance.now();
  const worker = new Worker(workerUrl, { workerData: job, transferList: transferable(job), resourceLimits });
  let timer: NodeJS.Timeout | undefined;
  let looking: NodeJS.Timeout | undefined;
  let cancel: () => void = () => {};
  let thread: number | undefined;
  const cpuSeconds = () => (thread === undefined ? undefined : threadSeconds(thread));
  try {
    return await new Promise<FitResult & FitCost>((resolve, reject) => {
      cancel = () => reject(new Error(`the fit of ${job.detector} was cancelled`));
      signal.addEventListener('abort', cancel, { once: true });
      const tooLong = (what: string) => reject(new Error(`the fit of ${job.detector} took longer than ${what}`));
      timer = setTimeout(() => tooLong(`${timeoutMs / 1000} s`), timeoutMs);
      looking = setInterval(() => {
        if ((cpuSeconds() ?? 0) > mostCpuSeconds) tooLong(`${mostCpuSeconds} s of CPU time`);
      }, LOOK_MS);
      worker.on('message', (message: WorkerMessage) => {
        if ('thread' in message) thread = message.thread;
        else if ('progress' in message) onProgress(message.progress);
        else if ('result' in message)
          resolve({ ...message.result, seconds: (performance.now() - started) / 1000, cpuSeconds: cpuSeconds() });
        else reject(new Error(message.error));
      });
      worker.on('error', (error) =>
        reject(new Error(`the fit of ${job.detector} crashed: ${error.message}`, { cause: error })),
      );
      worker.on('exit', (code) => reject(new Error(`the training worker ended with code ${code} and no model`)));
    });
  } finally {
    clearTimeout(timer);
    clearInterval(looking);
    signal.removeEventListener('abort', cancel);
    await worker.terminate();
  }
}

function transferable(job: FitJob | StoredFitJob): ArrayBuffer[] {
  const buffers = 'file' in job ? [] : [job.values.buffer, job.time.buffer, job.segment.buffer];
  return [...buffers, ...(job.inForce ? [job.inForce.model] : [])] as ArrayBuffer[];
}
