/** Rows that are scored as they come have the scores that they have all together, whatever the pieces they come in. */
import { seededRandom } from '../random.ts';
import { readTable } from '../sources/csv/table-reader.ts';
import { encode, encodedWidth } from './table-encoder.ts';
import { fitTable, prepareTable, type TableFitOptions } from './table-fit.ts';
import { scoreTable, type TableModel } from './table-model.ts';
import { columnsOfRows, readTableRows, type TableRows } from './table-rows.ts';
import { scoreRows, type ScoredRow } from './table-scoring.ts';
import { tableRows } from './table-series.ts';
import type { TableRoles } from './table-layout.ts';

async function* cut(content: string, size: number) {
  await Promise.resolve();
  for (let at = 0; at < content.length; at += size) yield content.slice(at, at + size);
}

async function readRows(content: string, roles: TableRoles): Promise<TableRows> {
  const table = await readTable('x.csv', cut(content, 65_536));
  return readTableRows(table, { roles, sample: 'newest', mostRows: 100_000, mostCategories: 100, seed: 0 });
}

const OPTIONS: TableFitOptions = {
  detectors: [
    { name: 'isolation-forest', options: { trees: 20 } },
    { name: 'local-outlier-factor', options: {} },
  ],
  ensemble: { method: 'mean', votes: 2 },
  series: false,
  time: null,
  entity: null,
  scaler: 'none',
  normalOnly: false,
  contamination: 0.1,
  folds: 2,
  seed: 0,
};

async function stream(content: string, size: number, model: TableModel): Promise<ScoredRow[]> {
  const rows: ScoredRow[] = [];
  for await (const piece of scoreRows(await readTable('x.csv', cut(content, size)), model, 3)) rows.push(...piece);
  return rows;
}

/** All rows in one call, in the order of the table. */
function together(rows: TableRows, model: TableModel): number[] {
  const { encoder, order } = model;
  const data = encode(encoder, columnsOfRows(rows));
  const all = tableRows(data, encodedWidth(encoder), rows, order.series, order.intervalMs ?? NaN);
  const { ensemble } = scoreTable(model, all);
  const scores: number[] = [];
  rows.row.forEach((row, i) => (scores[row - 1] = ensemble[i]));
  return scores;
}

function connections(rows: number): string {
  const random = seededRandom(4);
  const line = () =>
    `${random.between(10, 1000).toFixed(1)},${['tcp', 'udp', 'icmp'][random.below(3)]},${random.below(5)}\n`;
  return `bytes,proto,flag\n${Array.from({ length: rows }, line).join('')}`;
}

/** Two nodes in turns, a minute apart, with a gap. */
function series(steps: number): string {
  const random = seededRandom(5);
  let text = 'time,node,load,latency\n';
  for (let i = 0; i < steps; i++) {
    const time = 1_700_000_000 + 60 * i + (i > steps / 2 ? 7200 : 0);
    for (const node of ['a', 'b']) {
      const load = 10 + 5 * Math.sin(i / 20) + random.normal();
      text += `${time},${node},${load.toFixed(3)},${(load * 2 + random.normal()).toFixed(3)}\n`;
    }
  }
  return text;
}

test('A table without order gives the same scores in pieces of any size.', async () => {
  const content = connections(400);
  const rows = await readRows(content, {});
  const { model } = fitTable(prepareTable(rows, OPTIONS));
  const expected = together(rows, model);
  for (const size of [13, 997, 65_536]) {
    const scored = await stream(content, size, model);
    expect(scored.map(({ row }) => row)).toEqual([...rows.row]);
    expect(scored.map(({ ensemble }) => ensemble)).toEqual(expected);
  }
});

test('A row without order has the same score wherever it stands.', async () => {
  const rows = await readRows(connections(400), {});
  const { model } = fitTable(prepareTable(rows, OPTIONS));
  const [header, ...lines] = connections(50).trimEnd().split('\n');
  const forth = await stream(`${[header, ...lines].join('\n')}\n`, 100, model);
  const back = await stream(`${[header, ...lines.toReversed()].join('\n')}\n`, 100, model);
  expect(back.toReversed().map(({ ensemble }) => ensemble)).toEqual(forth.map(({ ensemble }) => ensemble));
});

test('Series of several entities keep their context over pieces, gaps and each other.', async () => {
  const content = series(400);
  const rows = await readRows(content, { time: 'time', entity: 'node' });
  const detectors = [{ name: 'isolation-forest', options: { trees: 20 } }];
  const options = { ...OPTIONS, detectors, series: true, time: 'time', entity: 'node' };
  const { model } = fitTable(prepareTable(rows, options));
  expect(model.order.intervalMs).toBe(60_000);
  const expected = together(rows, model);
  for (const size of [29, 500, 65_536]) {
    const scored = await stream(content, size, model);
    expect(scored.map(({ entity }) => entity).slice(0, 4)).toEqual(['a', 'b', 'a', 'b']);
    expect(scored.map(({ ensemble }) => ensemble)).toEqual(expected);
  }
});

test('An anomalous row names the columns that made it so, in shares of at most 1.', async () => {
  const rows = await readRows(connections(400), {});
  const { model } = fitTable(prepareTable(rows, OPTIONS));
  const [odd] = await stream('bytes,proto,flag\n90000,tcp,1\n', 100, model);
  expect(odd.anomaly).toBe(1);
  expect(odd.top[0].feature).toBe('bytes');
  const sum = odd.top.reduce((total, { share }) => total + share, 0);
  expect(sum).toBeGreaterThan(0.5);
  expect(sum).toBeLessThanOrEqual(1 + 1e-9);
});

test('A text that training never saw is more anomalous than one that it knows.', async () => {
  const rows = await readRows(connections(400), {});
  const { model } = fitTable(prepareTable(rows, OPTIONS));
  const [known, unknown] = await stream('bytes,proto,flag\n500,tcp,1\n500,gre,1\n', 100, model);
  expect(unknown.ensemble).toBeGreaterThan(known.ensemble);
});

test('Columns may be in another order, and there may be more of them; without one of them it is an error that names it.', async () => {
  const rows = await readRows(connections(400), {});
  const { model } = fitTable(prepareTable(rows, OPTIONS));
  const [one] = await stream('bytes,proto,flag\n500,tcp,1\n', 100, model);
  const [other] = await stream('flag,comment,bytes,proto\n1,hello,500,tcp\n', 100, model);
  expect(other.ensemble).toBe(one.ensemble);
  await expect(stream('bytes,proto\n500,tcp\n', 100, model)).rejects.toThrow(
    'was fitted on a column that this table does not have (flag); it has bytes, proto',
  );
});
