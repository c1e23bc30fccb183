/** Which columns the scores hang on: over all rows, and in the most anomalous ones. */
import type { PermutationImportance } from '../importance.ts';
import type { TableShap } from '../shap-table.ts';
import { countText, digitsFor, fixedText, named, plural, ratioText, signedText } from './figures.ts';
import { html, type Html } from './html.ts';
import { leftOut, number, section, sentence, spare, table, text, wide } from './parts.ts';
import { bar, percent } from './plot.ts';
import type { ReportSubject } from './subject.ts';

const MOST_COLUMNS = 15;

export function importanceSections({ importance, shap, table: rows }: ReportSubject): Html {
  return html`<div class="pair">
    ${section('importance', 'Importance of the columns', importancePart(importance, rows.features.length))}${section('shap', 'What the most anomalous rows owe to each column', shapPart(shap, rows.row))}
  </div> `;
}

function importancePart(importance: PermutationImportance | undefined, columns: number): Html {
  if (!importance || importance.features.length === 0)
    return leftOut('Importance is left out: there are no scored rows to shuffle.');
  const { measure, base, features, repeats } = importance;
  const precise = measure === 'average precision';
  const most = Math.max(...features.map(({ mean }) => mean));
  const digits = precise ? 3 : digitsFor([most]);
  const sample = `${plural(importance.rows, 'row')}${precise ? `, ${countText(importance.anomalous)} of them anomalous` : ''}`;
  const what = precise
    ? `Average precision that is lost when the values of one column are shuffled; it is ${ratioText(base)} before.`
    : `${base === base ? 'The scores order the labelled rows no better than chance, so that there is no precision to lose; instead, how' : 'How'} much the scores change, on average, when the values of one column are shuffled.`;
  const more = columns - Math.min(MOST_COLUMNS, features.length);
  return html`${sentence(`${what} Mean of ${repeats} shuffles of ${sample}.${more > 0 ? ` ${plural(more, 'column')} less important or not asked for.` : ''}`)}
  ${table(
    'Permutation importance',
    [text('Column'), number(precise ? 'Loss' : 'Change'), wide(''), spare(number('Range'))],
    features
      .slice(0, MOST_COLUMNS)
      .map(({ feature, mean, lowest, highest }) => [
        named(feature),
        html`${fixedText(mean, digits)}`,
        bar(most > 0 ? mean / most : 0),
        html`<span class="nowrap soft">${fixedText(lowest, digits)} to ${fixedText(highest, digits)}</span>`,
      ]),
  )}`;
}

function shapPart(shap: TableShap | undefined, rowNumbers: Float64Array): Html {
  if (!shap || shap.rows.length === 0)
    return leftOut('SHAP values are left out: no row comes near the threshold, so there is nothing to explain.');
  const players = shap.rows[0].values.map((_, player) => {
    const values = shap.rows.map((row) => ({ place: row.place, value: row.values[player].value }));
    const mean = values.reduce((sum, { value }) => sum + Math.abs(value) / values.length, 0);
    return { feature: shap.rows[0].values[player].feature, values, mean };
  });
  const shown = players.sort((a, b) => b.mean - a.mean).slice(0, MOST_COLUMNS);
  const all = shown.flatMap(({ values }) => values.map(({ value }) => value));
  const low = Math.min(0, ...all);
  const high = Math.max(0, ...all);
  const digits = digitsFor(all);
  const at = (value: number) => percent(high > low ? 0.02 + (0.96 * (value - low)) / (high - low) : 0.5);
  return html`${sentence(`SHAP values in units of the score, against ${plural(shap.background, 'normal row')}: one dot for each of the ${plural(shap.rows.length, 'row')} explained below. Right of the line a value makes the row anomalous, left of it normal.`)}
  ${table(
    'Mean size of the SHAP values',
    [text('Column'), number('Mean size'), wide('')],
    shown.map(({ feature, values, mean }) => [
      playerName(feature, shap.others),
      html`${fixedText(mean, digits)}`,
      html`<svg
        class="swarm"
        width="100%"
        height="16"
        role="img"
        aria-label="${values.map(({ value }) => signedText(value, digits)).join(', ')}"
      >
        <line class="zero" x1="${at(0)}" x2="${at(0)}" y1="0" y2="16" />
        ${values.map(
          ({ place, value }) =>
            html`<circle class="${value > 0 ? 'up' : 'down'}" cx="${at(value)}" cy="8" r="4"
              ><title>row ${countText(rowNumbers[place])}: ${signedText(value, digits)}</title></circle
            >`,
        )}
      </svg>`,
    ]),
  )}`;
}

export function playerName(feature: string | undefined, others: number): Html {
  return feature === undefined ? html`<span class="soft">${plural(others, 'other column')}</span>` : named(feature);
}
