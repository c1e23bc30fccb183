/** Fitting of the conditional model: see conditional.ts for what it is. */
import { cholesky, inverse } from '../engine/reference/solve.ts';
import type { FitOptions, Rows } from '../flow.ts';
import { type PartColumns, groupNumbers, partColumns, summarise } from './conditional-errors.ts';
import { type ConditionalModel, NAME, conditionalModel, matrixSize } from './conditional-model.ts';
import { type ProfileScale, fitProfileScale, scaledProfiles } from './conditional-profile.ts';
import type { ConditionalOptions } from './conditional.ts';
import { type Moments, centredProducts, columnMeans, countRows, createMoments, ridgeGrowth } from './linear-moments.ts';
import { fitLevels, profileWidth } from './linear-profile.ts';
import { usableHarmonics } from './linear-season.ts';
import { keepUsual } from './linear-trim.ts';

/** Rows that pass through the matrices together: their profiles stay in the second-level cache. */
export const BLOCK = 16;
/** Fewest rows with a value. */
export const MINIMUM_ROWS = 64;
/** An error below this is that of a feature that was constant: any movement counts, up to the cap. */
const LEAST_ERROR = 1e-6;

interface Precision {
  readonly matrix: Float64Array<ArrayBuffer>;
  readonly offset: Float64Array<ArrayBuffer>;
  readonly surprise: Float64Array<ArrayBuffer>;
}

export function fitConditional(
  rows: Rows,
  { rowsPerDay, onProgress }: FitOptions,
  settings: ConditionalOptions,
): ConditionalModel {
  const { columns: features } = rows.values;
  const { lags, spans, trim } = settings;
  const width = profileWidth(settings);
  const usable = rowsWithValue(rows);
  const count = usable.length;
  if (count < MINIMUM_ROWS) {
    throw new Error(`${NAME} needs at least minimumRows = ${MINIMUM_ROWS} rows with a value to fit, got ${count}`);
  }
  const times = Float64Array.from(usable, (row) => rows.time[row]);
  const harmonics = usableHarmonics(times, rowsPerDay, settings.harmonics);
  const levels = fitLevels(rows);
  const scale = fitProfileScale(rows, levels, { lags, spans }, harmonics, settings.season_ridge, BLOCK);
  const parts = partColumns(features, width);
  const moments = parts.map(({ columns }) => createMoments(columns));
  const refits = trim > 0 ? settings.refits : 0;
  const passes = refits + 2;
  countProfiles(moments, parts, scale, rows, undefined, 1);
  onProgress?.({ share: 1 / passes });

  let kept = new Uint8Array(count).fill(1);
  const caps = { root: settings.cap_root, rms: settings.cap_rms };
  const errors = new Float64Array(count * features);
  const summary = new Float64Array(2);
  for (let refit = 0; ; refit++) {
    const precision = invert(moments, parts, width, settings.ridge);
    const deviations = writeErrors(precision, parts, scale, rows, kept, errors);
    const errorScale = { caps, ...usualErrors(errors, kept, features, caps) };
    const roots = new Float64Array(count);
    const rms = new Float64Array(count);
    for (let i = 0; i < count; i++) {
      summarise(errors, i * features, errorScale, summary);
      roots[i] = summary[0];
      rms[i] = summary[1];
    }
    onProgress?.({ share: (refit + 2) / passes });
    if (refit === refits) {
      return conditionalModel({
        features,
        rows: moments[0].rows,
        scale,
        ...precision,
        ...errorScale,
        ...deviations,
        meanRoot: keptMean(roots, kept),
        meanRms: keptMean(rms, kept),
      });
    }
    const next = keepUsual(roots, trim);
    countProfiles(moments, parts, scale, rows, changed(rows, usable, kept, next), -1);
    countProfiles(moments, parts, scale, rows, changed(rows, usable, next, kept), 1);
    kept = next;
  }
}

function rowsWithValue({ values: { rows, columns, data } }: Rows): Int32Array {
  const usable = new Int32Array(rows);
  let count = 0;
  for (let r = 0; r < rows; r++) {
    for (let at = r * columns; at < (r + 1) * columns; at++) {
      if (data[at] - data[at] !== 0) continue;
      usable[count++] = r;
      break;
    }
  }
  return usable.subarray(0, count);
}

/** A mask of the rows that are in `before` and not in `after`, both of which number the usable rows. */
function changed(rows: Rows, usable: Int32Array, before: Uint8Array, after: Uint8Array): Uint8Array {
  const mask = new Uint8Array(rows.values.rows);
  usable.forEach((row, i) => (mask[row] = before[i] & (1 - after[i])));
  return mask;
}

/** Counts the profiles of the wanted rows into the moments of each part, or out of them. */
function countProfiles(
  moments: readonly Moments[],
  parts: readonly PartColumns[],
  scale: ProfileScale,
  rows: Rows,
  wanted: Uint8Array | undefined,
  sign: 1 | -1,
): void {
  const stride = scale.mean.length;
  for (const { count, profile } of scaledProfiles(scale, rows, BLOCK, wanted)) {
    parts.forEach(({ from }, p) => countRows(moments[p], { data: profile, from, stride }, count, sign));
  }
}

/** The matrices of every part from its moments. */
function invert(moments: readonly Moments[], parts: readonly PartColumns[], width: number, ridge: number): Precision {
  const features = parts.reduce((sum, part) => sum + part.features, 0);
  const matrix = new Float64Array(matrixSize(features, width));
  const offset = new Float64Array(features * width);
  const surprise = new Float64Array(features * width);
  parts.forEach((part, p) => {
    const { columns: n } = part;
    const { rows } = moments[p];
    const mean = columnMeans(moments[p]);
    const covariance = centredProducts(moments[p]);
    for (let i = 0; i < covariance.length; i++) covariance[i] /= rows - 1;
    const shrink = ridge * ridgeGrowth(n, rows);
    for (let c = 0; c < n; c++) covariance[c * n + c] += shrink;
    const precision = inverse(cholesky(covariance, n), n);
    const own = new Float64Array(width * width);
    for (let f = 0; f < part.features; f++) {
      const first = f * width;
      for (let i = 0; i < width; i++) {
        for (let j = 0; j < width; j++) own[i * width + j] = precision[(first + i) * n + first + j];
      }
      const factor = cholesky(own, width);
      const to = part.from + first;
      for (let i = 0; i < width; i++) {
        const row = part.matrixFrom + (first + i) * n;
        for (let c = 0; c < n; c++) matrix[row + c] = precision[(first + i) * n + c];
        surprise[to + i] = i === 0 ? 1 : 0;
        for (let k = 0; k < i; k++) {
          const by = factor[i * width + k];
          const above = part.matrixFrom + (first + k) * n;
          for (let c = 0; c < n; c++) matrix[row + c] -= by * matrix[above + c];
          surprise[to + i] -= by * surprise[to + k];
        }
        const pivot = factor[i * width + i];
        for (let c = 0; c < n; c++) matrix[row + c] /= pivot;
        surprise[to + i] /= pivot;
        let sum = 0;
        for (let c = 0; c < n; c++) sum += matrix[row + c] * mean[c];
        offset[to + i] = sum;
      }
    }
  });
  return { matrix, offset, surprise };
}

/**
 * Writes the errors of all usable rows (NaN where the value is missing). The deviation of surprises, which is a band's, is that of the kept rows; that of
 * residuals, which only explain, of all rows: a metric that sometimes jumps anyway explains less (hit rate on six servers .926 against .910).
 */
function writeErrors(
  precision: Precision,
  parts: readonly PartColumns[],
  scale: ProfileScale,
  rows: Rows,
  kept: Uint8Array,
  errors: Float64Array,
) {
  const { features } = scale.levels;
  const stride = scale.mean.length;
  const width = stride / features;
  const numbers = new Float64Array(BLOCK * stride);
  const surpriseDeviation = new Float64Array(features);
  const residualDeviation = new Float64Array(features);
  const seen = new Float64Array(features);
  const seenKept = new Float64Array(features);
  let at = 0;
  for (const { count, present, profile } of scaledProfiles(scale, rows, BLOCK)) {
    groupNumbers(parts, precision, { data: profile, from: 0, stride }, count, numbers);
    for (let i = 0; i < count; i++, at++) {
      for (let f = 0; f < features; f++) {
        if (present[i * features + f] === 0) {
          errors[at * features + f] = NaN;
          continue;
        }
        const from = i * stride + f * width;
        errors[at * features + f] = squaredLength(numbers, from, width);
        seen[f]++;
        residualDeviation[f] += numbers[from] ** 2;
        if (kept[at] === 0) continue;
        seenKept[f]++;
        surpriseDeviation[f] += surprise(numbers, from, precision.surprise, f * width, width) ** 2;
      }
    }
  }
  for (let f = 0; f < features; f++) {
    surpriseDeviation[f] = seenKept[f] > 0 ? Math.sqrt(surpriseDeviation[f] / seenKept[f]) : 0;
    residualDeviation[f] = Math.sqrt(Math.max(seen[f] > 0 ? residualDeviation[f] / seen[f] : 0, LEAST_ERROR));
  }
  return { surpriseDeviation, residualDeviation };
}

export function squaredLength(numbers: Float64Array, from: number, width: number): number {
  let sum = 0;
  for (let i = from; i < from + width; i++) sum += numbers[i] * numbers[i];
  return sum;
}

/** Level minus what is expected of it given the other features, in standardised levels. */
export function surprise(
  numbers: Float64Array,
  from: number,
  weights: Float64Array,
  weightsFrom: number,
  width: number,
): number {
  let sum = 0;
  for (let i = 0; i < width; i++) sum += numbers[from + i] * weights[weightsFrom + i];
  return sum;
}

/** Mean errors over kept rows, and what is usual in their units. */
function usualErrors(errors: Float64Array, kept: Uint8Array, features: number, caps: { root: number; rms: number }) {
  const error = new Float64Array(features);
  const usualRoot = new Float64Array(features);
  const usualSquare = new Float64Array(features);
  for (let f = 0; f < features; f++) {
    let sum = 0;
    let count = 0;
    for (let i = 0, at = f; i < kept.length; i++, at += features) {
      if (kept[i] === 0 || errors[at] !== errors[at]) continue;
      sum += errors[at];
      count++;
    }
    error[f] = Math.max(count > 0 ? sum / count : 0, LEAST_ERROR);
    if (count === 0) continue;
    for (let i = 0, at = f; i < kept.length; i++, at += features) {
      if (kept[i] === 0 || errors[at] !== errors[at]) continue;
      const square = errors[at] / error[f];
      usualRoot[f] += Math.min(Math.sqrt(square), caps.root) / count;
      usualSquare[f] += Math.min(square, caps.rms ** 2) / count;
    }
  }
  return { error, usualRoot, usualSquare };
}

function keptMean(values: Float64Array, kept: Uint8Array): number {
  let sum = 0;
  let count = 0;
  for (let i = 0; i < values.length; i++) {
    if (kept[i] === 0) continue;
    sum += values[i];
    count++;
  }
  return sum / count;
}
