import { classicInstance } from './classic.ts';
import { arena } from './instantiate.ts';
import { notPositiveDefinite } from './reference/solve.ts';

/** Symmetric positive-definite systems in WebAssembly, float64: reference/solve.ts says what each function gives, to rounding. */
export function cholesky(a: Float64Array, n: number): Float64Array<ArrayBuffer> {
  if (a.length < n * n) throw new Error(`a matrix of ${n} x ${n} needs ${n * n} numbers, got ${a.length}`);
  const engine = classicInstance();
  const stride = strideOf(n);
  const plan = arena(engine);
  const at = plan.reserve(2 * n * stride);
  plan.commit();
  const there = new Float64Array(engine.memory.buffer, at, n * stride);
  writeMatrix(there, a, n, stride);
  const row = engine.cholesky(at, n, stride, n * Number.EPSILON);
  if (row >= 0) throw notPositiveDefinite(row, there[row * stride + row]);
  const factor = new Float64Array(n * n);
  for (let i = 0; i < n; i++) factor.set(there.subarray(i * stride, i * stride + i + 1), i * n);
  return factor;
}

export function solve(factor: Float64Array, n: number, b: Float64Array): Float64Array<ArrayBuffer> {
  if (b.length !== n) throw new Error(`the right side has ${b.length} numbers, the matrix has ${n} rows`);
  const engine = classicInstance();
  const stride = strideOf(n);
  const plan = arena(engine);
  const at = { factor: plan.reserve(2 * n * stride), b: plan.reserve(2 * n) };
  plan.commit();
  writeMatrix(new Float64Array(engine.memory.buffer, at.factor, n * stride), factor, n, stride);
  const there = new Float64Array(engine.memory.buffer, at.b, n);
  there.set(b);
  engine.solve(at.factor, n, stride, at.b);
  return there.slice();
}

export function inverse(factor: Float64Array, n: number): Float64Array<ArrayBuffer> {
  const engine = classicInstance();
  const stride = strideOf(n);
  const plan = arena(engine);
  const at = {
    factor: plan.reserve(2 * n * stride),
    lower: plan.reserve(2 * n * stride),
    out: plan.reserve(2 * n * stride),
  };
  plan.commit();
  writeMatrix(new Float64Array(engine.memory.buffer, at.factor, n * stride), factor, n, stride);
  engine.inverse(at.factor, n, stride, at.lower, at.out);
  const there = new Float64Array(engine.memory.buffer, at.out, n * stride);
  const out = new Float64Array(n * n);
  for (let i = 0; i < n; i++) out.set(there.subarray(i * stride, i * stride + n), i * n);
  return out;
}

function strideOf(n: number): number {
  return Math.ceil(n / 4) * 4;
}

/** The lower triangle; the rest is zero, as the memory is at first. */
function writeMatrix(to: Float64Array, a: Float64Array, n: number, stride: number): void {
  for (let i = 0; i < n; i++) to.set(a.subarray(i * n, i * n + i + 1), i * stride);
}
