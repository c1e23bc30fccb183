import type { DetectorScores } from '../flow.ts';

/** Share of the warm detectors that stand on the verdict's side of the threshold in row `r`. */
export function agreement(detectors: readonly DetectorScores[], r: number, score: number): number {
  let warm = 0;
  let agree = 0;
  for (const detector of detectors) {
    const own = detector.score[r];
    if (own !== own || !(detector.warmup[r] >= 1)) continue;
    warm++;
    if (own >= 1 === score >= 1) agree++;
  }
  return warm === 0 ? 1 : agree / warm;
}
