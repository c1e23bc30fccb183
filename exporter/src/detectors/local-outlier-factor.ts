/**
 * Local outlier factor (M. M. Breunig, H.-P. Kriegel, R. T. Ng, J. Sander: LOF: Identifying Density-Based Local Outliers, SIGMOD 2000), for rows that were
 * not in training: how much sparser it is around a row than around its nearest training rows. The score is the factor itself: about 1 for ordinary rows,
 * without an upper end.
 *
 * Beyond the paper: every feature enters as level and as change against its recent mean, both standardised; and the training rows are a random sample,
 * because every score looks at all of them.
 *
 * Limits: where training rows repeat more often than there are neighbours, density has no bound but a fixed one (1e10, scikit-learn's), and a row
 * beside them scores as many times higher. Distances add up over all columns: with hundreds of them one deviating column drowns.
 */
import { z } from 'zod';
import { neighbourSearch } from '../engine/classic-distances.ts';
import type { Detector, FitOptions, Matrix, Model, Rows } from '../flow.ts';
import { seededRandom } from '../random.ts';
import type { DetectorType } from './detector-type.ts';
import { packModel, unpackModel } from './model-buffer.ts';
import {
  type InputScale,
  checkedInputScale,
  fitInputScale,
  inputBlocks,
  inputHistory,
  sampleInputs,
} from './scaled-inputs.ts';

const NAME = 'local-outlier-factor';
const LAYOUT_VERSION = 1;
const LAYOUT = ['f64', 'f64', 'f64', 'f32', 'f64', 'f64'] as const;
const MINIMUM_ROWS = 64;
/** Rows that are scored together. */
const BLOCK = 256;
/** Added to mean reachability distances: the density where all of them are 0 is its inverse. As scikit-learn, so that scores are the same. */
const LEAST_REACH = 1e-10;

export const localOutlierFactorOptions = z.strictObject({
  neighbours: z.int().min(1).max(200).default(20).describe('training rows that a row is compared with'),
  rows: z
    .int()
    .min(MINIMUM_ROWS)
    .max(50_000)
    .default(4000)
    .describe(
      'training rows that are kept, a random sample; the time of a score grows with them, that of fitting with their square',
    ),
  inputs: z
    .enum(['level', 'level+change'])
    .default('level+change')
    .describe('what distances are measured in: values, or also their difference to their recent mean'),
});
export type LocalOutlierFactorOptions = z.infer<typeof localOutlierFactorOptions>;

export interface LocalOutlierFactorModel extends Model {
  readonly parameters: Readonly<LocalOutlierFactorOptions & { seed: number }>;
  readonly scale: InputScale;
  /** neighbours that are used: the option, or all others when there are fewer */
  readonly neighbours: number;
  /** the training rows, standardised, row-major */
  readonly inputs: Float32Array<ArrayBuffer>;
  /** distance of each training row's last neighbour */
  readonly reach: Float64Array<ArrayBuffer>;
  /** local reachability density of each training row */
  readonly density: Float64Array<ArrayBuffer>;
}

export const localOutlierFactorType: DetectorType<LocalOutlierFactorOptions> = {
  name: NAME,
  options: localOutlierFactorOptions,
  create: localOutlierFactor,
};

export function localOutlierFactor(
  options: Partial<LocalOutlierFactorOptions> = {},
): Detector<LocalOutlierFactorModel> {
  const settings = localOutlierFactorOptions.parse(options);
  const search = neighbourSearch();
  const minimumRows = Math.max(MINIMUM_ROWS, settings.neighbours + 1);

  function fit(rows: Rows, { seed }: FitOptions): LocalOutlierFactorModel {
    const scale = fitInputScale(rows, settings.inputs);
    const columns = scale.mean.length;
    const inputs = sampleInputs(scale, rows, settings.rows, seededRandom(seed));
    const count = inputs.length / columns;
    if (count < minimumRows) {
      throw new Error(`${NAME} needs at least minimumRows = ${minimumRows} rows with a value to fit, got ${count}`);
    }
    const neighbours = Math.min(settings.neighbours, count - 1);
    const { squared, index } = search.nearestOthers(inputs, columns, neighbours);
    const reach = Float64Array.from({ length: count }, (_, row) => Math.sqrt(squared[(row + 1) * neighbours - 1]));
    const density = Float64Array.from({ length: count }, (_, row) =>
      localDensity(squared, index, row * neighbours, neighbours, reach),
    );
    return model({ ...settings, seed }, scale, neighbours, inputs, reach, density);
  }

  function score(
    { scale, neighbours, inputs, reach, density }: LocalOutlierFactorModel,
    rows: Rows,
    out: Float64Array,
    wanted?: Uint8Array,
  ): void {
    const columns = scale.mean.length;
    for (let row = 0; row < rows.values.rows; row++) if (wanted === undefined || wanted[row] !== 0) out[row] = NaN;
    for (const block of inputBlocks(scale, rows, BLOCK, wanted)) {
      const queries = block.inputs.subarray(0, block.count * columns);
      const { squared, index } = search.nearestRows(inputs, queries, columns, neighbours);
      for (let i = 0; i < block.count; i++) {
        const at = i * neighbours;
        let around = 0;
        for (let n = at; n < at + neighbours; n++) around += density[index[n]];
        out[block.row[i]] = around / neighbours / localDensity(squared, index, at, neighbours, reach);
      }
    }
  }

  /** A feature's share is its part of the squared distances to the neighbours, level and change together. */
  function contributions(
    { features, scale, neighbours, inputs }: LocalOutlierFactorModel,
    rows: Rows,
    out: Matrix,
  ): void {
    const columns = scale.mean.length;
    out.data.fill(0, 0, rows.values.rows * features);
    for (const block of inputBlocks(scale, rows, BLOCK)) {
      const queries = block.inputs.subarray(0, block.count * columns);
      const { index } = search.nearestRows(inputs, queries, columns, neighbours);
      for (let i = 0; i < block.count; i++) {
        const begin = block.row[i] * features;
        let total = 0;
        for (let f = 0; f < features; f++) {
          const value = rows.values.data[begin + f];
          if (value - value !== 0) continue;
          let sum = 0;
          for (let c = f; c < columns; c += features) {
            for (let n = i * neighbours; n < (i + 1) * neighbours; n++) {
              sum += (queries[i * columns + c] - inputs[index[n] * columns + c]) ** 2;
            }
          }
          total += out.data[begin + f] = sum;
        }
        if (total > 0) for (let f = 0; f < features; f++) out.data[begin + f] /= total;
      }
    }
  }

  return {
    name: NAME,
    history: inputHistory(settings.inputs),
    minimumRows,
    fit,
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

/** Inverse of the mean reachability distance to the neighbours: how far they are, but never less than how far their own last neighbour is. */
function localDensity(
  squared: Float32Array,
  index: Int32Array,
  at: number,
  neighbours: number,
  reach: Float64Array,
): number {
  let sum = 0;
  for (let n = at; n < at + neighbours; n++) {
    const distance = Math.sqrt(squared[n]);
    const least = reach[index[n]];
    sum += distance > least ? distance : least;
  }
  return 1 / (sum / neighbours + LEAST_REACH);
}

function model(
  parameters: LocalOutlierFactorModel['parameters'],
  scale: InputScale,
  neighbours: number,
  inputs: Float32Array<ArrayBuffer>,
  reach: Float64Array<ArrayBuffer>,
  density: Float64Array<ArrayBuffer>,
): LocalOutlierFactorModel {
  return {
    features: scale.features,
    rows: reach.length,
    parameters,
    scale,
    neighbours,
    inputs,
    reach,
    density,
    save() {
      const counts = Float64Array.of(
        scale.features,
        scale.inputs === 'level' ? 0 : 1,
        neighbours,
        parameters.neighbours,
        parameters.rows,
        parameters.seed,
      );
      return packModel(NAME, LAYOUT_VERSION, [counts, scale.mean, scale.deviation, inputs, reach, density]);
    },
  };
}

/** Every row has its numbers, there are more rows than neighbours, and all numbers are finite: then no score reads outside its arrays. */
function load(state: ArrayBuffer): LocalOutlierFactorModel {
  const [counts, mean, deviation, inputs, reach, density] = unpackModel(NAME, LAYOUT_VERSION, LAYOUT, state);
  const refuse = (problem: string): never => {
    throw new Error(`cannot load this ${NAME} model: ${problem}; fit it again`);
  };
  if (counts.length !== 6) refuse(`it has ${counts.length} counts instead of 6`);
  const [features, wide, neighbours, option, rows, seed] = counts;
  if (wide !== 0 && wide !== 1) refuse(`change columns = ${wide} is not 0 or 1`);
  const kind = wide === 0 ? 'level' : 'level+change';
  const scale = checkedInputScale({ features, inputs: kind, mean, deviation }, refuse);
  const count = reach.length;
  if (!Number.isInteger(neighbours) || neighbours < 1 || neighbours >= count) {
    refuse(`neighbours = ${neighbours} is not in 1 .. ${count - 1}`);
  }
  if (density.length !== count) refuse(`it has ${density.length} densities instead of ${count}`);
  if (inputs.length !== count * mean.length) refuse(`it has ${inputs.length} inputs instead of ${count * mean.length}`);
  if (!inputs.every(Number.isFinite)) refuse('an input is not a finite number');
  if (!reach.every((value) => value >= 0 && value < Infinity)) refuse('a distance is not a finite number');
  if (!density.every((value) => value > 0 && value < Infinity)) refuse('a density is not a finite number above 0');
  return model({ neighbours: option, rows, inputs: kind, seed }, scale, neighbours, inputs, reach, density);
}
