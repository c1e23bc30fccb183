/**
 * Is a new model no worse than the one that serves? Asked without labels, on the newest day of rows, which neither has seen: for the model that serves they
 * came after its fit, and for the new one they are scored by a model of the days before, so that both know the same. (A detector that is too slow for a
 * second fit holds the oldest fifth of its rows out instead; its error is then that of those rows.)
 *
 * - *dead*: it gives every row the same score, and the one that serves does not
 * - *restless*: of the newest day, more than 5 % and twice the share of the one that serves lies above the 99th percentile of its scores of older unseen rows
 * - *inexact* (detectors that say what they expected): the median error of a row, in units of how far its features stray from their mean, is more than a quarter
 *   above that of the one that serves
 *
 * When more than 5 % of the newest day is unusual for the model that serves, behaviour has changed: that day says nothing of either model, and the new one is the
 * better one because it has learnt from it. Whatever is found, a sound new model replaces one that is a week old: nothing that that one has learnt from is left.
 * That a fault in the training rows does not blind a model is not decided here but by leaving the most unusual rows out of the fit.
 */
import type { Detector, Matrix, Model, Rows } from '../flow.ts';
import { count, pick, withContext, type Mask } from './row-masks.ts';

const DAY_MS = 86_400_000;
/** a model that serves for so long is replaced by any sound one */
const STALE_MS = 7 * DAY_MS;
const USUAL_QUANTILE = 0.99;
/** fewer scores than this have no 99th percentile to speak of */
const FEWEST_USUAL = 100;
/** share of the newest day above the 99th percentile up to which a day is like any other */
const UNUSUAL = 0.05;
/** times the share of the model in force, on top of that */
const RESTLESS = 2;
const INEXACT = 1.25;
/** errors of a model that explains nearly everything differ by less than this for no reason */
const ERROR_SLACK = 0.02;
/** relative spread below which scores are all the same */
const CONSTANT = 1e-9;
/** so many times the rows make another model of it */
const GROWN = 1.5;

/** What one model did on rows it has not seen. */
export interface Evidence {
  /** share of the newest day's rows above the 99th percentile of older unseen rows; NaN when there are too few of those */
  readonly above: number;
  /** every row of the newest day has the same score */
  readonly constant: boolean;
  /** median error of a row, 1 = as far as the features stray from their mean; NaN for detectors that expect nothing */
  readonly error: number;
}

/**
 * One sentence on why the new model does not replace the one that serves; undefined when it does. `growth`: rows of the new one / of the one in force. A model
 * that has learnt from many more rows knows more, and the quarter of few rows that both are judged on is chance: only a dead one is refused then.
 */
export function worseThan(fresh: Evidence, inForce: Evidence, ageMs: number, growth: number): string | undefined {
  if (ageMs >= STALE_MS) return undefined;
  if (fresh.constant && !inForce.constant)
    return 'it gives every row of the newest day the same score, the model in force does not';
  if (inForce.above > UNUSUAL || growth >= GROWN) return undefined;
  const most = UNUSUAL + RESTLESS * inForce.above;
  if (fresh.above > most)
    return `${percent(fresh.above)} of the newest day lie above its own 99th percentile, more than the ${percent(most)} that are accepted`;
  if (fresh.error > INEXACT * inForce.error + ERROR_SLACK)
    return `its median error on rows it has not seen is ${fresh.error.toFixed(3)}, that of the model in force ${inForce.error.toFixed(3)}`;
  return undefined;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

/** Rows of the newest day, at most the newest quarter of all. */
export function newestDay(time: Float64Array): Mask {
  const sorted = time.toSorted();
  const from = Math.max(sorted[sorted.length - 1] - DAY_MS, sorted[Math.floor(0.75 * sorted.length)]);
  return Uint8Array.from(time, (at) => (at >= from ? 1 : 0));
}

/** 99th percentile of the finite scores; NaN for fewer than 100. */
export function usualScore(scores: Float64Array): number {
  const sorted = scores.filter((score) => score - score === 0).sort();
  return sorted.length < FEWEST_USUAL ? NaN : sorted[Math.floor(USUAL_QUANTILE * (sorted.length - 1))];
}

/** `recent`: scores of the newest day. `usual`: what 1 % of older rows that were not seen lie above. */
export function evidenceOf(recent: Float64Array, usual: number, error: number): Evidence {
  const scores = recent.filter((score) => score - score === 0);
  const least = scores.reduce((a, b) => Math.min(a, b), Infinity);
  const most = scores.reduce((a, b) => Math.max(a, b), -Infinity);
  const higher = scores.reduce((sum, score) => sum + (score > usual ? 1 : 0), 0);
  return {
    above: usual === usual && scores.length > 0 ? higher / scores.length : NaN,
    constant: !(most - least > CONSTANT * Math.max(Math.abs(most), Math.abs(least))),
    error,
  };
}

/** Median error of the marked rows: the mean over features of |value - expected|, in units of the feature's mean distance from its mean. NaN where there is none. */
export function errorOf<M extends Model>(detector: Detector<M>, model: M, rows: Rows, marked: Mask): number {
  if (!detector.expected || count(marked) === 0) return NaN;
  const context = withContext(marked, rows, detector.history);
  const part = pick(rows, context);
  const wanted = marked.filter((_, row) => context[row] === 1);
  const { columns, data } = part.values;
  const expected: Matrix = { rows: part.values.rows, columns, data: new Float64Array(data.length) };
  detector.expected(model, part, expected);
  const spread = spreadOf(part.values, wanted);
  const errors: number[] = [];
  for (let row = 0; row < wanted.length; row++) {
    if (wanted[row] === 0) continue;
    let sum = 0;
    let features = 0;
    for (let c = 0; c < columns; c++) {
      const error = Math.abs(data[row * columns + c] - expected.data[row * columns + c]) / spread[c];
      if (!(error < Infinity)) continue;
      sum += error;
      features++;
    }
    if (features > 0) errors.push(sum / features);
  }
  errors.sort((a, b) => a - b);
  return errors.length === 0 ? NaN : errors[errors.length >> 1];
}

/** Mean distance from the mean of each column, over the finite values of the wanted rows; 0 where nothing moves. */
function spreadOf({ columns, data }: Matrix, wanted: Mask): Float64Array {
  const mean = columnMeans(columns, data, wanted, (value) => value);
  const spread = columnMeans(columns, data, wanted, (value, c) => Math.abs(value - mean[c]));
  // rounding of the mean is no movement
  return spread.map((distance, c) => (distance > CONSTANT * Math.abs(mean[c]) ? distance : 0));
}

function columnMeans(
  columns: number,
  data: Float64Array,
  wanted: Mask,
  of: (value: number, column: number) => number,
): Float64Array {
  const sums = new Float64Array(columns);
  const counts = new Float64Array(columns);
  for (let row = 0; row < wanted.length; row++) {
    if (wanted[row] === 0) continue;
    for (let c = 0; c < columns; c++) {
      const value = data[row * columns + c];
      if (value - value !== 0) continue;
      sums[c] += of(value, c);
      counts[c]++;
    }
  }
  return sums.map((sum, c) => sum / counts[c]);
}
