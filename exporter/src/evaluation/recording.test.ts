import { constants, createGzip, gzipSync } from 'node:zlib';
import type { Batch, Entity, FeatureSpec, Schema } from '../flow.ts';
import { readRecording, recordingWriter } from './recording.ts';

const feature = (name: string, kind: 'gauge' | 'counter'): FeatureSpec => ({
  name,
  unit: 'count',
  help: 'of the test',
  kind,
  direction: 'up',
  transform: 'none',
  minimumDeviation: 0,
});
const box: Schema = { name: 'box', features: [feature('total', 'counter'), feature('level', 'gauge')] };
const part: Schema = { name: 'part', features: [feature('fill', 'gauge')] };
const entities: Entity[] = [
  { id: 'host', kind: 'box', host: 'host', labels: {} },
  { id: 'host/a', kind: 'part', host: 'host', labels: { device: 'secret' } },
  { id: 'host/b', kind: 'part', host: 'host', labels: {} },
];
const START = Date.UTC(2026, 0, 1);

function batch(schema: Schema, entity: number[], second: number, values: number[]): Batch {
  return {
    schema,
    entity: Int32Array.from(entity),
    time: new Float64Array(entity.length).fill(START + second * 1000),
    values: Float64Array.from(values),
  };
}

function write(batches: Batch[]): string {
  const writer = recordingWriter([box, part], entities, 1000, 4);
  return writer.header() + batches.map((one) => writer.batch(one)).join('');
}

const read = (text: string, schemas = [box, part]) => readRecording(gzipSync(text), () => schemas);

describe('a recording', () => {
  const written = [
    batch(box, [0], 0, [1e12 + 0.125, 0.1234567]),
    batch(part, [1, 2], 0, [0.5, NaN]),
    batch(box, [0], 1, [NaN, 2]),
    batch(box, [0], 3, [1e12 + 7.5, NaN]),
    batch(box, [0], 4, [3, -1]),
  ];

  test('gives back entities, times, counters and gauges to 6 digits, and what was missing is missing', () => {
    const recording = read(write(written));
    expect(recording).toMatchObject({ intervalMs: 1000, cpus: 4, schemas: [box, part] });
    expect(recording.entities.map(({ id, kind }) => [id, kind])).toEqual(entities.map(({ id, kind }) => [id, kind]));
    expect(recording.batches.map(({ schema, time }) => [schema.name, time[0] - START])).toEqual(
      written.map(({ schema, time }) => [schema.name, time[0] - START]),
    );
    expect(recording.batches.map(({ values }) => [...values])).toEqual([
      [1e12 + 0.125, 0.123457],
      [0.5, NaN],
      [NaN, 2],
      [1e12 + 7.5, NaN],
      [3, -1],
    ]);
  });

  test('does not let the rounding of counters add up', () => {
    const total = (second: number) => second / 3e6;
    const many = Array.from({ length: 10_000 }, (_, second) => batch(box, [0], second, [total(second), 0]));
    const last = read(write(many)).batches[9999];
    expect(Math.abs(last.values[0] - total(9999))).toBeLessThan(1e-6);
  });

  test('holds no labels', () => {
    expect(write(written)).not.toContain('secret');
  });

  test('is read with the features as they are now: new ones are missing, old ones passed over', () => {
    const now: Schema = { name: 'box', features: [feature('level', 'gauge'), feature('new', 'gauge')] };
    expect([...read(write(written), [now, part]).batches[0].values]).toEqual([0.123457, NaN]);
  });

  test('that was killed while it was written is read as far as it goes', async () => {
    const gzip = createGzip();
    const chunks: Buffer[] = [];
    gzip.on('data', (chunk: Buffer) => chunks.push(chunk));
    gzip.write(write(written));
    gzip.write('[0,1000,[0],[1');
    await new Promise<void>((resolve) => gzip.flush(constants.Z_SYNC_FLUSH, resolve));
    const cut = readRecording(Buffer.concat(chunks), () => [box, part]);
    expect(cut.batches).toHaveLength(written.length);
  });

  test.each([
    [
      'is no recording',
      '{"format":"something else"}\n',
      'this is no recording: it begins with "{"format":"something else"}"',
    ],
    [
      'is of another version',
      '{"format":"netpulse-recording","version":9,"schemas":[]}\n',
      'the recording is of version 9, this program reads version 1; record again',
    ],
    [
      'has rows of an unknown kind',
      write(written).replace('"name":"part"', '"name":"moon"'),
      'the recording has rows of "moon"; known are box, part',
    ],
  ])('that %s is refused', (_, text, message) => {
    expect(() => read(text)).toThrow(message);
  });

  test('refuses a batch of two times', () => {
    const mixed = batch(part, [1, 2], 0, [1, 2]);
    mixed.time[1]++;
    expect(() => write([mixed])).toThrow('rows of one batch of part have different times');
  });
});
