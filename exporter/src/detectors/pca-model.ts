/** What a fitted principal component analysis holds, and how it is saved. */
import type { Model } from '../flow.ts';
import { featureParts } from './linear-parts.ts';
import { packModel, unpackModel } from './model-buffer.ts';
import { type InputKind, type InputScale, checkedInputScale, inputColumns } from './scaled-inputs.ts';

export const NAME = 'pca';
const LAYOUT_VERSION = 1;
const LAYOUT = ['f64', 'f64', 'f64', 'f64', 'f64'] as const;

export type ErrorKind = 'normalised' | 'raw';

export interface PcaModel extends Model {
  readonly scale: InputScale;
  readonly error: ErrorKind;
  /** share of the variance that the kept components have at least */
  readonly variance: number;
  /** kept components over all parts */
  readonly components: number;
  /**
   * I - V V' of every part of the features (`featureParts`), one behind the other; columns in the order of `packedColumns`. Times standardised inputs, it gives
   * what the components miss.
   */
  readonly matrix: Float64Array;
  /** mean squared error of each column of `scale` over the training rows that have a value; 0 without any */
  readonly square: Float64Array;
}

/** For each place of a packed row its column of the inputs: part after part, in each the levels, then the changes. */
export function packedColumns(features: number, inputs: InputKind): Int32Array<ArrayBuffer> {
  const packed = new Int32Array(inputColumns(features, inputs));
  let to = 0;
  for (const part of featureParts(features)) {
    for (let from = 0; from < packed.length; from += features) {
      for (let f = 0; f < part.features; f++) packed[to++] = from + part.first + f;
    }
  }
  return packed;
}

export function componentMatrixSize(features: number, inputs: InputKind): number {
  return featureParts(features).reduce((sum, part) => sum + inputColumns(part.features, inputs) ** 2, 0);
}

export function pcaModel(parts: Omit<PcaModel, 'save' | 'features'>): PcaModel {
  const { scale, rows, error, variance, components, matrix, square } = parts;
  const { features, inputs, mean, deviation } = scale;
  return {
    ...parts,
    features,
    save() {
      const counts = Float64Array.of(
        features,
        rows,
        inputs === 'level' ? 0 : 1,
        error === 'raw' ? 0 : 1,
        variance,
        components,
      );
      const sections = [counts, mean, deviation, matrix, square];
      return packModel(
        NAME,
        LAYOUT_VERSION,
        sections.map((section) => Float64Array.from(section)),
      );
    },
  };
}

/** Sizes follow from the counts, and every number is finite, so no loaded file leads outside an array or to a score that is not a number. */
export function loadPca(state: ArrayBuffer): PcaModel {
  const [counts, mean, deviation, matrix, square] = unpackModel(NAME, LAYOUT_VERSION, LAYOUT, state);
  const refuse = (problem: string): never => {
    throw new Error(`cannot load this ${NAME} model: ${problem}; fit it again`);
  };
  if (counts.length !== 6) refuse(`it has ${counts.length} counts instead of 6`);
  const [features, rows, changes, normalised, variance, components] = counts;
  const whole = (name: string, value: number, low: number, high: number) => {
    if (!Number.isInteger(value) || value < low || value > high)
      refuse(`${name} = ${value} is not in ${low} .. ${high}`);
  };
  whole('features', features, 1, 2 ** 20);
  whole('rows', rows, 0, 2 ** 32);
  whole('change columns', changes, 0, 1);
  whole('normalised', normalised, 0, 1);
  if (!(variance > 0 && variance <= 1)) refuse(`the share of variance ${variance} is not in 0 .. 1`);
  const inputs = changes === 0 ? 'level' : 'level+change';
  const columns = inputColumns(features, inputs);
  whole('components', components, 0, columns);
  const numbers = (name: string, array: Float64Array, length: number, lowest = -Infinity) => {
    if (array.length !== length) refuse(`${array.length} ${name} instead of ${length}`);
    if (!array.every((x) => x - x === 0 && x >= lowest)) refuse(`one of the ${name} is not a number that makes sense`);
  };
  const scale = checkedInputScale({ features, inputs, mean, deviation }, refuse);
  numbers('elements of the matrix', matrix, componentMatrixSize(features, inputs));
  numbers('mean errors', square, columns, 0);
  return pcaModel({
    scale,
    rows,
    error: normalised === 0 ? 'raw' : 'normalised',
    variance,
    components,
    matrix,
    square,
  });
}
