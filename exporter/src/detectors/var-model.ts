/** What a fitted vector autoregression holds, how residuals follow from it, and how it is saved. */
import type { Model } from '../flow.ts';
import { featureParts } from './linear-parts.ts';
import { multiply } from './linear-product.ts';
import type { ProfileShape } from './linear-profile.ts';
import { packModel, unpackModel } from './model-buffer.ts';
import { type InputScale, checkedInputScale } from './scaled-inputs.ts';

export const NAME = 'var';
const LAYOUT_VERSION = 1;
const LAYOUT = ['f64', 'f64', 'f64', 'f64', 'f64', 'f64', 'f64'] as const;

export interface VarModel extends Model {
  readonly scale: InputScale;
  readonly lags: number;
  /** no residual counts as more times its usual size */
  readonly cap: number;
  /**
   * For each part of the features (`featureParts`), one behind the other: a row a feature, with a column for the value and each lag of every feature of the
   * part. Times a profile, minus `offset`, it gives the residuals: value minus prediction, in deviations.
   */
  readonly matrix: Float64Array;
  readonly offset: Float64Array;
  /** mean square of each feature's residuals over the kept rows, at least 1e-6 */
  readonly square: Float64Array;
  /** usual capped root of each feature, which a missing value counts as */
  readonly usual: Float64Array;
  /** mean over the kept rows of the mean root */
  readonly mean: number;
}

/** The profile of an autoregression: the value, then its lags. */
export function autoregression(lags: number): ProfileShape {
  return { lags: Array.from({ length: lags + 1 }, (_, lag) => lag), spans: [] };
}

/** Residuals (rows x features) of some profiles. */
export function writeResiduals(
  { matrix, offset }: Pick<VarModel, 'matrix' | 'offset'>,
  features: number,
  lags: number,
  profile: Float64Array,
  rows: number,
  out: Float64Array,
): void {
  const width = lags + 1;
  let matrixFrom = 0;
  for (const part of featureParts(features)) {
    const columns = part.features * width;
    const end = matrixFrom + part.features * columns;
    multiply(
      { data: profile, from: part.first * width, stride: features * width },
      rows,
      matrix.subarray(matrixFrom, end),
      offset.subarray(part.first, part.first + part.features),
      part.features,
      columns,
      { data: out, from: part.first, stride: features },
    );
    matrixFrom = end;
  }
}

/** Elements of the matrices of all parts. */
export function residualMatrixSize(features: number, lags: number): number {
  return featureParts(features).reduce((sum, part) => sum + part.features ** 2 * (lags + 1), 0);
}

export function varModel(parts: Omit<VarModel, 'save'>): VarModel {
  return {
    ...parts,
    save() {
      const { features, rows, lags, cap, mean, scale, matrix, offset, square, usual } = parts;
      const counts = Float64Array.of(features, rows, lags, cap, mean);
      const sections = [counts, scale.mean, scale.deviation, matrix, offset, square, usual];
      return packModel(
        NAME,
        LAYOUT_VERSION,
        sections.map((section) => Float64Array.from(section)),
      );
    },
  };
}

/** Sizes follow from the counts, and every number is finite, so no loaded file leads outside an array or to a score that is not a number. */
export function loadVar(state: ArrayBuffer): VarModel {
  const [counts, levelMean, levelDeviation, matrix, offset, square, usual] = unpackModel(
    NAME,
    LAYOUT_VERSION,
    LAYOUT,
    state,
  );
  const refuse = (problem: string): never => {
    throw new Error(`cannot load this ${NAME} model: ${problem}; fit it again`);
  };
  if (counts.length !== 5) refuse(`it has ${counts.length} counts instead of 5`);
  const [features, rows, lags, cap, mean] = counts;
  const whole = (name: string, value: number, low: number, high: number) => {
    if (!Number.isInteger(value) || value < low || value > high)
      refuse(`${name} = ${value} is not in ${low} .. ${high}`);
  };
  whole('features', features, 1, 2 ** 20);
  whole('rows', rows, 0, 2 ** 32);
  whole('lags', lags, 1, 1000);
  const numbers = (name: string, array: Float64Array, length: number, lowest = -Infinity) => {
    if (array.length !== length) refuse(`${array.length} ${name} instead of ${length}`);
    if (!array.every((x) => x - x === 0 && x >= lowest)) refuse(`one of the ${name} is not a number that makes sense`);
  };
  const scale = checkedInputScale({ features, inputs: 'level', mean: levelMean, deviation: levelDeviation }, refuse);
  numbers('elements of the matrix', matrix, residualMatrixSize(features, lags));
  numbers('offsets', offset, features);
  numbers('mean squares', square, features, Number.MIN_VALUE);
  numbers('usual roots', usual, features, 0);
  numbers('caps and means', Float64Array.of(cap, mean), 2, 0);
  return varModel({ features, rows, scale, lags, cap, matrix, offset, square, usual, mean });
}
