import { cleanNode, promiseKept } from './budget-promise.ts';

test('incidents count where they begin and touch no labelled event, days only where they are clean', () => {
  const incidents = [
    { start: 5, end: 9 }, // before the time that counts
    { start: 20, end: 25 },
    { start: 40, end: 52 }, // reaches into an event
    { start: 63, end: 64 }, // in the margin behind it
    { start: 95, end: 120 },
    { start: 100, end: 101 }, // after the time that counts
  ];
  const events = [{ start: 50, end: 59 }];
  expect(promiseKept(incidents, 10, 100, 10, events, 5)).toEqual({ days: 7, promised: 7, observed: 2 });
  expect(promiseKept(incidents, 0, 100, 10, [])).toEqual({ days: 10, promised: 10, observed: 5 });
});

test('a day without any fault opens a few incidents at most', () => {
  const { promised, observed } = cleanNode(0, 1, 0, 1);
  expect(promised).toBe(1);
  expect(observed).toBeLessThanOrEqual(5);
}, 60_000);
