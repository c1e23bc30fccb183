/** Dense networks on the WebAssembly kernels, float32: training of an autoencoder, and runs of a network that was trained. See `reference/dense.ts`. */
import { type DenseLayout, denseLayout, packLayers, unpackLayers } from './dense-layout.ts';
import { type WasmExports, arena, wasmModule } from './instantiate.ts';
import { ADAM, type DenseLayer, type DenseTraining, type Numbers } from './reference/dense.ts';
import { wasm } from './wasm/dense.ts';

/** assembly/dense.ts says what each does; addresses in bytes, counts in numbers */
interface DenseKernels extends WasmExports {
  affine(
    weights: number,
    bias: number,
    from: number,
    to: number,
    width: number,
    out: number,
    panels: number,
    floor: number,
  ): void;
  reluGradient(activation: number, gradient: number, length: number): void;
  transpose(weights: number, to: number, width: number, out: number): void;
  weightGradient(
    gradient: number,
    input: number,
    to: number,
    biasTo: number,
    width: number,
    out: number,
    panels: number,
  ): void;
  squaredError(output: number, target: number, gradient: number, width: number, columns: number, scale: number): number;
  adamStep(
    parameters: number,
    gradient: number,
    first: number,
    second: number,
    length: number,
    step: number,
    learningRate: number,
    beta1: number,
    beta2: number,
    epsilon: number,
    scale: number,
  ): void;
}

/** Columns of a panel. */
const COLUMNS = 8;
/** Rows that are run together: their values and a network of usual size fit a second-level cache. */
const RUN_ROWS = 64;

const instantiate = wasmModule<DenseKernels>(wasm);

/**
 * Training on the kernels, in a memory of its own that is freed with the object. `batch` is the most rows that `gradient` may be given at once.
 * The loss is a sum of float32 squares in float64; weights, gradients and Adam's moments are float32.
 */
export function denseTraining(
  sizes: readonly number[],
  layers: readonly DenseLayer[],
  learningRate: number,
  batch: number,
): DenseTraining {
  const layout = denseLayout(sizes);
  const { widths } = layout;
  const last = widths.length - 1;
  if (sizes[0] !== sizes[last]) throw new Error(`an autoencoder is as wide at its end as at its start: ${sizes}`);
  const kernels = instantiate();
  const room = arena(kernels);
  const capacity = COLUMNS * Math.ceil(batch / COLUMNS);
  const parameters = room.reserve(layout.length);
  const gradients = room.reserve(layout.length);
  const first = room.reserve(layout.length);
  const second = room.reserve(layout.length);
  const values = widths.map((width) => room.reserve(width * capacity));
  const carried = widths.map((width) => room.reserve(width * capacity));
  const widest = Math.max(...widths);
  const noBias = room.reserve(widest);
  const transposed = room.reserve(Math.max(...layout.weights.map((_, l) => widths[l] * widths[l + 1])));
  room.commit();
  const view = (address: number, length: number) => new Float32Array(kernels.memory.buffer, address, length);
  const block = view(parameters, layout.length);
  const gradientBlock = view(gradients, layout.length);
  const inputs = view(values[0], widths[0] * capacity);
  const results = view(values[last], widths[last] * capacity);
  block.set(packLayers(layout, layers));
  let steps = 0;

  return {
    run(rows, count, outputs) {
      for (let from = 0; from < count; from += capacity) {
        const many = Math.min(capacity, count - from);
        fillPanels(inputs, widths[0], rows, sizes[0], many, (i) => from + i);
        forward(kernels, layout, parameters, values, Math.ceil(many / COLUMNS));
        readPanels(results, widths[last], outputs, sizes[last], from, many);
      }
    },
    gradient(rows, picked) {
      const count = picked.length;
      if (count < 1 || count > batch) throw new Error(`a batch has 1 to ${batch} rows, got ${count}`);
      const panels = Math.ceil(count / COLUMNS);
      fillPanels(inputs, widths[0], rows, sizes[0], count, (i) => picked[i]);
      forward(kernels, layout, parameters, values, panels);
      const terms = count * sizes[0];
      const sum = kernels.squaredError(values[last], values[0], carried[last], widths[last], count, 2 / terms);
      for (let l = last - 1; l >= 0; l--) {
        const [width, out] = [widths[l], widths[l + 1]];
        const at = { weights: 4 * layout.weights[l], bias: 4 * layout.biases[l] };
        kernels.weightGradient(
          carried[l + 1],
          values[l],
          gradients + at.weights,
          gradients + at.bias,
          width,
          out,
          panels,
        );
        if (l === 0) break; // nobody asks for the gradient of the input
        kernels.transpose(parameters + at.weights, transposed, width, out);
        kernels.affine(transposed, noBias, carried[l + 1], carried[l], out, width, panels, -Infinity);
        kernels.reluGradient(values[l], carried[l], width * panels * COLUMNS);
      }
      return sum / terms;
    },
    step() {
      steps++;
      const { beta1, beta2, epsilon } = ADAM;
      kernels.adamStep(
        parameters,
        gradients,
        first,
        second,
        layout.length,
        steps,
        learningRate,
        beta1,
        beta2,
        epsilon,
        1,
      );
    },
    layers: () => unpackLayers(layout, block),
    gradients: () => unpackLayers(layout, gradientBlock),
  };
}

/** A network as the kernels read it. Its numbers must not change: a run only loads them when they are not the ones of the run before. */
export interface DenseNetwork {
  readonly layout: DenseLayout;
  readonly parameters: Float32Array;
}

export function denseNetwork(sizes: readonly number[], layers: readonly DenseLayer[]): DenseNetwork {
  const layout = denseLayout(sizes);
  return { layout, parameters: packLayers(layout, layers) };
}

/** All networks of this thread run in one memory, that of the largest: an instance each would take address space by the gigabyte. */
let runner: { kernels: DenseKernels; parameters: number; values: readonly number[]; loaded: DenseNetwork } | undefined;

/**
 * What the network makes of the first `count` rows (row-major, as many columns as its first width), to `outputs`. A row gives the same bits whichever rows
 * stand beside it.
 */
export function runDense(network: DenseNetwork, rows: Numbers, count: number, outputs: Numbers): void {
  const { layout } = network;
  const { sizes, widths } = layout;
  const last = widths.length - 1;
  const { kernels, parameters, values } = prepare(network);
  const { buffer } = kernels.memory;
  const inputs = new Float32Array(buffer, values[0], widths[0] * RUN_ROWS);
  const results = new Float32Array(buffer, values[last], widths[last] * RUN_ROWS);
  for (let from = 0; from < count; from += RUN_ROWS) {
    const many = Math.min(RUN_ROWS, count - from);
    fillPanels(inputs, widths[0], rows, sizes[0], many, (i) => from + i);
    forward(kernels, layout, parameters, values, Math.ceil(many / COLUMNS));
    readPanels(results, widths[last], outputs, sizes[last], from, many);
  }
}

function prepare(network: DenseNetwork): NonNullable<typeof runner> {
  if (runner?.loaded === network) return runner;
  const kernels = runner?.kernels ?? instantiate();
  const { layout } = network;
  const room = arena(kernels);
  const parameters = room.reserve(layout.length);
  // a layer reads one and writes the other
  const widest = Math.max(...layout.widths) * RUN_ROWS;
  const pair = [room.reserve(widest), room.reserve(widest)];
  room.commit();
  new Float32Array(kernels.memory.buffer, parameters, layout.length).set(network.parameters);
  runner = { kernels, parameters, values: layout.widths.map((_, l) => pair[l % 2]), loaded: network };
  return runner;
}

function forward(
  kernels: DenseKernels,
  { widths, weights, biases }: DenseLayout,
  parameters: number,
  values: readonly number[],
  panels: number,
): void {
  const last = weights.length - 1;
  for (let l = 0; l <= last; l++) {
    const [weight, bias] = [parameters + 4 * weights[l], parameters + 4 * biases[l]];
    kernels.affine(
      weight,
      bias,
      values[l],
      values[l + 1],
      widths[l],
      widths[l + 1],
      panels,
      l === last ? -Infinity : 0,
    );
  }
}

/** Rows of data become columns of panels; the columns and values that only pad become 0. */
function fillPanels(
  panels: Float32Array,
  width: number,
  rows: Numbers,
  size: number,
  count: number,
  row: (i: number) => number,
): void {
  for (let i = 0; i < Math.ceil(count / COLUMNS) * COLUMNS; i++) {
    const at = Math.floor(i / COLUMNS) * COLUMNS * width + (i % COLUMNS);
    const filled = i < count ? size : 0;
    const from = i < count ? row(i) * size : 0;
    for (let c = 0; c < filled; c++) panels[at + COLUMNS * c] = rows[from + c];
    for (let c = filled; c < width; c++) panels[at + COLUMNS * c] = 0;
  }
}

function readPanels(
  panels: Float32Array,
  width: number,
  outputs: Numbers,
  size: number,
  from: number,
  count: number,
): void {
  for (let i = 0; i < count; i++) {
    const at = Math.floor(i / COLUMNS) * COLUMNS * width + (i % COLUMNS);
    for (let c = 0; c < size; c++) outputs[(from + i) * size + c] = panels[at + COLUMNS * c];
  }
}
