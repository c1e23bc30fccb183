/**
 * One fit, and scores of rows that the model behind them has not seen: a quantile of the rows a model was fitted on is too low a threshold.
 *
 * The model is fitted on the newest seven days; older rows are scored with it. The rows of those seven days are cross-fitted: cut into blocks of time, each
 * scored by a model of all the others. Blocks, not single rows, because a row's neighbours give it away. Measured with the isolation forest on two public
 * collections of servers, as the share of the following rows above the 99th percentile of such scores, means for 100, 160, 640, 1,440, 4,000 rows:
 * .08 .07 .003 .008 .012 and .06 .10 .02 .01 .01 when cross-fitted; .50 .26 .05 .03 .02 and .17 .18 .09 .03 .03 when the oldest fifth is held out instead,
 * which also costs the model those rows. The price is a fit for each block: a detector that is slow to fit takes 1 block, which holds the oldest fifth out.
 */
import type { Detector, Rows } from '../flow.ts';
import type { FitJob, FitResult } from './job.ts';

const FIT_MS = 7 * 86_400_000;
const BLOCKS = 4;
/** share of the rows that is held out where nothing is cross-fitted */
const HELD_OUT = 0.2;
/** training rows with the highest scores that do not count for the usual score */
const TRIM = 0.05;

/** Rows are chosen by a 1 in a mask. */
type Mask = Uint8Array;

/** `onProgress` is told the share that is done, 0..1. */
export function fitHeldOut(
  detector: Detector,
  job: FitJob,
  onProgress: (share: number) => void,
  blocks: number = BLOCKS,
): FitResult {
  const rows: Rows = {
    values: { rows: job.time.length, columns: job.features.length, data: job.values },
    time: job.time,
    segment: job.segment,
  };
  const options = { seed: job.seed, features: job.features, rowsPerDay: job.rowsPerDay };
  const usable = usableRows(rows);
  const { fit, crossFit } =
    blocks > 1
      ? crossFitted(job.time, usable, blocks, detector.minimumRows)
      : { fit: heldOut(job.time, usable, detector.minimumRows), crossFit: [] };
  let done = 0;
  const step = () => onProgress(++done / (crossFit.length + 2));

  const model = detector.fit(pick(rows, fit), options);
  step();
  const fitted = new Float64Array(rows.values.rows).fill(NaN);
  detector.score(model, rows, fitted, fit);
  const unseen = new Float64Array(rows.values.rows).fill(NaN);
  detector.score(model, rows, unseen, without(ones(rows), fit));
  for (const block of crossFit) {
    detector.score(detector.fit(pick(rows, without(fit, block)), options), rows, unseen, block);
    step();
  }
  const result = {
    model: model.save(),
    rows: model.rows,
    meanScore: trimmedMean(fitted),
    unseen: unseen.filter((score) => score === score),
  };
  step();
  return result;
}

/**
 * The newest seven days and their blocks, the times of all entities together. A block is left out when the others have fewer than `minimumRows` rows: its
 * rows stay without an unseen score.
 */
function crossFitted(
  time: Float64Array,
  usable: Mask,
  blocks: number,
  minimumRows: number,
): { fit: Mask; crossFit: Mask[] } {
  const newest = time.reduce((latest, at) => Math.max(latest, at), -Infinity);
  const fit = Uint8Array.from(time, (at) => (at > newest - FIT_MS ? 1 : 0));
  const times = time.filter((_, row) => fit[row] === 1).sort();
  const edges = Array.from({ length: blocks }, (_, b) => times[Math.floor((b / blocks) * times.length)]);
  const crossFit = edges
    .map((from, b) => fit.map((used, row) => (used === 1 && time[row] >= from && !(time[row] >= edges[b + 1]) ? 1 : 0)))
    .filter((block) => count(block, usable) > 0 && count(without(fit, block), usable) >= minimumRows);
  return { fit, crossFit };
}

/** Everything but the oldest rows: those before the newest seven days, or a fifth when that is more. */
function heldOut(time: Float64Array, usable: Mask, minimumRows: number): Mask {
  const times = time.toSorted();
  const cut = Math.max(times[times.length - 1] - FIT_MS + 1, times[Math.floor(HELD_OUT * times.length)]);
  const newest = Uint8Array.from(time, (at) => (at >= cut ? 1 : 0));
  return count(newest, usable) >= minimumRows ? newest : new Uint8Array(time.length).fill(1);
}

function ones(rows: Rows): Mask {
  return new Uint8Array(rows.values.rows).fill(1);
}

function without(mask: Mask, other: Mask): Mask {
  return mask.map((used, row) => used & (1 - other[row]));
}

/** Rows with a value. */
function usableRows({ values: { rows, columns, data } }: Rows): Mask {
  const usable = new Uint8Array(rows);
  for (let i = 0; i < rows * columns; i++) if (data[i] - data[i] === 0) usable[Math.floor(i / columns)] = 1;
  return usable;
}

function count(mask: Mask, usable: Mask): number {
  return mask.reduce((sum, used, row) => sum + (used & usable[row]), 0);
}

/** The chosen rows; where rows of a segment are left out between them, a new segment starts. */
function pick({ values: { columns, data }, time, segment }: Rows, chosen: Mask): Rows {
  const total = count(chosen, chosen);
  const picked = {
    values: { rows: total, columns, data: new Float64Array(total * columns) },
    time: new Float64Array(total),
    segment: new Int32Array(total),
  };
  let to = 0;
  let segments = 0;
  for (let row = 0; row < chosen.length; row++) {
    if (chosen[row] === 0) continue;
    if (to > 0 && (chosen[row - 1] === 0 || segment[row - 1] !== segment[row])) segments++;
    picked.values.data.set(data.subarray(row * columns, (row + 1) * columns), to * columns);
    picked.time[to] = time[row];
    picked.segment[to++] = segments;
  }
  return picked;
}

function trimmedMean(scores: Float64Array): number {
  const sorted = scores.filter((score) => score === score).sort();
  const kept = sorted.subarray(0, Math.max(1, Math.floor((1 - TRIM) * sorted.length)));
  if (sorted.length === 0) throw new Error('no row of the training data has a value');
  return kept.reduce((sum, score) => sum + score, 0) / kept.length;
}
