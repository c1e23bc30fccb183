/** From standardised profiles to errors, and from errors to the score. */
import { type Part, featureParts } from './linear-parts.ts';
import { type Table, multiply } from './linear-product.ts';

/** The matrices of all parts: see `ConditionalModel.matrix`. */
export interface GroupMatrices {
  readonly matrix: Float64Array;
  readonly offset: Float64Array;
}

/** Where a part's matrix begins, and which columns of a profile it reads. */
export interface PartColumns extends Part {
  readonly from: number;
  readonly columns: number;
  readonly matrixFrom: number;
}

export function partColumns(features: number, width: number): PartColumns[] {
  let matrixFrom = 0;
  return featureParts(features).map((part) => {
    const columns = part.features * width;
    const placed = { ...part, from: part.first * width, columns, matrixFrom };
    matrixFrom += columns * columns;
    return placed;
  });
}

/** The numbers of the rows of `x` (profiles): rows x columns, at the same places of `y`. */
export function groupNumbers(
  parts: readonly PartColumns[],
  { matrix, offset }: GroupMatrices,
  x: Table,
  rows: number,
  y: Float64Array,
): void {
  for (const { from, columns, matrixFrom } of parts) {
    multiply(
      { data: x.data, from: x.from + from, stride: x.stride },
      rows,
      matrix.subarray(matrixFrom, matrixFrom + columns * columns),
      offset.subarray(from, from + columns),
      columns,
      columns,
      { data: y, from, stride: x.stride },
    );
  }
}

/** How errors of features become one number a row. */
export interface ErrorScale {
  readonly caps: { readonly root: number; readonly rms: number };
  readonly error: Float64Array;
  readonly usualRoot: Float64Array;
  readonly usualSquare: Float64Array;
}

/** Errors of one row (NaN = the value is missing) -> mean of the capped roots, and capped root mean square: `out[0]`, `out[1]`. */
export function summarise(errors: Float64Array, from: number, scale: ErrorScale, out: Float64Array): void {
  const { error, usualRoot, usualSquare, caps } = scale;
  const features = error.length;
  const most = caps.rms * caps.rms;
  let roots = 0;
  let squares = 0;
  for (let f = 0; f < features; f++) {
    const e = errors[from + f];
    if (e !== e) {
      roots += usualRoot[f];
      squares += usualSquare[f];
      continue;
    }
    const square = e / error[f];
    const root = Math.sqrt(square);
    roots += root < caps.root ? root : caps.root;
    squares += square < most ? square : most;
  }
  out[0] = roots / features;
  out[1] = Math.sqrt(squares / features);
}

/** A part of the score in units of its own mean over kept rows. Where that is 0, as nothing varied in training, the score begins at 1 all the same. */
export function relative(value: number, mean: number): number {
  return mean > 0 ? value / mean : 1 + value;
}
