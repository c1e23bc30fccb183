/**
 * The flow of one monitor's entities of one schema, in order: rates -> steps -> history -> detectors -> decision. Columnar: a batch goes through as a whole.
 */
import type { MonitorConfig } from '../config/monitors.ts';
import type { BaselineState } from '../detectors/baseline-state.ts';
import { createBaselineState } from '../detectors/baseline-state.ts';
import { classify, kindTable } from '../decision/classify.ts';
import { createDecision, type Decision, type DecisionSaved } from '../decision/decide.ts';
import type { EnsembleOptions } from '../decision/options.ts';
import { createClimb, type Climb } from '../features/climb.ts';
import { createContext } from '../features/context.ts';
import { createRates, LONGEST_GAP } from '../features/rates.ts';
import { createSteps } from '../features/steps.ts';
import { createTransform } from '../features/transform.ts';
import { hysteresisRules } from '../incidents/hysteresis.ts';
import { chooseFeatures } from './chosen-features.ts';
import { expectationOf } from './expectation.ts';
import { createBuffers } from './group-buffers.ts';
import { createNewest } from './newest.ts';
import type { Batch, Detector, Entity, Expectation, Kind, Matrix, Model, Rows, Schema, Verdicts } from '../flow.ts';

/** Rows that are scored together, so that the buffers of a fleet stay small. */
const CHUNK = 256;
const HOUR_MS = 3_600_000;
/** a model of this many times the rows replaces the calibration of the one before, too */
const GROWN = 1.5;
const LEVEL_HALF_LIFE_MS = 1.5 * HOUR_MS;
const SCALE_HALF_LIFE_MS = 6 * HOUR_MS;
const FEWEST_LEVEL_SAMPLES = 100;
const FEWEST_SCALE_SAMPLES = 400;
/** entities whose memory is watched for leaks */
const CLIMB_ENTITIES = 256;
/** a leak has risen by this share of the feature's minimum deviation in ten minutes */
const CLIMB_SHARE = 0.3;

/** A fitted detector in use: who may be scored with it, and what it needs to know of them. */
export interface FittedModel {
  readonly model: Model;
  /** mean raw score on kept training rows */
  readonly meanScore: number;
  /** serves many entities, and sees each on its own scale */
  readonly shared: boolean;
}

export interface GroupOptions {
  readonly config: MonitorConfig;
  readonly schema: Schema;
  readonly entities: readonly Entity[];
  /** fitted detectors, without the baseline */
  readonly detectors: readonly Detector[];
  /** a closed step in natural units: columns of `columns` from `values[at]` on */
  onStep(entity: number, time: number, values: Float64Array, at: number): void;
  /** the source has named entity `entity`; what was saved of it is in force */
  onMet(entity: number): void;
  /** seconds that one detector took for a batch */
  onScored(detector: string, seconds: number): void;
}

export interface GroupSaved {
  readonly features: string[];
  readonly entity: string;
  readonly baseline: { values: Float64Array; season: Float64Array };
  readonly decision: DecisionSaved;
}

export function createGroup(options: GroupOptions) {
  const { config, entities, detectors } = options;
  const chosen = chooseFeatures(options.schema, config);
  const { schema } = chosen;
  const width = schema.features.length;
  const samplesPerStep = Math.max(1, Math.round(config.stepMs / config.intervalMs));
  const rates = createRates(options.schema, config.intervalMs);
  const steps = createSteps(schema, samplesPerStep, config.stepMs);
  const transform = createTransform(steps.columns);
  const stepWidth = steps.columns.length;
  const featureOf = steps.columns.map(({ name }) =>
    schema.features.findIndex((feature) => name === feature.name || name === `${feature.name}_peak`),
  );
  const contexts = detectors.map((detector) => createContext(stepWidth, detector.history));
  const baseline: BaselineState = createBaselineState(schema.features, {
    smoothing: samplesPerStep,
    levelHalfLife: Math.max(FEWEST_LEVEL_SAMPLES, LEVEL_HALF_LIFE_MS / config.intervalMs),
    scaleHalfLife: Math.max(FEWEST_SCALE_SAMPLES, SCALE_HALF_LIFE_MS / config.intervalMs),
    seasonal: true,
  });
  const decision: Decision = createDecision(schema.features, {
    threshold: config.threshold,
    trust: config.trust,
    intervalMs: config.intervalMs,
    models: detectors.map((detector) => detector.name),
    ensemble: config.ensemble,
    opening: hysteresisRules(config.intervalMs),
  });
  /** per detector, per entity index */
  const models = detectors.map(() => new Map<number, FittedModel>());
  /** entities whose state was restored and who have had no row since */
  const resumed = new Set<number>();
  /** entities whose last steps were remembered and who have closed none since */
  const remembered = new Set<number>();
  const waiting = new Map<string, GroupSaved>();
  const kinds = kindTable(schema.features);
  const memory = schema.features.findIndex(
    (feature, j) => kinds[j].up === 'memory_pressure' && feature.unit === 'ratio',
  );
  const climbs: Climb[] = [];
  /** entities of this schema that have had a row; the source's list has those of its other schemas too */
  const met = new Set<number>();
  let capacity = 0;
  let buffers = createBuffers(1, options.schema.features.length, width, stepWidth, detectors);
  const closedRow = new Float64Array(stepWidth);
  const newest = createNewest(stepWidth);

  /** Room for the entities that the source knows, and a welcome for those of this group's kind that come for the first time. */
  function meet(batch: Batch, rows: number): void {
    if (entities.length > capacity) {
      capacity = entities.length;
      baseline.grow(capacity);
      decision.grow(capacity);
    }
    for (let r = 0; r < rows; r++) {
      const e = batch.entity[r];
      if (met.has(e)) continue;
      met.add(e);
      const saved = waiting.get(entities[e].id);
      if (saved) {
        waiting.delete(entities[e].id);
        baseline.restore(e, saved.baseline);
        decision.restore(e, saved.decision);
        resumed.add(e);
      }
      options.onMet(e);
    }
  }

  /** A restart that was no longer than a gap may be is none for the statistics: they go on with the lags they had. */
  function bridge(batch: Batch, rows: number, gap: Uint8Array): void {
    for (let r = 0; r < rows; r++) {
      if (!resumed.delete(batch.entity[r])) continue;
      const since = batch.time[r] - baseline.lastTime(batch.entity[r]);
      if (since > 0 && since <= LONGEST_GAP * config.intervalMs) gap[r] = 0;
    }
  }

  /** Row `row` of a matrix in model units, onto its entity's own scale. Peak columns are on the scale of their feature. */
  function standardise(entity: number, data: Float64Array, row: number): void {
    for (let c = 0; c < stepWidth; c++) {
      const at = row * stepWidth + c;
      data[at] = baseline.standardise(entity, featureOf[c], data[at]);
    }
  }

  function scoreModels(batch: Batch, rows: number): void {
    for (let d = 0; d < detectors.length; d++) {
      const raw = buffers.modelScores[d];
      raw.fill(NaN, 0, rows);
      if (models[d].size === 0) continue;
      const started = performance.now();
      for (let from = 0; from < rows;) {
        const fitted = models[d].get(batch.entity[from]);
        let to = from + 1;
        while (to < rows && to - from < CHUNK && models[d].get(batch.entity[to]) === fitted) to++;
        if (fitted) scoreChunk(d, fitted, batch, from, to, raw);
        from = to;
      }
      options.onScored(detectors[d].name, (performance.now() - started) / 1000);
    }
  }

  function scoreChunk(d: number, fitted: FittedModel, batch: Batch, from: number, to: number, raw: Float64Array): void {
    const { rows, wanted, last } = contexts[d].assemble(from, to, batch.entity, batch.time, buffers.trailing);
    if (fitted.shared) {
      for (let k = 0; k < rows.values.rows; k++) standardise(batch.entity[from + rows.segment[k]], rows.values.data, k);
    }
    const out = buffers.chunkScores(rows.values.rows);
    detectors[d].score(fitted.model, rows, out, wanted);
    for (let r = from; r < to; r++) {
      // divided by the model's own usual score here, so that one number serves entities with different models
      raw[r] = out[last[r - from]] / fitted.meanScore;
    }
  }

  /** No feature stands out by itself in row `r`: the ensemble's heaviest member that explains tells which ones do together. */
  function explainRelation(batch: Batch, r: number): void {
    const e = batch.entity[r];
    const explaining = decision.membersByWeight(e).find((d) => detectors[d].contributions && models[d].has(e));
    if (explaining === undefined) return;
    const fitted = models[explaining].get(e)!;
    const { rows, last } = contexts[explaining].assemble(r, r + 1, batch.entity, batch.time, buffers.trailing);
    if (fitted.shared) for (let k = 0; k < rows.values.rows; k++) standardise(e, rows.values.data, k);
    const shares = buffers.chunkShares(rows.values.rows * stepWidth);
    detectors[explaining].contributions!(fitted.model, rows, {
      rows: rows.values.rows,
      columns: stepWidth,
      data: shares,
    });
    const out = buffers.decision.contributions.subarray(r * width, (r + 1) * width).fill(0);
    let total = 0;
    for (let c = 0; c < stepWidth; c++) {
      // squared, as deviations are: what is ordinary in every feature adds up to much otherwise
      const share = shares[last[0] * stepWidth + c] ** 2;
      out[featureOf[c]] += share;
      total += share;
    }
    if (total > 0) for (let j = 0; j < width; j++) out[j] /= total;
  }

  return {
    schema,
    /** columns of closed steps and of models */
    columns: steps.columns,
    transform,

    /** One batch of this schema becomes verdicts; they are valid until the next call. */
    process(batch: Batch): Verdicts {
      const rows = batch.entity.length;
      meet(batch, rows);
      if (buffers.capacity < rows)
        buffers = createBuffers(rows, options.schema.features.length, width, stepWidth, detectors);
      const { gap, natural, values, trailing } = buffers;
      rates.apply(batch, natural, gap);
      chosen.select(natural, rows, values);
      const closed = steps.push(batch.entity, batch.time, gap, values, rows, trailing);

      if (memory >= 0) {
        for (let r = 0; r < rows; r++) {
          const e = batch.entity[r];
          if (e < CLIMB_ENTITIES) (climbs[e] ??= createClimb()).push(batch.time[r], values[r * width + memory]);
        }
      }

      newest.keep(batch.entity, batch.time, trailing, rows);
      if (resumed.size > 0) bridge(batch, rows, gap);
      const started = performance.now();
      baseline.push(rows, batch.entity, batch.time, gap, values, buffers.baseline);
      options.onScored('baseline', (performance.now() - started) / 1000);
      scoreModels(batch, rows);

      for (let r = 0; r < closed.rows; r++) {
        const e = closed.entity[r];
        // the first step after a restart has no predecessor here, but the one that is remembered
        if (closed.gap[r] === 1 && !remembered.has(e)) for (const context of contexts) context.clear(e);
        remembered.delete(e);
        // a step that began or ended in the middle is a mean of too few samples to learn from
        if (2 * closed.samples[r] < samplesPerStep) continue;
        transform.forward(closed.values.subarray(r * stepWidth, (r + 1) * stepWidth), 1, closedRow);
        for (const context of contexts) context.push(e, closed.time[r], closedRow, 0);
        options.onStep(e, closed.time[r], closed.values, r * stepWidth);
      }

      decision.judge(
        rows,
        batch.entity,
        batch.time,
        values,
        buffers.baseline.deviation,
        (entity, needed) => baseline.warmup(entity, needed),
        buffers.modelScores,
        buffers.decision,
      );
      for (let r = 0; r < rows; r++) if (buffers.decision.relation[r] === 1) explainRelation(batch, r);
      const matrix = (data: Float64Array): Matrix => ({ rows, columns: width, data });
      return {
        monitor: config.name,
        intervalMs: config.intervalMs,
        schema,
        entities,
        rows,
        entity: batch.entity,
        time: batch.time,
        score: buffers.decision.score,
        smoothed: buffers.decision.smoothed,
        confidence: buffers.decision.confidence,
        severity: buffers.decision.severity,
        values: matrix(values),
        expected: matrix(buffers.baseline.expected),
        lower: matrix(buffers.baseline.lower),
        upper: matrix(buffers.baseline.upper),
        contributions: matrix(buffers.decision.contributions),
        budgetUsed: buffers.decision.budgetUsed,
        detectors: buffers.decision.detectors,
      };
    },

    /** What row `r` of the last verdicts points to. */
    kindOf(verdicts: Verdicts, r: number): Kind {
      const { contributions, largest, limit } = buffers.decision;
      const leak =
        memory >= 0 &&
        (climbs[verdicts.entity[r]]?.climbing(CLIMB_SHARE * schema.features[memory].minimumDeviation) ?? false);
      return classify(
        kinds,
        contributions.subarray(r * width, (r + 1) * width),
        (j) => !(verdicts.values.data[r * width + j] < verdicts.expected.data[r * width + j]),
        largest[r],
        limit[r] === 1,
        leak,
      );
    },

    /** The last closed steps of an entity from before a restart (natural units, oldest first), so that detectors with history go on at once. */
    remember(entity: number, { values, time }: Rows): void {
      remembered.add(entity);
      for (let r = 0; r < values.rows; r++) {
        transform.forward(values.data.subarray(r * stepWidth, (r + 1) * stepWidth), 1, closedRow);
        for (const context of contexts) context.push(entity, time[r], closedRow, 0);
      }
    },

    standardise,
    use(detector: number, entity: number, fitted: FittedModel, unseen: Float64Array): void {
      const before = models[detector].get(entity);
      models[detector].set(entity, fitted);
      // what a model of few rows gave to rows it had not seen says little about one of many
      const grown = before !== undefined && unseen.length > 0 && fitted.model.rows >= GROWN * before.model.rows;
      if (grown) decision.outgrown(entity, detector);
      // the decision works on scores in units of the model's mean
      if (grown || (!before && Number.isNaN(decision.threshold(entity, detector))))
        decision.seed(
          entity,
          detector,
          unseen.map((score) => score / fitted.meanScore),
        );
    },
    /** What fitted detectors think the newest values of an entity should be. */
    expected(id: string): readonly Expectation[] {
      const e = [...met].find((entity) => entities[entity].id === id);
      const row = e === undefined ? undefined : newest.row(e);
      if (e === undefined || !row) return [];
      return detectors.flatMap((detector, d) => {
        const fitted = models[d].get(e);
        if (!fitted || !detector.expected) return [];
        const context = contexts[d].assemble(0, 1, Int32Array.of(e), Float64Array.of(row.time), row.values);
        if (!fitted.shared) return [expectationOf(detector, fitted.model, context, schema, transform)];
        for (let k = 0; k < context.rows.values.rows; k++) standardise(e, context.rows.values.data, k);
        return [
          expectationOf(detector, fitted.model, context, schema, transform, (c, z) =>
            baseline.original(e, featureOf[c], z),
          ),
        ];
      });
    },
    modelOf: (detector: number, entity: number): FittedModel | undefined => models[detector].get(entity),
    /** indices of the entities that have had a row */
    members: (): readonly number[] => [...met],
    memberCount: (): number => met.size,
    incidentOpened: (entity: number, time: number): void => decision.incidentOpened(entity, time),
    /** 0..1: how much of its trust fitted detector `detector` has earned for an entity */
    warmup: (entity: number, detector: number): number => decision.warmth(entity, detector),
    leftOut: (entity: number): readonly string[] => decision.leftOut(entity),
    setEnsemble: (ensemble: EnsembleOptions): void => decision.setEnsemble(ensemble),
    baselineWarmup: (entity: number): number => baseline.warmup(entity, decision.baselineRows),
    /** raw score at which the calibrated score is 1, in the model's own units */
    threshold: (entity: number, detector: number): number =>
      decision.threshold(entity, detector) * (models[detector].get(entity)?.meanScore ?? NaN),

    save(): GroupSaved[] {
      const features = schema.features.map((feature) => feature.name);
      const saved = [...met].map((e) => ({
        features,
        entity: entities[e].id,
        baseline: baseline.save(e),
        decision: decision.save(e),
      }));
      return [...saved, ...waiting.values()];
    },

    /** What was saved is given to its entity when the source names it. Throws when it is of other features. */
    restore(saved: readonly GroupSaved[]): void {
      const features = schema.features.map((feature) => feature.name).join();
      for (const entity of saved) {
        if (entity.features.join() !== features)
          throw new Error(
            `state of ${entity.entity} is of the features ${entity.features.join(', ')}, not of those of ${schema.name} now`,
          );
        waiting.set(entity.entity, entity);
      }
    },
  };
}

export type Group = ReturnType<typeof createGroup>;
