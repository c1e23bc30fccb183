import type { Cursor } from './cursor.ts';
import { deviceTable } from './device-table.ts';

/** Runs a table over ticks of `name: counter`, and gives the sum after each. */
function sums(ticks: Record<string, number>[]): number[] {
  const table = deviceTable(1);
  table.watch(
    new Map([
      ['a', 0],
      ['b', 1],
    ]),
  );
  return ticks.map((tick) => {
    table.begin();
    for (const [name, counter] of Object.entries(tick)) table.advance(table.find(name), Float64Array.of(counter));
    return table.sum(0);
  });
}

test.each([
  [
    'differences add up',
    [
      { a: 10, b: 5 },
      { a: 12, b: 6 },
    ],
    [15, 18],
  ],
  ['a 32-bit counter wraps', [{ a: 2 ** 32 - 10 }, { a: 5 }], [2 ** 32 - 10, 2 ** 32 + 5]],
  ['a counter that began again counts from 0', [{ a: 1000 }, { a: 30 }], [1000, 1030]],
  ['a large counter that began again is no wrap', [{ a: 2 ** 40 }, { a: 30 }], [2 ** 40, 2 ** 40 + 30]],
  ['a device that leaves takes nothing away', [{ a: 10, b: 5 }, { a: 11 }], [15, 16]],
  [
    'a device that comes back adds nothing at first',
    [{ a: 1, b: 5 }, { a: 1 }, { a: 1, b: 99 }, { a: 1, b: 100 }],
    [6, 6, 6, 7],
  ],
  ['a device that comes later adds nothing at first', [{ a: 1 }, { a: 2, b: 1e9 }, { a: 3, b: 1e9 + 1 }], [1, 2, 4]],
  ['no device is no number', [{ a: 1 }, {}, { a: 5 }], [1, NaN, 1]],
  [
    'garbage is no number, and the rest goes on',
    [
      { a: 1, b: 1 },
      { a: NaN, b: 2 },
      { a: 9, b: 3 },
    ],
    [2, 3, 4],
  ],
])('%s', (_, ticks, expected) => {
  expect(sums(ticks as Record<string, number>[])).toEqual(expected);
});

test('finds devices by the bytes of their lines, also when lines move, and grows past its first size', () => {
  const table = deviceTable(1);
  const names = Array.from({ length: 100 }, (_, i) => `eth${i}`);
  table.watch(new Map(names.map((name, i) => [name, 1000 + i])));
  for (const order of [names, [...names].reverse(), names]) {
    table.begin();
    order.forEach((name, line) => {
      const cursor: Cursor = { bytes: Buffer.from(`  ${name}: 1`), at: 2, end: 99 };
      const slot = table.slot(cursor, 2 + name.length, line);
      expect(table.entity(slot)).toBe(1000 + Number(name.slice(3)));
      table.advance(slot, Float64Array.of(line));
    });
    expect(table.count).toBe(100);
    expect(table.slot({ bytes: Buffer.from('lo'), at: 0, end: 2 }, 2, 200)).toBe(-1);
  }
});
