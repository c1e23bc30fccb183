/**
 * The walk of rows through isolation trees: complete binary heaps of one depth, so that every walk is `depth` steps without a question at any of them.
 * Eight rows walk side by side: one walk is a chain of loads that wait for each other.
 */

/**
 * Adds up each row's path lengths over all trees, in float64 and in the order of the trees: out[row].
 * nodes: [tree][2^depth] of (float32 threshold, uint32 byte offset of the column in a row), node 0 unused; leaves: float32 [tree][2^depth].
 * inputs: float32 [row][columns]. Callers pass as many rows as stay in the first-level cache beside one tree; a multiple of 8.
 */
export function sumPaths(
  nodes: usize,
  leaves: usize,
  trees: i32,
  depth: i32,
  inputs: usize,
  columns: i32,
  rows: i32,
  out: usize,
): void {
  const width: usize = <usize>1 << depth;
  const stride = <usize>columns << 2;
  memory.fill(out, 0, <usize>rows << 3);
  for (let tree = 0; tree < trees; tree++) {
    let a = inputs;
    let to = out;
    // a leaf's number is its place in the heap minus the number of inner nodes
    const path = leaves - (width << 2);
    for (let row = 0; row < rows; row += 8) {
      const b = a + stride;
      const c = b + stride;
      const d = c + stride;
      const e = d + stride;
      const f = e + stride;
      const g = f + stride;
      const h = g + stride;
      let i: usize = 1;
      let j: usize = 1;
      let k: usize = 1;
      let l: usize = 1;
      let m: usize = 1;
      let n: usize = 1;
      let o: usize = 1;
      let p: usize = 1;
      for (let step = 0; step < depth; step++) {
        i = child(nodes, i, a);
        j = child(nodes, j, b);
        k = child(nodes, k, c);
        l = child(nodes, l, d);
        m = child(nodes, m, e);
        n = child(nodes, n, f);
        o = child(nodes, o, g);
        p = child(nodes, p, h);
      }
      add(to, path, i);
      add(to + 8, path, j);
      add(to + 16, path, k);
      add(to + 24, path, l);
      add(to + 32, path, m);
      add(to + 40, path, n);
      add(to + 48, path, o);
      add(to + 56, path, p);
      a = h + stride;
      to += 64;
    }
    nodes += width << 3;
    leaves += width << 2;
  }
}

function child(nodes: usize, node: usize, row: usize): usize {
  const at = nodes + (node << 3);
  return (node << 1) + <usize>(load<f32>(row + load<u32>(at, 4)) > load<f32>(at));
}

function add(to: usize, path: usize, leaf: usize): void {
  store<f64>(to, load<f64>(to) + <f64>load<f32>(path + (leaf << 2)));
}
