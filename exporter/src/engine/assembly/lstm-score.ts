/**
 * Reconstruction without training. The decoder's weights are folded: with y = Wo h + bo fed back, the sums of the next gates are
 *
 *     Wx y + Wh h + b = (Wh + Wx Wo) h + (b + Wx bo)
 *
 * so one product of `folded`, those rows with Wo below them, gives the next gates and this step's output. Only the first step, whose input is 0, differs.
 * A few windows go one by one: a product of a matrix and a vector reads the weights once, as one panel does, but computes no empty columns.
 * Both ways add in the same order, so a window's reconstruction does not depend, not even in its last bit, on what else is scored with it.
 */
import { multiply, storeTransposed } from './gemm';
import { cellStep } from './lstm-cell';

let features: i32 = 0;
let hidden: i32 = 0;
let steps: i32 = 0;
/** columns of the encoder's weights: h, 1, x */
let depth: i32 = 0;
let outputRows: i32 = 0;
/** bytes a tile */
let encoderTile: usize = 0;
let decoderTile: usize = 0;
/** bytes a panel */
let stateStride: usize = 0;
let sumStride: usize = 0;
let cellStride: usize = 0;

let encoder: usize = 0;
let first: usize = 0;
let folded: usize = 0;
let windows: usize = 0;
let reconstructions: usize = 0;
let states: usize = 0;
let sums: usize = 0;
let cells: usize = 0;
let end: usize = 0;

/** Below this many windows a panel of 8 costs more than the single ones. */
const SINGLES: i32 = 6;

/** Lays the arrays out from `base`, a multiple of 16, for up to `batch` windows at once; returns where they end. */
export function planScoring(base: usize, featureCount: i32, hiddenCount: i32, stepCount: i32, batch: i32): usize {
  features = featureCount;
  hidden = hiddenCount;
  steps = stepCount;
  depth = hidden + 1 + features;
  outputRows = (features + 3) & ~3;
  encoderTile = <usize>((depth + 3) & ~3) << 4;
  decoderTile = <usize>(hidden + 4) << 4;
  stateStride = <usize>depth << 5;
  sumStride = <usize>(4 * hidden + outputRows) << 5;
  cellStride = <usize>hidden << 5;
  const panels = <usize>((batch + 7) >> 3);
  const rows = <usize>(steps * features) << 5;
  end = base;
  encoder = take(<usize>hidden * encoderTile);
  first = take(<usize>hidden * decoderTile);
  folded = take(<usize>(hidden + (outputRows >> 2)) * decoderTile);
  windows = take(panels * rows);
  reconstructions = take(panels * rows);
  states = take(panels * stateStride);
  sums = take(panels * sumStride);
  cells = take(panels * cellStride);
  return end;
}

function take(bytes: usize): usize {
  const address = end;
  end = (end + bytes + 15) & ~15;
  return address;
}

/** Quads of the encoder, [unit][h, 1, x][gate]. */
export function scoreEncoderAt(): usize {
  return encoder;
}
/** Quads of the decoder's first step, [unit][h, 1][gate]. */
export function scoreFirstAt(): usize {
  return first;
}
/** Quads of the decoder's other steps, [unit][h, 1][gate], then of the output, [row / 4][h, 1][row % 4]. */
export function scoreFoldedAt(): usize {
  return folded;
}
/** Where the caller puts windows, [window][step][feature]. */
export function scoreWindowsAt(): usize {
  return windows;
}
/** Where their reconstructions are found, in the same order. */
export function reconstructionsAt(): usize {
  return reconstructions;
}

/** Reconstructs the first `count` windows. */
export function reconstruct(count: i32): void {
  const panels = count % 8 < SINGLES ? count >> 3 : (count + 7) >> 3;
  if (panels > 0) reconstructPanels(panels, count);
  for (let window = panels * 8; window < count; window++) reconstructOne(window);
}

function reconstructPanels(panels: i32, count: i32): void {
  const ones = states + (<usize>hidden << 5);
  memory.fill(states, 0, <usize>panels * stateStride);
  memory.fill(cells, 0, <usize>panels * cellStride);
  for (let p = 0; p < panels; p++) {
    v128.store(ones + <usize>p * stateStride, f32x4.splat(1));
    v128.store(ones + <usize>p * stateStride, f32x4.splat(1), 16);
  }
  for (let t = 0; t < steps; t++) {
    copyColumns(windows, ones + 32, stateStride, t, count, panels, true);
    // h before the first step is 0: its columns are left out
    const skip: usize = t === 0 ? <usize>hidden : 0;
    const columns = depth - <i32>skip;
    const from = states + (skip << 5);
    multiply(encoder + (skip << 4), encoderTile, columns, from, stateStride, sums, sumStride, 4 * hidden, panels, false);
    for (let p = 0; p < panels; p++) stepPanel(p);
  }
  multiply(first, decoderTile, hidden + 1, states, stateStride, sums, sumStride, 4 * hidden, panels, false);
  for (let t = 0; t < steps; t++) {
    for (let p = 0; p < panels; p++) stepPanel(p);
    // behind the last step no gates follow, only the output
    const skip: usize = t < steps - 1 ? 0 : <usize>hidden;
    const rows = 4 * (hidden - <i32>skip) + outputRows;
    const weights = folded + skip * decoderTile;
    multiply(weights, decoderTile, hidden + 1, states, stateStride, sums + (skip << 7), sumStride, rows, panels, false);
    copyColumns(reconstructions, sums + (<usize>hidden << 7), sumStride, t, count, panels, false);
  }
}

function stepPanel(panel: i32): void {
  let gate = sums + <usize>panel * sumStride;
  let cell = cells + <usize>panel * cellStride;
  let h = states + <usize>panel * stateStride;
  const last = gate + (<usize>hidden << 7);
  while (gate < last) {
    for (let half: usize = 0; half < 32; half += 16) {
      const at = gate + half;
      v128.store(h, cellStep(v128.load(at), v128.load(at, 32), v128.load(at, 64), v128.load(at, 96), cell));
      h += 16;
      cell += 16;
    }
    gate += 128;
  }
}

/** Row t of each window to its column of the panels, or back. Columns without a window become 0. */
function copyColumns(
  windowed: usize,
  column: usize,
  panelStride: usize,
  t: i32,
  count: i32,
  panels: i32,
  toPanels: bool,
): void {
  for (let window = 0; window < panels * 8; window++) {
    let row = windowed + (<usize>((window * steps + t) * features) << 2);
    let at = column + <usize>(window >> 3) * panelStride + (<usize>(window & 7) << 2);
    for (let f = 0; f < features; f++, row += 4, at += 32) {
      if (toPanels) store<f32>(at, window < count ? load<f32>(row) : 0);
      else if (window < count) store<f32>(row, load<f32>(at));
    }
  }
}

function reconstructOne(window: i32): void {
  const bytes = <usize>features << 2;
  const input = states + (<usize>(hidden + 1) << 2);
  let row = windows + <usize>(window * steps) * bytes;
  memory.fill(states, 0, <usize>hidden << 2);
  memory.fill(cells, 0, <usize>hidden << 2);
  store<f32>(states + (<usize>hidden << 2), 1);
  for (let t = 0; t < steps; t++, row += bytes) {
    memory.copy(input, row, bytes);
    const skip: usize = t === 0 ? <usize>hidden : 0;
    multiplyOne(encoder + (skip << 4), encoderTile, depth - <i32>skip, states + (skip << 2), sums, hidden);
    stepOne();
  }
  multiplyOne(first, decoderTile, hidden + 1, states, sums, hidden);
  row = reconstructions + <usize>(window * steps) * bytes;
  for (let t = 0; t < steps; t++, row += bytes) {
    stepOne();
    const skip: usize = t < steps - 1 ? 0 : <usize>hidden;
    const tiles = hidden - <i32>skip + (outputRows >> 2);
    multiplyOne(folded + skip * decoderTile, decoderTile, hidden + 1, states, sums + (skip << 4), tiles);
    memory.copy(row, sums + (<usize>hidden << 4), bytes);
  }
}

/** Four units at a time, whose gates lie one unit behind the other. */
function stepOne(): void {
  let cell = cells;
  let h = states;
  for (let gate = sums; gate < sums + (<usize>hidden << 4); gate += 64) {
    // in place: the sums of these gates are not needed any more
    storeTransposed(gate, 16, v128.load(gate), v128.load(gate, 16), v128.load(gate, 32), v128.load(gate, 48));
    v128.store(h, cellStep(v128.load(gate), v128.load(gate, 16), v128.load(gate, 32), v128.load(gate, 48), cell));
    cell += 16;
    h += 16;
  }
}

/**
 * Quads times one vector: `to` gets 4 sums a tile. Seven tiles at a time: V8 loads all of an iteration's weights before it multiplies, and seven of them with
 * seven sums and the splat are what 16 registers hold; with eight it takes twice as long. The last seven may overlap those before, which changes nothing.
 * Fewer than seven tiles are computed with what lies behind them: the arrays behind the weights and behind the sums have room for that.
 */
function multiplyOne(weights: usize, tile: usize, columns: i32, vector: usize, to: usize, tiles: i32): void {
  const end = vector + (<usize>columns << 2);
  for (let next = 0; next < tiles; next += 7) {
    const row = <usize>max(0, min(next, tiles - 7));
    let p0 = weights + row * tile;
    let p1 = p0 + tile;
    let p2 = p1 + tile;
    let p3 = p2 + tile;
    let p4 = p3 + tile;
    let p5 = p4 + tile;
    let p6 = p5 + tile;
    let c0 = f32x4.splat(0);
    let c1 = c0;
    let c2 = c0;
    let c3 = c0;
    let c4 = c0;
    let c5 = c0;
    let c6 = c0;
    for (let at = vector; at < end; at += 4) {
      const x = v128.load_splat<f32>(at);
      c0 = f32x4.add(c0, f32x4.mul(v128.load(p0), x));
      c1 = f32x4.add(c1, f32x4.mul(v128.load(p1), x));
      c2 = f32x4.add(c2, f32x4.mul(v128.load(p2), x));
      c3 = f32x4.add(c3, f32x4.mul(v128.load(p3), x));
      c4 = f32x4.add(c4, f32x4.mul(v128.load(p4), x));
      c5 = f32x4.add(c5, f32x4.mul(v128.load(p5), x));
      c6 = f32x4.add(c6, f32x4.mul(v128.load(p6), x));
      p0 += 16;
      p1 += 16;
      p2 += 16;
      p3 += 16;
      p4 += 16;
      p5 += 16;
      p6 += 16;
    }
    const sums = to + (row << 4);
    v128.store(sums, c0);
    v128.store(sums, c1, 16);
    v128.store(sums, c2, 32);
    v128.store(sums, c3, 48);
    v128.store(sums, c4, 64);
    v128.store(sums, c5, 80);
    v128.store(sums, c6, 96);
  }
}
