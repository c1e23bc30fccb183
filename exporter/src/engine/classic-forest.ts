import { type ClassicExports, PANEL, classicInstance } from './classic.ts';
import { arena } from './instantiate.ts';
import type { Heaps } from './reference/forest.ts';

export interface ForestWalk {
  /** see reference/forest.ts: the same sums, bit for bit. The forest stays where the kernel reads it until another is given. */
  sumPaths(heaps: Heaps, inputs: Float32Array, columns: number, rows: number, out: Float64Array): void;
}

/** Walks in WebAssembly; memory for one forest and one block of rows lives as long as this object. */
export function forestWalk(): ForestWalk {
  let kernels: ClassicExports | undefined;
  let resident: WeakRef<Heaps> | undefined;
  let residentColumns = 0;
  return {
    sumPaths(heaps, inputs, columns, rows, out) {
      if (inputs.length < rows * columns || out.length < rows) {
        throw new Error(`${inputs.length} inputs and ${out.length} sums are too few for ${rows} rows of ${columns}`);
      }
      const engine = (kernels ??= classicInstance());
      const { trees, depth } = heaps;
      const padded = Math.ceil(rows / PANEL) * PANEL;
      const plan = arena(engine);
      const at = {
        nodes: plan.reserve(2 * (trees << depth)),
        leaves: plan.reserve(trees << depth),
        inputs: plan.reserve(padded * columns),
        out: plan.reserve(2 * padded),
      };
      plan.commit();
      const { buffer } = engine.memory;
      if (resident?.deref() !== heaps || residentColumns !== columns) {
        writeForest(buffer, at, heaps, columns);
        resident = new WeakRef(heaps);
        residentColumns = columns;
      }
      const there = new Float32Array(buffer, at.inputs, padded * columns);
      there.set(inputs.subarray(0, rows * columns));
      there.fill(0, rows * columns);
      engine.sumPaths(at.nodes, at.leaves, trees, depth, at.inputs, columns, padded, at.out);
      out.set(new Float64Array(buffer, at.out, rows));
    },
  };
}

/** Threshold and the byte offset of the column side by side, so that a step loads one line of the cache. */
function writeForest(
  buffer: ArrayBuffer,
  at: { nodes: number; leaves: number },
  { trees, depth, threshold, column, path }: Heaps,
  columns: number,
): void {
  const width = 1 << depth;
  const values = new Float32Array(buffer, at.nodes, 2 * trees * width);
  const offsets = new Uint32Array(buffer, at.nodes, 2 * trees * width);
  const leaves = new Float32Array(buffer, at.leaves, trees * width);
  for (let i = 0; i < trees * width; i++) {
    if (column[i] >= columns) throw new Error(`a tree splits column ${column[i]}, the rows have ${columns}`);
    values[2 * i] = threshold[i];
    offsets[2 * i + 1] = 4 * column[i];
  }
  for (let tree = 0; tree < trees; tree++) {
    leaves.set(path.subarray((2 * tree + 1) * width, (2 * tree + 2) * width), tree * width);
  }
}
