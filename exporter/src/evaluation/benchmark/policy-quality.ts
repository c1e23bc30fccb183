/**
 * The figures of decisions made without labels while time passes: rows over the threshold and incidents. The policy itself (refits, thresholds, hysteresis) is
 * somebody else's; here its outcome on the test rows of an entity meets the labels.
 */
import type { LabelledEntity } from '../datasets/telemetry.ts';
import { type Segment, segmentsOf } from '../quality-metrics-segments.ts';
import { alarmQuality, decisionQuality } from '../quality-metrics-threshold.ts';

export interface PolicyOutcome {
  /** 1 = the row's score is over its threshold; one a test row */
  readonly flags: Uint8Array;
  /** test rows, counted from 0, in order, without overlaps */
  readonly incidents: readonly Segment[];
}

export type Policy = (entity: LabelledEntity, seed: number) => PolicyOutcome;

export interface ThresholdFigures {
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
  readonly event_recall: number;
  readonly false_alarm_rate: number;
}

export interface IncidentFigures {
  /** labelled events that an incident overlaps / events */
  readonly event_recall: number;
  /** incidents that overlap no labelled event, per week of test rows */
  readonly false_per_week: number;
  /** median over found events of the rows from its start to the first row of an incident in it; null when none is found */
  readonly delay_rows: number | null;
}

export interface PolicyFigures {
  readonly thresholded: ThresholdFigures;
  readonly incidents: IncidentFigures;
}

export function policyQuality(
  { labels, rowsPerDay }: LabelledEntity,
  { flags, incidents }: PolicyOutcome,
): PolicyFigures {
  const rows = decisionQuality(labels, flags);
  const alarms = alarmQuality(segmentsOf(labels), incidents, labels.length / rowsPerDay);
  return {
    thresholded: {
      precision: rows.precision,
      recall: rows.recall,
      f1: rows.f1,
      event_recall: rows.eventRecall,
      false_alarm_rate: rows.falseAlarmRate,
    },
    incidents: {
      event_recall: alarms.eventRecall,
      false_per_week: 7 * alarms.falseAlarmsPerDay,
      delay_rows: Number.isNaN(alarms.medianDelay) ? null : alarms.medianDelay,
    },
  };
}
