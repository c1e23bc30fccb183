/**
 * Raw scores of different detectors on one scale: -ln of the share of unseen normal rows that score as high. Up to the 95th percentile the share is counted; beyond,
 * the tail is taken for exponential with the mean excess of the rows there (peaks over a threshold: J. Pickands, Annals of Statistics 3, 1975), so that far is told
 * from further where no row has been.
 *
 * The mean of these over detectors is Fisher's way of combining independent tests: it neither favours the detector whose scores spread most, as a mean of scores or of
 * ratios does, nor forgets how sure one detector is, as ranks do.
 *
 * Limits: the scores must come from rows that the model was not fitted on, or the tail is too short; below about 100 rows the tail is a guess.
 */

/** Plain numbers, kept with a model. */
export interface TailSurprise {
  /** rising scores at evenly spaced ranks of the rows below the threshold */
  readonly quantiles: readonly number[];
  /** score from which the tail is exponential */
  readonly threshold: number;
  /** mean excess over it, > 0 */
  readonly meanExcess: number;
}

const TAIL_SHARE = 0.05;
const KNOTS = 200;

/** Throws when no score is a number. */
export function fitTailSurprise(scores: Float64Array): TailSurprise {
  const sorted = scores.filter((score) => Number.isFinite(score)).sort();
  const rows = sorted.length;
  if (rows === 0) throw new Error('there is no score to tell the usual ones from');
  const below = Math.max(1, Math.ceil((1 - TAIL_SHARE) * rows));
  const threshold = sorted[below - 1];
  const excess =
    sorted.subarray(below).reduce((sum, score) => sum + (score - threshold), 0) / Math.max(1, rows - below);
  const knots = Math.min(KNOTS, below);
  return {
    quantiles: Array.from({ length: knots }, (_, k) => sorted[Math.round((k * (below - 1)) / Math.max(1, knots - 1))]),
    threshold,
    // scores that are all alike up there still need a unit
    meanExcess: Math.max(excess, 1e-9 * Math.abs(threshold), Number.MIN_VALUE * 2 ** 60),
  };
}

/** In nats, >= 0; rises with the score. NaN stays NaN. */
export function tailSurprise({ quantiles, threshold, meanExcess }: TailSurprise, score: number): number {
  if (score > threshold) return -Math.log(TAIL_SHARE) + (score - threshold) / meanExcess;
  if (score !== score) return NaN;
  let low = 0;
  let high = quantiles.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (quantiles[middle] < score) low = middle + 1;
    else high = middle;
  }
  if (quantiles[low] <= score || low === 0) return below(low, quantiles.length);
  const between = (score - quantiles[low - 1]) / (quantiles[low] - quantiles[low - 1]);
  return below(low - 1 + between, quantiles.length);
}

/** Of a score at this (fractional) place among the knots. */
function below(place: number, knots: number): number {
  return -Math.log(1 - (1 - TAIL_SHARE) * (knots > 1 ? place / (knots - 1) : 1));
}
