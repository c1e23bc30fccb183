/**
 * Labelled events (runs of anomalous rows) instead of rows: an event counts as found when one of its rows is flagged. Over all thresholds, as in
 * quality-metrics-ranking.ts: flagged when score >= threshold, NaN below everything, RangeError for labels of one class.
 */
import { type Ranking, bestF1, rank, rankable } from './quality-metrics-ranking.ts';
import { type Segment, segmentsOf } from './quality-metrics-segments.ts';

export interface EventF1 {
  readonly f1: number;
  /** events with a flagged row / events, at `threshold` */
  readonly eventRecall: number;
  /** flagged rows inside events / flagged rows, at `threshold` */
  readonly precision: number;
  readonly threshold: number;
}

/**
 * Best harmonic mean, over all thresholds, of event recall and row precision; the highest threshold of equal ones.
 * The composite F-score of A. Garg, W. Zhang, J. Samaran, R. Savitha, C.-S. Foo: An Evaluation of Anomaly Detection and Diagnosis in Multivariate Time Series, TNNLS 2021.
 */
export function eventF1(ranking: Ranking, labels: ArrayLike<number>, scores: ArrayLike<number>): EventF1 {
  const peaks = eventPeaks(segmentsOf(labels), scores);
  let best: EventF1 = { f1: -1, eventRecall: 0, precision: 0, threshold: NaN };
  let found = 0;
  for (let k = 0; k < ranking.threshold.length; k++) {
    const threshold = ranking.threshold[k];
    while (found < peaks.length && peaks[found] >= threshold) found++;
    const eventRecall = found / peaks.length;
    const precision = ranking.truePositives[k] / (ranking.truePositives[k] + ranking.falsePositives[k]);
    const sum = eventRecall + precision;
    const f1 = sum > 0 ? (2 * eventRecall * precision) / sum : 0;
    if (f1 > best.f1) best = { f1, eventRecall, precision, threshold };
  }
  return best;
}

/** Share of events found at the lowest threshold that flags at most `falseAlarmRate` (0..1) of the normal rows; 0 when every threshold flags more. */
export function eventRecallAt(
  ranking: Ranking,
  labels: ArrayLike<number>,
  scores: ArrayLike<number>,
  falseAlarmRate: number,
): number {
  const allowed = falseAlarmRate * ranking.negatives;
  let last = -1;
  while (last + 1 < ranking.threshold.length && ranking.falsePositives[last + 1] <= allowed) last++;
  if (last < 0) return 0;
  const peaks = eventPeaks(segmentsOf(labels), scores);
  return peaks.filter((peak) => peak >= ranking.threshold[last]).length / peaks.length;
}

/**
 * Best F1 after one flagged row has marked its whole event (the "point adjust" protocol). Random scores reach .65 and more: only for comparison with
 * papers that report it.
 */
export function pointAdjustedF1(labels: ArrayLike<number>, scores: ArrayLike<number>): number {
  const adjusted = Float64Array.from(scores);
  for (const segment of segmentsOf(labels)) adjusted.fill(peakOf(segment, scores), segment.start, segment.end + 1);
  return bestF1(rank(labels, adjusted)).f1;
}

/** Highest score of each event, highest first. */
function eventPeaks(events: readonly Segment[], scores: ArrayLike<number>): Float64Array {
  return Float64Array.from(events, (event) => peakOf(event, scores))
    .sort()
    .reverse();
}

function peakOf({ start, end }: Segment, scores: ArrayLike<number>): number {
  let peak = -Infinity;
  for (let i = start; i <= end; i++) peak = Math.max(peak, rankable(scores[i]));
  return peak;
}
