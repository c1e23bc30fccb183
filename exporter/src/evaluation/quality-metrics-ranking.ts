/**
 * How well scores rank labelled rows, over every threshold at once. Every distinct score is a candidate threshold and a row is flagged when score >= threshold,
 * so ties are never split.
 *
 * Labels: 0 is normal, everything else anomalous. A NaN score (a detector that had nothing to say) ranks below every number: a missed anomaly, never a false alarm
 * before the others. Labels of one class have no ranking to judge: all functions here throw a RangeError then, and when lengths differ.
 */

/** Rows in the order of falling score, and the counts at each distinct threshold. */
export interface Ranking {
  /** row numbers, highest score first; rows of equal score keep their order */
  readonly order: Uint32Array;
  /** distinct scores, highest first; NaN is -Infinity */
  readonly threshold: Float64Array;
  /** anomalous / normal rows flagged at each threshold */
  readonly truePositives: Float64Array;
  readonly falsePositives: Float64Array;
  readonly positives: number;
  readonly negatives: number;
}

export interface BestF1 {
  readonly f1: number;
  readonly threshold: number;
}

/** Sorted once, to be shared by the functions below and by those of the other quality metrics. */
export function rank(labels: ArrayLike<number>, scores: ArrayLike<number>): Ranking {
  const n = labels.length;
  if (scores.length !== n)
    throw new RangeError(`${n} labels but ${scores.length} scores: one of each per row is needed`);
  const value = new Float64Array(n);
  let positives = 0;
  for (let i = 0; i < n; i++) {
    value[i] = rankable(scores[i]);
    if (labels[i] !== 0) positives++;
  }
  if (positives === 0 || positives === n) {
    throw new RangeError(
      `all ${n} labels are ${positives === 0 ? 'normal' : 'anomalous'}: ranking needs rows of both classes`,
    );
  }
  const order = Uint32Array.from(value.keys()).sort((a, b) =>
    value[b] > value[a] ? 1 : value[b] < value[a] ? -1 : a - b,
  );
  const threshold = new Float64Array(n);
  const truePositives = new Float64Array(n);
  const falsePositives = new Float64Array(n);
  let groups = 0;
  let tp = 0;
  for (let i = 0; i < n; i++) {
    if (labels[order[i]] !== 0) tp++;
    if (i + 1 < n && value[order[i + 1]] === value[order[i]]) continue;
    threshold[groups] = value[order[i]];
    truePositives[groups] = tp;
    falsePositives[groups] = i + 1 - tp;
    groups++;
  }
  return {
    order,
    threshold: threshold.slice(0, groups),
    truePositives: truePositives.slice(0, groups),
    falsePositives: falsePositives.slice(0, groups),
    positives,
    negatives: n - positives,
  };
}

/** A score as it ranks: NaN below everything. */
export function rankable(score: number): number {
  return score === score ? score : -Infinity;
}

/** Area under the ROC curve by trapezoids: the chance that an anomalous row scores above a normal one, ties count half. */
export function rocAuc({ truePositives, falsePositives, positives, negatives }: Ranking): number {
  let area = 0;
  let tpr = 0;
  let fpr = 0;
  for (let k = 0; k < truePositives.length; k++) {
    const nextTpr = truePositives[k] / positives;
    const nextFpr = falsePositives[k] / negatives;
    area += ((nextFpr - fpr) * (nextTpr + tpr)) / 2;
    tpr = nextTpr;
    fpr = nextFpr;
  }
  return area;
}

/** Area under precision over recall by steps, without interpolation: the sum of (recall gained) x (precision there). */
export function averagePrecision({ truePositives, falsePositives, positives }: Ranking): number {
  let area = 0;
  let recall = 0;
  for (let k = 0; k < truePositives.length; k++) {
    const next = truePositives[k] / positives;
    area += ((next - recall) * truePositives[k]) / (truePositives[k] + falsePositives[k]);
    recall = next;
  }
  return area;
}

/** The best F1 any threshold reaches, and the highest such threshold: what an oracle would choose, so an upper bound for every policy. */
export function bestF1({ threshold, truePositives, falsePositives, positives }: Ranking): BestF1 {
  let best: BestF1 = { f1: -1, threshold: NaN };
  for (let k = 0; k < threshold.length; k++) {
    const f1 = (2 * truePositives[k]) / (truePositives[k] + falsePositives[k] + positives);
    if (f1 > best.f1) best = { f1, threshold: threshold[k] };
  }
  return best;
}
