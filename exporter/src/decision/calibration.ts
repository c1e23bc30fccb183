/**
 * From raw scores of rows that the model was not fitted on to the threshold of each entity, row by row: a quantile of the past scores that forgets within
 * weeks, and for the false-alarm budget a bound on incidents on top of it.
 *
 * Alarm rows are never left out altogether: without them the threshold sinks and alarms run away. But of one long alarm only the first rows count. A fault of
 * a day would otherwise raise the threshold above itself, and hide what comes after it for weeks.
 */
import { createIncidentBound, type BoundSaved, type IncidentBound, type IncidentRules } from './incident-bound.ts';
import type { ThresholdOptions } from './options.ts';
import { createTail } from './tail.ts';
import { thresholdOf } from './threshold.ts';

/** quantile under the bound of the false-alarm budget: where incidents are rare anyway, it decides */
const QUANTILE = 0.982;
/** after so long a score counts half */
const HALF_LIFE_MS = 14 * 86_400_000;
/** a long stop forgets no more than a day: what was learnt before it is better than nothing */
const LONGEST_DECAY_MS = 86_400_000;
const DECAY_EVERY_MS = 3_600_000;
/** a threshold is worked out again after this many rows */
const REFRESH_ROWS = 64;
/** rows of one alarm that count */
const ALARM_ROWS = 20;
/** an alarm ends after so many rows below the threshold */
const QUIET_ROWS = 5;

export interface CalibrationSaved {
  readonly tail: Float32Array;
  readonly threshold: number;
  readonly base: number;
  readonly rowsSince: number;
  readonly decayedAt: number;
  readonly alarm: number;
  readonly quiet: number;
  readonly bound: BoundSaved | undefined;
}

export interface Calibration {
  grow(count: number): void;
  /** The threshold for this row, from the rows before it; NaN while they are too few. The row then counts for those after it. Rows of an entity come in the order of their time. */
  push(entity: number, time: number, raw: number): number;
  /** rows that count, after forgetting */
  rows(entity: number): number;
  /** The past counts this share of what it did. */
  weaken(entity: number, factor: number): void;
  save(entity: number): CalibrationSaved;
  restore(entity: number, saved: CalibrationSaved): void;
  forget(entity: number): void;
}

/** `unit` is an ordinary raw score; one row alone opens an incident at `openAtOnce` thresholds, `coldRows` that are not hot close it. */
export function createCalibration(
  options: ThresholdOptions,
  unit: number,
  openAtOnce: number,
  coldRows = QUIET_ROWS,
): Calibration {
  const rules: IncidentRules = { openAtOnce, coldRows };
  const tail = createTail(unit);
  let count = 0;
  let thresholds = new Float64Array(0);
  let bases = new Float64Array(0); // the quantile alone
  let rowsSince = new Uint8Array(0);
  let decayedAt = new Float64Array(0);
  let alarm = new Float64Array(0); // rows of the alarm under way; 0 = none
  let quiet = new Uint8Array(0);
  const bounds: (IncidentBound | undefined)[] = [];

  const boundOf = (entity: number): IncidentBound | undefined =>
    options.method === 'budget' ? (bounds[entity] ??= createIncidentBound(options.incidentsPerDay, rules)) : undefined;

  function grow(wanted: number): void {
    if (wanted <= count) return;
    count = Math.max(wanted, Math.min(2 * count, count + 4096));
    tail.grow(count);
    const keep = <T extends Float64Array | Uint8Array>(larger: T, old: T): T => {
      larger.set(old);
      return larger;
    };
    thresholds = keep(new Float64Array(count).fill(NaN), thresholds);
    bases = keep(new Float64Array(count).fill(NaN), bases);
    rowsSince = keep(new Uint8Array(count), rowsSince);
    decayedAt = keep(new Float64Array(count).fill(NaN), decayedAt);
    alarm = keep(new Float64Array(count), alarm);
    quiet = keep(new Uint8Array(count), quiet);
  }

  function refresh(entity: number, time: number): void {
    bases[entity] = thresholdOf(tail, entity, options, QUANTILE);
    // without a quantile there is no threshold, whatever the bound
    thresholds[entity] =
      options.method === 'budget' ? Math.max(bases[entity], boundOf(entity)!.threshold(time)) : bases[entity];
    rowsSince[entity] = 0;
  }

  function forgetSlowly(entity: number, time: number): void {
    if (!(decayedAt[entity] <= time)) decayedAt[entity] = time; // the first row, or the clock went back
    const past = time - decayedAt[entity];
    if (past < DECAY_EVERY_MS) return;
    tail.weaken(entity, Math.pow(2, -Math.min(past, LONGEST_DECAY_MS) / HALF_LIFE_MS));
    decayedAt[entity] = time;
  }

  /** Whether the row counts: it is in no alarm, or among the first rows of one. */
  function counts(entity: number, raw: number): boolean {
    if (raw >= thresholds[entity]) {
      alarm[entity]++;
      quiet[entity] = 0;
    } else if (alarm[entity] > 0) {
      alarm[entity]++;
      if (++quiet[entity] >= QUIET_ROWS) alarm[entity] = quiet[entity] = 0;
    }
    return options.method !== 'budget' || alarm[entity] <= ALARM_ROWS;
  }

  return {
    grow,
    push(entity, time, raw) {
      grow(entity + 1);
      forgetSlowly(entity, time);
      if (++rowsSince[entity] >= REFRESH_ROWS || thresholds[entity] !== thresholds[entity]) refresh(entity, time);
      if (raw === raw) {
        if (counts(entity, raw)) tail.add(entity, raw);
        boundOf(entity)?.tell(time, raw, bases[entity]);
      }
      return thresholds[entity];
    },
    rows: (entity) => tail.rows(entity),
    weaken: (entity, factor) => tail.weaken(entity, factor),
    save: (entity) => ({
      tail: tail.save(entity),
      threshold: thresholds[entity],
      base: bases[entity],
      rowsSince: rowsSince[entity],
      decayedAt: decayedAt[entity],
      alarm: alarm[entity],
      quiet: quiet[entity],
      bound: bounds[entity]?.save(),
    }),
    restore(entity, saved) {
      grow(entity + 1);
      tail.restore(entity, saved.tail);
      thresholds[entity] = saved.threshold;
      bases[entity] = saved.base;
      rowsSince[entity] = saved.rowsSince;
      decayedAt[entity] = saved.decayedAt;
      alarm[entity] = saved.alarm;
      quiet[entity] = saved.quiet;
      bounds[entity] =
        options.method === 'budget' ? createIncidentBound(options.incidentsPerDay, rules, saved.bound) : undefined;
    },
    forget(entity) {
      if (entity >= count) return;
      tail.forget(entity);
      thresholds[entity] = bases[entity] = decayedAt[entity] = NaN;
      rowsSince[entity] = alarm[entity] = quiet[entity] = 0;
      bounds[entity] = undefined;
    },
  };
}
