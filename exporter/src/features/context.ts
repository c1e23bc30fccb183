/**
 * The rows before the current one, for detectors that need history: the last closed steps of each entity, in model units.
 */
import type { Rows } from '../flow.ts';
import { grown, nextCapacity } from './capacity.ts';

export interface Context {
  /** remembers a closed step: `columns` values from `data[at]` on */
  push(entity: number, time: number, data: Float64Array, at: number): void;
  /** the next row of this entity starts a new segment */
  clear(entity: number): void;
  /**
   * Current rows `from` to `to` (exclusive) of a batch (rows x columns in model units), each behind its own history: every entity is a segment, its current row the
   * last of it. `wanted` marks the current rows, `last[i]` is where row from + i stands. The arrays are reused by the next call.
   */
  assemble(
    from: number,
    to: number,
    entity: Int32Array,
    time: Float64Array,
    current: Float64Array,
  ): {
    rows: Rows;
    wanted: Uint8Array;
    last: Int32Array;
  };
}

/** `history` rows are kept for each entity; 0 keeps none. */
export function createContext(columns: number, history: number): Context {
  let capacity = 0;
  let kept = new Float64Array(0);
  let times = new Float64Array(0);
  let next = new Int32Array(0);
  let length = new Int32Array(0);
  let values = new Float64Array(0);
  let rowTimes = new Float64Array(0);
  let segment = new Int32Array(0);
  let wanted = new Uint8Array(0);
  let last = new Int32Array(0);

  const reserve = (entity: number) => {
    if (entity < capacity) return;
    capacity = nextCapacity(capacity, entity + 1);
    kept = grown(Float64Array, kept, capacity * history * columns);
    times = grown(Float64Array, times, capacity * history);
    next = grown(Int32Array, next, capacity);
    length = grown(Int32Array, length, capacity);
  };

  return {
    push(entity, time, data, at) {
      if (history === 0) return;
      reserve(entity);
      const slot = entity * history + next[entity];
      for (let j = 0; j < columns; j++) kept[slot * columns + j] = data[at + j];
      times[slot] = time;
      next[entity] = (next[entity] + 1) % history;
      if (length[entity] < history) length[entity]++;
    },
    clear(entity) {
      if (entity < capacity) length[entity] = 0;
    },
    assemble(from, to, entity, time, current) {
      const most = (to - from) * (history + 1);
      if (segment.length < most) {
        values = new Float64Array(most * columns);
        rowTimes = new Float64Array(most);
        segment = new Int32Array(most);
        wanted = new Uint8Array(most);
      }
      if (last.length < to - from) last = new Int32Array(to - from);
      let count = 0;
      for (let r = from; r < to; r++) {
        const e = entity[r];
        if (history > 0) reserve(e);
        const before = history > 0 ? length[e] : 0;
        for (let k = 0; k < before; k++) {
          const slot = e * history + ((next[e] - before + k + history) % history);
          for (let j = 0; j < columns; j++) values[count * columns + j] = kept[slot * columns + j];
          rowTimes[count] = times[slot];
          segment[count] = r - from;
          wanted[count++] = 0;
        }
        for (let j = 0; j < columns; j++) values[count * columns + j] = current[r * columns + j];
        rowTimes[count] = time[r];
        segment[count] = r - from;
        wanted[count] = 1;
        last[r - from] = count++;
      }
      return {
        rows: { values: { rows: count, columns, data: values }, time: rowTimes, segment },
        wanted,
        last,
      };
    },
  };
}
