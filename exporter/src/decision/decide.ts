/**
 * From deviations and raw scores to verdicts, for the entities of one schema. One score rule: until the ensemble has scored enough unseen rows the
 * baseline decides; then the ensemble does. A crossed limit decides at any time.
 *
 * The ensemble's raw score is the mean of its members' raw scores, each divided by its own usual mean; it has its own threshold, which is never below the
 * point where the baseline stands at its limit and the others at the upper end of what is ordinary for them. So a quiet machine's rarest row is not an anomaly just for being rarest.
 */
import type { DetectorScores, FeatureSpec } from '../flow.ts';
import { createBudget, type BudgetSaved } from './budget.ts';
import type { ThresholdOptions } from './options.ts';
import { severityOf } from './severity.ts';
import { createTail } from './tail.ts';
import { thresholdOf } from './threshold.ts';

/** rows of the baseline, and their time, before its score may open an incident */
const BASELINE_ROWS = 60;
const BASELINE_MS = 60_000;
/** contributions are given from this score on */
export const EXPLAIN_FROM = 0.5;
const HALF_LIFE_HOURS = 72;
const LONGEST_DECAY_HOURS = 24;
const HOUR_MS = 3_600_000;
/** a threshold is worked out again after this many rows */
const REFRESH_ROWS = 64;
/** the highest scores that do not count for a member's usual mean */
const TRIM = 0.05;
/** a model's score at this quantile counts as still ordinary */
const HIGH_QUANTILE = 0.95;
const LARGEST = 10;

export interface Trust {
  /** ms of unseen rows, or a number of them; whichever is set */
  readonly ms?: number;
  readonly rows?: number;
}

export interface DecisionOptions {
  readonly threshold: ThresholdOptions;
  readonly trust: Trust;
  readonly intervalMs: number;
  /** names of the fitted detectors beside the baseline, in the order of `models` */
  readonly models: readonly string[];
}

export interface DecisionColumns {
  readonly score: Float64Array;
  readonly confidence: Float64Array;
  readonly severity: Uint8Array;
  readonly budgetUsed: Float64Array;
  /** rows x features */
  readonly contributions: Float64Array;
  /** largest deviation of any feature, after habits */
  readonly largest: Float64Array;
  /** 1 where a configured limit was crossed */
  readonly limit: Uint8Array;
  /** baseline, the models, then the ensemble if there are models */
  readonly detectors: readonly DetectorScores[];
}

export interface DecisionSaved {
  tails: Float32Array[];
  thresholds: number[];
  unseenRows: number;
  unseenMs: number;
  rowsSince: number;
  decayedAt: number;
  budget: BudgetSaved | undefined;
}

export function createDecision(features: readonly FeatureSpec[], options: DecisionOptions) {
  const columns = features.length;
  const bounded = features.flatMap((feature, j) => (feature.limits ? [{ j, limits: feature.limits }] : []));
  const budget =
    options.threshold.method === 'budget' ? createBudget(options.threshold.incidentsPerDay, columns) : undefined;
  const models = options.models.length;
  const baselineRows = Math.max(BASELINE_ROWS, Math.ceil(BASELINE_MS / options.intervalMs));
  const ensemble = models + 1; // index of the ensemble among the detectors, 0 is the baseline
  const tails = [1, ...options.models.map(() => 1), 2].map(createTail);
  let count = 0;
  let thresholds = new Float64Array(0); // entity x detectors; the baseline's stays 1
  let unseenRows = new Float64Array(0);
  let unseenMs = new Float64Array(0);
  let rowsSince = new Uint8Array(0);
  let readyEntities = new Uint8Array(0); // the baseline has seen enough of the entity
  let usuals = new Float64Array(0); // the baseline's usual mean of each entity
  let highs = new Float64Array(0); // upper end of what is ordinary, entity x models
  let decayedAt = NaN;

  function warmth(entity: number): number {
    const byRows = options.trust.rows === undefined ? 1 : unseenRows[entity] / options.trust.rows;
    const byTime = options.trust.ms === undefined ? 1 : unseenMs[entity] / options.trust.ms;
    return Math.min(1, byRows, byTime);
  }

  function usualMean(entity: number, refresh: boolean): number {
    if (refresh || usuals[entity] !== usuals[entity]) usuals[entity] = tails[0].trimmedMean(entity, TRIM);
    return usuals[entity];
  }

  function forgetSlowly(time: number): void {
    if (!(decayedAt <= time)) decayedAt = time; // first row, or the clock went back
    // a long stop forgets no more than a day: what was learnt before it is better than nothing
    const hours = Math.min(LONGEST_DECAY_HOURS, (time - decayedAt) / HOUR_MS);
    if (hours < 1) return;
    for (const tail of tails) tail.decay(Math.pow(2, -hours / HALF_LIFE_HOURS));
    decayedAt = time;
  }

  return {
    grow(wanted: number): void {
      if (wanted <= count) return;
      count = Math.max(wanted, Math.min(2 * count, count + 4096));
      for (const tail of tails) tail.grow(count);
      const keep = <T extends Float64Array | Uint8Array>(larger: T, old: T): T => {
        larger.set(old);
        return larger;
      };
      thresholds = keep(new Float64Array(count * (models + 2)).fill(NaN), thresholds);
      unseenRows = keep(new Float64Array(count), unseenRows);
      unseenMs = keep(new Float64Array(count), unseenMs);
      rowsSince = keep(new Uint8Array(count), rowsSince);
      readyEntities = keep(new Uint8Array(count), readyEntities);
      usuals = keep(new Float64Array(count).fill(NaN), usuals);
      highs = keep(new Float64Array(count * models).fill(NaN), highs);
    },

    /**
     * `deviation` (rows x features, from the baseline; lowered in place where a feature's habit asks for it), `warmup` (0..1, rows of the baseline seen) and
     * `scored` (for each model its raw scores divided by their usual mean, NaN = not scored) become verdicts in `out`.
     */
    judge(
      rows: number,
      entity: Int32Array,
      time: Float64Array,
      values: Float64Array,
      deviation: Float64Array,
      warmup: (entity: number, needed: number) => number,
      scored: readonly Float64Array[],
      out: DecisionColumns,
    ): void {
      if (rows > 0) forgetSlowly(time[rows - 1]);
      const [base] = out.detectors;
      const combined = out.detectors[ensemble];
      for (let r = 0; r < rows; r++) {
        const e = entity[r];
        let largest = NaN;
        const watched = budget?.watching(e) ?? false;
        for (let j = 0; j < columns; j++) {
          const at = r * columns + j;
          let d = deviation[at];
          if (d !== d) continue;
          if (budget && (watched || d >= 1)) {
            const bar = budget.bar(e * columns + j);
            budget.tell(e * columns + j, time[r], d);
            if (bar > 1) deviation[at] = d /= bar;
          }
          if (!(d <= largest)) largest = d;
        }
        out.largest[r] = largest;
        const ready = readyEntities[e] === 1 ? 1 : largest === largest ? warmup(e, baselineRows) : 0;
        if (ready >= 1) readyEntities[e] = 1;
        base.raw[r] = base.score[r] = largest;
        base.threshold[r] = 1;
        base.warmup[r] = ready;
        if (largest === largest) tails[0].add(e, largest);

        const refresh = ++rowsSince[e] >= REFRESH_ROWS;
        if (refresh) rowsSince[e] = 0;
        let sum = 0;
        let members = 0;
        let others = 0;
        const usual = models > 0 && largest === largest ? usualMean(e, refresh) : NaN;
        if (usual > 0) {
          sum = largest / usual;
          members = 1;
        }
        for (let m = 0; m < models; m++) {
          const column = out.detectors[m + 1];
          const raw = scored[m][r];
          const slot = e * (models + 2) + m + 1;
          column.raw[r] = raw;
          column.warmup[r] = warmth(e);
          if (raw === raw) {
            tails[m + 1].add(e, raw);
            if (refresh || thresholds[slot] !== thresholds[slot])
              thresholds[slot] = thresholdOf(tails[m + 1], e, options.threshold);
            sum += raw;
            if (refresh || highs[e * models + m] !== highs[e * models + m])
              highs[e * models + m] = tails[m + 1].quantile(e, HIGH_QUANTILE);
            others += highs[e * models + m];
            members++;
          }
          column.threshold[r] = thresholds[slot];
          column.score[r] = raw / thresholds[slot];
        }

        const complete = members === models + 1 && models > 0;
        const warm = warmth(e);
        if (models > 0) {
          const slot = e * (models + 2) + ensemble;
          const floor = (1 / usual + others) / (models + 1);
          const raw = complete ? sum / members : NaN;
          if (complete) {
            tails[ensemble].add(e, raw);
            unseenRows[e]++;
            unseenMs[e] += options.intervalMs;
            if (refresh || thresholds[slot] !== thresholds[slot])
              thresholds[slot] = thresholdOf(tails[ensemble], e, options.threshold);
          }
          combined.raw[r] = raw;
          combined.threshold[r] = complete ? Math.max(floor, thresholds[slot] || 0) : NaN;
          combined.score[r] = raw / combined.threshold[r];
          combined.warmup[r] = warm;
        }

        const trusted = complete && warm >= 1;
        let score = trusted ? combined.score[r] : largest;
        let limit = 0;
        for (const { j, limits } of bounded) {
          const over = beyond(values[r * columns + j], limits);
          if (over > 0) {
            limit = Math.max(limit, over);
            deviation[r * columns + j] = Math.max(deviation[r * columns + j] || 0, over);
          }
        }
        out.limit[r] = limit > 0 ? 1 : 0;
        if (limit > 0 && !(score >= limit)) score = limit;
        out.score[r] = score;
        out.severity[r] = limit > 0 || trusted || ready >= 1 ? severityOf(score) : 0;
        out.confidence[r] =
          score === score ? agreement(out.detectors, r, score) * (trusted || limit > 0 ? 1 : ready) : NaN;
        out.budgetUsed[r] = budget ? budget.used(e, time[r]) : NaN;
        explain(r, score, deviation, out.contributions);
      }
    },

    /** Scores that the model gave to rows it was not fitted on, so that a new model has a threshold at once. */
    seed(entity: number, model: number, scores: Float64Array): void {
      this.grow(entity + 1);
      for (const score of scores) tails[model + 1].add(entity, score);
      thresholds[entity * (models + 2) + model + 1] = thresholdOf(tails[model + 1], entity, options.threshold);
    },

    incidentOpened(entity: number, time: number): void {
      budget?.opened(entity, time);
    },

    /** rows of the baseline before its score may open an incident */
    baselineRows,
    /** raw threshold of a fitted detector for an entity; NaN = not known yet */
    threshold: (entity: number, model: number): number => thresholds[entity * (models + 2) + model + 1],
    warmth,

    save(entity: number): DecisionSaved {
      return {
        tails: tails.map((tail) => tail.save(entity)),
        thresholds: [
          ...thresholds.subarray(entity * (models + 2), (entity + 1) * (models + 2)),
          usuals[entity],
          ...highs.subarray(entity * models, (entity + 1) * models),
        ],
        unseenRows: unseenRows[entity],
        unseenMs: unseenMs[entity],
        rowsSince: rowsSince[entity],
        decayedAt,
        budget: budget?.save(entity),
      };
    },

    restore(entity: number, saved: DecisionSaved): void {
      this.grow(entity + 1);
      if (saved.tails.length !== tails.length || saved.thresholds.length !== 2 * models + 3)
        throw new Error(`calibration of ${saved.tails.length - 2} models does not fit ${models}`);
      tails.forEach((tail, i) => tail.restore(entity, saved.tails[i]));
      thresholds.set(saved.thresholds.slice(0, models + 2), entity * (models + 2));
      highs.set(saved.thresholds.slice(models + 3), entity * models);
      usuals[entity] = saved.thresholds[models + 2];
      unseenRows[entity] = saved.unseenRows;
      unseenMs[entity] = saved.unseenMs;
      rowsSince[entity] = saved.rowsSince;
      if (!(decayedAt >= saved.decayedAt)) decayedAt = saved.decayedAt;
      if (budget && saved.budget) budget.restore(entity, saved.budget);
    },

    forget(entity: number): void {
      for (const tail of tails) tail.forget(entity);
      thresholds.fill(NaN, entity * (models + 2), (entity + 1) * (models + 2));
      unseenRows[entity] = unseenMs[entity] = rowsSince[entity] = readyEntities[entity] = 0;
      usuals[entity] = NaN;
      highs.fill(NaN, entity * models, (entity + 1) * models);
      budget?.forget(entity);
    },
  };

  function explain(r: number, score: number, deviation: Float64Array, contributions: Float64Array): void {
    let sum = 0;
    if (score >= EXPLAIN_FROM) {
      for (let j = 0; j < columns; j++) {
        const d = deviation[r * columns + j];
        if (d === d) sum += d * d;
      }
    }
    for (let j = 0; j < columns; j++) {
      const d = deviation[r * columns + j];
      contributions[r * columns + j] = sum > 0 ? (d === d ? (d * d) / sum : 0) : NaN;
    }
  }
}

export type Decision = ReturnType<typeof createDecision>;

/** How far beyond a limit, as a score: 1 at the limit, 2 at twice the distance from zero; 0 inside. */
function beyond(value: number, limits: { readonly min?: number; readonly max?: number }): number {
  if (limits.max !== undefined && value > limits.max)
    return Math.min(LARGEST, 1 + (value - limits.max) / Math.max(Math.abs(limits.max), 1e-12));
  if (limits.min !== undefined && value < limits.min)
    return Math.min(LARGEST, 1 + (limits.min - value) / Math.max(Math.abs(limits.min), 1e-12));
  return 0;
}

/** Share of the warm detectors that stand on the verdict's side of the threshold. */
function agreement(detectors: readonly DetectorScores[], r: number, score: number): number {
  let warm = 0;
  let agree = 0;
  for (const detector of detectors) {
    const own = detector.score[r];
    if (own !== own || !(detector.warmup[r] >= 1)) continue;
    warm++;
    if (own >= 1 === score >= 1) agree++;
  }
  return warm === 0 ? 1 : agree / warm;
}
