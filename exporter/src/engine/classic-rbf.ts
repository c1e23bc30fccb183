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
import { type KernelSums, type Margin, notConverged } from './reference/rbf.ts';

/** Bytes of kernel rows that are kept while a machine is fitted: all that are needed for 2,000 rows, and what is needed again soon for more. */
const CACHE_BYTES = 4 * 1024 * 1024;

export interface RbfKernel {
  /** see reference/rbf.ts: equal within float32. The rows stay where the kernel reads them until others are given: the array must not be changed. */
  rbfSums(rows: Float32Array, weights: Float32Array, queries: Float32Array, columns: number, gamma: number): KernelSums;
  /** see reference/rbf.ts: the same optimum within the tolerance. Kernel values are float32, as libsvm's. */
  maximiseMargin(
    rows: Float32Array,
    columns: number,
    gamma: number,
    start: Float64Array,
    tolerance: number,
    limit: number,
  ): Margin;
}

/** Radial basis functions in WebAssembly. The memory grows to the largest use and lives as long as this object. */
export function rbfKernel(): RbfKernel {
  let kernels: ClassicExports | undefined;
  let resident: WeakRef<Float32Array> | undefined;
  let residentColumns = 0;
  return {
    rbfSums(rows, weights, queries, columns, gamma) {
      const engine = (kernels ??= classicInstance());
      const rowCount = rowsOf(rows, columns);
      const count = rowsOf(queries, columns);
      if (weights.length !== rowCount) throw new Error(`${weights.length} weights for ${rowCount} rows`);
      const panels = panelsOf(rowCount);
      const plan = arena(engine);
      const at = {
        rows: reservePanels(plan, rowCount, columns),
        weights: plan.reserve(panels * PANEL),
        queries: reservePanels(plan, count, columns),
        buffer: plan.reserve(4 * PANEL * panels),
        nearest: plan.reserve(panelsOf(count) * PANEL),
        sums: plan.reserve(panelsOf(count) * PANEL),
      };
      plan.commit();
      const { buffer } = engine.memory;
      if (resident?.deref() !== rows || residentColumns !== columns) {
        writePanels(engine, at.rows, rows, rowCount, columns);
        resident = new WeakRef(rows);
        residentColumns = columns;
      }
      const weightsThere = new Float32Array(buffer, at.weights, panels * PANEL).fill(0);
      weightsThere.set(weights);
      writePanels(engine, at.queries, queries, count, columns);
      engine.rbfSums(at.rows, panels, at.weights, at.queries, count, columns, gamma, at.buffer, at.nearest, at.sums);
      return {
        nearest: new Float32Array(buffer, at.nearest, count).slice(),
        sum: new Float32Array(buffer, at.sums, count).slice(),
      };
    },

    maximiseMargin(rows, columns, gamma, start, tolerance, limit) {
      const engine = (kernels ??= classicInstance());
      const count = start.length;
      if (rowsOf(rows, columns) !== count) throw new Error(`${count} weights for ${rows.length / columns} rows`);
      const panels = panelsOf(count);
      const padded = panels * PANEL;
      const slots = Math.max(2, Math.min(count, Math.floor(CACHE_BYTES / (4 * padded))));
      const plan = arena(engine);
      const at = {
        rows: reservePanels(plan, count, columns),
        alpha: plan.reserve(2 * padded),
        gradient: plan.reserve(2 * padded),
        up: plan.reserve(2 * padded),
        low: plan.reserve(2 * padded),
        slotOfRow: plan.reserve(padded),
        slotState: plan.reserve(2 * slots),
        cache: plan.reserve(slots * padded),
      };
      plan.commit();
      resident = undefined;
      writePanels(engine, at.rows, rows, count, columns);
      const { buffer } = engine.memory;
      new Float64Array(buffer, at.alpha, padded).fill(0).set(start);
      const steps = engine.maximiseMargin(
        at.rows,
        panels,
        count,
        columns,
        gamma,
        at.alpha,
        at.gradient,
        at.up,
        at.low,
        at.cache,
        slots,
        at.slotOfRow,
        at.slotState,
        tolerance,
        limit,
      );
      if (steps < 0) throw notConverged(limit, tolerance);
      return {
        alpha: new Float64Array(buffer, at.alpha, count).slice(),
        gradient: new Float64Array(buffer, at.gradient, count).slice(),
        steps,
      };
    },
  };
}
