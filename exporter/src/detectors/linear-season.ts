/** The daily season as sines and cosines of the time of day, whose weights a ridge keeps small. */
import { cholesky, solve } from '../engine/reference/solve.ts';

const DAY_MS = 86_400_000;

/** Days that training rows must span before a season is told from a trend. */
const FEWEST_DAYS = 2;

/** Terms of a season with that many harmonics; the last one is constant. */
export function seasonTerms(harmonics: number): number {
  return harmonics === 0 ? 0 : 2 * harmonics + 1;
}

/** The terms at a time (ms since the epoch), each of mean square 1 over a day: sine and cosine of each harmonic, then 1. */
export function writeSeason(time: number, harmonics: number, out: Float64Array): void {
  const day = (2 * Math.PI * (((time % DAY_MS) + DAY_MS) % DAY_MS)) / DAY_MS;
  for (let m = 1; m <= harmonics; m++) {
    out[2 * m - 2] = Math.SQRT2 * Math.sin(m * day);
    out[2 * m - 1] = Math.SQRT2 * Math.cos(m * day);
  }
  out[2 * harmonics] = 1;
}

/**
 * Harmonics that these rows can carry: none when it is not known how many rows a day has, when they span less than two days, or when they fill less than
 * half of that; never more than a quarter of a day's rows.
 */
export function usableHarmonics(time: Float64Array, rowsPerDay: number, harmonics: number): number {
  if (!(rowsPerDay > 0) || time.length < (FEWEST_DAYS * rowsPerDay) / 2) return 0;
  let first = Infinity;
  let last = -Infinity;
  for (const at of time) {
    if (at < first) first = at;
    if (at > last) last = at;
  }
  const step = DAY_MS / rowsPerDay;
  if (last - first + step < FEWEST_DAYS * DAY_MS) return 0;
  return Math.min(harmonics, Math.floor(rowsPerDay / 4));
}

/**
 * The ridge regression of columns on the season: weights (terms x columns, row-major) that minimise the squared error plus `ridge` times the number of
 * rows times their squares. `squares` is H'H (terms x terms), `products` H'X (terms x columns), summed over `rows` rows.
 */
export function seasonWeights(
  squares: Float64Array,
  products: Float64Array,
  terms: number,
  rows: number,
  ridge: number,
): Float64Array<ArrayBuffer> {
  const columns = terms === 0 ? 0 : products.length / terms;
  const weights = new Float64Array(terms * columns);
  if (terms === 0) return weights;
  const system = squares.slice();
  for (let t = 0; t < terms; t++) system[t * terms + t] += ridge * rows;
  const factor = cholesky(system, terms);
  const right = new Float64Array(terms);
  for (let c = 0; c < columns; c++) {
    for (let t = 0; t < terms; t++) right[t] = products[t * columns + c];
    const column = solve(factor, terms, right);
    for (let t = 0; t < terms; t++) weights[t * columns + c] = column[t];
  }
  return weights;
}
