/** Fitting of the vector autoregression: see var.ts for what it is. */
import { cholesky, solve } from '../engine/reference/solve.ts';
import type { FitOptions, Rows } from '../flow.ts';
import { type Moments, centredProducts, columnMeans, countRows, createMoments, ridgeGrowth } from './linear-moments.ts';
import { featureParts } from './linear-parts.ts';
import { type ProfileShape, fitLevels, profileBlocks } from './linear-profile.ts';
import { keepUsual } from './linear-trim.ts';
import type { InputScale } from './scaled-inputs.ts';
import { type VarModel, NAME, autoregression, residualMatrixSize, varModel, writeResiduals } from './var-model.ts';
import type { VarOptions } from './var.ts';

/** Rows that pass through the matrices together. */
export const BLOCK = 16;
/** Fewest rows with a value and all lags before them. */
export const MINIMUM_ROWS = 64;
/** A mean square below this is that of a feature that was constant: any movement counts, up to the cap. */
const LEAST_ERROR = 1e-6;

export function fitVar(rows: Rows, { onProgress }: FitOptions, settings: VarOptions): VarModel {
  const { columns: features } = rows.values;
  const { lags, trim, ridge, cap } = settings;
  const shape = autoregression(lags);
  const scale = fitLevels(rows);
  const parts = featureParts(features);
  const moments = parts.map((part) => createMoments(part.features * (lags + 1)));
  const usable = countResponses(moments, shape, scale, rows, undefined, 1);
  const count = usable.length;
  if (count < MINIMUM_ROWS) {
    throw new Error(
      `${NAME} needs at least minimumRows = ${MINIMUM_ROWS + lags} rows with a value to fit, ${MINIMUM_ROWS} of them with ${lags} rows before them; got ${count} of those`,
    );
  }
  const refits = trim > 0 ? settings.refits : 0;
  let kept = new Uint8Array(count).fill(1);
  const residuals = new Float64Array(count * features);
  for (let refit = 0; ; refit++) {
    onProgress?.({ share: (refit + 1) / (refits + 2) });
    const weights = regress(moments, features, lags, ridge);
    writeTrainingResiduals(weights, shape, scale, rows, residuals);
    const { square, usual } = usualResiduals(residuals, kept, features, cap);
    const scores = new Float64Array(count);
    let mean = 0;
    for (let i = 0; i < count; i++) {
      for (let f = 0; f < features; f++) {
        const residual = residuals[i * features + f];
        const root = residual === residual ? Math.abs(residual) / Math.sqrt(square[f]) : usual[f];
        scores[i] += Math.min(root, cap) / features;
      }
      if (kept[i] === 1) mean += scores[i] / moments[0].rows;
    }
    if (refit === refits) {
      return varModel({ features, rows: moments[0].rows, scale, lags, cap, ...weights, square, usual, mean });
    }
    const next = keepUsual(scores, trim);
    countResponses(moments, shape, scale, rows, changed(rows, usable, kept, next), -1);
    countResponses(moments, shape, scale, rows, changed(rows, usable, next, kept), 1);
    kept = next;
  }
}

/** Counts the wanted rows that have all lags into the moments of each part, or out of them; returns which rows those are. */
function countResponses(
  moments: readonly Moments[],
  shape: ProfileShape,
  scale: InputScale,
  rows: Rows,
  wanted: Uint8Array | undefined,
  sign: 1 | -1,
): number[] {
  const width = shape.lags.length;
  const stride = scale.features * width;
  const parts = featureParts(scale.features);
  const counted: number[] = [];
  for (const { count, row, before, profile } of profileBlocks(shape, scale, rows, BLOCK, wanted)) {
    for (let i = 0; i < count;) {
      // rows without all their lags are at the start of a segment
      if (before[i] < width - 1) {
        i++;
        continue;
      }
      let to = i + 1;
      while (to < count && before[to] >= width - 1) to++;
      for (let k = i; k < to; k++) counted.push(row[k]);
      parts.forEach(({ first }, p) =>
        countRows(moments[p], { data: profile, from: i * stride + first * width, stride }, to - i, sign),
      );
      i = to;
    }
  }
  return counted;
}

/** A mask of the rows that are in `before` and not in `after`, both of which number the usable rows. */
function changed(rows: Rows, usable: readonly number[], before: Uint8Array, after: Uint8Array): Uint8Array {
  const mask = new Uint8Array(rows.values.rows);
  usable.forEach((row, i) => (mask[row] = before[i] & (1 - after[i])));
  return mask;
}

/** Residual matrices of all parts: 1 at a feature's own value, minus the ridge weights at the lags. */
function regress(moments: readonly Moments[], features: number, lags: number, ridge: number) {
  const width = lags + 1;
  const matrix = new Float64Array(residualMatrixSize(features, lags));
  const offset = new Float64Array(features);
  let matrixFrom = 0;
  featureParts(features).forEach((part, p) => {
    const columns = part.features * width;
    const products = centredProducts(moments[p]);
    const mean = columnMeans(moments[p]);
    const n = part.features * lags;
    const lagColumn = (i: number) => Math.floor(i / lags) * width + 1 + (i % lags);
    const product = (a: number, b: number) => products[a > b ? a * columns + b : b * columns + a];
    const system = new Float64Array(n * n);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j <= i; j++) system[i * n + j] = product(lagColumn(i), lagColumn(j));
      system[i * n + i] += ridge + growth(n, moments[p].rows);
    }
    const factor = cholesky(system, n);
    const right = new Float64Array(n);
    for (let f = 0; f < part.features; f++) {
      for (let i = 0; i < n; i++) right[i] = product(lagColumn(i), f * width);
      const weights = solve(factor, n, right);
      const row = matrixFrom + f * columns;
      matrix[row + f * width] = 1;
      for (let i = 0; i < n; i++) matrix[row + lagColumn(i)] = -weights[i];
      let sum = 0;
      for (let c = 0; c < columns; c++) sum += matrix[row + c] * mean[c];
      offset[part.first + f] = sum;
    }
    matrixFrom += part.features * columns;
  });
  return { matrix, offset };
}

/** The ridge that few rows add: with as many rows as columns it is several times the sum of squares of a standardised column, with thousands it is nothing. */
function growth(columns: number, rows: number): number {
  return (ridgeGrowth(columns, rows) - 1) * rows;
}

/** NaN where the value is missing. */
function writeTrainingResiduals(
  weights: { matrix: Float64Array; offset: Float64Array },
  shape: ProfileShape,
  scale: InputScale,
  rows: Rows,
  residuals: Float64Array,
): void {
  const { features } = scale;
  const width = shape.lags.length;
  const block = new Float64Array(BLOCK * features);
  let at = 0;
  for (const { count, before, present, profile } of profileBlocks(shape, scale, rows, BLOCK)) {
    writeResiduals(weights, features, width - 1, profile, count, block);
    for (let i = 0; i < count; i++) {
      if (before[i] < width - 1) continue;
      for (let f = 0; f < features; f++) {
        residuals[at++] = present[i * features + f] === 1 ? block[i * features + f] : NaN;
      }
    }
  }
}

/** Mean squares of the kept rows, and the usual capped root in their units. */
function usualResiduals(residuals: Float64Array, kept: Uint8Array, features: number, cap: number) {
  const square = new Float64Array(features);
  const usual = new Float64Array(features);
  for (let f = 0; f < features; f++) {
    let count = 0;
    let sum = 0;
    for (let i = 0, at = f; i < kept.length; i++, at += features) {
      if (kept[i] === 0 || residuals[at] !== residuals[at]) continue;
      sum += residuals[at] ** 2;
      count++;
    }
    square[f] = Math.max(count > 0 ? sum / count : 0, LEAST_ERROR);
    const root = Math.sqrt(square[f]);
    for (let i = 0, at = f; i < kept.length; i++, at += features) {
      if (kept[i] === 0 || residuals[at] !== residuals[at]) continue;
      usual[f] += Math.min(Math.abs(residuals[at]) / root, cap) / count;
    }
  }
  return { square, usual };
}
