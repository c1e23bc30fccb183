/** Isolation trees as complete binary heaps of one depth: node i has the children 2i and 2i + 1, the root is 1; a walk takes `depth` steps. */
export interface Heaps {
  readonly trees: number;
  readonly depth: number;
  /** a row goes right where its column is greater; tree t's node i at `t * 2^depth + i` */
  readonly threshold: Float32Array;
  readonly column: Uint16Array;
  /** tree t's node i at `t * 2^(depth + 1) + i`; only the lowest row of the heap, i >= 2^depth, is read */
  readonly path: Float32Array;
}

/** Adds up the path lengths of `rows` rows over all trees, in the order of the trees. */
export function sumPaths(heaps: Heaps, inputs: Float32Array, columns: number, rows: number, out: Float64Array): void {
  const { trees, depth, threshold, column, path } = heaps;
  for (let row = 0; row < rows; row++) {
    let sum = 0;
    for (let tree = 0; tree < trees; tree++) {
      let node = 1;
      for (let step = 0; step < depth; step++) {
        const at = (tree << depth) + node;
        node = 2 * node + (inputs[row * columns + column[at]] > threshold[at] ? 1 : 0);
      }
      sum += path[(tree << (depth + 1)) + node];
    }
    out[row] = sum;
  }
}
