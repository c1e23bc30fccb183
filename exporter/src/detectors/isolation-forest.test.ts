import type { Rows } from '../flow.ts';
import { seededRandom } from '../random.ts';
import { describeDetector } from './conformance.ts';
import { asRows, normalRows, sliceRows, specs } from './conformance-data.ts';
import { isolationForest } from './isolation-forest.ts';
import { type Forest, averagePath, creditSplits, growForest, sumPaths } from './isolation-forest-trees.ts';
import { packModel, unpackModel } from './model-buffer.ts';

describeDetector(isolationForest(), { contextTolerance: 0 });

const LAYOUT = ['f64', 'f64', 'f32', 'u16', 'f32'] as const;
const fitOptions = (columns: number) => ({ seed: 1, features: specs(columns), rowsPerDay: 0 });

function scores(rows: Rows, train: Rows, options = {}): Float64Array {
  const detector = isolationForest(options);
  const out = new Float64Array(rows.values.rows);
  detector.score(detector.fit(train, fitOptions(train.values.columns)), rows, out);
  return out;
}

/** Every row of a table of small whole numbers, so that duplicates and constant branches are common. */
function table(rows: number, columns: number, seed: number): Float32Array {
  const random = seededRandom(seed);
  return Float32Array.from({ length: rows * columns }, () => random.below(5) - 2);
}

function grown(inputs: Float32Array, columns: number, trees: number, sample: number): Forest {
  const kept = Int32Array.from({ length: inputs.length / columns }, (_, row) => row);
  return growForest(inputs, columns, kept, trees, sample, seededRandom(4));
}

/** One row through one tree, node by node, as the paper has it. */
function walk({ depth, threshold, column }: Forest, tree: number, row: Float32Array): number[] {
  const nodes = [1];
  for (let step = 0; step < depth; step++) {
    const i = nodes[step];
    const at = (tree << depth) + i;
    nodes.push(row[column[at]] > threshold[at] ? 2 * i + 1 : 2 * i);
  }
  return nodes;
}

describe('isolation trees', () => {
  it('know the average path length of small trees', () => {
    expect([0, 1, 2, 3].map(averagePath)).toEqual([0, 0, 1, 3 - 4 / 3]);
    expect(averagePath(256)).toBeCloseTo(2 * (Math.log(255) + 0.5772156649 + 1 / 510) - 510 / 256, 4);
  });

  it.each([
    [1, 3, 256],
    [7, 3, 2],
    [8, 2, 4],
    [17, 5, 100],
    [64, 1, 256],
    [300, 30, 256],
  ])('give the sum of single walks for %i rows of %i columns, grown from %i rows', (count, columns, sample) => {
    const train = table(300, columns, 1);
    const forest = grown(train, columns, 10, sample);
    const rows = table(count, columns, 2);
    const sums = new Float64Array(count);
    sumPaths(forest, rows, columns, count, sums);
    for (let r = 0; r < count; r++) {
      let sum = 0;
      for (let t = 0; t < 10; t++) {
        const leaf = walk(forest, t, rows.subarray(r * columns, (r + 1) * columns)).at(-1) ?? NaN;
        sum += forest.path[(t << (forest.depth + 1)) + leaf];
      }
      expect(sums[r]).toBe(sum);
    }
  });

  it('end each path at its real splits plus what its remaining rows would still need', () => {
    const train = table(40, 2, 3);
    const forest = grown(train, 2, 20, 64);
    expect(forest.sample).toBe(40);
    for (let t = 0; t < forest.trees; t++) {
      const base = t << forest.depth;
      const leaves = Array.from({ length: 40 }, (_, r) => walk(forest, t, train.subarray(2 * r, 2 * r + 2)));
      for (const nodes of leaves) {
        const splits = nodes.slice(0, -1).filter((i) => forest.threshold[base + i] < Infinity).length;
        const together = leaves.filter((other) => other.at(-1) === nodes.at(-1)).length;
        expect(forest.path[2 * base + (nodes.at(-1) ?? 0)]).toBeCloseTo(splits + averagePath(together), 5);
      }
      const mean = leaves.reduce((sum, nodes) => sum + forest.path[2 * base + (nodes.at(-1) ?? 0)], 0) / 40;
      expect(forest.path[2 * base + 1]).toBeCloseTo(mean, 4);
    }
  });

  it('leave no side of a split empty and never split a constant column', () => {
    const train = table(200, 3, 5).map((value, i) => (i % 3 === 1 ? 7 : value));
    const forest = grown(train, 3, 50, 256);
    forest.threshold.forEach((threshold, at) => {
      if (threshold < Infinity) expect(forest.column[at]).not.toBe(1);
    });
    for (let t = 0; t < forest.trees; t++) {
      const passed = new Set(
        Array.from({ length: 200 }, (_, r) => walk(forest, t, train.subarray(3 * r, 3 * r + 3))).flat(),
      );
      for (let i = 1; i < 1 << forest.depth; i++) {
        const split = forest.threshold[(t << forest.depth) + i] < Infinity;
        expect([passed.has(2 * i), passed.has(2 * i + 1)]).toEqual(split ? [true, true] : [passed.has(i), false]);
      }
    }
  });

  it('split values that are neighbours in float32', () => {
    const train = Float32Array.from({ length: 100 }, (_, r) => 1 + (r % 2) * 2 ** -23);
    const forest = grown(train, 1, 50, 100);
    for (let t = 0; t < forest.trees; t++) expect(forest.threshold[(t << forest.depth) + 1]).toBe(1);
  });

  it('credit splits with exactly what the path is shorter than the average', () => {
    const train = table(300, 4, 6);
    const forest = grown(train, 4, 25, 256);
    const credit = new Float64Array(4);
    const sum = new Float64Array(1);
    let average = 0;
    for (let t = 0; t < forest.trees; t++) average += forest.path[(t << (forest.depth + 1)) + 1];
    for (let r = 0; r < 20; r++) {
      creditSplits(forest, train, 4 * r, credit);
      sumPaths(forest, train.subarray(4 * r), 4, 1, sum);
      expect(credit.reduce((total, part) => total + part, 0)).toBeCloseTo(average - sum[0], 3);
    }
  });
});

describe('the isolation forest', () => {
  it('scores .5 when all training rows are alike', () => {
    const same = asRows(new Float64Array(100 * 3).fill(2), 3);
    for (const score of scores(same, same)) expect(score).toBeCloseTo(0.5, 6);
  });

  it('sees a change that stays inside the usual range, unless it is given levels only', () => {
    // a slow wave: every level is ordinary, a jump from its top to near its bottom is not
    const wave = (count: number) =>
      asRows(
        Float64Array.from({ length: count }, (_, r) => Math.sin(r / 200)),
        1,
      );
    const test = wave(1000);
    test.values.data[314] = -0.8;
    const rank = (options: object) => {
      const out = scores(test, wave(3000), options);
      return out.filter((score) => score > out[314]).length;
    };
    expect(rank({ trim: 0 })).toBeLessThan(50);
    expect(rank({ trim: 0, inputs: 'level' })).toBeGreaterThan(100);
  });

  it('leaves the most unusual training rows out, so that a polluted forest still finds their like', () => {
    const polluted = normalRows(1000, 0);
    for (let r = 500; r < 540; r++) polluted.values.data.fill(0, 6 * r, 6 * r + 3);
    const test = normalRows(300, 1);
    test.values.data.fill(0, 6 * 200, 6 * 200 + 3);
    const trimmed = isolationForest({ inputs: 'level' });
    expect(trimmed.fit(polluted, fitOptions(6)).rows).toBe(950);
    expect(scores(test, polluted, { inputs: 'level' })[200]).toBeGreaterThan(
      scores(test, polluted, { inputs: 'level', trim: 0 })[200] + 0.02,
    );
  });

  it('scores a missing value as the median of the training rows', () => {
    const train = normalRows(501, 0);
    const column = Array.from({ length: 501 }, (_, r) => train.values.data[6 * r + 3]);
    const median = column.sort((a, b) => a - b)[250];
    const rows = normalRows(100, 1);
    const holes = sliceRows(rows, 0, 100);
    for (let r = 0; r < 100; r++) {
      rows.values.data[6 * r + 3] = median;
      holes.values.data[6 * r + 3] = NaN;
    }
    expect(scores(holes, train, { inputs: 'level' })).toEqual(scores(rows, train, { inputs: 'level' }));
  });

  it('never blames a missing value, not even by the chance of a single tree', () => {
    const rows = normalRows(200, 1);
    for (let r = 0; r < 200; r++) rows.values.data[6 * r + 3] = NaN;
    for (let seed = 0; seed < 20; seed++) {
      const detector = isolationForest({ trees: 1 });
      const model = detector.fit(normalRows(200, 0), { ...fitOptions(6), seed });
      const shares = { rows: 200, columns: 6, data: new Float64Array(1200) };
      detector.contributions?.(model, rows, shares);
      for (let r = 0; r < 200; r++) expect(shares.data[6 * r + 3]).toBe(0);
    }
  });

  it('gives a row the same score, bit for bit, alone and among many', () => {
    const rows = normalRows(300, 1);
    const detector = isolationForest({ inputs: 'level' });
    const model = detector.fit(normalRows(500, 0), fitOptions(6));
    const all = new Float64Array(300);
    detector.score(model, rows, all);
    const alone = Float64Array.from({ length: 300 }, (_, r) => {
      const out = new Float64Array(1);
      detector.score(model, sliceRows(rows, r, r + 1), out);
      return out[0];
    });
    expect(alone).toEqual(all);
  });

  it.each([Infinity, -Infinity])('counts %p as missing', (value) => {
    const train = normalRows(500, 0);
    const rows = normalRows(300, 1);
    const hole = sliceRows(rows, 0, 300);
    rows.values.data[6 * 250 + 2] = value;
    hole.values.data[6 * 250 + 2] = NaN;
    expect([...scores(rows, train)]).toEqual([...scores(hole, train)]);
  });

  it('finds a centre for a column with so few values that none is among the rows medians are taken from', () => {
    const train = normalRows(10_000, 0);
    for (let r = 0; r < 10_000; r++) if (r !== 1) train.values.data[6 * r + 4] = NaN;
    const model = isolationForest().fit(train, fitOptions(6));
    expect(model.centre[4]).toBe(train.values.data[6 + 4]);
    expect(model.centre[6 + 4]).toBe(0);
  });

  it('survives values that float32 cannot hold', () => {
    const train = normalRows(500, 0);
    train.values.data[0] = 1e300;
    train.values.data[6] = -1e300;
    const out = scores(train, train, { trim: 0 });
    expect(out.every((score) => score > 0 && score < 1)).toBe(true);
    expect(out[0]).toBeGreaterThan(out[100]);
  });

  it('tells small deviations of a large level apart', () => {
    const random = seededRandom(2);
    const train = asRows(
      Float64Array.from({ length: 1000 }, () => 1e12 + random.normal()),
      1,
    );
    const rows = asRows(Float64Array.of(1e12, 1e12 + 6), 1);
    const [usual, unusual] = scores(rows, train, { inputs: 'level', trim: 0 });
    expect(unusual).toBeGreaterThan(usual + 0.1);
  });

  it.each([
    [{ trees: 0 }, /trees/],
    [{ sample: 1 }, /sample/],
    [{ trim: 0.6 }, /trim/],
    [{ contamination: 0 }, /contamination/],
    [{ inputs: 'change' as never }, /inputs/],
    [{ tree: 5 } as object, /tree/],
  ])('refuses the options %j', (options, problem) => {
    expect(() => isolationForest(options)).toThrow(problem);
  });

  it('names minimumRows when rows without any value leave too few', () => {
    const rows = normalRows(100, 0);
    rows.values.data.fill(NaN, 6 * 63);
    expect(() => isolationForest().fit(rows, fitOptions(6))).toThrow(
      /minimumRows = 64 rows with a value to fit, got 63/,
    );
  });

  it('refuses rows with another number of features', () => {
    const detector = isolationForest();
    const model = detector.fit(normalRows(100, 0), fitOptions(6));
    expect(() => detector.score(model, asRows(new Float64Array(10), 5), new Float64Array(2))).toThrow(
      /6 features, the rows have 5/,
    );
  });

  it('refuses a model that was fitted with other inputs than configured', () => {
    const saved = isolationForest({ inputs: 'level' }).fit(normalRows(100, 0), fitOptions(6)).save();
    expect(() => isolationForest().load(saved)).toThrow(/fitted with inputs "level" but "level\+change" is configured/);
  });

  const counts = (edit: Partial<Record<number, number>>) => (sections: Sections) => {
    for (const [i, value] of Object.entries(edit)) sections[0][Number(i)] = value ?? 0;
  };
  it.each<[string, (sections: Sections) => void, RegExp]>([
    ['a column that does not exist', (sections) => (sections[3][5] = 12), /splits a column that does not exist/],
    ['a threshold that is no number', (sections) => (sections[2][5] = NaN), /threshold is not a number/],
    ['an infinite path', (sections) => (sections[4][5] = Infinity), /path length is not in/],
    ['an infinite median', (sections) => (sections[1][0] = Infinity), /median is not a finite number/],
    ['more trees than it holds', counts({ 2: 200 }), /thresholds instead of/],
    ['half a tree', counts({ 2: 0.5 }), /trees = 0.5 is not in/],
    ['a depth that no array has', counts({ 3: 31 }), /depth = 31 is not in/],
    ['another depth', counts({ 3: 6 }), /rows a tree = 100 is not in 2 .. 64/],
    ['other features', counts({ 0: 5 }), /12 medians instead of 10/],
    ['features that are no number', counts({ 0: NaN }), /features = NaN/],
    ['a negative number of rows', counts({ 1: -1 }), /rows = -1/],
  ])('refuses a file with a right checksum but %s', (_, edit, problem) => {
    const detector = isolationForest();
    const model = detector.fit(normalRows(105, 0), fitOptions(6));
    const sections = unpackModel('isolation-forest', 1, LAYOUT, model.save());
    expect(() => detector.load(packModel('isolation-forest', 1, sections))).not.toThrow();
    edit(sections);
    expect(() => detector.load(packModel('isolation-forest', 1, sections))).toThrow(problem);
  });

  it('keeps its parameters with the model', () => {
    const detector = isolationForest({ trees: 10, contamination: 0.02 });
    const model = detector.fit(normalRows(100, 0), fitOptions(6));
    expect(detector.load(model.save()).parameters).toEqual({
      trees: 10,
      sample: 256,
      inputs: 'level+change',
      trim: 0.05,
      contamination: 0.02,
      seed: 1,
    });
  });
});

type Sections = ReturnType<typeof unpackModel<typeof LAYOUT>>;
