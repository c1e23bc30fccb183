/**
 * CSV (RFC 4180) as a parser that is fed text in pieces of any size and gives the records that are complete. A field may be quoted; inside quotes stand
 * delimiters, line ends and doubled quotes. Lines end in LF or CRLF. Beyond the standard: a quote inside a field that does not begin with one is text, and empty
 * lines are skipped. Memory: the record that is not complete yet, of bounded length.
 */

/** Longest record, in characters. 10,000 columns of numbers are 200 KB. */
export const LONGEST_RECORD = 4 * 1024 * 1024;

export interface CsvRecord {
  readonly fields: string[];
  /** where it begins, 1 = the first line */
  readonly line: number;
}

/** A mistake in the text itself; parsing cannot go on when `fatal`, because nobody knows where the next record begins. */
export interface CsvFault {
  readonly line: number;
  readonly problem: string;
  readonly fatal: boolean;
}

export interface CsvParser {
  /** Records and faults that `text` completes, in order. */
  push(text: string): (CsvRecord | CsvFault)[];
  /** The last record, when its line end is missing. */
  end(): (CsvRecord | CsvFault)[];
}

const TOO_LONG = `the record has more than ${LONGEST_RECORD / 1024 / 1024} million characters without an end: this is not CSV, or a quote is never closed`;

/** `delimiter`: one character, not a quote or a line end. */
export function createCsvParser(delimiter: string): CsvParser {
  let rest = '';
  /** of `rest`: known to hold no line end */
  let searched = 0;
  let line = 1;
  let broken = false;

  function parse(text: string, last: boolean): (CsvRecord | CsvFault)[] {
    const found: (CsvRecord | CsvFault)[] = [];
    let at = 0;
    let from = searched;
    let quote = text.indexOf('"');
    while (at < text.length && !broken) {
      let end = text.indexOf('\n', Math.max(at, from));
      from = 0;
      if (quote !== -1 && quote < at) quote = text.indexOf('"', at);
      if (quote !== -1 && (end === -1 || quote < end)) {
        const record = quoted(text, at, last);
        if (record === undefined) break;
        if (record.end - at > LONGEST_RECORD) break;
        found.push('fields' in record ? { fields: record.fields, line } : { ...record.fault, line });
        line += record.lines;
        at = record.end;
        continue;
      }
      if (end === -1) {
        if (!last) break;
        end = text.length;
      }
      const stop = end > at && text.charCodeAt(end - 1) === 13 ? end - 1 : end;
      if (stop > at) {
        if (stop - at > LONGEST_RECORD) break; // refused below
        found.push({ fields: text.slice(at, stop).split(delimiter), line });
      }
      line++;
      at = end + 1;
    }
    rest = broken ? '' : text.slice(at);
    searched = rest.includes('"') ? 0 : rest.length;
    if (rest.length > LONGEST_RECORD) {
      broken = true;
      rest = '';
      found.push({ line, problem: TOO_LONG, fatal: true });
    }
    return found;
  }

  /** One record with quotes in it; undefined when its end has not come yet. */
  function quoted(
    text: string,
    start: number,
    last: boolean,
  ):
    | { fields: string[]; end: number; lines: number }
    | { fault: { problem: string; fatal: boolean }; end: number; lines: number }
    | undefined {
    const fields: string[] = [];
    let at = start;
    for (;;) {
      let field = '';
      if (text[at] === '"') {
        at++;
        for (;;) {
          const close = text.indexOf('"', at);
          if (close === -1) {
            if (!last) return undefined;
            broken = true;
            const fault = { problem: 'a quote is opened and never closed', fatal: true };
            return { fault, end: text.length, lines: 0 };
          }
          field += text.slice(at, close);
          at = close + 1;
          if (text[at] !== '"') break;
          field += '"';
          at++;
        }
        // the character after a quote decides what the quote was
        if (at >= text.length && !last) return undefined;
        const next = text[at];
        const ends =
          next === undefined || next === delimiter || next === '\n' || (next === '\r' && text[at + 1] === '\n');
        if (next === '\r' && at + 1 >= text.length && !last) return undefined;
        if (!ends && !(next === '\r' && at + 1 >= text.length)) {
          const end = text.indexOf('\n', at);
          if (end === -1 && !last) return undefined;
          const problem = `${JSON.stringify(next)} follows a closing quote; a quote inside a quoted field is written twice`;
          const stop = end === -1 ? text.length : end + 1;
          return { fault: { problem, fatal: false }, end: stop, lines: lineEnds(text, start, stop) };
        }
      } else {
        const next = fieldEnd(text, at);
        if (next === -1 && !last) return undefined;
        const stop = next === -1 ? text.length : next;
        const cut = text[stop] !== delimiter && text[stop - 1] === '\r' && stop > at ? stop - 1 : stop;
        field = text.slice(at, cut);
        at = stop;
      }
      fields.push(field);
      if (text[at] === delimiter) {
        at++;
        continue;
      }
      if (text[at] === '\r') at++;
      const end = Math.min(text.length, at + 1);
      return { fields, end, lines: lineEnds(text, start, end) };
    }
  }

  /** Of an unquoted field: the next delimiter or line end, -1 when there is none. */
  function fieldEnd(text: string, at: number): number {
    for (let i = at; i < text.length; i++) {
      const character = text[i];
      if (character === delimiter || character === '\n') return i;
    }
    return -1;
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

function lineEnds(text: string, from: number, to: number): number {
  let count = 0;
  for (let at = text.indexOf('\n', from); at !== -1 && at < to; at = text.indexOf('\n', at + 1)) count++;
  return count;
}
