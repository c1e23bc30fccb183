/** From the text of a cell to a number or a time. */

/** CSV gives text, NDJSON text and numbers. A missing value is the empty text. */
export type Cell = string | number;

const MISSING = new Set(['', '-', '?', 'na', 'n/a', 'nan', 'nil', 'none', 'null', 'undefined']);
const WORDS = new Map([
  ['true', 1],
  ['false', 0],
  ['inf', Infinity],
  ['+inf', Infinity],
  ['-inf', -Infinity],
  ['infinity', Infinity],
  ['+infinity', Infinity],
  ['-infinity', -Infinity],
]);

/** NaN where the value is missing (empty, `NA`, `NaN`, `null`, `-`, `?` …), undefined where it is text. `true` is 1, `false` 0. */
export function parseNumber(cell: Cell): number | undefined {
  if (typeof cell === 'number') return cell;
  const value = Number(cell);
  // Number() also takes the empty text (0) and other bases (0x1f)
  if (value === value && (value !== 0 || /\d/.test(cell))) return /^\s*0[xob]/i.test(cell) ? undefined : value;
  const word = cell.trim().toLowerCase();
  return MISSING.has(word) ? NaN : WORDS.get(word);
}

/** Of a column of text, only the empty cell is missing: `-` and `none` may well be categories. */
export function isEmpty(cell: Cell): boolean {
  return typeof cell === 'number' ? cell !== cell : cell.trim() === '';
}

const ISO = /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?)?\s*(Z|[+-]\d{2}:?\d{2})?$/i;

/** ms since the epoch; undefined for what is no time. ISO 8601 (without a zone: UTC) or the epoch in s, ms, µs or ns, told apart by their size: 1973 in ms is 5138 in s. */
export function parseTime(cell: Cell): number | undefined {
  const number = typeof cell === 'number' || cell.trim() !== '' ? Number(cell) : NaN;
  if (Number.isFinite(number)) {
    const size = Math.abs(number);
    return number * (size < 1e11 ? 1000 : size < 1e14 ? 1 : size < 1e17 ? 1e-3 : 1e-6);
  }
  const text = String(cell).trim();
  const zone = ISO.exec(text)?.[1];
  if (!ISO.test(text)) return undefined;
  const instant = text.replace(' ', 'T').replace(',', '.').replace(/\s/g, '');
  const time = Date.parse(zone || instant.length === 10 ? instant : `${instant}Z`);
  return Number.isNaN(time) ? undefined : time;
}
