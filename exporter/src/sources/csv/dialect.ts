/**
 * What a table is written in, told from its first two lines: CSV or NDJSON, the delimiter, and whether the first line is a header. Two lines, and never more:
 * a slow pipe must not wait, and the answer must not depend on how much of the file has arrived.
 */
import { parseNumber } from './cells.ts';
import { createCsvParser, LONGEST_RECORD } from './csv-records.ts';
import { TableError } from './table-error.ts';

export interface Dialect {
  readonly format: 'csv' | 'ndjson';
  /** csv only */
  readonly delimiter: string;
  /** csv only */
  readonly header: boolean;
}

/** What the caller knows already; the rest is found out. */
export interface DialectOptions {
  readonly format?: 'csv' | 'ndjson';
  readonly delimiter?: string;
  readonly header?: boolean;
  /** names that a header would have */
  readonly expected?: readonly string[];
}

const DELIMITERS = [',', ';', '\t'];
const NAMES: Record<string, string> = { ',': 'comma', ';': 'semicolon', '\t': 'tab' };

/** true when `text` holds the two records that `detectDialect` looks at, whatever its dialect. */
export function isEnough(text: string): boolean {
  let quotes = false;
  let records = 0;
  let content = false;
  for (let i = 0; i < text.length; i++) {
    const character = text.charCodeAt(i);
    if (character === 34) quotes = !quotes;
    else if (character === 10 && !quotes) {
      if (content && ++records === 2) return true;
      content = false;
      continue;
    }
    if (character > 32) content = true;
  }
  return text.length > LONGEST_RECORD;
}

/** `start`: the text's beginning, two records or all of it. Throws a `TableError` when there is nothing, or nothing that is a table. */
export function detectDialect(file: string, start: string, options: DialectOptions): Dialect {
  const first = start.trimStart();
  if (first === '') throw new TableError(file, 'is empty');
  if (first.startsWith('[') && options.format !== 'csv')
    throw new TableError(file, "is a JSON array; write one object a line, for example with: jq -c '.[]'");
  const format = options.format ?? (first.startsWith('{') ? 'ndjson' : 'csv');
  if (format === 'ndjson') return { format, delimiter: ',', header: false };

  const delimiter = options.delimiter ?? detectDelimiter(start);
  const [head, second] = fieldsOf(start, delimiter);
  if (head === undefined) throw new TableError(file, 'has no readable first line', { line: 1 });
  if (head.some((field) => field.includes('\r')))
    throw new TableError(file, "ends its lines with carriage returns only; convert it with: tr '\\r' '\\n'");
  if (options.delimiter !== undefined && head.length === 1) refuseOtherDelimiter(file, start, options.delimiter);
  return { format, delimiter, header: options.header ?? isHeader(head, second, options.expected) };
}

/** The delimiter that cuts both lines into the same number of fields, the most of them; in doubt the first line decides. */
function detectDelimiter(start: string): string {
  const counted = DELIMITERS.map((delimiter) => {
    const [first, second] = fieldsOf(start, delimiter).map((fields) => fields.length);
    return { delimiter, first: first ?? 1, same: second === undefined || first === second };
  });
  const candidates = counted.filter(({ first }) => first > 1);
  const even = candidates.filter(({ same }) => same);
  const [best] = (even.length > 0 ? even : candidates).sort((a, b) => b.first - a.first);
  return best?.delimiter ?? ',';
}

function refuseOtherDelimiter(file: string, start: string, given: string): void {
  const found = detectDelimiter(start);
  const [fields] = fieldsOf(start, found);
  if (found === given || fields === undefined || fields.length < 2) return;
  throw new TableError(
    file,
    `has no ${NAMES[given] ?? JSON.stringify(given)} in its first line, but ${fields.length - 1} times a ${NAMES[found]}; leave --delimiter out, or give that one`,
    { line: 1 },
  );
}

/** The first two records. */
function fieldsOf(start: string, delimiter: string): string[][] {
  const parser = createCsvParser(delimiter);
  const records = [...parser.push(start), ...parser.end()];
  return records.flatMap((record) => ('fields' in record ? [record.fields] : [])).slice(0, 2);
}

/** Names: no numbers, none twice. A line of text only is a header too, even when all columns are text. */
function isHeader(head: string[], second: string[] | undefined, expected?: readonly string[]): boolean {
  const names = head.map((field) => field.trim());
  if (expected?.some((name) => names.includes(name))) return true;
  const given = names.filter((name) => name !== '');
  if (new Set(given).size < given.length) return false;
  if (given.length === 0 || given.some((name) => parseNumber(name) !== undefined)) return false;
  // one column whose two first values are text may be either
  return !(names.length === 1 && second?.[0] !== undefined && parseNumber(second[0]) === undefined);
}
