import type { Transform } from '../features/transform.ts';
import type { Detector, Expectation, Matrix, Model, Rows, Schema } from '../flow.ts';

/** Rows of one entity, the last of which is asked about. */
export interface AskedRows {
  readonly rows: Rows;
  readonly wanted: Uint8Array;
  readonly last: Int32Array;
}

/**
 * What a detector expected of the last row, by feature in natural units. `original` turns a column's value back from an entity's own scale, where the model
 * works on that. Columns that are peaks of a feature are left out.
 */
export function expectationOf(
  detector: Detector,
  model: Model,
  { rows, wanted, last }: AskedRows,
  schema: Schema,
  transform: Transform,
  original: (column: number, value: number) => number = (_, value) => value,
): Expectation {
  const { columns } = rows.values;
  const [value, lower, upper] = [0, 0, 0].map(() => matrixOf(rows.values.rows, columns));
  detector.expected!(model, rows, value, lower, upper, wanted);
  const from = last[0] * columns;
  const natural = (matrix: Matrix): Float64Array => {
    const row = matrix.data.subarray(from, from + columns).map((each, column) => original(column, each));
    transform.inverse(row, 1, row);
    // the step's own columns come first, in the order of the features
    return row.slice(0, schema.features.length);
  };
  const expectation = {
    detector: detector.name,
    value: natural(value),
    lower: natural(lower),
    upper: natural(upper),
  };
  schema.features.forEach(({ range }, f) => {
    if (!range) return;
    for (const each of [expectation.value, expectation.lower, expectation.upper])
      each[f] = Math.min(range[1], Math.max(range[0], each[f]));
  });
  return expectation;
}

function matrixOf(rows: number, columns: number): Matrix {
  return { rows, columns, data: new Float64Array(rows * columns).fill(NaN) };
}
