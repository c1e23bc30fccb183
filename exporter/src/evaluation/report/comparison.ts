/** Detectors side by side: how good, how costly, and when to use which. */
import { humanSeconds, humanValue } from '../../human-units.ts';
import type { DetectorEvaluation } from '../table-evaluation.ts';
import { countText, named, numberText, percentText, ratioText } from './figures.ts';
import { html, type Html } from './html.ts';
import { leftOut, number, section, sentence, table, text } from './parts.ts';
import { bar } from './plot.ts';
import type { ReportSubject } from './subject.ts';

type Figure = (detector: DetectorEvaluation) => number;

const QUALITY: readonly (readonly [title: string, figure: Figure])[] = [
  ['ROC-AUC', ({ quality }) => quality?.ranking.rocAuc ?? NaN],
  ['AP', ({ quality }) => quality?.ranking.averagePrecision ?? NaN],
  ['Precision', ({ quality }) => quality?.decision.precision ?? NaN],
  ['Recall', ({ quality }) => quality?.decision.recall ?? NaN],
  ['F1', ({ quality }) => quality?.decision.f1 ?? NaN],
  ['Best F1', ({ quality }) => quality?.ranking.bestF1 ?? NaN],
];

export function comparisonSection(subject: ReportSubject): Html {
  const { detectors } = subject.result;
  return section(
    'comparison',
    'Comparison of the detectors',
    qualityPart(subject),
    detectors.some(({ quality }) => quality?.events) ? eventTable(detectors) : undefined,
    html`<h3>Cost</h3>`,
    costTable(detectors),
    html`<h3>When to use which</h3>`,
    adviceList(detectors),
  );
}

function qualityPart({ result: { detectors, overview } }: ReportSubject): Html {
  if (!detectors.some(({ quality }) => quality)) {
    const { labels } = overview;
    const why = labels
      ? `all labels are ${labels.normal > 0 ? 'normal' : labels.anomalous > 0 ? 'anomalous' : 'missing'}`
      : 'the table has no labels';
    return leftOut(`Quality is left out: ${why}, so nobody can say which flagged rows are right.`);
  }
  return html`${sentence('ROC-AUC and AP judge the order of the scores whatever the threshold, precision, recall and F1 the rows above it. Best F1 is what the best threshold would reach. The best of each column is bold.')}
  ${table(
    'Quality of the detectors',
    [text('Detector'), ...QUALITY.map(([title]) => number(title)), number('False alarms')],
    detectors.map((detector) => [
      nameOf(detector),
      ...QUALITY.map(([, figure]) => {
        const value = figure(detector);
        const best = Math.max(...detectors.map(figure).filter((other) => other === other));
        const shown = ratioText(value);
        return html`${shown === ratioText(best) && detectors.length > 1 ? html`<b>${shown}</b>` : shown}${bar(value)}`;
      }),
      html`${percentText(detector.quality?.decision.falseAlarmRate ?? NaN)}`,
    ]),
  )}`;
}

/** With the part it plays in the ensemble. */
function nameOf({ name, weight }: DetectorEvaluation): Html {
  const part = name === 'ensemble' ? undefined : weight > 0 ? `weight ${numberText(weight)}` : 'beside the ensemble';
  return html`${named(name)}${part !== undefined && html`<small>${part}</small>`}`;
}

function eventTable(detectors: readonly DetectorEvaluation[]): Html {
  return html`<h3>Events</h3>
    ${sentence('Labels that follow one another are one event. The delay is the median number of rows until an event is noticed.')}
    ${table(
      'Events found by the detectors',
      [
        text('Detector'),
        number('VUS-PR'),
        number('Event F1'),
        number('Events found'),
        number('Found at 1 % false alarms'),
        number('False alarms a day'),
        number('Delay'),
      ],
      detectors.map(({ name, quality }) => [
        named(name),
        ...[
          ratioText(quality?.events?.vusPr ?? NaN),
          ratioText(quality?.events?.eventF1 ?? NaN),
          percentText(quality?.decision.eventRecall ?? NaN),
          percentText(quality?.events?.eventRecall1Percent ?? NaN),
          numberText(quality?.events?.falseAlarmsPerDay ?? NaN),
          numberText(quality?.events?.delayRows ?? NaN),
        ].map((cell) => html`${cell}`),
      ]),
    )}`;
}

function costTable(detectors: readonly DetectorEvaluation[]): Html {
  const costs: [title: string, figure: Figure, unit: string][] = [
    ['Training', ({ fitSeconds }) => fitSeconds, 'seconds'],
    ['Scoring all rows', ({ scoreSeconds }) => scoreSeconds, 'seconds'],
    ['Memory', ({ memoryBytes }) => memoryBytes, 'bytes'],
    ['Model', ({ modelBytes }) => modelBytes, 'bytes'],
  ];
  const alone = detectors.filter(({ name }) => name !== 'ensemble');
  return table(
    'Cost of the detectors',
    [text('Detector'), ...costs.map(([title]) => number(title)), number('Flagged')],
    detectors.map((detector) => [
      nameOf(detector),
      ...costs.map(([, figure, unit]) => {
        const most = Math.max(...alone.map(figure));
        const shown = unit === 'seconds' ? humanSeconds(figure(detector)) : humanValue(figure(detector), unit);
        // the ensemble is the sum of its members: no bar beside theirs
        return html`${shown}${detector.name !== 'ensemble' && bar(most > 0 ? figure(detector) / most : 0, 'cost')}`;
      }),
      html`${countText(detector.flagged)}`,
    ]),
  );
}

function adviceList(detectors: readonly DetectorEvaluation[]): Html {
  return html`<dl class="advice">
    ${detectors
      .filter(({ advice }) => advice !== '')
      .map(
        ({ name, advice }) =>
          html`<div>
            <dt>${named(name)}</dt>
            <dd>${advice}.</dd>
          </div>`,
      )}
  </dl>`;
}
