/**
 * Kernels of dense networks (layers y = act(W x + b), mean squared error), float32, SIMD128. Addresses are bytes, counts are numbers.
 *
 * Every width is padded to a multiple of 4 by its owner, and padding is zero:
 *   panel    8 columns (rows of data) of a layer's values: [width][8]; panels of a batch follow one another
 *   weights  [out / 4][in][4]: what a tile of 4 outputs needs next lies next
 * A tile is 4 outputs x 8 columns in eight registers. One k per iteration and one pointer per operand: with more, V8 11 and 12 spill load addresses.
 */

/** Bytes of one value of a panel: 8 columns. */
const ROW: usize = 32;

export { adamStep } from './adam';

export function heapBase(): usize {
  return __heap_base;
}

/** to = max(W from + b, floor) of each panel; `bias` has `out` numbers. A floor of 0 is ReLU, of -Infinity nothing. NaN stays NaN. */
export function affine(
  weights: usize,
  bias: usize,
  from: usize,
  to: usize,
  width: i32,
  out: i32,
  panels: i32,
  floor: f32,
): void {
  const least = f32x4.splat(floor);
  const tile = <usize>width << 4;
  for (let panel = 0; panel < panels; panel++) {
    let a = weights;
    let offset = bias;
    for (let o = 0; o < out; o += 4) {
      let c00 = v128.load32_splat(offset);
      let c10 = v128.load32_splat(offset, 4);
      let c20 = v128.load32_splat(offset, 8);
      let c30 = v128.load32_splat(offset, 12);
      let c01 = c00;
      let c11 = c10;
      let c21 = c20;
      let c31 = c30;
      const end = a + tile;
      let b = from;
      while (a < end) {
        const b0 = v128.load(b);
        const b1 = v128.load(b, 16);
        let s = v128.load32_splat(a);
        c00 = f32x4.add(c00, f32x4.mul(s, b0));
        c01 = f32x4.add(c01, f32x4.mul(s, b1));
        s = v128.load32_splat(a, 4);
        c10 = f32x4.add(c10, f32x4.mul(s, b0));
        c11 = f32x4.add(c11, f32x4.mul(s, b1));
        s = v128.load32_splat(a, 8);
        c20 = f32x4.add(c20, f32x4.mul(s, b0));
        c21 = f32x4.add(c21, f32x4.mul(s, b1));
        s = v128.load32_splat(a, 12);
        c30 = f32x4.add(c30, f32x4.mul(s, b0));
        c31 = f32x4.add(c31, f32x4.mul(s, b1));
        a += 16;
        b += ROW;
      }
      v128.store(to, f32x4.pmax(c00, least));
      v128.store(to, f32x4.pmax(c01, least), 16);
      v128.store(to, f32x4.pmax(c10, least), 32);
      v128.store(to, f32x4.pmax(c11, least), 48);
      v128.store(to, f32x4.pmax(c20, least), 64);
      v128.store(to, f32x4.pmax(c21, least), 80);
      v128.store(to, f32x4.pmax(c30, least), 96);
      v128.store(to, f32x4.pmax(c31, least), 112);
      to += 4 * ROW;
      offset += 16;
    }
    from += <usize>width * ROW;
  }
}

/** Sets gradient = 0 wherever activation = 0: the derivative of ReLU. `length` is a multiple of 4. */
export function reluGradient(activation: usize, gradient: usize, length: i32): void {
  const end = gradient + (<usize>length << 2);
  const zero = f32x4.splat(0);
  while (gradient < end) {
    v128.store(gradient, v128.and(v128.load(gradient), f32x4.gt(v128.load(activation), zero)));
    activation += 16;
    gradient += 16;
  }
}

/** [out / 4][in][4] of W to [in / 4][out][4] of its transpose, for `affine` to carry gradients back. */
export function transpose(weights: usize, to: usize, width: i32, out: i32): void {
  for (let i = 0; i < width; i += 4) {
    let from = weights + (<usize>i << 4);
    for (let o = 0; o < out; o += 4) {
      const a = v128.load(from);
      const b = v128.load(from, 16);
      const c = v128.load(from, 32);
      const d = v128.load(from, 48);
      const ab0 = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
      const ab1 = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
      const cd0 = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
      const cd1 = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
      v128.store(to, v128.shuffle<f32>(ab0, cd0, 0, 1, 4, 5));
      v128.store(to, v128.shuffle<f32>(ab0, cd0, 2, 3, 6, 7), 16);
      v128.store(to, v128.shuffle<f32>(ab1, cd1, 0, 1, 4, 5), 32);
      v128.store(to, v128.shuffle<f32>(ab1, cd1, 2, 3, 6, 7), 48);
      to += 64;
      from += <usize>width << 4;
    }
  }
}

/** Sums of the lanes of four vectors, as one vector. */
// @ts-ignore: decorator
@inline
function laneSums(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = f32x4.add(v128.shuffle<f32>(a, b, 0, 4, 1, 5), v128.shuffle<f32>(a, b, 2, 6, 3, 7));
  const cd = f32x4.add(v128.shuffle<f32>(c, d, 0, 4, 1, 5), v128.shuffle<f32>(c, d, 2, 6, 3, 7));
  return f32x4.add(v128.shuffle<f32>(ab, cd, 0, 1, 4, 5), v128.shuffle<f32>(ab, cd, 2, 3, 6, 7));
}

/** to = sum over all columns of gradient x input, in the layout of the weights; then the sum of the gradients alone, for the bias, to `biasTo`. */
export function weightGradient(
  gradient: usize,
  input: usize,
  to: usize,
  biasTo: usize,
  width: i32,
  out: i32,
  panels: i32,
): void {
  const inputPanel = <usize>width * ROW;
  const gradientPanel = <usize>out * ROW;
  const size = gradientPanel * panels;
  for (let o = 0; o < out; o += 4) {
    const end = gradient + size;
    for (let i = 0; i < width; i += 2) {
      let c00 = f32x4.splat(0);
      let c10 = c00;
      let c20 = c00;
      let c30 = c00;
      let c01 = c00;
      let c11 = c00;
      let c21 = c00;
      let c31 = c00;
      let b = input + <usize>i * ROW;
      for (let a = gradient; a < end; a += gradientPanel) {
        let b0 = v128.load(b);
        let b1 = v128.load(b, 32);
        let s = v128.load(a);
        c00 = f32x4.add(c00, f32x4.mul(s, b0));
        c01 = f32x4.add(c01, f32x4.mul(s, b1));
        s = v128.load(a, 32);
        c10 = f32x4.add(c10, f32x4.mul(s, b0));
        c11 = f32x4.add(c11, f32x4.mul(s, b1));
        s = v128.load(a, 64);
        c20 = f32x4.add(c20, f32x4.mul(s, b0));
        c21 = f32x4.add(c21, f32x4.mul(s, b1));
        s = v128.load(a, 96);
        c30 = f32x4.add(c30, f32x4.mul(s, b0));
        c31 = f32x4.add(c31, f32x4.mul(s, b1));
        b0 = v128.load(b, 16);
        b1 = v128.load(b, 48);
        s = v128.load(a, 16);
        c00 = f32x4.add(c00, f32x4.mul(s, b0));
        c01 = f32x4.add(c01, f32x4.mul(s, b1));
        s = v128.load(a, 48);
        c10 = f32x4.add(c10, f32x4.mul(s, b0));
        c11 = f32x4.add(c11, f32x4.mul(s, b1));
        s = v128.load(a, 80);
        c20 = f32x4.add(c20, f32x4.mul(s, b0));
        c21 = f32x4.add(c21, f32x4.mul(s, b1));
        s = v128.load(a, 112);
        c30 = f32x4.add(c30, f32x4.mul(s, b0));
        c31 = f32x4.add(c31, f32x4.mul(s, b1));
        b += inputPanel;
      }
      v128.store(to, laneSums(c00, c10, c20, c30));
      v128.store(to, laneSums(c01, c11, c21, c31), 16);
      to += 32;
    }
    let c0 = f32x4.splat(0);
    let c1 = c0;
    let c2 = c0;
    let c3 = c0;
    for (let a = gradient; a < end; a += gradientPanel) {
      c0 = f32x4.add(c0, f32x4.add(v128.load(a), v128.load(a, 16)));
      c1 = f32x4.add(c1, f32x4.add(v128.load(a, 32), v128.load(a, 48)));
      c2 = f32x4.add(c2, f32x4.add(v128.load(a, 64), v128.load(a, 80)));
      c3 = f32x4.add(c3, f32x4.add(v128.load(a, 96), v128.load(a, 112)));
    }
    v128.store(biasTo, laneSums(c0, c1, c2, c3));
    biasTo += 16;
    gradient += 4 * ROW;
  }
}

/** gradient = scale (output - target) in the first `columns` columns and 0 in the others; returns the sum of (output - target)^2 over them. */
export function squaredError(
  output: usize,
  target: usize,
  gradient: usize,
  width: i32,
  columns: i32,
  scale: f32,
): f64 {
  const factor = f32x4.splat(scale);
  let sum = f64x2.splat(0);
  for (let left = columns; left > 0; left -= 8) {
    const mask0 = i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(left));
    const mask1 = i32x4.lt_s(i32x4(4, 5, 6, 7), i32x4.splat(left));
    for (let i = 0; i < width; i++) {
      const e0 = v128.and(f32x4.sub(v128.load(output), v128.load(target)), mask0);
      const e1 = v128.and(f32x4.sub(v128.load(output, 16), v128.load(target, 16)), mask1);
      v128.store(gradient, f32x4.mul(e0, factor));
      v128.store(gradient, f32x4.mul(e1, factor), 16);
      const square = f32x4.add(f32x4.mul(e0, e0), f32x4.mul(e1, e1));
      sum = f64x2.add(sum, f64x2.promote_low_f32x4(square));
      sum = f64x2.add(sum, f64x2.promote_low_f32x4(v128.shuffle<f32>(square, square, 2, 3, 0, 1)));
      output += ROW;
      target += ROW;
      gradient += ROW;
    }
  }
  return f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
}
