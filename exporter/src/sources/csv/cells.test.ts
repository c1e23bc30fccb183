import { isEmpty, parseNumber, parseTime } from './cells.ts';

test.each([
  ['12', 12],
  ['-1.5e3', -1500],
  [' 7 ', 7],
  ['.5', 0.5],
  ['0', 0],
  ['0.0', 0],
  ['true', 1],
  ['False', 0],
  ['inf', Infinity],
  ['-Infinity', -Infinity],
])('%j is the number %d.', (text, value) => {
  expect(parseNumber(text)).toBe(value);
});

test.each(['', '  ', 'NA', 'n/a', 'NaN', 'null', '-', '?'])('%j is a missing number.', (text) => {
  expect(parseNumber(text)).toBeNaN();
});

test.each(['abc', '1,5', '0x1f', '0b1', '1 2', '12px', '2024-01-01'])('%j is no number but text.', (text) => {
  expect(parseNumber(text)).toBeUndefined();
});

test('Of a text column only the empty cell is missing.', () => {
  expect(['', ' ', '-', 'none', 0].map(isEmpty)).toEqual([true, true, false, false, false]);
});

test.each([
  ['2026-01-31T12:00:00Z', Date.UTC(2026, 0, 31, 12)],
  ['2026-01-31 12:00:00', Date.UTC(2026, 0, 31, 12)],
  ['2026-01-31T12:00:00.250+02:00', Date.UTC(2026, 0, 31, 10, 0, 0, 250)],
  ['2026-01-31', Date.UTC(2026, 0, 31)],
  ['1769860800', 1_769_860_800_000],
  ['1769860800.5', 1_769_860_800_500],
  ['1769860800000', 1_769_860_800_000],
  ['1769860800000000', 1_769_860_800_000],
  [1769860800, 1_769_860_800_000],
])('%j is a time.', (text, time) => {
  expect(parseTime(text)).toBe(time);
});

test.each(['', 'yesterday', '31/01/2026', '2026-13-01', '12:00'])('%j is no time.', (text) => {
  expect(parseTime(text)).toBeUndefined();
});
