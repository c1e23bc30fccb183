/** Head of the report: what was judged, what came of it, and what the table holds. */
import { severityName } from '../../decision/severity.ts';
import type { ColumnOverview, TableOverview } from '../table-overview.ts';
import {
  countText,
  named,
  numberText,
  percentText,
  plural,
  ratioText,
  scoreText,
  shortened,
  timeText,
} from './figures.ts';
import { html, type Html } from './html.ts';
import { LOGO, number, section, shape, table, text } from './parts.ts';
import type { ReportSubject } from './subject.ts';

/** Columns that are listed; of more, those with something to say come first. */
const MOST_COLUMNS = 40;
const LONGEST_NOTE = 1000;

export function headOf(subject: ReportSubject, links: readonly (readonly [id: string, title: string])[]): Html {
  const { result, madeAt } = subject;
  return html`<header class="top">
      <div class="brand">
        ${LOGO}
        <div>
          <h1>Evaluation of ${named(fileName(result.overview.file))}</h1>
          <p>NetPulse, made ${timeText(madeAt)} UTC</p>
        </div>
      </div>
      <nav aria-label="Sections">
        <ul>
          ${links.map(([id, title]) => html`<li><a href="#${id}">${title}</a></li>`)}
        </ul>
      </nav>
    </header>
    ${verdictOf(subject)}${result.notes.map((note) => html`<p class="banner medium">${shape('medium')}<span>${note.slice(0, LONGEST_NOTE)}</span></p>`)} `;
}

/** The path says where a file was on one machine; the name is what people know it by. */
export function fileName(path: string): string {
  return path.split(/[\\/]/).pop() || path;
}

function verdictOf({ result, scores, table: { rows } }: ReportSubject): Html {
  const chosen = result.detectors[result.detectors.length - 1];
  const { flagged, quality } = chosen;
  let highest = NaN;
  for (const score of scores.ensemble) if (score === score && !(score <= highest)) highest = score;
  const level = highest >= 1 ? severityName(highest) : 'normal';
  const found = flagged === 0 ? 'No row is anomalous' : `${plural(flagged, 'row')} flagged`;
  const share = `${percentText(rows > 0 ? flagged / rows : 0)} of ${plural(rows, 'row')}, by ${chosen.name === 'ensemble' ? 'the ensemble' : chosen.name}`;
  const facts: [string, string][] = quality
    ? [
        ['ROC-AUC', ratioText(quality.ranking.rocAuc)],
        ['Average precision', ratioText(quality.ranking.averagePrecision)],
        ['Precision', ratioText(quality.decision.precision)],
        ['Recall', ratioText(quality.decision.recall)],
      ]
    : [
        ['Rows', countText(rows)],
        ['Columns', countText(result.overview.columns.length)],
        ['Detectors', countText(result.detectors.filter(({ name }) => name !== 'ensemble').length)],
        ['Highest score', scoreText(highest)],
      ];
  return html`<section class="overview" aria-label="Result">
    <div class="state ${level}">
      ${shape(level)}
      <div>
        <h2>${found}</h2>
        <p>${share}. A score of 1 is the threshold.</p>
      </div>
    </div>
    <dl>
      ${facts.map(
        ([term, value]) =>
          html`<div>
            <dt>${term}</dt>
            <dd>${value}</dd>
          </div>`,
      )}
    </dl>
  </section> `;
}

export function dataSection({ result }: ReportSubject): Html {
  const { overview, trainOverview, settings, detectors } = result;
  const judged = trainOverview
    ? `${fileName(overview.file)}, by models of ${shortened(fileName(trainOverview.file))}`
    : settings.folds > 0
      ? 'each row by a model that has not seen it'
      : 'the rows that were learnt';
  const facts: [string, string][] = [
    ['Rows', rowsText(overview)],
    ...(trainOverview ? [['Learnt rows', rowsText(trainOverview)] satisfies [string, string]] : []),
    ['Labels', labelsText(overview)],
    ...(overview.time
      ? [['Time', `${timeText(overview.time.from)} to ${timeText(overview.time.to)} UTC`] satisfies [string, string]]
      : []),
    ...(overview.entities > 0 ? [['Series', countText(overview.entities)] satisfies [string, string]] : []),
    ['Judged', judged],
    [
      'Threshold',
      `${percentText(settings.contamination)} of the ${settings.normalOnly ? 'normal ' : ''}training rows are above it`,
    ],
    ...(detectors.length > 1 ? [['Ensemble', settings.ensemble] satisfies [string, string]] : []),
    ['Rows are', settings.series ? 'a series: each is looked at with those before it' : 'looked at one by one'],
    ['Scaler', settings.scaler === 'none' ? 'that of each detector' : settings.scaler],
    ['Seed', String(settings.seed)],
  ];
  return section(
    'data',
    'The data',
    html`<dl class="facts">
      ${facts.map(
        ([term, value]) =>
          html`<div>
            <dt>${term}</dt>
            <dd>${value}</dd>
          </div>`,
      )}
    </dl>`,
    columnTable(overview),
  );
}

function rowsText({ rows, read, stopped, skipped, sameTime }: TableOverview): string {
  const parts = [countText(rows)];
  if (stopped) parts.push(`reading stopped after ${countText(read)}`);
  else if (read > rows) parts.push(`of ${countText(read)} that were read`);
  if (skipped > 0) parts.push(`${countText(skipped)} did not fit and were left out`);
  if (sameTime.rows > 0) parts.push(`${countText(sameTime.rows)} with the time of the row before`);
  return parts.join(', ');
}

function labelsText({ labels }: TableOverview): string {
  if (!labels) return 'none';
  const known = labels.normal + labels.anomalous;
  const share = known > 0 ? ` (${percentText(labels.anomalous / known)})` : '';
  const missing = labels.missing > 0 ? `, ${countText(labels.missing)} without a label` : '';
  return `${countText(labels.normal)} normal, ${countText(labels.anomalous)} anomalous${share}${missing}`;
}

function columnTable({ columns, rows }: TableOverview): Html {
  const dull = ({ missing, constant }: ColumnOverview) => missing === 0 && !constant;
  const shown =
    columns.length <= MOST_COLUMNS ? columns : columns.toSorted((a, b) => Number(dull(a)) - Number(dull(b)));
  const list = table(
    'Columns of the table',
    [
      text('Column'),
      text('Kind'),
      number('Missing'),
      number('Lowest'),
      number('Median'),
      number('Mean'),
      number('Highest'),
    ],
    shown
      .slice(0, MOST_COLUMNS)
      .map((column) => [
        named(column.name),
        html`${kindText(column)}${column.constant && html` <span class="chip">${column.missing === rows ? 'no values' : 'constant'}</span>`}`,
        html`${column.missing === 0 ? '–' : percentText(column.missing / rows)}`,
        ...[column.lowest, column.median, column.mean, column.highest].map((value) => html`${numberText(value)}`),
      ]),
  );
  const constant = columns.filter((column) => column.constant).length;
  const missing = columns.filter((column) => column.missing > 0).length;
  const more = columns.length - MOST_COLUMNS;
  return html`<p class="lead">
      ${plural(columns.length, 'column')}, ${missing === 0 ? 'none' : countText(missing)} with missing values,
      ${constant === 0 ? 'none' : countText(constant)}
      constant${more > 0 && `; ${countText(more)} of them are not listed`}.
    </p>
    ${list}`;
}

function kindText({ kind, treatment, categories, mostFrequent }: ColumnOverview): Html {
  if (kind === 'category')
    return mostFrequent === undefined
      ? html`text`
      : html`text, ${countText(categories)} different, mostly ${named(mostFrequent)}`;
  if (treatment === 'category') return html`number, as a code`;
  return treatment === 'log' ? html`number, logarithm` : html`number`;
}
