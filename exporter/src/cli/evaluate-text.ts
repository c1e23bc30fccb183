/** What `netpulse evaluate` prints. */
import type { DetectorEvaluation, ExplainedRow, TableEvaluation } from '../evaluation/table-evaluation.ts';
import { humanNumber, humanSeconds, humanValue } from '../human-units.ts';
import { csvField, textTable } from './text-table.ts';
import { overviewText, plural } from './train-overview.ts';

export function evaluationText(result: TableEvaluation, sample: string): string {
  const { settings, detectors, overview, trainOverview } = result;
  const judged = trainOverview ? overview.file : 'the same rows, each by a model that has not seen it';
  const shown = settings.folds === 0 && !trainOverview ? 'the rows that were learnt' : judged;
  const intro = `judged on ${shown}; ${share(settings.contamination)} of the ${settings.normalOnly ? 'normal ' : ''}training rows are above the threshold (--contamination)\n\n`;
  return [
    ...(trainOverview ? ['learnt from ', overviewText(trainOverview, sample)] : []),
    overviewText(overview, sample),
    intro,
    qualityText(detectors, overview),
    '\n',
    costText(detectors),
    confusionText(detectors),
    topText(result.top),
  ].join('');
}

function qualityText(detectors: readonly DetectorEvaluation[], { labels, rows }: TableEvaluation['overview']): string {
  if (!detectors.some(({ quality }) => quality)) {
    const why = labels
      ? `all labels are ${labels.normal > 0 ? 'normal' : labels.anomalous > 0 ? 'anomalous' : 'missing'}, so there is nothing to compare`
      : 'there are no labels';
    const found = textTable(
      ['DETECTOR', '>FLAGGED', '>SHARE'],
      detectors.map(({ name, flagged }) => [name, humanNumber(flagged), share(flagged / rows)]),
    );
    return `no quality: ${why}\n\n${found}`;
  }
  const events = detectors.some(({ quality }) => quality?.events);
  const titles = [
    'DETECTOR',
    '>ROC-AUC',
    '>AP',
    '>BEST F1',
    '>PRECISION',
    '>RECALL',
    '>F1',
    '>ACCURACY',
    '>FALSE ALARMS',
  ];
  if (events) titles.push('>VUS-PR', '>EVENTS', '>EVENTS AT 1 %', '>FALSE/DAY', '>DELAY');
  return textTable(
    titles,
    detectors.map(({ name, quality }) => {
      if (!quality) return [name, ...titles.slice(1).map(() => '')];
      const { ranking, decision, events: series } = quality;
      const numbers = [
        ranking.rocAuc,
        ranking.averagePrecision,
        ranking.bestF1,
        decision.precision,
        decision.recall,
        decision.f1,
        decision.accuracy,
      ].map(ratio);
      const more = series
        ? [
            ratio(series.vusPr),
            ratio(decision.eventRecall),
            ratio(series.eventRecall1Percent),
            series.falseAlarmsPerDay === series.falseAlarmsPerDay ? humanNumber(series.falseAlarmsPerDay) : '',
            series.delayRows === series.delayRows ? plural(series.delayRows, 'row') : '',
          ]
        : [];
      return [name, ...numbers, share(decision.falseAlarmRate), ...more];
    }),
  );
}

function costText(detectors: readonly DetectorEvaluation[]): string {
  return textTable(
    ['DETECTOR', '>THRESHOLD', '>FIT', '>SCORE', '>MEMORY', '>MODEL', 'WHEN TO USE'],
    detectors.map(({ name, threshold, fitSeconds, scoreSeconds, memoryBytes, modelBytes, advice }) => [
      name,
      threshold.toPrecision(4),
      humanSeconds(fitSeconds),
      humanSeconds(scoreSeconds),
      humanValue(memoryBytes, 'bytes'),
      humanValue(modelBytes, 'bytes'),
      advice,
    ]),
  );
}

/** Of the last one: the ensemble, or the only detector. */
function confusionText(detectors: readonly DetectorEvaluation[]): string {
  const { name, quality } = detectors[detectors.length - 1];
  if (!quality) return '';
  const { truePositives, falsePositives, trueNegatives, falseNegatives } = quality.decision;
  const table = textTable(
    [name, '>FLAGGED', '>NOT FLAGGED'],
    [
      ['anomalous', humanNumber(truePositives), humanNumber(falseNegatives)],
      ['normal', humanNumber(falsePositives), humanNumber(trueNegatives)],
    ],
  );
  return `\n${table}`;
}

function topText(rows: readonly ExplainedRow[]): string {
  if (rows.length === 0) return '';
  const table = textTable(
    ['>ROW', '>SCORE', 'LABEL', 'WHAT MOVED'],
    rows.map(({ row, score, label, features }) => [
      String(row),
      score.toPrecision(3),
      label !== label ? '' : label === 0 ? 'normal' : 'anomalous',
      features.map((f) => `${f.feature} ${brief(f.value)} (usually ${brief(f.usual)}) ${share(f.share)}`).join(', '),
    ]),
  );
  return `\nmost anomalous rows\n${table}`;
}

const CSV_COLUMNS: readonly [string, (detector: DetectorEvaluation) => string | number | undefined][] = [
  ['detector', ({ name }) => name],
  ['weight', ({ weight }) => weight],
  ['threshold', ({ threshold }) => threshold],
  ['flagged', ({ flagged }) => flagged],
  ['roc_auc', ({ quality }) => quality?.ranking.rocAuc],
  ['average_precision', ({ quality }) => quality?.ranking.averagePrecision],
  ['best_f1', ({ quality }) => quality?.ranking.bestF1],
  ['precision', ({ quality }) => quality?.decision.precision],
  ['recall', ({ quality }) => quality?.decision.recall],
  ['f1', ({ quality }) => quality?.decision.f1],
  ['accuracy', ({ quality }) => quality?.decision.accuracy],
  ['false_alarm_rate', ({ quality }) => quality?.decision.falseAlarmRate],
  ['true_positives', ({ quality }) => quality?.decision.truePositives],
  ['false_positives', ({ quality }) => quality?.decision.falsePositives],
  ['true_negatives', ({ quality }) => quality?.decision.trueNegatives],
  ['false_negatives', ({ quality }) => quality?.decision.falseNegatives],
  ['vus_pr', ({ quality }) => quality?.events?.vusPr],
  ['event_recall', ({ quality }) => quality?.events && quality.decision.eventRecall],
  ['event_f1', ({ quality }) => quality?.events?.eventF1],
  ['event_recall_1pct', ({ quality }) => quality?.events?.eventRecall1Percent],
  ['false_alarms_per_day', ({ quality }) => quality?.events?.falseAlarmsPerDay],
  ['delay_rows', ({ quality }) => quality?.events?.delayRows],
  ['fit_seconds', ({ fitSeconds }) => fitSeconds],
  ['score_seconds', ({ scoreSeconds }) => scoreSeconds],
  ['memory_bytes', ({ memoryBytes }) => memoryBytes],
  ['model_bytes', ({ modelBytes }) => modelBytes],
];

/** A line for each detector; empty where there is nothing to say. */
export function evaluationCsv({ detectors }: TableEvaluation): string {
  const lines = detectors.map((detector) =>
    CSV_COLUMNS.map(([, value]) => value(detector))
      .map((value) => (value === undefined || value !== value ? '' : csvField(value)))
      .join(),
  );
  return `${[CSV_COLUMNS.map(([name]) => name).join(), ...lines].join('\n')}\n`;
}

/** The whole result; what is no number is null. */
export function evaluationJson(result: TableEvaluation): string {
  return `${JSON.stringify(result, null, 2)}\n`;
}

function ratio(value: number): string {
  return value === value ? value.toFixed(3) : '';
}

function share(value: number): string {
  if (value !== value) return '';
  const percent = 100 * value;
  return `${percent === 0 || percent >= 10 ? percent.toFixed(0) : Number(percent.toPrecision(2))} %`;
}

/** A value as it stands in the table, shortened to what matters. */
function brief(value: string): string {
  const number = Number(value);
  return value === '' ? 'missing' : Number.isFinite(number) ? String(Number(number.toPrecision(4))) : value;
}
