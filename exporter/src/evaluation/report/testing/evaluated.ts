/** Small tables, learnt and judged for tests. */
import { readTable } from '../../../sources/csv/table-reader.ts';
import { evaluateTable } from '../../table-evaluation.ts';
import type { TableFitOptions } from '../../table-fit.ts';
import type { TableRoles } from '../../table-layout.ts';
import { readTableRows, type TableRows } from '../../table-rows.ts';

export async function readRows(content: string, roles: TableRoles = {}, file = 'x.csv'): Promise<TableRows> {
  async function* text() {
    await Promise.resolve();
    yield content;
  }
  const table = await readTable(file, text());
  return readTableRows(table, { roles, sample: 'newest', mostRows: 1_000_000, mostCategories: 100, seed: 0 });
}

const NONE = { rows: 0, first: undefined };

/** `top`: rows to explain. */
export function evaluated(
  judged: TableRows,
  {
    train,
    top = 3,
    detectors = ['histogram', 'local-outlier-factor'],
    ...fit
  }: { train?: TableRows; top?: number; detectors?: string[] } & Partial<Omit<TableFitOptions, 'detectors'>> = {},
) {
  return evaluateTable({
    judged: { table: judged, skipped: NONE },
    train: train && { table: train, skipped: NONE },
    top,
    fit: {
      detectors: detectors.map((name) => ({ name, options: {} })),
      ensemble: { method: 'mean', votes: 2 },
      series: false,
      time: null,
      entity: null,
      scaler: 'none',
      normalOnly: false,
      contamination: 0.1,
      folds: 2,
      seed: 0,
      ...fit,
    },
  });
}
