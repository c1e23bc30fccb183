/** The quality of a 0/1 decision a row. Labels and flags: 0 is normal, everything else anomalous. Labels of one class are fine here; what they leave undefined is NaN. */
import { type Segment, overlapped, segmentsOf } from './quality-metrics-segments.ts';

export interface ConfusionMatrix {
  readonly truePositives: number;
  readonly falsePositives: number;
  readonly trueNegatives: number;
  readonly falseNegatives: number;
}

export interface DecisionQuality extends ConfusionMatrix {
  /** right flags / flags; 0 without any flag */
  readonly precision: number;
  /** found anomalous rows / anomalous rows; 0 without any */
  readonly recall: number;
  /** harmonic mean of both; 0 when both are */
  readonly f1: number;
  /** rows decided rightly / rows */
  readonly accuracy: number;
  /** flagged normal rows / normal rows; NaN without normal rows */
  readonly falseAlarmRate: number;
  /** labelled events with a flagged row / events; NaN without events */
  readonly eventRecall: number;
}

/** Flags of the rule "score >= threshold"; NaN is not flagged. */
export function flagsAt(scores: ArrayLike<number>, threshold: number): Uint8Array {
  return Uint8Array.from(scores, (score) => (score >= threshold ? 1 : 0));
}

export function confusionMatrix(labels: ArrayLike<number>, flags: ArrayLike<number>): ConfusionMatrix {
  if (flags.length !== labels.length) {
    throw new RangeError(`${labels.length} labels but ${flags.length} flags: one of each per row is needed`);
  }
  const counts = [0, 0, 0, 0];
  for (let i = 0; i < labels.length; i++) counts[(labels[i] !== 0 ? 2 : 0) + (flags[i] !== 0 ? 1 : 0)]++;
  return { trueNegatives: counts[0], falsePositives: counts[1], falseNegatives: counts[2], truePositives: counts[3] };
}

/** Throws a RangeError when the lengths differ or there are no rows. */
export function decisionQuality(labels: ArrayLike<number>, flags: ArrayLike<number>): DecisionQuality {
  if (labels.length === 0) throw new RangeError('there are no rows to judge');
  const counts = confusionMatrix(labels, flags);
  const { truePositives: tp, falsePositives: fp, falseNegatives: fn, trueNegatives: tn } = counts;
  const precision = tp + fp > 0 ? tp / (tp + fp) : 0;
  const recall = tp + fn > 0 ? tp / (tp + fn) : 0;
  const found = overlapped(segmentsOf(labels), segmentsOf(flags));
  return {
    ...counts,
    precision,
    recall,
    f1: precision + recall > 0 ? (2 * precision * recall) / (precision + recall) : 0,
    accuracy: (tp + tn) / labels.length,
    falseAlarmRate: fp / (fp + tn),
    eventRecall: found.filter(Boolean).length / found.length,
  };
}

export interface AlarmQuality {
  /** labelled events that an alarm overlaps / events; NaN without events */
  readonly eventRecall: number;
  /** alarms that overlap no labelled event */
  readonly falseAlarms: number;
  readonly falseAlarmsPerDay: number;
  /** median rows from an event's first row to the first alarmed row in it, over found events; 0 when an alarm was already on; NaN without a found event */
  readonly medianDelay: number;
  readonly meanDelay: number;
}

/**
 * Alarms as stretches of rows (incidents, or runs of flags) against labelled events. Both in row order without overlaps of their own.
 * `days` is the time that was watched.
 */
export function alarmQuality(events: readonly Segment[], alarms: readonly Segment[], days: number): AlarmQuality {
  const delays: number[] = [];
  let next = 0;
  for (const { start, end } of events) {
    while (next < alarms.length && alarms[next].end < start) next++;
    if (next < alarms.length && alarms[next].start <= end) delays.push(Math.max(0, alarms[next].start - start));
  }
  const falseAlarms = overlapped(alarms, events).filter((right) => !right).length;
  delays.sort((a, b) => a - b);
  const middle = delays.length / 2;
  return {
    eventRecall: delays.length / events.length,
    falseAlarms,
    falseAlarmsPerDay: falseAlarms / days,
    medianDelay: delays.length === 0 ? NaN : (delays[Math.ceil(middle) - 1] + delays[Math.floor(middle)]) / 2,
    meanDelay: delays.reduce((sum, delay) => sum + delay, 0) / delays.length,
  };
}
