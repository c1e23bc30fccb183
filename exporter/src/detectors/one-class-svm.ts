/**
 * One-class support vector machine with radial basis functions (B. Schoelkopf, J. C. Platt, J. Shawe-Taylor, A. J. Smola, R. C. Williamson: Estimating the
 * Support of a High-Dimensional Distribution, Neural Computation 13(7), 2001): a smooth region that leaves a share `nu` of the training rows outside,
 * described by the rows on and beyond its border, the support vectors, each with a weight.
 *
 * The machine's decision is s(x) - rho, with s(x) the weighted sum of kernel values. The score is -ln(s(x) / sum of weights) = gamma d^2, where d is a soft
 * minimum of the distances to the support vectors. It orders rows exactly as the decision does, and
 *  - is above 0 and grows with every step away, so that it can be divided by its training mean and compared with thresholds;
 *  - tells far from further: the decision is the same -rho, to the last bit, for everything a few training deviations away.
 * The border, decision 0, is at the score -ln(rho / sum of weights).
 *
 * Beyond the paper: every feature enters as level and as change against its recent mean, both standardised; and the training rows are a random sample,
 * because the machine's size is a share of theirs.
 */
import { z } from 'zod';
import { type RbfKernel, rbfKernel } from '../engine/classic-rbf.ts';
import type { Detector, FitOptions, Matrix, Model, Rows } from '../flow.ts';
import { seededRandom } from '../random.ts';
import type { DetectorType } from './detector-type.ts';
import { packModel, unpackModel } from './model-buffer.ts';
import {
  type InputKind,
  type InputScale,
  checkedInputScale,
  fitInputScale,
  inputBlocks,
  inputHistory,
  sampleInputs,
} from './scaled-inputs.ts';

const NAME = 'one-class-svm';
const LAYOUT_VERSION = 1;
const LAYOUT = ['f64', 'f64', 'f64', 'f32', 'f32'] as const;
const MINIMUM_ROWS = 64;
/** Rows that are scored together. */
const BLOCK = 256;
/** Steps after which fitting gives up; a few hundred to some thousands are usual. */
const STEPS = 10_000_000;

export const oneClassSvmOptions = z.strictObject({
  nu: z
    .number()
    .gt(0)
    .max(1)
    .default(0.1)
    .describe('share of training rows outside, and least share of support vectors'),
  gamma: z
    .union([z.literal('scale'), z.number().gt(0).max(1e6)])
    .default('scale')
    .describe('1 / (2 width^2) of the kernel in training deviations; scale = 1 / (columns x variance of all inputs)'),
  rows: z
    .int()
    .min(MINIMUM_ROWS)
    .max(20_000)
    .default(2000)
    .describe('training rows that are used, a random sample; the time of fitting grows with their square'),
  tolerance: z
    .number()
    .min(1e-5)
    .max(1)
    .default(1e-3)
    .describe('fitting ends when no exchange of weight between two rows gains more'),
  inputs: z
    .enum(['level', 'level+change'])
    .default('level+change')
    .describe('what distances are measured in: values, or also their difference to their recent mean'),
});
export type OneClassSvmOptions = z.infer<typeof oneClassSvmOptions>;

export interface OneClassSvmModel extends Model {
  readonly parameters: Readonly<OneClassSvmOptions & { seed: number }>;
  readonly scale: InputScale;
  readonly gamma: number;
  /** decision at the border */
  readonly rho: number;
  /** the support vectors, standardised, row-major */
  readonly vectors: Float32Array<ArrayBuffer>;
  /** weight of each, in (0, 1] */
  readonly weights: Float32Array<ArrayBuffer>;
}

export const oneClassSvmType: DetectorType<OneClassSvmOptions> = {
  name: NAME,
  options: oneClassSvmOptions,
  create: oneClassSvm,
};

export function oneClassSvm(options: Partial<OneClassSvmOptions> = {}): Detector<OneClassSvmModel> {
  const settings = oneClassSvmOptions.parse(options);
  const kernel = rbfKernel();

  function score(
    { scale, gamma, vectors, weights }: OneClassSvmModel,
    rows: Rows,
    out: Float64Array,
    wanted?: Uint8Array,
  ): void {
    const columns = scale.mean.length;
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    for (let row = 0; row < rows.values.rows; row++) if (wanted === undefined || wanted[row] !== 0) out[row] = NaN;
    for (const block of inputBlocks(scale, rows, BLOCK, wanted)) {
      const queries = block.inputs.subarray(0, block.count * columns);
      const { nearest, sum } = kernel.rbfSums(vectors, weights, queries, columns, gamma);
      for (let i = 0; i < block.count; i++) {
        // rounding may leave a sum of weights above their total
        out[block.row[i]] = Math.max(0, gamma * nearest[i] - Math.log(sum[i] / total));
      }
    }
  }

  return {
    name: NAME,
    history: inputHistory(settings.inputs),
    minimumRows: MINIMUM_ROWS,
    fit: (rows, fitOptions) => fit(kernel, rows, fitOptions, settings),
    score,
    contributions,
    load(state) {
      const loaded = load(state);
      if (loaded.parameters.inputs !== settings.inputs) {
        throw new Error(
          `cannot load this ${NAME} model: it was fitted with inputs "${loaded.parameters.inputs}" but "${settings.inputs}" is configured; fit it again`,
        );
      }
      return loaded;
    },
  };
}

function fit(kernel: RbfKernel, rows: Rows, { seed }: FitOptions, settings: OneClassSvmOptions): OneClassSvmModel {
  const scale = fitInputScale(rows, settings.inputs);
  const columns = scale.mean.length;
  const inputs = sampleInputs(scale, rows, settings.rows, seededRandom(seed));
  const count = inputs.length / columns;
  if (count < MINIMUM_ROWS) {
    throw new Error(`${NAME} needs at least minimumRows = ${MINIMUM_ROWS} rows with a value to fit, got ${count}`);
  }
  const gamma = Math.fround(settings.gamma === 'scale' ? 1 / (columns * varianceOf(inputs) || 1) : settings.gamma);
  const start = startingWeights(inputs, columns, settings.nu);
  const { alpha, gradient } = kernel.maximiseMargin(inputs, columns, gamma, start, settings.tolerance, STEPS);
  const support = Int32Array.from(alpha.keys()).filter((row) => Math.fround(alpha[row]) > 0);
  const vectors = new Float32Array(support.length * columns);
  support.forEach((row, i) => vectors.set(inputs.subarray(row * columns, (row + 1) * columns), i * columns));
  const weights = Float32Array.from(support, (row) => alpha[row]);
  return model({ ...settings, seed }, count, scale, gamma, borderOf(alpha, gradient), vectors, weights);
}

/** Over all numbers, whatever their column. */
function varianceOf(inputs: Float32Array): number {
  let sum = 0;
  for (const value of inputs) sum += value;
  const mean = sum / inputs.length;
  let squares = 0;
  for (const value of inputs) squares += (value - mean) ** 2;
  return squares / inputs.length;
}

/**
 * Weights that add up to nu x rows, none above 1: full ones for the rows furthest from the centre. Any other start leads to the same machine; this one has
 * most of the rows outside in place already.
 */
function startingWeights(inputs: Float32Array, columns: number, nu: number): Float64Array<ArrayBuffer> {
  const count = inputs.length / columns;
  const centre = new Float64Array(columns);
  for (let row = 0; row < count; row++) {
    for (let c = 0; c < columns; c++) centre[c] += inputs[row * columns + c] / count;
  }
  const distance = new Float64Array(count);
  for (let row = 0; row < count; row++) {
    for (let c = 0; c < columns; c++) distance[row] += (inputs[row * columns + c] - centre[c]) ** 2;
  }
  const whole = Math.floor(nu * count);
  const last = distance.slice().sort()[Math.max(0, count - 1 - whole)];
  const weights = new Float64Array(count);
  let left = nu * count;
  const give = (row: number) => {
    weights[row] = Math.min(1, left);
    left -= weights[row];
  };
  for (let row = 0; row < count; row++) if (distance[row] > last) give(row);
  // rows as far as the last one share what is left
  for (let row = 0; row < count; row++) if (distance[row] === last) give(row);
  return weights;
}

/** The decision of the rows that are exactly on the border, those with a weight between 0 and 1; without any, the middle of where it may be. */
function borderOf(alpha: Float64Array, gradient: Float64Array): number {
  let sum = 0;
  let free = 0;
  let outside = -Infinity;
  let inside = Infinity;
  for (let i = 0; i < alpha.length; i++) {
    if (alpha[i] >= 1) outside = Math.max(outside, gradient[i]);
    else if (alpha[i] <= 0) inside = Math.min(inside, gradient[i]);
    else {
      sum += gradient[i];
      free++;
    }
  }
  if (free > 0) return sum / free;
  return inside === Infinity ? outside : (outside + inside) / 2;
}

/**
 * Which features keep a row away from the support vectors: -ln s(x) is gamma times a mean of squared distances (each support vector counts by its part
 * of s(x)) but for a term without features, and a squared distance is a sum over features, level and change together.
 */
function contributions({ features, scale, gamma, vectors, weights }: OneClassSvmModel, rows: Rows, out: Matrix): void {
  const columns = scale.mean.length;
  const exponent = new Float64Array(weights.length);
  out.data.fill(0, 0, rows.values.rows * features);
  for (const block of inputBlocks(scale, rows, BLOCK)) {
    for (let i = 0; i < block.count; i++) {
      const query = i * columns;
      let nearest = Infinity;
      for (let v = 0; v < weights.length; v++) {
        let squared = 0;
        for (let c = 0; c < columns; c++) squared += (block.inputs[query + c] - vectors[v * columns + c]) ** 2;
        exponent[v] = gamma * squared;
        nearest = Math.min(nearest, exponent[v]);
      }
      const shares = out.data.subarray(block.row[i] * features, (block.row[i] + 1) * features);
      for (let v = 0; v < weights.length; v++) {
        const part = weights[v] * Math.exp(nearest - exponent[v]);
        if (part < 1e-12) continue;
        for (let c = 0; c < columns; c++) {
          shares[c < features ? c : c - features] += part * (block.inputs[query + c] - vectors[v * columns + c]) ** 2;
        }
      }
      let total = 0;
      for (let f = 0; f < features; f++) {
        const value = rows.values.data[block.row[i] * features + f];
        if (value - value !== 0) shares[f] = 0;
        total += shares[f];
      }
      if (total > 0) for (let f = 0; f < features; f++) shares[f] /= total;
    }
  }
}

function model(
  parameters: OneClassSvmModel['parameters'],
  rows: number,
  scale: InputScale,
  gamma: number,
  rho: number,
  vectors: Float32Array<ArrayBuffer>,
  weights: Float32Array<ArrayBuffer>,
): OneClassSvmModel {
  return {
    features: scale.features,
    rows,
    parameters,
    scale,
    gamma,
    rho,
    vectors,
    weights,
    save() {
      const counts = Float64Array.of(
        scale.features,
        rows,
        scale.inputs === 'level' ? 0 : 1,
        gamma,
        rho,
        parameters.nu,
        parameters.gamma === 'scale' ? 0 : parameters.gamma,
        parameters.rows,
        parameters.tolerance,
        parameters.seed,
      );
      return packModel(NAME, LAYOUT_VERSION, [counts, scale.mean, scale.deviation, vectors, weights]);
    },
  };
}

/** Every support vector has its numbers and all of them are finite: then no score reads outside its arrays. */
function load(state: ArrayBuffer): OneClassSvmModel {
  const [counts, mean, deviation, vectors, weights] = unpackModel(NAME, LAYOUT_VERSION, LAYOUT, state);
  const refuse = (problem: string): never => {
    throw new Error(`cannot load this ${NAME} model: ${problem}; fit it again`);
  };
  if (counts.length !== 10) refuse(`it has ${counts.length} counts instead of 10`);
  const [features, rows, wide, gamma, rho, nu, gammaOption, rowsOption, tolerance, seed] = counts;
  if (wide !== 0 && wide !== 1) refuse(`change columns = ${wide} is not 0 or 1`);
  const inputs: InputKind = wide === 0 ? 'level' : 'level+change';
  const scale = checkedInputScale({ features, inputs, mean, deviation }, refuse);
  if (!Number.isInteger(rows) || rows < weights.length) refuse(`rows = ${rows} is not ${weights.length} or more`);
  if (!(gamma > 0 && gamma < Infinity)) refuse(`gamma = ${gamma} is not a finite number above 0`);
  if (!Number.isFinite(rho)) refuse(`rho = ${rho} is not a finite number`);
  if (weights.length === 0) refuse('it has no support vectors');
  if (vectors.length !== weights.length * mean.length) {
    refuse(`it has ${vectors.length} inputs instead of ${weights.length * mean.length}`);
  }
  if (!vectors.every(Number.isFinite)) refuse('an input is not a finite number');
  if (!weights.every((weight) => weight > 0 && weight <= 1)) refuse('a weight is not in 0 .. 1');
  const parameters = {
    nu,
    gamma: gammaOption === 0 ? ('scale' as const) : gammaOption,
    rows: rowsOption,
    tolerance,
    inputs,
    seed,
  };
  return model(parameters, rows, scale, gamma, rho, vectors, weights);
}
