/** Where raw scores of a table become anomalous, and the usual score by which members of an ensemble are made comparable. */

/** highest scores that do not count for the usual score */
const TRIM = 0.05;

/**
 * The raw score that at most a share of `contamination` of the scores reach: halfway between two neighbouring scores, so that scores like those of the calibration are
 * told apart by more than rounding. Above 0. NaN without scores.
 */
export function contaminationThreshold(scores: Float64Array, contamination: number): number {
  const sorted = scores.filter((score) => score === score).sort();
  if (sorted.length === 0) return NaN;
  const below = sorted[Math.max(0, Math.ceil((1 - contamination) * sorted.length) - 1)];
  const above = sorted.find((score) => score > below);
  const threshold = above === undefined ? below + 1e-9 * Math.abs(below) : below + (above - below) / 2;
  // scores of 0 stay below, and so does everything that rounding makes of them
  return Math.max(threshold, Number.MIN_VALUE * 2 ** 60);
}

/** Mean without the highest 5 %; 1 when that is not above 0 (every row scores 0). Throws when no row has a score. */
export function usualScore(detector: string, scores: Float64Array): number {
  const sorted = scores.filter((score) => score === score).sort();
  if (sorted.length === 0) throw new Error(`${detector} gave no score to any row that it was fitted on`);
  const kept = sorted.subarray(0, Math.max(1, Math.floor((1 - TRIM) * sorted.length)));
  const mean = kept.reduce((sum, score) => sum + score, 0) / kept.length;
  return mean > 0 ? mean : 1;
}
