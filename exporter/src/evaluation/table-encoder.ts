/**
 * From the cells of a row to what detectors see: the columns of `table-inputs.ts`, and a scaler behind them when one is chosen. Plain JSON, saved with the model.
 */
import type { FeatureSpec } from '../flow.ts';
import { isEmpty, parseNumber, type Cell } from '../sources/csv/cells.ts';
import { shown, TableError } from '../sources/csv/table-error.ts';
import { skipHint } from '../sources/csv/table-reader.ts';
import { encodedColumns, encodedFeatures, encodeTable, type TableColumn, type TableInputs } from './table-inputs.ts';
import type { FeatureColumn } from './table-layout.ts';

/** `none` leaves it to the detectors, each of which standardises what it needs standardised. */
export const SCALERS = ['standard', 'minmax', 'robust', 'none'] as const;
export type Scaler = (typeof SCALERS)[number];

export interface TableEncoder {
  /** columns of the table, in the order of `inputs.columns` */
  readonly features: readonly { readonly name: string; readonly kind: FeatureColumn['kind'] }[];
  readonly inputs: TableInputs;
  readonly scaler: Scaler;
  /** one number an encoded column: (value - centre) / scale; empty without a scaler */
  readonly centre: readonly number[];
  /** > 0 */
  readonly scale: readonly number[];
}

export function encodedWidth({ inputs }: TableEncoder): number {
  return encodedColumns(inputs).length;
}

/** The encoded columns as detectors know features. */
export function featureSpecs({ inputs }: TableEncoder): FeatureSpec[] {
  return encodedFeatures(inputs);
}

/** Rows x encoded columns. `columns` in the order of `features`. */
export function encode({ inputs, centre, scale }: TableEncoder, columns: readonly TableColumn[]): Float64Array {
  const { data, columns: width } = encodeTable(inputs, columns);
  if (scale.length === 0) return data;
  for (let i = 0, c = 0; i < data.length; i++) {
    data[i] = (data[i] - centre[c]) / scale[c];
    if (++c === width) c = 0;
  }
  return data;
}

/** The encoder with a scaler fitted on some rows. Infinite and missing values count for nothing; a constant column is only centred. */
export function withScaler(encoder: TableEncoder, scaler: Scaler, columns: readonly TableColumn[]): TableEncoder {
  if (scaler === 'none') return encoder;
  const width = encodedWidth(encoder);
  const data = encode(encoder, columns);
  const centre: number[] = [];
  const scale: number[] = [];
  for (let c = 0; c < width; c++) {
    const values = Float64Array.from({ length: data.length / width }, (_, row) => data[row * width + c])
      .filter((value) => value - value === 0)
      .sort();
    const [middle, spread] = values.length === 0 ? [0, 1] : CENTRES[scaler](values);
    centre.push(middle + 0);
    scale.push(spread > 1e-12 * Math.max(1, Math.abs(middle)) ? spread : 1);
  }
  return { ...encoder, scaler, centre, scale };
}

/** Centre and spread of sorted values. */
const CENTRES: Record<Exclude<Scaler, 'none'>, (sorted: Float64Array) => [number, number]> = {
  standard(sorted) {
    const level = sorted[0];
    const mean = sorted.reduce((sum, value) => sum + (value - level), 0) / sorted.length;
    const squares = sorted.reduce((sum, value) => sum + (value - level - mean) ** 2, 0);
    return [level + mean, Math.sqrt(squares / sorted.length)];
  },
  minmax: (sorted) => [sorted[0], sorted[sorted.length - 1] - sorted[0]],
  robust: (sorted) => [quantile(sorted, 0.5), quantile(sorted, 0.75) - quantile(sorted, 0.25)],
};

/** Of sorted values, between the two that are nearest. */
export function quantile(sorted: ArrayLike<number>, q: number): number {
  const at = q * (sorted.length - 1);
  const below = Math.floor(at);
  const above = Math.min(sorted.length - 1, below + 1);
  return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
}

/** A cell of a number feature, NaN = missing. Throws a `TableError` for text. */
export function numberCell(cell: Cell, file: string, line: number, column: string): number {
  const value = parseNumber(cell);
  if (value !== undefined) return value;
  throw new TableError(
    file,
    `${shown(String(cell))} is not a number, as the values of this column are; --categories ${column} reads the column as text, --exclude ${column} leaves it out${skipHint(',')}`,
    { line, column },
  );
}

/** A cell of a text feature; the empty text is missing. */
export function textCell(cell: Cell): string {
  return isEmpty(cell) ? '' : String(cell).trim();
}
