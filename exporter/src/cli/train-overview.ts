/** The overview of a table as text. */
import type { ColumnOverview, TableOverview } from '../evaluation/table-overview.ts';
import { humanNumber } from '../human-units.ts';
import { textTable } from './text-table.ts';

/** Columns that are listed; of more, those with something to say come first. */
const MOST_COLUMNS = 40;
const LONGEST_TEXT = 24;

/** Ends with an empty line. */
export function overviewText(overview: TableOverview, sample: string): string {
  const { columns } = overview;
  const dull = ({ missing, constant }: ColumnOverview) => missing === 0 && !constant;
  const shown =
    columns.length <= MOST_COLUMNS ? columns : [...columns].sort((a, b) => Number(dull(a)) - Number(dull(b)));
  const rows = shown
    .slice(0, MOST_COLUMNS)
    .map((column) => [
      column.name,
      kindText(column),
      column.missing === 0 ? '' : share(column.missing, overview.rows),
      ...(column.kind === 'number'
        ? [column.lowest, column.median, column.mean, column.highest].map(number)
        : ['', '', '', '']),
      remark(column),
    ]);
  const more = columns.length - rows.length;
  return `${head(overview, sample).join('\n')}\n\n${textTable(
    ['COLUMN', 'KIND', '>MISSING', '>LOWEST', '>MEDIAN', '>MEAN', '>HIGHEST', ''],
    rows,
  )}${more > 0 ? `and ${more} more columns without missing values, none of them constant\n` : ''}\n`;
}

function head(overview: TableOverview, sample: string): string[] {
  const { file, rows, read, columns, labels, time, sameTime, skipped } = overview;
  const constant = columns.filter((column) => column.constant).length;
  const lines = [`${file}: ${plural(rows, 'row')}, ${plural(columns.length, 'column')}`];
  if (constant > 0) lines[0] += `, ${constant} of them constant`;
  if (overview.entities > 0) lines[0] += `, ${overview.entities} series`;
  if (labels) {
    const missing = labels.missing > 0 ? `, ${humanNumber(labels.missing)} without a label` : '';
    lines.push(
      `labels: ${humanNumber(labels.normal)} normal, ${humanNumber(labels.anomalous)} anomalous (${share(labels.anomalous, labels.normal + labels.anomalous)})${missing}`,
    );
  }
  if (time) lines.push(`time: ${new Date(time.from).toISOString()} to ${new Date(time.to).toISOString()}`);
  if (overview.stopped) lines.push(`reading stopped after ${humanNumber(read)} rows (--max-rows, --sample)`);
  else if (read > rows)
    lines.push(`${humanNumber(rows)} of ${humanNumber(read)} rows are used: ${SAMPLE_TEXTS[sample]}`);
  if (skipped > 0)
    lines.push(`left out: ${plural(skipped, 'row')} that did not fit; the first: ${overview.firstSkipped}`);
  if (sameTime.rows > 0)
    lines.push(
      `warning: ${plural(sameTime.rows, 'row')} with the time of the row before (first in line ${sameTime.firstLine}); --entity tells several series apart`,
    );
  return lines;
}

const SAMPLE_TEXTS: Record<string, string> = {
  first: 'the first ones',
  newest: 'the newest ones',
  reservoir: 'a random sample',
};

function kindText({ kind, treatment }: ColumnOverview): string {
  if (kind === 'category') return 'text';
  return treatment === undefined || treatment === 'linear' ? 'number' : `number, as ${treatment}`;
}

function remark({ constant, missing, categories, mostFrequent, lowest }: ColumnOverview): string {
  if (constant) return missing > 0 && lowest !== lowest && categories === 0 ? 'no values' : 'constant';
  if (mostFrequent === undefined) return '';
  return `${categories} texts, mostly ${mostFrequent.slice(0, LONGEST_TEXT)}`;
}

/** Exact: `300,000 rows`. */
export function plural(count: number, noun: string): string {
  return `${String(count).replace(/\B(?=(\d{3})+$)/g, ',')} ${noun}${count === 1 ? '' : 's'}`;
}

function share(part: number, whole: number): string {
  if (whole === 0) return '0 %';
  const percent = (100 * part) / whole;
  return `${percent >= 10 || percent === 0 ? percent.toFixed(0) : percent.toPrecision(2)} %`;
}

function number(value: number): string {
  if (value !== value) return '';
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e9)) return value.toExponential(2);
  return String(Number(value.toPrecision(4)));
}
