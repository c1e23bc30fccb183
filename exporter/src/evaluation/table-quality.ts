/** How well the scores of a table's rows agree with its labels. */
import { eventF1, eventRecallAt } from './quality-metrics-events.ts';
import { averagePrecision, bestF1, rank, rocAuc } from './quality-metrics-ranking.ts';
import { segmentsOf } from './quality-metrics-segments.ts';
import { alarmQuality, decisionQuality, flagsAt, type DecisionQuality } from './quality-metrics-threshold.ts';
import { vusPr } from './quality-metrics-vus.ts';

/** Without a threshold: how well the scores put anomalous rows above normal ones. */
export interface RankingQuality {
  readonly rocAuc: number;
  readonly averagePrecision: number;
  readonly bestF1: number;
}

/** Of rows in an order only: labels that follow one another are one event. */
export interface EventQuality {
  readonly vusPr: number;
  readonly eventF1: number;
  /** events found when 1 % of the normal rows are flagged */
  readonly eventRecall1Percent: number;
  /** false alarms per day; NaN without times */
  readonly falseAlarmsPerDay: number;
  /** median rows until an event is noticed; NaN when none is */
  readonly delayRows: number;
}

export interface TableQuality {
  /** at a score of 1 */
  readonly decision: DecisionQuality;
  readonly ranking: RankingQuality;
  /** undefined where rows have no order */
  readonly events: EventQuality | undefined;
}

/** Labels of 0 and 1 only: NaN when both are not there. `days` of data, 0 = unknown. */
export function tableQuality(
  labels: Float64Array,
  scores: Float64Array,
  series: boolean,
  days: number,
): TableQuality | undefined {
  const known = labels.map((label) => (label === label ? 1 : 0));
  const truth = labels.filter((_, row) => known[row] === 1);
  const judged = scores.filter((_, row) => known[row] === 1);
  if (!truth.includes(0) || !truth.includes(1)) return undefined;
  const ranking = rank(truth, judged);
  const flags = flagsAt(judged, 1);
  const alarms = alarmQuality(segmentsOf(truth), segmentsOf(flags), days > 0 ? days : NaN);
  return {
    decision: decisionQuality(truth, flags),
    ranking: {
      rocAuc: rocAuc(ranking),
      averagePrecision: averagePrecision(ranking),
      bestF1: bestF1(ranking).f1,
    },
    events: series
      ? {
          vusPr: vusPr(ranking, truth, judged),
          eventF1: eventF1(ranking, truth, judged).f1,
          eventRecall1Percent: eventRecallAt(ranking, truth, judged, 0.01),
          falseAlarmsPerDay: alarms.falseAlarmsPerDay,
          delayRows: alarms.medianDelay,
        }
      : undefined,
  };
}
