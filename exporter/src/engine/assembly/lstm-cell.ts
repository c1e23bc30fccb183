/** The element-wise half of an LSTM cell (S. Hochreiter, J. Schmidhuber: Long Short-Term Memory, Neural Computation 9(8), 1997; with forget gates, no peepholes), over one panel. */
import { sigmoid4, tanh4 } from './activations';
import { storeTransposed } from './gemm';

/**
 * `gates` (rows unit * 4 + gate: i, f, g, o) are sums when it begins and activated when it ends. `before` and `after` are c, `h` the rows of the output.
 */
export function cellForward(gates: usize, before: usize, after: usize, tanhAfter: usize, h: usize, hidden: i32): void {
  const end = gates + ((<usize>hidden) << 7);
  let at: usize = 0;
  while (gates < end) {
    for (let half: usize = 0; half < 32; half += 16) {
      const unit = gates + half;
      const i = sigmoid4(v128.load(unit));
      const f = sigmoid4(v128.load(unit, 32));
      const g = tanh4(v128.load(unit, 64));
      const o = sigmoid4(v128.load(unit, 96));
      const c = f32x4.add(f32x4.mul(f, v128.load(before + at)), f32x4.mul(i, g));
      const t = tanh4(c);
      v128.store(unit, i);
      v128.store(unit, f, 32);
      v128.store(unit, g, 64);
      v128.store(unit, o, 96);
      v128.store(after + at, c);
      v128.store(tanhAfter + at, t);
      v128.store(h + at, f32x4.mul(o, t));
      at += 16;
    }
    gates += 128;
  }
}

/** One step of four cells at once: from the sums of the gates and c at `cell` to the new c, stored there, and the new h, which is returned. */
@inline
export function cellStep(i: v128, f: v128, g: v128, o: v128, cell: usize): v128 {
  const c = f32x4.add(f32x4.mul(sigmoid4(f), v128.load(cell)), f32x4.mul(sigmoid4(i), tanh4(g)));
  v128.store(cell, c);
  return f32x4.mul(sigmoid4(o), tanh4(c));
}

/**
 * From the derivative of h (`dh`, plus `mask` times `dropped` when there is a mask) and of c behind the step (`dc`, which becomes that of c before it) to the
 * derivatives of the gates' sums: as panels in `dGates`, and as octets, where this panel's samples begin at `octets` and a tile takes `octetTile` bytes.
 */
export function cellBackward(
  gates: usize,
  before: usize,
  tanhAfter: usize,
  dh: usize,
  mask: usize,
  dropped: usize,
  dc: usize,
  dGates: usize,
  octets: usize,
  octetTile: usize,
  hidden: i32,
): void {
  const one = f32x4.splat(1);
  for (let unit = 0; unit < hidden; unit++) {
    const octet = octets + <usize>(unit >> 1) * octetTile + ((<usize>unit & 1) << 4);
    for (let half: usize = 0; half < 2; half++) {
      const at = ((<usize>unit) << 5) + (half << 4);
      const gate = ((<usize>unit) << 7) + (half << 4);
      let d = v128.load(dh + at);
      if (mask !== 0) d = f32x4.add(d, f32x4.mul(v128.load(mask + at), v128.load(dropped + at)));
      const i = v128.load(gates + gate);
      const f = v128.load(gates + gate, 32);
      const g = v128.load(gates + gate, 64);
      const o = v128.load(gates + gate, 96);
      const t = v128.load(tanhAfter + at);
      const dt = f32x4.mul(f32x4.mul(d, o), f32x4.sub(one, f32x4.mul(t, t)));
      const c = f32x4.add(v128.load(dc + at), dt);
      const di = f32x4.mul(f32x4.mul(c, g), f32x4.mul(i, f32x4.sub(one, i)));
      const df = f32x4.mul(f32x4.mul(c, v128.load(before + at)), f32x4.mul(f, f32x4.sub(one, f)));
      const dg = f32x4.mul(f32x4.mul(c, i), f32x4.sub(one, f32x4.mul(g, g)));
      const dO = f32x4.mul(f32x4.mul(d, t), f32x4.mul(o, f32x4.sub(one, o)));
      v128.store(dc + at, f32x4.mul(c, f));
      v128.store(dGates + gate, di);
      v128.store(dGates + gate, df, 32);
      v128.store(dGates + gate, dg, 64);
      v128.store(dGates + gate, dO, 96);
      storeTransposed(octet + (half << 7), 32, di, df, dg, dO);
    }
  }
}
