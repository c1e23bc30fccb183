/**
 * Matrix products in float32 and the layouts they need, for LSTM and dense layers. Strides are in bytes, addresses are multiples of 16.
 *
 *   panels   activations of a batch: columns (samples) in panels of 8, `[panel][row][8]`. A batch that is no multiple of 8 has zero columns at its end.
 *   quads    weights W (rows x depth), rows in tiles of 4: `[row / 4][depth][4]`. Weights, their gradients and the state of Adam have this layout.
 *            The same layout packs activations for a gradient, depth then being the samples: `[row / 4][sample][4]`.
 *   octets   the other side of a gradient: `[row / 8][sample][8]`.
 *
 * A bias is one more column of W against a row of ones. A tile is 4 x 8: eight accumulators, four splats and two loads a step, which fit 16 registers;
 * one step an iteration, because V8 of Node 20 and 22 turns the offsets of an unrolled loop into address registers and spills the accumulators.
 * Each element is a sum in the order of the depth, so it does not depend on which tile, panel or batch it is in.
 */

/**
 * C = W B, or C += W B. `weights` are quads of which each tile takes `tileStride` bytes and `depth` columns are used, `panels` of B and C lie `bStride` and
 * `cStride` bytes apart. `rows` is a multiple of 4.
 */
export function multiply(
  weights: usize,
  tileStride: usize,
  depth: i32,
  b: usize,
  bStride: usize,
  c: usize,
  cStride: usize,
  rows: i32,
  panels: i32,
  accumulate: bool,
): void {
  const steps = (<usize>depth) << 4;
  for (let row = 0; row < rows; row += 4, weights += tileStride, c += 128) {
    const end = weights + steps;
    let pb = b;
    let pc = c;
    for (let panel = 0; panel < panels; panel++, pb += bStride, pc += cStride) {
      let a = weights;
      let k = pb;
      let c00 = f32x4.splat(0);
      let c01 = c00;
      let c10 = c00;
      let c11 = c00;
      let c20 = c00;
      let c21 = c00;
      let c30 = c00;
      let c31 = c00;
      if (accumulate) {
        c00 = v128.load(pc);
        c01 = v128.load(pc, 16);
        c10 = v128.load(pc, 32);
        c11 = v128.load(pc, 48);
        c20 = v128.load(pc, 64);
        c21 = v128.load(pc, 80);
        c30 = v128.load(pc, 96);
        c31 = v128.load(pc, 112);
      }
      while (a < end) {
        const b0 = v128.load(k);
        const b1 = v128.load(k, 16);
        const a0 = v128.load_splat<f32>(a);
        c00 = f32x4.add(c00, f32x4.mul(a0, b0));
        c01 = f32x4.add(c01, f32x4.mul(a0, b1));
        const a1 = v128.load_splat<f32>(a, 4);
        c10 = f32x4.add(c10, f32x4.mul(a1, b0));
        c11 = f32x4.add(c11, f32x4.mul(a1, b1));
        const a2 = v128.load_splat<f32>(a, 8);
        c20 = f32x4.add(c20, f32x4.mul(a2, b0));
        c21 = f32x4.add(c21, f32x4.mul(a2, b1));
        const a3 = v128.load_splat<f32>(a, 12);
        c30 = f32x4.add(c30, f32x4.mul(a3, b0));
        c31 = f32x4.add(c31, f32x4.mul(a3, b1));
        a += 16;
        k += 32;
      }
      v128.store(pc, c00);
      v128.store(pc, c01, 16);
      v128.store(pc, c10, 32);
      v128.store(pc, c11, 48);
      v128.store(pc, c20, 64);
      v128.store(pc, c21, 80);
      v128.store(pc, c30, 96);
      v128.store(pc, c31, 112);
    }
  }
}

/**
 * G += D X', the gradient of quads: `x` are quads of the inputs (depth x samples), `d` octets of the output's derivatives (rows x samples), `gradient` the
 * quads of G with `tileStride` bytes a tile. `rows` is a multiple of 8, `depth` of 4. The sum over the samples is added to G as one number: keep chunks
 * near 128 samples, then rounding stays small.
 */
export function addGradient(
  x: usize,
  d: usize,
  samples: i32,
  gradient: usize,
  tileStride: usize,
  rows: i32,
  depth: i32,
): void {
  const xTile = (<usize>samples) << 4;
  const dTile = (<usize>samples) << 5;
  for (let row = 0; row < rows; row += 8, d += dTile, gradient += tileStride << 1) {
    let px = x;
    for (let k = 0; k < depth; k += 4) {
      const end = px + xTile;
      let pd = d;
      let c00 = f32x4.splat(0);
      let c01 = c00;
      let c10 = c00;
      let c11 = c00;
      let c20 = c00;
      let c21 = c00;
      let c30 = c00;
      let c31 = c00;
      while (px < end) {
        const b0 = v128.load(pd);
        const b1 = v128.load(pd, 16);
        const a0 = v128.load_splat<f32>(px);
        c00 = f32x4.add(c00, f32x4.mul(a0, b0));
        c01 = f32x4.add(c01, f32x4.mul(a0, b1));
        const a1 = v128.load_splat<f32>(px, 4);
        c10 = f32x4.add(c10, f32x4.mul(a1, b0));
        c11 = f32x4.add(c11, f32x4.mul(a1, b1));
        const a2 = v128.load_splat<f32>(px, 8);
        c20 = f32x4.add(c20, f32x4.mul(a2, b0));
        c21 = f32x4.add(c21, f32x4.mul(a2, b1));
        const a3 = v128.load_splat<f32>(px, 12);
        c30 = f32x4.add(c30, f32x4.mul(a3, b0));
        c31 = f32x4.add(c31, f32x4.mul(a3, b1));
        px += 16;
        pd += 32;
      }
      const low = gradient + ((<usize>k) << 4);
      const high = low + tileStride;
      v128.store(low, f32x4.add(v128.load(low), c00));
      v128.store(low, f32x4.add(v128.load(low, 16), c10), 16);
      v128.store(low, f32x4.add(v128.load(low, 32), c20), 32);
      v128.store(low, f32x4.add(v128.load(low, 48), c30), 48);
      v128.store(high, f32x4.add(v128.load(high), c01));
      v128.store(high, f32x4.add(v128.load(high, 16), c11), 16);
      v128.store(high, f32x4.add(v128.load(high, 32), c21), 32);
      v128.store(high, f32x4.add(v128.load(high, 48), c31), 48);
    }
  }
}

/** Four vectors as the columns of a 4 x 4 block: stores its rows `stride` bytes apart. */
@inline
export function storeTransposed(to: usize, stride: usize, a: v128, b: v128, c: v128, d: v128): void {
  const ab0 = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
  const ab1 = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
  const cd0 = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
  const cd1 = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
  v128.store(to, v128.shuffle<f32>(ab0, cd0, 0, 1, 4, 5));
  to += stride;
  v128.store(to, v128.shuffle<f32>(ab0, cd0, 2, 3, 6, 7));
  to += stride;
  v128.store(to, v128.shuffle<f32>(ab1, cd1, 0, 1, 4, 5));
  to += stride;
  v128.store(to, v128.shuffle<f32>(ab1, cd1, 2, 3, 6, 7));
}

/** Quads of W (rows x depth, `tileStride` bytes a tile) to quads of its transpose (depth x rows, `rows * 16` bytes a tile). Both are multiples of 4. */
export function transposeQuads(weights: usize, tileStride: usize, rows: i32, depth: i32, to: usize): void {
  const toTile = (<usize>rows) << 4;
  for (let row = 0; row < rows; row += 4, weights += tileStride, to += 64) {
    let from = weights;
    let out = to;
    for (let k = 0; k < depth; k += 4, from += 64, out += toTile) {
      storeTransposed(out, 16, v128.load(from), v128.load(from, 16), v128.load(from, 32), v128.load(from, 48));
    }
  }
}

/** Rows of panels to quads of samples: panel p fills samples `8 p ...` of tiles that are `tileStride` bytes long. `rows` is a multiple of 4. */
export function panelsToQuads(from: usize, panelStride: usize, panels: i32, rows: i32, to: usize, tileStride: usize): void {
  for (let panel = 0; panel < panels; panel++, from += panelStride, to += 128) {
    let source = from;
    let out = to;
    for (let row = 0; row < rows; row += 4, source += 128, out += tileStride) {
      storeTransposed(out, 16, v128.load(source), v128.load(source, 32), v128.load(source, 64), v128.load(source, 96));
      storeTransposed(
        out + 64,
        16,
        v128.load(source, 16),
        v128.load(source, 48),
        v128.load(source, 80),
        v128.load(source, 112),
      );
    }
  }
}

/** Rows of panels to octets of samples: panel p fills samples `8 p ...` of tiles that are `tileStride` bytes long. `rows` is a multiple of 8. */
export function panelsToOctets(from: usize, panelStride: usize, panels: i32, rows: i32, to: usize, tileStride: usize): void {
  for (let panel = 0; panel < panels; panel++, from += panelStride, to += 256) {
    let source = from;
    let out = to;
    for (let row = 0; row < rows; row += 8, source += 256, out += tileStride) {
      for (let half: usize = 0; half < 2; half++) {
        const at = source + half * 128;
        const into = out + half * 16;
        storeTransposed(into, 32, v128.load(at), v128.load(at, 32), v128.load(at, 64), v128.load(at, 96));
        storeTransposed(
          into + 128,
          32,
          v128.load(at, 16),
          v128.load(at, 48),
          v128.load(at, 80),
          v128.load(at, 112),
        );
      }
    }
  }
}
