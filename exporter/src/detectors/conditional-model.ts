/** What a conditional model holds, and how it is saved. */
import type { Model } from '../flow.ts';
import type { ProfileScale } from './conditional-profile.ts';
import { TOGETHER, featureParts } from './linear-parts.ts';
import { profileWidth } from './linear-profile.ts';
import { seasonTerms } from './linear-season.ts';
import { packModel, unpackModel } from './model-buffer.ts';
import { checkedInputScale } from './scaled-inputs.ts';

export const NAME = 'conditional';
const LAYOUT_VERSION = 1;
const SECTIONS = 18;
const LAYOUT = Array.from({ length: SECTIONS }, () => 'f64' as const);

export interface ConditionalModel extends Model {
  readonly scale: ProfileScale;
  /** no root of a metric's error counts as more, in the mean of roots and in the root mean square */
  readonly caps: { readonly root: number; readonly rms: number };
  /**
   * For each part of the features (`featureParts`), one behind the other: chol(P_JJ)^-1 P_J for every feature with its columns J, stacked; row-major.
   * Times a profile, minus `offset`, it gives as many numbers a feature as its profile has; the sum of their squares is the feature's error.
   */
  readonly matrix: Float64Array;
  readonly offset: Float64Array;
  /** mean error of each feature over the kept rows, at least 1e-6 */
  readonly error: Float64Array;
  /** what a missing value counts as: the usual capped root of the feature's error, and its usual capped square */
  readonly usualRoot: Float64Array;
  readonly usualSquare: Float64Array;
  /** means over the kept rows of the mean of roots, and of the root mean square */
  readonly meanRoot: number;
  readonly meanRms: number;
  /** one number a column: the level minus what is expected of it given all other features is the sum of these times the numbers of `matrix` */
  readonly surprise: Float64Array;
  /** root mean square of that, in standardised levels */
  readonly surpriseDeviation: Float64Array;
  /** root mean square of the first of the feature's numbers, which is its level given everything else, its own past too, over all training rows; at least 1e-3 */
  readonly residualDeviation: Float64Array;
}

export type ConditionalParts = Omit<ConditionalModel, 'save'>;

export function conditionalModel(parts: ConditionalParts): ConditionalModel {
  return { ...parts, save: () => save(parts) };
}

function save(model: ConditionalParts): ArrayBuffer {
  const { scale } = model;
  const counts = Float64Array.of(
    model.features,
    model.rows,
    scale.harmonics,
    model.caps.root,
    model.caps.rms,
    model.meanRoot,
    model.meanRms,
  );
  return packModel(
    NAME,
    LAYOUT_VERSION,
    [
      counts,
      Float64Array.from(scale.lags),
      Float64Array.from(scale.spans),
      scale.levels.mean,
      scale.levels.deviation,
      scale.mean,
      scale.deviation,
      scale.season,
      scale.changeMean,
      scale.changeDeviation,
      model.matrix,
      model.offset,
      model.error,
      model.usualRoot,
      model.usualSquare,
      model.surprise,
      model.surpriseDeviation,
      model.residualDeviation,
    ].map((section) => Float64Array.from(section)),
  );
}

/** Sizes follow from the counts, and every number is finite, so no loaded file leads outside an array or to a score that is not a number. */
export function loadConditional(state: ArrayBuffer): ConditionalModel {
  const sections = unpackModel(NAME, LAYOUT_VERSION, LAYOUT, state);
  const refuse = (problem: string): never => {
    throw new Error(`cannot load this ${NAME} model: ${problem}; fit it again`);
  };
  const [counts, lagNumbers, spanNumbers, levelMean, levelDeviation, mean, deviation, season, changeMean] = sections;
  const [changeDeviation, matrix, offset, error, usualRoot, usualSquare, surprise] = sections.slice(9);
  const [surpriseDeviation, residualDeviation] = sections.slice(16);
  if (counts.length !== 7) refuse(`it has ${counts.length} counts instead of 7`);
  const [features, rows, harmonics, root, rms, meanRoot, meanRms] = counts;
  const whole = (name: string, value: number, low: number, high: number) => {
    if (!Number.isInteger(value) || value < low || value > high)
      refuse(`${name} = ${value} is not in ${low} .. ${high}`);
  };
  whole('features', features, 1, 2 ** 20);
  whole('rows', rows, 0, 2 ** 32);
  whole('harmonics', harmonics, 0, 64);
  lagNumbers.forEach((lag, i) => whole('a lag', lag, i === 0 ? 0 : lagNumbers[i - 1] + 1, i === 0 ? 0 : 1000));
  if (lagNumbers.length === 0) refuse('it has no lags');
  if (!spanNumbers.every((span) => span >= 1 && span <= 10_000)) refuse('a span is not in 1 .. 10000');
  const shape = { lags: [...lagNumbers], spans: [...spanNumbers] };
  const columns = features * profileWidth(shape);
  const numbers = (name: string, array: Float64Array, length: number, lowest = -Infinity) => {
    if (array.length !== length) refuse(`${array.length} ${name} instead of ${length}`);
    if (!array.every((x) => x - x === 0 && x >= lowest)) refuse(`one of the ${name} is not a number that makes sense`);
  };
  const levels = checkedInputScale({ features, inputs: 'level', mean: levelMean, deviation: levelDeviation }, refuse);
  numbers('means of profile columns', mean, columns);
  numbers('deviations of profile columns', deviation, columns, Number.MIN_VALUE);
  numbers('weights of the season', season, seasonTerms(harmonics) * columns);
  numbers('means of changes', changeMean, features);
  numbers('deviations of changes', changeDeviation, features, Number.MIN_VALUE);
  numbers('elements of the matrix', matrix, matrixSize(features, profileWidth(shape)));
  numbers('offsets', offset, columns);
  numbers('mean errors', error, features, Number.MIN_VALUE);
  numbers('usual roots', usualRoot, features, 0);
  numbers('usual squares', usualSquare, features, 0);
  numbers('surprise weights', surprise, columns);
  numbers('deviations of surprises', surpriseDeviation, features, 0);
  numbers('deviations of residuals', residualDeviation, features, Number.MIN_VALUE);
  numbers('caps and means', Float64Array.of(root, rms, meanRoot, meanRms), 4, 0);
  return conditionalModel({
    features,
    rows,
    scale: { ...shape, levels, mean, deviation, harmonics, season, changeMean, changeDeviation },
    caps: { root, rms },
    matrix,
    offset,
    error,
    usualRoot,
    usualSquare,
    meanRoot,
    meanRms,
    surprise,
    surpriseDeviation,
    residualDeviation,
  });
}

/** Elements of the matrices of all parts. */
export function matrixSize(features: number, width: number): number {
  if (features <= TOGETHER) return (features * width) ** 2;
  return featureParts(features).reduce((sum, part) => sum + (part.features * width) ** 2, 0);
}
