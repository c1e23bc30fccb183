/**
 * Reads numbers and words out of bytes without making strings: what the kernel prints is read every second and must cost nothing.
 * Functions move `at` and never go past `end`. A number is NaN when something else stands there.
 */
export interface Cursor {
  bytes: Buffer;
  at: number;
  end: number;
}

const TAB = 9;
const NEWLINE = 10;
const SPACE = 32;
const DOT = 46;
const ZERO = 48;

/** The next unsigned decimal of this line, `.` and digits after it included. */
export function number(cursor: Cursor): number {
  const { bytes, end } = cursor;
  let at = skipBlanks(bytes, cursor.at, end);
  const start = at;
  let value = 0;
  let scale = 0;
  for (; at < end; at++) {
    const digit = bytes[at] - ZERO;
    if (digit >= 0 && digit <= 9) {
      value = value * 10 + digit;
      scale *= 10;
    } else if (bytes[at] === DOT && scale === 0 && at > start) scale = 1;
    else break;
  }
  const delimited = at === end || bytes[at] <= SPACE;
  if (at === start || !delimited) {
    cursor.at = skipWord(bytes, at, end);
    return NaN;
  }
  cursor.at = at;
  return scale > 1 ? value / scale : value;
}

/** Moves behind `count` words of this line. */
export function skip(cursor: Cursor, count: number): void {
  const { bytes, end } = cursor;
  let at = cursor.at;
  for (let i = 0; i < count; i++) at = skipWord(bytes, skipBlanks(bytes, at, end), end);
  cursor.at = at;
}

/** Moves to the start of the next line; false at the end. */
export function nextLine(cursor: Cursor): boolean {
  const found = cursor.bytes.indexOf(NEWLINE, cursor.at);
  cursor.at = found < 0 || found >= cursor.end ? cursor.end : found + 1;
  return cursor.at < cursor.end;
}

/** True, and behind it, when `word` stands here. */
export function accept(cursor: Cursor, word: Buffer): boolean {
  const { bytes, at } = cursor;
  const length = word.length;
  if (at + length > cursor.end) return false;
  for (let i = 0; i < length; i++) if (bytes[at + i] !== word[i]) return false;
  cursor.at = at + length;
  return true;
}

/** Moves to the first byte of the next word of this line and tells where the word ends. */
export function word(cursor: Cursor): number {
  cursor.at = skipBlanks(cursor.bytes, cursor.at, cursor.end);
  return skipWord(cursor.bytes, cursor.at, cursor.end);
}

function skipBlanks(bytes: Buffer, at: number, end: number): number {
  while (at < end && (bytes[at] === SPACE || bytes[at] === TAB)) at++;
  return at;
}

function skipWord(bytes: Buffer, at: number, end: number): number {
  while (at < end && bytes[at] > SPACE) at++;
  return at;
}
