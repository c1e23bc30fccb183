/** From encoded rows of a table to rows as detectors take them: each row by itself, or series that break at gaps and between entities. */
import type { Rows } from '../flow.ts';

/** Longer than so many usual intervals is a gap. */
const GAP = 2.5;
const DAY_MS = 86_400_000;

/** Median ms between rows that follow one another in a series; NaN without times, or without two rows of a series. */
export function usualInterval(time: Float64Array | undefined, entity: Int32Array): number {
  if (!time) return NaN;
  const steps = time
    .map((at, row) => (row > 0 && entity[row] === entity[row - 1] ? at - time[row - 1] : 0))
    .filter((step) => step > 0)
    .sort();
  return steps.length === 0 ? NaN : steps[steps.length >> 1];
}

export function rowsPerDay(intervalMs: number): number {
  return intervalMs === intervalMs ? Math.max(1, Math.round(DAY_MS / intervalMs)) : 0;
}

export function isGap(step: number, intervalMs: number): boolean {
  return step > GAP * intervalMs;
}

/** `values`: rows x columns. Without `series`, every row is a segment of its own, so that no detector takes a neighbour for context. */
export function tableRows(
  values: Float64Array,
  columns: number,
  { time, entity }: { readonly time: Float64Array | undefined; readonly entity: Int32Array },
  series: boolean,
  intervalMs: number,
): Rows {
  const rows = entity.length;
  const segment = new Int32Array(rows);
  for (let row = 1; row < rows; row++) {
    const breaks =
      !series ||
      entity[row] !== entity[row - 1] ||
      (time !== undefined && isGap(time[row] - time[row - 1], intervalMs));
    segment[row] = segment[row - 1] + (breaks ? 1 : 0);
  }
  return { values: { rows, columns, data: values }, time: time ?? Float64Array.from(segment.keys()), segment };
}
