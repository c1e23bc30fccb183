/**
 * Raw samples to values in natural units: gauges pass, counters become rates per second over the rows' own times, counters with `per` become
 * the increase of one total per increase of another (seconds per operation). Rates that timer ticks carry out of the feature's range are
 * clipped to it.
 *
 * Only what was really observed becomes a value. A counter that went down was reset by somebody at an unknown moment, so what it counted since is
 * unknown too: NaN for that sample, unless it looks like a 32-bit counter that ran over. There is nothing to save: a restart is a gap.
 */
import type { Batch, Schema } from '../flow.ts';
import { entitiesIn, grown, nextCapacity, requireLength } from './capacity.ts';

export interface Rates {
  /**
   * Writes the batch's values into `out` (rows x features; may be `batch.values` itself) and, per row, whether it starts a new segment
   * into `gap`: 1 for the first row of an entity, when its time went back or stood still, and when more than LONGEST_GAP intervals
   * passed; else 0.
   * Counters of a row that starts a segment are NaN, gauges pass. NaN and infinite input are missing: NaN. Throws a RangeError on buffers that
   * are too short and on negative entity indexes.
   */
  apply(batch: Batch, out: Float64Array, gap: Uint8Array): void;
  /** the entity's next row is its first again */
  forget(entity: number): void;
}

/** Intervals that a rate may be averaged over when samples are missing; longer, and the row starts a new segment. */
export const LONGEST_GAP = 3;

const WRAP = 2 ** 32;

/** Largest increase over a wrap that is believed: 4 s at 1 Gbit/s. Above it a reset is the likelier story. */
const PLAUSIBLE_WRAP = 2 ** 29;

/** Throws when `per` names no other counter of the schema, or `intervalMs` is not positive. */
export function createRates(schema: Schema, intervalMs: number): Rates {
  if (!(intervalMs > 0)) throw new RangeError(`interval of ${intervalMs} ms: it must be positive`);
  const longest = LONGEST_GAP * intervalMs;
  const { gauges, counters, ratios, bounded, low, high } = layout(schema);
  const columns = schema.features.length;
  const width = counters.length;

  let capacity = 0;
  let lastTime = new Float64Array(0);
  // [entity * width + counter]: the last value seen, and when; a missing value leaves both, so the next rate is averaged over the hole
  let seen = new Float64Array(0);
  let seenAt = new Float64Array(0);
  // of the row in hand
  const increase = new Float64Array(width);
  const elapsed = new Float64Array(width);

  function reserve(entities: number): void {
    if (entities <= capacity) return;
    capacity = nextCapacity(capacity, entities);
    lastTime = grown(Float64Array, lastTime, capacity, NaN);
    seen = grown(Float64Array, seen, capacity * width, NaN);
    seenAt = grown(Float64Array, seenAt, capacity * width, NaN);
  }

  return {
    apply({ entity, time, values }, out, gap) {
      const rows = entity.length;
      requireLength('time', time.length, rows);
      requireLength('values', values.length, rows * columns);
      requireLength('out', out.length, rows * columns);
      requireLength('gap', gap.length, rows);
      reserve(entitiesIn(entity, rows));
      const previous = seen;
      const previousAt = seenAt;
      const times = lastTime;
      const gaugeCount = gauges.length;
      const ratioCount = ratios.length;
      const boundedCount = bounded.length;

      for (let row = 0; row < rows; row++) {
        const index = entity[row];
        const now = time[row];
        const since = now - times[index];
        const follows = since > 0 && since <= longest;
        times[index] = now;
        gap[row] = follows ? 0 : 1;
        const at = row * columns;
        const state = index * width;

        for (let g = 0; g < gaugeCount; g++) {
          const value = values[at + gauges[g]];
          out[at + gauges[g]] = value - value === 0 ? value : NaN;
        }

        if (!follows) {
          for (let k = 0; k < width; k++) {
            const value = values[at + counters[k]];
            previous[state + k] = value - value === 0 ? value : NaN;
            previousAt[state + k] = now;
            out[at + counters[k]] = NaN;
          }
          continue;
        }

        for (let k = 0; k < width; k++) {
          const value = values[at + counters[k]];
          let rate = NaN;
          increase[k] = NaN;
          if (value - value === 0) {
            const span = now - previousAt[state + k];
            let grew = value - previous[state + k];
            if (grew < 0) grew = wrapped(previous[state + k], value);
            previous[state + k] = value;
            previousAt[state + k] = now;
            if (span <= longest) {
              rate = (grew * 1000) / span;
              increase[k] = grew;
              elapsed[k] = span;
            }
          }
          out[at + counters[k]] = rate;
        }

        for (let r = 0; r < ratioCount; r += 3) {
          const k = ratios[r];
          const per = ratios[r + 1];
          // both increases must cover the same time; 0 operations have no duration, a few no telling one
          const enough = increase[per] > 0 && increase[per] >= ratios[r + 2] && elapsed[per] === elapsed[k];
          out[at + counters[k]] = enough ? increase[k] / increase[per] : NaN;
        }

        for (let b = 0; b < boundedCount; b++) {
          const i = at + bounded[b];
          if (out[i] > high[b]) out[i] = high[b];
          else if (out[i] < low[b]) out[i] = low[b];
        }
      }
    },
    forget(entity) {
      if (entity < capacity) lastTime[entity] = NaN;
    },
  };
}

/** Increase of a counter that went down: over the 32-bit edge when that is near, else unknown. */
function wrapped(previous: number, value: number): number {
  const grew = value + WRAP - previous;
  return previous < WRAP && grew <= PLAUSIBLE_WRAP ? grew : NaN;
}

/** Columns of gauges, of counters, and of counters with a range; triples (counter, counter it is divided by, fewest of those), the first two as indexes of `counters`. */
function layout({ name, features }: Schema) {
  const columnsOf = (kind: string) => features.flatMap((feature, column) => (feature.kind === kind ? [column] : []));
  const counters = columnsOf('counter');
  const ratios = features.flatMap((feature, column) => {
    if (feature.per === undefined) return [];
    if (feature.kind !== 'counter') throw new Error(`feature ${feature.name} of ${name} has "per" but is no counter`);
    const per = counters.findIndex((c) => c !== column && features[c].name === feature.per);
    if (per < 0)
      throw new Error(
        `feature ${feature.name} of ${name}: "per" names ${feature.per}, which is no other counter there`,
      );
    return [counters.indexOf(column), per, feature.fewest ?? 1];
  });
  const bounded = counters.filter((column) => features[column].range !== undefined);
  return {
    gauges: Int32Array.from(columnsOf('gauge')),
    counters: Int32Array.from(counters),
    ratios: Int32Array.from(ratios),
    bounded: Int32Array.from(bounded),
    low: Float64Array.from(bounded, (column) => features[column].range![0]),
    high: Float64Array.from(bounded, (column) => features[column].range![1]),
  };
}
