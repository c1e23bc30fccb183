/** How the values of a column are spread over normal and over anomalous rows, in the same bins. */
import type { ColumnTreatment } from '../table-inputs.ts';
import type { TableRows } from '../table-rows.ts';
import { quantile } from '../table-encoder.ts';

export interface Spread {
  /** rows with a value */
  readonly count: number;
  /** share of these rows in each bin */
  readonly shares: readonly number[];
}

export interface NumberBins {
  readonly kind: 'number';
  /** bins have the same width in the values, or in their logarithm */
  readonly logarithmic: boolean;
  /** one more than there are bins, rising */
  readonly edges: readonly number[];
  /** values lie outside of the edges, in the first and last bin */
  readonly below: boolean;
  readonly above: boolean;
  readonly normal: Spread;
  readonly anomalous: Spread;
}

export interface TextBins {
  readonly kind: 'text';
  /** the most frequent in either group, then `undefined` for all others where there are any */
  readonly texts: readonly (string | undefined)[];
  readonly normal: Spread;
  readonly anomalous: Spread;
}

const BINS = 28;
const MOST_TEXTS = 8;
/** Values that span this factor are shown by their logarithm. */
const LOG_SPAN = 10;
/** of each group that lies outside of the edges, on either side */
const OUTSIDE = 0.01;

/** `anomalous` says which group a row is in; undefined = none. Undefined where no row has a value. */
export function columnBins(
  rows: TableRows,
  feature: number,
  treatment: ColumnTreatment | undefined,
  anomalous: (row: number) => boolean | undefined,
): NumberBins | TextBins | undefined {
  const { features, values } = rows;
  const groups: [number[], number[]] = [[], []];
  for (let row = 0; row < rows.rows; row++) {
    const value = values[row * features.length + feature];
    const group = anomalous(row);
    if (value - value === 0 && group !== undefined) groups[group ? 1 : 0].push(value);
  }
  if (groups[0].length + groups[1].length === 0) return undefined;
  const text = features[feature].kind === 'category';
  if (text) return textBins(groups, (code) => rows.categories[feature][code]);
  if (treatment === 'category') return textBins(groups, String);
  return numberBins(groups);
}

function numberBins([normal, anomalous]: readonly [number[], number[]]): NumberBins {
  const sorted = [normal, anomalous].filter(({ length }) => length > 0).map((group) => Float64Array.from(group).sort());
  const lowest = Math.min(...sorted.map((group) => group[0]));
  const highest = Math.max(...sorted.map((group) => group[group.length - 1]));
  let from = Math.min(...sorted.map((group) => quantile(group, OUTSIDE)));
  let to = Math.max(...sorted.map((group) => quantile(group, 1 - OUTSIDE)));
  if (!(to > from)) [from, to] = lowest < highest ? [lowest, highest] : [from - 0.5, from + 0.5];
  const logarithmic = from > 0 && to / from > LOG_SPAN;
  const place = (value: number) =>
    logarithmic ? Math.log(value / from) / Math.log(to / from) : (value - from) / (to - from);
  const spread = (group: readonly number[]): Spread => {
    const shares = new Array<number>(BINS).fill(0);
    for (const value of group) {
      // a logarithm of what is not above 0 is no number: the first bin
      const bin = Math.floor(place(value) * BINS);
      shares[bin > 0 ? Math.min(BINS - 1, bin) : 0] += 1 / group.length;
    }
    return { count: group.length, shares };
  };
  const edges = Array.from({ length: BINS + 1 }, (_, bin) =>
    logarithmic ? from * (to / from) ** (bin / BINS) : from + (bin / BINS) * (to - from),
  );
  return {
    kind: 'number',
    logarithmic,
    edges,
    below: lowest < from,
    above: highest > to,
    normal: spread(normal),
    anomalous: spread(anomalous),
  };
}

function textBins([normal, anomalous]: readonly [number[], number[]], textOf: (code: number) => string): TextBins {
  const countsOf = (group: readonly number[]) => {
    const counts = new Map<number, number>();
    for (const code of group) counts.set(code, (counts.get(code) ?? 0) + 1 / group.length);
    return counts;
  };
  const shares = [countsOf(normal), countsOf(anomalous)];
  const share = (code: number) => Math.max(...shares.map((group) => group.get(code) ?? 0));
  const codes = [...new Set([...shares[0].keys(), ...shares[1].keys()])].sort((a, b) => share(b) - share(a) || a - b);
  const shown = codes.slice(0, codes.length > MOST_TEXTS ? MOST_TEXTS - 1 : MOST_TEXTS);
  const spread = (group: Map<number, number>, count: number): Spread => {
    const own = shown.map((code) => group.get(code) ?? 0);
    const rest = codes.slice(shown.length).reduce((sum, code) => sum + (group.get(code) ?? 0), 0);
    return { count, shares: codes.length > shown.length ? [...own, rest] : own };
  };
  return {
    kind: 'text',
    texts: [...shown.map(textOf), ...(codes.length > shown.length ? [undefined] : [])],
    normal: spread(shares[0], normal.length),
    anomalous: spread(shares[1], anomalous.length),
  };
}
