import type { Rows } from '../flow.ts';

/** The rows of one entity, oldest first. */
export interface EntityRows {
  readonly time: Float64Array;
  /** rows x columns, row-major */
  readonly values: Float64Array;
}

/** A longer pause than this many steps, or time that does not go forward, starts a new segment. */
const GAP_STEPS = 1.5;

/** One matrix of many entities, one after the other; segments are numbered from 0 and never span two entities. */
export function joinRows(parts: readonly EntityRows[], columns: number, stepMs: number): Rows {
  const rows = parts.reduce((sum, { time }) => sum + time.length, 0);
  const time = new Float64Array(rows);
  const data = new Float64Array(rows * columns);
  const segment = new Int32Array(rows);
  let at = 0;
  let number = -1;
  for (const part of parts) {
    time.set(part.time, at);
    data.set(part.values, at * columns);
    for (let r = 0; r < part.time.length; r++) {
      const pause = r === 0 ? Infinity : part.time[r] - part.time[r - 1];
      if (!(pause > 0 && pause <= GAP_STEPS * stepMs)) number += 1;
      segment[at + r] = number;
    }
    at += part.time.length;
  }
  return { values: { rows, columns, data }, time, segment };
}
