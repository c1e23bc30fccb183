import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { detectDialect, isEnough } from './dialect.ts';
import { readTable, type TableOptions, type TableRow } from './table-reader.ts';
import { decodeText } from './text-input.ts';

async function* pieces<T>(parts: readonly T[]): AsyncGenerator<T> {
  await Promise.resolve();
  yield* parts;
}

async function read(bytes: readonly Uint8Array[], options?: TableOptions) {
  const table = await readTable('x.csv', decodeText('x.csv', pieces(bytes)), options);
  const rows: TableRow[] = [];
  for await (const batch of table.batches()) rows.push(...batch);
  return { ...table, rows, left: table.skipped() };
}

const text = (content: string, options?: TableOptions) => read([Buffer.from(content)], options);

test.each([
  ['commas and a header', 'a,b\n1,2\n', ',', true],
  ['semicolons with decimal commas', 'a;b;c\n1,5;2,5;3\n', ';', true],
  ['tabs without a header', '1\t2\n3\t4\n', '\t', false],
  ['a header of texts over texts', 'from,to\nx,y\n', ',', true],
  ['a first line with a number', 'tcp,80\nudp,53\n', ',', false],
  ['two equal names', 'a,a\n1,2\n', ',', false],
  ['one column of numbers', 'load\n1\n2\n', ',', true],
  ['one column of texts', 'x\ny\n', ',', false],
])('The dialect of %s is found.', (_, content, delimiter, header) => {
  expect(detectDialect('x', content, {})).toEqual({ format: 'csv', delimiter, header });
});

test('Two records are enough to tell the dialect, and nothing else in the beginning changes it.', () => {
  expect(isEnough('a,b\n"1\n')).toBe(false);
  expect(isEnough('a,b\n1,2')).toBe(false);
  expect(isEnough('a,b\n\n1,2\n')).toBe(true);
  const start = 'a;b\n1;2\n';
  expect(detectDialect('x', `${start}x,y,z,x,y\n`, {})).toEqual(detectDialect('x', start, {}));
});

test('CSV and NDJSON of the same rows are read alike, packed or not, with a byte order mark or without.', async () => {
  const csv = 'host,load,up\nweb,0.5,1\ndb,,0\n';
  const json = '{"host":"web","load":0.5,"up":true}\n{"up":0,"host":"db","load":null}\n';
  const expected = [
    ['web', '0.5', '1'],
    ['db', '', '0'],
  ];
  for (const content of [csv, `\ufeff${csv}`, json]) {
    for (const bytes of [Buffer.from(content), gzipSync(content)]) {
      const { columns, rows } = await read([bytes]);
      expect(columns).toEqual(['host', 'load', 'up']);
      expect(rows.map(({ cells }) => cells.map(String))).toEqual(expected);
    }
  }
});

test('Rows have the number and the line that they have in the file.', async () => {
  const { rows } = await text('a,b\n1,2\n\n3\n4,5\n', { skipBadRows: true });
  expect(rows.map(({ row, line }) => [row, line])).toEqual([
    [1, 2],
    [3, 5],
  ]);
});

test('Any bytes of a table give the same rows however they are cut, also inside a character or a gzip block.', async () => {
  const cell = fc.string({ unit: fc.constantFrom('a', '1', 'ö', '€', '😀', '"', ',', '\n'), maxLength: 5 });
  const quote = (value: string) => `"${value.replaceAll('"', '""')}"`;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(cell, cell), { minLength: 1, maxLength: 10 }),
      fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 80 }),
      fc.boolean(),
      async (records, sizes, packed) => {
        const content = Buffer.from(`one,two\n${records.map((record) => `${record.map(quote).join()}\n`).join('')}`);
        const bytes = packed ? gzipSync(content) : content;
        const cut: Uint8Array[] = [];
        let at = 0;
        for (const size of sizes) cut.push(bytes.subarray(at, (at += size)));
        cut.push(bytes.subarray(at));
        const { rows } = await read(cut);
        expect(rows.map(({ cells }) => cells)).toEqual(records);
      },
    ),
    { numRuns: 200 },
  );
});

test('A row is there as soon as its line is, while the pipe is still open.', async () => {
  let release = () => {};
  const open = new Promise<void>((resolve) => (release = resolve));
  async function* pipe() {
    yield 'a,b\n1,2\n3,4\n';
    await open;
    yield '5,6\n';
  }
  const batches = (await readTable('pipe', pipe())).batches()[Symbol.asyncIterator]();
  const first = (await batches.next()).value as TableRow[];
  expect(first.map(({ cells }) => cells)).toEqual([
    ['1', '2'],
    ['3', '4'],
  ]);
  release();
  expect(((await batches.next()).value as TableRow[])[0].cells).toEqual(['5', '6']);
});

test('Who stops reading closes the pipe.', async () => {
  let closed = false;
  async function* pipe() {
    try {
      for (;;) yield 'a,b\n1,2\n3,4\n';
    } finally {
      closed = true;
    }
  }
  await Promise.resolve();
  for await (const _ of (await readTable('pipe', pipe(), { skipBadRows: true })).batches()) break;
  expect(closed).toBe(true);
});

test.each<[string, string, TableOptions, string]>([
  ['nothing', '', {}, 'x.csv: is empty'],
  ['a ragged row', 'a,b\n1,2\n3\n', {}, 'line 3: 1 field instead of the 2 of the header; --skip-bad-rows'],
  ['a row of another delimiter', 'a,b\n1,2\n3;4\n', {}, 'its delimiter seems to be ";"'],
  ['the wrong delimiter', 'a,b,c\n1,2,3\n', { delimiter: ';' }, 'no semicolon in its first line, but 2 times a comma'],
  ['two equal names', 'a,a\n1,2\n', { header: true }, 'two columns are called "a"'],
  ['too few names', '1,2\n', { names: ['a'] }, 'has 2 columns, but --names gives 1 names'],
  ['a JSON array', '[{"a":1}]', {}, "jq -c '.[]'"],
  ['broken JSON', '{"a":1}\n{"a":\n', {}, 'line 2: is not JSON'],
  ['a list in JSON', '{"a":1}\n{"a":[1]}\n', {}, 'line 2: "a" holds an object or a list'],
  ['a new key', '{"a":1}\n{"a":1,"b":2}\n', {}, 'line 2: has the key "b", which the first line has not'],
  ['line ends of old', 'a,b\r1,2\r', {}, 'carriage returns only'],
  ['an open quote', 'a,b\n1,"2\n', {}, 'line 2: a quote is opened and never closed'],
])('%s is an error that says where and what to do.', async (_, content, options, told) => {
  await expect(text(content, options)).rejects.toThrow(told);
});

test.each([
  ['a zip archive', [0x50, 0x4b, 0x03, 0x04, 0, 0], 'is a zip archive'],
  ['Latin-1', [...Buffer.from('a,b\n1,'), 0xe9, 0x0a], 'iconv'],
  ['zero bytes', [...Buffer.from('a,b\n1,'), 0, 0x0a], 'a zero byte'],
  ['gzip that is cut short', [...gzipSync('a,b\n1,2\n'.repeat(100))].slice(0, 30), 'damaged or cut short'],
])('%s is an error that names the file.', async (_, bytes, told) => {
  const failure = read([Uint8Array.from(bytes)]);
  await expect(failure).rejects.toThrow(told);
  await expect(failure).rejects.toThrow('x.csv');
});

test('Bad rows are left out and counted when that is asked for.', async () => {
  const { rows, left } = await text('a,b\n1,2\n3\n"x"y,1\n5,6\n', { skipBadRows: true });
  expect(rows.map(({ cells }) => cells)).toEqual([
    ['1', '2'],
    ['5', '6'],
  ]);
  expect(left).toEqual({ rows: 2, first: expect.stringContaining('line 3') });
});

test('Keys that are named are the columns of NDJSON, and other keys are passed over.', async () => {
  const { columns, rows } = await text('{"a":1}\n{"b":2,"c":3}\n', { names: ['b', 'a'] });
  expect(columns).toEqual(['b', 'a']);
  expect(rows.map(({ cells }) => cells)).toEqual([
    ['', 1],
    [2, ''],
  ]);
});
