import fc from 'fast-check';
import { contaminationThreshold, usualScore } from './table-threshold.ts';

test('At most the given share of the scores reaches the threshold, and without ties all but a part of one row does.', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 1, maxLength: 200 }),
      fc.double({ min: 0.01, max: 0.5, noNaN: true }),
      (scores, contamination) => {
        const above = scores.filter(
          (score) => score >= contaminationThreshold(Float64Array.from(scores), contamination),
        );
        expect(above.length).toBeLessThanOrEqual(contamination * scores.length + 1e-9);
      },
    ),
  );
  const distinct = Float64Array.from({ length: 1000 }, (_, i) => ((i * 7919) % 1000) + 1);
  expect(distinct.filter((score) => score >= contaminationThreshold(distinct, 0.15))).toHaveLength(150);
});

test('Scores that are all equal, or all 0, reach no threshold.', () => {
  for (const value of [0, 1, 1e-12, 1e12]) {
    const scores = new Float64Array(100).fill(value);
    const threshold = contaminationThreshold(scores, 0.1);
    expect(threshold).toBeGreaterThan(value);
    expect(Number.isFinite(threshold)).toBe(true);
  }
});

test('Rows without a score count for nothing.', () => {
  const scores = Float64Array.from({ length: 200 }, (_, i) => (i % 2 === 0 ? NaN : i));
  expect(scores.filter((score) => score >= contaminationThreshold(scores, 0.1))).toHaveLength(10);
  expect(usualScore('x', Float64Array.of(NaN, 2, 2))).toBe(2);
  expect(() => usualScore('x', Float64Array.of(NaN))).toThrow('no score');
});

test('The usual score leaves the highest scores out.', () => {
  const scores = Float64Array.from({ length: 100 }, (_, i) => (i < 96 ? 1 : 1e9));
  expect(usualScore('x', scores)).toBe(1);
});
