/**
 * Mean and maximum of the last n samples of each entity, O(1) amortised a value.
 *
 * Means come from running sums: the value that leaves is subtracted, the new one added. Each sum carries the rounding errors of both operations
 * beside it (Neumaier 1974), so that streams do not drift and a huge value leaves no trace: what is left of a value v is below 1e-32 v.
 * Maxima cannot be subtracted. There the window is what is left of the ring's last revolution (as suffix maxima, made in place
 * once per revolution) and the block being filled (as one running maximum; van Herk 1992, Gil and Werman 1993):
 *
 *     slot      0    1    2  | 3    4    5         n = 6, slot 2 was just written
 *     ring      x0   x1   x2 | s3   s4   s5        x = values of this block, s3 = maximum of slots 3..5 of the block before
 *     window    = max(x0, x1, x2, s3)
 *
 * Groups of entities begin at different slots, so that only a few turn their rings in one tick.
 */
import { grown, nextCapacity } from './capacity.ts';

export interface Trailing {
  /**
   * Writes the aggregate of each row's window to `out` (rows x (columns + peaks): the means, then the maxima of the peak columns); NaN = no
   * value in the window. `gap` 1 empties the window first. `entities` is one more than the largest index. Buffers are not checked.
   */
  push(
    entity: Int32Array,
    gap: Uint8Array,
    values: Float64Array,
    rows: number,
    entities: number,
    out: Float64Array,
  ): void;
  forget(entity: number): void;
}

/**
 * Neighbours share a stretch of each slot, so that a tick reads memory in long runs: two thirds of the time of one ring after the other at
 * 10,000 entities. More lanes gain little and cost a host with a few entities memory.
 */
const LANE_BITS = 4;
const LANES = 1 << LANE_BITS;

/** `size` is the window in samples, 1..65535; `peaks` the columns whose maximum is wanted too. */
export function createTrailing(columns: number, peaks: Int32Array, size: number): Trailing {
  const peakCount = peaks.length;
  const width = columns + peakCount;

  let capacity = 0;
  // per entity: slot to write next, samples in the window
  let position = new Int32Array(0);
  let held = new Int32Array(0);
  // per entity, for maxima: first slot of the block being filled, first slot of the block before (size = there is none)
  let begin = new Int32Array(0);
  let from = new Int32Array(0);
  // the last samples [laneOf(entity) + slot * LANES][column]; per [entity][column] their sum, its rounding error, the number of values
  let ring = new Float64Array(0);
  let sum = new Float64Array(0);
  let error = new Float64Array(0);
  let count = new Uint16Array(0);
  // [1 + laneOf(entity) + slot * LANES][peak]; row 0 is the maximum of nothing
  let ringMax = new Float64Array(peakCount).fill(-Infinity);
  let blockMax = new Float64Array(0);

  function reserve(entities: number): void {
    if (entities <= capacity) return;
    capacity = Math.ceil(nextCapacity(capacity, entities) / LANES) * LANES;
    position = grown(Int32Array, position, capacity);
    held = grown(Int32Array, held, capacity);
    begin = grown(Int32Array, begin, capacity);
    from = grown(Int32Array, from, capacity, size);
    ring = grown(Float64Array, ring, capacity * size * columns);
    sum = grown(Float64Array, sum, capacity * columns);
    error = grown(Float64Array, error, capacity * columns);
    count = grown(Uint16Array, count, capacity * columns);
    ringMax = grown(Float64Array, ringMax, (1 + capacity * size) * peakCount);
    blockMax = grown(Float64Array, blockMax, capacity * peakCount);
  }

  function empty(entity: number): void {
    const at = entity * columns;
    for (let c = 0; c < columns; c++) sum[at + c] = error[at + c] = count[at + c] = 0;
    held[entity] = 0;
    position[entity] = (entity >> LANE_BITS) % size;
    begin[entity] = position[entity];
    from[entity] = size;
  }

  /** The filled block becomes the block before: each of its slots then holds the maximum from there to the end of the ring. */
  function turn(entity: number): void {
    const maxima = ringMax;
    const lane = 1 + laneOf(entity, size);
    const first = lane + begin[entity] * LANES;
    for (let row = lane + (size - 2) * LANES; row >= first; row -= LANES) {
      const here = row * peakCount;
      const next = (row + LANES) * peakCount;
      for (let p = 0; p < peakCount; p++) if (maxima[next + p] > maxima[here + p]) maxima[here + p] = maxima[next + p];
    }
    from[entity] = begin[entity];
    begin[entity] = 0;
    position[entity] = 0;
  }

  /**
   * A sum that left the range of a double cannot be subtracted from: adds the window up again, for the means of `out` from `target` on. NaN where the
   * sum still does not fit. The slot at `position` is the newest.
   */
  function repair(entity: number, out: Float64Array, target: number): void {
    const state = entity * columns;
    for (let c = 0; c < columns; c++) {
      let high = 0;
      let low = 0;
      for (let age = 0; age < held[entity]; age++) {
        const slot = (position[entity] - age + size) % size;
        const value = ring[(laneOf(entity, size) + slot * LANES) * columns + c];
        if (value !== value) continue;
        const next = high + value;
        const part = next - high;
        low += high - (next - part) + (value - part);
        high = next;
      }
      sum[state + c] = high;
      error[state + c] = low;
      out[target + c] = Number.isFinite(high) ? (high + low) / count[state + c] : NaN;
    }
  }

  return {
    push(entity, gap, values, rows, entities, out) {
      reserve(entities);
      const samples = ring;
      const sums = sum;
      const errors = error;
      const counts = count;
      const maxima = ringMax;
      const blockMaxima = blockMax;

      for (let row = 0; row < rows; row++) {
        const index = entity[row];
        if (gap[row] !== 0) empty(index);
        const slot = position[index];
        const lane = laneOf(index, size);
        const full = held[index] === size;
        if (!full) held[index]++;

        const source = row * columns;
        const target = row * width;
        const state = index * columns;
        const written = (lane + slot * LANES) * columns;
        let broken = 0;
        for (let c = 0; c < columns; c++) {
          const value = values[source + c];
          let high = sums[state + c];
          let low = errors[state + c];
          let number = counts[state + c];
          if (full) {
            const oldest = samples[written + c];
            if (oldest === oldest) {
              const next = high - oldest;
              const part = next - high;
              low += high - (next - part) - (oldest + part);
              high = next;
              if (--number === 0) high = low = 0;
            }
          }
          samples[written + c] = value;
          if (value === value) {
            const next = high + value;
            const part = next - high;
            low += high - (next - part) + (value - part);
            high = next;
            number++;
          }
          sums[state + c] = high;
          errors[state + c] = low;
          counts[state + c] = number;
          out[target + c] = (high + low) / number; // 0 / 0 = missing
          broken += high - high;
        }
        if (broken !== 0) repair(index, out, target);

        if (slot === begin[index]) for (let p = 0; p < peakCount; p++) blockMaxima[index * peakCount + p] = -Infinity;
        const before = slot + 1 > from[index] ? slot + 1 : from[index];
        const suffix = (before < size ? 1 + lane + before * LANES : 0) * peakCount;
        const writtenMax = (1 + lane + slot * LANES) * peakCount;
        for (let p = 0; p < peakCount; p++) {
          const value = values[source + peaks[p]];
          let most = blockMaxima[index * peakCount + p];
          maxima[writtenMax + p] = value === value ? value : -Infinity;
          if (value > most) blockMaxima[index * peakCount + p] = most = value;
          const earlier = maxima[suffix + p];
          if (earlier > most) most = earlier;
          out[target + columns + p] = most === -Infinity ? NaN : most;
        }

        if (slot === size - 1) turn(index);
        else position[index] = slot + 1;
      }
    },
    forget(entity) {
      if (entity < capacity) empty(entity);
    },
  };
}

/** First ring row of an entity; its next slot is LANES rows on. */
function laneOf(entity: number, size: number): number {
  return (entity >> LANE_BITS) * size * LANES + (entity & (LANES - 1));
}
