/**
 * Samples (about 1 s apart) to steps (about 15 s), both ways that are needed: the *trailing* step of every sample, which detectors score, and the
 * *whole* steps on the grid of event time, which history keeps and models are fitted on.
 * There is nothing to save: a restart is a gap.
 */
import type { FeatureSpec, Schema } from '../flow.ts';
import { entitiesIn, nextCapacity, requireLength } from './capacity.ts';
import { createTrailing } from './trailing.ts';
import { createTransform } from './transform.ts';
import { createWholeSteps } from './whole-steps.ts';
import type { ClosedSteps } from './whole-steps.ts';

export interface Steps {
  /**
   * The columns of `out` and of closed steps: every feature's mean, then a column `<name>_peak` with the maximum for each feature marked `peak`.
   * One sample is its own maximum: no peak columns then. All are gauges; limits stay with the mean columns.
   */
  readonly columns: readonly FeatureSpec[];
  /**
   * Takes `rows` rows of natural values (rows x features, NaN = missing, never infinite: the output of Rates) and writes each one's trailing step
   * to `out` (rows x columns, in model units: see transform.ts; another buffer than `values`). Rows of one entity come in the order of
   * their time. A window that is not full yet is aggregated over what it has; `gap` 1 empties it first, but leaves the whole step alone,
   * which holds whatever fell into it. Returns the whole steps that these rows ended. Throws a RangeError on buffers that are too short and on negative entity indexes.
   */
  push(
    entity: Int32Array,
    time: Float64Array,
    gap: Uint8Array,
    values: Float64Array,
    rows: number,
    out: Float64Array,
  ): ClosedSteps;
  /** drops the entity's window and its unfinished step */
  forget(entity: number): void;
}

/** The trailing window counts its samples in 16 bits. */
const MOST_SAMPLES = 65_535;

/** `stepMs` is the grid of whole steps, normally samplesPerStep x interval. Throws a RangeError on counts and steps that make no sense. */
export function createSteps(schema: Schema, samplesPerStep: number, stepMs: number): Steps {
  if (!Number.isInteger(samplesPerStep) || samplesPerStep < 1 || samplesPerStep > MOST_SAMPLES)
    throw new RangeError(`${samplesPerStep} samples a step: it must be a whole number from 1 to ${MOST_SAMPLES}`);
  if (!(stepMs > 0)) throw new RangeError(`step of ${stepMs} ms: it must be positive`);
  return samplesPerStep === 1 ? singleSamples(schema) : aggregates(schema, samplesPerStep, stepMs);
}

/** Every sample is a step of its own, closed at once: no state, and the closed steps are the caller's own arrays. */
function singleSamples({ features }: Schema): Steps {
  const columns = features.map(meanColumn);
  const transform = createTransform(columns);
  const closed: { -readonly [Part in keyof ClosedSteps]: ClosedSteps[Part] } = {
    rows: 0,
    entity: new Int32Array(0),
    time: new Float64Array(0),
    gap: new Uint8Array(0),
    samples: new Int32Array(0),
    values: new Float64Array(0),
  };
  return {
    columns,
    push(entity, time, gap, values, rows, out) {
      requireLength('entity', entity.length, rows);
      requireLength('time', time.length, rows);
      requireLength('gap', gap.length, rows);
      if (rows > closed.samples.length)
        closed.samples = new Int32Array(nextCapacity(closed.samples.length, rows)).fill(1);
      transform.forward(values, rows, out);
      closed.rows = rows;
      closed.entity = entity;
      closed.time = time;
      closed.gap = gap;
      closed.values = values;
      return closed;
    },
    forget() {},
  };
}

function aggregates({ features }: Schema, samplesPerStep: number, stepMs: number): Steps {
  const peaks = Int32Array.from(features.flatMap(({ peak }, column) => (peak ? [column] : [])));
  const columns = [...features.map(meanColumn), ...features.filter(({ peak }) => peak).map(peakColumn)];
  const transform = createTransform(columns);
  const trailing = createTrailing(features.length, peaks, samplesPerStep);
  const wholeSteps = createWholeSteps(features.length, peaks, stepMs);
  return {
    columns,
    push(entity, time, gap, values, rows, out) {
      requireLength('entity', entity.length, rows);
      requireLength('time', time.length, rows);
      requireLength('gap', gap.length, rows);
      requireLength('values', values.length, rows * features.length);
      requireLength('out', out.length, rows * columns.length);
      const entities = entitiesIn(entity, rows);
      trailing.push(entity, gap, values, rows, entities, out);
      transform.forward(out, rows, out);
      return wholeSteps.push(entity, time, values, rows, entities);
    },
    forget(entity) {
      trailing.forget(entity);
      wholeSteps.forget(entity);
    },
  };
}

/** A feature as a step's row holds it: a value, no longer a running total. */
function meanColumn({ per: _per, peak: _peak, ...feature }: FeatureSpec): FeatureSpec {
  return { ...feature, kind: 'gauge' };
}

function peakColumn({ limits: _limits, ...feature }: FeatureSpec): FeatureSpec {
  return { ...meanColumn(feature), name: `${feature.name}_peak`, help: `${feature.help} (maximum of the step)` };
}
