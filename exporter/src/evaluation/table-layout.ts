/** Which column of a table is what: features, label, time, entity; and which features are numbers and which are texts. */
import { isEmpty, parseNumber, parseTime } from '../sources/csv/cells.ts';
import { shown, TableError } from '../sources/csv/table-error.ts';
import type { TableRow } from '../sources/csv/table-reader.ts';

/** What the caller says of the columns; names as in the table. */
export interface TableRoles {
  /** features; absent: every column that has no other role */
  readonly columns?: readonly string[];
  readonly exclude?: readonly string[];
  /** absent: the column called `label`, where there is one; null: none */
  readonly label?: string | null;
  readonly normalLabels?: readonly string[];
  readonly time?: string;
  /** rows of one value are one series; needs an order of the rows */
  readonly entity?: string;
  /** features to read as texts, also when they hold numbers */
  readonly categories?: readonly string[];
  /** features to read as numbers, whatever they hold: those that a model knows as such */
  readonly numbers?: readonly string[];
  /** number features to take the logarithm of; `all`: every one without negative values. Absent: those that span a factor. */
  readonly log1p?: readonly string[] | 'all';
  /** number features to take as they are */
  readonly linear?: readonly string[] | 'all';
}

export interface FeatureColumn {
  readonly name: string;
  /** place in the table */
  readonly column: number;
  readonly kind: 'number' | 'category';
}

/** Places are numbers of columns from 0, -1 = none. */
export interface TableLayout {
  readonly features: readonly FeatureColumn[];
  readonly label: number;
  readonly time: number;
  readonly entity: number;
}

const LABEL = 'label';
const NAMES_SHOWN = 12;

/** A feature is text when at least half of its values in `rows` are no numbers. Throws a `TableError` that says what to change. */
export function layoutOf(
  file: string,
  columns: readonly string[],
  rows: readonly TableRow[],
  roles: TableRoles,
): TableLayout {
  const place = (name: string) => placeOf(file, columns, name);
  const label = roles.label === null ? -1 : roles.label === undefined ? labelColumn(columns) : place(roles.label);
  const time = roles.time === undefined ? -1 : place(roles.time);
  const entity = roles.entity === undefined ? -1 : place(roles.entity);
  const left = new Set([label, time, entity, ...(roles.exclude ?? []).map(place)]);
  const chosen = roles.columns?.map(place) ?? [...columns.keys()];
  const taken = roles.columns ? chosen.find((column) => left.has(column)) : undefined;
  if (taken !== undefined)
    throw new TableError(file, 'is named by --columns and has another role (label, time, entity or --exclude)', {
      column: columns[taken],
    });
  const categories = new Set((roles.categories ?? []).map(place));
  const numbers = new Set((roles.numbers ?? []).map(place));
  const features = chosen
    .filter((column) => !left.has(column))
    .map((column): FeatureColumn => ({
      name: columns[column],
      column,
      kind: categories.has(column)
        ? 'category'
        : numbers.has(column)
          ? 'number'
          : kindOf(file, columns[column], column, rows),
    }));
  if (features.length === 0)
    throw new TableError(file, `has no column left to learn from (there are ${listed(columns)})`);
  return { features, label, time, entity };
}

/** The place of a column. Throws a `TableError` that lists those there are. */
export function placeOf(file: string, columns: readonly string[], name: string): number {
  const column = columns.indexOf(name);
  if (column !== -1) return column;
  const near = columns.find((candidate) => candidate.toLowerCase() === name.toLowerCase());
  const hint = near === undefined ? `there are ${listed(columns)}` : `did you mean ${shown(near)}?`;
  throw new TableError(file, `has no column ${shown(name)}; ${hint}`);
}

export function listed(names: readonly string[]): string {
  const more = names.length - NAMES_SHOWN;
  return more > 0 ? `${names.slice(0, NAMES_SHOWN).join(', ')} and ${more} more` : names.join(', ');
}

function labelColumn(columns: readonly string[]): number {
  return columns.findIndex((name) => name.toLowerCase() === LABEL);
}

function kindOf(file: string, name: string, column: number, rows: readonly TableRow[]): FeatureColumn['kind'] {
  let values = 0;
  let texts = 0;
  let times = 0;
  let decimalCommas = 0;
  let example = '';
  for (const { cells } of rows) {
    const cell = cells[column];
    const number = parseNumber(cell);
    if (number !== undefined ? number !== number : isEmpty(cell)) continue;
    values++;
    if (number !== undefined) continue;
    texts++;
    example = String(cell);
    if (/^\s*[+-]?\d+,\d+\s*$/.test(example)) decimalCommas++;
    else if (parseTime(cell) !== undefined) times++;
  }
  if (2 * texts < values || texts === 0) return 'number';
  if (2 * decimalCommas > texts)
    throw new TableError(file, `has decimal commas (${shown(example)}); write numbers with a point`, { column: name });
  if (2 * times > texts) {
    throw new TableError(
      file,
      `holds times (${shown(example)}); --time ${name} makes the rows a series, --exclude ${name} leaves the column out`,
      { column: name },
    );
  }
  return 'category';
}
