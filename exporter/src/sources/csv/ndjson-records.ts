/** NDJSON: one JSON object a line, fed in pieces of any size. */
import type { Cell } from './cells.ts';
import { type CsvFault, LONGEST_RECORD } from './csv-records.ts';

export interface JsonRecord {
  /** in the order of the line; a boolean is 1 or 0, null is missing */
  readonly cells: ReadonlyMap<string, Cell>;
  readonly line: number;
}

export interface JsonParser {
  push(text: string): (JsonRecord | CsvFault)[];
  end(): (JsonRecord | CsvFault)[];
}

export function createJsonParser(): JsonParser {
  let rest = '';
  let searched = 0;
  let line = 1;
  let broken = false;

  function parse(text: string, last: boolean): (JsonRecord | CsvFault)[] {
    const found: (JsonRecord | CsvFault)[] = [];
    let at = 0;
    while (at < text.length && !broken) {
      let end = text.indexOf('\n', Math.max(at, searched));
      searched = 0;
      if (end === -1) {
        if (!last) break;
        end = text.length;
      }
      if (end - at > LONGEST_RECORD) break;
      const record = recordOf(text.slice(at, end), line);
      if (record) found.push(record);
      line++;
      at = end + 1;
    }
    rest = broken ? '' : text.slice(at);
    searched = rest.length;
    if (rest.length > LONGEST_RECORD) {
      broken = true;
      rest = '';
      const problem = `the line has more than ${LONGEST_RECORD / 1024 / 1024} million characters: this is not one JSON object a line`;
      found.push({ line, problem, fatal: true });
    }
    return found;
  }

  return {
    push: (text) => parse(rest + text, false),
    end() {
      const text = rest;
      rest = '';
      searched = 0;
      return parse(text, true);
    },
  };
}

function recordOf(text: string, line: number): JsonRecord | CsvFault | undefined {
  if (text.trim() === '') return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { line, problem: `is not JSON (${(error as Error).message})`, fatal: false };
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    return { line, problem: 'is not a JSON object such as {"bytes": 120, "label": 0}', fatal: false };
  const cells = new Map<string, Cell>();
  for (const [name, cell] of Object.entries(value)) {
    if (typeof cell === 'number' || typeof cell === 'string') cells.set(name, cell);
    else if (typeof cell === 'boolean') cells.set(name, cell ? 1 : 0);
    else if (cell === null) cells.set(name, '');
    else return { line, problem: `"${name}" holds an object or a list; give it a plain value`, fatal: false };
  }
  return { cells, line };
}
