/**
 * The statistical baseline as a detector: fit runs the adaptive statistics of `baseline-state.ts` over the rows and freezes them; a score is the largest
 * deviation of any feature (1 = its limit). While a monitor runs, the same statistics judge and learn sample by sample, which is where the adaptive part lives.
 */
import { z } from 'zod';
import type { Detector, FeatureSpec, Matrix, Model, Rows } from '../flow.ts';
import { BASELINE_MINIMUM, createBaselineState, type BaselineOptions, type BaselineOutputs } from './baseline-state.ts';
import type { DetectorType } from './detector-type.ts';
import { packModel, unpackModel } from './model-buffer.ts';

const NAME = 'baseline';
const LAYOUT_VERSION = 1;
const LAYOUT = ['f64', 'f64', 'f64', 'f64'] as const;
/** the drift average has forgotten its start after three spans */
const HISTORY = 180;

export const baselineOptions = z.strictObject({
  smoothing: z
    .number()
    .min(1)
    .max(3600)
    .default(1)
    .describe('samples of the exponential average a value passes before it is judged; 1 = none'),
  level_half_life: z.number().min(10).default(5400).describe('samples in which the level forgets half'),
  scale_half_life: z.number().min(10).default(21600).describe('samples in which the scales forget half'),
  seasonal: z.boolean().default(true).describe('keep an offset for each hour of the day, used from the second day on'),
});
export type BaselineDetectorOptions = z.infer<typeof baselineOptions>;

export interface BaselineModel extends Model {
  readonly specs: readonly FeatureSpec[];
  readonly options: BaselineOptions;
  readonly state: { values: Float64Array; season: Float64Array };
}

export const baselineType: DetectorType<BaselineDetectorOptions> = {
  name: NAME,
  options: baselineOptions,
  create: baseline,
};

/** The running statistics' options, from those of the configuration. */
export function baselineStateOptions(options: BaselineDetectorOptions): BaselineOptions {
  return {
    smoothing: options.smoothing,
    levelHalfLife: options.level_half_life,
    scaleHalfLife: options.scale_half_life,
    seasonal: options.seasonal,
  };
}

export function baseline(options: Partial<BaselineDetectorOptions> = {}): Detector<BaselineModel> {
  const stateOptions = baselineStateOptions(baselineOptions.parse(options));
  return {
    name: NAME,
    history: HISTORY,
    minimumRows: BASELINE_MINIMUM,
    fit(rows, fitOptions) {
      const { rows: count } = rows.values;
      if (count < BASELINE_MINIMUM)
        throw new Error(`${NAME} needs at least minimumRows = ${BASELINE_MINIMUM} rows to fit, got ${count}`);
      const state = createBaselineState(fitOptions.features, stateOptions);
      state.grow(1);
      push(state, rows, outputs(rows.values), true);
      return model(fitOptions.features, stateOptions, state.save(0), count);
    },
    score(fitted, rows, out, wanted) {
      const { rows: count, columns } = rows.values;
      const { deviation } = judge(fitted, rows);
      for (let r = 0; r < count; r++) {
        if (wanted?.[r] === 0) continue;
        let worst = NaN;
        for (let j = 0; j < columns; j++) {
          const d = deviation[r * columns + j];
          if (d > worst || (d === d && worst !== worst)) worst = d;
        }
        out[r] = worst;
      }
    },
    expected(fitted, rows, out, lower, upper) {
      const judged = judge(fitted, rows);
      out.data.set(judged.expected);
      lower?.data.set(judged.lower);
      upper?.data.set(judged.upper);
    },
    contributions(fitted, rows, out) {
      shares(judge(fitted, rows).deviation, out);
    },
    load(buffer) {
      const [head, specs, values, season] = unpackModel(NAME, LAYOUT_VERSION, LAYOUT, buffer);
      const features = unpackSpecs(specs);
      const [rows, smoothing, levelHalfLife, scaleHalfLife, seasonal] = head;
      const probe = createBaselineState(features, {
        smoothing,
        levelHalfLife,
        scaleHalfLife,
        seasonal: seasonal === 1,
      });
      probe.restore(0, { values, season }); // throws when the numbers do not fit the features
      return model(
        features,
        { smoothing, levelHalfLife, scaleHalfLife, seasonal: seasonal === 1 },
        { values, season },
        rows,
      );
    },
  };
}

/** Squared deviations as shares: what is far out takes most of the blame. Rows without any deviation are all 0. */
export function shares(deviation: Float64Array, out: Matrix): void {
  const { rows, columns, data } = out;
  for (let r = 0; r < rows; r++) {
    let sum = 0;
    for (let j = 0; j < columns; j++) {
      const d = deviation[r * columns + j];
      sum += d === d ? d * d : 0;
    }
    for (let j = 0; j < columns; j++) {
      const d = deviation[r * columns + j];
      data[r * columns + j] = sum > 0 && d === d ? (d * d) / sum : 0;
    }
  }
}

function judge(fitted: BaselineModel, rows: Rows): BaselineOutputs {
  const state = createBaselineState(fitted.specs, fitted.options);
  state.restore(0, fitted.state);
  const out = outputs(rows.values);
  push(state, rows, out, false);
  return out;
}

function push(state: ReturnType<typeof createBaselineState>, rows: Rows, out: BaselineOutputs, learn: boolean): void {
  const { rows: count, data } = rows.values;
  const gap = new Uint8Array(count);
  for (let r = 0; r < count; r++) gap[r] = r === 0 || rows.segment[r] !== rows.segment[r - 1] ? 1 : 0;
  state.push(count, new Int32Array(count), rows.time, gap, data, out, learn);
}

function outputs(values: Matrix): BaselineOutputs {
  const size = values.rows * values.columns;
  return {
    deviation: new Float64Array(size),
    expected: new Float64Array(size),
    lower: new Float64Array(size),
    upper: new Float64Array(size),
  };
}

function model(
  specs: readonly FeatureSpec[],
  options: BaselineOptions,
  state: BaselineModel['state'],
  rows: number,
): BaselineModel {
  return {
    specs,
    options,
    state,
    features: specs.length,
    rows,
    save: () =>
      packModel(NAME, LAYOUT_VERSION, [
        Float64Array.of(
          rows,
          options.smoothing,
          options.levelHalfLife,
          options.scaleHalfLife,
          options.seasonal ? 1 : 0,
        ),
        packSpecs(specs),
        state.values as Float64Array<ArrayBuffer>,
        state.season as Float64Array<ArrayBuffer>,
      ]),
  };
}

/** What the statistics need to know of a feature, five numbers each. */
function packSpecs(specs: readonly FeatureSpec[]): Float64Array<ArrayBuffer> {
  return Float64Array.from(
    specs.flatMap((spec) => [
      spec.transform === 'log1p' ? 1 : 0,
      ['up', 'down', 'both'].indexOf(spec.direction),
      spec.minimumDeviation,
      spec.range?.[0] ?? -Infinity,
      spec.range?.[1] ?? Infinity,
    ]),
  );
}

function unpackSpecs(numbers: Float64Array): FeatureSpec[] {
  if (numbers.length % 5 !== 0)
    throw new Error(`cannot load this ${NAME} model: its features are damaged; fit it again`);
  return Array.from({ length: numbers.length / 5 }, (_, j) => {
    const [logarithmic, direction, minimumDeviation, low, high] = numbers.subarray(5 * j, 5 * j + 5);
    return {
      name: `feature_${j}`,
      unit: 'count',
      help: '',
      kind: 'gauge',
      transform: logarithmic === 1 ? 'log1p' : 'none',
      direction: (['up', 'down', 'both'] as const)[direction],
      minimumDeviation,
      range: [low, high],
    };
  });
}
