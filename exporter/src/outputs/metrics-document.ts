/**
 * `docs/metrics.md`, made from the declarations.
 */
import { SECTIONS, type Declaration } from './declarations.ts';
import { unitOf } from './formats.ts';

/** The whole document. `held` are the metrics that prom-client holds, declared where they are counted. */
export function metricsDocument(held: readonly Declaration[]): string {
  const sections = [
    ...SECTIONS,
    { title: 'The exporter itself', metrics: held.filter(({ name }) => name.startsWith('netpulse_')) },
    { title: 'Process', metrics: held.filter(({ name }) => !name.startsWith('netpulse_')) },
  ];
  return `${INTRODUCTION}\n${sections.map(section).join('\n')}`;
}

function section({ title, metrics }: { title: string; metrics: readonly Declaration[] }): string {
  const rows = metrics.map(({ name, type, labels, help }) => [
    `\`${name}\``,
    type,
    labels.map((label) => `\`${label}\``).join(', '),
    unitOf(name) ?? '',
    help.replaceAll('|', '\\|'),
  ]);
  return `## ${title}\n\n${table(['Metric', 'Type', 'Labels', 'Unit', 'Meaning'], rows)}`;
}

/** Columns are padded to one width, as the formatter of this repository wants tables. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column].length)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column])).join(' | ')} |\n`;
  return line(head) + line(widths.map((width) => '-'.repeat(width))) + rows.map(line).join('');
}

const INTRODUCTION = `# Metrics

Every metric on \`/metrics\`, made from the declarations in the code (\`UPDATE_GOLDEN=1 npx jest exporter/src/outputs\` writes this file anew).
The page is served as Prometheus text 0.0.4 or as OpenMetrics 1.0.0, as the scraper asks; \`info\` metrics are gauges of value 1 in the text format.

- A score of 1 is the threshold, for every detector and for the whole. Ratios run from 0 to 1.
- There are no timestamps. An entity that delivers no sample for three of its monitor's intervals leaves the page and comes back with its next sample;
  its last value is never repeated. A value that is not known is absent.
- Each entity has at most ten series. Those by \`detector\` are there for hosts, for every entity of a monitor with at most ten, and for the most
  anomalous entities (five by default); those by \`feature\` for hosts and the most anomalous entities. A host is one of at most ten of its monitor here.
- Incidents are counted by monitor, for every kind and severity from the start; \`netpulse_incidents_active\` counts each at the entity that opened it, so that
  its sum is the number of open incidents.
- A page has at most 50,000 series by default. The least anomalous entities are left out first, and
  \`netpulse_series_limit_hits_total\` counts it. Counters have at most 200 label sets; what comes after is counted under \`other\`.
- Label values longer than 256 characters are cut and end in a digest of the whole.
`;
