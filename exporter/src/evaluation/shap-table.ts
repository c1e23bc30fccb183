/**
 * SHAP values of rows of a table: how many units of the ensemble's score each column is worth in a row, against normal rows. A column that has not joined has the value of a normal
 * row; in a series it has that row's course over all rows that the score looks back on.
 *
 * Bounded work: the columns with the largest shares are players of their own and the others one together, and there are as many normal rows as the budget allows.
 * The score is the one that the row was judged by.
 */
import { seededRandom } from '../random.ts';
import { importanceScorer, type ScorerEvidence } from './importance-scorer.ts';
import { coalitionsOf, sampledShap } from './shap.ts';
import type { TableScores } from './table-model.ts';

export interface ShapValue {
  /** a column of the table; undefined = all other columns together */
  readonly feature: string | undefined;
  /** in units of the score; below 0: the value speaks for a normal row */
  readonly value: number;
  /** standard error by sampling */
  readonly error: number;
}

export interface ShapRow {
  /** place among the judged rows */
  readonly place: number;
  /** of the whole row, as it was judged; `base` and all values add up to it */
  readonly score: number;
  /** mean score of the background rows */
  readonly base: number;
  /** in the order of `TableShap.features`, the other columns last */
  readonly values: readonly ShapValue[];
}

export interface TableShap {
  /** columns with a value of their own */
  readonly features: readonly string[];
  /** columns that have one value together */
  readonly others: number;
  /** normal rows that rows are compared with */
  readonly background: number;
  readonly rows: readonly ShapRow[];
}

export interface TableShapOptions {
  readonly seed: number;
  /** rows to explain, places among the judged rows */
  readonly places: readonly number[];
  /** columns by place, those with a value of their own first */
  readonly features: readonly number[];
  onProgress?(share: number): void;
}

export const MOST_PLAYERS = 24;
const MOST_BACKGROUND = 50;
const FEWEST_BACKGROUND = 4;
/** Rows put together for one explained row, context included. */
const ROWS_BUDGET = 100_000;
/** Numbers put together at once, 16 MB. */
const MOST_NUMBERS = 2_000_000;

/** Seeded: the same seed, the same values. */
export function tableShap(
  evidence: ScorerEvidence & { readonly scores: TableScores },
  { seed, places, features, onProgress }: TableShapOptions,
): TableShap {
  const { table, encoded } = evidence;
  const scorer = importanceScorer(evidence);
  const width = table.features.length;
  const own = features.slice(0, features.length > MOST_PLAYERS ? MOST_PLAYERS - 1 : MOST_PLAYERS);
  const others = Array.from({ length: width }, (_, f) => f).filter((f) => !own.includes(f));
  const groups = [...own.map((f) => [f]), ...(others.length > 0 ? [others] : [])];
  const window = scorer.context + 1;
  const background = backgroundOf(evidence, Math.floor(ROWS_BUDGET / (coalitionsOf(groups.length, 1) * window)), seed);

  const explained = places.map((place, done): ShapRow => {
    const start = windowStart(encoded.segment, place, scorer.context);
    const length = place - start + 1;
    const starts = background.map((row) => windowStart(encoded.segment, row, length - 1));
    const perBatch = Math.max(1, Math.floor(MOST_NUMBERS / (length * width)));
    const value = (joined: Uint8Array, rows: Int32Array): Float64Array => {
      const worth = new Float64Array(rows.length);
      for (let from = 0; from < rows.length; from += perBatch) {
        const count = Math.min(perBatch, rows.length - from);
        const values = new Float64Array(count * length * width);
        const time = new Float64Array(count * length);
        const segment = new Int32Array(count * length);
        const wanted = new Uint8Array(count * length);
        for (let c = 0; c < count; c++) {
          const b = rows[from + c];
          const missing = length - (background[b] - starts[b] + 1);
          for (let back = 0; back < length; back++) {
            const at = c * length + back;
            time[at] = encoded.time[start + back];
            segment[at] = c;
            // a background row with a shorter past stands behind copies of its first row
            const other = starts[b] + Math.max(0, back - missing);
            for (let player = 0; player < groups.length; player++) {
              const source = joined[(from + c) * groups.length + player] === 1 ? start + back : other;
              for (const f of groups[player]) values[at * width + f] = table.values[source * width + f];
            }
          }
          wanted[(c + 1) * length - 1] = 1;
        }
        const judgedAs = new Int32Array(wanted.length).fill(place);
        const scores = scorer.score({ values, time, segment, wanted, judgedAs });
        for (let c = 0; c < count; c++) worth[from + c] = scores[(c + 1) * length - 1];
      }
      return worth;
    };
    const { values, errors, base, full } = sampledShap({
      players: groups.length,
      background: background.length,
      seed,
      value,
    });
    onProgress?.((done + 1) / places.length);
    return {
      place,
      score: full,
      base,
      values: groups.map((_, player) => ({
        feature: player < own.length ? table.features[own[player]].name : undefined,
        value: values[player],
        error: errors[player],
      })),
    };
  });
  return {
    features: own.map((f) => table.features[f].name),
    others: others.length,
    background: background.length,
    rows: explained,
  };
}

/** Normal rows at random: labelled so, or below the threshold where there are no labels; any rows where there are none. */
function backgroundOf(
  { table: { labels, rows }, scores }: ScorerEvidence & { readonly scores: TableScores },
  affordable: number,
  seed: number,
): number[] {
  const all = Array.from({ length: rows }, (_, row) => row);
  const labelled = labels?.includes(0) === true;
  const normal = all.filter((row) => (labelled ? labels[row] === 0 : scores.ensemble[row] < 1));
  const candidates = normal.length > 0 ? normal : all;
  const most = Math.min(candidates.length, MOST_BACKGROUND, Math.max(FEWEST_BACKGROUND, affordable));
  const random = seededRandom(seed, 5);
  for (let i = 0; i < most; i++) {
    const other = i + random.below(candidates.length - i);
    [candidates[i], candidates[other]] = [candidates[other], candidates[i]];
  }
  return candidates.slice(0, most);
}

/** The first of at most `back` rows of the same segment before `row`. */
function windowStart(segment: Int32Array, row: number, back: number): number {
  let start = row;
  while (start > 0 && row - start < back && segment[start - 1] === segment[row]) start--;
  return start;
}
