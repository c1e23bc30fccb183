/** What the report is about: the result, the rows behind it, and what was asked of the model afterwards. */
import type { PermutationImportance } from '../importance.ts';
import type { TableShap } from '../shap-table.ts';
import type { TableEvaluation } from '../table-evaluation.ts';
import type { TableScores } from '../table-model.ts';
import type { TableRows } from '../table-rows.ts';

export interface ReportSubject {
  readonly result: TableEvaluation;
  readonly table: TableRows;
  /** members in the order of `result.detectors` */
  readonly scores: TableScores;
  /** undefined where nothing could be asked */
  readonly importance: PermutationImportance | undefined;
  readonly shap: TableShap | undefined;
  /** ms since the epoch */
  readonly madeAt: number;
}

/** A row as labels and threshold see it. `unlabelled` rows are flagged or not. */
export type Outcome = 'normal' | 'found' | 'missed' | 'false alarm';

/** Without a label, a flagged row counts as found: nobody can say more. */
export function outcomeOf(score: number, label: number): Outcome {
  if (label === 1) return score >= 1 ? 'found' : 'missed';
  return score >= 1 ? (label === 0 ? 'false alarm' : 'found') : 'normal';
}

export function hasLabels({ table }: ReportSubject): boolean {
  return table.labels?.some((label) => label === label) === true;
}
