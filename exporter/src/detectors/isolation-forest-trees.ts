/**
 * Isolation trees in flat arrays (F. T. Liu, K. M. Ting, Z.-H. Zhou: Isolation Forest, ICDM 2008).
 *
 * Every tree is a complete binary heap of the same depth: node i has the children 2i and 2i + 1, the root is 1, and a row goes right where its column
 * is greater than the threshold. A branch that ends early is continued by pass-through nodes (threshold +Infinity: always left), so that each walk takes
 * exactly `depth` steps and needs no question at any of them. Tree t's node i is at `t * 2^depth + i` in `threshold` and `column`, and at
 * `t * 2^(depth + 1) + i` in `path`.
 */
import type { Random } from '../random.ts';

export interface Forest {
  readonly trees: number;
  readonly depth: number;
  /** rows each tree was grown from */
  readonly sample: number;
  readonly threshold: Float32Array<ArrayBuffer>;
  readonly column: Uint16Array<ArrayBuffer>;
  /** mean path length from the root of the tree's own rows that pass this node; in the lowest row of the heap, the path length of the leaf */
  readonly path: Float32Array<ArrayBuffer>;
}

/** Mean path length of an unsuccessful search in a binary search tree of n rows: what is left to go in a leaf that was not split further. */
export function averagePath(n: number): number {
  if (n < 2) return 0;
  let harmonic = 0;
  for (let i = 1; i < n; i++) harmonic += 1 / i;
  return 2 * harmonic - (2 * (n - 1)) / n;
}

/** Trees grown from samples (without replacement) of the kept rows. A column that is constant there is never chosen. */
export function growForest(
  inputs: Float32Array,
  columns: number,
  kept: Int32Array,
  trees: number,
  sampleSize: number,
  random: Random,
): Forest {
  const sample = Math.min(sampleSize, kept.length);
  const depth = Math.max(1, Math.ceil(Math.log2(sample)));
  const nodes = 1 << depth;
  const forest: Forest = {
    trees,
    depth,
    sample,
    threshold: new Float32Array(trees * nodes).fill(Infinity),
    column: new Uint16Array(trees * nodes),
    path: new Float32Array(trees * nodes * 2),
  };
  const leaf = Float64Array.from({ length: sample + 1 }, (_, n) => averagePath(n));
  const varying = varyingColumns(inputs, columns, kept);
  const pool = kept.slice();
  const offset = new Int32Array(sample);
  // one tree's heap: its rows are offset[from[i] .. to[i]), level[i] counts the real splits above it
  const from = new Uint16Array(2 * nodes);
  const to = new Uint16Array(2 * nodes);
  const level = new Uint8Array(2 * nodes);

  for (let t = 0; t < trees; t++) {
    for (let i = 0; i < sample; i++) {
      const j = i + random.below(pool.length - i);
      const row = pool[j];
      pool[j] = pool[i];
      pool[i] = row;
      offset[i] = row * columns;
    }
    const base = t * nodes;
    to[1] = sample;
    for (let i = 1; i < nodes; i++) {
      const begin = from[i];
      const end = to[i];
      let middle = end;
      if (end - begin > 1) {
        // draw columns without replacement until one varies among these rows
        for (let left = varying.length; left > 0; left--) {
          const draw = random.below(left);
          const c = varying[draw];
          varying[draw] = varying[left - 1];
          varying[left - 1] = c;
          let low = Infinity;
          let high = -Infinity;
          for (let k = begin; k < end; k++) {
            const value = inputs[offset[k] + c];
            if (value < low) low = value;
            if (value > high) high = value;
          }
          if (low === high) continue;
          let split = Math.fround(low + (high - low) * random.next());
          if (!(split < high)) split = low; // rounding must not leave the right side empty
          forest.threshold[base + i] = split;
          forest.column[base + i] = c;
          middle = begin;
          for (let k = begin; k < end; k++) {
            const row = offset[k];
            if (inputs[row + c] > split) continue;
            offset[k] = offset[middle];
            offset[middle++] = row;
          }
          break;
        }
      }
      const below = level[i] + (middle < end ? 1 : 0);
      from[2 * i] = begin;
      to[2 * i] = from[2 * i + 1] = middle;
      to[2 * i + 1] = end;
      level[2 * i] = level[2 * i + 1] = below;
    }
    writePaths(forest.path.subarray(2 * base, 2 * (base + nodes)), nodes, from, to, level, leaf);
  }
  return forest;
}

/** Leaves first, then each node as the mean of its children, weighted by their rows. */
function writePaths(
  path: Float32Array,
  nodes: number,
  from: Uint16Array,
  to: Uint16Array,
  level: Uint8Array,
  leaf: Float64Array,
): void {
  for (let i = nodes; i < 2 * nodes; i++) path[i] = level[i] + leaf[to[i] - from[i]];
  for (let i = nodes - 1; i > 0; i--) {
    const left = to[2 * i] - from[2 * i];
    const right = to[2 * i + 1] - from[2 * i + 1];
    path[i] = left + right > 0 ? (left * path[2 * i] + right * path[2 * i + 1]) / (left + right) : path[2 * i];
  }
}

function varyingColumns(inputs: Float32Array, columns: number, kept: Int32Array): Int32Array {
  const first = kept[0] * columns;
  const varies = new Uint8Array(columns);
  let open = columns;
  for (let k = 1; k < kept.length && open > 0; k++) {
    const row = kept[k] * columns;
    for (let c = 0; c < columns; c++) {
      if (varies[c] === 0 && inputs[row + c] !== inputs[first + c]) {
        varies[c] = 1;
        open--;
      }
    }
  }
  return Int32Array.from(varies.keys()).filter((c) => varies[c] === 1);
}

/**
 * Adds up each row's path lengths over all trees. Eight rows walk side by side: one walk is a chain of loads that wait for each other, eight keep the core
 * busy (2.5 times as fast; sixteen gain nothing more). Callers pass blocks of rows that stay in the first-level cache together with one tree.
 */
export function sumPaths(forest: Forest, inputs: Float32Array, columns: number, rows: number, out: Float64Array): void {
  const { trees, depth, threshold, column, path } = forest;
  const nodes = 1 << depth;
  const even = rows & ~7;
  out.fill(0, 0, rows);
  for (let t = 0; t < trees; t++) {
    // nodes are numbered from the start of the arrays: the children of `tree + i` are `tree + 2i` and the one after it
    const tree = t * nodes;
    for (let row = 0; row < even; row += 8) {
      const a = row * columns;
      const b = a + columns;
      const c = b + columns;
      const d = c + columns;
      const e = d + columns;
      const f = e + columns;
      const g = f + columns;
      const h = g + columns;
      let i = tree + 1;
      let j = i;
      let k = i;
      let l = i;
      let m = i;
      let n = i;
      let o = i;
      let p = i;
      for (let step = 0; step < depth; step++) {
        // `| 0` turns the comparison into a number without a branch
        i = 2 * i - tree + (+(inputs[a + column[i]] > threshold[i]) | 0);
        j = 2 * j - tree + (+(inputs[b + column[j]] > threshold[j]) | 0);
        k = 2 * k - tree + (+(inputs[c + column[k]] > threshold[k]) | 0);
        l = 2 * l - tree + (+(inputs[d + column[l]] > threshold[l]) | 0);
        m = 2 * m - tree + (+(inputs[e + column[m]] > threshold[m]) | 0);
        n = 2 * n - tree + (+(inputs[f + column[n]] > threshold[n]) | 0);
        o = 2 * o - tree + (+(inputs[g + column[o]] > threshold[o]) | 0);
        p = 2 * p - tree + (+(inputs[h + column[p]] > threshold[p]) | 0);
      }
      // leaves follow `nodes` inner nodes, and a tree has twice as many paths as nodes
      out[row] += path[tree + i];
      out[row + 1] += path[tree + j];
      out[row + 2] += path[tree + k];
      out[row + 3] += path[tree + l];
      out[row + 4] += path[tree + m];
      out[row + 5] += path[tree + n];
      out[row + 6] += path[tree + o];
      out[row + 7] += path[tree + p];
    }
    for (let row = even; row < rows; row++) {
      const a = row * columns;
      let i = tree + 1;
      for (let step = 0; step < depth; step++) {
        i = 2 * i - tree + (+(inputs[a + column[i]] > threshold[i]) | 0);
      }
      out[row] += path[tree + i];
    }
  }
}

/**
 * How much each column's splits shortened one row's paths, added up over all trees: a step from a node to its child is worth the difference of their
 * mean path lengths (A. Saabas: Interpreting random forests, 2014, applied to path lengths). Over all columns the credits add up to the mean path
 * length of ordinary rows minus this row's. `credit` is overwritten.
 */
export function creditSplits(forest: Forest, inputs: Float32Array, at: number, credit: Float64Array): void {
  const { trees, depth, threshold, column, path } = forest;
  const nodes = 1 << depth;
  credit.fill(0);
  for (let t = 0; t < trees; t++) {
    const tree = t * nodes;
    const paths = 2 * tree;
    let i = 1;
    for (let step = 0; step < depth; step++) {
      const c = column[tree + i];
      const child = 2 * i + (inputs[at + c] > threshold[tree + i] ? 1 : 0);
      credit[c] += path[paths + i] - path[paths + child];
      i = child;
    }
  }
}
