/** One fit of one subject in a worker, and what is to be remembered of it. */
import type { Clock } from '../clock.ts';
import type { FitProgress } from '../flow.ts';
import { fitInWorker, type FitCost } from '../training/fit-in-worker.ts';
import type { FitResult, ModelInForce } from '../training/job.ts';
import type { ModelFacts } from '../training/model-manifest.ts';
import { rowsFor } from './trainer-rows.ts';
import { detectorOf, optionsOf, type Subject } from './trainer-subject.ts';

/** detectors end their training after 300 s by themselves; this ends what does not, and the second what gets no time on its machine */
const MOST_CPU_SECONDS = 360;
const TIMEOUT_MS = 1_800_000;
const DAY_MS = 86_400_000;

export interface FitContext {
  readonly workerUrl: URL;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** rows there are, as the schedule counts them */
  readonly historyRows: number;
  readonly inForce: ModelInForce | undefined;
  onProgress(progress: FitProgress): void;
}

/** Rejects when the fit fails, takes too long, runs out of memory or is cancelled. */
export async function fitSubject(
  subject: Subject,
  { workerUrl, clock, signal, historyRows, inForce, onProgress }: FitContext,
): Promise<{ result: FitResult; facts: ModelFacts }> {
  const { config, member } = subject;
  const features = member.group.columns;
  const options = optionsOf(subject);
  const job = {
    ...(await rowsFor(subject)),
    detector: detectorOf(subject).name,
    options,
    features,
    seed: config.seed,
    rowsPerDay: DAY_MS / config.stepMs,
    inForce,
  };
  const result = await fitInWorker(workerUrl, job, {
    signal,
    timeoutMs: TIMEOUT_MS,
    mostCpuSeconds: MOST_CPU_SECONDS,
    resourceLimits: { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 512 },
    onProgress,
  });
  const facts = {
    features: features.map(({ name, unit, transform }) => ({ name, unit, transform })),
    rows: result.rows,
    trainedAt: clock.now(),
    seed: config.seed,
    options,
    meanScore: result.meanScore,
    usualScore: result.usual === result.usual ? result.usual : null,
    historyRows,
    notes: notesOf(result),
  };
  return { result, facts };
}

/** For people: what the fit cost and how it went. */
function notesOf(fit: FitResult & FitCost): Record<string, number> {
  const notes = {
    rows_left_out: fit.leftOut,
    train_loss: fit.trainLoss,
    validation_loss: fit.validationLoss,
    unseen_error: fit.evidence.fresh.error,
    seconds: toMilliseconds(fit.seconds),
    cpu_seconds: toMilliseconds(fit.cpuSeconds),
  };
  return Object.fromEntries(
    Object.entries(notes).filter((entry): entry is [string, number] => Number.isFinite(entry[1])),
  );
}

function toMilliseconds(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : Math.round(1000 * seconds) / 1000;
}
