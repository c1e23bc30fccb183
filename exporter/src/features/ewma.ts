/**
 * Exponentially weighted moving averages of many series: average += alpha x (value - average), alpha = 2 / (span + 1), beginning at the first value.
 * A missing value is skipped: the average stays. State is one number a series, two with times.
 */
import { entitiesIn, grown, nextCapacity, requireLength } from './capacity.ts';

export interface Ewma {
  /** Takes `rows` rows of values (rows x columns) and writes the averages after them to `out` (may be `values`); NaN until a series' first value. */
  push(entity: Int32Array, values: Float64Array, rows: number, out: Float64Array): void;
  /** the entity's next values are its first again */
  forget(entity: number): void;
}

export interface TimedEwma {
  /**
   * As Ewma.push; `time` in ms. The past counts by how long it is ago, also over missing values. A time that does not advance counts
   * as one interval.
   */
  push(entity: Int32Array, time: Float64Array, values: Float64Array, rows: number, out: Float64Array): void;
  forget(entity: number): void;
}

/** Weight of the newest value: an average over `span` values has the same mean age. Throws a RangeError below 1. */
export function alphaOf(span: number): number {
  if (!(span >= 1)) throw new RangeError(`span of ${span}: it must be at least 1`);
  return 2 / (span + 1);
}

/** Every value counts the same, whenever it came. Throws a RangeError on a span below 1. */
export function createEwma(columns: number, span: number): Ewma {
  const alpha = alphaOf(span);
  let capacity = 0;
  let averages = new Float64Array(0);
  return {
    push(entity, values, rows, out) {
      requireLength('entity', entity.length, rows);
      requireLength('values', values.length, rows * columns);
      requireLength('out', out.length, rows * columns);
      const entities = entitiesIn(entity, rows);
      if (entities > capacity) {
        capacity = nextCapacity(capacity, entities);
        averages = grown(Float64Array, averages, capacity * columns, NaN);
      }
      for (let row = 0; row < rows; row++) {
        const state = entity[row] * columns;
        for (let c = 0; c < columns; c++) {
          const value = values[row * columns + c];
          const average = averages[state + c];
          if (Number.isFinite(value))
            averages[state + c] = Number.isNaN(average) ? value : average + alpha * (value - average);
          out[row * columns + c] = averages[state + c];
        }
      }
    },
    forget(entity) {
      if (entity < capacity) averages.fill(NaN, entity * columns, (entity + 1) * columns);
    },
  };
}

/**
 * For irregular times: the past keeps (1 - alpha) ^ (elapsed / intervalMs) of the weight, which is createEwma where every interval brings a value.
 * Throws a RangeError on a span below 1 and an interval that is not positive.
 */
export function createTimedEwma(columns: number, span: number, intervalMs: number): TimedEwma {
  if (!(intervalMs > 0)) throw new RangeError(`interval of ${intervalMs} ms: it must be positive`);
  // span 1 forgets everything at once: log1p(-1) is -Infinity, and exp of it the 0 that is meant
  const decay = Math.log1p(-alphaOf(span)) / intervalMs;
  let capacity = 0;
  let averages = new Float64Array(0);
  let seenAt = new Float64Array(0);
  return {
    push(entity, time, values, rows, out) {
      requireLength('entity', entity.length, rows);
      requireLength('time', time.length, rows);
      requireLength('values', values.length, rows * columns);
      requireLength('out', out.length, rows * columns);
      const entities = entitiesIn(entity, rows);
      if (entities > capacity) {
        capacity = nextCapacity(capacity, entities);
        averages = grown(Float64Array, averages, capacity * columns, NaN);
        seenAt = grown(Float64Array, seenAt, capacity * columns, NaN);
      }
      for (let row = 0; row < rows; row++) {
        const state = entity[row] * columns;
        // columns of a row mostly were seen together: one exponential serves them all
        let since = NaN;
        let kept = 0;
        for (let c = 0; c < columns; c++) {
          const value = values[row * columns + c];
          if (Number.isFinite(value)) {
            const average = averages[state + c];
            if (seenAt[state + c] !== since) {
              since = seenAt[state + c];
              const elapsed = time[row] - since;
              kept = Math.exp(decay * (elapsed > 0 ? elapsed : intervalMs));
            }
            averages[state + c] = Number.isNaN(average) ? value : value + kept * (average - value);
            seenAt[state + c] = time[row];
          }
          out[row * columns + c] = averages[state + c];
        }
      }
    },
    forget(entity) {
      if (entity < capacity) averages.fill(NaN, entity * columns, (entity + 1) * columns);
    },
  };
}
