/**
 * How a monitor turns raw scores into a threshold. Every method is calibrated on rows that the model was not fitted on.
 * Keys are snake_case as in the file; the parsed value is camelCase.
 */
import { z } from 'zod';

const budget = z
  .strictObject({
    method: z.literal('budget'),
    /** false incidents that may open per entity and day; counted in incidents, not samples */
    incidents_per_day: z.number().gt(0).max(1000).default(1),
  })
  .transform((o) => ({ method: o.method, incidentsPerDay: o.incidents_per_day }));

const percentile = z.strictObject({
  method: z.literal('percentile'),
  /** percent of the calibration rows that stay below the threshold */
  percentile: z.number().min(50).lt(100).default(99),
});

const contamination = z.strictObject({
  method: z.literal('contamination'),
  /** share of the calibration rows taken to be anomalous, 0..0.5 */
  contamination: z.number().gt(0).max(0.5).default(0.1),
});

const sigma = z.strictObject({
  method: z.literal('sigma'),
  /** the threshold is mean + k standard deviations of the calibration scores */
  k: z.number().gt(0).max(100).default(2.5),
});

export const thresholdOptions = z.discriminatedUnion('method', [budget, percentile, contamination, sigma]);

export type ThresholdOptions = z.output<typeof thresholdOptions>;

export const defaultThreshold: ThresholdOptions = { method: 'budget', incidentsPerDay: 1 };
