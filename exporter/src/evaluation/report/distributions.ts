/** What the values of normal and of anomalous rows look like, column by column, the most telling columns first. */
import type { Tick } from './axis.ts';
import { linearAxis } from './axis.ts';
import { countText, named, numberText, percentText, plural, shortened } from './figures.ts';
import { columnBins, type NumberBins, type TextBins } from './histogram-bins.ts';
import { html, type Html } from './html.ts';
import { figures, leftOut, number, section, table, text } from './parts.ts';
import { across, percent, pixels, plot } from './plot.ts';
import { hasLabels, type ReportSubject } from './subject.ts';

const MOST_COLUMNS = 12;
const HEIGHT = 110;

/** `features`: columns by place, the most telling first. */
export function distributionSection(subject: ReportSubject, features: readonly number[]): Html {
  const { table: rows, scores, result } = subject;
  const labelled = rows.labels?.includes(1) === true && rows.labels.includes(0);
  const group = labelled
    ? (row: number) => (rows.labels![row] === 1 ? true : rows.labels![row] === 0 ? false : undefined)
    : (row: number) => (scores.ensemble[row] === scores.ensemble[row] ? scores.ensemble[row] >= 1 : undefined);
  let anomalous = 0;
  for (let row = 0; row < rows.rows; row++) if (group(row) === true) anomalous++;
  const name = labelled ? 'labelled anomalous' : 'flagged';
  const other = labelled ? 'labelled normal' : 'not flagged';
  const pictures = features.slice(0, MOST_COLUMNS).flatMap((feature) => {
    const treatment = result.overview.columns.find((column) => column.name === rows.features[feature].name)?.treatment;
    const bins = columnBins(rows, feature, treatment, group);
    return bins ? [picture(rows.features[feature].name, bins, name, other)] : [];
  });
  const why =
    hasLabels(subject) && !labelled ? ' The labels are of one kind only, so rows are told apart by their scores.' : '';
  return section(
    'distributions',
    'Normal and anomalous values',
    pictures.length === 0
      ? leftOut('No column has a value to show.')
      : html`<p class="lead">
            Share of the rows ${other} (area) and of the ${plural(anomalous, 'row')} ${name} (line) by
            value${features.length > MOST_COLUMNS && `, for the ${MOST_COLUMNS} columns that matter most`}.${why}
          </p>
          <ul class="legend">
            <li>
              <svg width="18" height="16" aria-hidden="true"><path class="normal-area" d="M0 16V9h6V3h6v6h6v7z" /></svg
              >${other}
            </li>
            <li>
              <svg width="18" height="16" aria-hidden="true"><path class="anomalous-line" d="M0 15h6V10h6V4h6" /></svg
              >${name}
            </li>
          </ul>
          <div class="multiples">${pictures}</div>`,
  );
}

function picture(name: string, bins: NumberBins | TextBins, anomalous: string, normal: string): Html {
  const note =
    bins.anomalous.count === 0
      ? `no row ${anomalous}`
      : bins.kind === 'number' && bins.logarithmic
        ? 'logarithmic'
        : bins.kind === 'text'
          ? 'by value'
          : '';
  return html`<figure>
    <figcaption><b>${named(name)}</b><small>${note}</small></figcaption>
    ${bins.kind === 'number' ? histogram(name, bins) : textBars(bins)}
    ${figures(binTable(name, bins, anomalous, normal))}
  </figure> `;
}

function histogram(name: string, bins: NumberBins): Html {
  const { normal, anomalous, edges } = bins;
  const count = normal.shares.length;
  const highest = Math.max(...normal.shares, ...anomalous.shares);
  const y = linearAxis(0, highest * 1.05, 2);
  const down = (share: number) => pixels((1 - y.place(share)) * HEIGHT);
  const steps = ({ shares }: NumberBins['normal']) =>
    shares
      .map((share, bin) => `${bin === 0 ? `M0 ${down(share)}` : `V${down(share)}`}H${across((bin + 1) / count)}`)
      .join('');
  const places = [0, 0.25, 0.5, 0.75, 1];
  const x = places.map((at, i): Tick => {
    const sign = i === 0 && bins.below ? '≤ ' : i === places.length - 1 && bins.above ? '≥ ' : '';
    return { at, text: sign + numberText(edges[Math.round(at * count)]) };
  });
  return plot({
    height: HEIGHT,
    y: {
      place: (share) => y.place(share),
      ticks: y.ticks.map(({ at }) => ({ at, text: percentText(at * highest * 1.05) })),
    },
    x,
    label: `Histogram of ${shortened(name)}; the figures are in the table below`,
    drawing: [
      normal.count > 0 && html`<path class="normal-area" d="${steps(normal)}V${HEIGHT}H0z" />`,
      anomalous.count > 0 && html`<path class="anomalous-line" d="${steps(anomalous)}" />`,
    ].filter((part) => part !== false),
  });
}

/** Two bars for each text. */
function textBars({ texts, normal, anomalous }: TextBins): Html {
  const most = Math.max(...normal.shares, ...anomalous.shares);
  const line = (share: number, y: number, kind: string) =>
    html`<rect class="${kind}" y="${y}" width="${percent(most > 0 ? share / most : 0)}" height="6" rx="2" />`;
  return html`<ul class="texts">
    ${texts.map(
      (text, i) =>
        html`<li>
          <span>${textName(text)}</span
          ><svg width="100%" height="14" aria-hidden="true">
            ${line(normal.shares[i], 0, 'normal-bar')}${line(anomalous.shares[i], 8, 'anomalous-bar')}</svg
          ><span class="soft">${percentText(normal.shares[i])}, ${percentText(anomalous.shares[i])}</span>
        </li>`,
    )}
  </ul>`;
}

function textName(text: string | undefined): Html {
  return text === undefined ? html`<span class="soft">all others</span>` : named(text);
}

function binTable(name: string, bins: NumberBins | TextBins, anomalous: string, normal: string): Html {
  const names =
    bins.kind === 'text'
      ? bins.texts.map(textName)
      : bins.normal.shares.map((_, i) => {
          const last = i === bins.normal.shares.length - 1;
          const low = i === 0 && bins.below ? 'lowest' : numberText(bins.edges[i]);
          return html`${low} to ${last && bins.above ? 'highest' : numberText(bins.edges[i + 1])}`;
        });
  return table(
    `Values of ${shortened(name)}: ${countText(bins.normal.count)} rows ${normal}, ${countText(bins.anomalous.count)} ${anomalous}`,
    [text('Value'), number(normal), number(anomalous)],
    names.map((value, i) => [
      value,
      html`${percentText(bins.normal.count > 0 ? bins.normal.shares[i] : NaN)}`,
      html`${percentText(bins.anomalous.count > 0 ? bins.anomalous.shares[i] : NaN)}`,
    ]),
  );
}
