import { seededRandom } from '../random.ts';
import { symmetricEigen } from './linear-eigen.ts';

function symmetric(n: number, rank: number): Float64Array {
  const random = seededRandom(n, rank);
  const a = new Float64Array(n * n);
  for (let k = 0; k < rank; k++) {
    const v = Float64Array.from({ length: n }, () => random.normal());
    for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) a[i * n + j] += (k % 3 === 2 ? -1 : 1) * v[i] * v[j];
  }
  return a;
}

describe('the eigenvectors of a symmetric matrix', () => {
  it.each([
    [1, 1],
    [2, 2],
    [7, 7],
    [30, 30],
    [30, 4],
    [12, 0],
  ])('of size %i and rank %i are orthonormal and make the matrix up, largest value first', (n, rank) => {
    const a = symmetric(n, rank);
    const before = a.slice();
    const { values, vectors } = symmetricEigen(a, n);
    expect(a).toEqual(before);
    for (let i = 1; i < n; i++) expect(values[i]).toBeLessThanOrEqual(values[i - 1]);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        let dot = 0;
        let made = 0;
        for (let k = 0; k < n; k++) {
          dot += vectors[i * n + k] * vectors[j * n + k];
          made += values[k] * vectors[k * n + i] * vectors[k * n + j];
        }
        expect(dot).toBeCloseTo(i === j ? 1 : 0, 12);
        expect(made).toBeCloseTo(a[i * n + j], 10);
      }
    }
  });

  it('are found from the lower triangle alone', () => {
    const { values } = symmetricEigen(Float64Array.of(2, NaN, 1, 2), 2);
    expect([...values]).toEqual([expect.closeTo(3, 12), expect.closeTo(1, 12)]);
  });

  it('are refused for a matrix with an element that is not finite', () => {
    expect(() => symmetricEigen(Float64Array.of(1, 0, NaN, 1), 2)).toThrow(/not a finite number/);
  });
});
