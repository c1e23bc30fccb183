/** Training rows are rarely clean: linear fits are repeated without the rows that the fit before found most unusual. */

/** Which rows stay: those with a score up to the (1 - trim) quantile, which lies between two scores as numpy's does. */
export function keepUsual(scores: Float64Array, trim: number): Uint8Array<ArrayBuffer> {
  const sorted = scores.slice().sort();
  const at = (1 - trim) * (sorted.length - 1);
  const low = Math.floor(at);
  const high = Math.min(low + 1, sorted.length - 1);
  const limit = sorted[low] + (at - low) * (sorted[high] - sorted[low]);
  return Uint8Array.from(scores, (score) => (score <= limit ? 1 : 0));
}
