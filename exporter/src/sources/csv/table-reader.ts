/**
 * A table, streamed: CSV or NDJSON from a file or the standard input, row by row, in the memory of a few records however long the table is. A row that does
 * not fit is an error that says where, or is counted and left out when the caller asks for that.
 */
import type { Cell } from './cells.ts';
import { createCsvParser, type CsvFault, type CsvRecord } from './csv-records.ts';
import { detectDialect, isEnough, type Dialect, type DialectOptions } from './dialect.ts';
import { createJsonParser, type JsonRecord } from './ndjson-records.ts';
import { shown, TableError } from './table-error.ts';
import { nameOf, readText } from './text-input.ts';

/** Beyond this it is more likely a wrong delimiter, or a matrix that lies on its side. */
const MOST_COLUMNS = 10_000;

export interface TableOptions extends DialectOptions {
  /** names of the columns of CSV without a header; for NDJSON the keys to read */
  readonly names?: readonly string[];
  /** leave rows out that do not fit, and count them, instead of throwing */
  readonly skipBadRows?: boolean;
}

/** `cells[i]` belongs to the column i, `line` is where the row begins in the text. */
export interface TableRow {
  readonly cells: readonly Cell[];
  /** 1 = the first one that is no header; rows that do not fit count too */
  readonly row: number;
  readonly line: number;
}

export interface Table {
  /** the file as messages call it */
  readonly file: string;
  readonly dialect: Dialect;
  readonly columns: readonly string[];
  /** Rows in their order, in the pieces in which they arrive: a pipe's row is there as soon as its line is. Once only. */
  batches(): AsyncIterable<readonly TableRow[]>;
  /** Rows that were left out so far, and what is wrong with the first of them. */
  skipped(): { readonly rows: number; readonly first: string | undefined };
  /** Who reads the rows refuses one: throws, or counts it when bad rows are skipped. */
  refuse(error: TableError): void;
}

/** Reads as far as it needs for the columns. `path`: a file, or `-` for the standard input. Throws a `TableError`. */
export async function openTable(path: string, options: TableOptions = {}): Promise<Table> {
  return readTable(nameOf(path), readText(path), options);
}

/** As `openTable`, of text that comes from elsewhere. */
export async function readTable(file: string, text: AsyncIterable<string>, options: TableOptions = {}): Promise<Table> {
  const pieces = text[Symbol.asyncIterator]();
  let start = '';
  let ended = false;
  while (!ended && !isEnough(start)) {
    const { value, done } = await pieces.next();
    if (done) ended = true;
    else start += value;
  }
  async function* all(): AsyncGenerator<string> {
    try {
      yield start;
      start = '';
      while (!ended) {
        const { value, done } = await pieces.next();
        if (done) return;
        yield value;
      }
    } finally {
      await pieces.return?.();
    }
  }
  const dialect = detectDialect(file, start, options);
  const parser = dialect.format === 'csv' ? createCsvParser(dialect.delimiter) : createJsonParser();
  const { columns, aside } =
    dialect.format === 'csv' ? csvColumns(file, start, dialect, options) : jsonColumns(file, start, options);
  const place = new Map(columns.map((name, column) => [name, column]));

  let number = 0;
  let bad = 0;
  let first: string | undefined;
  const refuse = (error: TableError) => {
    if (!options.skipBadRows) throw error;
    bad++;
    first ??= error.message;
  };

  /** undefined after `refuse`. */
  function rowOf(record: CsvRecord | JsonRecord | CsvFault): TableRow | undefined {
    number++;
    if ('problem' in record) {
      const error = new TableError(file, `${record.problem}${record.fatal ? '' : skipHint()}`, { line: record.line });
      if (record.fatal) throw error;
      refuse(error);
      return undefined;
    }
    if ('fields' in record) {
      if (record.fields.length === columns.length) return { cells: record.fields, row: number, line: record.line };
      refuse(ragged(file, record, columns, dialect));
      return undefined;
    }
    const cells = new Array<Cell>(columns.length).fill('');
    for (const [name, cell] of record.cells) {
      const column = place.get(name);
      if (column !== undefined) cells[column] = cell;
      else if (!aside) {
        const problem = `has the key ${shown(name)}, which the first line has not; name the keys to read with --names${skipHint(', or')}`;
        refuse(new TableError(file, problem, { line: record.line }));
        return undefined;
      }
    }
    return { cells, row: number, line: record.line };
  }

  async function* batches(): AsyncGenerator<readonly TableRow[]> {
    let header = dialect.format === 'csv' && dialect.header;
    const take = (records: readonly (CsvRecord | JsonRecord | CsvFault)[]) => {
      const rows: TableRow[] = [];
      for (const record of records) {
        if (header) header = false;
        else {
          const row = rowOf(record);
          if (row) rows.push(row);
        }
      }
      return rows;
    };
    for await (const piece of all()) {
      const rows = take(parser.push(piece));
      if (rows.length > 0) yield rows;
    }
    const rows = take(parser.end());
    if (rows.length > 0) yield rows;
  }

  return { file, dialect, columns, batches, refuse, skipped: () => ({ rows: bad, first }) };
}

/** What to add to a message about one row. */
export function skipHint(join = ';'): string {
  return `${join} --skip-bad-rows leaves such rows out`;
}

function csvColumns(
  file: string,
  start: string,
  { delimiter, header }: Dialect,
  { names }: TableOptions,
): { columns: readonly string[]; aside: boolean } {
  const parser = createCsvParser(delimiter);
  const [record] = [...parser.push(start), ...parser.end()];
  if ('problem' in record) throw new TableError(file, record.problem, { line: record.line });
  const { fields, line } = record;
  if (fields.length > MOST_COLUMNS)
    throw new TableError(file, `has ${fields.length} columns; up to ${MOST_COLUMNS} are read`, { line });
  if (names !== undefined && names.length !== fields.length) {
    const problem = `has ${fields.length} columns, but --names gives ${names.length} names`;
    throw new TableError(file, problem, { line });
  }
  const columns = names ?? fields.map((field, i) => (header && field.trim() !== '' ? field.trim() : `column_${i + 1}`));
  refuseDoubles(file, columns);
  return { columns, aside: false };
}

function jsonColumns(
  file: string,
  start: string,
  { names }: TableOptions,
): { columns: readonly string[]; aside: boolean } {
  if (names !== undefined) {
    refuseDoubles(file, names);
    return { columns: names, aside: true };
  }
  const parser = createJsonParser();
  const [record] = [...parser.push(start), ...parser.end()];
  if ('problem' in record) throw new TableError(file, record.problem, { line: record.line });
  const columns = [...record.cells.keys()];
  if (columns.length === 0) throw new TableError(file, 'has no keys', { line: record.line });
  return { columns, aside: false };
}

function refuseDoubles(file: string, columns: readonly string[]): void {
  const seen = new Set<string>();
  for (const name of columns) {
    if (seen.has(name)) {
      throw new TableError(
        file,
        `two columns are called ${shown(name)}; rename one of them, or, when the first line is no header, give --no-header`,
        { line: 1 },
      );
    }
    seen.add(name);
  }
}

function ragged(file: string, { fields, line }: CsvRecord, columns: readonly string[], { delimiter, header }: Dialect) {
  const other = [',', ';', '\t'].find((mark) => mark !== delimiter && fields.length === 1 && fields[0].includes(mark));
  const hint = other === undefined ? '' : ` (its delimiter seems to be ${JSON.stringify(other)})`;
  const problem = `${fields.length} ${fields.length === 1 ? 'field' : 'fields'} instead of the ${columns.length} of the ${header ? 'header' : 'first line'}${hint}${skipHint()}`;
  return new TableError(file, problem, { line });
}
