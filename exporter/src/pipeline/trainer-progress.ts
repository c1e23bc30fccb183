/** The fit under way, for whoever asks, and a line in the log now and then while it takes long. */
import type { Clock } from '../clock.ts';
import type { FitProgress, Log } from '../flow.ts';
import type { ModelKey } from '../training/model-manifest.ts';
import type { ModelProgress } from '../wire/model.ts';

const LOG_MS = 30_000;
/** less than this is nothing to judge the rest by */
const FEWEST_SHARE = 0.02;

export interface FitUnderWay {
  tell(progress: FitProgress): void;
  now(): ModelProgress;
}

export function startProgress(key: ModelKey, clock: Clock, log: Log): FitUnderWay {
  const startedAt = clock.now();
  const started = clock.monotonic();
  let last: FitProgress = { share: 0 };
  let logged = started;

  function now(): ModelProgress {
    const elapsed = clock.monotonic() - started;
    const { share, epoch, epochs, trainLoss, validationLoss } = last;
    return {
      share,
      epoch: epoch ?? null,
      epochs: epochs ?? null,
      trainLoss: trainLoss ?? null,
      validationLoss: validationLoss ?? null,
      startedAt,
      secondsLeft: share >= FEWEST_SHARE ? Math.round((elapsed * (1 - share)) / share / 1000) : null,
    };
  }

  return {
    now,
    tell(progress) {
      last = progress;
      const time = clock.monotonic();
      if (time - logged < LOG_MS) return;
      logged = time;
      const { share, epoch, epochs, trainLoss, validationLoss, secondsLeft } = now();
      const known = {
        epoch,
        epochs,
        train_loss: trainLoss,
        validation_loss: validationLoss,
        seconds_left: secondsLeft,
      };
      log.info('training goes on', {
        ...key,
        percent: Math.round(100 * share),
        ...Object.fromEntries(Object.entries(known).filter(([, value]) => value !== null)),
      });
    },
  };
}
