/**
 * Decisions without labels while time passes, by the product's own parts: daily refits (prequential-scores.ts), the calibration of unseen scores with the
 * default threshold, and the hysteresis of incidents.
 */
import { createCalibration } from '../../decision/calibration.ts';
import { defaultThreshold } from '../../decision/options.ts';
import { hysteresisRules, newHysteresis, step, type HysteresisRules } from '../../incidents/hysteresis.ts';
import type { Segment } from '../quality-metrics-segments.ts';
import { type PrequentialInput, prequentialScores } from './prequential-scores.ts';

/** what the hysteresis looks back on when it opens an incident */
const OPENING_ROWS = 3;

export interface PrequentialOutcome {
  /** calibrated, 1 = the threshold; one a test row, NaN without any value */
  readonly score: Float64Array;
  /** 1 where the score is at or above 1 */
  readonly flags: Uint8Array;
  /** test rows, counted from 0, from the first row above the threshold to the last hot one; in order, without overlaps */
  readonly incidents: readonly Segment[];
}

/** Throws when there are too few train rows for the detectors. */
export function prequential(
  input: PrequentialInput,
  seed: number,
  onShare?: (share: number) => void,
): PrequentialOutcome {
  return decide(prequentialScores(input, seed, onShare), input.rows.time, input.trainRows);
}

/** `raw` are scores by models that were not fitted on their row, of train and test rows in the order of `time`. */
export function decide(raw: Float64Array, time: Float64Array, trainRows: number): PrequentialOutcome {
  const rules = hysteresisRules(time[1] - time[0]);
  const calibration = createCalibration(defaultThreshold, 1, rules.openAtOnce, rules.coldRows);
  const score = raw.map((value, row) => value / calibration.push(0, time[row], value)).subarray(trainRows);
  return { score, flags: Uint8Array.from(score, (s) => (s >= 1 ? 1 : 0)), incidents: incidentsOf(score, rules) };
}

/** Of calibrated scores, row by row. */
export function incidentsOf(score: Float64Array, rules: HysteresisRules): Segment[] {
  const state = newHysteresis();
  const incidents: { start: number; end: number }[] = [];
  score.forEach((value, row) => {
    const change = step(state, value, rules);
    if (change === 'open') {
      const previous = incidents.at(-1)?.end ?? -1;
      let start = Math.max(previous + 1, row - OPENING_ROWS + 1);
      while (!(score[start] >= 1)) start++;
      incidents.push({ start, end: row });
    } else if (change === 'hot') incidents.at(-1)!.end = row;
  });
  return incidents;
}
