import { readRows } from './testing/evaluated.ts';
import { columnBins, type NumberBins, type TextBins } from './histogram-bins.ts';

const total = (shares: readonly number[]) => shares.reduce((sum, share) => sum + share, 0);

async function binsOf(values: readonly (string | number)[], anomalous: (row: number) => boolean | undefined) {
  const rows = await readRows(`v,w\n${values.map((value) => `${value},1`).join('\n')}\n`);
  return columnBins(rows, 0, undefined, anomalous);
}

test('Shares of each group add up to 1 in the same bins, whatever lies outside of them.', async () => {
  const values = Array.from({ length: 500 }, (_, i) => (i === 3 ? 1e9 : i === 4 ? -1e9 : i % 50));
  const bins = (await binsOf(values, (row) => row % 10 === 3)) as NumberBins;
  expect(bins.normal.count).toBe(450);
  expect(bins.anomalous.count).toBe(50);
  expect(total(bins.normal.shares)).toBeCloseTo(1, 12);
  expect(total(bins.anomalous.shares)).toBeCloseTo(1, 12);
  expect(bins).toMatchObject({ above: true, below: true, logarithmic: false });
  expect(bins.edges).toEqual(bins.edges.toSorted((a, b) => a - b));
});

test('A value is in the bin whose edges it lies between, also by logarithm.', async () => {
  const values = Array.from({ length: 120 }, (_, i) => 10 ** (i % 6));
  const bins = (await binsOf(values, () => false)) as NumberBins;
  expect(bins.logarithmic).toBe(true);
  bins.normal.shares.forEach((share, bin) => {
    const inside = values.filter((value) => {
      const last = bin === bins.normal.shares.length - 1;
      return value >= bins.edges[bin] * (1 - 1e-9) && (last || value < bins.edges[bin + 1] * (1 - 1e-9));
    });
    expect(share).toBeCloseTo(inside.length / values.length, 9);
  });
  expect(bins.anomalous).toMatchObject({ count: 0 });
});

test('A constant column, a single value and no value at all have bins, or none.', async () => {
  const constant = (await binsOf([5, 5, 5], (row) => row === 1)) as NumberBins;
  expect(total(constant.normal.shares)).toBeCloseTo(1, 12);
  expect(constant.edges[0]).toBeLessThan(5);
  expect(await binsOf(['', '', 1], (row) => (row === 2 ? undefined : false))).toBeUndefined();
});

test('Texts are counted by group, the most frequent first, and rare ones together.', async () => {
  const texts = Array.from({ length: 200 }, (_, i) => (i < 100 ? 'tcp' : `t${i % 20}`));
  const bins = (await binsOf(texts, (row) => row >= 100)) as TextBins;
  expect(bins.texts).toHaveLength(8);
  expect(bins.texts[0]).toBe('tcp');
  expect(bins.texts.at(-1)).toBeUndefined();
  expect(bins.normal.shares[0]).toBeCloseTo(1, 12);
  expect(total(bins.anomalous.shares)).toBeCloseTo(1, 12);
});
