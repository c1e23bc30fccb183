/** Which rows of a table take part: a 1 for each row that does. */
import type { Rows } from '../flow.ts';

export type Mask = Uint8Array;

export function everyRow({ values: { rows } }: Rows): Mask {
  return new Uint8Array(rows).fill(1);
}

/** Rows of `mask` that are not in `other`. */
export function without(mask: Mask, other: Mask): Mask {
  return mask.map((used, row) => used & (1 - other[row]));
}

/** Rows that are in both. */
export function both(mask: Mask, other: Mask): Mask {
  return mask.map((used, row) => used & other[row]);
}

export function count(mask: Mask): number {
  return mask.reduce((sum, used) => sum + used, 0);
}

/** Rows with a finite value. */
export function usableRows({ values: { rows, columns, data } }: Rows): Mask {
  const usable = new Uint8Array(rows);
  for (let i = 0; i < rows * columns; i++) if (data[i] - data[i] === 0) usable[Math.floor(i / columns)] = 1;
  return usable;
}

/** The rows of the mask and up to `history` rows of the same segment before each. */
export function withContext(mask: Mask, { segment }: Rows, history: number): Mask {
  const wanted = mask.slice();
  let left = 0;
  for (let row = mask.length - 1; row >= 0; row--) {
    if (row + 1 < mask.length && segment[row] !== segment[row + 1]) left = 0;
    if (mask[row] === 1) left = history;
    else if (left > 0) {
      wanted[row] = 1;
      left--;
    }
  }
  return wanted;
}

/**
 * The chosen rows; where rows of a segment are left out between them, a new segment starts. Rows of `blank` keep their place in time and have no values: a detector
 * that looks at the rows before a row then finds them where they were. The values are written to `scratch`, where there is one (as long as all values): a copy for
 * every fit would be garbage of many megabytes that nobody collects in time.
 */
export function pick(
  { values: { columns, data }, time, segment }: Rows,
  chosen: Mask,
  { blank, scratch }: { blank?: Mask; scratch?: Float64Array } = {},
): Rows {
  const total = count(chosen);
  const picked = {
    values: { rows: total, columns, data: scratch?.subarray(0, total * columns) ?? new Float64Array(total * columns) },
    time: new Float64Array(total),
    segment: new Int32Array(total),
  };
  let to = 0;
  let segments = 0;
  for (let row = 0; row < chosen.length; row++) {
    if (chosen[row] === 0) continue;
    if (to > 0 && (chosen[row - 1] === 0 || segment[row - 1] !== segment[row])) segments++;
    if (blank?.[row] === 1) picked.values.data.fill(NaN, to * columns, (to + 1) * columns);
    else picked.values.data.set(data.subarray(row * columns, (row + 1) * columns), to * columns);
    picked.time[to] = time[row];
    picked.segment[to++] = segments;
  }
  return picked;
}
