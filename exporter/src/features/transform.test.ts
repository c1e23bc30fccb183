import fc from 'fast-check';
import type { FeatureSpec } from '../flow.ts';
import { createTransform } from './transform.ts';

const columns = (['none', 'log1p'] as const).map((transform): FeatureSpec => {
  return { name: transform, unit: 'count', help: '', kind: 'gauge', direction: 'up', transform, minimumDeviation: 0 };
});
const transform = createTransform(columns);

test('only log1p columns change, and inverse gives back what forward took', () => {
  const value = fc.oneof(fc.double({ min: 0, max: 1e15, noNaN: true }), fc.double({ min: -0.5, max: 2, noNaN: true }));
  fc.assert(
    fc.property(fc.array(fc.tuple(value, value), { maxLength: 20 }), (rows) => {
      const natural = Float64Array.from(rows.flat());
      const out = new Float64Array(natural.length);
      transform.forward(natural, rows.length, out);
      rows.forEach(([plain, log], r) => {
        expect(out[2 * r]).toBe(plain);
        expect(Math.abs(out[2 * r + 1] - Math.log1p(log))).toBeLessThanOrEqual(4e-16 * Math.max(1, Math.log1p(log)));
      });
      transform.inverse(out, rows.length, out);
      out.forEach((value, i) =>
        expect(Math.abs(value - natural[i])).toBeLessThanOrEqual(1e-13 * Math.max(1, natural[i])),
      );
    }),
  );
});

test('missing values stay missing, and so does what has no logarithm', () => {
  const values = Float64Array.of(NaN, NaN, -5, -1, -5, -5, 0, 0);
  transform.forward(values, 4, values);
  expect([...values]).toEqual([NaN, NaN, -5, NaN, -5, NaN, 0, 0]);
});

test('buffers that are too short are refused', () => {
  expect(() => transform.forward(new Float64Array(4), 2, new Float64Array(3))).toThrow(/^out holds 3 values, 4 are/);
  expect(() => transform.inverse(new Float64Array(3), 2, new Float64Array(4))).toThrow(/^values holds 3 values/);
});
