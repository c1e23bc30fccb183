/**
 * The conditional model: how unusual is the short time profile of each metric, given the profiles of all others at that moment?
 *
 * A profile is a metric's standardised value at lags 0 .. 4 and its exponentially weighted means (spans 10 and 30), minus the daily season. All profiles
 * together are taken for one Gaussian with covariance S; with P = (S + ridge I)^-1 and J the columns of one metric, the conditional distribution of x_J given
 * all others has precision P_JJ (S. L. Lauritzen: Graphical Models, 1996, proposition 5.1), and the squared Mahalanobis length of its residual is
 *
 *     e = g' P_JJ^-1 g = |chol(P_JJ)^-1 P_J (x - mean)|^2   with   g = [P (x - mean)]_J
 *
 * so one matrix, stacked from those of all metrics, gives every error in one product. Errors are divided by their mean in training, q = sqrt(e / mean), and
 * the score is half the mean of the q (each at most 100) and half the root mean square of the q (each at most 20), both in units of their means over training
 * rows: 1 is usual. The fit is repeated without the 5 % of rows that scored highest.
 *
 * Metrics that never moved in training count from their first movement on, as far as the caps let them: that is worth having, but depends on units.
 * A missing value counts as a usual one. Lags and spans are in rows. With more than 64 metrics, those are cut into parts that do not see each other.
 *
 * Limits: relations are linear, one Gaussian for all hours and loads. A slow drift away from training raises every score until the next fit.
 */
import { z } from 'zod';
import type { Detector, Matrix, Rows } from '../flow.ts';
import { groupNumbers, partColumns, relative, summarise } from './conditional-errors.ts';
import { BLOCK, MINIMUM_ROWS, fitConditional, squaredLength, surprise } from './conditional-fit.ts';
import { type ConditionalModel, NAME, loadConditional } from './conditional-model.ts';
import { scaledProfiles } from './conditional-profile.ts';
import type { DetectorType } from './detector-type.ts';
import { profileHistory, profileWidth } from './linear-profile.ts';

/** Half the width of the band around expected values, in deviations of the training rows from theirs. */
const BAND = 3;

const increasing = (numbers: readonly number[]) => numbers.every((n, i) => i === 0 || n > numbers[i - 1]);

export const conditionalOptions = z.strictObject({
  lags: z
    .array(z.int().min(0).max(1000))
    .min(1)
    .refine((lags) => lags[0] === 0 && increasing(lags), 'lags begin with 0 and increase')
    .default([0, 1, 2, 3, 4])
    .describe('rows back whose values are part of the profile of a metric, from 0 on'),
  spans: z
    .array(z.number().min(1).max(10_000))
    .refine(increasing, 'spans increase')
    .default([10, 30])
    .describe('spans, in rows, of the exponentially weighted means that are part of the profile'),
  harmonics: z
    .int()
    .min(0)
    .max(64)
    .default(4)
    .describe('harmonics of the daily season; 0 = none. Used once the training rows span two days'),
  season_ridge: z.number().min(0).default(0.1).describe('ridge on the season, in units of the number of rows'),
  ridge: z.number().gt(0).default(0.5).describe('ridge on the covariance of the standardised columns'),
  trim: z
    .number()
    .min(0)
    .max(0.5)
    .default(0.05)
    .describe('share of training rows, the most unusual, that are left out'),
  refits: z
    .int()
    .min(0)
    .max(10)
    .default(2)
    .describe('fits after the first, each without the worst rows of the one before'),
  cap_root: z.number().gt(0).default(100).describe('most that one metric counts in the mean of roots'),
  cap_rms: z.number().gt(0).default(20).describe('most that one metric counts in the root mean square'),
});
export type ConditionalOptions = z.infer<typeof conditionalOptions>;

export const conditionalType: DetectorType<ConditionalOptions> = {
  name: NAME,
  options: conditionalOptions,
  create: conditional,
};

export function conditional(options: Partial<ConditionalOptions> = {}): Detector<ConditionalModel> {
  const settings = conditionalOptions.parse(options);
  return {
    name: NAME,
    history: profileHistory(settings),
    minimumRows: MINIMUM_ROWS,
    fit: (rows, fitOptions) => fitConditional(rows, fitOptions, settings),
    score,
    expected,
    contributions,
    load(state) {
      const model = loadConditional(state);
      const { lags, spans } = model.scale;
      if (String(lags) !== String(settings.lags) || String(spans) !== String(settings.spans)) {
        throw new Error(
          `cannot load this ${NAME} model: it has lags ${String(lags)} and spans ${String(spans)}, ` +
            `configured are lags ${String(settings.lags)} and spans ${String(settings.spans)}; fit it again`,
        );
      }
      return model;
    },
  };
}

function score(model: ConditionalModel, rows: Rows, out: Float64Array, wanted?: Uint8Array): void {
  const { features, meanRoot, meanRms } = model;
  const errors = new Float64Array(features);
  const summary = new Float64Array(2);
  for (let r = 0; r < rows.values.rows; r++) if (wanted === undefined || wanted[r] !== 0) out[r] = NaN;
  for (const { count, row, present, numbers, width } of numberedBlocks(model, rows, wanted)) {
    for (let i = 0; i < count; i++) {
      for (let f = 0; f < features; f++) {
        const at = i * features + f;
        errors[f] = present[at] === 0 ? NaN : squaredLength(numbers, at * width, width);
      }
      summarise(errors, 0, model, summary);
      out[row[i]] = 0.5 * relative(summary[0], meanRoot) + 0.5 * relative(summary[1], meanRms);
    }
  }
}

/** Each value as the profiles of the other metrics and the season lead to expect it; NaN for a row without any value. */
function expected(
  model: ConditionalModel,
  rows: Rows,
  out: Matrix,
  lower?: Matrix,
  upper?: Matrix,
  wanted?: Uint8Array,
): void {
  const { features, surpriseDeviation, scale } = model;
  const { mean, deviation } = scale.levels;
  for (const matrix of [out, lower, upper]) matrix?.data.fill(NaN, 0, rows.values.rows * features);
  for (const { count, row, level, numbers, width } of numberedBlocks(model, rows, wanted)) {
    for (let i = 0; i < count; i++) {
      for (let f = 0; f < features; f++) {
        const at = i * features + f;
        const z = level[at] - surprise(numbers, at * width, model.surprise, f * width, width);
        const to = row[i] * features + f;
        const value = (out.data[to] = mean[f] + deviation[f] * z);
        const band = BAND * deviation[f] * surpriseDeviation[f];
        if (lower) lower.data[to] = value - band;
        if (upper) upper.data[to] = value + band;
      }
    }
  }
}

function contributions(model: ConditionalModel, rows: Rows, out: Matrix): void {
  const { features } = model;
  conditionalFeatureScores(model, rows, out);
  for (let from = 0; from < rows.values.rows * features; from += features) {
    let total = 0;
    for (let f = 0; f < features; f++) total += out.data[from + f];
    if (total > 0) for (let f = 0; f < features; f++) out.data[from + f] /= total;
  }
}

/**
 * How unusual each feature is by itself, on one scale over all rows: the larger of its standardised level and change, plus its residual given everything
 * else (its own past too) in units of its usual size; 0 where it is missing. Jointly detected, a metric's own error blames its neighbours as well, so what
 * a metric does by itself explains better. Contributions are shares of these numbers within a row; over an incident the largest of these numbers tells the
 * causes, where the shares of quiet rows would drown them.
 */
export function conditionalFeatureScores(model: ConditionalModel, rows: Rows, out: Matrix): void {
  const { features, residualDeviation, caps } = model;
  out.data.fill(0, 0, rows.values.rows * features);
  for (const { count, row, present, level, change, numbers, width } of numberedBlocks(model, rows)) {
    for (let i = 0; i < count; i++) {
      for (let f = 0; f < features; f++) {
        const at = i * features + f;
        if (present[at] === 0) continue;
        const residual = Math.min(Math.abs(numbers[at * width]) / residualDeviation[f], caps.root);
        out.data[row[i] * features + f] = Math.max(Math.abs(level[at]), Math.abs(change[at])) + residual;
      }
    }
  }
}

/** Blocks of scaled profiles with the numbers that the matrix makes of them. */
function* numberedBlocks(model: ConditionalModel, rows: Rows, wanted?: Uint8Array) {
  const { features, scale } = model;
  if (rows.values.columns !== features) {
    throw new Error(
      `this ${NAME} model was fitted on ${features} features, the rows have ${rows.values.columns}; fit it again`,
    );
  }
  const width = profileWidth(scale);
  const stride = features * width;
  const parts = partColumns(features, width);
  let numbers = new Float64Array(0);
  for (const block of scaledProfiles(scale, rows, BLOCK, wanted)) {
    if (numbers.length < block.count * stride) numbers = new Float64Array(block.count * stride);
    groupNumbers(parts, model, { data: block.profile, from: 0, stride }, block.count, numbers);
    yield { ...block, numbers, width };
  }
}
