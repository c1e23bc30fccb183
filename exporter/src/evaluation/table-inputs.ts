/**
 * A table of records (connections, flows, requests) as numbers that detectors can use. What a column is follows from its training values, or is given:
 *
 * - `linear`: as it is.
 * - `log`: amounts that span a factor, like bytes, durations, ports. ln(x) where every training value was positive, so that a value a hundred times too small
 *   is as far out as one a hundred times too large; log1p(x / unit) where zeros occurred, with the unit a small training value.
 * - `category`: text, and whole numbers that are codes (few values, each of them common). One 0/1 column for each common value, and one for every other value, which
 *   training rarely or never saw.
 *
 * For each pair of categories that depend on each other there is one column more, the surprise of the two values together beyond that of each: a flag that is common
 * and a protocol that is common can be an unheard-of combination. A missing number stays NaN; a missing text is a category of its own.
 */
import type { FeatureSpec, Matrix } from '../flow.ts';

export type TableColumn =
  | { readonly name: string; readonly numbers: Float64Array }
  | { readonly name: string; readonly texts: readonly string[] };

export type ColumnTreatment = 'linear' | 'log' | 'category';

export interface TableInputOptions {
  /** by column name, instead of what the training values suggest */
  readonly treatments?: Readonly<Record<string, ColumnTreatment>>;
}

interface NumberInput {
  readonly treatment: 'linear' | 'log';
  readonly name: string;
  /** log only: 0 = ln(max(x, floor)), else log1p(x / unit) */
  readonly unit: number;
  readonly floor: number;
}

interface CategoryInput {
  readonly treatment: 'category';
  readonly name: string;
  /** common values have a column each, most common first */
  readonly common: readonly string[];
  readonly counts: Readonly<Record<string, number>>;
}

/** Two categories and how often their values met, by `pairKey`. */
interface PairInput {
  readonly first: string;
  readonly second: string;
  readonly counts: Readonly<Record<string, number>>;
}

/** How a table becomes numbers: fitted on training rows, plain JSON. */
export interface TableInputs {
  readonly rows: number;
  readonly columns: readonly (NumberInput | CategoryInput)[];
  readonly pairs: readonly PairInput[];
}

/** A whole-number column is a code when it has at most this many values, ... */
const MOST_CODES = 16;
/** ... at least this many, because of two values one 0/1 column says all, ... */
const FEWEST_CODES = 3;
/** ... and each value occurs in at least this many rows on average. */
const ROWS_PER_CODE = 20;
/** A value has a column of its own when it occurs in this share of rows, ... */
const COMMON_SHARE = 0.001;
/** ... up to so many values. */
const MOST_COMMON = 64;
/** Deviations above chance from which two categories depend on each other. */
const DEPENDENT = 4;
/** Between the two values of a pair; texts hold none, because `textsOf` takes it out. */
const PAIR = '\u0000';
/** Pairs are made of the first so many categories. */
const MOST_PAIRED = 8;
/** Evidence of less than one nat that two values do not go together is none. */
const LEAST_SURPRISE = 1;
/** An amount spans a factor when its 99th percentile is this many times its 1st (of positive values). */
const SPAN = 3;

/** Throws without rows, on columns of different lengths or the same name, and on a treatment for a column that is not there or cannot have it. */
export function fitTableInputs(columns: readonly TableColumn[], options: TableInputOptions = {}): TableInputs {
  const rows = rowsOf(columns);
  if (rows === 0) throw new Error('there are no rows to learn the columns of the table from');
  const names = new Set(columns.map(({ name }) => name));
  if (names.size < columns.length) throw new Error('two columns of the table have the same name');
  for (const name of Object.keys(options.treatments ?? {})) {
    if (!names.has(name)) throw new Error(`there is no column "${name}" to treat; columns: ${[...names].join(', ')}`);
  }
  const inputs = columns.map((column) => fitColumn(column, options.treatments?.[column.name]));
  const categories = inputs.filter((input) => input.treatment === 'category').slice(0, MOST_PAIRED);
  const texts = new Map(categories.map(({ name }) => [name, textsOf(columnNamed(columns, name))]));
  const pairs = categories.flatMap((first, i) =>
    categories.slice(i + 1).flatMap((second): PairInput[] => {
      const other = texts.get(second.name)!;
      const counts = countsOf(texts.get(first.name)!.map((text, row) => pairKey(text, other[row])));
      return dependent(first.counts, second.counts, counts, rows)
        ? [{ first: first.name, second: second.name, counts }]
        : [];
    }),
  );
  return { rows, columns: inputs, pairs };
}

function fitColumn(column: TableColumn, given: ColumnTreatment | undefined): NumberInput | CategoryInput {
  const { name } = column;
  if ('texts' in column && given !== undefined && given !== 'category') {
    throw new Error(`column "${name}" holds text: it can only be a category, not ${given}`);
  }
  const treatment = given ?? ('texts' in column ? 'category' : suggested(column.numbers));
  if (treatment === 'category') {
    const texts = textsOf(column);
    const counts = countsOf(texts);
    const common = Object.keys(counts)
      .filter((text) => counts[text] >= Math.max(2, COMMON_SHARE * texts.length))
      .sort((a, b) => counts[b] - counts[a] || (a < b ? -1 : 1))
      .slice(0, MOST_COMMON);
    return { treatment, name, common, counts };
  }
  const positive =
    'numbers' in column
      ? finite(column.numbers)
          .filter((value) => value > 0)
          .sort()
      : new Float64Array(0);
  const zeros = 'numbers' in column && finite(column.numbers).length > positive.length;
  const small = positive.length > 0 ? positive[Math.floor(0.01 * (positive.length - 1))] : 1;
  return { treatment, name, unit: zeros ? small : 0, floor: (positive[0] ?? 1) / 1000 };
}

/**
 * Whether two categories go together more than by chance: the likelihood ratio statistic G of independence is further above its expectation under chance (chi-squared,
 * one a degree of freedom) than DEPENDENT deviations.
 */
function dependent(
  first: Readonly<Record<string, number>>,
  second: Readonly<Record<string, number>>,
  together: Readonly<Record<string, number>>,
  rows: number,
): boolean {
  const freedom = (Object.keys(first).length - 1) * (Object.keys(second).length - 1);
  let statistic = 0;
  for (const [key, count] of Object.entries(together)) {
    const [one, other] = key.split(PAIR);
    statistic += 2 * count * Math.log((count * rows) / (first[one] * second[other]));
  }
  return freedom > 0 && statistic > freedom + DEPENDENT * Math.sqrt(2 * freedom);
}

function suggested(numbers: Float64Array): ColumnTreatment {
  const values = finite(numbers);
  const distinct = new Set<number>();
  for (const value of values) {
    if (!Number.isInteger(value)) distinct.add(NaN);
    if (distinct.size <= MOST_CODES) distinct.add(value);
  }
  const codes = distinct.size;
  if (!distinct.has(NaN) && codes >= FEWEST_CODES && codes <= MOST_CODES && values.length >= ROWS_PER_CODE * codes) {
    return 'category';
  }
  const sorted = values.sort();
  // shares and states lie in 0..1: no factor to span
  if (!(sorted[0] >= 0) || !(sorted[sorted.length - 1] > 1)) return 'linear';
  const positive = sorted.filter((value) => value > 0);
  const quantile = (q: number) => positive[Math.round(q * (positive.length - 1))];
  return quantile(0.99) >= SPAN * quantile(0.01) ? 'log' : 'linear';
}

/** What a column of the encoded table came from: one column of the table, or two. */
export interface EncodedColumn {
  readonly name: string;
  readonly sources: readonly string[];
}

export function encodedColumns({ columns, pairs }: TableInputs): EncodedColumn[] {
  return [
    ...columns.flatMap((input): EncodedColumn[] => {
      const sources = [input.name];
      if (input.treatment !== 'category') return [{ name: input.name, sources }];
      const values = [...input.common.map((text) => `${input.name}=${text}`), `${input.name}=other`];
      return values.map((name) => ({ name, sources }));
    }),
    ...pairs.map(({ first, second }) => ({ name: `${first} and ${second} surprise`, sources: [first, second] })),
  ];
}

/** Detectors want a description of their columns; an encoded one is a plain number in model units already. */
export function encodedFeatures(inputs: TableInputs): FeatureSpec[] {
  return encodedColumns(inputs).map(({ name, sources }) => ({
    name,
    unit: 'count',
    help: `${name}, as detectors see it.`,
    kind: 'gauge',
    direction: 'both',
    transform: 'none',
    minimumDeviation: sources.length > 1 ? LEAST_SURPRISE : 0,
  }));
}

/** Rows as encoded columns. The table may have more columns and another order; throws when one is missing or is not of its kind. */
export function encodeTable(inputs: TableInputs, table: readonly TableColumn[]): Matrix {
  const rows = rowsOf(table);
  const columns = encodedColumns(inputs).length;
  const data = new Float64Array(rows * columns);
  let at = 0;
  for (const input of inputs.columns) {
    const column = columnNamed(table, input.name);
    if (input.treatment === 'category') {
      const texts = textsOf(column);
      const place = new Map(input.common.map((text, i) => [text, i]));
      const wide = input.common.length;
      for (let row = 0; row < rows; row++) data[row * columns + at + (place.get(texts[row]) ?? wide)] = 1;
      at += wide + 1;
    } else {
      if (!('numbers' in column)) throw new Error(`column "${input.name}" held numbers in training and holds text now`);
      for (let row = 0; row < rows; row++) data[row * columns + at] = scaled(input, column.numbers[row]);
      at++;
    }
  }
  for (const { first, second, counts } of inputs.pairs) {
    const left = textsOf(columnNamed(table, first));
    const right = textsOf(columnNamed(table, second));
    const surprise = pairSurpriseOf(counts, categoryNamed(inputs, first), categoryNamed(inputs, second), inputs.rows);
    for (let row = 0; row < rows; row++) data[row * columns + at] = surprise(left[row], right[row]);
    at++;
  }
  return { rows, columns, data };
}

/** Shares of encoded columns as shares of the table's columns, in the order of `inputs.columns`; a pair blames both halves alike. */
export function blameTableColumns(inputs: TableInputs, shares: Matrix): Matrix {
  const names = inputs.columns.map(({ name }) => name);
  const targets = encodedColumns(inputs).map(({ sources }) => sources.map((source) => names.indexOf(source)));
  const data = new Float64Array(shares.rows * names.length);
  for (let row = 0; row < shares.rows; row++) {
    targets.forEach((to, c) => {
      for (const column of to) data[row * names.length + column] += shares.data[row * shares.columns + c] / to.length;
    });
  }
  return { rows: shares.rows, columns: names.length, data };
}

function scaled({ treatment, unit, floor }: NumberInput, value: number): number {
  if (treatment === 'linear') return value;
  if (unit === 0) return Math.log(value > floor ? value : value === value ? floor : NaN);
  return value >= 0 ? Math.log1p(value / unit) : -Math.log1p(-value / unit);
}

/** -ln of the share of training rows with the value, one row added for every known value and for all unknown ones. */
function surpriseOf(counts: Readonly<Record<string, number>>, rows: number): (value: string) => number {
  const total = Math.log(rows + Object.keys(counts).length + 1);
  return (value) => total - Math.log((Object.hasOwn(counts, value) ? counts[value] : 0) + 1);
}

/**
 * -ln of how much more often the two values met in training than they would by chance, shrunk towards 1 by one row (the posterior mean of a Poisson rate with a gamma
 * prior, as in W. DuMouchel: Bayesian Data Mining in Large Frequency Tables, The American Statistician 53, 1999). Two values that are rare by themselves
 * tell nothing by not having met; two that are common do.
 */
function pairSurpriseOf(
  counts: Readonly<Record<string, number>>,
  first: CategoryInput,
  second: CategoryInput,
  rows: number,
): (one: string, other: string) => number {
  const one = surpriseOf(first.counts, rows);
  const other = surpriseOf(second.counts, rows);
  return (left, right) => {
    const key = pairKey(left, right);
    const met = Object.hasOwn(counts, key) ? counts[key] : 0;
    return Math.log((rows * Math.exp(-one(left) - other(right)) + 1) / (met + 1));
  };
}

function countsOf(texts: readonly string[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return Object.fromEntries(counts);
}

function pairKey(one: string, other: string): string {
  return one + PAIR + other;
}

function textsOf(column: TableColumn): readonly string[] {
  if ('texts' in column) return column.texts.map((text) => (text.includes(PAIR) ? text.replaceAll(PAIR, ' ') : text));
  return Array.from(column.numbers, (value) => (value === value ? String(value) : ''));
}

function categoryNamed({ columns }: TableInputs, name: string): CategoryInput {
  return columns.find((input): input is CategoryInput => input.treatment === 'category' && input.name === name)!;
}

function finite(numbers: Float64Array): Float64Array {
  return numbers.filter((value) => Number.isFinite(value));
}

function columnNamed(table: readonly TableColumn[], name: string): TableColumn {
  const column = table.find((candidate) => candidate.name === name);
  if (!column) {
    throw new Error(
      `the table has no column "${name}"; columns: ${table.map((candidate) => candidate.name).join(', ')}`,
    );
  }
  return column;
}

function rowsOf(columns: readonly TableColumn[]): number {
  const lengths = columns.map((column) => ('texts' in column ? column.texts.length : column.numbers.length));
  if (lengths.some((length) => length !== lengths[0])) {
    throw new Error(`the columns of the table have different lengths: ${lengths.join(', ')}`);
  }
  return lengths[0] ?? 0;
}
