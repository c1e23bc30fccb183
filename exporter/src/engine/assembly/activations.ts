/**
 * tanh and sigmoid of four float32 at once. tanh is x P(x^2) / Q(x^2) with P and Q of degree 4, fitted to the least largest error on [-9, 9] (2e-8 in exact
 * arithmetic); rounding makes it 4e-7. Beyond 9 float32 knows no difference to 1. sigmoid(x) = (1 + tanh(x / 2)) / 2, 2e-7.
 * NaN stays NaN: pmin and pmax keep their first operand when the comparison fails, and they are one instruction where min and max are seven.
 */

@inline
export function tanh4(x: v128): v128 {
  const y = f32x4.pmax(f32x4.pmin(x, f32x4.splat(9)), f32x4.splat(-9));
  const z = f32x4.mul(y, y);
  let p = f32x4.add(f32x4.mul(z, f32x4.splat(1.3259796343507993e-8)), f32x4.splat(2.0532869859439076e-5));
  let q = f32x4.add(f32x4.mul(z, f32x4.splat(7.735477723341536e-7)), f32x4.splat(3.2777312561497486e-4));
  p = f32x4.add(f32x4.mul(z, p), f32x4.splat(3.4905975319770247e-3));
  q = f32x4.add(f32x4.mul(z, q), f32x4.splat(2.5857600234899154e-2));
  p = f32x4.add(f32x4.mul(z, p), f32x4.splat(0.13376693115708138));
  q = f32x4.add(f32x4.mul(z, q), f32x4.splat(0.4670999936328995));
  p = f32x4.add(f32x4.mul(z, p), f32x4.splat(0.9999999459021107));
  q = f32x4.add(f32x4.mul(z, q), f32x4.splat(1));
  return f32x4.div(f32x4.mul(y, p), q);
}

@inline
export function sigmoid4(x: v128): v128 {
  const half = f32x4.splat(0.5);
  return f32x4.add(half, f32x4.mul(half, tanh4(f32x4.mul(half, x))));
}

/** tanh of `length` numbers, a multiple of 4. */
export function tanhAll(from: usize, to: usize, length: i32): void {
  for (let at: usize = 0; at < (<usize>length) << 2; at += 16) v128.store(to + at, tanh4(v128.load(from + at)));
}

/** sigmoid of `length` numbers, a multiple of 4. */
export function sigmoidAll(from: usize, to: usize, length: i32): void {
  for (let at: usize = 0; at < (<usize>length) << 2; at += 16) v128.store(to + at, sigmoid4(v128.load(from + at)));
}
