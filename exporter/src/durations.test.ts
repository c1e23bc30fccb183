import { duration, formatDuration, parseDuration } from './durations.ts';

test.each([
  ['500ms', 500],
  ['15s', 15_000],
  ['0.5s', 500],
  ['5m', 300_000],
  ['24h', 86_400_000],
  ['7d', 604_800_000],
  [' 2 s ', 2000],
  ['0s', 0],
  ['1.1s', 1100],
])('%p is %p ms.', (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

test.each([
  [15, '15 has no unit'],
  ['15', '"15" has no unit'],
  ['-3', '"-3" has no unit'],
  ['15 sec', '"15 sec" has the unknown unit "sec"'],
  ['15S', '"15S" has the unknown unit "S"'],
  ['1toString', '"1toString" has the unknown unit "toString"'],
  ['-15s', '"-15s" is negative'],
  ['1h30m', '"1h30m" is not a length of time'],
  ['soon', '"soon" is not a length of time'],
  ['0.1ms', '"0.1ms" is shorter than 1 ms'],
  ['1.5ms', '"1.5ms" is not a whole number of milliseconds'],
  ['', '"" is not a length of time'],
  [null, 'null is not a length of time'],
  [true, 'true is not a length of time'],
])('%p is refused, with the value and the units that exist.', (value, start) => {
  const refused = () => parseDuration(value);
  expect(refused).toThrow(start);
  expect(refused).toThrow('; write a number with ms, s, m, h or d, such as 500ms, 15s or 7d');
});

test('A formatted length of time reads back as itself.', () => {
  for (const ms of [0, 1, 999, 1000, 1500, 90_000, 3_600_000, 86_400_000, 90_061_001])
    expect(parseDuration(formatDuration(ms))).toBe(ms);
  expect(formatDuration(90_000)).toBe('90s');
  expect(formatDuration(172_800_000)).toBe('2d');
});

test('An option keeps its bounds, which are allowed themselves.', () => {
  const option = duration(500, 3_600_000);
  expect(option.parse('500ms')).toBe(500);
  expect(option.parse('1h')).toBe(3_600_000);
  expect(option.safeParse('499ms').error?.issues[0].message).toBe('"499ms" is too short; it can be 500ms or longer');
  expect(option.safeParse('61m').error?.issues[0].message).toBe('"61m" is too long; it can be 1h or shorter');
  expect(option.safeParse(7).error?.issues[0].message).toContain('7 has no unit');
});
