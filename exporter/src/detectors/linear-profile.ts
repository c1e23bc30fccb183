/**
 * The short time profile of every feature, for linear models: its standardised value at some lags, and exponentially weighted means of it (alpha =
 * 2 / (span + 1), started at the first value). All filters are causal and start afresh with every segment.
 *
 * Before its first value in a segment a feature is 0, the training mean; from the first value on it is as if it had always had that value. A missing value
 * repeats the last one, so that a hole bends neither the lags nor the means, for at most `profileHistory` rows: then the feature counts as never seen.
 * Therefore a row's profile is the same from that many rows of context as from all rows, but for what the means remember from before: less than e^-8 of a
 * value that lies 4 spans back.
 */
import type { Rows } from '../flow.ts';
import { type InputScale, fitInputScale } from './scaled-inputs.ts';

/** What a profile holds of each feature, in this order. `lags` are rows back, 0 = the row itself; `spans` are those of the weighted means, in rows. */
export interface ProfileShape {
  readonly lags: readonly number[];
  readonly spans: readonly number[];
}

/** Spans that a weighted mean looks back: it has forgotten all but (1 - 2 / (span + 1))^(4 span) = e^-8 of its start by then. */
const SPANS_BACK = 4;

/** No standardised value is further from 0: squares and their sums stay far inside float64, and nobody tells a million deviations from more. */
const FURTHEST = 1e6;

/** Deviation of a feature that had no value in training: whatever it shows later, it stays at 0. */
const NEVER_SEEN = 1e100;

/** The scale of the levels. A feature without any value has nothing to compare later ones with: it never counts. */
export function fitLevels(rows: Rows): InputScale {
  const { columns, data } = rows.values;
  const scale = fitInputScale(rows, 'level');
  const seen = new Uint8Array(columns);
  for (let i = 0, f = 0; i < rows.values.rows * columns; i++) {
    if (data[i] - data[i] === 0) seen[f] = 1;
    f = f + 1 === columns ? 0 : f + 1;
  }
  return { ...scale, deviation: scale.deviation.map((deviation, f) => (seen[f] === 1 ? deviation : NEVER_SEEN)) };
}

/** Numbers a feature. */
export function profileWidth({ lags, spans }: ProfileShape): number {
  return lags.length + spans.length;
}

/** Rows of context that one row's profile needs. */
export function profileHistory({ lags, spans }: ProfileShape): number {
  return Math.max(0, ...lags, ...spans.map((span) => SPANS_BACK * span));
}

/** Profiles of some rows; valid until the next block is asked for. Only the first `count` rows of each array are. */
export interface ProfileBlock {
  readonly count: number;
  /** which row of the rows each profile belongs to */
  readonly row: Int32Array;
  /** rows of the same segment before that row */
  readonly before: Int32Array;
  /** count x features: 1 where the row has a value */
  readonly present: Uint8Array;
  /** count x (features * width); feature f has the columns from f * width on */
  readonly profile: Float64Array;
}

/**
 * The profiles of the wanted rows (all without `wanted`) in blocks of up to `size`, in order. Rows without any value are left out: they have no score.
 * Rows that are not wanted are read as context only. `scale` is that of the levels.
 */
export function* profileBlocks(
  shape: ProfileShape,
  scale: InputScale,
  rows: Rows,
  size: number,
  wanted?: Uint8Array,
): Generator<ProfileBlock, void, undefined> {
  const { rows: total, columns: features, data } = rows.values;
  const { segment } = rows;
  const width = profileWidth(shape);
  const stride = features * width;
  const capacity = Math.min(
    size,
    wanted === undefined ? total : wanted.reduce((sum, one) => sum + (one !== 0 ? 1 : 0), 0),
  );
  if (capacity === 0) return;
  const row = new Int32Array(capacity);
  const before = new Int32Array(capacity);
  const present = new Uint8Array(capacity * features);
  const profile = new Float64Array(capacity * stride);
  const filters = createFilters(shape, scale);
  const { lags } = shape;
  const { recent, means } = filters;
  let first = 0;
  let count = 0;
  for (let r = 0; r < total; r++) {
    if (r > 0 && segment[r] !== segment[r - 1]) {
      filters.restart();
      first = r;
    }
    const values = filters.push(data, r * features);
    if (values === 0 || (wanted !== undefined && wanted[r] === 0)) continue;
    row[count] = r;
    before[count] = r - first;
    for (let f = 0, at = r * features; f < features; f++, at++) {
      present[count * features + f] = data[at] - data[at] === 0 ? 1 : 0;
    }
    let block = count * stride;
    for (let b = 0; b < lags.length; b++, block++) {
      const from = filters.rowBack(lags[b]);
      for (let f = 0, to = block; f < features; f++, to += width) profile[to] = recent[from + f];
    }
    for (const mean of means) {
      for (let f = 0, to = block; f < features; f++, to += width) profile[to] = mean[f];
      block++;
    }
    if (++count === capacity) {
      yield { count, row, before, present, profile };
      count = 0;
    }
  }
  if (count > 0) yield { count, row, before, present, profile };
}

/** The state of all filters at one row of a segment. */
function createFilters(shape: ProfileShape, { features, mean, deviation }: InputScale) {
  const history = profileHistory(shape);
  const scale = deviation.map((value) => 1 / value);
  /** ring of the standardised values of the current row and of as many before it as the longest lag; `current` is where the current one begins */
  const recent = new Float64Array((Math.max(0, ...shape.lags) + 1) * features);
  const means = shape.spans.map(() => new Float64Array(features));
  const alphas = shape.spans.map((span) => 2 / (span + 1));
  /** rows since the last value, -1 = none seen */
  const age = new Int32Array(features).fill(-1);
  let current = 0;

  function pretend(f: number, value: number): void {
    for (let at = f; at < recent.length; at += features) recent[at] = value;
    for (const level of means) level[f] = value;
  }

  return {
    recent,
    means,
    /** Where in `recent` the row begins that lies `lag` rows back. */
    rowBack(lag: number): number {
      const at = current - lag * features;
      return at < 0 ? at + recent.length : at;
    },
    restart(): void {
      age.fill(-1);
      recent.fill(0);
      for (const level of means) level.fill(0);
    },
    /** The next row, its values from `data[from]` on; returns how many of them are there. */
    push(data: Float64Array, from: number): number {
      const last = current;
      const now = last + features === recent.length ? 0 : last + features;
      current = now;
      let values = 0;
      for (let f = 0; f < features; f++) {
        const value = data[from + f];
        if (value - value === 0) {
          values++;
          const scaled = (value - mean[f]) * scale[f];
          const z = scaled > FURTHEST ? FURTHEST : scaled < -FURTHEST ? -FURTHEST : scaled;
          if (age[f] < 0) pretend(f, z);
          age[f] = 0;
          recent[now + f] = z;
        } else if (age[f] >= 0 && ++age[f] > history) {
          age[f] = -1;
          pretend(f, 0);
        } else {
          recent[now + f] = recent[last + f];
        }
      }
      for (let s = 0; s < means.length; s++) follow(means[s], alphas[s], recent, now);
      return values;
    },
  };
}

/** Moves weighted means towards the values that begin at `from`. */
function follow(level: Float64Array, alpha: number, values: Float64Array, from: number): void {
  for (let f = 0; f < level.length; f++) {
    const mean = level[f];
    level[f] = mean + alpha * (values[from + f] - mean);
  }
}
