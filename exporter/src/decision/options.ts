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

const robust = z.strictObject({
  method: z.literal('robust'),
  /** the threshold is this many robust deviations of the logarithm of the calibration scores above their median; what is anomalous among them hardly moves it */
  deviations: z.number().gt(0).max(100).default(3.3),
});

export const thresholdOptions = z.discriminatedUnion('method', [budget, percentile, contamination, sigma, robust]);

export type ThresholdOptions = z.output<typeof thresholdOptions>;

export const defaultThreshold: ThresholdOptions = { method: 'budget', incidentsPerDay: 1 };

/** How the scores of several detectors become one. `members`: weight by detector; absent = what measures best among those there are. */
export const ensembleOptions = z
  .strictObject({
    /** mean: weighted mean of raw scores; max: the largest of them; vote: how many detectors are above their own thresholds */
    method: z.enum(['mean', 'max', 'vote']).default('mean'),
    /** weight of each member */
    members: z.record(z.string().min(1), z.number().gt(0).max(1000)).optional(),
    /** members that must be above their own thresholds */
    votes: z.int().min(1).max(20).default(2),
  })
  .refine(({ members }) => members === undefined || Object.keys(members).length > 0, {
    error: 'an ensemble needs a member; name at least one detector in members, or leave members out',
  });

export type EnsembleOptions = z.output<typeof ensembleOptions>;

export const defaultEnsemble: EnsembleOptions = { method: 'mean', votes: 2 };
