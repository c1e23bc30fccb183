/**
 * Samples to the whole steps they fall into, on the grid of event time: step k holds the samples with k * stepMs <= time < (k + 1) * stepMs.
 * A step ends when a sample of its entity arrives from another step. Entities that fall silent keep their unfinished step until they speak again.
 */
import { grown, nextCapacity } from './capacity.ts';

/** Whole steps that ended. The arrays are reused: they are valid until the next push, and only their first `rows` rows mean anything. */
export interface ClosedSteps {
  readonly rows: number;
  readonly entity: Int32Array;
  /** start of the step, ms since the epoch; with one sample a step the sample's own time */
  readonly time: Float64Array;
  /** 1 = not the direct successor of the entity's previous step */
  readonly gap: Uint8Array;
  /** samples that fell into the step; fewer than a step has where it began or ended in the middle or samples were lost */
  readonly samples: Int32Array;
  /** rows x columns in natural units, not transformed; NaN = no sample had a value */
  readonly values: Float64Array;
}

export interface WholeSteps {
  /** Returns the steps that these rows ended, in the order of the rows; `entities` is one more than the largest index. Buffers are not checked. */
  push(entity: Int32Array, time: Float64Array, values: Float64Array, rows: number, entities: number): ClosedSteps;
  forget(entity: number): void;
}

/** Rows of closed steps are the means of all `columns`, then the maxima of the columns in `peaks`. */
export function createWholeSteps(columns: number, peaks: Int32Array, stepMs: number): WholeSteps {
  const peakCount = peaks.length;
  const width = columns + peakCount;

  let capacity = 0;
  // per entity, by number = floor(time / stepMs): the step being filled, and the last one that was closed
  let current = new Float64Array(0);
  let previous = new Float64Array(0);
  let samples = new Int32Array(0);
  // of the step being filled [entity][column]
  let sum = new Float64Array(0);
  let missing = new Uint32Array(0);
  let most = new Float64Array(0);

  const closed = {
    rows: 0,
    entity: new Int32Array(0),
    time: new Float64Array(0),
    gap: new Uint8Array(0),
    samples: new Int32Array(0),
    values: new Float64Array(0),
  };

  /** A row closes one step at most. */
  function reserve(entities: number, rows: number): void {
    if (rows > closed.entity.length) {
      const room = nextCapacity(closed.entity.length, rows);
      closed.entity = new Int32Array(room);
      closed.time = new Float64Array(room);
      closed.gap = new Uint8Array(room);
      closed.samples = new Int32Array(room);
      closed.values = new Float64Array(room * width);
    }
    if (entities <= capacity) return;
    capacity = nextCapacity(capacity, entities);
    current = grown(Float64Array, current, capacity, NaN);
    previous = grown(Float64Array, previous, capacity, NaN);
    samples = grown(Int32Array, samples, capacity);
    sum = grown(Float64Array, sum, capacity * columns);
    missing = grown(Uint32Array, missing, capacity * columns);
    most = grown(Float64Array, most, capacity * peakCount);
  }

  function close(entity: number): void {
    const row = closed.rows++;
    const number = current[entity];
    closed.entity[row] = entity;
    closed.time[row] = number * stepMs;
    closed.gap[row] = number === previous[entity] + 1 ? 0 : 1;
    closed.samples[row] = samples[entity];
    previous[entity] = number;
    const values = closed.values;
    const at = row * width;
    const mean = entity * columns;
    const peak = entity * peakCount;
    for (let c = 0; c < columns; c++) values[at + c] = sum[mean + c] / (samples[entity] - missing[mean + c]); // 0 / 0 = missing
    for (let p = 0; p < peakCount; p++) values[at + columns + p] = most[peak + p] === -Infinity ? NaN : most[peak + p];
  }

  return {
    push(entity, time, values, rows, entities) {
      reserve(entities, rows);
      closed.rows = 0;
      const sums = sum;
      const holes = missing;
      const maxima = most;

      for (let row = 0; row < rows; row++) {
        const index = entity[row];
        const mean = index * columns;
        const peak = index * peakCount;
        const number = Math.floor(time[row] / stepMs);
        if (number !== current[index]) {
          if (samples[index] > 0) close(index);
          current[index] = number;
          samples[index] = 0;
          for (let c = 0; c < columns; c++) sums[mean + c] = holes[mean + c] = 0;
          for (let p = 0; p < peakCount; p++) maxima[peak + p] = -Infinity;
        }
        samples[index]++;
        const source = row * columns;
        for (let c = 0; c < columns; c++) {
          const value = values[source + c];
          if (value === value) sums[mean + c] += value;
          else holes[mean + c]++;
        }
        for (let p = 0; p < peakCount; p++) {
          const value = values[source + peaks[p]];
          if (value > maxima[peak + p]) maxima[peak + p] = value;
        }
      }
      return closed;
    },
    forget(entity) {
      if (entity >= capacity) return;
      current[entity] = NaN;
      previous[entity] = NaN;
      samples[entity] = 0;
    },
  };
}
