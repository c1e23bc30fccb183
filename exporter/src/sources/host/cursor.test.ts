import type { Cursor } from './cursor.ts';
import { accept, nextLine, number, skip, word } from './cursor.ts';

const cursorAt = (text: string): Cursor => ({ bytes: Buffer.from(text), at: 0, end: Buffer.byteLength(text) });

test.each([
  ['42', 42],
  ['  \t7 ', 7],
  ['0', 0],
  ['12.50\n', 12.5],
  ['1.05 ', 1.05],
  ['18446744073709551615', 18446744073709552000],
  ['', NaN],
  ['\n5', NaN],
  ['-1', NaN],
  ['12a', NaN],
  ['.5', NaN],
  ['1.2.3', NaN],
  ['0x1f', NaN],
])('reads %p as %p', (text, expected) => {
  expect(number(cursorAt(text))).toBe(expected);
});

test('a word that is not a number is left behind, so that the next field is the next field', () => {
  const cursor = cursorAt('1 x2 3\n4');
  expect([number(cursor), number(cursor), number(cursor)]).toEqual([1, NaN, 3]);
});

test('numbers end at the end of the line, and reading does not go past the end of what was read', () => {
  const cursor = cursorAt('1 2\n34567');
  cursor.end = 6;
  skip(cursor, 2);
  expect(number(cursor)).toBe(NaN);
  expect(nextLine(cursor)).toBe(true);
  expect(number(cursor)).toBe(34);
  expect(nextLine(cursor)).toBe(false);
  expect(cursor.at).toBe(6);
});

test('accepts a prefix only where it stands, and finds the end of a word', () => {
  const cursor = cursorAt('ctxt 5');
  expect(accept(cursor, Buffer.from('cpu'))).toBe(false);
  expect(accept(cursor, Buffer.from('ctxt 5 6'))).toBe(false);
  expect(word(cursor)).toBe(4);
  expect(accept(cursor, Buffer.from('ctxt '))).toBe(true);
  expect(number(cursor)).toBe(5);
});
