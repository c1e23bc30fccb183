/** From a distribution of raw scores of rows that the model was not fitted on, to the raw score at which the calibrated score is 1. */
import type { ThresholdOptions } from './options.ts';
import type { Tail } from './tail.ts';

/** Quantile of unseen rows behind `budget` for a detector by itself. */
const BUDGET_QUANTILE = 0.99;
/** between the quartiles of a normal distribution, in deviations */
const QUARTILES = 1.349;
/** fewest unseen rows a quantile is taken from */
const FEWEST_ROWS = 20;

/** Raw threshold of one entity; NaN while there are too few rows to tell. `budgetQuantile` stands behind the method `budget`. */
export function thresholdOf(
  tail: Tail,
  entity: number,
  options: ThresholdOptions,
  budgetQuantile = BUDGET_QUANTILE,
): number {
  if (tail.rows(entity) < FEWEST_ROWS) return NaN;
  switch (options.method) {
    case 'budget':
      return tail.quantile(entity, budgetQuantile);
    case 'percentile':
      return tail.quantile(entity, options.percentile / 100);
    case 'contamination':
      return tail.quantile(entity, 1 - options.contamination);
    case 'sigma': {
      const { mean, deviation } = tail.moments(entity);
      return mean + options.k * deviation;
    }
    case 'robust': {
      const [low, median, high] = [0.25, 0.5, 0.75].map((q) => tail.quantile(entity, q));
      return median * Math.pow(high / low, options.deviations / QUARTILES);
    }
  }
}
