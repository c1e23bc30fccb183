/**
 * The default ensemble over whole arrays of rows: the product's combination of the members' raw scores, each divided by its own mean over kept train rows. Kept
 * are the 95 % of train rows with the lowest score of that member, because training data is not clean and a few huge scores would set the unit.
 */
import { combination, combine } from '../../decision/ensemble.ts';
import { defaultEnsemble } from '../../decision/options.ts';

const KEPT_SHARE = 0.95;

/** Detectors of the default ensemble, in the order of their weights. */
export const ensembleMembers = ['conditional', 'var'];

const defaultCombination = combination(defaultEnsemble, ensembleMembers);

/** One of `ensembleMembers`, in that order. */
export interface MemberScores {
  /** raw scores of train and test rows; NaN = none */
  readonly raw: Float64Array;
  /** what raw scores are divided by: their mean over kept train rows */
  readonly unit: number;
}

/** Throws when no train row has a score. */
export function memberScores(raw: Float64Array, trainRows: number): MemberScores {
  const scores = raw
    .slice(0, trainRows)
    .filter((score) => score === score)
    .sort();
  if (scores.length === 0) throw new Error('a member of the ensemble scored no train row');
  const kept = scores.subarray(0, Math.max(1, Math.ceil(scores.length * KEPT_SHARE)));
  const mean = kept.reduce((sum, score) => sum + score, 0) / kept.length;
  return { raw, unit: mean > 0 ? mean : 1 };
}

/** One score a row; a member without a score is left out of that row, NaN without any member. */
export function combineScores(members: readonly MemberScores[]): Float64Array {
  const relative = new Float64Array(members.length);
  return Float64Array.from({ length: members[0].raw.length }, (_, row) => {
    let use = 0;
    members.forEach(({ raw, unit }, m) => {
      relative[m] = raw[row] / unit;
      if (raw[row] === raw[row]) use |= 1 << m;
    });
    return use === 0 ? NaN : combine(defaultCombination, use, relative, 0, relative);
  });
}

/** Exponentially weighted mean from the first score on, alpha = 2 / (span + 1); a missing score leaves the mean as it is. */
export function smooth(scores: Float64Array, span: number): Float64Array {
  const alpha = 2 / (span + 1);
  let mean = NaN;
  return scores.map((score) => {
    if (score === score) mean = mean === mean ? mean + alpha * (score - mean) : score;
    return mean;
  });
}
