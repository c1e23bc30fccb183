import { seededRandom } from '../random.ts';
import { evaluated, readRows } from './report/testing/evaluated.ts';
import { MOST_PLAYERS, tableShap, type ShapRow } from './shap-table.ts';
import { scoreTable } from './table-model.ts';

const sum = ({ values }: ShapRow) => values.reduce((total, { value }) => total + value, 0);

function records(rows: number, columns: number): string {
  const random = seededRandom(5);
  const names = Array.from({ length: columns }, (_, c) => `c${c}`);
  const lines = Array.from({ length: rows }, (_, row) => {
    const shared = random.normal();
    const values = names.map((_, c) => (shared + random.normal() + (row === 3 && c === 1 ? 12 : 0)).toFixed(4));
    return [...values, ['tcp', 'udp', ''][random.below(3)]].join();
  });
  return `${names.join()},text\n${lines.join('\n')}\n`;
}

function series(rows: number): string {
  const random = seededRandom(6);
  let at = 0;
  const lines = Array.from({ length: rows }, (_, row) => {
    at = 0.9 * at + random.normal();
    return [at, at + 0.2 * random.normal() + (row === rows - 5 ? 8 : 0), row === 40 ? NaN : random.normal()]
      .map(String)
      .join();
  });
  return `one,other,noise\n${lines.join('\n')}\n`.replaceAll('NaN', '');
}

test('Base and values add up to the score that the row was judged by, with the column that is out first.', async () => {
  const { evidence, result } = evaluated(await readRows(records(300, 5)), { top: 4 });
  const places = result.top.map(({ row }) => row - 1);
  expect(places[0]).toBe(3);
  const found = tableShap(evidence, { seed: 0, places, features: [0, 1, 2, 3, 4, 5] });
  const { ensemble } = evidence.scores;
  expect(found.rows).toHaveLength(places.length);
  expect(found).toMatchObject({ others: 0, background: 50 });
  for (const row of found.rows) {
    expect(row.score).toBe(ensemble[row.place]);
    expect(row.base + sum(row)).toBeCloseTo(row.score, 9);
    expect(row.values).toHaveLength(6);
  }
  const [first] = found.rows;
  const out = first.values.find(({ feature }) => feature === 'c1')!;
  expect(out.value).toBe(Math.max(...first.values.map(({ value }) => value)));
  expect(out.value).toBeGreaterThan(0.5 * (first.score - first.base));
});

test('In a series a row keeps all that its score looks back on: the score is that of the whole table.', async () => {
  const { evidence, result } = evaluated(await readRows(series(600)), {
    series: true,
    detectors: ['conditional', 'var'],
    contamination: 0.02,
    top: 3,
  });
  const places = result.top.map(({ row }) => row - 1);
  // a row near the start, with a shorter past than the background rows have
  const found = tableShap(evidence, { seed: 0, places: [...places, 12], features: [0, 1, 2] });
  const { ensemble } = evidence.scores;
  for (const row of found.rows) {
    // but for what weighted means remember from before
    expect(Math.abs(row.score / ensemble[row.place] - 1)).toBeLessThan(1e-3);
    expect(row.base + sum(row)).toBeCloseTo(row.score, 9);
    expect(Math.abs(row.values[2].value)).toBeLessThanOrEqual(
      Math.max(...row.values.map(({ value }) => Math.abs(value))),
    );
  }
  expect(found.rows[0].values[1].value).toBeGreaterThan(Math.abs(found.rows[0].values[2].value));
});

test('Of many columns those that come first have values of their own, and the others have one together.', async () => {
  const { evidence } = evaluated(await readRows(records(120, 40)), { detectors: ['local-outlier-factor'] });
  const features = Array.from({ length: 41 }, (_, c) => 40 - c);
  const found = tableShap(evidence, { seed: 0, places: [3], features });
  expect(found.features).toEqual(['text', ...Array.from({ length: MOST_PLAYERS - 2 }, (_, c) => `c${39 - c}`)]);
  expect(found.others).toBe(41 - (MOST_PLAYERS - 1));
  const [row] = found.rows;
  expect(row.values.at(-1)!.feature).toBeUndefined();
  expect(row.base + sum(row)).toBeCloseTo(row.score, 9);
  // the column that is out is among the others
  expect(row.values.at(-1)!.value).toBeGreaterThan(0);
});

test('Rows are compared with rows that are labelled normal, or without labels with rows below the threshold.', async () => {
  const content = records(100, 3)
    .trimEnd()
    .split('\n')
    .map((line, i) => `${line},${i === 0 ? 'label' : i > 95 ? 0 : 1}`);
  const labelled = evaluated(await readRows(`${content.join('\n')}\n`), { folds: 0 }).evidence;
  const found = tableShap(labelled, { seed: 0, places: [3], features: [0, 1, 2, 3] });
  expect(found.background).toBe(5);
  const { ensemble } = scoreTable(labelled.model, labelled.encoded);
  expect(found.rows[0].base).toBeCloseTo(
    ensemble.slice(95).reduce((total, score) => total + score / 5, 0),
    9,
  );
  const unlabelled = evaluated(await readRows(records(100, 3)), { folds: 0 }).evidence;
  const normal = [...scoreTable(unlabelled.model, unlabelled.encoded).ensemble].filter(
    (_, row) => unlabelled.scores.ensemble[row] < 1,
  );
  const { rows } = tableShap(unlabelled, { seed: 0, places: [3], features: [0, 1, 2, 3] });
  expect(rows[0].base).toBeLessThanOrEqual(Math.max(...normal));
});

test('The same seed gives the same values, the rows stay as they are, and progress ends with all of it.', async () => {
  const { evidence } = evaluated(await readRows(records(80, 4)));
  const before = evidence.table.values.slice();
  const told: number[] = [];
  const values = (seed: number) =>
    tableShap(evidence, { seed, places: [3, 9], features: [1, 0, 2, 3, 4], onProgress: (share) => told.push(share) });
  expect(values(2)).toEqual(values(2));
  expect(values(3)).not.toEqual(values(2));
  expect(evidence.table.values).toEqual(before);
  expect(told.slice(0, 2)).toEqual([0.5, 1]);
});

test('A single judged row is compared with itself: its score owes nothing to any column.', async () => {
  const train = await readRows(records(120, 3));
  const one = await readRows(records(120, 3).split('\n').slice(0, 2).join('\n') + '\n', {
    columns: ['c0', 'c1', 'c2', 'text'],
    categories: ['text'],
  });
  const { evidence } = evaluated(one, { train });
  const { rows } = tableShap(evidence, { seed: 0, places: [0], features: [0, 1, 2, 3] });
  expect(rows[0].base).toBeCloseTo(rows[0].score, 12);
  for (const { value } of rows[0].values) expect(value).toBe(0);
});

test('A background row with a shorter past than the explained one stands behind copies of its first row.', async () => {
  const { evidence } = evaluated(await readRows(series(300)), {
    series: true,
    detectors: ['conditional', 'var'],
    contamination: 0.02,
    folds: 0,
  });
  // the first row is the only normal one
  const labels = new Float64Array(300).fill(1);
  labels[0] = 0;
  const table = { ...evidence.table, labels };
  const { rows } = tableShap({ ...evidence, table }, { seed: 0, places: [250], features: [0, 1, 2] });
  const { values, time } = evidence.encoded;
  const length = 1 + Math.max(...evidence.model.members.map(({ detector }) => detector.history));
  const copies = {
    values: {
      rows: length,
      columns: values.columns,
      data: Float64Array.from({ length: length * values.columns }, (_, i) => values.data[i % values.columns]),
    },
    time: time.slice(251 - length, 251),
    segment: new Int32Array(length),
  };
  expect(rows[0].base).toBe(scoreTable(evidence.model, copies).ensemble[length - 1]);
});
