import {
  type ClassicExports,
  PANEL,
  classicInstance,
  panelsOf,
  reservePanels,
  rowsOf,
  writePanels,
} from './classic.ts';
import { arena } from './instantiate.ts';
import type { Neighbours } from './reference/distances.ts';

export interface NeighbourSearch {
  /** see reference/distances.ts. The rows stay where the kernel reads them until other rows are given: the array must not be changed. */
  nearestRows(rows: Float32Array, queries: Float32Array, columns: number, k: number): Neighbours;
  nearestOthers(rows: Float32Array, columns: number, k: number): Neighbours;
}

/**
 * Brute force in WebAssembly, the same results as the reference, bit for bit. Its memory grows to the largest search and lives as long
 * as this object.
 */
export function neighbourSearch(): NeighbourSearch {
  let kernels: ClassicExports | undefined;
  let resident: WeakRef<Float32Array> | undefined;
  let residentColumns = 0;

  /** Rows first in memory, then the places of one search; without queries the rows are the queries. */
  function search(rows: Float32Array, queries: Float32Array | undefined, columns: number, k: number): Neighbours {
    const engine = (kernels ??= classicInstance());
    const rowCount = rowsOf(rows, columns);
    const count = rowsOf(queries ?? rows, columns);
    const panels = panelsOf(rowCount);
    const groups = groupsOf(k);
    const plan = arena(engine);
    const at = {
      rows: reservePanels(plan, rowCount, columns),
      halves: plan.reserve(panels * PANEL),
      queries: reservePanels(plan, queries === undefined ? 0 : count, columns),
      squared: plan.reserve(count * k),
      index: plan.reserve(count * k),
      buffer: plan.reserve(6 * panels * PANEL),
      minima: plan.reserve(groups),
    };
    plan.commit();
    if (resident?.deref() !== rows || residentColumns !== columns) {
      writePanels(engine, at.rows, rows, rowCount, columns);
      engine.halfSquares(at.rows, panels, columns, at.halves);
      resident = new WeakRef(rows);
      residentColumns = columns;
    }
    if (queries !== undefined) writePanels(engine, at.queries, queries, count, columns);
    engine.nearest(
      at.rows,
      panels,
      at.halves,
      queries === undefined ? at.rows : at.queries,
      count,
      columns,
      k,
      queries === undefined,
      at.squared,
      at.index,
      at.buffer,
      at.minima,
      groups,
    );
    const { buffer } = engine.memory;
    return {
      k,
      squared: new Float32Array(buffer, at.squared, count * k).slice(),
      index: new Int32Array(buffer, at.index, count * k).slice(),
    };
  }

  return {
    nearestRows: (rows, queries, columns, k) => search(rows, queries, columns, k),
    nearestOthers: (rows, columns, k) => search(rows, undefined, columns, k),
  };
}

/** Of three times as many groups as neighbours, the k-th smallest minimum lets about 1.2 k rows pass. */
function groupsOf(k: number): number {
  return 16 * Math.ceil(Math.max(64, 3 * k) / 16);
}
