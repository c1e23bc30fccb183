/**
 * Eigenvalues and eigenvectors of a symmetric matrix by cyclic Jacobi rotations (C. G. J. Jacobi, 1846; G. H. Golub, C. F. Van Loan: Matrix Computations,
 * 4th edition, 8.5): slower than tridiagonal methods from some hundred columns on, but short, and accurate for small eigenvalues too.
 */

/** Sweeps over all pairs; seven or eight are enough for any matrix that fits into memory. */
const MOST_SWEEPS = 50;

export interface Eigen {
  /** falling */
  readonly values: Float64Array<ArrayBuffer>;
  /** row i is the unit vector of value i */
  readonly vectors: Float64Array<ArrayBuffer>;
}

/** `a` is n x n, row-major; only its lower triangle is read, and it is left untouched. */
export function symmetricEigen(a: Float64Array, n: number): Eigen {
  const m = new Float64Array(n * n);
  const v = new Float64Array(n * n);
  let squares = 0;
  for (let i = 0; i < n; i++) {
    v[i * n + i] = 1;
    for (let j = 0; j <= i; j++) {
      m[i * n + j] = m[j * n + i] = a[i * n + j];
      squares += (i === j ? 1 : 2) * a[i * n + j] ** 2;
    }
  }
  if (!(squares < Infinity)) throw new Error('the matrix has an element that is not a finite number, or too large');
  for (let sweep = 0; sweep < MOST_SWEEPS; sweep++) {
    let beside = 0;
    for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) beside += 2 * m[i * n + j] ** 2;
    if (beside <= Number.EPSILON ** 2 * squares) break;
    for (let p = 1; p < n; p++) for (let q = 0; q < p; q++) rotate(m, v, n, p, q);
  }
  const order = Array.from({ length: n }, (_, i) => i).sort((i, j) => m[j * n + j] - m[i * n + i]);
  const vectors = new Float64Array(n * n);
  order.forEach((from, to) => vectors.set(v.subarray(from * n, (from + 1) * n), to * n));
  return { values: Float64Array.from(order, (i) => m[i * n + i]), vectors };
}

/** Makes element (p, q) zero. Rows of `v` turn with it, so that they end as eigenvectors. */
function rotate(m: Float64Array, v: Float64Array, n: number, p: number, q: number): void {
  const apq = m[p * n + q];
  if (apq === 0) return;
  // tangent of the smaller one of the two angles that do it
  const slope = (m[q * n + q] - m[p * n + p]) / (2 * apq);
  const t = (slope >= 0 ? 1 : -1) / (Math.abs(slope) + Math.sqrt(slope * slope + 1));
  const c = 1 / Math.sqrt(t * t + 1);
  const s = t * c;
  const app = m[p * n + p] - t * apq;
  const aqq = m[q * n + q] + t * apq;
  turn(m, p * n, q * n, n, c, s);
  for (let k = 0; k < n; k++) {
    m[k * n + p] = m[p * n + k];
    m[k * n + q] = m[q * n + k];
  }
  m[p * n + p] = app;
  m[q * n + q] = aqq;
  m[p * n + q] = m[q * n + p] = 0;
  turn(v, p * n, q * n, n, c, s);
}

function turn(rows: Float64Array, p: number, q: number, n: number, c: number, s: number): void {
  for (let k = 0; k < n; k++) {
    const x = rows[p + k];
    const y = rows[q + k];
    rows[p + k] = c * x - s * y;
    rows[q + k] = s * x + c * y;
  }
}
