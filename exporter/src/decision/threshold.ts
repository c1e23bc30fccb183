/** From a distribution of raw scores of rows that the model was not fitted on, to the raw score at which the calibrated score is 1. */
import type { ThresholdOptions } from './options.ts';
import type { Tail } from './tail.ts';

/** Quantile of unseen rows behind `budget`: what one model may exceed; the bound on incidents comes on top of it (`budget.ts`). */
const BUDGET_QUANTILE = 0.99;
/** fewest unseen rows a quantile is taken from */
const FEWEST_ROWS = 20;

/** Raw threshold of one entity; NaN while there are too few rows to tell. */
export function thresholdOf(tail: Tail, entity: number, options: ThresholdOptions): number {
  if (tail.rows(entity) < FEWEST_ROWS) return NaN;
  switch (options.method) {
    case 'budget':
      return tail.quantile(entity, BUDGET_QUANTILE);
    case 'percentile':
      return tail.quantile(entity, options.percentile / 100);
    case 'contamination':
      return tail.quantile(entity, 1 - options.contamination);
    case 'sigma': {
      const { mean, deviation } = tail.moments(entity);
      return mean + options.k * deviation;
    }
  }
}
