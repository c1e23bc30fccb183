import { readTable } from '../sources/csv/table-reader.ts';
import { connections } from './datasets/connections.ts';
import { evaluateTable } from './table-evaluation.ts';
import { fitTable, prepareTable, tableDetector, type TableFitOptions } from './table-fit.ts';
import { readTableRows, type TableRows } from './table-rows.ts';

const OPTIONS: TableFitOptions = {
  detectors: [
    { name: 'isolation-forest', options: { trees: 30 } },
    { name: 'local-outlier-factor', options: {} },
  ],
  ensemble: { method: 'mean', votes: 2 },
  series: false,
  time: null,
  entity: null,
  scaler: 'none',
  normalOnly: false,
  contamination: 0.15,
  folds: 4,
  seed: 0,
};

async function read(content: string, roles = {}): Promise<TableRows> {
  async function* text() {
    await Promise.resolve();
    yield content;
  }
  const table = await readTable('x.csv', text());
  return readTableRows(table, { roles, sample: 'newest', mostRows: 100_000, mostCategories: 100, seed: 0 });
}

function connectionTable(seed: number, rows: number, share: number): Promise<TableRows> {
  const { columns, rows: values, labels } = connections(seed, rows, share);
  const lines = Array.from(labels, (label, r) => [...values.data.subarray(10 * r, 10 * r + 10), label].join());
  return read(`${[...columns, 'label'].join()}\n${lines.join('\n')}\n`);
}

const NONE = { rows: 0, first: undefined };

test('The same seed gives the same models and scores, another one does not.', async () => {
  const table = await connectionTable(0, 300, 0.15);
  const scores = (seed: number) => {
    const { raw, model } = fitTable(prepareTable(table, { ...OPTIONS, seed }));
    return { raw, bytes: model.members.map((member) => new Uint8Array(member.model.save())) };
  };
  expect(scores(0)).toEqual(scores(0));
  expect(scores(1).raw).not.toEqual(scores(0).raw);
});

test('The threshold lets the asked share of unseen rows through, and the share of fitted rows without folds.', async () => {
  const table = await connectionTable(0, 400, 0.15);
  for (const folds of [4, 0]) {
    const { raw, model } = fitTable(prepareTable(table, { ...OPTIONS, folds }));
    raw.forEach((scores, m) => expect(scores.filter((score) => score >= model.members[m].threshold)).toHaveLength(60));
  }
});

test('The score of a row comes from a model that has seen neither the row nor the others of its fold.', async () => {
  const values = Array.from({ length: 200 }, (_, i) => [(i * 37) % 101, (i * i) % 89]);
  const scores = async (first: readonly number[]) => {
    const lines = [first, ...values.slice(1)].map((row) => row.join());
    const table = await read(`a,b\n${lines.join('\n')}\n`, { linear: 'all' });
    return fitTable(prepareTable(table, { ...OPTIONS, detectors: [{ name: 'local-outlier-factor', options: {} }] }))
      .raw[0];
  };
  const [before, after] = await Promise.all([scores(values[0]), scores([5000, 5000])]);
  // another first row changes the scale of every model that has seen it
  const same = before.filter((score, row) => score === after[row]).length;
  expect(same).toBe(200 / OPTIONS.folds - 1);
});

test('Rows labelled anomalous are not learnt with normalOnly, but are scored.', async () => {
  const table = await connectionTable(0, 400, 0.15);
  const { fitted, raw, model } = fitTable(prepareTable(table, { ...OPTIONS, normalOnly: true }));
  expect(fitted.reduce((sum, used) => sum + used, 0)).toBe(340);
  expect(model.members[0].model.rows).toBeLessThanOrEqual(340);
  expect(raw.every((scores) => scores.every(Number.isFinite))).toBe(true);
});

test('Unlike anomalies are found: far better than chance, judged by models that have not seen the row.', async () => {
  const { result } = evaluateTable({
    judged: { table: await connectionTable(0, 600, 0.15), skipped: NONE },
    fit: OPTIONS,
    top: 3,
  });
  expect(result.detectors.map(({ name }) => name)).toEqual(['isolation-forest', 'local-outlier-factor', 'ensemble']);
  const [forest, factor, ensemble] = result.detectors.map(({ quality }) => quality!.ranking.rocAuc);
  // far from chance; how good they are, the benchmark says
  expect(forest).toBeGreaterThan(0.7);
  expect(factor).toBeGreaterThan(0.8);
  expect(ensemble).toBeGreaterThan(0.8);
  expect(result.top).toHaveLength(3);
  expect(result.top[0].label).toBe(1);
  expect(result.top[0].features.length).toBeGreaterThan(0);
});

test('A table to learn from is learnt, and the other one judged with what it knows.', async () => {
  const train = { table: await connectionTable(100, 1000, 0), skipped: NONE };
  const judged = { table: await connectionTable(0, 400, 0.15), skipped: NONE };
  const fit = { ...OPTIONS, contamination: 0.02 };
  const { result, evidence } = evaluateTable({ judged, train, fit, top: 0 });
  const factor = result.detectors[1].quality!;
  // far from chance; how good it is, the benchmark says
  expect(factor.ranking.rocAuc).toBeGreaterThan(0.8);
  // 2 % of the learnt rows are above the threshold, and the judged ones come from the same distribution
  expect(factor.decision.falseAlarmRate).toBeLessThan(0.06);
  expect(evidence.scores.ensemble).toHaveLength(400);
  expect(result.trainOverview?.rows).toBe(1000);
});

test('Labels of one class give no quality, and everything else.', async () => {
  const { result } = evaluateTable({
    judged: { table: await connectionTable(0, 200, 0), skipped: NONE },
    fit: OPTIONS,
    top: 1,
  });
  expect(result.detectors.every(({ quality }) => quality === undefined)).toBe(true);
  expect(result.detectors.every(({ flagged }) => flagged > 0)).toBe(true);
});

test.each(['standard', 'minmax', 'robust'] as const)(
  'The scaler %s changes what a detector sees, not what it finds.',
  async (scaler) => {
    const table = await connectionTable(0, 300, 0.15);
    const plain = fitTable(prepareTable(table, { ...OPTIONS, folds: 0 }));
    const scaled = fitTable(prepareTable(table, { ...OPTIONS, folds: 0, scaler }));
    expect(scaled.encoded.values.data).not.toEqual(plain.encoded.values.data);
    const column = Float64Array.from(
      { length: 300 },
      (_, row) => scaled.encoded.values.data[row * scaled.encoded.values.columns],
    );
    const mean = column.reduce((sum, value) => sum + value / 300, 0);
    if (scaler === 'standard') expect(Math.abs(mean)).toBeLessThan(1e-9);
    if (scaler === 'minmax') expect([Math.min(...column), Math.max(...column)]).toEqual([0, 1]);
    if (scaler === 'robust') expect(Math.abs([...column].sort((a, b) => a - b)[150])).toBeLessThan(0.1);
    plain.raw[1].forEach((score, row) => expect(scaled.raw[1][row] / score).toBeCloseTo(1, 3));
  },
);

test('Rows that stand by themselves are looked at one by one, unless it is said otherwise.', () => {
  expect(tableDetector({ name: 'isolation-forest', options: {} }, false).detector.history).toBe(0);
  expect(tableDetector({ name: 'isolation-forest', options: {} }, true).detector.history).toBeGreaterThan(0);
  const told = tableDetector({ name: 'isolation-forest', options: { inputs: 'level+change' } }, false);
  expect(told.detector.history).toBeGreaterThan(0);
});

test.each<[string, string, Partial<TableFitOptions>, string]>([
  ['One row', 'a,b\n1,2\n', {}, 'has 1 row; too few to learn from: isolation-forest 64'],
  [
    'Columns that are all constant',
    `a,b\n${'1,2\n'.repeat(100)}`,
    {},
    'nothing varies in the rows to learn from (a, b)',
  ],
  [
    'Normal rows only, without labels',
    `a,b\n${'1,2\n'.repeat(100)}`,
    { normalOnly: true },
    'has no labels, which --normal-only needs',
  ],
])('%s cannot be learnt, and the error says why.', async (_, content, options, told) => {
  const table = await read(content);
  expect(() => fitTable(prepareTable(table, { ...OPTIONS, ...options }))).toThrow(told);
});

test('Few rows are learnt without folds, and a note says what that means.', async () => {
  const { folds, notes } = fitTable(prepareTable(await connectionTable(0, 70, 0.1), OPTIONS));
  expect(folds).toBe(0);
  expect(notes).toEqual([expect.stringContaining('too low')]);
});

test('The vote flags rows that enough detectors flag.', async () => {
  const table = await connectionTable(0, 300, 0.15);
  const { result, evidence } = evaluateTable({
    judged: { table, skipped: NONE },
    fit: { ...OPTIONS, ensemble: { method: 'vote', votes: 2 } },
    top: 0,
  });
  const { members, ensemble } = evidence.scores;
  ensemble.forEach((score, row) => expect(score >= 1).toBe(members.every((member) => member[row] >= 1)));
  expect(result.detectors[2].threshold).toBe(2);
});
