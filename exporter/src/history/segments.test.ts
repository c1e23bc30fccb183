import { joinRows, type EntityRows } from './segments.ts';

const part = (...time: number[]): EntityRows => ({
  time: Float64Array.from(time),
  values: Float64Array.from(time.flatMap((t) => [t, -t])),
});

describe('segments', () => {
  test.each([
    ['no rows', [], []],
    ['rows a step apart', [part(0, 10, 20)], [0, 0, 0]],
    ['a pause of one step and a half', [part(0, 15, 30)], [0, 0, 0]],
    ['a longer pause', [part(0, 15.1, 25)], [0, 1, 1]],
    ['time that goes back', [part(10, 20, 5, 15)], [0, 0, 1, 1]],
    ['time that stands still', [part(10, 10, 20)], [0, 1, 1]],
    ['two entities, each begins its own', [part(0, 10), part(), part(20, 30)], [0, 0, 1, 1]],
  ])('%s', (_what, parts, segment) => {
    const rows = joinRows(parts, 2, 10);
    expect([...rows.segment]).toEqual(segment);
    expect([...rows.time]).toEqual(parts.flatMap(({ time }) => [...time]));
    expect([...rows.values.data]).toEqual(parts.flatMap(({ values }) => [...values]));
    expect(rows.values).toMatchObject({ rows: segment.length, columns: 2 });
  });
});
