/** Forward and backward of the autoencoder over one batch (layouts: lstm-plan.ts, gemm.ts). */
import { addGradient, multiply, panelsToOctets, panelsToQuads, transposeQuads } from './gemm';
import { cellBackward, cellForward } from './lstm-cell';
import * as plan from './lstm-plan';

/** windows and panels of the batch at work */
let batch: i32 = 0;
let panels: i32 = 0;
/** lanes of the last panel that hold a window, as masks of its two halves */
let lowLanes: v128 = i32x4.splat(0);
let highLanes: v128 = i32x4.splat(0);
/** four xorshift32 generators (G. Marsaglia: Xorshift RNGs, Journal of Statistical Software 8(14), 2003) */
let random: v128 = i32x4.splat(1);

/** The four words are the state of dropout's generators; none may be 0. */
export function seedDropout(a: i32, b: i32, c: i32, d: i32): void {
  random = i32x4.replace_lane(i32x4.replace_lane(i32x4.replace_lane(i32x4.splat(a), 1, b), 2, c), 3, d);
}

/** New masks for every step and panel of the batch. Between two calls, masks may also be written from outside. */
export function drawMasks(dropout: f64): void {
  const threshold = i32x4.splat(<i32>(<u32>(dropout * 4294967296.0)));
  const kept = f32x4.splat(<f32>(1 / (1 - dropout)));
  for (let t = 0; t < plan.steps; t++) {
    const from = plan.masks + <usize>(t * plan.maximumPanels) * plan.cellStride;
    const end = from + <usize>panels * plan.cellStride;
    for (let at = from; at < end; at += 16) {
      random = v128.xor(random, i32x4.shl(random, 13));
      random = v128.xor(random, i32x4.shr_u(random, 17));
      random = v128.xor(random, i32x4.shl(random, 5));
      v128.store(at, v128.and(i32x4.ge_u(random, threshold), kept));
    }
  }
}

/** Spreads the first `count` windows at `plan.windows` ([window][step][feature]) over the panels; the rest of the last panel becomes zeros. */
export function loadBatch(count: i32): void {
  batch = count;
  panels = (count + 7) >> 3;
  const lanes = i32x4.splat(count - (panels - 1) * 8);
  lowLanes = i32x4.lt_s(i32x4(0, 1, 2, 3), lanes);
  highLanes = i32x4.lt_s(i32x4(4, 5, 6, 7), lanes);
  const slot = <usize>plan.maximumPanels * plan.stateStride;
  const x = plan.states + (<usize>(plan.hidden + 1) << 5);
  for (let window = 0; window < panels * 8; window++) {
    const column = x + <usize>(window >> 3) * plan.stateStride + ((<usize>window & 7) << 2);
    let from = plan.windows + (<usize>(window * plan.steps * plan.features) << 2);
    for (let t = 0; t < plan.steps; t++) {
      let to = column + <usize>t * slot;
      for (let f = 0; f < plan.features; f++, from += 4, to += 32) store<f32>(to, window < count ? load<f32>(from) : 0);
    }
  }
}

/** Sets the rows of ones that biases multiply. */
export function setOnes(): void {
  const one = f32x4.splat(1);
  for (let i = 0; i < (2 * plan.steps + 1) * plan.maximumPanels; i++) {
    const row = plan.states + <usize>i * plan.stateStride + ((<usize>plan.hidden) << 5);
    v128.store(row, one);
    v128.store(row, one, 16);
  }
  for (let i = 0; i < plan.steps * plan.maximumPanels; i++) {
    const row = plan.dropped + <usize>i * plan.droppedStride + ((<usize>plan.hidden) << 5);
    v128.store(row, one);
    v128.store(row, one, 16);
  }
}

@inline
function slotOf(array: usize, s: i32, stride: usize): usize {
  return array + <usize>(s * plan.maximumPanels) * stride;
}

/** Runs the batch through encoder and decoder, with dropout by `plan.masks` when asked for. */
export function forward(dropout: bool): void {
  const hidden = plan.hidden;
  const steps = plan.steps;
  const outputWeights = plan.parameters + plan.outputAt;
  for (let s = 0; s < 2 * steps; s++) {
    const decoding = s >= steps;
    // h before the first step is 0, and so is the decoder's first input: their columns are left out
    const skip = s === 0 ? hidden : 0;
    const columns = s === steps ? hidden + 1 : plan.depth - skip;
    const weights = plan.parameters + (decoding ? plan.decoderAt : 0) + ((<usize>skip) << 4);
    const state = slotOf(plan.states, s, plan.stateStride);
    const next = slotOf(plan.states, s + 1, plan.stateStride);
    const gate = slotOf(plan.gates, s, plan.gateStride);
    const input = state + ((<usize>skip) << 5);
    multiply(weights, plan.cellTile, columns, input, plan.stateStride, gate, plan.gateStride, 4 * hidden, panels, false);
    for (let p = 0; p < panels; p++) {
      const cell = <usize>p * plan.cellStride;
      cellForward(
        gate + <usize>p * plan.gateStride,
        slotOf(plan.cells, s, plan.cellStride) + cell,
        slotOf(plan.cells, s + 1, plan.cellStride) + cell,
        slotOf(plan.cellTanh, s, plan.cellStride) + cell,
        next + <usize>p * plan.stateStride,
        hidden,
      );
    }
    if (!decoding) continue;
    const kept = slotOf(plan.dropped, s - steps, plan.droppedStride);
    const mask = dropout ? slotOf(plan.masks, s - steps, plan.cellStride) : 0;
    for (let p = 0; p < panels; p++) drop(next, kept, mask, p);
    const output = next + ((<usize>hidden + 1) << 5);
    multiply(
      outputWeights,
      plan.outputTile,
      hidden + 1,
      kept,
      plan.droppedStride,
      output,
      plan.stateStride,
      plan.outputRows,
      panels,
      false,
    );
  }
}

@inline
function drop(state: usize, kept: usize, mask: usize, panel: i32): void {
  const from = state + <usize>panel * plan.stateStride;
  const to = kept + <usize>panel * plan.droppedStride;
  if (mask === 0) {
    memory.copy(to, from, plan.cellStride);
    return;
  }
  mask += <usize>panel * plan.cellStride;
  for (let at: usize = 0; at < plan.cellStride; at += 16) {
    v128.store(to + at, f32x4.mul(v128.load(from + at), v128.load(mask + at)));
  }
}

/** Mean squared error of the last forward over the windows of the batch. */
export function loss(): f64 {
  let low = f64x2.splat(0);
  let high = f64x2.splat(0);
  for (let t = 0; t < plan.steps; t++) {
    for (let p = 0; p < panels; p++) {
      const x = inputRows(t, p);
      const y = inputRows(plan.steps + t + 1, p);
      for (let half: usize = 0; half < 32; half += 16) {
        for (let at = half; at < <usize>plan.features << 5; at += 32) {
          let e = f32x4.sub(v128.load(y + at), v128.load(x + at));
          if (p === panels - 1) e = v128.and(e, half === 0 ? lowLanes : highLanes);
          const a = f64x2.promote_low_f32x4(e);
          const b = f64x2.promote_low_f32x4(v128.shuffle<f64>(e, e, 1, 1));
          low = f64x2.add(low, f64x2.mul(a, a));
          high = f64x2.add(high, f64x2.mul(b, b));
        }
      }
    }
  }
  const sum = f64x2.add(low, high);
  return (f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1)) / (<f64>batch * plan.steps * plan.features);
}

@inline
function inputRows(s: i32, panel: i32): usize {
  return slotOf(plan.states, s, plan.stateStride) + <usize>panel * plan.stateStride + ((<usize>plan.hidden + 1) << 5);
}

/** The transposes that backward multiplies with; once behind every change of the parameters. */
function transposeWeights(): void {
  const rows = 4 * plan.hidden;
  const decoder = plan.parameters + plan.decoderAt;
  transposeQuads(plan.parameters, plan.cellTile, rows, plan.hidden, plan.encoderTransposed);
  transposeQuads(decoder, plan.cellTile, rows, plan.paddedDepth, plan.decoderTransposed);
  transposeQuads(
    plan.parameters + plan.outputAt,
    plan.outputTile,
    plan.outputOctets,
    plan.hidden,
    plan.outputTransposed,
  );
}

/** Writes the gradient of the mean squared error of the last forward to `plan.gradients`. `dropout` as in that forward. */
export function backward(dropout: bool): void {
  const hidden = plan.hidden;
  const steps = plan.steps;
  const chunk = plan.chunkSteps(panels);
  transposeWeights();
  memory.fill(plan.gradients, 0, (<usize>plan.parameterCount) << 2);
  memory.fill(plan.stateDerivative, 0, <usize>panels * plan.stateStride);
  memory.fill(plan.cellDerivative, 0, <usize>panels * plan.cellStride);

  let slots = 0;
  let slot = 0;
  for (let s = 2 * steps - 1; s >= 0; s--) {
    const decoding = s >= steps;
    const t = s - steps;
    if (slot === slots) {
      slots = min(chunk, decoding ? t + 1 : s + 1);
      slot = 0;
    }
    const samples = slots * panels * 8;
    const first = <usize>(slot * panels * 8);
    const quadTile = (<usize>samples) << 4;
    const octetTile = (<usize>samples) << 5;
    const state = slotOf(plan.states, s, plan.stateStride);
    let mask: usize = 0;

    if (decoding) {
      for (let p = 0; p < panels; p++) differentiateOutput(t, p);
      const kept = slotOf(plan.dropped, t, plan.droppedStride);
      const octets = plan.outputDerivativeOctets + (first << 5);
      panelsToOctets(plan.outputDerivative, plan.outputStride, panels, plan.outputOctets, octets, octetTile);
      panelsToQuads(kept, plan.droppedStride, panels, plan.outputDepth, plan.droppedQuads + (first << 4), quadTile);
      // without dropout h itself went to the output layer: its derivative is added to that of h
      mask = dropout ? slotOf(plan.masks, t, plan.cellStride) : 0;
      multiply(
        plan.outputTransposed,
        (<usize>plan.outputOctets) << 4,
        plan.features,
        plan.outputDerivative,
        plan.outputStride,
        dropout ? plan.droppedDerivative : plan.stateDerivative,
        dropout ? plan.cellStride : plan.stateStride,
        hidden,
        panels,
        !dropout,
      );
    }

    for (let p = 0; p < panels; p++) {
      const cell = <usize>p * plan.cellStride;
      const gate = <usize>p * plan.gateStride;
      cellBackward(
        slotOf(plan.gates, s, plan.gateStride) + gate,
        slotOf(plan.cells, s, plan.cellStride) + cell,
        slotOf(plan.cellTanh, s, plan.cellStride) + cell,
        plan.stateDerivative + <usize>p * plan.stateStride,
        mask === 0 ? 0 : mask + cell,
        plan.droppedDerivative + cell,
        plan.cellDerivative + cell,
        plan.gateDerivative + gate,
        plan.gateOctets + (first << 5) + ((<usize>p) << 8),
        octetTile,
        hidden,
      );
    }
    panelsToQuads(state, plan.stateStride, panels, plan.paddedDepth, plan.stateQuads + (first << 4), quadTile);
    slot++;
    if (slot === slots) addGradients(decoding, samples);

    // nothing asks for the derivative of what came before the first step; only the decoder's later inputs are outputs of its own
    if (s > 0) {
      multiply(
        decoding ? plan.decoderTransposed : plan.encoderTransposed,
        (<usize>hidden) << 6,
        4 * hidden,
        plan.gateDerivative,
        plan.gateStride,
        plan.stateDerivative,
        plan.stateStride,
        s > steps ? plan.paddedDepth : hidden,
        panels,
        false,
      );
    }
  }
}

function addGradients(decoding: bool, samples: i32): void {
  const rows = 4 * plan.hidden;
  const gradient = plan.gradients + (decoding ? plan.decoderAt : 0);
  addGradient(plan.stateQuads, plan.gateOctets, samples, gradient, plan.cellTile, rows, plan.paddedDepth);
  if (!decoding) return;
  addGradient(
    plan.droppedQuads,
    plan.outputDerivativeOctets,
    samples,
    plan.gradients + plan.outputAt,
    plan.outputTile,
    plan.outputOctets,
    plan.outputDepth,
  );
}

/** Derivative of the loss by the output of decoder step t: of its own error and, but for the last step, of what was fed back. */
function differentiateOutput(t: i32, panel: i32): void {
  const x = inputRows(t, panel);
  const y = inputRows(plan.steps + t + 1, panel);
  const fed = plan.stateDerivative + <usize>panel * plan.stateStride + ((<usize>plan.hidden + 1) << 5);
  const out = plan.outputDerivative + <usize>panel * plan.outputStride;
  const scale = f32x4.splat(<f32>(2.0 / (<f64>batch * plan.steps * plan.features)));
  const last = t === plan.steps - 1;
  for (let half: usize = 0; half < 32; half += 16) {
    for (let at = half; at < <usize>plan.features << 5; at += 32) {
      let d = f32x4.mul(scale, f32x4.sub(v128.load(y + at), v128.load(x + at)));
      if (panel === panels - 1) d = v128.and(d, half === 0 ? lowLanes : highLanes);
      if (!last) d = f32x4.add(d, v128.load(fed + at));
      v128.store(out + at, d);
    }
  }
}
