/**
 * The rows of a table to learn from, in bounded memory: the first ones, the newest ones, or a sample in which every row has the same chance (a reservoir:
 * J. S. Vitter, Random Sampling with a Reservoir, 1985).
 */
import { seededRandom } from '../random.ts';
import type { Cell } from '../sources/csv/cells.ts';
import { parseTime } from '../sources/csv/cells.ts';
import { shown, TableError } from '../sources/csv/table-error.ts';
import { skipHint, type Table, type TableRow } from '../sources/csv/table-reader.ts';
import { numberCell, textCell } from './table-encoder.ts';
import type { ColumnTreatment, TableColumn } from './table-inputs.ts';
import { createLabelReader } from './table-labels.ts';
import { layoutOf, type FeatureColumn, type TableRoles } from './table-layout.ts';

/** Which rows are kept of a table that has more than fit. */
export const SAMPLES = ['first', 'newest', 'reservoir'] as const;
export type Sample = (typeof SAMPLES)[number];

export interface TableRowsOptions {
  readonly roles: TableRoles;
  readonly sample: Sample;
  readonly mostRows: number;
  /** of one text column; more of them is an error */
  readonly mostCategories: number;
  readonly seed: number;
  /** told rows read so far, now and then */
  onProgress?(rows: number): void;
}

/** Columnar. Rows of one entity lie together, in their order. */
export interface TableRows {
  readonly file: string;
  readonly features: readonly FeatureColumn[];
  /** by name, what was asked for; the other columns are treated as their values suggest */
  readonly treatments: Readonly<Record<string, ColumnTreatment>>;
  /** texts of each text feature in the order of their first row; empty for numbers */
  readonly categories: readonly (readonly string[])[];
  /** rows x features; a category is its number, NaN is missing */
  readonly values: Float64Array;
  /** 0, 1 or NaN a row; undefined without labels */
  readonly labels: Float64Array | undefined;
  /** ms since the epoch a row; undefined without times */
  readonly time: Float64Array | undefined;
  /** index into `entities` a row; all 0 without entities */
  readonly entity: Int32Array;
  readonly entities: readonly string[];
  /** number of each row in the table, 1 = the first one that is no header; rows that were left out count too */
  readonly row: Float64Array;
  readonly rows: number;
  /** rows that were read, kept or not */
  readonly read: number;
  /** true when reading stopped before the end of the table */
  readonly stopped: boolean;
  /** rows with the same time as the row before; the first of them */
  readonly sameTime: { readonly rows: number; readonly firstLine: number | undefined };
}

/** Rows from which it is told which columns hold texts. */
const LOOK_ROWS = 1000;
const MOST_ENTITIES = 10_000;
/** Numbers that are kept at most, 64 MB. */
const MOST_VALUES = 8_000_000;
const TELL_ROWS = 20_000;

export async function readTableRows(table: Table, options: TableRowsOptions): Promise<TableRows> {
  const { file } = table;
  const batches = table.batches()[Symbol.asyncIterator]();
  const look: TableRow[] = [];
  let ended = false;
  while (!ended && look.length < LOOK_ROWS) {
    const { value, done } = await batches.next();
    if (done) ended = true;
    else look.push(...(value as readonly TableRow[]));
  }
  if (look.length === 0) throw new TableError(file, noRows(table));
  const reader = createRowReader(table, look.slice(0, LOOK_ROWS), options);
  reader.add(look);
  let told = 0;
  while (!ended && !reader.full()) {
    const { value, done } = await batches.next();
    if (done) break;
    const rows = reader.add(value as readonly TableRow[]);
    if (rows - told >= TELL_ROWS) options.onProgress?.((told = rows));
  }
  const stopped = reader.full() && !(await batches.next()).done;
  await batches.return?.();
  return reader.finish(stopped);
}

function noRows(table: Table): string {
  const { rows, first } = table.skipped();
  return rows > 0 ? `has no row that fits; the first that was left out: ${first}` : 'has a header and no rows';
}

function createRowReader(table: Table, look: readonly TableRow[], options: TableRowsOptions) {
  const { file, columns } = table;
  const { roles, sample } = options;
  const layout = layoutOf(file, columns, look, roles);
  const { features } = layout;
  const width = features.length;
  const mostRows = Math.max(1, Math.min(options.mostRows, Math.floor(MOST_VALUES / width)));
  const random = seededRandom(options.seed, 1);
  const labels = layout.label < 0 ? undefined : createLabelReader(file, columns[layout.label], roles.normalLabels);
  const codes = features.map(() => new Map<string, number>());
  const entities = new Map<string, number>();
  const lastTime: number[] = [];

  let capacity = Math.min(mostRows, 1024);
  let values = new Float64Array(capacity * width);
  // label, time, entity, number of the row
  let facts = new Float64Array(capacity * 4);
  const scratch = new Float64Array(width);
  let read = 0;
  let sameTime = 0;
  let firstSameTime: number | undefined;

  const codeOf = codes.map((known, f) => (text: string) => {
    const code = known.get(text);
    if (code !== undefined) return code;
    if (known.size >= options.mostCategories) {
      const { name } = features[f];
      throw new TooManyCategories(
        file,
        `holds more than ${options.mostCategories} different texts (${[...known.keys()].slice(0, 3).map(shown).join(', ')} …); leave it out with --exclude ${name}, or raise --max-categories`,
        { column: name },
      );
    }
    known.set(text, known.size);
    return known.size - 1;
  });

  function entityOf(cell: Cell): number {
    const name = String(cell).trim();
    const known = entities.get(name);
    if (known !== undefined) return known;
    if (entities.size >= MOST_ENTITIES)
      throw new TooManyCategories(file, `names more than ${MOST_ENTITIES} entities`, {
        column: columns[layout.entity],
      });
    entities.set(name, entities.size);
    return entities.size - 1;
  }

  /** Where a row is kept; -1: nowhere. */
  function slotOf(): number {
    if (read < mostRows) return read;
    if (sample === 'newest') return read % mostRows;
    if (sample === 'first') return -1;
    const slot = random.below(read + 1);
    return slot < mostRows ? slot : -1;
  }

  function grow(): void {
    capacity = Math.min(mostRows, 2 * capacity);
    const larger = new Float64Array(capacity * width);
    larger.set(values);
    values = larger;
    const more = new Float64Array(capacity * 4);
    more.set(facts);
    facts = more;
  }

  function addRow({ cells, line, row }: TableRow): void {
    for (let f = 0; f < width; f++) {
      const { column, kind, name } = features[f];
      if (kind === 'number') scratch[f] = numberCell(cells[column], file, line, name);
      else {
        const text = textCell(cells[column]);
        scratch[f] = text === '' ? NaN : codeOf[f](text);
      }
    }
    const label = labels ? labels.read(cells[layout.label], line) : NaN;
    const entity = layout.entity < 0 ? 0 : entityOf(cells[layout.entity]);
    let time = NaN;
    if (layout.time >= 0) {
      time = timeOf(file, cells[layout.time], line, columns[layout.time], lastTime[entity], layout.entity >= 0);
      if (time === lastTime[entity]) {
        sameTime++;
        firstSameTime ??= line;
      }
      lastTime[entity] = time;
    }
    const slot = slotOf();
    read++;
    if (slot < 0) return;
    if (slot >= capacity) grow();
    values.set(scratch, slot * width);
    facts.set([label, time, entity, row], slot * 4);
  }

  return {
    full: () => sample === 'first' && read >= mostRows,
    /** Rows read so far. */
    add(rows: readonly TableRow[]): number {
      for (const row of rows) {
        if (sample === 'first' && read >= mostRows) break;
        try {
          addRow(row);
        } catch (error) {
          if (!(error instanceof TableError) || error instanceof TooManyCategories) throw error;
          table.refuse(error);
        }
      }
      return read;
    },
    finish(stopped: boolean): TableRows {
      if (read === 0) throw new TableError(file, noRows(table));
      labels?.finish();
      const rows = Math.min(read, mostRows);
      // by entity, then as in the table: rings and reservoirs have lost the order
      const order = [...Array(rows).keys()].sort(
        (a, b) => facts[4 * a + 2] - facts[4 * b + 2] || facts[4 * a + 3] - facts[4 * b + 3],
      );
      const fact = (which: number) => Float64Array.from(order, (slot) => facts[4 * slot + which]);
      const ordered = new Float64Array(rows * width);
      order.forEach((slot, row) => ordered.set(values.subarray(slot * width, (slot + 1) * width), row * width));
      return {
        file,
        features,
        treatments: treatmentsOf(file, features, roles, ordered),
        categories: codes.map((known) => [...known.keys()]),
        values: ordered,
        labels: labels && fact(0),
        time: layout.time < 0 ? undefined : fact(1),
        entity: Int32Array.from(fact(2)),
        entities: [...entities.keys()],
        row: fact(3),
        rows,
        read,
        stopped,
        sameTime: { rows: sameTime, firstLine: firstSameTime },
      };
    },
  };
}

/** Not a matter of one row: never skipped. */
class TooManyCategories extends TableError {}

/** The time of a row, not before that of the row before. Throws a `TableError`. */
export function timeOf(
  file: string,
  cell: Cell,
  line: number,
  column: string,
  last: number | undefined,
  hasEntities: boolean,
): number {
  const time = parseTime(cell);
  if (time === undefined) {
    const problem = `${shown(String(cell))} is not a time such as 2026-01-31T12:00:00Z, or seconds or milliseconds since 1970${skipHint()}`;
    throw new TableError(file, problem, { line, column });
  }
  if (last !== undefined && time < last) {
    const iso = (at: number) => new Date(at).toISOString();
    const entity = hasEntities ? '' : ', name the column that tells several series apart with --entity';
    const problem = `time runs backwards, ${iso(time)} after ${iso(last)}; sort the rows by time${entity}, or leave --time out when their order means nothing${skipHint(';')}`;
    throw new TableError(file, problem, { line, column });
  }
  return time;
}

function treatmentsOf(
  file: string,
  features: readonly FeatureColumn[],
  { log1p = [], linear = [], categories = [] }: TableRoles,
  values: Float64Array,
): Record<string, ColumnTreatment> {
  // without a prototype: a column may be called __proto__
  const treatments = Object.create(null) as Record<string, ColumnTreatment>;
  for (const name of categories) treatments[name] = 'category';
  const lowest = (f: number) => {
    let low = Infinity;
    for (let i = f; i < values.length; i += features.length) if (values[i] < low) low = values[i];
    return low;
  };
  const ask = (option: string, wanted: readonly string[] | 'all', treatment: ColumnTreatment) => {
    const numbers = features.flatMap(({ name, kind }, f) => (kind === 'number' ? [{ name, f }] : []));
    const chosen =
      wanted === 'all'
        ? numbers.filter(({ f }) => treatment === 'linear' || lowest(f) >= 0).map(({ name }) => name)
        : wanted;
    for (const name of chosen) {
      const found = numbers.find((number) => number.name === name);
      if (!found)
        throw new TableError(file, `is not a feature that holds numbers; take it out of ${option}`, { column: name });
      if (treatments[name] !== undefined)
        throw new TableError(file, `is to be ${treatments[name]} and ${treatment}; choose one`, { column: name });
      treatments[name] = treatment;
    }
  };
  ask('--log1p', log1p, 'log');
  ask('--linear', linear, 'linear');
  return treatments;
}

/** The chosen rows, all without a mask, as columns: a missing text is the empty one. */
export function columnsOfRows({ features, categories, values, rows }: TableRows, chosen?: Uint8Array): TableColumn[] {
  const width = features.length;
  const used: number[] = [];
  for (let row = 0; row < rows; row++) if (chosen?.[row] !== 0) used.push(row * width);
  return features.map(({ name, kind }, f) => {
    if (kind === 'number') return { name, numbers: Float64Array.from(used, (at) => values[at + f]) };
    return { name, texts: used.map((at) => (values[at + f] === values[at + f] ? categories[f][values[at + f]] : '')) };
  });
}
