import { readTable } from '../sources/csv/table-reader.ts';
import { columnsOfRows, readTableRows, type TableRowsOptions } from './table-rows.ts';

async function* text(content: string) {
  await Promise.resolve();
  for (let at = 0; at < content.length; at += 1000) yield content.slice(at, at + 1000);
}

async function read(content: string, options: Partial<TableRowsOptions> = {}, skipBadRows = false) {
  const table = await readTable('x.csv', text(content), { skipBadRows });
  const rows = await readTableRows(table, {
    roles: {},
    sample: 'reservoir',
    mostRows: 100_000,
    mostCategories: 100,
    seed: 0,
    ...options,
  });
  return { ...rows, left: table.skipped() };
}

const numbered = (rows: number) => `n,sq\n${Array.from({ length: rows }, (_, i) => `${i},${(i * i) % 97}\n`).join('')}`;

test('Numbers, texts, labels and missing values have their places.', async () => {
  const rows = await read('load,proto,label\n0.5,tcp,0\n,udp,1\n2,,normal\n3,tcp,attack\n');
  expect(rows.features.map(({ name, kind }) => `${name} ${kind}`)).toEqual(['load number', 'proto category']);
  expect([...rows.labels!]).toEqual([0, 1, 0, 1]);
  expect(columnsOfRows(rows)).toEqual([
    { name: 'load', numbers: Float64Array.of(0.5, NaN, 2, 3) },
    { name: 'proto', texts: ['tcp', 'udp', '', 'tcp'] },
  ]);
  expect(columnsOfRows(rows, Uint8Array.of(0, 1, 0, 1))[1]).toEqual({ name: 'proto', texts: ['udp', 'tcp'] });
});

test('Of more rows than fit, the first, the newest or any are kept, in their order.', async () => {
  const kept = async (sample: TableRowsOptions['sample'], seed = 0) => {
    const rows = await read(numbered(5000), { sample, mostRows: 100, seed });
    expect(rows.rows).toBe(100);
    expect([...rows.row]).toEqual([...rows.row].sort((a, b) => a - b));
    expect(rows.row.map((row) => row - 1)).toEqual(Float64Array.from({ length: 100 }, (_, i) => rows.values[2 * i]));
    return rows;
  };
  const first = await kept('first');
  expect([first.row[0], first.row[99], first.stopped]).toEqual([1, 100, true]);
  const newest = await kept('newest');
  expect([newest.row[0], newest.row[99], newest.read]).toEqual([4901, 5000, 5000]);
  const any = await kept('reservoir');
  const mean = any.row.reduce((sum, row) => sum + row / 100, 0);
  // 100 draws from 1 to 5000: standard error 144
  expect(Math.abs(mean - 2500)).toBeLessThan(600);
  expect([...(await kept('reservoir')).row]).toEqual([...any.row]);
  expect([...(await kept('reservoir', 1)).row]).not.toEqual([...any.row]);
});

test('A pipe that never ends is read up to the rows that are wanted.', async () => {
  let closed = false;
  async function* endless() {
    try {
      yield 'a,b\n';
      for (let i = 0; ; i++) yield `${i},${i % 7}\n`;
    } finally {
      closed = true;
    }
  }
  const table = await readTable('pipe', endless());
  const rows = await readTableRows(table, { roles: {}, sample: 'first', mostRows: 5000, mostCategories: 9, seed: 0 });
  expect([rows.rows, rows.stopped, closed]).toEqual([5000, true, true]);
});

test('Rows of several entities are sorted into series, each in its own order of time.', async () => {
  const rows = await read('t,node,v\n1000,b,1\n1000,a,2\n1060,b,3\n1060,a,4\n', {
    roles: { time: 't', entity: 'node' },
    sample: 'newest',
  });
  expect(rows.entities).toEqual(['b', 'a']);
  expect([...rows.entity]).toEqual([0, 0, 1, 1]);
  expect([...rows.values]).toEqual([1, 3, 2, 4]);
  expect([...rows.time!]).toEqual([1_000_000, 1_060_000, 1_000_000, 1_060_000]);
  expect(rows.sameTime.rows).toBe(0);
});

test('Times that repeat are counted, and times that run backwards are an error, or are left out.', async () => {
  const content = 't,v\n100,1\n100,2\n160,3\n40,4\n220,5\n';
  const roles = { time: 't' };
  await expect(read(content, { roles, sample: 'newest' })).rejects.toThrow('line 5, column "t": time runs backwards');
  const rows = await read(content, { roles, sample: 'newest' }, true);
  expect([...rows.values]).toEqual([1, 2, 3, 5]);
  expect(rows.left.rows).toBe(1);
  expect(rows.sameTime).toEqual({ rows: 1, firstLine: 3 });
});

test.each<[string, string, Partial<TableRowsOptions>, string]>([
  ['text in numbers', 'a,b\n1,2\n2,3\nx,4\n', {}, 'line 4, column "a": "x" is not a number'],
  ['decimal commas', 'a;b\n1,5;2\n2,5;3\n', {}, 'column "a": has decimal commas'],
  ['times among features', 'a,b\n2026-01-01,2\n2026-01-02,3\n', {}, '--time a makes the rows a series'],
  ['too many texts', 'a,b\nx,1\ny,2\nz,3\n', { mostCategories: 2 }, 'holds more than 2 different texts'],
  ['a column that is not there', 'a,b\n1,2\n', { roles: { exclude: ['A'] } }, 'has no column "A"; did you mean "a"?'],
  ['no column left', 'label\n1\n0\n', {}, 'has no column left to learn from'],
  ['a feature that is the label', 'a,label\n1,0\n', { roles: { columns: ['label'] } }, 'has another role'],
  ['a header alone', 'a,b\n', {}, 'has a header and no rows'],
  ['a logarithm of text', 'a,b\nx,1\n', { roles: { log1p: ['a'] } }, 'take it out of --log1p'],
  ['two treatments', 'a,b\n1,1\n', { roles: { log1p: ['a'], linear: ['a'] } }, 'choose one'],
])('%s is an error that says what to do.', async (_, content, options, told) => {
  await expect(read(content, options)).rejects.toThrow(told);
});

test('Too many texts are an error also where bad rows are left out.', async () => {
  await expect(read('a,b\nx,1\ny,2\nz,3\n', { mostCategories: 2 }, true)).rejects.toThrow('--exclude a');
});
