/** The linear detectors against their definition in numpy (test/fixtures/conditional/definition.py), on seeded rows. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Detector, Rows } from '../flow.ts';
import { conditional } from './conditional.ts';
import { asRows, sliceRows, specs } from './conformance-data.ts';
import { pca } from './pca.ts';
import { vectorAutoregression } from './var.ts';

interface Expected {
  readonly score: number[];
  readonly expected: number[];
  readonly band: number[];
}
interface Parity {
  readonly train: number;
  readonly rowsPerDay: number;
  readonly columns: number;
  readonly values: number[];
  readonly conditional: Expected;
  readonly var: Expected;
  readonly pca: number[];
}

const { train, rowsPerDay, columns, values, ...wanted } = JSON.parse(
  readFileSync(resolve(__dirname, '../../test/fixtures/conditional/parity.json'), 'utf8'),
) as Parity;

/** The phase of the day at which the rows begin must not matter. */
const rows: Rows = {
  ...asRows(Float64Array.from(values), columns),
  time: Float64Array.from(
    { length: values.length / columns },
    (_, r) => Date.UTC(2026, 0, 1, 7, 12) + (r * 86_400_000) / rowsPerDay,
  ),
};

function fitted(detector: Detector) {
  return detector.fit(sliceRows(rows, 0, train), { seed: 1, features: specs(columns), rowsPerDay });
}

function close(actual: ArrayLike<number>, expected: readonly number[], tolerance: number): void {
  expect(actual.length).toBe(expected.length);
  expected.forEach((value, i) => {
    const error = Math.abs(actual[i] - value) / (1 + Math.abs(value));
    if (!(error <= tolerance)) throw new Error(`number ${i} is ${actual[i]} instead of ${value}`);
  });
}

describe.each<[string, Detector, Expected]>([
  ['conditional', conditional() as Detector, wanted.conditional],
  ['var', vectorAutoregression() as Detector, wanted.var],
])('the detector %s and its definition', (_, detector, { score, expected, band }) => {
  const model = fitted(detector);
  const count = rows.values.rows;

  it('give the same scores', () => {
    const out = new Float64Array(count);
    detector.score(model, rows, out);
    close(out, score, 1e-9);
    expect(Math.max(...out)).toBeGreaterThan(5);
  });

  it('expect the same values, with the same band', () => {
    const matrix = () => ({ rows: count, columns, data: new Float64Array(count * columns) });
    const [value, lower, upper] = [matrix(), matrix(), matrix()];
    detector.expected?.(model, rows, value, lower, upper);
    close(value.data.subarray(value.data.length - expected.length), expected, 1e-9);
    close(
      upper.data.subarray(0, columns).map((x, f) => (x - lower.data[f]) / 2),
      band,
      1e-9,
    );
  });
});

describe('the detector pca and its definition', () => {
  it('give the same scores, to the precision of its float32 inputs', () => {
    const detector = pca({ inputs: 'level', error: 'raw' }) as Detector;
    const out = new Float64Array(rows.values.rows);
    detector.score(fitted(detector), rows, out);
    close(out, wanted.pca, 1e-5);
  });
});
