/** Profiles as the conditional model sees them: every column of mean 0 and deviation 1 over the training rows, minus its daily season. */
import type { Rows } from '../flow.ts';
import { type ProfileBlock, type ProfileShape, profileBlocks, profileWidth } from './linear-profile.ts';
import { seasonTerms, seasonWeights, writeSeason } from './linear-season.ts';
import type { InputScale } from './scaled-inputs.ts';

export interface ProfileScale extends ProfileShape {
  readonly levels: InputScale;
  /** of each column of the profile; lags are on the scale of their level: 0 and 1 */
  readonly mean: Float64Array;
  readonly deviation: Float64Array;
  /** 0 = no season */
  readonly harmonics: number;
  /** terms x columns */
  readonly season: Float64Array;
  /** of the change of each feature: its level minus the mean of its weighted means (0 and 1 without any) */
  readonly changeMean: Float64Array;
  readonly changeDeviation: Float64Array;
}

/** Standardised profiles, and beside them what the explanation reads. */
export interface ScaledBlock extends ProfileBlock {
  /** count x features: standardised level, the last one seen where it is missing; and standardised change */
  readonly level: Float64Array;
  readonly change: Float64Array;
}

/** Deviations of means and changes below this many deviations of their level are rounding: the column was constant. */
const CONSTANT = 1e-9;

/** The scale of the profile columns over all rows with a value; `rowCount` is their number. */
export function fitProfileScale(
  rows: Rows,
  levels: InputScale,
  shape: ProfileShape,
  harmonics: number,
  seasonRidge: number,
  block: number,
): ProfileScale {
  const { features } = levels;
  const width = profileWidth(shape);
  const { lags, spans } = shape;
  const columns = features * width;
  const terms = seasonTerms(harmonics);
  const term = new Float64Array(terms);
  const squares = new Float64Array(terms * terms);
  const products = new Float64Array(terms * columns);
  const sums = new Float64Array(columns);
  const columnSquares = new Float64Array(columns);
  const changeSums = new Float64Array(features);
  const changeSquares = new Float64Array(features);
  let total = 0;
  for (const { count, row, profile } of profileBlocks(shape, levels, rows, block)) {
    total += count;
    for (let i = 0; i < count; i++) {
      const at = i * columns;
      for (let c = 0; c < columns; c++) {
        const x = profile[at + c];
        sums[c] += x;
        columnSquares[c] += x * x;
      }
      for (let f = 0; f < features; f++) {
        const change = rawChange(profile, at + f * width, lags.length, spans.length);
        changeSums[f] += change;
        changeSquares[f] += change * change;
      }
      if (terms === 0) continue;
      writeSeason(rows.time[row[i]], harmonics, term);
      for (let t = 0; t < terms; t++) {
        const h = term[t];
        for (let s = 0; s < terms; s++) squares[t * terms + s] += h * term[s];
        for (let c = 0; c < columns; c++) products[t * columns + c] += h * profile[at + c];
      }
    }
  }

  const mean = new Float64Array(columns);
  const deviation = new Float64Array(columns).fill(1);
  for (let c = 0; c < columns; c++) {
    if (c % width < lags.length) continue;
    [mean[c], deviation[c]] = standardise(sums[c], columnSquares[c], total);
  }
  for (let t = 0; t < terms; t++) {
    const h = squares[t * terms + terms - 1]; // the last term is 1: this is the sum of term t
    for (let c = 0; c < columns; c++) {
      products[t * columns + c] = (products[t * columns + c] - h * mean[c]) / deviation[c];
    }
  }
  const season = seasonWeights(squares, products, terms, total, seasonRidge);
  const changeMean = new Float64Array(features);
  const changeDeviation = new Float64Array(features);
  for (let f = 0; f < features; f++) {
    [changeMean[f], changeDeviation[f]] = standardise(changeSums[f], changeSquares[f], total);
  }
  return { lags, spans, levels, mean, deviation, harmonics, season, changeMean, changeDeviation };
}

/** As `profileBlocks`, standardised and without season. */
export function* scaledProfiles(
  scale: ProfileScale,
  rows: Rows,
  size: number,
  wanted?: Uint8Array,
): Generator<ScaledBlock, void, undefined> {
  const { levels, lags, spans, mean, deviation, harmonics, season, changeMean, changeDeviation } = scale;
  const { features } = levels;
  const width = profileWidth(scale);
  const columns = features * width;
  const terms = seasonTerms(harmonics);
  const term = new Float64Array(terms);
  let level = new Float64Array(0);
  let change = new Float64Array(0);
  for (const block of profileBlocks(scale, levels, rows, size, wanted)) {
    const { count, row, profile } = block;
    if (level.length < count * features) {
      level = new Float64Array(count * features);
      change = new Float64Array(count * features);
    }
    for (let i = 0; i < count; i++) {
      const at = i * columns;
      for (let f = 0, c = at; f < features; f++, c += width) {
        level[i * features + f] = profile[c];
        const moved = rawChange(profile, c, lags.length, spans.length);
        change[i * features + f] = (moved - changeMean[f]) / changeDeviation[f];
      }
      for (let c = 0; c < columns; c++) profile[at + c] = (profile[at + c] - mean[c]) / deviation[c];
      if (terms === 0) continue;
      writeSeason(rows.time[row[i]], harmonics, term);
      for (let t = 0; t < terms; t++) {
        const h = term[t];
        const from = t * columns;
        for (let c = 0; c < columns; c++) profile[at + c] -= h * season[from + c];
      }
    }
    yield { ...block, level, change };
  }
}

/** The level minus the mean of the weighted means, 0 without any; the profile of the feature begins at `at`. */
function rawChange(profile: Float64Array, at: number, lags: number, spans: number): number {
  if (spans === 0) return 0;
  let sum = 0;
  for (let s = 0; s < spans; s++) sum += profile[at + lags + s];
  return profile[at] - sum / spans;
}

function standardise(sum: number, squares: number, count: number): [mean: number, deviation: number] {
  const mean = sum / count;
  const spread = Math.sqrt(Math.max(0, squares / count - mean * mean));
  return spread > CONSTANT ? [mean, spread] : [mean, 1];
}
