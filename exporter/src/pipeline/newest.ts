/** The newest row of each entity in model units: what is asked of it later, at a scrape, need not be worked out for every sample. */
import { grown, nextCapacity } from '../features/capacity.ts';

export interface Newest {
  /** rows x columns of a batch */
  keep(entity: Int32Array, time: Float64Array, values: Float64Array, rows: number): void;
  /** undefined when the entity has none; `values` is a view */
  row(entity: number): { time: number; values: Float64Array } | undefined;
}

export function createNewest(columns: number): Newest {
  let capacity = 0;
  let times = new Float64Array(0);
  let kept = new Float64Array(0);
  return {
    keep(entity, time, values, rows) {
      for (let r = 0; r < rows; r++) {
        const e = entity[r];
        if (e >= capacity) {
          capacity = nextCapacity(capacity, e + 1);
          times = grown(Float64Array, times, capacity);
          kept = grown(Float64Array, kept, capacity * columns);
        }
        times[e] = time[r];
        for (let c = 0; c < columns; c++) kept[e * columns + c] = values[r * columns + c];
      }
    },
    row(entity) {
      if (entity >= capacity || times[entity] === 0) return undefined;
      return { time: times[entity], values: kept.subarray(entity * columns, (entity + 1) * columns) };
    },
  };
}
