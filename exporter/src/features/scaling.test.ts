import fc from 'fast-check';
import type { Matrix } from '../flow.ts';
import { applyScaling, fitScaling, invertScaling } from './scaling.ts';

function matrix(columns: number, rows: number[][]): Matrix {
  return { rows: rows.length, columns, data: Float64Array.from(rows.flat()) };
}

function scaled(rows: Matrix, kind: 'standard' | 'min-max'): Float64Array {
  const out = new Float64Array(rows.data.length);
  applyScaling(fitScaling(rows, kind), rows.data, rows.rows, out);
  return out;
}

const cell = fc.oneof({ weight: 5, arbitrary: fc.double({ min: -1e6, max: 1e6, noNaN: true }) }, fc.constant(NaN));
const anyMatrix = fc
  .integer({ min: 1, max: 4 })
  .chain((columns) => fc.array(fc.array(cell, { minLength: columns, maxLength: columns }), { maxLength: 30 }))
  .filter((rows) => rows.length > 0)
  .map((rows) => matrix(rows[0].length, rows));

test('standard scaling gives every varying column mean 0 and deviation 1, and passes what is missing', () => {
  fc.assert(
    fc.property(anyMatrix, (rows) => {
      const out = scaled(rows, 'standard');
      for (let c = 0; c < rows.columns; c++) {
        const before = [...rows.data].filter((_, i) => i % rows.columns === c);
        const after = [...out].filter((_, i) => i % rows.columns === c);
        expect(after.map(Number.isNaN)).toEqual(before.map(Number.isNaN));
        const known = after.filter((v) => !Number.isNaN(v));
        if (known.length === 0) continue;
        const mean = known.reduce((a, b) => a + b, 0) / known.length;
        const deviation = Math.sqrt(known.reduce((a, b) => a + (b - mean) ** 2, 0) / known.length);
        // deviations near the limit of a constant stay as small as they are
        const varies = Math.max(...before.filter((v) => !Number.isNaN(v))) - Math.min(...before.filter((v) => !Number.isNaN(v))) > 1e-4; // prettier-ignore
        if (!varies) continue;
        expect(Math.abs(mean)).toBeLessThan(1e-6);
        expect(Math.abs(deviation - 1)).toBeLessThan(1e-6);
      }
    }),
  );
});

test('min-max scaling puts the fitted rows between 0 and 1', () => {
  fc.assert(
    fc.property(anyMatrix, (rows) => {
      for (const value of scaled(rows, 'min-max')) expect(Number.isNaN(value) || (value >= 0 && value <= 1)).toBe(true);
    }),
  );
  expect([...scaled(matrix(1, [[2], [NaN], [4], [3]]), 'min-max')]).toEqual([0, NaN, 1, 0.5]);
});

test.each(['standard', 'min-max'] as const)('a constant column is only centred, whatever its level (%s)', (kind) => {
  const rows = matrix(4, Array.from({ length: 1000 }, () => [0.1, 1e9 + 0.1, -7e15, NaN])); // prettier-ignore
  const { centre, scale } = fitScaling(rows, kind);
  expect(centre).toEqual([0.1, 1e9 + 0.1, -7e15, 0]);
  expect(scale).toEqual([1, 1, 1, 1]);
});

test.each(['standard', 'min-max'] as const)('rounding noise on a large level is a constant too (%s)', (kind) => {
  const rows = matrix(1, Array.from({ length: 100 }, (_, i) => [1e9 + (i % 2) * 2e-7])); // prettier-ignore
  expect(fitScaling(rows, kind).scale).toEqual([1]);
});

test('infinite values are left out of the fit', () => {
  expect(fitScaling(matrix(1, [[1], [Infinity], [3], [-Infinity]]), 'standard')).toEqual({
    kind: 'standard',
    centre: [2],
    scale: [1],
  });
});

test('a fit survives JSON bit for bit, and scaling can be undone in place', () => {
  fc.assert(
    fc.property(anyMatrix, fc.constantFrom('standard' as const, 'min-max' as const), (rows, kind) => {
      const scaling = fitScaling(rows, kind);
      const restored = JSON.parse(JSON.stringify(scaling)) as typeof scaling;
      expect(restored).toEqual(scaling);
      const [a, b] = [new Float64Array(rows.data.length), rows.data.slice()];
      applyScaling(scaling, rows.data, rows.rows, a);
      applyScaling(restored, b, rows.rows, b);
      expect(b).toEqual(a);
      invertScaling(restored, b, rows.rows, b);
      rows.data.forEach((value, i) => {
        if (Number.isNaN(value)) expect(b[i]).toBeNaN();
        else expect(Math.abs(b[i] - value)).toBeLessThanOrEqual(1e-15 * 4e6);
      });
    }),
  );
});

test('no rows give a scaling that changes nothing, short buffers are refused', () => {
  const scaling = fitScaling(matrix(2, []), 'standard');
  expect(scaling).toEqual({ kind: 'standard', centre: [0, 0], scale: [1, 1] });
  expect(() => applyScaling(scaling, new Float64Array(2), 1, new Float64Array(1))).toThrow(/^out holds 1 values/);
});
