import { linearAxis, logAxis, scoreAxis } from './axis.ts';

const texts = (axis: { ticks: readonly { text: string }[] }) => axis.ticks.map(({ text }) => text);

test('Ticks are round values inside of the range.', () => {
  expect(texts(linearAxis(0, 1))).toEqual(['0', '0.5', '1']);
  expect(texts(linearAxis(-3, 4))).toEqual(['−2', '0', '2', '4']);
  expect(texts(linearAxis(0.1, 0.34, 3))).toEqual(['0.1', '0.2', '0.3']);
  expect(texts(logAxis(0.1, 3000))).toEqual(['0.1', '1', '10', '100', '1,000']);
  expect(texts(logAxis(1e-9, 1e9)).length).toBeLessThan(8);
});

test('Equal ends, and ends without a number between them, are a range all the same.', () => {
  for (const value of [0, 5, -1e12, 1e-12]) {
    const axis = linearAxis(value, value);
    expect(axis.place(value)).toBeCloseTo(0.5, 9);
    expect(axis.ticks.every(({ at }) => at >= 0 && at <= 1)).toBe(true);
  }
});

test('Values outside lie on the edge, and no number lies at the bottom.', () => {
  const axis = linearAxis(0, 10);
  expect([-5, 3, 25, NaN, Infinity].map((value) => axis.place(value))).toEqual([0, 0.3, 1, 0, 1]);
  expect([0, -1, 1e9].map((value) => logAxis(0.1, 10).place(value))).toEqual([0, 0, 1]);
});

test('Scores far above the threshold are shown by their logarithm, others from 0 or from the lowest; the threshold is always in sight.', () => {
  const place = (scores: number[]) => scoreAxis(Float64Array.from(scores)).place(1);
  expect(texts(scoreAxis(Float64Array.from([0.01, 0.5, 80])))).toEqual(['≤ 0.1', '1', '10']);
  expect(texts(scoreAxis(Float64Array.from([0.2, 0.5, 80])))).toEqual(['0.1', '1', '10']);
  expect(texts(scoreAxis(Float64Array.from([0.1, 2])))).toEqual(['0', '1', '2']);
  expect(texts(scoreAxis(Float64Array.from([0.8, 1.1])))[0]).toBe('0.8');
  for (const scores of [[], [NaN], [0, 0], [0.001], [1e9], [Infinity, 2], [5, 7, 9], [1.2, 1.2]]) {
    expect(place(scores)).toBeGreaterThanOrEqual(0);
    expect(place(scores)).toBeLessThan(1);
  }
});
