/**
 * One fit, and scores of rows that the model behind them has not seen: a quantile of the rows a model was fitted on is too low a threshold.
 *
 * The model is fitted on the newest seven days; where a detector does not trim by itself, without the 2 % of them that the model before it finds the most unusual. Older rows are scored with it. The
 * rows of those seven days are cross-fitted: cut into blocks of time, each scored by a model of all the others. Blocks, not single rows, because a row's
 * neighbours give it away. Measured with the isolation forest on two public collections of servers, as the share of the following rows above the 99th
 * percentile of such scores, means for 100, 160, 640, 1,440, 4,000 rows: .08 .07 .003 .008 .012 and .06 .10 .02 .01 .01 when cross-fitted; .50 .26 .05 .03 .02
 * and .17 .18 .09 .03 .03 when the oldest fifth is held out instead, which also costs the model those rows. The price is a fit for each block: a
 * detector that is slow to fit takes 1 block, which holds the oldest fifth out.
 */
import type { Detector, FitOptions, FitProgress, Model, Rows } from '../flow.ts';
import { errorOf, evidenceOf, newestDay, usualScore, worseThan, type Evidence } from './acceptance.ts';
import type { FitJob, FitResult, ModelInForce } from './job.ts';
import { both, count, everyRow, pick, usableRows, without, type Mask } from './row-masks.ts';

const FIT_MS = 7 * 86_400_000;
const BLOCKS = 4;
/** their fits take minutes, so they are fitted once */
const SLOW = new Set(['autoencoder', 'lstm-autoencoder']);
/** share of the rows that is held out where nothing is cross-fitted */
const HELD_OUT = 0.2;
/**
 * They leave their own worst rows out. Without 2 % more, chosen by the model before, conditional and var raised a third fewer false incidents on public collections
 * of servers.
 */
const TRIMMING = new Set(['conditional', 'var']);
/** share of the training rows of the others, those with the highest last known scores, that nothing is learnt from */
const WORST = 0.02;
/** training rows with the highest scores that do not count for the usual score */
const TRIM = 0.05;
/** what scoring and saving cost, in fits */
const REST = 0.2;

/** Into how many blocks of time the rows of a detector are cut. */
export function blocksOf(detector: string): number {
  return SLOW.has(detector) ? 1 : BLOCKS;
}

/**
 * `onProgress` is told the share that is done, 0..1, over all fits, with what the detector tells of its epochs. Throws when the detector cannot be fitted, and when
 * its loss or its scores are not numbers.
 */
export function fitHeldOut(
  detector: Detector,
  job: FitJob,
  onProgress: (progress: FitProgress) => void,
  blocks: number = blocksOf(job.detector),
): FitResult {
  const rows: Rows = {
    values: { rows: job.time.length, columns: job.features.length, data: job.values },
    time: job.time,
    segment: job.segment,
  };
  const usable = usableRows(rows);
  const { fit, crossFit } =
    blocks > 1
      ? crossFitted(job.time, usable, blocks, detector.minimumRows)
      : { fit: heldOut(job.time, usable, detector.minimumRows), crossFit: [] };
  const recent = both(newestDay(job.time), usable);
  const before = job.inForce && inForceOn(detector, job.inForce, rows, recent);
  const blank =
    before && !TRIMMING.has(detector.name) ? worstOf(before.scores, fit, detector.minimumRows, usable) : undefined;

  // every fit sees its rows in the same place: what a model is asked for comes before the next fit
  const scratch = new Float64Array(rows.values.data.length);
  let done = 0;
  let last: FitProgress = { share: 0 };
  const share = (fits: number) => fits / (crossFit.length + 1 + REST);
  const fitOn = (chosen: Mask, tellsEpochs: boolean): Model => {
    const options: FitOptions = {
      seed: job.seed,
      features: job.features,
      rowsPerDay: job.rowsPerDay,
      onProgress(progress) {
        const { trainLoss = 0, validationLoss = 0, epoch } = progress;
        if (!Number.isFinite(trainLoss) || !Number.isFinite(validationLoss))
          throw new Error(
            `the loss of ${job.detector} is no number any more (training ${trainLoss}, validation ${validationLoss}, epoch ${epoch ?? '?'}); a lower learning rate or another seed may help`,
          );
        if (tellsEpochs) last = progress;
        onProgress({ ...last, share: share(done + progress.share) });
      },
    };
    const model = detector.fit(pick(rows, chosen, { blank, scratch }), options);
    onProgress({ ...last, share: share(++done) });
    return model;
  };

  const model = fitOn(fit, true);
  const seen = new Float64Array(rows.values.rows).fill(NaN);
  detector.score(model, rows, seen, fit);
  requireFinite(job.detector, seen, both(fit, usable));
  const unseen = new Float64Array(rows.values.rows).fill(NaN);
  const outside = without(everyRow(rows), fit);
  detector.score(model, rows, unseen, outside);
  let error = blocks > 1 ? NaN : errorOf(detector, model, rows, both(outside, usable));
  const saved = model.save();
  for (const block of crossFit) {
    const other = fitOn(without(fit, block), false);
    detector.score(other, rows, unseen, block);
    if (count(without(recent, block)) === 0) error = errorOf(detector, other, rows, recent);
  }

  const older = unseen.filter((_, row) => recent[row] === 0);
  const usual = usualScore(unseen);
  const ofOlder = usualScore(older);
  const scores = unseen.map((score, row) => (recent[row] === 0 ? NaN : score === score ? score : seen[row]));
  const fresh = evidenceOf(scores, ofOlder === ofOlder ? ofOlder : usual, error);
  const newest = job.time.reduce((latest, at) => Math.max(latest, at), -Infinity);
  const result: FitResult = {
    model: saved,
    rows: model.rows,
    rowsRead: rows.values.rows,
    meanScore: trimmedMean(blank ? seen.filter((_, row) => blank[row] === 0) : seen),
    unseen: unseen.filter((score) => score === score),
    usual,
    leftOut: blank ? count(blank) : 0,
    trainLoss: last.trainLoss,
    validationLoss: last.validationLoss,
    evidence: { fresh, inForce: before?.evidence },
    worse:
      before &&
      job.inForce &&
      worseThan(fresh, before.evidence, newest - job.inForce.trainedAt, model.rows / before.rows),
  };
  onProgress({ ...last, share: 1 });
  return result;
}

function inForceOn(
  detector: Detector,
  { model: saved, usual }: ModelInForce,
  rows: Rows,
  recent: Mask,
): { scores: Float64Array; evidence: Evidence; rows: number } {
  const model = detector.load(saved);
  const scores = new Float64Array(rows.values.rows);
  detector.score(model, rows, scores);
  const evidence = evidenceOf(
    scores.map((score, row) => (recent[row] === 1 ? score : NaN)),
    usual,
    errorOf(detector, model, rows, recent),
  );
  return { scores, evidence, rows: model.rows };
}

/** The 2 % of the training rows with the highest scores; none where too few rows would be left. */
function worstOf(scores: Float64Array, fit: Mask, minimumRows: number, usable: Mask): Mask | undefined {
  const sorted = scores.filter((score, row) => fit[row] === 1 && score === score).sort();
  const kept = sorted.length - Math.floor(WORST * sorted.length);
  if (kept === sorted.length || kept < minimumRows) return undefined;
  const limit = sorted[kept];
  const blank = Uint8Array.from(scores, (score, row) => (fit[row] === 1 && score >= limit ? 1 : 0));
  // many rows of one score: none of them stands out
  const left = count(both(without(fit, blank), usable));
  return left >= Math.max(minimumRows, (1 - 2 * WORST) * sorted.length) ? blank : undefined;
}

function requireFinite(detector: string, scores: Float64Array, expected: Mask): void {
  const bad = count(expected.map((wanted, row) => (wanted === 1 && scores[row] - scores[row] !== 0 ? 1 : 0)));
  if (bad > 0)
    throw new Error(
      `the new ${detector} model gives no finite score to ${bad} of its ${count(expected)} training rows`,
    );
}

/**
 * The newest seven days and their blocks, the times of all entities together: the newest day (or quarter, where that is less) is one, the rest is cut evenly. A block
 * is left out when the others have fewer than `minimumRows` rows: its rows stay without an unseen score.
 */
function crossFitted(
  time: Float64Array,
  usable: Mask,
  blocks: number,
  minimumRows: number,
): { fit: Mask; crossFit: Mask[] } {
  const newest = time.reduce((latest, at) => Math.max(latest, at), -Infinity);
  const fit = Uint8Array.from(time, (at) => (at > newest - FIT_MS ? 1 : 0));
  const recent = newestDay(time);
  const times = time.filter((_, row) => fit[row] === 1 && recent[row] === 0).sort();
  const edges = Array.from({ length: blocks - 1 }, (_, b) => times[Math.floor((b / (blocks - 1)) * times.length)]);
  const older = edges.map((from, b) =>
    fit.map((used, row) =>
      used === 1 && recent[row] === 0 && time[row] >= from && !(time[row] >= edges[b + 1]) ? 1 : 0,
    ),
  );
  const crossFit = [...older, recent].filter(
    (block) => count(both(block, usable)) > 0 && count(both(without(fit, block), usable)) >= minimumRows,
  );
  return { fit, crossFit };
}

/** Everything but the oldest rows: those before the newest seven days, or a fifth when that is more. */
function heldOut(time: Float64Array, usable: Mask, minimumRows: number): Mask {
  const times = time.toSorted();
  const cut = Math.max(times[times.length - 1] - FIT_MS + 1, times[Math.floor(HELD_OUT * times.length)]);
  const newest = Uint8Array.from(time, (at) => (at >= cut ? 1 : 0));
  return count(both(newest, usable)) >= minimumRows ? newest : new Uint8Array(time.length).fill(1);
}

function trimmedMean(scores: Float64Array): number {
  const sorted = scores.filter((score) => score === score).sort();
  const kept = sorted.subarray(0, Math.max(1, Math.floor((1 - TRIM) * sorted.length)));
  if (sorted.length === 0) throw new Error('no row of the training data has a value');
  return kept.reduce((sum, score) => sum + score, 0) / kept.length;
}
