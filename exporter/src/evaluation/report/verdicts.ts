/** How severe what was flagged is, and how it agrees with the labels. */
import { SEVERITY_SCORES, severityOf } from '../../decision/severity.ts';
import type { DecisionQuality } from '../quality-metrics-threshold.ts';
import { countText, named, percentText, plural } from './figures.ts';
import { html, type Html } from './html.ts';
import { leftOut, number, section, sentence, severityMark, spare, table, text, wide, type Level } from './parts.ts';
import { bar } from './plot.ts';
import { hasLabels, type ReportSubject } from './subject.ts';

const { low, medium, high } = SEVERITY_SCORES;
const LEVELS: readonly (readonly [level: Level, range: string])[] = [
  ['normal', `below ${low}`],
  ['low', `${low} to ${medium}`],
  ['medium', `${medium} to ${high}`],
  ['high', `${high} and above`],
];

export function verdictSections(subject: ReportSubject): Html {
  return html`<div class="pair">${severitySection(subject)}${confusionSection(subject)}</div> `;
}

function severitySection(subject: ReportSubject): Html {
  const { scores, table: rows } = subject;
  const counts = [0, 0, 0, 0];
  const anomalous = [0, 0, 0, 0];
  let unscored = 0;
  scores.ensemble.forEach((score, row) => {
    if (score !== score) {
      unscored++;
      return;
    }
    counts[severityOf(score)]++;
    if (rows.labels?.[row] === 1) anomalous[severityOf(score)]++;
  });
  const flagged = counts[1] + counts[2] + counts[3];
  const labels = hasLabels(subject);
  return section(
    'severity',
    'Severity',
    sentence(
      `${flagged === 0 ? 'No row is' : `${plural(flagged, 'row')} ${flagged === 1 ? 'is' : 'are'}`} above the threshold${unscored > 0 ? `; ${plural(unscored, 'row')} without any value ${unscored === 1 ? 'has' : 'have'} no score` : ''}. Bars are shares of what was flagged.`,
    ),
    table(
      'Rows by severity',
      [
        text('Severity'),
        text('Score'),
        number('Rows'),
        ...(labels ? [number('Labelled anomalous')] : []),
        spare(wide('')),
      ],
      LEVELS.map(([level, range], severity) => [
        severityMark(level),
        html`<span class="nowrap">${range}</span>`,
        html`${countText(counts[severity])}`,
        ...(labels ? [html`${countText(anomalous[severity])}`] : []),
        severity === 0 ? html`` : bar(flagged > 0 ? counts[severity] / flagged : 0, level),
      ]),
    ),
  );
}

function confusionSection({ result: { detectors } }: ReportSubject): Html {
  const { name, quality } = detectors[detectors.length - 1];
  if (!quality)
    return section(
      'confusion',
      'Confusion matrix',
      leftOut(
        'The confusion matrix is left out: it needs rows that are labelled normal and rows that are labelled anomalous.',
      ),
    );
  const judged = detectors.flatMap((detector) =>
    detector.quality ? [{ ...detector, ...detector.quality.decision }] : [],
  );
  return section(
    'confusion',
    'Confusion matrix',
    html`<p class="lead">Of ${name === 'ensemble' ? 'the ensemble' : named(name)}, at its threshold.</p>`,
    matrix(quality.decision),
    judged.length > 1
      ? html`<details>
          <summary>Of every detector</summary>
          ${table(
            'Confusion matrices of all detectors',
            [text('Detector'), number('Found'), number('Missed'), number('False alarms'), number('Rightly normal')],
            judged.map((detector) => [
              named(detector.name),
              ...[detector.truePositives, detector.falseNegatives, detector.falsePositives, detector.trueNegatives].map(
                (count) => html`${countText(count)}`,
              ),
            ]),
          )}
        </details>`
      : undefined,
  );
}

/** Shares are of the row: of what is anomalous, how much was found; of what is normal, how much was flagged. */
function matrix({ truePositives, falsePositives, trueNegatives, falseNegatives }: DecisionQuality): Html {
  const cell = (count: number, all: number, words: string, kind: string) =>
    html`<td class="${count > 0 ? kind : 'none'}">
      <b>${countText(count)}</b><span>${words}</span><small>${percentText(all > 0 ? count / all : 0)}</small>
    </td>`;
  const anomalous = truePositives + falseNegatives;
  const normal = falsePositives + trueNegatives;
  return html`<table class="matrix">
    <caption class="hidden">
      Confusion matrix, shares of each row
    </caption>
    <thead>
      <tr>
        <td></td>
        <th scope="col">Flagged</th>
        <th scope="col">Not flagged</th>
      </tr>
    </thead>
    <tbody>
      <tr>
        <th scope="row">Anomalous<small>${countText(anomalous)}</small></th>
        ${cell(truePositives, anomalous, 'found', 'right')}${cell(falseNegatives, anomalous, 'missed', 'wrong')}
      </tr>
      <tr>
        <th scope="row">Normal<small>${countText(normal)}</small></th>
        ${cell(falsePositives, normal, 'false alarms', 'wrong')}${cell(trueNegatives, normal, 'rightly left alone', 'right')}
      </tr>
    </tbody>
  </table>`;
}
