/**
 * Principal component analysis (K. Pearson, 1901; as a detector: M.-L. Shyu, S.-C. Chen, K. Sarinnapakorn, L. Chang: A Novel Anomaly Detection Scheme Based on
 * Principal Component Classifier, 2003): the components that have 90 % of the variance of training rows describe what is normal; the score is what they miss.
 *
 * Every feature enters as level and as change against its recent mean, standardised. By default the squared error of each column is divided by its own mean in
 * training before the mean is taken, because columns that are no part of a component would drown the others: 1 is an average training row. `error: raw` and
 * `inputs: level` give the plain form.
 *
 * Limits: only linear relations; what happens along the kept components, however far, is not seen. Errors smear over related features. A missing value enters
 * as its mean and counts as an average error. A column that was constant in training counts from its first movement on, up to a limit; one that had no value
 * never counts. With more than 64 features, those are cut into parts that do not see each other.
 */
import { z } from 'zod';
import type { Detector, Matrix, Rows } from '../flow.ts';
import type { DetectorType } from './detector-type.ts';
import { symmetricEigen } from './linear-eigen.ts';
import { centredProducts, countRows, createMoments } from './linear-moments.ts';
import { featureParts } from './linear-parts.ts';
import { multiply } from './linear-product.ts';
import {
  type ErrorKind,
  type PcaModel,
  NAME,
  componentMatrixSize,
  loadPca,
  packedColumns,
  pcaModel,
} from './pca-model.ts';
import { type InputScale, fitInputScale, inputBlocks, inputColumns, inputHistory } from './scaled-inputs.ts';

const MINIMUM_ROWS = 64;
/** Rows that pass through the matrix together. */
const BLOCK = 16;
/** Smallest unit of a column's error: that of a column that never moved. */
const LEAST_ERROR = 1e-6;
/** Most that a column's error counts, in units: a hundred times the root error of an average row. */
const CAP = 1e4;
/** Half the width of the band around reconstructions, in root mean squared training errors. */
const BAND = 3;

export const pcaOptions = z.strictObject({
  variance: z
    .number()
    .gt(0)
    .max(1)
    .default(0.9)
    .describe('share of the variance that the kept components have at least; one direction is always left out'),
  inputs: z
    .enum(['level', 'level+change'])
    .default('level+change')
    .describe('what is reconstructed: values, or also their difference to the recent mean'),
  error: z
    .enum(['normalised', 'raw'])
    .default('normalised')
    .describe('how errors become a score: each divided by its own mean in training, or plain squares'),
});
export type PcaOptions = z.infer<typeof pcaOptions>;

export const pcaType: DetectorType<PcaOptions> = { name: NAME, options: pcaOptions, create: pca };

export function pca(options: Partial<PcaOptions> = {}): Detector<PcaModel> {
  const settings = pcaOptions.parse(options);
  return {
    name: NAME,
    history: inputHistory(settings.inputs),
    minimumRows: MINIMUM_ROWS,
    fit: (rows) => fit(rows, settings),
    score,
    expected,
    contributions,
    load(state) {
      const model = loadPca(state);
      const found = { inputs: model.scale.inputs, error: model.error };
      for (const name of ['inputs', 'error'] as const) {
        if (found[name] === settings[name]) continue;
        throw new Error(
          `cannot load this ${NAME} model: it was fitted with ${name} "${found[name]}" but "${settings[name]}" is configured; fit it again`,
        );
      }
      return model;
    },
  };
}

function fit(rows: Rows, { inputs: kind, error, variance }: PcaOptions): PcaModel {
  const { columns: features } = rows.values;
  const columns = inputColumns(features, kind);
  const parts = featureParts(features);
  const scale = fitInputScale(rows, kind);
  const moments = parts.map((part) => createMoments(inputColumns(part.features, kind)));
  for (const { count, packed } of packedBlocks(scale, rows)) {
    let from = 0;
    for (const moment of moments) {
      countRows(moment, { data: packed, from, stride: columns }, count, 1);
      from += moment.columns;
    }
  }
  const { rows: count } = moments[0];
  if (count < MINIMUM_ROWS) {
    throw new Error(`${NAME} needs at least minimumRows = ${MINIMUM_ROWS} rows with a value to fit, got ${count}`);
  }

  const matrix = new Float64Array(componentMatrixSize(features, kind));
  let components = 0;
  let to = 0;
  for (const moment of moments) {
    const n = moment.columns;
    const left = leftOver(centredProducts(moment), n, variance);
    components += left.components;
    matrix.set(left.matrix, to);
    to += n * n;
  }

  const square = new Float64Array(columns);
  const values = new Float64Array(columns);
  for (const { count, row, residuals } of residualBlocks({ scale, matrix }, rows)) {
    for (let i = 0; i < count; i++) {
      for (let c = 0; c < columns; c++) {
        if (!hasValue(rows, row[i], c)) continue;
        values[c]++;
        square[c] += (residuals[i * columns + c] ** 2 - square[c]) / values[c];
      }
    }
  }
  // a column without values must never count, but its unit may not be 0: nothing is as large as this
  for (let c = 0; c < columns; c++) if (values[c] === 0) square[c] = Number.MAX_VALUE;
  return pcaModel({ scale, rows: count, error, variance, components, matrix, square });
}

/** I - V V', where V are the fewest leading components that have the wanted share of the variance, but not all. `products` is a lower triangle. */
function leftOver(products: Float64Array, n: number, variance: number) {
  const { values, vectors } = symmetricEigen(products, n);
  const total = values.reduce((sum, value) => sum + Math.max(0, value), 0);
  const matrix = new Float64Array(n * n);
  for (let c = 0; c < n; c++) matrix[c * n + c] = 1;
  let components = 0;
  for (let had = 0; components < n - 1 && had < variance * total; components++) {
    had += values[components];
    const v = vectors.subarray(components * n, (components + 1) * n);
    for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) matrix[i * n + j] -= v[i] * v[j];
  }
  return { matrix, components };
}

/** What an error counts as: `undefined` is that of a missing value. */
function weighing({ error, square }: { readonly error: ErrorKind; readonly square: Float64Array }) {
  if (error === 'raw') {
    return (residual: number | undefined, c: number) => {
      if (square[c] === Number.MAX_VALUE) return 0;
      return residual === undefined ? square[c] : residual * residual;
    };
  }
  const unit = square.map((value) => Math.max(value, LEAST_ERROR));
  return (residual: number | undefined, c: number) => {
    if (square[c] === Number.MAX_VALUE) return 0;
    return Math.min((residual === undefined ? square[c] : residual * residual) / unit[c], CAP);
  };
}

function score(model: PcaModel, rows: Rows, out: Float64Array, wanted?: Uint8Array): void {
  const columns = model.scale.mean.length;
  const weigh = weighing(model);
  for (let r = 0; r < rows.values.rows; r++) if (wanted === undefined || wanted[r] !== 0) out[r] = NaN;
  for (const { count, row, residuals } of residualBlocks(model, rows, wanted)) {
    for (let i = 0; i < count; i++) {
      let sum = 0;
      for (let c = 0; c < columns; c++) {
        sum += weigh(hasValue(rows, row[i], c) ? residuals[i * columns + c] : undefined, c);
      }
      out[row[i]] = sum / columns;
    }
  }
}

/** Levels as the components reconstruct them; NaN for a row without any value. */
function expected(model: PcaModel, rows: Rows, out: Matrix, lower?: Matrix, upper?: Matrix, wanted?: Uint8Array): void {
  const { features, scale, square } = model;
  const { mean, deviation } = scale;
  const columns = mean.length;
  for (const matrix of [out, lower, upper]) matrix?.data.fill(NaN, 0, rows.values.rows * features);
  for (const { count, row, inputs, residuals } of residualBlocks(model, rows, wanted)) {
    for (let i = 0; i < count; i++) {
      for (let f = 0; f < features; f++) {
        const at = i * columns + f;
        const to = row[i] * features + f;
        const value = (out.data[to] = mean[f] + deviation[f] * (inputs[at] - residuals[at]));
        const band = square[f] === Number.MAX_VALUE ? 0 : BAND * deviation[f] * Math.sqrt(square[f]);
        if (lower) lower.data[to] = value - band;
        if (upper) upper.data[to] = value + band;
      }
    }
  }
}

function contributions(model: PcaModel, rows: Rows, out: Matrix): void {
  const { features } = model;
  const columns = model.scale.mean.length;
  const weigh = weighing(model);
  out.data.fill(0, 0, rows.values.rows * features);
  for (const { count, row, residuals } of residualBlocks(model, rows)) {
    for (let i = 0; i < count; i++) {
      const shares = out.data.subarray(row[i] * features, (row[i] + 1) * features);
      let total = 0;
      for (let c = 0; c < columns; c++) {
        if (!hasValue(rows, row[i], c)) continue;
        const counted = weigh(residuals[i * columns + c], c);
        shares[c % features] += counted;
        total += counted;
      }
      if (total > 0) for (let f = 0; f < features; f++) shares[f] /= total;
    }
  }
}

/** Whether a row has the feature that column c of its inputs is made of. */
function hasValue({ values: { columns, data } }: Rows, row: number, c: number): boolean {
  const value = data[row * columns + (c < columns ? c : c - columns)];
  return value - value === 0;
}

/** Inputs in the order of `packedColumns`, in float64. */
function* packedBlocks(scale: InputScale, rows: Rows, wanted?: Uint8Array) {
  const columns = scale.mean.length;
  const order = packedColumns(scale.features, scale.inputs);
  const packed = new Float64Array(Math.min(BLOCK, rows.values.rows) * columns);
  for (const block of inputBlocks(scale, rows, BLOCK, wanted)) {
    for (let i = 0; i < block.count; i++) {
      const at = i * columns;
      for (let c = 0; c < columns; c++) packed[at + c] = block.inputs[at + order[c]];
    }
    yield { ...block, packed };
  }
}

/** Inputs and what the components miss of them, both in the order of the scale's columns. */
function* residualBlocks({ scale, matrix }: Pick<PcaModel, 'scale' | 'matrix'>, rows: Rows, wanted?: Uint8Array) {
  const { features, inputs: kind } = scale;
  const columns = scale.mean.length;
  const order = packedColumns(features, kind);
  const parts = featureParts(features).map((part) => inputColumns(part.features, kind));
  const none = new Float64Array(columns);
  const missed = new Float64Array(Math.min(BLOCK, rows.values.rows) * columns);
  const residuals = new Float64Array(missed.length);
  for (const { count, row, inputs, packed } of packedBlocks(scale, rows, wanted)) {
    let from = 0;
    let matrixFrom = 0;
    for (const n of parts) {
      const part = matrix.subarray(matrixFrom, matrixFrom + n * n);
      multiply({ data: packed, from, stride: columns }, count, part, none, n, n, {
        data: missed,
        from,
        stride: columns,
      });
      from += n;
      matrixFrom += n * n;
    }
    for (let i = 0; i < count; i++) {
      for (let c = 0; c < columns; c++) residuals[i * columns + order[c]] = missed[i * columns + c];
    }
    yield { count, row, inputs, residuals };
  }
}
