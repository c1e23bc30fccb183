import { seededRandom } from '../random.ts';
import {
  type TableColumn,
  blameTableColumns,
  encodeTable,
  encodedColumns,
  encodedFeatures,
  fitTableInputs,
} from './table-inputs.ts';

const random = seededRandom(1);
const ROWS = 2000;
const numbers = (name: string, make: (row: number) => number): TableColumn => ({
  name,
  numbers: Float64Array.from({ length: ROWS }, (_, row) => make(row)),
});

/** Protocol and flag depend on each other: udp never has the flag REJ. */
const train: TableColumn[] = [
  numbers('duration', () => 0.5 + 4.5 * random.next()),
  numbers('bytes', (row) => (row % 10 === 0 ? 0 : Math.floor(1 + 1000 * random.next()))),
  numbers('rate', () => random.next()),
  numbers('port', () => [80, 443, 22, 53][random.below(4)]),
  { name: 'protocol', texts: Array.from({ length: ROWS }, (_, row) => (row % 3 === 0 ? 'udp' : 'tcp')) },
  { name: 'flag', texts: Array.from({ length: ROWS }, (_, row) => (row % 3 === 1 && row % 2 === 0 ? 'REJ' : 'SF')) },
];
const inputs = fitTableInputs(train);
const names = encodedColumns(inputs).map(({ name }) => name);

function one(values: Record<string, number | string>): Record<string, number> {
  const table = train.map(({ name }): TableColumn => {
    const value = values[name];
    return typeof value === 'string' ? { name, texts: [value] } : { name, numbers: Float64Array.of(value) };
  });
  const { data } = encodeTable(inputs, table);
  return Object.fromEntries(names.map((name, c) => [name, data[c]]));
}

const usual = { duration: 1, bytes: 100, rate: 0.5, port: 80, protocol: 'tcp', flag: 'SF' };

describe('inputs of a table', () => {
  it('treat columns by what their training values suggest', () => {
    expect(inputs.columns.map(({ name, treatment }) => [name, treatment])).toEqual([
      ['duration', 'log'],
      ['bytes', 'log'],
      ['rate', 'linear'],
      ['port', 'category'],
      ['protocol', 'category'],
      ['flag', 'category'],
    ]);
    const port = inputs.columns[3];
    const commonPorts = port.treatment === 'category' ? port.common : [];
    expect([...commonPorts].sort()).toEqual(['22', '443', '53', '80']);
    expect(names).toEqual([
      ...['duration', 'bytes', 'rate', ...commonPorts.map((port) => `port=${port}`), 'port=other'],
      ...['protocol=tcp', 'protocol=udp', 'protocol=other', 'flag=SF', 'flag=REJ', 'flag=other'],
      'protocol and flag surprise',
    ]);
  });

  it('put a value that is far too small as far out as one that is far too large', () => {
    expect(one({ ...usual, duration: 0.01 }).duration).toBeCloseTo(-one({ ...usual, duration: 100 }).duration, 9);
    expect(one({ ...usual, duration: 0 }).duration).toBeLessThan(one({ ...usual, duration: 0.001 }).duration);
    expect(Number.isFinite(one({ ...usual, duration: -5 }).duration)).toBe(true);
    expect(one({ ...usual, bytes: 0 }).bytes).toBe(0);
    expect(one({ ...usual, bytes: -3 }).bytes).toBe(-one({ ...usual, bytes: 3 }).bytes);
    expect(one({ ...usual, rate: NaN }).rate).toBeNaN();
  });

  it('give every common value a column and all others one', () => {
    const seen = one(usual);
    expect([seen['port=80'], seen['port=443'], seen['port=other']]).toEqual([1, 0, 0]);
    const unseen = one({ ...usual, port: 31_337, protocol: 'gre' });
    expect([unseen['port=80'], unseen['port=other'], unseen['protocol=other']]).toEqual([0, 1, 1]);
  });

  it('tell two common values that never met, and nothing of a pair whose halves are unheard of', () => {
    // udp and REJ: a third and a sixth of the rows, together expected in a ninth of a half
    const surprise = (values: object) => one({ ...usual, ...values })['protocol and flag surprise'];
    expect(surprise({ protocol: 'udp', flag: 'REJ' })).toBeGreaterThan(4.5);
    expect(Math.abs(surprise({ protocol: 'tcp', flag: 'SF' }))).toBeLessThan(0.2);
    expect(Math.abs(surprise({ protocol: 'gre', flag: 'REJ' }))).toBeLessThan(0.5);
    expect(encodedFeatures(inputs).at(-1)).toMatchObject({ minimumDeviation: 1 });
  });

  it('survive JSON', () => {
    const again = JSON.parse(JSON.stringify(inputs)) as typeof inputs;
    expect(encodeTable(again, train)).toEqual(encodeTable(inputs, train));
  });

  it('give the blame of encoded columns back to the columns of the table, a pair half to each', () => {
    const shares = { rows: 1, columns: names.length, data: new Float64Array(names.length) };
    shares.data[names.indexOf('port=other')] = 0.5;
    shares.data[names.indexOf('duration')] = 0.2;
    shares.data[names.indexOf('protocol and flag surprise')] = 0.3;
    expect([...blameTableColumns(inputs, shares).data]).toEqual([0.2, 0, 0, 0.5, 0.15, 0.15]);
  });

  it('can be told how to treat a column', () => {
    const given = fitTableInputs(train, { treatments: { port: 'linear', bytes: 'category' } });
    expect(given.columns.map(({ treatment }) => treatment).slice(0, 4)).toEqual([
      'log',
      'category',
      'linear',
      'linear',
    ]);
  });

  it('refuse what cannot be treated, with the name of the column', () => {
    expect(() => fitTableInputs(train, { treatments: { size: 'log' } })).toThrow('there is no column "size"');
    expect(() => fitTableInputs(train, { treatments: { flag: 'log' } })).toThrow('column "flag" holds text');
    expect(() => fitTableInputs([{ name: 'a', numbers: new Float64Array(0) }])).toThrow('no rows');
    expect(() => fitTableInputs([train[0], train[0]])).toThrow('same name');
    expect(() => encodeTable(inputs, train.slice(1))).toThrow('no column "duration"');
    expect(() => encodeTable(inputs, [{ name: 'duration', texts: train.map(() => 'x') }])).toThrow('holds text now');
    expect(() => fitTableInputs([train[0], { name: 'b', texts: ['x'] }])).toThrow('different lengths');
  });
});
