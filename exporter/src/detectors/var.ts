/**
 * Ridge vector autoregression (H. Lütkepohl: New Introduction to Multiple Time Series Analysis, 2005, chapter 3): every metric is predicted from the last five
 * rows of all metrics, and what the prediction misses is unusual. It sees what the conditional model does not: a jump that all metrics make together.
 *
 * Values are standardised; v = sqrt(residual^2 / its mean over the kept training rows) for each metric; the score is the mean of the v, each at most 100, in
 * units of its mean over those rows: 1 is usual. The fit is repeated twice without the 2 % of rows that it scored highest (its worst rows are the jumps; more of them left out, and ordinary ones surprise). The first rows of a segment, which
 * have fewer than five before them, repeat the first one and do not take part in the fit.
 *
 * Metrics that never moved in training count from their first movement on, up to the cap. A missing value counts as a usual one; where it is a lag, the value
 * before it stands in. With more than 64 metrics, those are cut into parts that do not see each other.
 *
 * Limits: it looks one row ahead, so a level that stays off is new for a few rows only; relations are linear.
 */
import { z } from 'zod';
import type { Detector, Matrix, Rows } from '../flow.ts';
import { relative } from './conditional-errors.ts';
import type { DetectorType } from './detector-type.ts';
import { profileBlocks, profileHistory } from './linear-profile.ts';
import { BLOCK, MINIMUM_ROWS, fitVar } from './var-fit.ts';
import { type VarModel, NAME, autoregression, loadVar, writeResiduals } from './var-model.ts';

/** Half the width of the band around predictions, in deviations of the training rows from theirs. */
const BAND = 3;

export const varOptions = z.strictObject({
  lags: z.int().min(1).max(1000).default(5).describe('rows back that a prediction is made from'),
  ridge: z.number().gt(0).default(10).describe('ridge on the weights of the standardised lags'),
  trim: z
    .number()
    .min(0)
    .max(0.5)
    .default(0.02)
    .describe('share of training rows, the most unusual, that are left out'),
  refits: z
    .int()
    .min(0)
    .max(10)
    .default(2)
    .describe('fits after the first, each without the worst rows of the one before'),
  cap: z.number().gt(0).default(100).describe('most that one metric counts in the mean of roots'),
});
export type VarOptions = z.infer<typeof varOptions>;

export const varType: DetectorType<VarOptions> = { name: NAME, options: varOptions, create: vectorAutoregression };

export function vectorAutoregression(options: Partial<VarOptions> = {}): Detector<VarModel> {
  const settings = varOptions.parse(options);
  return {
    name: NAME,
    history: profileHistory(autoregression(settings.lags)),
    minimumRows: MINIMUM_ROWS + settings.lags,
    fit: (rows, fitOptions) => fitVar(rows, fitOptions, settings),
    score,
    expected,
    contributions,
    load(state) {
      const model = loadVar(state);
      if (model.lags !== settings.lags) {
        throw new Error(
          `cannot load this ${NAME} model: it has ${model.lags} lags, configured are ${settings.lags}; fit it again`,
        );
      }
      return model;
    },
  };
}

function score(model: VarModel, rows: Rows, out: Float64Array, wanted?: Uint8Array): void {
  const { features, usual, cap, mean } = model;
  const root = model.square.map(Math.sqrt);
  for (let r = 0; r < rows.values.rows; r++) if (wanted === undefined || wanted[r] !== 0) out[r] = NaN;
  for (const { count, row, present, residuals } of residualBlocks(model, rows, wanted)) {
    for (let i = 0; i < count; i++) {
      let sum = 0;
      for (let f = 0; f < features; f++) {
        const at = i * features + f;
        sum += present[at] === 0 ? usual[f] : Math.min(Math.abs(residuals[at]) / root[f], cap);
      }
      out[row[i]] = relative(sum / features, mean);
    }
  }
}

/** One-step predictions; NaN for a row without any value. */
function expected(model: VarModel, rows: Rows, out: Matrix, lower?: Matrix, upper?: Matrix, wanted?: Uint8Array): void {
  const { features, scale, square } = model;
  for (const matrix of [out, lower, upper]) matrix?.data.fill(NaN, 0, rows.values.rows * features);
  for (const { count, row, profile, residuals } of residualBlocks(model, rows, wanted)) {
    for (let i = 0; i < count; i++) {
      for (let f = 0; f < features; f++) {
        const at = i * features + f;
        const to = row[i] * features + f;
        const predicted = profile[at * (model.lags + 1)] - residuals[at];
        const value = (out.data[to] = scale.mean[f] + scale.deviation[f] * predicted);
        const band = BAND * scale.deviation[f] * Math.sqrt(square[f]);
        if (lower) lower.data[to] = value - band;
        if (upper) upper.data[to] = value + band;
      }
    }
  }
}

function contributions(model: VarModel, rows: Rows, out: Matrix): void {
  const { features } = model;
  varFeatureScores(model, rows, out);
  for (let from = 0; from < rows.values.rows * features; from += features) {
    let total = 0;
    for (let f = 0; f < features; f++) total += out.data[from + f];
    if (total > 0) for (let f = 0; f < features; f++) out.data[from + f] /= total;
  }
}

/** Each feature's residual in units of its usual size, at most the cap; 0 where the value is missing. Contributions are shares of these within a row. */
export function varFeatureScores(model: VarModel, rows: Rows, out: Matrix): void {
  const { features, cap } = model;
  const root = model.square.map(Math.sqrt);
  out.data.fill(0, 0, rows.values.rows * features);
  for (const { count, row, present, residuals } of residualBlocks(model, rows)) {
    for (let i = 0; i < count; i++) {
      for (let f = 0; f < features; f++) {
        const at = i * features + f;
        if (present[at] === 1) out.data[row[i] * features + f] = Math.min(Math.abs(residuals[at]) / root[f], cap);
      }
    }
  }
}

/** Blocks of profiles with their residuals. */
function* residualBlocks(model: VarModel, rows: Rows, wanted?: Uint8Array) {
  const { features, lags, scale } = model;
  if (rows.values.columns !== features) {
    throw new Error(
      `this ${NAME} model was fitted on ${features} features, the rows have ${rows.values.columns}; fit it again`,
    );
  }
  const residuals = new Float64Array(Math.min(BLOCK, rows.values.rows) * features);
  for (const block of profileBlocks(autoregression(lags), scale, rows, BLOCK, wanted)) {
    writeResiduals(model, features, lags, block.profile, block.count, residuals);
    yield { ...block, residuals };
  }
}
