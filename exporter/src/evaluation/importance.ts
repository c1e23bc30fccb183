/**
 * Permutation importance (L. Breiman: Random Forests, Machine Learning 45, 2001; for any model: A. Fisher, C. Rudin, F. Dominici, JMLR 20, 2019): how much worse the scores become
 * when the values of one column are shuffled among the rows. With labels that is the loss of average precision, without the mean change of the score.
 *
 * In a series a column is shifted around by a random number of rows instead: it keeps its own course and loses its relation to the other columns and to the labels. Shuffled
 * values would jump at every row and make any column important.
 *
 * Limits: of two columns that tell the same, either seems dispensable. The rows are a sample, and of wide tables only some columns are asked for.
 */
import { seededRandom, type Random } from '../random.ts';
import { withContext } from '../training/row-masks.ts';
import { importanceScorer, type ComposedRows, type ScorerEvidence } from './importance-scorer.ts';
import { averagePrecision, rank } from './quality-metrics-ranking.ts';

export interface FeatureImportance {
  readonly feature: string;
  /** mean loss over the shuffles, and its range; below 0 by chance only */
  readonly mean: number;
  readonly lowest: number;
  readonly highest: number;
}

export interface PermutationImportance {
  /**
   * loss of average precision; or, without labels and where the scores order labelled rows no better than chance, mean change of the score (a score above 3 counts as 3: further
   * out says no more)
   */
  readonly measure: 'average precision' | 'score';
  /** average precision of the sample before anything is shuffled; NaN without labels of both kinds */
  readonly base: number;
  /** rows of the sample, and how many of them are labelled anomalous */
  readonly rows: number;
  readonly anomalous: number;
  readonly repeats: number;
  /** most important first */
  readonly features: readonly FeatureImportance[];
}

export interface ImportanceOptions {
  readonly seed: number;
  /** columns of the table to ask for, by place; those that come first are kept when there are too many */
  readonly features: readonly number[];
  onProgress?(share: number): void;
}

export const MOST_SHUFFLED = 30;
const REPEATS = 3;
/** Rows that are scored over all columns and shuffles, at least and at most for one. */
const ROWS_BUDGET = 60_000;
const FEWEST_ROWS = 300;
const MOST_ROWS = 2000;
const BLOCKS = 8;
/** of a sample of single rows that are anomalous, at most */
const ANOMALOUS_SHARE = 0.25;
const HIGHEST_SCORE = 3;

/** Seeded: the same seed, the same figures. */
export function permutationImportance(
  evidence: ScorerEvidence,
  { seed, features, onProgress }: ImportanceOptions,
): PermutationImportance {
  const { table, encoded, model } = evidence;
  const { series } = model.order;
  const scorer = importanceScorer(evidence);
  const random = seededRandom(seed, 4);
  const asked = features.slice(0, MOST_SHUFFLED);
  const most = Math.min(
    MOST_ROWS,
    Math.max(FEWEST_ROWS, Math.floor(ROWS_BUDGET / (REPEATS * Math.max(1, asked.length)))),
  );
  const sample = series
    ? sampledBlocks(table.rows, table.labels, most)
    : sampledRows(table.rows, table.labels, most, random);
  const used = withContext(sample, encoded, scorer.context);
  const places = [...used.keys()].filter((row) => used[row] === 1);
  const rows = composedOf(evidence, places, sample);
  const labels = places.map((row) => (sample[row] === 1 && table.labels ? table.labels[row] : NaN));
  const judged = [...labels.keys()].filter((i) => labels[i] === labels[i]);
  const truth = judged.map((i) => labels[i]);
  const anomalous = truth.filter((label) => label === 1).length;
  const precisionOf = (scores: Float64Array) =>
    averagePrecision(
      rank(
        truth,
        judged.map((i) => scores[i]),
      ),
    );
  const before = scorer.score(rows);
  const base = anomalous > 0 && anomalous < truth.length ? precisionOf(before) : NaN;
  // what is no better than chance has nothing to lose
  const ranked = base > anomalous / truth.length;
  const lossOf = (scores: Float64Array) => (ranked ? base - precisionOf(scores) : meanChange(before, scores));

  const width = table.features.length;
  const found = asked.map((feature, done): FeatureImportance => {
    const own = Float64Array.from(places, (_, i) => rows.values[i * width + feature]);
    const losses = Array.from({ length: REPEATS }, (_, repeat) => {
      const order = series ? shifted(places.length, random) : shuffled(places.length, random);
      const values = rows.values.slice();
      for (let i = 0; i < order.length; i++) values[i * width + feature] = own[order[i]];
      const loss = lossOf(scorer.score({ ...rows, values }));
      onProgress?.((done + (repeat + 1) / REPEATS) / asked.length);
      return loss;
    });
    return {
      feature: table.features[feature].name,
      mean: losses.reduce((sum, loss) => sum + loss / REPEATS, 0),
      lowest: Math.min(...losses),
      highest: Math.max(...losses),
    };
  });
  return {
    measure: ranked ? 'average precision' : 'score',
    base,
    rows: sample.reduce((sum, chosen) => sum + chosen, 0),
    anomalous,
    repeats: REPEATS,
    features: found.sort((a, b) => b.mean - a.mean),
  };
}

function composedOf({ table, encoded }: ScorerEvidence, places: readonly number[], sample: Uint8Array): ComposedRows {
  const width = table.features.length;
  const values = new Float64Array(places.length * width);
  const segment = new Int32Array(places.length);
  places.forEach((row, i) => {
    values.set(table.values.subarray(row * width, (row + 1) * width), i * width);
    const follows = i > 0 && places[i - 1] === row - 1 && encoded.segment[row - 1] === encoded.segment[row];
    segment[i] = i === 0 ? 0 : segment[i - 1] + (follows ? 0 : 1);
  });
  return {
    values,
    segment,
    time: Float64Array.from(places, (row) => encoded.time[row]),
    wanted: Uint8Array.from(places, (row) => sample[row]),
    judgedAs: Int32Array.from(places),
  };
}

/** At random; of rare anomalous rows as many as a share of the sample allows. */
function sampledRows(rows: number, labels: Float64Array | undefined, most: number, random: Random): Uint8Array {
  if (rows <= most) return new Uint8Array(rows).fill(1);
  const sample = new Uint8Array(rows);
  const order = shuffled(rows, random);
  const anomalous = labels ? [...order].filter((row) => labels[row] === 1) : [];
  for (const row of anomalous.slice(0, Math.floor(ANOMALOUS_SHARE * most))) sample[row] = 1;
  let left = most - Math.min(anomalous.length, Math.floor(ANOMALOUS_SHARE * most));
  for (const row of order) {
    if (left === 0) break;
    if (labels?.[row] === 1) continue;
    sample[row] = 1;
    left--;
  }
  return sample;
}

/** Some stretches of a series: half of them around anomalous rows where there are any, the others evenly spread. */
function sampledBlocks(rows: number, labels: Float64Array | undefined, most: number): Uint8Array {
  if (rows <= most) return new Uint8Array(rows).fill(1);
  const sample = new Uint8Array(rows);
  const length = Math.floor(most / BLOCKS);
  const anomalous = labels ? [...labels.keys()].filter((row) => labels[row] === 1) : [];
  const around = anomalous.length > 0 ? BLOCKS / 2 : 0;
  const starts = [
    ...Array.from({ length: around }, (_, b) => {
      const middle = anomalous[Math.floor(((b + 0.5) / around) * anomalous.length)];
      return middle - Math.floor(length / 2);
    }),
    ...Array.from({ length: BLOCKS - around }, (_, b) => Math.floor((b / (BLOCKS - around)) * rows)),
  ];
  for (const start of starts) {
    const from = Math.max(0, Math.min(rows - length, start));
    sample.fill(1, from, from + length);
  }
  return sample;
}

function shuffled(length: number, random: Random): Int32Array {
  const order = Int32Array.from({ length }, (_, i) => i);
  for (let i = length - 1; i > 0; i--) {
    const other = random.below(i + 1);
    [order[i], order[other]] = [order[other], order[i]];
  }
  return order;
}

/** Around the end, by a tenth of the rows at least, so that no column stays where it was. */
function shifted(length: number, random: Random): Int32Array {
  const by = Math.min(length - 1, Math.round(length * random.between(0.1, 0.9)));
  return Int32Array.from({ length }, (_, i) => (i + by) % length);
}

function meanChange(before: Float64Array, after: Float64Array): number {
  let sum = 0;
  let count = 0;
  for (let i = 0; i < before.length; i++) {
    if (before[i] !== before[i]) continue;
    sum += Math.abs(Math.min(HIGHEST_SCORE, after[i]) - Math.min(HIGHEST_SCORE, before[i]));
    count++;
  }
  return count === 0 ? 0 : sum / count;
}
