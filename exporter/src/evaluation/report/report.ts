/** The report of `netpulse evaluate`: one HTML file, complete in itself, of bounded size whatever the number of rows. */
import { permutationImportance, MOST_SHUFFLED } from '../importance.ts';
import { tableShap } from '../shap-table.ts';
import type { TableEvaluation, TableEvidence } from '../table-evaluation.ts';
import { explainTable, type TableModel } from '../table-model.ts';
import { comparisonSection } from './comparison.ts';
import { distributionSection } from './distributions.ts';
import { explainedSection, MOST_EXPLAINED } from './explained-rows.ts';
import { shortened } from './figures.ts';
import { html } from './html.ts';
import { importanceSections } from './importance-section.ts';
import { dataSection, fileName, headOf } from './overview.ts';
import { pageText } from './page.ts';
import type { ReportSubject } from './subject.ts';
import { detectorErrorsSection, timelineSection } from './timeline.ts';
import { verdictSections } from './verdicts.ts';

export interface ReportOptions {
  readonly seed: number;
  /** ms since the epoch */
  readonly madeAt: number;
  /** how far the figures are that take some time; `share` 0..1 */
  onProgress?(step: string, share: number): void;
}

/** The report as text of an HTML file. Asks the model which columns matter, which takes seconds; seeded. */
export function evaluationReport(
  result: TableEvaluation,
  evidence: TableEvidence,
  { seed, madeAt, onProgress }: ReportOptions,
): string {
  const { table, scores } = evidence;
  const features = telling(result, evidence);
  const scored = scores.ensemble.some((score) => score === score);
  const importance = scored
    ? permutationImportance(evidence, {
        seed,
        features: features.slice(0, MOST_SHUFFLED),
        onProgress: (share) => onProgress?.('shuffling columns', share),
      })
    : undefined;
  const places = result.top
    .slice(0, MOST_EXPLAINED)
    .map(({ row }) => table.row.indexOf(row))
    .filter((place) => place >= 0);
  const shap =
    places.length > 0
      ? tableShap(evidence, {
          seed,
          places,
          features,
          onProgress: (share) => onProgress?.('explaining rows', share),
        })
      : undefined;
  return renderReport({ result, table, scores, importance, shap, madeAt });
}

const LINKS = [
  ['data', 'Data'],
  ['scores', 'Scores'],
  ['detectors', 'Detectors'],
  ['comparison', 'Comparison'],
  ['severity', 'Severity'],
  ['distributions', 'Values'],
  ['importance', 'Importance'],
  ['rows', 'Rows'],
] as const;

/** What `evaluationReport` writes, of what is known already. */
export function renderReport(subject: ReportSubject): string {
  const { result, table, importance } = subject;
  const places = new Map(table.features.map(({ name }, f) => [name, f]));
  const important = importance?.features.flatMap(({ feature }) => places.get(feature) ?? []) ?? [];
  const features = [...important, ...[...places.values()].filter((f) => !important.includes(f))];
  return pageText(
    `Evaluation of ${shortened(fileName(result.overview.file))} – NetPulse`,
    html`${headOf(subject, LINKS)}
      <main>
        ${dataSection(subject)}${timelineSection(subject)}${detectorErrorsSection(subject)}${comparisonSection(subject)}${verdictSections(subject)}${distributionSection(subject, features)}${importanceSections(subject)}${explainedSection(subject)}
      </main>`,
  );
}

/** Columns by place, those that the detectors blame most for the highest scores first. */
function telling({ top }: TableEvaluation, { table, encoded, scores, model }: TableEvidence): number[] {
  const wanted = new Uint8Array(table.rows);
  for (const { row } of top) {
    const place = table.row.indexOf(row);
    if (place >= 0) wanted[place] = 1;
  }
  const blame = new Float64Array(table.features.length);
  if (wanted.includes(1)) {
    const { data, columns } = explainTable(model, encoded, scores, wanted);
    const order = placesIn(table.features, model);
    for (let i = 0; i < data.length; i++) blame[order[i % columns]] += data[i];
  }
  return [...blame.keys()].sort((a, b) => blame[b] - blame[a] || a - b);
}

/** Where the columns that a model knows are in a table. */
function placesIn(features: readonly { readonly name: string }[], { encoder }: TableModel): number[] {
  return encoder.features.map(({ name }) => features.findIndex((feature) => feature.name === name));
}
