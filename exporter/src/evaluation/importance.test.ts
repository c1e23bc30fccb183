import { seededRandom } from '../random.ts';
import { permutationImportance } from './importance.ts';
import { evaluated, readRows } from './report/testing/evaluated.ts';

/** Four columns, of which `loud` alone tells anomalous rows; `steady` is constant. */
function records(rows: number, labels: boolean): string {
  const random = seededRandom(3);
  const lines = Array.from({ length: rows }, (_, row) => {
    const label = row % 20 === 7 ? 1 : 0;
    const values = [random.normal(), (label ? 9 : 0) + random.normal(), 5, ['a', 'b'][random.below(2)]];
    return [...values, ...(labels ? [label] : [])].join();
  });
  return `quiet,loud,steady,text${labels ? ',label' : ''}\n${lines.join('\n')}\n`;
}

/** Two columns that move together, but for some rows; a third for itself. */
function series(rows: number, labels: boolean): string {
  const random = seededRandom(8);
  let at = 0;
  const lines = Array.from({ length: rows }, (_, row) => {
    at = 0.95 * at + random.normal();
    const label = row % 200 >= 190 ? 1 : 0;
    const values = [at, (label ? -at + 6 : at) + 0.1 * random.normal(), random.normal()];
    return [...values.map((value) => value.toFixed(4)), ...(labels ? [label] : [])].join();
  });
  return `one,other,noise${labels ? ',label' : ''}\n${lines.join('\n')}\n`;
}

const ALL = [0, 1, 2, 3];

test('The column that tells anomalous rows costs the most average precision, and a constant one costs nothing.', async () => {
  const { evidence } = evaluated(await readRows(records(400, true)), { normalOnly: true, contamination: 0.02 });
  const found = permutationImportance(evidence, { seed: 0, features: ALL });
  expect(found).toMatchObject({ measure: 'average precision', rows: 400, anomalous: 20, repeats: 3 });
  expect(found.base).toBeGreaterThan(0.9);
  expect(found.features[0].feature).toBe('loud');
  expect(found.features[0].mean).toBeGreaterThan(0.5);
  expect(found.features[1].mean).toBeLessThan(0.2);
  expect(found.features.find(({ feature }) => feature === 'steady')).toMatchObject({ mean: 0, lowest: 0, highest: 0 });
});

test('Without labels it is the change of the score, in which one enormous score does not count for more than 3.', async () => {
  const train = await readRows(records(400, true), { exclude: ['label'] });
  const judged = await readRows(records(400, false).replace(/\n[^\n]*\n$/, '\n0,1e9,5,a\n'));
  const { evidence } = evaluated(judged, { train, contamination: 0.1 });
  expect(Math.max(...evidence.scores.ensemble)).toBeGreaterThan(100);
  const found = permutationImportance(evidence, { seed: 0, features: ALL });
  expect(found.measure).toBe('score');
  expect(found.base).toBeNaN();
  expect(found.features[0].feature).toBe('loud');
  expect(found.features[0].highest).toBeLessThan(3);
});

test('Labels that the scores know nothing of leave no precision to lose, so that it is the change of the score.', async () => {
  const random = seededRandom(1);
  const lines = Array.from(
    { length: 300 },
    (_, row) => `${random.normal()},${random.normal()},${row % 3 === 0 ? 1 : 0}`,
  );
  // the anomalous rows lie in the very middle
  const content = `a,b,label\n${lines.map((line) => (line.endsWith(',1') ? '0.01,0.01,1' : line)).join('\n')}\n`;
  const { evidence } = evaluated(await readRows(content));
  const found = permutationImportance(evidence, { seed: 0, features: [0, 1] });
  expect(found.measure).toBe('score');
  expect(found.base).toBeLessThanOrEqual(1 / 3);
});

test('In a series the columns whose relation breaks matter, and one without any does not.', async () => {
  const { evidence } = evaluated(await readRows(series(1200, true)), {
    series: true,
    detectors: ['conditional', 'var'],
    contamination: 0.05,
  });
  const found = permutationImportance(evidence, { seed: 0, features: [0, 1, 2] });
  expect(found.measure).toBe('average precision');
  const of = (name: string) => found.features.find(({ feature }) => feature === name)!.mean;
  expect(Math.min(of('one'), of('other'))).toBeGreaterThan(of('noise') + 0.1);
});

test('The work is bounded: a sample of a long table, in which rare anomalous rows are all there.', async () => {
  const { evidence } = evaluated(await readRows(records(6000, true)), { detectors: ['histogram'], folds: 0 });
  const rare = {
    ...evidence,
    table: { ...evidence.table, labels: evidence.table.labels!.map((l, row) => (row < 200 ? l : 0)) },
  };
  const found = permutationImportance(rare, { seed: 0, features: ALL });
  expect(found.rows).toBe(2000);
  expect(found.anomalous).toBe(10);
  const stretches = evaluated(await readRows(series(6000, true)), {
    series: true,
    detectors: ['var'],
    folds: 0,
  }).evidence;
  const blocks = permutationImportance(stretches, { seed: 0, features: [0, 1, 2] });
  expect(blocks.rows).toBeLessThanOrEqual(2000);
  expect(blocks.anomalous).toBeGreaterThan(0);
});

test('The same seed gives the same figures, the rows stay as they are, and progress ends with all of it.', async () => {
  const { evidence } = evaluated(await readRows(records(200, true)));
  const before = evidence.table.values.slice();
  const told: number[] = [];
  const figures = (seed: number) =>
    permutationImportance(evidence, { seed, features: ALL, onProgress: (share) => told.push(share) });
  expect(figures(4)).toEqual(figures(4));
  expect(figures(5)).not.toEqual(figures(4));
  expect(evidence.table.values).toEqual(before);
  expect(told.at(-1)).toBe(1);
  expect(told.slice(0, 12)).toEqual(told.slice(0, 12).toSorted((a, b) => a - b));
});
