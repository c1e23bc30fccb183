/**
 * VUS-PR: the volume under the range-based precision-recall surface (J. Paparrizos, P. Boniol, T. Palpanas, R. Tsay, A. Elmore, M. Franklin: Volume Under the
 * Surface: A New Accuracy Evaluation Measure for Time-Series Anomaly Detection, VLDB 2022). The mean, over buffer widths w = 0 .. window, of an average precision
 * against labels whose events fade out over w / 2 rows on either side as sqrt(1 - distance / w). Thresholds are a fixed number of ranks of the scores.
 *
 * A wide buffer favours smooth scores: window 100 forgives 50 rows on each side. Read it beside the average precision.
 *
 * Cost: one sort; then each width only touches the rows that fade, because sums are kept per step between two thresholds.
 */
import { type Ranking, rankable } from './quality-metrics-ranking.ts';
import { segmentsOf } from './quality-metrics-segments.ts';

export function vusPr(
  ranking: Ranking,
  labels: ArrayLike<number>,
  scores: ArrayLike<number>,
  window = 100,
  thresholds = 250,
): number {
  const n = labels.length;
  const events = segmentsOf(labels);
  const { cut, flagged, step } = rankGrid(ranking, scores, thresholds);
  const hard = new Float64Array(thresholds);
  for (let i = 0; i < n; i++) if (labels[i] !== 0) hard[step[i]]++;

  // an event's highest score within h rows of it; grows with h, and a merged event has the highest of its parts
  const peak = events.map(({ start, end }) => {
    let highest = -Infinity;
    for (let i = start; i <= end; i++) highest = Math.max(highest, rankable(scores[i]));
    return highest;
  });
  const fade = new Float64Array(n);
  const halo = new Float64Array(thresholds);
  let total = 0;
  for (let width = 0; width <= window; width++) {
    const half = width >> 1;
    halo.fill(0);
    events.forEach(({ start, end }, e) => {
      if (half > 0 && start - half >= 0) peak[e] = Math.max(peak[e], rankable(scores[start - half]));
      if (half > 0 && end + half < n) peak[e] = Math.max(peak[e], rankable(scores[end + half]));
      for (let d = 1; d <= half; d++) {
        const weight = Math.sqrt(1 - d / width);
        if (end + d < n) fade[end + d] += weight;
        if (start - d >= 0) fade[start - d] += weight;
      }
    });
    const take = (row: number) => {
      if (row < 0 || row >= n || fade[row] === 0) return;
      if (labels[row] === 0) halo[step[row]] += Math.min(fade[row], 1);
      fade[row] = 0;
    };
    for (const { start, end } of events) {
      for (let d = 1; d <= half; d++) {
        take(end + d);
        take(start - d);
      }
    }
    total += areaOf(hard, halo, flagged, cut, mergedPeaks(events, peak, half), ranking.positives);
  }
  return total / (window + 1);
}

/** The scores at evenly spaced ranks (highest first), how many rows each flags, and the first threshold at which a row is flagged. */
function rankGrid({ order }: Ranking, scores: ArrayLike<number>, thresholds: number) {
  const n = order.length;
  const spacing = (n - 1) / (thresholds - 1);
  const cut = new Float64Array(thresholds);
  const flagged = new Float64Array(thresholds);
  const step = new Uint32Array(n);
  let next = 0;
  for (let k = 0; k < thresholds; k++) {
    // the last rank is the last row, whatever the rounding of the product
    cut[k] = rankable(scores[order[k === thresholds - 1 ? n - 1 : Math.floor(k * spacing)]]);
    while (next < n && rankable(scores[order[next]]) >= cut[k]) step[order[next++]] = k;
    flagged[k] = next;
  }
  return { cut, flagged, step };
}

/** Highest scores of the events widened by `half` rows on each side, highest first; events that then touch are one. */
function mergedPeaks(
  events: readonly { readonly start: number; readonly end: number }[],
  peak: readonly number[],
  half: number,
): Float64Array {
  const merged: number[] = [];
  events.forEach(({ start }, e) => {
    if (e > 0 && events[e - 1].end + half >= start - half) merged.push(Math.max(merged.pop()!, peak[e]));
    else merged.push(peak[e]);
  });
  return Float64Array.from(merged).sort().reverse();
}

function areaOf(
  hard: Float64Array,
  halo: Float64Array,
  flagged: Float64Array,
  cut: Float64Array,
  peaks: Float64Array,
  positives: number,
): number {
  let area = 0;
  let recall = 0;
  let inside = 0;
  let around = 0;
  let found = 0;
  for (let k = 0; k < cut.length; k++) {
    inside += hard[k];
    around += halo[k];
    while (found < peaks.length && peaks[found] >= cut[k]) found++;
    const truePositives = inside + around;
    const next = (Math.min(truePositives / (positives + around / 2), 1) * found) / peaks.length;
    area += ((next - recall) * truePositives) / flagged[k];
    recall = next;
  }
  return area;
}
