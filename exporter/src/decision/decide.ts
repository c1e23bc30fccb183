/**
 * From deviations and raw scores to verdicts, for the entities of one schema. Three channels, and the highest speaks: a crossed limit at any time; the
 * baseline's deviations; and, once it has scored enough unseen rows, the ensemble. The baseline stays beside the ensemble because it sees each sample and slow
 * climbs, which models of a step's relations do not.
 *
 * The ensemble's threshold has a floor: the baseline at its limit and the others at the upper end of what is ordinary for them. So a quiet machine's
 * rarest row is not an anomaly just for being rarest.
 */
import type { DetectorScores, FeatureSpec } from '../flow.ts';
import { createBesideBaseline, type BesideSaved } from './beside-baseline.ts';
import { createBudget, type BudgetSaved } from './budget.ts';
import { createCalibration, type CalibrationSaved } from './calibration.ts';
import { agreement } from './confidence.ts';
import { allMembers, combination, combine, membersInUse } from './ensemble.ts';
import { explain } from './explain.ts';
import { beyond } from './limits.ts';
import type { EnsembleOptions, ThresholdOptions } from './options.ts';
import { createScoreSamples, type SavedSamples } from './score-samples.ts';
import { severityOf } from './severity.ts';
import { createTail } from './tail.ts';
import { thresholdOf } from './threshold.ts';

/** rows of the baseline, and their time, before its score may open an incident */
const BASELINE_ROWS = 60;
const BASELINE_MS = 60_000;
/** the baseline's limit beside a trusted ensemble, in its own limits: two channels share one budget of false alarms */
const BESIDE_ENSEMBLE = 1.12;
const HALF_LIFE_HOURS = 72;
/** what scores of an outgrown model still count */
const OUTGROWN = 0.05;
const LONGEST_DECAY_HOURS = 24;
const HOUR_MS = 3_600_000;
/** a threshold is worked out again after this many rows */
const REFRESH_ROWS = 64;
/** the highest scores that do not count for a member's usual mean */
const TRIM = 0.05;
/** a model's score at this quantile counts as still ordinary */
const HIGH_QUANTILE = 0.95;
/** rows without a score after which a member counts as gone */
const GONE_ROWS = 60;
/** fewest combined scores an ensemble's threshold is trusted from */
const FEWEST_COMBINED = 100;
/** rows of the smoothed score */
const SMOOTHING = 2 / (5 + 1);

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
  readonly ensemble: EnsembleOptions;
  /** when an incident opens by a single row, and after how many calm rows it closes: the budget is counted in incidents */
  readonly opening: { readonly openAtOnce: number; readonly coldRows: number };
}

export interface DecisionColumns {
  readonly score: Float64Array;
  /** EWMA(5) of the score */
  readonly smoothed: Float64Array;
  readonly confidence: Float64Array;
  readonly severity: Uint8Array;
  readonly budgetUsed: Float64Array;
  /** rows x features */
  readonly contributions: Float64Array;
  /** largest deviation of any feature, after habits */
  readonly largest: Float64Array;
  /** 1 where a configured limit was crossed */
  readonly limit: Uint8Array;
  /** 1 where the ensemble alone is above its threshold: no single feature explains it */
  readonly relation: Uint8Array;
  /** baseline, the models, then the ensemble if there are models */
  readonly detectors: readonly DetectorScores[];
}

/** One detector's calibration of an entity. */
export interface DetectorSaved {
  name: string;
  tail: Float32Array;
  threshold: number;
  high: number;
  unseenRows: number;
}

export interface DecisionSaved {
  /** the baseline, then the models */
  detectors: DetectorSaved[];
  ensemble: CalibrationSaved;
  usual: number;
  rowsSince: number;
  decayedAt: number;
  smoothed: number;
  beside: BesideSaved;
  /** the ensemble's combination and the members in use */
  version: string;
  members: number;
  samples: SavedSamples | undefined;
  budget: BudgetSaved | undefined;
}

export function createDecision(features: readonly FeatureSpec[], options: DecisionOptions) {
  const columns = features.length;
  const bounded = features.flatMap((feature, j) => (feature.limits ? [{ j, limits: feature.limits }] : []));
  const budget =
    options.threshold.method === 'budget' ? createBudget(options.threshold.incidentsPerDay, columns) : undefined;
  const names = ['baseline', ...options.models];
  const width = names.length; // detectors without the ensemble
  const models = options.models.length;
  const baselineRows = Math.max(BASELINE_ROWS, Math.ceil(BASELINE_MS / options.intervalMs));
  const tails = names.map(() => createTail(1));
  const { openAtOnce, coldRows } = options.opening;
  const ensembleCalibration = createCalibration(options.threshold, 1, openAtOnce, coldRows);
  const samples = createScoreSamples(width);
  const relative = new Float64Array(width);
  const calibrated = new Float64Array(width);
  let mix = combination(options.ensemble, names);
  let count = 0;
  let thresholds = new Float64Array(0); // entity x detectors; the baseline's stays 1
  let highs = new Float64Array(0); // upper end of what is ordinary, entity x detectors
  let unseenRows = new Float64Array(0); // entity x detectors
  let silentRows = new Uint8Array(0); // rows since the last score, entity x detectors
  let members = new Int32Array(0); // bits of the ensemble's members in use, by entity
  const beside = createBesideBaseline(options.intervalMs);
  let smoothed = new Float64Array(0);
  let rowsSince = new Uint8Array(0);
  let readyEntities = new Uint8Array(0); // the baseline has seen enough of the entity
  let usuals = new Float64Array(0); // the baseline's usual mean of each entity
  let decayedAt = NaN;

  /** 0..1, of a fitted detector (numbered from 1) */
  function warmth(entity: number, detector: number): number {
    const rows = unseenRows[entity * width + detector];
    const byRows = options.trust.rows === undefined ? 1 : rows / options.trust.rows;
    const byTime = options.trust.ms === undefined ? 1 : (rows * options.intervalMs) / options.trust.ms;
    return rows === 0 ? 0 : Math.min(1, byRows, byTime);
  }

  /** 0..1: its least warm member, and how many scores its threshold stands on. */
  function ensembleWarmth(entity: number): number {
    const use = members[entity];
    if (use === 0) return 0;
    let least = 1;
    for (let i = 1; i < width; i++) if (use & (1 << i)) least = Math.min(least, warmth(entity, i));
    if (mix.method === 'vote') return least;
    return Math.min(least, ensembleCalibration.rows(entity) / FEWEST_COMBINED);
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

  /** Other members: their combination is calibrated anew, from the samples. */
  function recalibrate(entity: number, time: number): void {
    ensembleCalibration.forget(entity);
    if (mix.method === 'vote') return;
    samples.each(entity, (rows, at, rowsAgo) =>
      ensembleCalibration.push(
        entity,
        time - rowsAgo * options.intervalMs,
        combine(mix, members[entity], rows, at, calibrated),
      ),
    );
  }

  /** Chooses the members of this row's entity and gives their bits; 0 = no ensemble. */
  function choose(e: number, time: number, ready: number): number {
    let established = 0;
    let warm = 0;
    for (let i = 0; i < width; i++) {
      if (relative[i] === relative[i]) silentRows[e * width + i] = 0;
      else if (silentRows[e * width + i] < GONE_ROWS) silentRows[e * width + i]++;
      if (mix.weights[i] === 0 || silentRows[e * width + i] >= GONE_ROWS) continue;
      established |= 1 << i;
      if (i === 0 ? ready >= 1 : warmth(e, i) >= 1) warm |= 1 << i;
    }
    const use = membersInUse(mix, established, warm);
    if (use !== members[e]) {
      members[e] = use;
      recalibrate(e, time);
    }
    return use;
  }

  /** Below this the members' combined score is ordinary. */
  function floorOf(e: number, use: number): number {
    if (mix.method === 'vote') return 0;
    let sum = 0;
    let total = 0;
    for (let i = 0; i < width; i++) {
      if ((use & (1 << i)) === 0) continue;
      const high = i === 0 ? 1 / usuals[e] : highs[e * width + i];
      if (mix.method === 'max') sum = Math.max(sum, high);
      else sum += mix.weights[i] * high;
      total += mix.weights[i];
    }
    return mix.method === 'mean' ? sum / total : sum;
  }

  return {
    grow(wanted: number): void {
      if (wanted <= count) return;
      count = Math.max(wanted, Math.min(2 * count, count + 4096));
      for (const tail of tails) tail.grow(count);
      ensembleCalibration.grow(count);
      const keep = <T extends Float64Array | Uint8Array | Int32Array>(larger: T, old: T): T => {
        larger.set(old);
        return larger;
      };
      thresholds = keep(new Float64Array(count * width).fill(NaN), thresholds);
      highs = keep(new Float64Array(count * width).fill(NaN), highs);
      unseenRows = keep(new Float64Array(count * width), unseenRows);
      silentRows = keep(new Uint8Array(count * width).fill(GONE_ROWS), silentRows);
      members = keep(new Int32Array(count), members);
      smoothed = keep(new Float64Array(count), smoothed);
      beside.grow(count);
      rowsSince = keep(new Uint8Array(count), rowsSince);
      readyEntities = keep(new Uint8Array(count), readyEntities);
      usuals = keep(new Float64Array(count).fill(NaN), usuals);
    },

    /** Other members, weights or method from the next row on; no detector's own scores change. Throws as `combination` does, and nothing has changed then. */
    setEnsemble(ensemble: EnsembleOptions): void {
      const next = combination(ensemble, names);
      if (next.version === mix.version) return;
      mix = next;
      members.fill(0);
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
      const combined = out.detectors[width];
      for (let r = 0; r < rows; r++) {
        const e = entity[r];
        const largest = habitual(r, e, time[r], deviation);
        out.largest[r] = largest;
        const ready = readyEntities[e] === 1 ? 1 : largest === largest ? warmup(e, baselineRows) : 0;
        if (ready >= 1) readyEntities[e] = 1;
        base.raw[r] = base.score[r] = largest;
        base.threshold[r] = 1;
        base.warmup[r] = ready;
        if (largest === largest) tails[0].add(e, largest);

        const refresh = ++rowsSince[e] >= REFRESH_ROWS;
        if (refresh) rowsSince[e] = 0;
        calibrated[0] = largest;
        const usual = models > 0 && mix.weights[0] > 0 && largest === largest ? usualMean(e, refresh) : NaN;
        relative[0] = usual > 0 ? largest / usual : NaN;
        for (let m = 0; m < models; m++) scoreModel(r, e, m + 1, scored[m][r], refresh, out);

        const ensemble = models > 0 ? scoreEnsemble(r, e, time[r], ready, combined) : NaN;
        const trusted = ensemble === ensemble && combined.warmup[r] >= 1;
        let score = largest;
        if (trusted && mix.weights[0] > 0) score = ensemble;
        else if (trusted) score = Math.max(largest / BESIDE_ENSEMBLE || 0, beside.push(e, ensemble, largest));
        out.relation[r] = trusted && score >= 1 && !(largest >= 1) ? 1 : 0;
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
        if (score === score) smoothed[e] += SMOOTHING * (score - smoothed[e]);
        out.smoothed[r] = score === score ? smoothed[e] : NaN;
        const speaks = limit > 0 || trusted || ready >= 1;
        // the raw score pages, so that short events are not lost; how bad it is takes a few rows to tell
        const lasting = Math.max(limit, Math.min(score, smoothed[e]));
        out.severity[r] = speaks && score >= 1 ? Math.max(1, severityOf(lasting)) : 0;
        out.confidence[r] =
          score === score ? agreement(out.detectors, r, score) * (trusted || limit > 0 ? 1 : ready) : NaN;
        out.budgetUsed[r] = budget ? budget.used(e, time[r]) : NaN;
        explain(r, columns, score, deviation, out.contributions);
      }
    },

    /** Scores that the model gave to rows it was not fitted on, so that a new model has a threshold at once. */
    seed(entity: number, model: number, scores: Float64Array): void {
      this.grow(entity + 1);
      for (const score of scores) tails[model + 1].add(entity, score);
      thresholds[entity * width + model + 1] = thresholdOf(tails[model + 1], entity, options.threshold);
    },

    /** The model was replaced by one of many more rows: scores of the old one hardly count any more, neither for it nor for the ensemble. */
    outgrown(entity: number, model: number): void {
      tails[model + 1].weaken(entity, OUTGROWN);
      if (mix.weights[model + 1] === 0) return;
      ensembleCalibration.weaken(entity, OUTGROWN);
      samples.forget(entity);
    },

    /** fitted members in use, heaviest first, numbered from 0 */
    membersByWeight(entity: number): number[] {
      return options.models
        .map((_, m) => m)
        .filter((m) => members[entity] & (2 << m))
        .sort((a, b) => mix.weights[b + 1] - mix.weights[a + 1]);
    },

    incidentOpened(entity: number, time: number): void {
      budget?.opened(entity, time);
    },

    /** rows of the baseline before its score may open an incident */
    baselineRows,
    /** raw threshold of a fitted detector for an entity; NaN = not known yet */
    threshold: (entity: number, model: number): number => thresholds[entity * width + model + 1],
    warmth: (entity: number, model: number): number => warmth(entity, model + 1),
    /** members that are configured and not in use for this entity: not warm, without a model, or failing */
    leftOut(entity: number): string[] {
      const missing = members[entity] === 0 ? 0 : allMembers(mix) & ~members[entity];
      return names.filter((_, i) => missing & (1 << i));
    },

    save(entity: number): DecisionSaved {
      return {
        detectors: names.map((name, i) => ({
          name,
          tail: tails[i].save(entity),
          threshold: thresholds[entity * width + i],
          high: highs[entity * width + i],
          unseenRows: unseenRows[entity * width + i],
        })),
        ensemble: ensembleCalibration.save(entity),
        usual: usuals[entity],
        rowsSince: rowsSince[entity],
        decayedAt,
        smoothed: smoothed[entity],
        beside: beside.save(entity),
        version: mix.version,
        members: members[entity],
        samples: samples.save(entity),
        budget: budget?.save(entity),
      };
    },

    /** What was saved, by the detectors' names: those that are new begin, those that are gone are forgotten. */
    restore(entity: number, saved: DecisionSaved): void {
      this.grow(entity + 1);
      names.forEach((name, i) => {
        const own = saved.detectors.find((detector) => detector.name === name);
        if (!own) return;
        tails[i].restore(entity, own.tail);
        thresholds[entity * width + i] = own.threshold;
        highs[entity * width + i] = own.high;
        unseenRows[entity * width + i] = own.unseenRows;
        silentRows[entity * width + i] = 0;
      });
      if (saved.version === mix.version) {
        members[entity] = saved.members;
        ensembleCalibration.restore(entity, saved.ensemble);
      }
      const savedNames = saved.detectors.map(({ name }) => name);
      if (saved.samples)
        samples.restore(
          entity,
          saved.samples,
          savedNames.length,
          names.map((name) => savedNames.indexOf(name)),
        );
      usuals[entity] = saved.usual;
      rowsSince[entity] = saved.rowsSince;
      smoothed[entity] = saved.smoothed;
      beside.restore(entity, saved.beside);
      if (!(decayedAt >= saved.decayedAt)) decayedAt = saved.decayedAt;
      if (budget && saved.budget) budget.restore(entity, saved.budget);
    },

    forget(entity: number): void {
      for (const tail of tails) tail.forget(entity);
      ensembleCalibration.forget(entity);
      thresholds.fill(NaN, entity * width, (entity + 1) * width);
      highs.fill(NaN, entity * width, (entity + 1) * width);
      unseenRows.fill(0, entity * width, (entity + 1) * width);
      silentRows.fill(GONE_ROWS, entity * width, (entity + 1) * width);
      members[entity] = rowsSince[entity] = readyEntities[entity] = smoothed[entity] = 0;
      beside.forget(entity);
      usuals[entity] = NaN;
      samples.forget(entity);
      budget?.forget(entity);
    },
  };

  /** The largest deviation of a row after features with a habit of alarming were held to their own bars. */
  function habitual(r: number, e: number, time: number, deviation: Float64Array): number {
    let largest = NaN;
    const watched = budget?.watching(e) ?? false;
    for (let j = 0; j < columns; j++) {
      const at = r * columns + j;
      let d = deviation[at];
      if (d !== d) continue;
      if (budget && (watched || d >= 1)) {
        const bar = budget.bar(e * columns + j);
        budget.tell(e * columns + j, time, d);
        if (bar > 1) deviation[at] = d /= bar;
      }
      if (!(d <= largest)) largest = d;
    }
    return largest;
  }

  function scoreModel(r: number, e: number, i: number, raw: number, refresh: boolean, out: DecisionColumns): void {
    const column = out.detectors[i];
    const slot = e * width + i;
    column.raw[r] = raw;
    column.warmup[r] = warmth(e, i);
    if (raw === raw) {
      tails[i].add(e, raw);
      // no ensemble is trusted before the baseline beside it has an opinion
      if (calibrated[0] === calibrated[0]) unseenRows[slot]++;
      if (refresh || thresholds[slot] !== thresholds[slot])
        thresholds[slot] = thresholdOf(tails[i], e, options.threshold);
      if (mix.weights[i] > 0 && (refresh || highs[slot] !== highs[slot]))
        highs[slot] = tails[i].quantile(e, HIGH_QUANTILE);
    }
    column.threshold[r] = thresholds[slot];
    column.score[r] = raw / thresholds[slot];
    relative[i] = raw;
    calibrated[i] = column.score[r];
  }

  /** The ensemble's calibrated score; NaN without a full set of members. */
  function scoreEnsemble(r: number, e: number, time: number, ready: number, column: DetectorScores): number {
    samples.add(e, relative);
    const use = choose(e, time, ready);
    const raw = use === 0 ? NaN : combine(mix, use, relative, 0, calibrated);
    let threshold = mix.votes;
    if (mix.method !== 'vote') threshold = Math.max(floorOf(e, use), ensembleCalibration.push(e, time, raw) || 0);
    column.raw[r] = raw;
    column.threshold[r] = raw === raw ? threshold : NaN;
    column.score[r] = raw / column.threshold[r];
    column.warmup[r] = ensembleWarmth(e);
    return column.score[r];
  }
}

export type Decision = ReturnType<typeof createDecision>;
