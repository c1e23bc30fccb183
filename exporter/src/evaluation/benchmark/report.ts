/** The results as Markdown: docs/quality.md, and what is printed without --json. */
import type { PeerResult } from './peers.ts';
import type { SetSummary, TableSummary } from './summary.ts';
import { targets } from './targets.ts';

export interface Results {
  readonly seeds: readonly number[];
  readonly quick: boolean;
  readonly sets: ReadonlyMap<string, SetSummary>;
  readonly nslkdd: TableSummary | null;
  readonly connections: TableSummary | null;
  readonly peers: PeerResult | null;
}

type Spread = readonly [number, number] | null | undefined;

const SCORE_FIGURES = [
  ['vus_pr', 'VUS-PR'],
  ['average_precision', 'average precision'],
  ['event_recall_1pct', 'event recall at 1 %'],
  ['event_f1', 'event F1'],
  ['cause_hit_rate_100', 'causes'],
] as const;

/** The tables, each under a heading of the given level. */
export function reportTables(results: Results, level: number): string {
  const heading = (title: string) => `${'#'.repeat(level)} ${title}`;
  const parts = [heading('Against the targets'), targetTable(results)];
  for (const [name, summary] of results.sets) {
    const entities = `${summary.entities} ${summary.entities === 1 ? 'entity' : 'entities'}`;
    parts.push(heading(`${name.toUpperCase()}: every detector (${entities})`), scoreTable(name, summary, results));
    const policy = policyTable(summary);
    if (policy) parts.push(heading(`${name.toUpperCase()}: decisions without labels`), policy);
    parts.push(heading(`${name.toUpperCase()}: VUS-PR by entity`), entityTable(summary));
  }
  if (results.nslkdd) {
    const peers = results.peers?.nslkdd?.figures;
    parts.push(heading('NSL-KDD, fitted on normal connections'), simpleTable(results.nslkdd, peers));
  }
  if (results.connections) {
    parts.push(
      heading('Ten-column connections, 15 % anomalies, fitted on clean ones'),
      simpleTable(results.connections),
    );
  }
  return parts.join('\n\n');
}

/** The whole of docs/quality.md. `command` is what makes it. */
export function qualityDocument(results: Results, command: string): string {
  const seeds = results.seeds.length === 1 ? `seed ${results.seeds[0]}` : `seeds ${results.seeds.join(', ')}`;
  return `# Detection quality

Written by \`${command}\`; do not edit. Means over ${seeds}; in brackets the lowest and highest seed, where they differ. Nothing is tuned to an entity, and the
labels are read by the measurement only.

- **ASD**: application servers, 19 metrics every 5 minutes. **SMD**: server machines, 38 metrics every minute. Detectors are fitted on the whole train part (unlabelled,
  not clean), score train and test rows in one pass, and are judged on the test rows. Means over entities.
- **VUS-PR**: volume under the range-based precision-recall surface, buffers up to 100 rows. Random scores reach about .1. **event recall at 1 %**: labelled events with a
  row above the threshold that flags 1 % of the normal rows. **event F1**: best harmonic mean of event recall and row precision. **causes**: share of the labelled causes
  among as many top contributors.
- A detector's name alone is the form its seed system specifies: values without their change, plain squared errors, no trimming. \`_default\` is the form NetPulse uses.
- Smoothed is the exponentially weighted mean over five rows: better where whole events count, later and blunter for short ones. Paging uses the raw score.
- The isolation forest and the one-class SVM depend on which rows they draw: read the spread of the seeds, theirs and the peers', before a difference.
- **Decisions without labels**: the ensemble refitted daily on the past alone, thresholds from scores of rows that no model was fitted on, incidents by the product's own rules.
  An event counts as found when an incident overlaps it; a false incident overlaps none; the delay is the mean over entities of the median rows from an event's start.
- **Tables of connections**: rows stand by themselves. The ensemble is one-class SVM, conditional and histogram, each as the surprise of its score among unseen normal
  rows; thresholds let 0.2 % of those through. \`seed_four\` is the same of isolation forest, one-class SVM, local outlier factor and autoencoder.
${results.quick ? '\nA quick run: without the LSTM autoencoders.\n' : ''}
${reportTables(results, 2)}
`;
}

function targetTable(results: Results): string {
  const rows = targets.flatMap(({ set, key, figure, title, must, aim, most }) => {
    const [value, spread] = valueOf(results, set, key, figure);
    if (value === undefined) return [];
    const reaches = (target: number) => (most ? value <= target : value >= target);
    const verdict = reaches(aim) ? 'aim reached' : reaches(must) ? 'reached' : '**missed**';
    return [[SET_TITLES[set] ?? set, title, withSpread(value, spread), number(must), number(aim), verdict]];
  });
  return table(['data', 'figure of the default ensemble', 'measured', 'must', 'aim', ''], rows);
}

const SET_TITLES: Readonly<Record<string, string>> = {
  asd: 'ASD',
  smd: 'SMD',
  nslkdd: 'NSL-KDD',
  connections: 'ten-column connections',
};

function valueOf(results: Results, set: string, key: string, figure: string): [number | undefined, Spread] {
  const own = set === 'nslkdd' ? results.nslkdd : set === 'connections' ? results.connections : null;
  if (own) return [own.figures[key]?.[figure], own.spread[key]?.[figure]];
  const summary = results.sets.get(set);
  if (key === 'thresholded' || key === 'incidents') {
    const figures = summary?.[key] as Readonly<Record<string, number | null>> | null | undefined;
    return [figures?.[figure] ?? undefined, null];
  }
  const form = summary?.forms.get(key);
  const figures = form?.figures as Readonly<Record<string, number | null>> | undefined;
  return [figures?.[figure] ?? undefined, form?.spread[figure]];
}

function scoreTable(name: string, { forms }: SetSummary, { peers }: Results): string {
  const own = peers?.sets.get(name);
  const rows = [...forms].flatMap(([key, { figures, spread, fitSeconds, scoreSeconds }]) => {
    const cells = SCORE_FIGURES.map(([figure]) => withSpread(figures[figure], spread[figure]));
    const row = [key, ...cells, seconds(fitSeconds), seconds(scoreSeconds)];
    const peer = own?.figures[key];
    if (!peer) return [row];
    const theirs = SCORE_FIGURES.map(([figure]) => withSpread(peer[figure], own.spread[key][figure]));
    return [row, [`_${LIBRARIES[key] ?? 'scikit-learn'}_`, ...theirs, '', '']];
  });
  return table(['', ...SCORE_FIGURES.map(([, title]) => title), 'fit, s', 'score, s'], rows);
}

const LIBRARIES: Readonly<Record<string, string>> = { autoencoder: 'PyTorch', 'lstm-autoencoder': 'PyTorch' };

function policyTable({ thresholded, incidents }: SetSummary): string | null {
  if (!thresholded || !incidents) return null;
  return table(
    ['', 'precision', 'recall', 'F1', 'event recall', 'false-alarm rate', 'false a week', 'delay, rows (median)'],
    [
      [
        'rows over the threshold',
        ...[thresholded.precision, thresholded.recall, thresholded.f1, thresholded.event_recall].map(number),
        number(thresholded.false_alarm_rate),
        '',
        '',
      ],
      [
        'incidents',
        '',
        '',
        '',
        ...[incidents.event_recall].map(number),
        '',
        ...[incidents.false_per_week, incidents.delay_rows].map(number),
      ],
    ],
  );
}

function entityTable({ forms }: SetSummary): string {
  const keys = [...forms.keys()];
  const entities = [...new Set(keys.flatMap((key) => [...forms.get(key)!.byEntity.keys()]))];
  entities.sort(new Intl.Collator('en', { numeric: true }).compare);
  const rows = keys.map((key) => [
    key,
    ...entities.map((entity) => number(forms.get(key)!.byEntity.get(entity)?.vus_pr)),
  ]);
  return table(['', ...entities], rows);
}

function simpleTable(
  { figures, spread }: TableSummary,
  peers?: Readonly<Record<string, Readonly<Record<string, number>>>>,
): string {
  const names = Object.keys(Object.values(figures)[0]);
  const rows = Object.entries(figures).flatMap(([key, own]) => {
    const row = [key, ...names.map((name) => withSpread(own[name], spread[key][name]))];
    const peer = peers?.[key];
    return peer ? [row, [`_${LIBRARIES[key] ?? 'scikit-learn'}_`, ...names.map((name) => number(peer[name]))]] : [row];
  });
  return table(['', ...names.map((name) => name.replaceAll('_', ' '))], rows);
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(header), line(header.map((_, i) => (i === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n');
}

function withSpread(value: number | null | undefined, spread: Spread): string {
  if (!spread || number(spread[0]) === number(spread[1])) return number(value);
  return `${number(value)} (${number(spread[0])} – ${number(spread[1])})`;
}

/** Three decimals; "–" where there is none. */
function number(value: number | null | undefined): string {
  if (value === null || value === undefined || value !== value) return '–';
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(3);
}

function seconds(value: number): string {
  return value < 10 ? value.toFixed(2) : value.toFixed(0);
}
