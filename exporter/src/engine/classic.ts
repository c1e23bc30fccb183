/** The WebAssembly module of the classic kernels (assembly/classic.ts), and how rows are laid out for it. */
import { type Arena, type WasmExports, wasmModule } from './instantiate.ts';
import { wasm } from './wasm/classic.ts';

/** Addresses in bytes, counts in numbers: see the sources in `assembly`. */
export interface ClassicExports extends WasmExports {
  halfSquares(rows: number, panels: number, columns: number, to: number): void;
  nearest(
    rows: number,
    rowPanels: number,
    halves: number,
    queries: number,
    count: number,
    columns: number,
    k: number,
    others: boolean,
    squared: number,
    index: number,
    buffer: number,
    minima: number,
    groups: number,
  ): void;
  rbfSums(
    rows: number,
    rowPanels: number,
    weights: number,
    queries: number,
    count: number,
    columns: number,
    gamma: number,
    buffer: number,
    nearest: number,
    sums: number,
  ): void;
  maximiseMargin(
    rows: number,
    panels: number,
    count: number,
    columns: number,
    gamma: number,
    alpha: number,
    gradient: number,
    up: number,
    low: number,
    cache: number,
    slots: number,
    slotOfRow: number,
    slotState: number,
    tolerance: number,
    limit: number,
  ): number;
  sumPaths(
    nodes: number,
    leaves: number,
    trees: number,
    depth: number,
    inputs: number,
    columns: number,
    rows: number,
    out: number,
  ): void;
  cholesky(a: number, n: number, stride: number, least: number): number;
  solve(factor: number, n: number, stride: number, b: number): void;
  inverse(factor: number, n: number, stride: number, lower: number, out: number): void;
}

/** A new instance with memory of its own. */
export const classicInstance: () => ClassicExports = wasmModule<ClassicExports>(wasm);

/** Rows to a panel. */
export const PANEL = 8;

export function panelsOf(rows: number): number {
  return Math.ceil(rows / PANEL);
}

/** Room for rows in panels. */
export function reservePanels(arena: Arena, rows: number, columns: number): number {
  return arena.reserve(panelsOf(rows) * PANEL * columns);
}

/** Rows as panels [panel][column][8] at an address; the last panel is filled up with NaN, which no kernel counts as a row. */
export function writePanels(
  { memory }: ClassicExports,
  at: number,
  rows: Float32Array,
  count: number,
  columns: number,
): void {
  const panels = panelsOf(count);
  const out = new Float32Array(memory.buffer, at, panels * PANEL * columns);
  for (let row = 0; row < count; row++) {
    let to = (row - (row % PANEL)) * columns + (row % PANEL);
    for (let from = row * columns; from < (row + 1) * columns; from++, to += PANEL) out[to] = rows[from];
  }
  for (let row = count; row < panels * PANEL; row++) {
    let to = (row - (row % PANEL)) * columns + (row % PANEL);
    for (let c = 0; c < columns; c++, to += PANEL) out[to] = NaN;
  }
}

/** Rows must fill a table; throws otherwise, because a kernel would read past the end. */
export function rowsOf(numbers: Float32Array, columns: number): number {
  const rows = numbers.length / columns;
  if (!Number.isInteger(rows)) throw new Error(`${numbers.length} numbers are not rows of ${columns} columns`);
  return rows;
}
