/** contributions are given from this score on */
export const EXPLAIN_FROM = 0.5;

/** Squared deviations of row `r` as shares that add up to 1; NaN below the score from which contributions are given. */
export function explain(
  r: number,
  columns: number,
  score: number,
  deviation: Float64Array,
  contributions: Float64Array,
): void {
  let sum = 0;
  if (score >= EXPLAIN_FROM) {
    for (let j = 0; j < columns; j++) {
      const d = deviation[r * columns + j];
      if (d === d) sum += d * d;
    }
  }
  for (let j = 0; j < columns; j++) {
    const d = deviation[r * columns + j];
    contributions[r * columns + j] = sum > 0 ? (d === d ? (d * d) / sum : 0) : NaN;
  }
}
