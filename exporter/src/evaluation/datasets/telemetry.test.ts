import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { readEntity, telemetrySets } from './telemetry.ts';

describe('folders of labelled telemetry', () => {
  let data: string;
  const write = (path: string, text: string) =>
    writeFileSync(join(data, path), path.endsWith('.gz') ? gzipSync(text) : text);

  beforeEach(() => {
    data = mkdtempSync(join(tmpdir(), 'netpulse-telemetry-'));
    mkdirSync(join(data, 'asd'));
    mkdirSync(join(data, 'empty'));
    write('asd/a-10.train.csv.gz', 'm0,m1\n1,2\n3,\n');
    write('asd/a-10.test.csv.gz', 'm0,m1,label\n5,6,0\n7,8,1\n9,10,1\n');
    write('asd/a-10.causes.json', '[{"start":1,"end":2,"dims":[1]}]');
    write('asd/a-2.train.csv.gz', 'm0\n1\n');
    write('asd/a-2.test.csv.gz', 'm0,label\n1,1\n');
    write('asd/alone.train.csv.gz', 'm0\n1\n');
  });
  afterEach(() => rmSync(data, { recursive: true }));

  it('are found with the entities that have both parts, in the order of their numbers', () => {
    const sets = telemetrySets(data);
    expect(sets.map(({ name, stepMs, entities }) => ({ name, stepMs, entities }))).toEqual([
      { name: 'asd', stepMs: 300_000, entities: ['a-2', 'a-10'] },
    ]);
  });

  it('give train and test rows as one series, with labels and causes of the test part', () => {
    const entity = readEntity(telemetrySets(data)[0], 'a-10');
    expect([...entity.rows.values.data]).toEqual([1, 2, 3, NaN, 5, 6, 7, 8, 9, 10]);
    expect(entity).toMatchObject({ trainRows: 2, rowsPerDay: 288, causes: [{ start: 1, end: 2, dims: [1] }] });
    expect([...entity.labels]).toEqual([0, 1, 1]);
    const { time } = entity.rows;
    expect(time[0] % 86_400_000).toBe(0);
    expect(time[4] - time[3]).toBe(300_000);
    expect(entity.features.map(({ name }) => name)).toEqual(['m0', 'm1']);
    expect(readEntity(telemetrySets(data)[0], 'a-2').causes).toBeNull();
  });

  it('are refused with the file and the line when something is wrong', () => {
    const read = (name: string) => () => readEntity(telemetrySets(data)[0], name);
    write('asd/a-2.test.csv.gz', 'm0,label\n1,1\nx,0\n');
    expect(read('a-2')).toThrow(/a-2.test.csv.gz, line 3: "x" in column m0/);
    write('asd/a-2.test.csv.gz', 'm0,label\n1\n');
    expect(read('a-2')).toThrow(/line 2: 1 cells, the header has 2/);
    write('asd/a-2.test.csv.gz', 'm0\n1\n');
    expect(read('a-2')).toThrow(/the last column must be label/);
    write('asd/a-2.test.csv.gz', 'm1,label\n1,0\n');
    expect(read('a-2')).toThrow(/has the columns m1, the train part m0/);
    write('asd/a-10.causes.json', '[{"start":1,"end":3,"dims":[1]}]');
    expect(read('a-10')).toThrow(/is not a segment of 3 rows/);
    expect(() => telemetrySets(join(data, 'empty'))).toThrow(/no folder in .* has a pair/);
    expect(() => telemetrySets(join(data, 'nowhere'))).toThrow(/there is no folder/);
  });
});
