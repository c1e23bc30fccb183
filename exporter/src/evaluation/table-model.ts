/** Fitted detectors of a table with everything that scoring other rows needs: how columns are encoded, thresholds, and how the detectors become one score. */
import type { EnsembleOptions } from '../decision/options.ts';
import { combination, combine, type Combination } from '../decision/ensemble.ts';
import type { Detector, Matrix, Model, Rows } from '../flow.ts';
import { pick, withContext } from '../training/row-masks.ts';
import type { TableEncoder } from './table-encoder.ts';
import { blameTableColumns } from './table-inputs.ts';
import { tailSurprise, type TailSurprise } from './tail-surprise.ts';

/** How rows belong together. */
export interface TableOrder {
  /** false: every row stands by itself */
  readonly series: boolean;
  /** columns of the table; null = none */
  readonly time: string | null;
  readonly entity: string | null;
  /** ms between rows of a series; null = unknown */
  readonly intervalMs: number | null;
}

export interface TableMember {
  readonly name: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly detector: Detector;
  readonly model: Model;
  /** raw score at which the calibrated score is 1 */
  readonly threshold: number;
  /** raw score of a usual row, > 0 */
  readonly meanScore: number;
  /** of raw scores of unseen rows */
  readonly tail: TailSurprise;
}

export interface TableModel {
  readonly order: TableOrder;
  readonly encoder: TableEncoder;
  readonly members: readonly TableMember[];
  readonly ensemble: EnsembleOptions;
  /** raw score of the ensemble at which its calibrated score is 1; NaN with one member, which is its own ensemble */
  readonly ensembleThreshold: number;
  /** share of the calibration rows taken to be anomalous */
  readonly contamination: number;
}

/** One number a row and detector, 1 = threshold; NaN = no score. */
export interface TableScores {
  readonly members: readonly Float64Array[];
  readonly ensemble: Float64Array;
}

export const EXPLAIN_FROM = 0.5;

/** Scores encoded rows; `wanted` as in `Detector.score`. */
export function scoreTable(model: TableModel, rows: Rows, wanted?: Uint8Array): TableScores {
  const raw = model.members.map(({ detector, model: fitted }) => {
    const scores = new Float64Array(rows.values.rows).fill(NaN);
    detector.score(fitted, rows, scores, wanted);
    return scores;
  });
  return calibrate(model, raw);
}

/** Raw scores of the members in units of their thresholds, and the ensemble's. */
export function calibrate(
  model: Pick<TableModel, 'members' | 'ensemble' | 'ensembleThreshold' | 'order'>,
  raw: readonly Float64Array[],
): TableScores {
  const members = raw.map((scores, m) => scores.map((score) => score / model.members[m].threshold));
  if (members.length === 1) return { members, ensemble: members[0].slice() };
  const ensemble = combineRows(model, raw).map((score) => score / model.ensembleThreshold);
  return { members, ensemble };
}

/**
 * A raw score in units that members share: in a series the raw score over its mean, as the exporter has it; of rows by themselves how surprising the score is
 * (`tail-surprise.ts`). There the detectors differ much more in how their scores are spread (a forest stays within .4 to .7, an autoencoder's errors span four
 * decades), and a mean of ratios would be the autoencoder's opinion.
 */
export function relativeScore(member: TableMember, { series }: TableOrder, raw: number): number {
  return series ? raw / member.meanScore : tailSurprise(member.tail, raw);
}

/** Raw scores of the ensemble; a member without a score is left out of that row, NaN when none has one. */
export function combineRows(
  { members, ensemble, order }: Pick<TableModel, 'members' | 'ensemble' | 'order'>,
  raw: readonly Float64Array[],
): Float64Array {
  const combined = membership(ensemble, members);
  const relative = new Float64Array(members.length);
  const calibrated = new Float64Array(members.length);
  return Float64Array.from({ length: raw[0].length }, (_, row) => {
    let use = 0;
    for (let m = 0; m < members.length; m++) {
      const score = raw[m][row];
      relative[m] = relativeScore(members[m], order, score);
      calibrated[m] = score / members[m].threshold;
      if (combined.weights[m] > 0 && score === score) use |= 1 << m;
    }
    return use === 0 ? NaN : combine(combined, use, relative, 0, calibrated);
  });
}

/** Weights of the members, 0 = shown beside the ensemble only. */
export function membership(options: EnsembleOptions, members: readonly { readonly name: string }[]): Combination {
  return combination(
    options,
    members.map(({ name }) => name),
  );
}

/**
 * What each feature of the table did to the ensemble's score, as shares that add up to 1 (all 0 where nobody can tell): the members' contributions in
 * proportion to their weight and their scores. One row of the result for each wanted row, in order; a column for each feature.
 */
export function explainTable(model: TableModel, rows: Rows, scores: TableScores, wanted: Uint8Array): Matrix {
  const features = model.encoder.features.length;
  const history = Math.max(...model.members.map(({ detector }) => detector.history));
  const chosen = withContext(wanted, rows, history);
  const some = pick(rows, chosen);
  // the wanted rows: where they are, and where they are among the chosen ones
  const places = [...wanted.keys()].filter((row) => wanted[row] === 1);
  const among = [...chosen.keys()]
    .filter((row) => chosen[row] === 1)
    .flatMap((row, i) => (wanted[row] === 1 ? [i] : []));
  const data = new Float64Array(places.length * features);
  const { weights } = membership(model.ensemble, model.members);
  const shares: Matrix = {
    rows: some.values.rows,
    columns: some.values.columns,
    data: new Float64Array(some.values.data.length),
  };
  model.members.forEach((member, m) => {
    const { detector, model: fitted, threshold } = member;
    if (!(weights[m] > 0) || !detector.contributions) return;
    detector.contributions(fitted, some, shares);
    const blame = blameTableColumns(model.encoder.inputs, shares);
    places.forEach((row, i) => {
      const part = weights[m] * relativeScore(member, model.order, threshold * scores.members[m][row]);
      if (!(part > 0)) return;
      for (let f = 0; f < features; f++) data[i * features + f] += part * blame.data[among[i] * features + f];
    });
  });
  for (let i = 0; i < places.length; i++) {
    const own = data.subarray(i * features, (i + 1) * features);
    const sum = own.reduce((total, share) => total + share, 0);
    if (sum > 0) for (let f = 0; f < features; f++) own[f] /= sum;
  }
  return { rows: places.length, columns: features, data };
}

export interface FeatureShare {
  readonly feature: string;
  readonly share: number;
}

/** The features with the largest shares of one row, largest first; shares below 5 % say nothing. */
export function topFeatures(model: TableModel, explained: Matrix, row: number, most: number): FeatureShare[] {
  return model.encoder.features
    .map(({ name }, f) => ({ feature: name, share: explained.data[row * explained.columns + f] }))
    .filter(({ share }) => share >= 0.05)
    .sort((a, b) => b.share - a.share)
    .slice(0, most);
}
