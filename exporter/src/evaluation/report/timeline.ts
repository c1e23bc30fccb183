/** The scores row by row: the ensemble large, each detector small beside the others. */
import type { DetectorEvaluation } from '../table-evaluation.ts';
import { countText, named, numberText, percentText, plural, scoreText } from './figures.ts';
import { html, trusted, type Html } from './html.ts';
import { figures, number, section, table, text } from './parts.ts';
import { rowsPerMark, scorePlot } from './score-plot.ts';
import { hasLabels, type ReportSubject } from './subject.ts';
import { bucketStart } from './thinning.ts';

const POINTS = 1000;
const SMALL_POINTS = 360;
const NOTES = 3;
const PARTS = 20;

const SWATCHES = {
  normal: '<path class="dots" d="M9 8h0"/>',
  ranges: '<path class="ranges" d="M5 3V13M9 6V14M13 2V12"/>',
  course: '<path class="course" d="M1 11l4-5 4 4 4-6 4 5"/>',
  found: '<path class="found-dot" d="M9 8h0"/>',
  missed: '<path class="missed-ring" d="M9 8h0"/><path class="missed-hole" d="M9 8h0"/>',
  false: '<path class="false-dot" d="M9 8h0"/>',
  labelled: '<rect class="labelled" width="18" height="16"/><rect class="strip" y="10" width="18" height="6"/>',
  threshold: '<path class="threshold" d="M0 8H18"/>',
};

export function timelineSection(subject: ReportSubject): Html {
  const { result, scores, table: rows } = subject;
  const { series } = result.settings;
  const single = result.detectors.length === 1;
  const who = single ? result.detectors[0].name : 'the ensemble';
  const picture = scorePlot({
    scores: scores.ensemble,
    table: rows,
    series,
    height: 240,
    points: POINTS,
    label: `Scores of ${who} for ${plural(rows.rows, 'row')} against the threshold of 1; the figures are in the table below`,
    notes: result.top
      .slice(0, NOTES)
      .map(({ row }) => rows.row.indexOf(row))
      .filter((place) => place >= 0),
  });
  const behind = rowsPerMark(rows.rows, POINTS);
  const many =
    behind > 1
      ? ` A mark stands for up to ${countText(behind)} rows: it is the highest of them, and of missed ones the lowest.`
      : '';
  const note =
    rows.entities.length > 1
      ? ` Series stand one behind the other: ${rows.entities.length} of them, lines between.`
      : '';
  return section(
    'scores',
    series ? 'Scores over time' : 'Scores by row',
    html`<p class="lead">
      The score of ${who}, ${series ? 'over time' : 'in the order of the table'}; 1 is the threshold.${note}${many}
    </p>`,
    legend(subject),
    picture,
    figures(partsTable(subject)),
  );
}

function legend(subject: ReportSubject): Html {
  const { series } = subject.result.settings;
  const dense = rowsPerMark(subject.table.rows, POINTS) > 1;
  const labels = hasLabels(subject);
  const entries: [keyof typeof SWATCHES, string][] = [
    series ? ['course', 'score'] : dense ? ['ranges', 'range of the normal rows'] : ['normal', 'normal row'],
    ['found', labels ? 'flagged, rightly' : 'flagged'],
    ...(labels ? [['false', 'flagged by mistake'] satisfies [keyof typeof SWATCHES, string]] : []),
    ...(labels
      ? [(series ? ['labelled', 'labelled anomalous'] : ['missed', 'missed']) as [keyof typeof SWATCHES, string]]
      : []),
    ['threshold', 'threshold'],
  ];
  return html`<ul class="legend">
    ${entries.map(([swatch, words]) => html`<li><svg width="18" height="16" aria-hidden="true">${trusted(SWATCHES[swatch])}</svg>${words}</li>`)}
  </ul>`;
}

/** What the picture shows, in equal parts of the table. */
function partsTable({ table: { rows, row, labels }, scores: { ensemble } }: ReportSubject): Html {
  const count = Math.min(PARTS, rows);
  return table(
    'Scores in equal parts of the table',
    [text('Rows'), number('Highest score'), number('Flagged'), ...(labels ? [number('Labelled anomalous')] : [])],
    Array.from({ length: count }, (_, part) => {
      const from = bucketStart(part, rows, count);
      const to = bucketStart(part + 1, rows, count);
      let highest = NaN;
      let flagged = 0;
      let anomalous = 0;
      for (let i = from; i < to; i++) {
        if (!(ensemble[i] <= highest) && ensemble[i] === ensemble[i]) highest = ensemble[i];
        if (ensemble[i] >= 1) flagged++;
        if (labels?.[i] === 1) anomalous++;
      }
      const name = to - from > 1 ? `${row[from]} to ${row[to - 1]}` : String(row[from]);
      return [
        html`${name}`,
        html`${scoreText(highest)}`,
        html`${countText(flagged)}`,
        ...(labels ? [html`${countText(anomalous)}`] : []),
      ];
    }),
  );
}

export function detectorErrorsSection(subject: ReportSubject): Html {
  const { result, scores, table: rows } = subject;
  const detectors = result.detectors.filter(({ name }, m) => m < scores.members.length && name !== 'ensemble');
  const pictures = detectors.map(
    (detector, m) =>
      html`<figure>
        <figcaption>
          <b>${named(detector.name)}</b
          ><small>threshold ${numberText(detector.threshold)}, ${countText(detector.flagged)} flagged</small>
        </figcaption>
        ${scorePlot({
          scores: scores.members[m],
          table: rows,
          series: result.settings.series,
          height: 110,
          small: true,
          points: SMALL_POINTS,
          label: `Error of ${detector.name} in units of its threshold; the figures are in the table below`,
        })}
      </figure> `,
  );
  return section(
    'detectors',
    'Error against threshold, detector by detector',
    html`<p class="lead">
      Each detector's own error (its raw score) in units of its own threshold, so that 1 means the same everywhere.
    </p>`,
    html`<div class="multiples">${pictures}</div>`,
    figures(errorsTable(detectors, subject)),
  );
}

function errorsTable(detectors: readonly DetectorEvaluation[], { scores, table: { rows } }: ReportSubject): Html {
  return table(
    'Errors and thresholds of the detectors',
    [
      text('Detector'),
      number('Threshold'),
      number('Median error'),
      number('99th percentile'),
      number('Highest'),
      number('Flagged'),
      number('Share'),
    ],
    detectors.map(({ name, threshold, flagged }, m) => {
      const sorted = scores.members[m].filter((score) => score === score).sort();
      const error = (q: number) =>
        html`${numberText(sorted.length > 0 ? threshold * sorted[Math.floor(q * (sorted.length - 1))] : NaN)}`;
      return [
        named(name),
        html`${numberText(threshold)}`,
        error(0.5),
        error(0.99),
        error(1),
        html`${countText(flagged)}`,
        html`${percentText(rows > 0 ? flagged / rows : NaN)}`,
      ];
    }),
  );
}
