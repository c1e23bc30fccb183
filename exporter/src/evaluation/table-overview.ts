/** What a table holds, column by column: to look at before anything is believed of its scores. */
import type { Table } from '../sources/csv/table-reader.ts';
import { quantile, type TableEncoder } from './table-encoder.ts';
import type { ColumnTreatment } from './table-inputs.ts';
import type { TableRows } from './table-rows.ts';

export interface ColumnOverview {
  readonly name: string;
  readonly kind: 'number' | 'category';
  /** cells without a value; infinite ones count here, since no detector uses them */
  readonly missing: number;
  /** one value only, or none */
  readonly constant: boolean;
  /** how detectors see it; undefined where nothing was learnt from this table */
  readonly treatment: ColumnTreatment | undefined;
  /** numbers only; NaN without a value */
  readonly lowest: number;
  readonly median: number;
  readonly mean: number;
  readonly highest: number;
  /** texts only: how many different ones, and the most frequent */
  readonly categories: number;
  readonly mostFrequent: string | undefined;
}

export interface TableOverview {
  readonly file: string;
  readonly rows: number;
  /** rows that were read; more than `rows` when not all fit */
  readonly read: number;
  readonly stopped: boolean;
  /** rows that did not fit and were left out */
  readonly skipped: number;
  readonly firstSkipped: string | undefined;
  readonly columns: readonly ColumnOverview[];
  /** undefined without labels */
  readonly labels: { readonly normal: number; readonly anomalous: number; readonly missing: number } | undefined;
  /** ms since the epoch; undefined without times */
  readonly time: { readonly from: number; readonly to: number } | undefined;
  readonly sameTime: TableRows['sameTime'];
  readonly entities: number;
}

/** `encoder`: what was learnt of the columns. */
export function overviewOf(
  table: TableRows,
  skipped: ReturnType<Table['skipped']>,
  encoder?: TableEncoder,
): TableOverview {
  const { features, rows, labels, time } = table;
  const count = (value: number) => labels!.reduce((sum, label) => sum + (label === value ? 1 : 0), 0);
  return {
    file: table.file,
    rows,
    read: table.read,
    stopped: table.stopped,
    skipped: skipped.rows,
    firstSkipped: skipped.first,
    columns: features.map((_, f) => columnOverview(table, f, encoder?.inputs.columns[f].treatment)),
    labels: labels && { normal: count(0), anomalous: count(1), missing: rows - count(0) - count(1) },
    time: time && {
      from: time.reduce((low, at) => Math.min(low, at), Infinity),
      to: time.reduce((high, at) => Math.max(high, at), -Infinity),
    },
    sameTime: table.sameTime,
    entities: table.entities.length,
  };
}

function columnOverview(
  { features, categories, values, rows }: TableRows,
  f: number,
  treatment: ColumnTreatment | undefined,
): ColumnOverview {
  const { name, kind } = features[f];
  const width = features.length;
  const all = Float64Array.from({ length: rows }, (_, row) => values[row * width + f]);
  const sorted = all.filter((value) => value - value === 0).sort();
  const base = { name, kind, treatment, missing: rows - sorted.length };
  const constant = sorted.length === 0 || sorted[0] === sorted[sorted.length - 1];
  const none = { lowest: NaN, median: NaN, mean: NaN, highest: NaN };
  if (kind === 'number') {
    if (sorted.length === 0) return { ...base, constant, ...none, categories: 0, mostFrequent: undefined };
    const mean = sorted.reduce((sum, value) => sum + value / sorted.length, 0);
    const numbers = { lowest: sorted[0], median: quantile(sorted, 0.5), mean, highest: sorted[sorted.length - 1] };
    return { ...base, constant, ...numbers, categories: 0, mostFrequent: undefined };
  }
  const counts = new Map<number, number>();
  for (const code of sorted) counts.set(code, (counts.get(code) ?? 0) + 1);
  const [most] = [...counts].sort((a, b) => b[1] - a[1]);
  return {
    ...base,
    constant,
    ...none,
    categories: counts.size,
    mostFrequent: most && categories[f][most[0]],
  };
}
