/**
 * What models see instead of natural units: log1p of features that span decades (FeatureSpec.transform), everything else as it is.
 * History and verdicts stay in natural units; detectors' rows are transformed, and what they expected is turned back by `inverse`.
 */
import type { FeatureSpec } from '../flow.ts';
import { requireLength } from './capacity.ts';

export interface Transform {
  /** natural units to model units, rows x columns; `out` may be `values`. Missing stays NaN, and so does log1p where it has no value (<= -1). */
  forward(values: Float64Array, rows: number, out: Float64Array): void;
  /** model units back to natural units; `out` may be `values` */
  inverse(values: Float64Array, rows: number, out: Float64Array): void;
}

/** Throws a RangeError when a buffer is shorter than rows x columns. */
export function createTransform(columns: readonly FeatureSpec[]): Transform {
  const width = columns.length;
  const logs = Int32Array.from(columns.flatMap(({ transform }, column) => (transform === 'log1p' ? [column] : [])));

  function copy(values: Float64Array, rows: number, out: Float64Array): void {
    requireLength('values', values.length, rows * width);
    requireLength('out', out.length, rows * width);
    if (out === values) return;
    for (let i = 0, end = rows * width; i < end; i++) out[i] = values[i];
  }

  return {
    forward(values, rows, out) {
      copy(values, rows, out);
      const count = logs.length;
      for (let row = 0, at = 0; row < rows; row++, at += width) {
        for (let l = 0; l < count; l++) {
          const value = out[at + logs[l]];
          // from 1 up the plain logarithm is as exact and takes half the time
          out[at + logs[l]] = value >= 1 ? Math.log(1 + value) : value > -1 ? Math.log1p(value) : NaN;
        }
      }
    },
    inverse(values, rows, out) {
      copy(values, rows, out);
      const count = logs.length;
      for (let row = 0, at = 0; row < rows; row++, at += width) {
        for (let l = 0; l < count; l++) out[at + logs[l]] = Math.expm1(out[at + logs[l]]);
      }
    },
  };
}
