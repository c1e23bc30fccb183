/**
 * Adaptive robust statistics of many series at once: where each value should be, how far it strays, and how unusual it is now.
 *
 * Each series (entity x feature) keeps a level and three robust scales, all exponentially forgetting with winsorised updates (Huber's psi, Robust Statistics, 1981),
 * so that an outlier moves them by at most `CLIP` deviations:
 *   level: distance from the level, for what is far out at once;
 *   jump:  distance from what the value three samples ago predicts (lag-3 autoregression), for a step that is small beside the slow swings of the level;
 *   drift: a 60-sample average's distance from the level, for what is moderately off for long.
 * A deviation is the largest of the three, in units of its own limit: 1 = threshold. It is never more than |value - expected| / minimum deviation.
 * Limits of this model: one mode per series (and hour of the day), symmetric scales.
 */
import type { FeatureSpec } from '../flow.ts';

/** Robust deviations at which each view reaches 1. */
const LEVEL_LIMIT = 4.1;
const JUMP_LIMIT = 4.7;
const DRIFT_LIMIT = 3.3;
/** a drift only counts while the value itself is this far out */
const DRIFT_NOW = 2.7;
const DRIFT_SPAN = 60;
const LAG = 3;
/** winsorising of updates, in deviations; of what enters the drift average */
const CLIP = 2.5;
const DRIFT_CLIP = 4.5;
/** mean absolute deviation of a normal variable, and its inverse */
const TO_SIGMA = Math.sqrt(Math.PI / 2);
/** samples before the scales are trusted enough to winsorise by them */
const SETTLE = 10;
/** samples before a deviation is given at all */
export const BASELINE_MINIMUM = 30;
const LARGEST = 10;
/** what a lag-3 autocorrelation of i / 256 costs in samples: 3 (1 + rho) / (1 - rho) with rho its third root */
const COST = Float64Array.from({ length: 256 }, (_, i) => {
  const rho = Math.cbrt(Math.min(0.995, (i + 0.5) / 256));
  return (3 * (1 + rho)) / (1 - rho);
});
/** in batches larger than this only rows that deviate get a band: nobody reads the others' */
const BAND_ROWS = 1000;
const BAND_FROM = 0.4;
const LARGEST_Z = 50;
const HOURS = 24;
const HOUR_MS = 3_600_000;
/** an hour of the day counts from its second visit on */
const SEASON_VISITS = 2;
/** entities beyond this many have no offsets for the hours of the day: 24 x 16 bytes a series */
const SEASON_ENTITIES = 1000;
/** visits over which an hour's offset is averaged */
const SEASON_MEMORY = 7;

/** Layout of one series in `values`: STRIDE numbers. */
const N = 0;
const MEAN = 1;
const LEVEL = 2;
const JUMP = 3;
const DRIFT = 4;
const DRIFT_NOW_AT = 5;
const LAG_PRODUCT = 6;
const SQUARE = 7;
const SMOOTH = 8;
const PAST = 9; // LAG numbers, newest first
const STRIDE = PAST + LAG;

export interface BaselineOptions {
  /**
   * samples of the exponential average that a rate passes before it is judged; 1 = none. Gauges (memory, fill, connections) are states, not bursts: a third of it
   */
  readonly smoothing: number;
  /** samples in which the level forgets half */
  readonly levelHalfLife: number;
  /** samples in which the scales forget half */
  readonly scaleHalfLife: number;
  /** keep a level for each hour of the day */
  readonly seasonal: boolean;
}

export interface BaselineOutputs {
  /** rows x features: >= 0, 1 = threshold, NaN = missing or not warm */
  readonly deviation: Float64Array;
  /** rows x features, in the features' own units; NaN until warm, and in batches of more than 1000 rows for rows without any deviation of 0.4 */
  readonly expected: Float64Array;
  readonly lower: Float64Array;
  readonly upper: Float64Array;
}

export interface BaselineState {
  /** makes room for entity indices below `count` */
  grow(count: number): void;
  /**
   * Judges and then learns `rows` rows (rows x features, own units, NaN = missing). `entity[r]` is the series' owner, `gap[r]` 1 where a new segment starts.
   * With `learn` false only the short memory (smoothing, lags, drift) moves.
   */
  push(
    rows: number,
    entity: Int32Array,
    time: Float64Array,
    gap: Uint8Array,
    values: Float64Array,
    out: BaselineOutputs,
    learn?: boolean,
  ): void;
  /** 0..1: samples seen of `needed`; features that rarely have a value do not hold the others up, each is judged from its own 30th sample on */
  warmup(entity: number, needed: number): number;
  /** Puts a value of a feature, in model units, on the entity's own scale: deviations from its level. A feature that never moved gives 0. */
  standardise(entity: number, feature: number, value: number): number;
  /** the value that `standardise` makes this of */
  original(entity: number, feature: number, z: number): number;
  /** event time of the entity's last learnt row, ms; 0 = none */
  lastTime(entity: number): number;
  /** what belongs to one entity, and back; bit for bit */
  save(entity: number): { values: Float64Array; season: Float64Array };
  restore(entity: number, saved: { values: Float64Array; season: Float64Array }): void;
  forget(entity: number): void;
}

export function createBaselineState(features: readonly FeatureSpec[], options: BaselineOptions): BaselineState {
  const columns = features.length;
  const logarithmic = Uint8Array.from(features, (f) => (f.transform === 'log1p' ? 1 : 0));
  const up = Uint8Array.from(features, (f) => (f.direction === 'down' ? 0 : 1));
  const down = Uint8Array.from(features, (f) => (f.direction === 'up' ? 0 : 1));
  const minimum = Float64Array.from(features, (f) => f.minimumDeviation);
  const low = Float64Array.from(features, (f) => f.range?.[0] ?? -Infinity);
  const high = Float64Array.from(features, (f) => f.range?.[1] ?? Infinity);
  const levelRate = 1 - Math.pow(2, -1 / options.levelHalfLife);
  const scaleRate = 1 - Math.pow(2, -1 / options.scaleHalfLife);
  const smoothRate = Float64Array.from(
    features,
    (f) => 2 / (1 + (f.kind === 'gauge' ? Math.ceil(options.smoothing / 3) : options.smoothing)),
  );
  const driftRate = 2 / (DRIFT_SPAN + 1);
  const seasonStride = options.seasonal ? HOURS * 2 : 0; // per series: offset and visits of each hour
  let entities = 0;
  let state = new Float64Array(0);
  let season = new Float64Array(0);

  /** Offset of this hour, and 0 until the hour has been visited often enough. */
  function seasonOffset(series: number, hour: number): number {
    const at = series * seasonStride + hour * 2;
    return season[at + 1] >= SEASON_VISITS ? season[at] : 0;
  }

  /** `apart` is the distance from the level without any offset; a new visit is counted when the hour begins. */
  function learnSeason(series: number, hour: number, time: number, previous: number, apart: number): void {
    const at = series * seasonStride + hour * 2;
    const begins = Math.floor(time / HOUR_MS) !== Math.floor(previous / HOUR_MS);
    if (begins || season[at + 1] === 0) season[at + 1]++;
    const visits = Math.min(season[at + 1], SEASON_MEMORY);
    const share = Math.max(0, Math.min(1, (time - previous) / HOUR_MS));
    season[at] += (apart - season[at]) * Math.min(1, (2 * share) / visits);
  }
  let lastTime = new Float64Array(0);
  const hourOf = (time: number) => (options.seasonal ? Math.floor(time / HOUR_MS) % HOURS : 0);

  /** Expected values and bands of one row, from what is known before it is learnt. */
  function writeBand(owner: number, row: number, hour: number, out: BaselineOutputs): void {
    for (let j = 0; j < columns; j++) {
      const cell = row * columns + j;
      const at = (owner * columns + j) * STRIDE;
      if (state[at + N] < BASELINE_MINIMUM) {
        out.expected[cell] = out.lower[cell] = out.upper[cell] = NaN;
        continue;
      }
      const mean =
        state[at + MEAN] + (options.seasonal && owner < SEASON_ENTITIES ? seasonOffset(owner * columns + j, hour) : 0);
      const half = LEVEL_LIMIT * TO_SIGMA * state[at + LEVEL];
      const log = logarithmic[j] === 1;
      const expected = log ? Math.expm1(mean) : mean;
      const bottom = Math.min(log ? Math.expm1(mean - half) : mean - half, expected - minimum[j]);
      const top = Math.max(log ? Math.expm1(mean + half) : mean + half, expected + minimum[j]);
      out.expected[cell] = expected < low[j] ? low[j] : expected > high[j] ? high[j] : expected;
      out.lower[cell] = bottom < low[j] ? low[j] : bottom;
      out.upper[cell] = top > high[j] ? high[j] : top;
    }
  }

  function clearBand(row: number, out: BaselineOutputs): void {
    out.expected.fill(NaN, row * columns, (row + 1) * columns);
    out.lower.fill(NaN, row * columns, (row + 1) * columns);
    out.upper.fill(NaN, row * columns, (row + 1) * columns);
  }

  return {
    grow(count) {
      if (count <= entities) return;
      const wanted = Math.max(count, Math.min(2 * entities, entities + 4096));
      const larger = new Float64Array(wanted * columns * STRIDE);
      larger.set(state);
      state = larger;
      const largerSeason = new Float64Array(Math.min(wanted, SEASON_ENTITIES) * columns * seasonStride);
      largerSeason.set(season);
      season = largerSeason;
      const largerTime = new Float64Array(wanted);
      largerTime.set(lastTime);
      lastTime = largerTime;
      entities = wanted;
    },

    push(rows, entity, time, gap, values, out, learn = true) {
      const s = state;
      for (let row = 0; row < rows; row++) {
        const owner = entity[row];
        const newSegment = gap[row] === 1;
        const previous = lastTime[owner] || time[row];
        let worst = 0;
        if (rows <= BAND_ROWS) writeBand(owner, row, hourOf(time[row]), out);
        const hour = hourOf(time[row]);
        const seasonal = options.seasonal && owner < SEASON_ENTITIES;
        for (let j = 0; j < columns; j++) {
          const cell = row * columns + j;
          const raw = values[cell];
          const at = (owner * columns + j) * STRIDE;
          if (raw !== raw) {
            out.deviation[cell] = NaN;
            continue;
          }
          const n = s[at + N];
          const fresh = n === 0 || newSegment;
          const smooth = fresh ? raw : s[at + SMOOTH] + smoothRate[j] * (raw - s[at + SMOOTH]);
          s[at + SMOOTH] = smooth;
          const x = logarithmic[j] === 1 ? Math.log1p(smooth < 0 ? 0 : smooth) : smooth;
          if (n === 0) {
            s[at + MEAN] = x;
            s[at + PAST] = s[at + PAST + 1] = s[at + PAST + 2] = x;
            s[at + N] = 1;
            out.deviation[cell] = NaN;
            continue;
          }
          if (newSegment) {
            s[at + PAST] = s[at + PAST + 1] = s[at + PAST + 2] = x;
            s[at + DRIFT_NOW_AT] = 0;
          }
          const offset = seasonal ? seasonOffset(owner * columns + j, hour) : 0;
          const mean = s[at + MEAN] + offset;
          const d = x - mean;
          const past = s[at + PAST + LAG - 1] - mean;
          const square = s[at + SQUARE];
          let phi = square > 0 ? s[at + LAG_PRODUCT] / square : 0;
          phi = phi < 0 ? 0 : phi > 0.995 ? 0.995 : phi;
          const e = d - phi * past;
          const level = TO_SIGMA * s[at + LEVEL];
          const jump = TO_SIGMA * s[at + JUMP];
          const driftScale = TO_SIGMA * s[at + DRIFT];
          const driftLimit = DRIFT_CLIP * level;
          const drift =
            s[at + DRIFT_NOW_AT] +
            driftRate * ((d > driftLimit ? driftLimit : d < -driftLimit ? -driftLimit : d) - s[at + DRIFT_NOW_AT]);
          s[at + DRIFT_NOW_AT] = drift;

          if (n >= BASELINE_MINIMUM) {
            // few independent samples: a scale from n samples with autocorrelation rho is too small (effective n = n (1 - rho) / (1 + rho))
            let deviation = 0;
            if (d > 0 ? up[j] === 1 : down[j] === 1) {
              const sign = d > 0 ? 1 : -1;
              const size = sign * d;
              const inflation = Math.sqrt(1 + COST[(phi * 256) | 0] / n);
              deviation = ratio(size, LEVEL_LIMIT * inflation * level);
              const apart = logarithmic[j] === 1 ? Math.abs(smooth - Math.expm1(mean)) : size;
              const most = minimum[j] > 0 ? apart / minimum[j] : LARGEST;
              // the other views can only raise it, and not above what the minimum deviation allows
              if (deviation < most) {
                const jumped = ratio(sign * e, JUMP_LIMIT * inflation * jump);
                if (jumped > deviation) deviation = jumped;
                const drifted = ratio(sign * drift, DRIFT_LIMIT * inflation * driftScale);
                const now = ratio(size, DRIFT_NOW * inflation * level);
                const slow = drifted < now ? drifted : now;
                if (slow > deviation) deviation = slow;
              }
              if (most < deviation) deviation = most;
            }
            deviation = deviation > LARGEST ? LARGEST : deviation;
            out.deviation[cell] = deviation;
            if (deviation > worst) worst = deviation;
          } else out.deviation[cell] = NaN;

          s[at + PAST + 2] = s[at + PAST + 1];
          s[at + PAST + 1] = s[at + PAST];
          s[at + PAST] = x;
          if (!learn) continue;
          s[at + N] = n + 1;
          const first = 1 / (n + 1);
          const meanRate = first > levelRate ? first : levelRate;
          const rate = first > scaleRate ? first : scaleRate;
          const settled = n >= SETTLE;
          const w = settled ? CLIP * level : Infinity;
          const clipped = d > w ? w : d < -w ? -w : d;
          const clippedPast = past > w ? w : past < -w ? -w : past;
          s[at + MEAN] += meanRate * clipped;
          s[at + LEVEL] += rate * (Math.abs(clipped) - s[at + LEVEL]);
          const size = Math.abs(e);
          s[at + JUMP] += rate * ((settled && size > CLIP * jump ? CLIP * jump : size) - s[at + JUMP]);
          const far = Math.abs(drift);
          s[at + DRIFT] += rate * ((settled && far > CLIP * driftScale ? CLIP * driftScale : far) - s[at + DRIFT]);
          s[at + LAG_PRODUCT] += rate * (clipped * clippedPast - s[at + LAG_PRODUCT]);
          s[at + SQUARE] += rate * ((clipped * clipped + clippedPast * clippedPast) / 2 - square);
          if (seasonal) learnSeason(owner * columns + j, hour, time[row], previous, clipped + offset);
        }
        if (rows > BAND_ROWS) {
          if (worst >= BAND_FROM) writeBand(owner, row, hour, out);
          else clearBand(row, out);
        }
        if (learn) lastTime[owner] = time[row];
      }
    },

    warmup(entity, needed) {
      let most = 0;
      for (let j = 0; j < columns; j++) most = Math.max(most, state[(entity * columns + j) * STRIDE + N]);
      return Math.min(1, most / needed);
    },

    standardise(entity, feature, value) {
      const at = (entity * columns + feature) * STRIDE;
      const deviation = TO_SIGMA * state[at + LEVEL];
      if (!(deviation > 0)) return value === value ? 0 : NaN;
      const z = (value - state[at + MEAN]) / deviation;
      return z > LARGEST_Z ? LARGEST_Z : z < -LARGEST_Z ? -LARGEST_Z : z;
    },

    original(entity, feature, z) {
      const at = (entity * columns + feature) * STRIDE;
      return state[at + MEAN] + TO_SIGMA * state[at + LEVEL] * z;
    },

    lastTime: (entity) => lastTime[entity],

    save(entity) {
      const width = columns * STRIDE;
      const seasonWidth = columns * seasonStride;
      const values = new Float64Array(width + 1);
      values.set(state.subarray(entity * width, (entity + 1) * width));
      values[width] = lastTime[entity];
      return { values, season: season.slice(entity * seasonWidth, (entity + 1) * seasonWidth) };
    },

    restore(entity, saved) {
      this.grow(entity + 1);
      const width = columns * STRIDE;
      if (saved.values.length !== width + 1)
        throw new Error(`baseline state of ${saved.values.length} numbers does not fit ${columns} features`);
      state.set(saved.values.subarray(0, width), entity * width);
      lastTime[entity] = saved.values[width];
      if (saved.season.length === columns * seasonStride && entity < SEASON_ENTITIES)
        season.set(saved.season, entity * columns * seasonStride);
    },

    forget(entity) {
      state.fill(0, entity * columns * STRIDE, (entity + 1) * columns * STRIDE);
      season.fill(0, entity * columns * seasonStride, (entity + 1) * columns * seasonStride); // beyond the last: nothing
      lastTime[entity] = 0;
    },
  };
}

/** How far over its limit; a series that never moved has no limit, and any first movement counts as far as the minimum deviation lets it. */
function ratio(size: number, limit: number): number {
  if (size <= 0) return 0;
  return limit > 0 ? size / limit : LARGEST;
}
