/**
 * Scaling of columns before models see them. Missing values pass, and count for nothing in the fit; a constant column is only centred, because
 * dividing by its rounding noise would make a feature of it.
 */
import type { Matrix } from '../flow.ts';
import { requireLength } from './capacity.ts';

/** `standard`: mean 0, standard deviation 1 (of the population). `min-max`: the fitted rows lie in 0..1. */
export type ScalingKind = 'standard' | 'min-max';

/** scaled = (value - centre) / scale, per column. Plain numbers, all finite (for values below 1e150), scale > 0: JSON keeps it exactly. */
export interface Scaling {
  readonly kind: ScalingKind;
  readonly centre: number[];
  readonly scale: number[];
}

/** Spread below which a column is constant, relative to its centre where that is larger than 1. */
const CONSTANT = 1e-12;

/** A column without any finite value gets centre 0 and scale 1. Infinite values are left out. */
export function fitScaling(rows: Matrix, kind: ScalingKind): Scaling {
  requireLength('matrix', rows.data.length, rows.rows * rows.columns);
  const fit = kind === 'standard' ? standard : minMax;
  const columns = Array.from({ length: rows.columns }, (_, column) => fit(rows, column));
  // + 0: JSON has no -0
  return { kind, centre: columns.map(({ centre }) => centre + 0), scale: columns.map(({ scale }) => scale) };
}

/** Scales `rows` rows of `values` into `out` (may be `values`). Throws a RangeError when a buffer is too short. */
export function applyScaling(scaling: Scaling, values: Float64Array, rows: number, out: Float64Array): void {
  const { centre, scale } = scaling;
  const columns = centre.length;
  requireLength('values', values.length, rows * columns);
  requireLength('out', out.length, rows * columns);
  for (let row = 0, i = 0; row < rows; row++)
    for (let c = 0; c < columns; c++, i++) out[i] = (values[i] - centre[c]) / scale[c];
}

/** Scaled values back to what they were, to rounding. Throws a RangeError when a buffer is too short. */
export function invertScaling(scaling: Scaling, values: Float64Array, rows: number, out: Float64Array): void {
  const { centre, scale } = scaling;
  const columns = centre.length;
  requireLength('values', values.length, rows * columns);
  requireLength('out', out.length, rows * columns);
  for (let row = 0, i = 0; row < rows; row++)
    for (let c = 0; c < columns; c++, i++) out[i] = values[i] * scale[c] + centre[c];
}

/** Two passes over deviations from a value of the column itself, so that a constant column deviates by exactly 0, whatever its level. */
function standard({ data, rows, columns }: Matrix, column: number): { centre: number; scale: number } {
  let level = NaN;
  let count = 0;
  let total = 0;
  for (let i = column, end = rows * columns; i < end; i += columns) {
    if (!Number.isFinite(data[i])) continue;
    if (count === 0) level = data[i];
    total += data[i] - level;
    count++;
  }
  if (count === 0) return { centre: 0, scale: 1 };
  const mean = total / count;
  let squares = 0;
  for (let i = column, end = rows * columns; i < end; i += columns)
    if (Number.isFinite(data[i])) squares += (data[i] - level - mean) ** 2;
  const centre = level + mean;
  return { centre, scale: usable(Math.sqrt(squares / count), centre) };
}

function minMax({ data, rows, columns }: Matrix, column: number): { centre: number; scale: number } {
  let least = Infinity;
  let most = -Infinity;
  for (let i = column, end = rows * columns; i < end; i += columns) {
    if (!Number.isFinite(data[i])) continue;
    if (data[i] < least) least = data[i];
    if (data[i] > most) most = data[i];
  }
  return least > most ? { centre: 0, scale: 1 } : { centre: least, scale: usable(most - least, least) };
}

function usable(spread: number, centre: number): number {
  return spread < CONSTANT * Math.max(1, Math.abs(centre)) ? 1 : spread;
}
