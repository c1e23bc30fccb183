/**
 * Kernels of the classic detectors: distances with top-k, radial basis functions, the one-class support vector machine, isolation forests (float32, SIMD128)
 * and symmetric positive-definite systems (float64). Addresses are bytes, counts are numbers; addresses of vectors are multiples of 16.
 *
 * Rows of data are in panels of 8: [panel][column][8]. A last panel that is not full is padded with NaN, so that a distance to padding is NaN too, and
 * is neither a neighbour nor a kernel value.
 */
export { sumPaths } from './forest';
export { halfSquares, nearest } from './nearest';
export { rbfSums } from './rbf';
export { maximiseMargin } from './smo';
export { cholesky, inverse, solve } from './solve';

export function heapBase(): usize {
  return __heap_base;
}
