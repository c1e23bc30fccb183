import { seasonTerms, seasonWeights, usableHarmonics, writeSeason } from './linear-season.ts';
import { keepUsual } from './linear-trim.ts';

const DAY = 86_400_000;
const times = (rows: number, step: number) => Float64Array.from({ length: rows }, (_, r) => 5e11 + r * step);

describe('the daily season', () => {
  it('has terms that repeat every day, before 1970 too, and have mean square 1', () => {
    const at = (time: number) => {
      const out = new Float64Array(seasonTerms(3));
      writeSeason(time, 3, out);
      return [...out];
    };
    for (const time of [12_345_678, -3 * DAY + 777]) {
      at(time + 5 * DAY).forEach((term, i) => expect(term).toBeCloseTo(at(time)[i], 9));
    }
    const squares = new Float64Array(7);
    for (let i = 0; i < 100; i++) at((i / 100) * DAY).forEach((term, t) => (squares[t] += term ** 2 / 100));
    squares.forEach((square) => expect(square).toBeCloseTo(1, 9));
  });

  it('is found by regression, and a ridge of r shrinks it by 1 / (1 + r)', () => {
    const terms = seasonTerms(2);
    const term = new Float64Array(terms);
    const squares = new Float64Array(terms * terms);
    const products = new Float64Array(terms);
    for (let i = 0; i < 240; i++) {
      writeSeason((i / 120) * DAY, 2, term);
      const x = 2 * term[1] - term[2];
      for (let t = 0; t < terms; t++) {
        products[t] += term[t] * x;
        for (let s = 0; s < terms; s++) squares[t * terms + s] += term[t] * term[s];
      }
    }
    const weights = seasonWeights(squares, products, terms, 240, 0.25);
    [0, 1.6, -0.8, 0, 0].forEach((weight, t) => expect(weights[t]).toBeCloseTo(weight, 9));
  });

  it.each([
    ['two whole days', times(2 * 1440, 60_000), 1440, 4],
    ['less than two days', times(2 * 1440 - 1, 60_000), 1440, 0],
    ['an unknown number of rows a day', times(5000, 60_000), 0, 0],
    ['few rows over many days', times(100, 3 * 3_600_000), 1440, 0],
    ['rows of six hours', times(40, 6 * 3_600_000), 4, 1],
  ])('is used with %s only if it can be told', (_, time, rowsPerDay, harmonics) => {
    expect(usableHarmonics(time, rowsPerDay, 4)).toBe(harmonics);
  });
});

describe('trimming', () => {
  it('keeps rows up to the quantile, which lies between two scores', () => {
    expect([...keepUsual(Float64Array.of(5, 1, 4, 2, 3), 0.25)]).toEqual([0, 1, 1, 1, 1]);
    expect([...keepUsual(Float64Array.of(5, 1, 4, 2, 3), 0.3)]).toEqual([0, 1, 0, 1, 1]);
    expect([...keepUsual(Float64Array.of(2, 2, 2), 0.5)]).toEqual([1, 1, 1]);
  });
});
