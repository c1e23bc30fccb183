/**
 * Symmetric positive-definite systems by Cholesky's factorisation A = L L' (G. H. Golub, C. F. Van Loan: Matrix Computations, 4th edition, 4.2), in
 * float64. Matrices are n x n, row-major; only the lower triangle of A is read.
 */

/**
 * The factor L (zeros above the diagonal) of a matrix that is left untouched. Throws when it is not positive definite, which a NaN in it is too: then a
 * pivot is not above `n * 2^-52` times its own diagonal element, and all digits of the factor would be rounding errors.
 */
export function cholesky(a: Float64Array, n: number): Float64Array<ArrayBuffer> {
  if (a.length < n * n) throw new Error(`a matrix of ${n} x ${n} needs ${n * n} numbers, got ${a.length}`);
  const factor = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = a[i * n + j];
      for (let k = 0; k < j; k++) sum -= factor[i * n + k] * factor[j * n + k];
      if (i > j) factor[i * n + j] = sum / factor[j * n + j];
      else if (sum > n * Number.EPSILON * a[i * n + i] && sum < Infinity) factor[i * n + i] = Math.sqrt(sum);
      else throw notPositiveDefinite(i, sum);
    }
  }
  return factor;
}

/** x of A x = b, from the factor of A; `b` is left untouched. */
export function solve(factor: Float64Array, n: number, b: Float64Array): Float64Array<ArrayBuffer> {
  if (b.length !== n) throw new Error(`the right side has ${b.length} numbers, the matrix has ${n} rows`);
  const x = new Float64Array(b);
  for (let i = 0; i < n; i++) {
    let sum = x[i];
    for (let k = 0; k < i; k++) sum -= factor[i * n + k] * x[k];
    x[i] = sum / factor[i * n + i];
  }
  for (let i = n - 1; i >= 0; i--) {
    x[i] /= factor[i * n + i];
    for (let k = 0; k < i; k++) x[k] -= factor[i * n + k] * x[i];
  }
  return x;
}

/** The inverse of A, from the factor of A: exactly symmetric. */
export function inverse(factor: Float64Array, n: number): Float64Array<ArrayBuffer> {
  // the inverse of L, row by row: (L^-1)_ij = -(sum of L_ik (L^-1)_kj over k = j .. i-1) / L_ii
  const lower = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) {
      const by = factor[i * n + k];
      for (let j = 0; j <= k; j++) lower[i * n + j] -= by * lower[k * n + j];
    }
    lower[i * n + i] = 1;
    for (let j = 0; j <= i; j++) lower[i * n + j] /= factor[i * n + i];
  }
  // A^-1 = (L^-1)' L^-1: row k of L^-1 adds the product of its own elements
  const out = new Float64Array(n * n);
  for (let k = 0; k < n; k++) {
    for (let i = 0; i <= k; i++) {
      const by = lower[k * n + i];
      for (let j = 0; j <= i; j++) out[i * n + j] += by * lower[k * n + j];
    }
  }
  for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) out[j * n + i] = out[i * n + j];
  return out;
}

export function notPositiveDefinite(row: number, pivot: number): Error {
  return new Error(
    `the matrix is not positive definite: the pivot of row ${row} is ${pivot}; add a ridge to its diagonal`,
  );
}
