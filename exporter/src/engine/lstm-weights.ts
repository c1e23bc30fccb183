/**
 * Weights of the LSTM autoencoder as the world writes them (Keras: a kernel is inputs x outputs, row-major, gates in the order i, f, g, o, one bias an
 * LSTM), and as the kernels read them: quads, see assembly/gemm.ts.
 */

/** Windows of `steps` rows x `features` columns; `hidden` units, a multiple of 4, in the encoder and as many in the decoder. */
export interface LstmShape {
  readonly features: number;
  readonly hidden: number;
  readonly steps: number;
}

/** Names of the arrays, in the order that every flat form has. */
export const lstmArrays = [
  'encoderKernel',
  'encoderRecurrent',
  'encoderBias',
  'decoderKernel',
  'decoderRecurrent',
  'decoderBias',
  'outputKernel',
  'outputBias',
] as const;
export type LstmArray = (typeof lstmArrays)[number];

/** Kernels are features x 4 hidden, recurrent kernels hidden x 4 hidden, biases 4 hidden; the output's kernel is hidden x features. */
export type LstmWeights = Readonly<Record<LstmArray, Float32Array<ArrayBuffer>>>;

/** [rows, columns] of each array; a bias has one row. */
export function lstmArrayShapes({ features, hidden }: LstmShape): Record<LstmArray, readonly [number, number]> {
  const gates = 4 * hidden;
  return {
    encoderKernel: [features, gates],
    encoderRecurrent: [hidden, gates],
    encoderBias: [1, gates],
    decoderKernel: [features, gates],
    decoderRecurrent: [hidden, gates],
    decoderBias: [1, gates],
    outputKernel: [hidden, features],
    outputBias: [1, features],
  };
}

/** Throws when the shape is one that the kernels cannot have. */
export function checkShape({ features, hidden, steps }: LstmShape): void {
  const whole = (name: string, value: number, multiple: number) => {
    if (!(Number.isInteger(value) && value > 0 && value % multiple === 0)) {
      throw new Error(`${name} = ${value} of an LSTM must be a positive multiple of ${multiple}`);
    }
  };
  whole('features', features, 1);
  whole('hidden', hidden, 4);
  whole('steps', steps, 1);
}

/** Throws when an array is missing or has another length than the shape gives it. */
export function checkWeights(shape: LstmShape, weights: LstmWeights): void {
  const shapes = lstmArrayShapes(shape);
  for (const name of lstmArrays) {
    const wanted = shapes[name][0] * shapes[name][1];
    const found: number | undefined = (weights as Partial<LstmWeights>)[name]?.length;
    if (found !== wanted) throw new Error(`${name} of an LSTM has ${found ?? 'no'} numbers instead of ${wanted}`);
  }
}

/** Uniform in +-1 / sqrt(hidden), as PyTorch begins. `random` is uniform in [0, 1). */
export function initialWeights(shape: LstmShape, random: () => number): LstmWeights {
  const bound = 1 / Math.sqrt(shape.hidden);
  return eachArray(shape, (length) => Float32Array.from({ length }, () => bound * (2 * random() - 1)));
}

/** New arrays by name. */
export function eachArray(
  shape: LstmShape,
  make: (length: number, name: LstmArray) => Float32Array<ArrayBuffer>,
): LstmWeights {
  const shapes = lstmArrayShapes(shape);
  return Object.fromEntries(
    lstmArrays.map((name) => [name, make(shapes[name][0] * shapes[name][1], name)]),
  ) as unknown as LstmWeights;
}

/** Numbers of the quads of one cell with all its columns: h, 1, x. */
export function cellQuads({ features, hidden }: LstmShape): number {
  return hidden * 4 * padded(hidden + 1 + features, 4);
}

/** Visits each weight with its place in a block of parameters as training has it: encoder, decoder, output layer. */
export function eachParameter(shape: LstmShape, visit: (name: LstmArray, index: number, place: number) => void): void {
  const { features, hidden } = shape;
  const cell = cellQuads(shape);
  for (const [kernel, recurrent, bias, from] of [
    ['encoderKernel', 'encoderRecurrent', 'encoderBias', 0],
    ['decoderKernel', 'decoderRecurrent', 'decoderBias', cell],
  ] as const) {
    eachGate(shape, hidden + 1 + features, (unit, gate, place) => {
      const column = gate * hidden + unit;
      for (let k = 0; k < hidden; k++) visit(recurrent, k * 4 * hidden + column, from + place + 4 * k);
      visit(bias, column, from + place + 4 * hidden);
      for (let k = 0; k < features; k++) visit(kernel, k * 4 * hidden + column, from + place + 4 * (hidden + 1 + k));
    });
  }
  for (let f = 0; f < features; f++) {
    const place = 2 * cell + (f >> 2) * 4 * (hidden + 4) + (f & 3);
    for (let k = 0; k < hidden; k++) visit('outputKernel', k * features + f, place + 4 * k);
    visit('outputBias', f, place + 4 * hidden);
  }
}

/**
 * The decoder with the output layer folded into it (assembly/lstm-score.ts): quads of the first step, whose input is 0, and of all others with the output's
 * below. Sums are float64 and rounded once.
 */
export function foldDecoder(shape: LstmShape, weights: LstmWeights): { first: Float32Array; folded: Float32Array } {
  const { features, hidden } = shape;
  const { decoderKernel, decoderRecurrent, decoderBias, outputKernel, outputBias } = weights;
  const gates = 4 * hidden;
  const tile = 4 * (hidden + 4);
  const first = new Float32Array(hidden * tile);
  const folded = new Float32Array((hidden + (padded(features, 4) >> 2)) * tile);
  const sums = new Float64Array((hidden + 1) * gates);
  for (let k = 0; k <= hidden; k++) {
    const row = sums.subarray(k * gates, (k + 1) * gates);
    const own = k < hidden ? decoderRecurrent.subarray(k * gates, (k + 1) * gates) : decoderBias;
    for (let j = 0; j < gates; j++) row[j] = own[j];
    for (let f = 0; f < features; f++) {
      const output = k < hidden ? outputKernel[k * features + f] : outputBias[f];
      const from = f * gates;
      for (let j = 0; j < gates; j++) row[j] += decoderKernel[from + j] * output;
    }
  }
  eachGate(shape, hidden + 1, (unit, gate, place) => {
    const column = gate * hidden + unit;
    for (let k = 0; k <= hidden; k++) {
      first[place + 4 * k] = k < hidden ? decoderRecurrent[k * gates + column] : decoderBias[column];
      folded[place + 4 * k] = sums[k * gates + column];
    }
  });
  for (let f = 0; f < features; f++) {
    const place = (hidden + (f >> 2)) * tile + (f & 3);
    for (let k = 0; k < hidden; k++) folded[place + 4 * k] = outputKernel[k * features + f];
    folded[place + 4 * hidden] = outputBias[f];
  }
  return { first, folded };
}

/** Each gate of each unit with the place of its first column in quads of `columns` columns. */
function eachGate(
  { hidden }: LstmShape,
  columns: number,
  visit: (unit: number, gate: number, place: number) => void,
): void {
  const tile = 4 * padded(columns, 4);
  for (let unit = 0; unit < hidden; unit++) {
    for (let gate = 0; gate < 4; gate++) visit(unit, gate, unit * tile + gate);
  }
}

function padded(count: number, multiple: number): number {
  return Math.ceil(count / multiple) * multiple;
}
