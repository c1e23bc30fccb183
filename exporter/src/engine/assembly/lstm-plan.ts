/**
 * Where the arrays of a training run lie. A window of `steps` rows makes a sequence of 2 x `steps` cell steps: the encoder reads the rows, then the decoder
 * goes on from its last state. Everything of step s is in slot s of arrays that have a slot a step:
 *
 *   states    [2 steps + 1][panel][stateRows][8]   what step s reads: h (hidden rows), a row of ones, then x, or the decoder's last output
 *   gates     [2 steps][panel][4 hidden][8]        i, f, g, o of each unit, activated
 *   cells     [2 steps + 1][panel][hidden][8]      c before step s
 *   cellTanh  [2 steps][panel][hidden][8]          tanh of c behind step s
 *   dropped   [steps][panel][droppedRows][8]       h behind decoder step t, through dropout; then a row of ones
 *   masks     [steps][panel][hidden][8]            0, or 1 / (1 - dropout)
 *
 * Parameters are one block of quads (see gemm.ts): encoder, decoder (rows unit * 4 + gate, columns as the rows of `states`), output layer (columns as the
 * rows of `dropped`). Gradient and the moments of Adam are blocks of the same form.
 */
export let features: i32 = 0;
export let hidden: i32 = 0;
export let steps: i32 = 0;
/** the batch that the plan has room for, in panels */
export let maximumPanels: i32 = 0;

/** columns of the weights of a cell that count, and the same to the next multiple of 4 */
export let depth: i32 = 0;
export let paddedDepth: i32 = 0;
/** columns of the output layer's weights: hidden + 1, to the next multiple of 4 */
export let outputDepth: i32 = 0;
/** rows of the output, to the next multiple of 4 as they are computed, of 8 as they are kept */
export let outputRows: i32 = 0;
export let outputOctets: i32 = 0;

/** bytes a panel */
export let stateStride: usize = 0;
export let gateStride: usize = 0;
export let cellStride: usize = 0;
export let droppedStride: usize = 0;
export let outputStride: usize = 0;
/** bytes a tile of the parameters */
export let cellTile: usize = 0;
export let outputTile: usize = 0;

export let parameterCount: i32 = 0;
export let parameters: usize = 0;
export let gradients: usize = 0;
export let firstMoments: usize = 0;
export let secondMoments: usize = 0;
/** offsets in bytes of the decoder and of the output layer in a block of parameters */
export let decoderAt: usize = 0;
export let outputAt: usize = 0;

export let encoderTransposed: usize = 0;
export let decoderTransposed: usize = 0;
export let outputTransposed: usize = 0;

export let windows: usize = 0;
export let states: usize = 0;
export let gates: usize = 0;
export let cells: usize = 0;
export let cellTanh: usize = 0;
export let dropped: usize = 0;
export let masks: usize = 0;

/** what backward works with: derivatives of one step, and the packed operands of a chunk of steps */
export let stateDerivative: usize = 0;
export let cellDerivative: usize = 0;
export let gateDerivative: usize = 0;
export let droppedDerivative: usize = 0;
export let outputDerivative: usize = 0;
export let gateOctets: usize = 0;
export let stateQuads: usize = 0;
export let outputDerivativeOctets: usize = 0;
export let droppedQuads: usize = 0;

/** samples that one chunk of a gradient sums over (see addGradient) */
const CHUNK_SAMPLES: i32 = 128;

let end: usize = 0;

/** Steps of a gradient's chunk for a batch of `panels`. */
export function chunkSteps(panels: i32): i32 {
  return max(1, CHUNK_SAMPLES / (panels * 8));
}

/** Lays the arrays out from `base`, a multiple of 16, for batches of up to `batch` windows; returns where they end. Contents are undefined: call `clear` once. */
export function planTraining(base: usize, featureCount: i32, hiddenCount: i32, stepCount: i32, batch: i32): usize {
  features = featureCount;
  hidden = hiddenCount;
  steps = stepCount;
  const panels = (batch + 7) >> 3;
  maximumPanels = panels;
  depth = hidden + 1 + features;
  paddedDepth = (depth + 3) & ~3;
  outputDepth = hidden + 4;
  outputRows = (features + 3) & ~3;
  outputOctets = (features + 7) & ~7;
  const stateRows = (hidden + 1 + outputRows + 3) & ~3;
  stateStride = stateRows * 32;
  gateStride = hidden * 128;
  cellStride = hidden * 32;
  droppedStride = outputDepth * 32;
  outputStride = outputOctets * 32;
  cellTile = paddedDepth * 16;
  outputTile = outputDepth * 16;

  const units = <usize>hidden;
  decoderAt = units * cellTile;
  outputAt = decoderAt * 2;
  const parameterBytes = outputAt + <usize>(outputOctets >> 2) * outputTile;
  parameterCount = <i32>(parameterBytes >> 2);

  const stepPanels = <usize>(steps * panels);
  const slots = stepPanels * 2;
  const oneSlot = <usize>panels;
  const chunk: usize = max(panels * 8, CHUNK_SAMPLES);
  end = base;
  parameters = take(parameterBytes);
  gradients = take(parameterBytes);
  firstMoments = take(parameterBytes);
  secondMoments = take(parameterBytes);
  encoderTransposed = take((units * gateStride) >> 1);
  decoderTransposed = take((<usize>paddedDepth * gateStride) >> 1);
  outputTransposed = take(units * outputOctets * 4);
  windows = take(stepPanels * features * 32);
  states = take((slots + oneSlot) * stateStride);
  gates = take(slots * gateStride);
  cells = take((slots + oneSlot) * cellStride);
  cellTanh = take(slots * cellStride);
  dropped = take(stepPanels * droppedStride);
  masks = take(stepPanels * cellStride);
  stateDerivative = take(oneSlot * stateStride);
  cellDerivative = take(oneSlot * cellStride);
  gateDerivative = take(oneSlot * gateStride);
  droppedDerivative = take(oneSlot * cellStride);
  outputDerivative = take(oneSlot * outputStride);
  gateOctets = take(chunk * units * 16);
  stateQuads = take(chunk * paddedDepth * 4);
  outputDerivativeOctets = take(chunk * outputOctets * 4);
  droppedQuads = take(chunk * outputDepth * 4);
  return end;
}

/** Zeroes everything that was laid out. */
export function clear(): void {
  memory.fill(parameters, 0, end - parameters);
}

function take(bytes: usize): usize {
  const address = end;
  end = (end + bytes + 15) & ~15;
  return address;
}
