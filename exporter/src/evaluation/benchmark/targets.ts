/** Figures that the default ensemble has to reach, and those it aims at; printed beside what it does reach. */
export interface Target {
  readonly set: string;
  /** key of the result, and the figure in it */
  readonly key: string;
  readonly figure: string;
  readonly title: string;
  readonly must: number;
  readonly aim: number;
  /** less is better */
  readonly most?: boolean;
}

const telemetry = (
  set: string,
  [key, figure]: readonly [string, string],
  title: string,
  must: number,
  aim: number,
): Target => ({ set, key, figure, title, must, aim });

export const targets: readonly Target[] = [
  telemetry('asd', ['ensemble', 'vus_pr'], 'VUS-PR, raw', 0.71, 0.78),
  telemetry('asd', ['ensemble', 'event_recall_1pct'], 'event recall at 1 % false alarms, raw', 0.97, 1),
  telemetry('asd', ['ensemble_smoothed', 'vus_pr'], 'VUS-PR, smoothed', 0.73, 0.82),
  telemetry('asd', ['ensemble', 'cause_hit_rate_100'], 'hit rate of causes', 0.92, 0.95),
  telemetry('asd', ['thresholded', 'f1'], 'rows over the threshold: F1', 0.39, 0.5),
  telemetry('asd', ['thresholded', 'event_recall'], 'rows over the threshold: event recall', 0.9, 0.96),
  {
    ...telemetry('asd', ['thresholded', 'false_alarm_rate'], 'rows over the threshold: false-alarm rate', 0.015, 0.01),
    most: true,
  },
  telemetry('asd', ['incidents', 'event_recall'], 'incidents: event recall', 0.88, 0.95),
  {
    ...telemetry('asd', ['incidents', 'false_per_week'], 'incidents: false ones an entity and week', 3, 1.5),
    most: true,
  },
  telemetry('smd', ['ensemble', 'vus_pr'], 'VUS-PR, raw', 0.64, 0.72),
  telemetry('smd', ['ensemble', 'event_recall_1pct'], 'event recall at 1 % false alarms, raw', 0.9, 0.96),
  telemetry('smd', ['ensemble_smoothed', 'vus_pr'], 'VUS-PR, smoothed', 0.64, 0.74),
  telemetry('smd', ['ensemble', 'cause_hit_rate_100'], 'hit rate of causes', 0.73, 0.8),
  telemetry('smd', ['thresholded', 'f1'], 'rows over the threshold: F1', 0.45, 0.62),
  telemetry('smd', ['thresholded', 'event_recall'], 'rows over the threshold: event recall', 0.88, 0.95),
  {
    ...telemetry('smd', ['thresholded', 'false_alarm_rate'], 'rows over the threshold: false-alarm rate', 0.03, 0.01),
    most: true,
  },
  telemetry('smd', ['incidents', 'event_recall'], 'incidents: event recall', 0.84, 0.93),
  {
    ...telemetry('smd', ['incidents', 'false_per_week'], 'incidents: false ones an entity and week', 7, 3),
    most: true,
  },
  telemetry('nslkdd', ['ensemble', 'roc_auc'], 'ROC-AUC', 0.97, 0.98),
  telemetry('nslkdd', ['ensemble', 'average_precision'], 'average precision', 0.97, 0.98),
  telemetry('connections', ['ensemble', 'accuracy'], 'accuracy', 0.95, 0.98),
  telemetry('connections', ['ensemble', 'precision'], 'precision', 0.9, 0.98),
  telemetry('connections', ['ensemble', 'recall'], 'recall', 0.92, 0.98),
  telemetry('connections', ['ensemble', 'f1'], 'F1', 0.91, 0.98),
];
