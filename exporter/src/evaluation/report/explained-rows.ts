/** The most anomalous rows, each with what its columns hold, what is usual, and what that is worth. */
import { severityName } from '../../decision/severity.ts';
import type { ShapRow } from '../shap-table.ts';
import type { ExplainedRow } from '../table-evaluation.ts';
import {
  cellText,
  countText,
  digitsFor,
  fixedText,
  named,
  numberText,
  percentText,
  scoreText,
  signedText,
  timeText,
} from './figures.ts';
import { html, type Html } from './html.ts';
import { playerName } from './importance-section.ts';
import { leftOut, number, section, sentence, severityMark, spare, table, text, wide } from './parts.ts';
import { percent } from './plot.ts';
import type { ReportSubject } from './subject.ts';

/** Rows with a part of their own; the others are in one table. */
export const MOST_EXPLAINED = 20;
const MOST_LISTED = 200;
const MOST_VALUES = 6;
/** SHAP values below this part of the largest are among the others. */
const LEAST_OF_LARGEST = 0.005;

export function explainedSection(subject: ReportSubject): Html {
  const { result, shap, table: rows } = subject;
  const { top } = result;
  if (top.length === 0)
    return section(
      'rows',
      'The most anomalous rows',
      leftOut('No row comes near the threshold (a score of 0.5), so there is nothing to explain.'),
    );
  const explained = top.slice(0, MOST_EXPLAINED);
  const listed = top.slice(MOST_EXPLAINED, MOST_EXPLAINED + MOST_LISTED);
  const byPlace = new Map(shap?.rows.map((row) => [rows.row[row.place], row]));
  return section(
    'rows',
    explained.length === 1 ? 'The most anomalous row' : `The ${explained.length} most anomalous rows`,
    sentence(
      'Share is how much of the score the detectors themselves put down to a column. SHAP is what its value adds to the score of a normal row: the mean of the normal rows and all SHAP values add up to the score.',
    ),
    html`<div class="cases">${explained.map((row, i) => caseOf(subject, row, i + 1, byPlace.get(row.row)))}</div>`,
    listed.length > 0
      ? html`<h3>The next ${listed.length}</h3>
          ${listTable(listed)}`
      : undefined,
  );
}

function caseOf(subject: ReportSubject, row: ExplainedRow, rank: number, shap: ShapRow | undefined): Html {
  const { score, scores, time, entity, label } = row;
  const level = score >= 1 ? severityName(score) : 'normal';
  const where = [
    ...(time === undefined ? [] : [html`${timeText(time)} UTC`]),
    ...(entity === undefined ? [] : [named(entity)]),
    ...(label === label ? [html`labelled ${label === 1 ? 'anomalous' : 'normal'}`] : []),
  ];
  const members = Object.entries(scores);
  return html`<article class="case ${level}" aria-labelledby="case-${rank}">
    <header>
      <div>
        <h3 id="case-${rank}">Row ${countText(row.row)}</h3>
        <p class="soft">${where.map((part, i) => html`${i > 0 && ', '}${part}`)}</p>
      </div>
      <div class="score"><b>${scoreText(score)}</b>${severityMark(level)}</div>
    </header>
    ${
      members.length > 1 &&
      html`<ul class="chips" aria-label="Scores of the detectors">
        ${members.map(([name, own]) => html`<li class="${own >= 1 ? 'over' : ''}">${named(name)} <b>${scoreText(own)}</b></li>`)}
      </ul>`
    }
    ${valueTable(subject, row, shap)} ${shap && sumText(shap)}
  </article> `;
}

interface Line {
  readonly feature: string | undefined;
  readonly share: number;
  readonly shap: number;
}

function valueTable(subject: ReportSubject, row: ExplainedRow, shap: ShapRow | undefined): Html {
  const { table: rows } = subject;
  const place = shap?.place ?? rows.row.indexOf(row.row);
  const lines = linesOf(row, shap);
  const sizes = lines.map((line) => line.shap);
  const low = Math.min(0, ...sizes);
  const high = Math.max(0, ...sizes);
  const digits = digitsFor(sizes);
  const columns = [text('Column'), number('Value'), spare(number('Usual')), number('Share')];
  return table(
    `Row ${row.row}, column by column`,
    shap ? [...columns, number('SHAP'), spare(wide(''))] : columns,
    lines.map((line) => {
      const known = row.features.find(({ feature }) => feature === line.feature);
      const f = rows.features.findIndex(({ name }) => name === line.feature);
      const usual = (of: number) => cellText(known?.usual ?? usualOf(subject, of));
      const others = (subject.shap?.others ?? 0) + (subject.shap?.features.length ?? 0) - lines.length + 1;
      return [
        playerName(line.feature, others),
        f < 0
          ? html``
          : html`${cellText(known?.value ?? valueOf(subject, place, f))}<small class="phone"
                >usually ${usual(f)}</small
              >`,
        f < 0 ? html`` : usual(f),
        html`${line.share > 0 ? percentText(line.share) : html`<span class="soft">–</span>`}`,
        ...(shap ? [html`${signedText(line.shap, digits)}`, shapBar(line, low, high)] : []),
      ];
    }),
  );
}

/** The columns with the largest shares and SHAP values; all others are one line, so that the values add up. */
function linesOf({ features }: ExplainedRow, shap: ShapRow | undefined): Line[] {
  const share = (feature: string) => features.find((known) => known.feature === feature)?.share ?? 0;
  if (!shap) return features.map(({ feature, share: own }) => ({ feature, share: own, shap: NaN }));
  const separate = shap.values.flatMap(({ feature, value }) => (feature === undefined ? [] : [{ feature, value }]));
  const weight = (line: { feature: string; value: number }) =>
    Math.abs(line.value) + (share(line.feature) > 0 ? 1e-12 : 0);
  const sorted = separate.sort((a, b) => weight(b) - weight(a));
  const least = LEAST_OF_LARGEST * Math.abs(sorted[0]?.value ?? 0);
  const shown = sorted.filter(
    ({ feature, value }, i) => share(feature) > 0 || (i < MOST_VALUES && Math.abs(value) >= least),
  );
  const rest =
    shap.values.reduce((sum, { value }) => sum + value, 0) - shown.reduce((sum, { value }) => sum + value, 0);
  const lines = shown.map(({ feature, value }): Line => ({ feature, share: share(feature), shap: value }));
  const complete = shown.length === shap.values.length;
  return complete ? lines : [...lines, { feature: undefined, share: 0, shap: rest }];
}

function shapBar({ feature, shap: value }: Line, low: number, high: number): Html {
  const at = (of: number) => (high > low ? (of - low) / (high - low) : 0);
  const from = Math.min(at(0), at(value));
  const width = Math.abs(at(value) - at(0));
  return html`<svg class="swarm" width="100%" height="14" aria-hidden="true">
    <line class="zero" x1="${percent(at(0))}" x2="${percent(at(0))}" y1="0" y2="14" />
    <rect
      class="${feature === undefined ? 'rest' : value > 0 ? 'up' : 'down'}"
      x="${percent(from)}"
      width="${percent(width)}"
      y="2"
      height="10"
      rx="2"
    />
  </svg>`;
}

function sumText({ base, score, values }: ShapRow): Html {
  const sum = values.reduce((total, { value }) => total + value, 0);
  const error = Math.max(...values.map(({ error: own }) => own));
  const digits = digitsFor([base, sum, score]);
  const figure = (value: number) => html`<b>${fixedText(value, digits)}</b>`;
  return html`<p class="sum">
    normal rows ${figure(base)} ${sum < 0 ? '−' : '+'} SHAP values ${figure(Math.abs(sum))} = score
    ${figure(score)}${error > 0 && html` <span class="soft">(each value ± ${numberText(error)} at most, by sampling)</span>`}
  </p>`;
}

function listTable(rows: readonly ExplainedRow[]): Html {
  return table(
    'Further anomalous rows',
    [number('Row'), number('Score'), text('Label'), wide('What moved')],
    rows.map(({ row, score, label, features }) => [
      html`${countText(row)}`,
      html`${scoreText(score)}`,
      html`${label === label ? (label === 1 ? 'anomalous' : 'normal') : '–'}`,
      html`${features.map(
        ({ feature, value, usual, share }, i) =>
          html`${i > 0 && ', '}${named(feature)} <b>${cellText(value)}</b>
            <span class="soft">(usually ${cellText(usual)}, ${percentText(share)})</span>`,
      )}`,
    ]),
  );
}

function valueOf({ table: { features, values, categories } }: ReportSubject, place: number, f: number): string {
  const value = values[place * features.length + f];
  if (value !== value) return '';
  return features[f].kind === 'category' ? categories[f][value] : String(value);
}

/** Of columns that the result does not name: what the overview of the table says. */
function usualOf({ result, table: { features } }: ReportSubject, f: number): string {
  const column = result.overview.columns.find(({ name }) => name === features[f].name);
  if (!column) return '';
  return column.kind === 'category'
    ? (column.mostFrequent ?? '')
    : Number.isNaN(column.median)
      ? ''
      : String(column.median);
}
