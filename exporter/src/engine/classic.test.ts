/** One suite over both: the reference, which defines what is right, and the WebAssembly. */
import fc from 'fast-check';
import { type NeighbourSearch, neighbourSearch } from './classic-distances.ts';
import { type ForestWalk, forestWalk } from './classic-forest.ts';
import { type RbfKernel, rbfKernel } from './classic-rbf.ts';
import * as classicSolve from './classic-solve.ts';
import * as referenceDistances from './reference/distances.ts';
import * as referenceForest from './reference/forest.ts';
import * as referenceRbf from './reference/rbf.ts';
import * as referenceSolve from './reference/solve.ts';

const search = neighbourSearch();
const kernel = rbfKernel();
const walk = forestWalk();

const engines: [string, Kernels][] = [
  ['the reference', { ...referenceDistances, ...referenceRbf, ...referenceForest, ...referenceSolve }],
  ['WebAssembly', { ...search, ...kernel, ...walk, ...classicSolve }],
];
type Kernels = NeighbourSearch & RbfKernel & ForestWalk & Pick<typeof referenceSolve, 'cholesky' | 'solve' | 'inverse'>;

/** Uniform in -1 .. 1, from a seed. */
function numbers(length: number, seed: number): Float32Array<ArrayBuffer> {
  let state = seed | 1;
  return Float32Array.from({ length }, () => {
    state = Math.imul(state, 1664525) + 1013904223;
    return state / 2 ** 31;
  });
}

const table = fc
  .record({ rows: fc.integer({ min: 1, max: 70 }), columns: fc.integer({ min: 1, max: 9 }), seed: fc.nat() })
  .map(({ rows, columns, seed }) => ({ rows, columns, data: numbers(rows * columns, seed) }));

describe.each(engines)('distances, by %s', (_, { nearestRows, nearestOthers }) => {
  it('find the nearest rows, nearest first', () => {
    const rows = Float32Array.of(0, 0, 3, 4, 1, 0, 0, 2);
    const { squared, index } = nearestRows(rows, Float32Array.of(0, 0, 3, 3), 2, 3);
    expect([...index]).toEqual([0, 2, 3, 1, 3, 2]);
    expect([...squared]).toEqual([0, 1, 4, 1, 10, 13]);
  });

  it('leave a row itself out, but not its twin', () => {
    const rows = Float32Array.of(5, 1, 5, 2, 5);
    const { squared, index } = nearestOthers(rows, 1, 2);
    expect([...index]).toEqual([2, 4, 3, 0, 0, 4, 1, 0, 0, 2]);
    expect([...squared]).toEqual([0, 0, 1, 16, 0, 0, 1, 9, 0, 0]);
  });

  it('take the row with the lower number first where distances are equal', () => {
    const rows = new Float32Array(30).fill(1);
    expect([...nearestRows(rows, Float32Array.of(0), 1, 12).index]).toEqual([...Array(12).keys()]);
    expect([...nearestOthers(rows, 1, 3).index.subarray(3 * 25)].slice(0, 3)).toEqual([0, 1, 2]);
  });

  it('fill up with nothing where there are fewer rows than neighbours', () => {
    const { squared, index } = nearestOthers(Float32Array.of(1, 2, 4), 1, 4);
    expect([...index.subarray(0, 4)]).toEqual([1, 2, -1, -1]);
    expect([...squared.subarray(0, 4)]).toEqual([1, 9, Infinity, Infinity]);
    expect(nearestRows(new Float32Array(0), Float32Array.of(1), 1, 2).index).toEqual(Int32Array.of(-1, -1));
  });

  it('give rows and queries with a NaN no neighbours', () => {
    const rows = Float32Array.of(1, NaN, 3, 4);
    expect([...nearestRows(rows, Float32Array.of(1.2, NaN), 1, 4).index]).toEqual([0, 2, 3, -1, -1, -1, -1, -1]);
    expect([...nearestOthers(rows, 1, 2).index]).toEqual([2, 3, -1, -1, 3, 0, 2, 0]);
  });
});

describe('distances in WebAssembly', () => {
  it('are the reference, bit for bit, in any shape', () => {
    fc.assert(
      fc.property(
        table,
        fc.integer({ min: 1, max: 30 }),
        fc.integer({ min: 1, max: 13 }),
        fc.nat(),
        (t, k, n, seed) => {
          const queries = numbers(n * t.columns, seed);
          // two queries that are rows, and rows that repeat
          queries.set(t.data.subarray(0, t.columns));
          if (t.rows > 4) t.data.copyWithin(t.columns, 0, 2 * t.columns);
          expect(search.nearestRows(t.data, queries, t.columns, k)).toEqual(
            referenceDistances.nearestRows(t.data, queries, t.columns, k),
          );
          expect(search.nearestOthers(t.data, t.columns, k)).toEqual(
            referenceDistances.nearestOthers(t.data, t.columns, k),
          );
        },
      ),
      { numRuns: 150 },
    );
  });

  it('refuse numbers that do not fill rows', () => {
    expect(() => search.nearestRows(new Float32Array(7), new Float32Array(4), 2, 1)).toThrow(
      /7 numbers are not rows of 2/,
    );
  });

  it('are the reference among many rows, whatever their level, spread and repetitions', () => {
    const many = fc.record({
      rows: fc.integer({ min: 128, max: 400 }),
      columns: fc.integer({ min: 1, max: 40 }),
      level: fc.constantFrom(0, 1, 300, 1e6),
      spread: fc.constantFrom(1e-3, 1, 1e3),
      groups: fc.constantFrom(1, 3, 400),
      seed: fc.nat(),
    });
    fc.assert(
      fc.property(many, fc.integer({ min: 1, max: 25 }), ({ rows, columns, level, spread, groups, seed }, k) => {
        const centres = numbers(groups * columns, seed);
        const noise = numbers(rows * columns, seed + 2);
        const data = noise.map((value, i) => {
          const row = Math.floor(i / columns);
          // with 400 groups, rows repeat exactly
          return (
            level + spread * (centres[(row % groups) * columns + (i % columns)] + (groups < 400 ? 0.01 * value : 0))
          );
        });
        data[3 * columns] = 1e6;
        const queries = data.slice(2 * columns, 9 * columns);
        queries.set(numbers(columns, seed + 4));
        expect(search.nearestRows(data, queries, columns, k)).toEqual(
          referenceDistances.nearestRows(data, queries, columns, k),
        );
        expect(search.nearestOthers(data, columns, k)).toEqual(referenceDistances.nearestOthers(data, columns, k));
      }),
      { numRuns: 20 },
    );
  });

  it('read the rows that are given, not those of the search before', () => {
    const [a, b] = [numbers(60, 1), numbers(60, 2)];
    const query = numbers(12, 9);
    for (const [rows, columns] of [
      [a, 3],
      [b, 3],
      [a, 3],
      [a, 2],
    ] as const) {
      const queries = query.subarray(0, 4 * columns);
      expect(search.nearestRows(rows, queries, columns, 4)).toEqual(
        referenceDistances.nearestRows(rows, queries, columns, 4),
      );
    }
  });
});

describe.each(engines)('radial basis functions, by %s', (_, { rbfSums }) => {
  it('sum weighted kernel values, relative to the nearest row', () => {
    const { nearest, sum } = rbfSums(
      Float32Array.of(0, 1, 3),
      Float32Array.of(0.5, 1, 0.25),
      Float32Array.of(0, 2),
      1,
      0.5,
    );
    expect([...nearest]).toEqual([0, 1]);
    expect(sum[0]).toBeCloseTo(0.5 + Math.exp(-0.5) + 0.25 * Math.exp(-4.5), 6);
    expect(sum[1]).toBeCloseTo(0.5 * Math.exp(-1.5) + 1 + 0.25, 6);
  });

  it('do not underflow, however far the query is', () => {
    const { nearest, sum } = rbfSums(Float32Array.of(0, 1), Float32Array.of(0.5, 0.75), Float32Array.of(1e6), 1, 3);
    expect(nearest[0]).toBeCloseTo(999_999 ** 2, -6);
    expect(sum[0]).toBe(0.75);
  });

  it('count what has a NaN as no row', () => {
    const { nearest, sum } = rbfSums(Float32Array.of(NaN, 1), Float32Array.of(1, 0.5), Float32Array.of(1, NaN), 1, 1);
    expect([...nearest]).toEqual([0, Infinity]);
    expect([...sum]).toEqual([0.5, 0]);
  });
});

describe('radial basis functions in WebAssembly', () => {
  it('are the reference within float32, in any shape', () => {
    fc.assert(
      fc.property(
        table,
        fc.integer({ min: 1, max: 13 }),
        fc.double({ min: 0.001, max: 50, noNaN: true }),
        (t, n, gamma) => {
          const weights = numbers(t.rows, n).map(Math.abs);
          const queries = numbers(n * t.columns, t.rows).map((value) => 3 * value);
          const got = kernel.rbfSums(t.data, weights, queries, t.columns, gamma);
          const wanted = referenceRbf.rbfSums(t.data, weights, queries, t.columns, gamma);
          expect(got.nearest).toEqual(wanted.nearest);
          wanted.sum.forEach((sum, i) => expect(Math.abs(got.sum[i] - sum)).toBeLessThanOrEqual(3e-5 * sum));
        },
      ),
      { numRuns: 150 },
    );
  });

  it('have an exponential that is right to a few units in the last place, and 0 where float32 ends', () => {
    const rows = Float32Array.from({ length: 900 }, (_, i) => i / 97);
    const query = new Float32Array(1);
    rows.forEach((value, i) => {
      const weights = Float32Array.of(0, 1);
      const { sum } = kernel.rbfSums(Float32Array.of(0, value), weights, query, 1, 1);
      const wanted = Math.exp(-Math.fround(value * value));
      if (value ** 2 > 87.5) expect(sum[0]).toBe(0);
      else if (value ** 2 < 86.5) expect([i, Math.abs(sum[0] / wanted - 1) < 2.5e-7]).toEqual([i, true]);
    });
  });

  it('refuse another number of weights than rows', () => {
    expect(() => kernel.rbfSums(new Float32Array(4), new Float32Array(3), new Float32Array(2), 2, 1)).toThrow(
      /3 weights for 2 rows/,
    );
  });
});

/** What no step can improve: weights in their bounds, and no exchange gains more than the tolerance. */
function settled(rows: Float32Array, columns: number, gamma: number, alpha: Float64Array, sum: number): void {
  const gradient = Array.from(alpha, (_, i) =>
    alpha.reduce(
      (total, weight, j) =>
        total + weight * Math.exp(-gamma * referenceDistances.squaredDistance(rows, i, rows, j, columns)),
      0,
    ),
  );
  expect(alpha.every((weight) => weight >= 0 && weight <= 1)).toBe(true);
  expect(alpha.reduce((a, b) => a + b, 0)).toBeCloseTo(sum, 9);
  const taken = Math.min(...gradient.filter((_, i) => alpha[i] < 1));
  const given = Math.max(...gradient.filter((_, i) => alpha[i] > 0));
  expect(given - taken).toBeLessThan(1e-3 + 1e-5);
}

describe.each(engines)('the margin, by %s', (_, { maximiseMargin }) => {
  it.each([
    [1, 1, 0.5, 0.5],
    [7, 2, 1, 3],
    [60, 3, 0.3, 6],
    [64, 3, 4, 32],
    [65, 5, 0.2, 65],
  ])('of %i rows of %i columns, gamma %f, is where no exchange of weight gains', (count, columns, gamma, sum) => {
    const rows = numbers(count * columns, count);
    const start = Float64Array.from({ length: count }, (_, i) => Math.max(0, Math.min(1, sum - i)));
    settled(rows, columns, gamma, maximiseMargin(rows, columns, gamma, start, 1e-3, 10_000).alpha, sum);
  });

  it('is found where rows are the same, and the gradient is that of the weights', () => {
    const rows = Float32Array.from({ length: 40 }, (_, i) => Math.floor(i / 10));
    const start = Float64Array.from({ length: 40 }, (_, i) => (i < 4 ? 1 : 0));
    const { alpha, gradient } = maximiseMargin(rows, 1, 1, start, 1e-3, 10_000);
    settled(rows, 1, 1, alpha, 4);
    const own = alpha.reduce((sum, weight, j) => sum + weight * Math.exp(-((rows[0] - rows[j]) ** 2)), 0);
    expect(gradient[0]).toBeCloseTo(own, 5);
  });

  it('leaves the start as it was and gives up at the limit', () => {
    const rows = numbers(60, 5);
    const start = Float64Array.from({ length: 60 }, (_, i) => (i < 6 ? 1 : 0));
    expect(() => maximiseMargin(rows, 1, 1, start, 1e-3, 2)).toThrow(
      /did not settle in 2 steps; raise its tolerance above 0.001/,
    );
    expect(start.reduce((a, b) => a + b, 0)).toBe(6);
  });
});

describe('the margin in WebAssembly', () => {
  it('is the same machine as the reference', () => {
    const rows = numbers(300 * 4, 8);
    const start = Float64Array.from({ length: 300 }, (_, i) => (i < 30 ? 1 : 0));
    const got = kernel.maximiseMargin(rows, 4, 0.7, start, 1e-3, 100_000);
    const wanted = referenceRbf.maximiseMargin(rows, 4, 0.7, start, 1e-3, 100_000);
    expect(got.steps).toBeGreaterThan(10);
    wanted.gradient.forEach((value, i) => expect(Math.abs(got.gradient[i] - value)).toBeLessThan(5e-3));
  });

  it('is right when more rows of the kernel are needed than are kept', () => {
    const count = 1300;
    const rows = numbers(count * 2, 4);
    const start = Float64Array.from({ length: count }, (_, i) => (i < 1200 ? 1 : 0));
    settled(rows, 2, 3, kernel.maximiseMargin(rows, 2, 3, start, 1e-3, 100_000).alpha, 1200);
  });
});

/** Heaps with random splits. */
function heaps(trees: number, depth: number, columns: number, seed: number): referenceForest.Heaps {
  return {
    trees,
    depth,
    threshold: numbers(trees << depth, seed).map((value, i) => (i % 7 === 3 ? Infinity : value)),
    column: Uint16Array.from(
      numbers(trees << depth, seed + 2),
      (value) => Math.floor(Math.abs(value) * columns) % columns,
    ),
    path: numbers(trees << (depth + 1), seed + 4).map((value) => 8 * Math.abs(value)),
  };
}

describe.each(engines)('the forest walk, by %s', (_, { sumPaths }) => {
  it('adds up the leaves that a row falls into', () => {
    const forest = {
      trees: 2,
      depth: 1,
      threshold: Float32Array.of(0, 0.5, 0, 0.25),
      column: Uint16Array.of(0, 1, 0, 0),
      path: Float32Array.of(0, 9, 1, 2, 0, 9, 4, 8),
    };
    const out = new Float64Array(3);
    sumPaths(forest, Float32Array.of(0, 0, 0.3, 0.6, 0.25, NaN), 2, 3, out);
    expect([...out]).toEqual([5, 10, 5]);
  });
});

describe('the forest walk in WebAssembly', () => {
  it('is the reference, bit for bit, in any shape', () => {
    const shape = fc.record({
      trees: fc.integer({ min: 1, max: 12 }),
      depth: fc.integer({ min: 1, max: 8 }),
      columns: fc.integer({ min: 1, max: 9 }),
      rows: fc.integer({ min: 0, max: 40 }),
      seed: fc.nat(),
    });
    fc.assert(
      fc.property(shape, ({ trees, depth, columns, rows, seed }) => {
        const forest = heaps(trees, depth, columns, seed);
        const inputs = numbers(rows * columns, seed + 6);
        const [got, wanted] = [new Float64Array(rows), new Float64Array(rows)];
        walk.sumPaths(forest, inputs, columns, rows, got);
        referenceForest.sumPaths(forest, inputs, columns, rows, wanted);
        expect(got).toEqual(wanted);
      }),
      { numRuns: 100 },
    );
  });

  it('refuses a forest that splits a column the rows do not have', () => {
    expect(() => walk.sumPaths(heaps(3, 4, 9, 1), new Float64Array(8) as never, 2, 4, new Float64Array(4))).toThrow(
      /splits column \d, the rows have 2/,
    );
  });

  it('refuses fewer inputs than rows', () => {
    expect(() => walk.sumPaths(heaps(1, 1, 1, 1), new Float32Array(3), 1, 4, new Float64Array(4))).toThrow(/too few/);
  });
});

/** B B' + ridge: positive definite. The upper triangle is filled with what must not be read. */
function definite(n: number, seed: number, ridge = 0.1): Float64Array<ArrayBuffer> {
  const b = numbers(n * n, seed);
  const a = new Float64Array(n * n).fill(NaN);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      a[i * n + j] = i === j ? ridge : 0;
      for (let k = 0; k < n; k++) a[i * n + j] += b[i * n + k] * b[j * n + k];
    }
  }
  return a;
}

const element = (a: Float64Array, n: number, i: number, j: number) => a[Math.max(i, j) * n + Math.min(i, j)];

const sumOf = (n: number, term: (k: number) => number) =>
  Array.from({ length: n }, (_, k) => term(k)).reduce((a, b) => a + b);

/** The largest absolute value over all i and j. */
function worst(n: number, difference: (i: number, j: number) => number): number {
  return Math.max(...Array.from({ length: n * n }, (_, at) => Math.abs(difference(Math.floor(at / n), at % n))));
}

describe.each(engines)('symmetric positive-definite systems, by %s', (_, { cholesky, solve, inverse }) => {
  const sizes = [1, 2, 3, 4, 5, 7, 8, 12, 13, 30, 61];

  it.each(sizes)("of %i rows are factorised: L L' is the matrix, and above the diagonal are zeros", (n) => {
    const a = definite(n, n);
    const before = a.slice();
    const factor = cholesky(a, n);
    expect(a).toEqual(before);
    expect(factor.every((value, at) => value === 0 || at % n <= Math.floor(at / n))).toBe(true);
    const product = (i: number, j: number) => sumOf(n, (k) => factor[i * n + k] * factor[j * n + k]);
    expect(worst(n, (i, j) => product(i, j) - element(a, n, i, j))).toBeLessThan(1e-13 * n * n);
  });

  it.each(sizes)('of %i rows are solved, and the right side is left as it was', (n) => {
    const a = definite(n, n);
    const b = Float64Array.from(numbers(n, 77));
    const before = b.slice();
    const x = solve(cholesky(a, n), n, b);
    expect(b).toEqual(before);
    expect(worst(n, (i) => sumOf(n, (k) => element(a, n, i, k) * x[k]) - b[i])).toBeLessThan(1e-9);
  });

  it.each(sizes)('of %i rows are inverted, exactly symmetric', (n) => {
    const a = definite(n, n);
    const out = inverse(cholesky(a, n), n);
    expect(worst(n, (i, j) => out[i * n + j] - out[j * n + i])).toBe(0);
    const product = (i: number, j: number) => sumOf(n, (k) => element(a, n, i, k) * out[k * n + j]);
    expect(worst(n, (i, j) => product(i, j) - (i === j ? 1 : 0))).toBeLessThan(1e-9);
  });

  it.each([
    ['indefinite', Float64Array.of(1, 2, 2, 1), 2, /pivot of row 1 is -3; add a ridge/],
    ['singular', Float64Array.of(1, 1, 1, 1), 2, /pivot of row 1 is 0/],
    ['NaN', Float64Array.of(NaN), 1, /pivot of row 0 is NaN/],
    ['infinite', Float64Array.of(Infinity), 1, /pivot of row 0 is Infinity/],
    ['NaN below the diagonal', Float64Array.of(1, 0, NaN, 1), 2, /pivot of row 1 is NaN/],
    [
      'indefinite in its last row',
      definite(7, 3, 0).map((value, i) => (i === 48 ? value - 10 : value)),
      7,
      /pivot of row 6 is -/,
    ],
  ])('are refused when they are not positive definite: %s', (_what, a, n, problem) => {
    expect(() => cholesky(a, n)).toThrow(problem);
  });

  it('are refused when the matrix or the right side has another size', () => {
    expect(() => cholesky(new Float64Array(8), 3)).toThrow(/needs 9 numbers, got 8/);
    expect(() => solve(new Float64Array(9), 3, new Float64Array(2))).toThrow(/2 numbers, the matrix has 3 rows/);
  });
});
