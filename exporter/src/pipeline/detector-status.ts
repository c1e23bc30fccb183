/** How far each detector of a monitor is, over all entities it has met. */
import type { Detector } from '../flow.ts';
import type { DetectorStatus } from '../wire/status.ts';
import type { Trainer, TrainingMember } from './trainer.ts';

export function detectorStatuses(
  monitor: string,
  detectors: readonly Detector[],
  members: readonly TrainingMember[],
  trainer: Trainer,
): DetectorStatus[] {
  let baseline = 0;
  let entities = 0;
  const fitted = detectors.map(() => 0);
  const warm = detectors.map(() => 0);
  const leftOut = new Map<string, number>();
  for (const { group } of members)
    for (const e of group.members()) {
      entities++;
      baseline += group.baselineWarmup(e);
      detectors.forEach((_, d) => {
        if (!group.modelOf(d, e)) return;
        fitted[d]++;
        warm[d] += group.warmup(e, d);
      });
      for (const name of group.leftOut(e)) leftOut.set(name, (leftOut.get(name) ?? 0) + 1);
    }
  const share = (sum: number) => (entities === 0 ? 0 : sum / entities);
  const status = (detector: string, warmup: number, note: string | null): DetectorStatus => ({
    detector,
    warmup,
    trusted: warmup >= 1,
    note,
  });
  return [
    status('baseline', share(baseline), share(baseline) < 1 ? 'collects its first minute of samples' : null),
    ...detectors.map(({ name, minimumRows }, d) => {
      const without = leftOut.get(name) ?? 0;
      const note =
        trainer.note(monitor, name) ??
        (fitted[d] === 0
          ? `waits for ${minimumRows} steps of history`
          : without > 0
            ? `left out of the ensemble of ${without} of ${entities} entities until it has been watched long enough`
            : share(warm[d]) < 1
              ? 'scores, and opens no incident until it has been watched long enough'
              : null);
      return status(name, share(warm[d]), note);
    }),
  ];
}
