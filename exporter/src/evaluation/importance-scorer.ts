/** Scores rows that are put together from the values of a table's rows, as the ensemble scores rows of the table: what asking "and if this value were another?" needs. */
import type { Rows } from '../flow.ts';
import { encode, encodedWidth } from './table-encoder.ts';
import type { TableEvidence } from './table-evaluation.ts';
import type { FoldModels } from './table-fit.ts';
import { calibrate, membership, type TableModel } from './table-model.ts';
import { columnsOfRows, type TableRows } from './table-rows.ts';

/** What the ensemble's score of a row follows from. */
export type ScorerEvidence = Pick<TableEvidence, 'table' | 'encoded' | 'model' | 'unseen'>;

/** Rows of a table as it has them, not as detectors see them. */
export interface ComposedRows {
  /** rows x features of the table */
  readonly values: Float64Array;
  readonly time: Float64Array;
  readonly segment: Int32Array;
  /** 1 = to be scored */
  readonly wanted: Uint8Array;
  /** of each wanted row: the judged row by whose models it is scored, since each is judged by models that have not seen it */
  readonly judgedAs: Int32Array;
}

export interface ImportanceScorer {
  /** rows before a row, of the same segment, that its score needs */
  readonly context: number;
  /** The ensemble's scores, 1 = threshold; NaN where none is wanted, and 0 where a wanted row has none. */
  score(rows: ComposedRows): Float64Array;
}

export function importanceScorer({ table, model, unseen }: ScorerEvidence): ImportanceScorer {
  const members = weightedMembers(model);
  const width = encodedWidth(model.encoder);
  const context = model.order.series
    ? Math.max(0, ...model.members.flatMap(({ detector }, m) => (members[m] ? [detector.history] : [])))
    : 0;
  return {
    context,
    score({ values, time, segment, wanted, judgedAs }) {
      const rows = wanted.length;
      const composed: TableRows = { ...table, values, rows };
      const data = encode(model.encoder, columnsOfRows(composed));
      const encoded: Rows = { values: { rows, columns: width, data }, time, segment };
      const folds = unseen ? foldsOf(wanted, judgedAs, unseen) : [{ models: undefined, wanted }];
      const raw = model.members.map(({ detector, model: fitted }, m) => {
        const scores = new Float64Array(rows).fill(NaN);
        if (!members[m]) return scores;
        for (const { models, wanted: own } of folds) detector.score(models?.[m] ?? fitted, encoded, scores, own);
        return scores;
      });
      const { ensemble } = calibrate(model, raw);
      return ensemble.map((score, row) => (wanted[row] === 0 ? NaN : score === score ? score : 0));
    },
  };
}

/** The wanted rows of each fold that has some. */
function foldsOf(wanted: Uint8Array, judgedAs: Int32Array, { fold, models }: FoldModels) {
  return models.flatMap((own, f) => {
    const mask = wanted.map((used, row) => (used === 1 && fold[judgedAs[row]] === f ? 1 : 0));
    return mask.includes(1) ? [{ models: own, wanted: mask }] : [];
  });
}

/** Detectors beside the ensemble are left out: their scores do not count, and they may be the slow ones. */
function weightedMembers({ ensemble, members }: TableModel): boolean[] {
  if (members.length === 1) return [true];
  return Array.from(membership(ensemble, members).weights, (weight) => weight > 0);
}
