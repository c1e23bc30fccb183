/**
 * Adam (D. P. Kingma, J. Ba: Adam: A Method for Stochastic Optimization, ICLR 2015) over one flat block of float32 parameters, with its gradient and its two
 * moments in blocks of the same layout. `length` is a multiple of 4. Padding has gradient 0 for ever and so stays 0.
 */

/**
 * One step, `step` counting from 1. The gradient is multiplied by `scale` (clipping). Factors are computed in float64: 1 - beta2 in float32 would be
 * off by 5e-5.
 */
export function adamStep(
  parameters: usize,
  gradient: usize,
  first: usize,
  second: usize,
  length: i32,
  step: i32,
  learningRate: f64,
  beta1: f64,
  beta2: f64,
  epsilon: f64,
  scale: f64,
): void {
  const keep1 = f32x4.splat(<f32>beta1);
  const keep2 = f32x4.splat(<f32>beta2);
  const add1 = f32x4.splat(<f32>(1 - beta1));
  const add2 = f32x4.splat(<f32>(1 - beta2));
  const root = f32x4.splat(<f32>(1 / Math.sqrt(1 - Math.pow(beta2, step))));
  const size = f32x4.splat(<f32>(learningRate / (1 - Math.pow(beta1, step))));
  const floor = f32x4.splat(<f32>epsilon);
  const factor = f32x4.splat(<f32>scale);
  const end = (<usize>length) << 2;
  for (let at: usize = 0; at < end; at += 16) {
    const g = f32x4.mul(v128.load(gradient + at), factor);
    const m = f32x4.add(f32x4.mul(keep1, v128.load(first + at)), f32x4.mul(add1, g));
    const v = f32x4.add(f32x4.mul(keep2, v128.load(second + at)), f32x4.mul(add2, f32x4.mul(g, g)));
    v128.store(first + at, m);
    v128.store(second + at, v);
    const width = f32x4.add(f32x4.mul(f32x4.sqrt(v), root), floor);
    const moved = f32x4.mul(size, f32x4.div(m, width));
    v128.store(parameters + at, f32x4.sub(v128.load(parameters + at), moved));
  }
}

/** Sum of squares in float64, for the norm that clipping looks at. */
export function sumOfSquares(values: usize, length: i32): f64 {
  let low = f64x2.splat(0);
  let high = f64x2.splat(0);
  const end = values + ((<usize>length) << 2);
  for (let at = values; at < end; at += 16) {
    const value = v128.load(at);
    const a = f64x2.promote_low_f32x4(value);
    const b = f64x2.promote_low_f32x4(v128.shuffle<f64>(value, value, 1, 1));
    low = f64x2.add(low, f64x2.mul(a, a));
    high = f64x2.add(high, f64x2.mul(b, b));
  }
  const sum = f64x2.add(low, high);
  return f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
}
