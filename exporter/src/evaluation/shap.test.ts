import { seededRandom } from '../random.ts';
import { coalitionsOf, sampledShap, type CoalitionValue } from './shap.ts';

/** A game over players whose absent ones have the values of a background row. */
function game(row: readonly number[], background: readonly (readonly number[])[], f: (x: number[]) => number) {
  const value: CoalitionValue = (joined, rows) =>
    Float64Array.from(rows, (b, i) =>
      f(row.map((own, p) => (joined[i * row.length + p] === 1 ? own : background[b][p]))),
    );
  return value;
}

/** Shapley values by their definition, over all orders. */
function exactShap(row: readonly number[], background: readonly (readonly number[])[], f: (x: number[]) => number) {
  const players = row.map((_, p) => p);
  const orders = (left: number[]): number[][] =>
    left.length === 0
      ? [[]]
      : left.flatMap((first) => orders(left.filter((p) => p !== first)).map((rest) => [first, ...rest]));
  const values = row.map(() => 0);
  const all = orders(players);
  for (const other of background) {
    for (const order of all) {
      const x = [...other];
      for (const p of order) {
        const before = f(x);
        x[p] = row[p];
        values[p] += (f(x) - before) / all.length / background.length;
      }
    }
  }
  return values;
}

const rough = (x: number[]) =>
  x.reduce((sum, v, i) => sum + Math.sin(v * (i + 1)), 0) * Math.max(...x) - x[0] * x[x.length - 1];

test('The values and the mean of the background add up to the value of the row, for any function, size and seed.', () => {
  const random = seededRandom(7);
  for (let round = 0; round < 200; round++) {
    const players = 1 + random.below(9);
    const rows = 1 + random.below(12);
    const draw = () => Array.from({ length: players }, () => 10 * random.normal());
    const row = draw();
    const background = Array.from({ length: rows }, draw);
    const scale = 10 ** random.between(-6, 6);
    const f = (x: number[]) => scale * rough(x);
    const { values, base, full } = sampledShap({
      players,
      background: rows,
      seed: round,
      value: game(row, background, f),
    });
    expect(full).toBe(f(row));
    expect(base / scale).toBeCloseTo(
      background.reduce((sum, other) => sum + rough(other) / rows, 0),
      9,
    );
    expect((base + values.reduce((sum, value) => sum + value, 0)) / scale).toBeCloseTo(full / scale, 9);
  }
});

test('Of a sum the values are exact, whatever the order in which players join.', () => {
  const weights = [3, -2, 0, 0.5];
  const row = [1, 2, 3, 4];
  const background = [
    [0, 1, 5, 2],
    [2, -1, 7, 0],
  ];
  const f = (x: number[]) => x.reduce((sum, v, p) => sum + weights[p] * v, 0);
  const { values, errors } = sampledShap({ players: 4, background: 2, seed: 1, value: game(row, background, f) });
  [0, -4, 0, 1.5].forEach((expected, p) => expect(values[p]).toBeCloseTo(expected, 12));
  // the second player's value differs from background row to background row, and with two of them by its whole range
  expect(errors[2]).toBe(0);
  expect(errors[1]).toBeCloseTo(2, 12);
});

test('With many walks the values are those of the definition, within the errors they come with.', () => {
  const row = [1, -0.5, 2, 0.3, 1.1];
  const once = [
    [0, 0, 0.5, 1, 0.2],
    [0.4, -1, 0, 0.6, -0.8],
  ];
  const background = Array.from({ length: 2000 }, (_, i) => once[i % 2]);
  const { values, errors } = sampledShap({
    players: 5,
    background: 2000,
    seed: 3,
    value: game(row, background, rough),
  });
  exactShap(row, once, rough).forEach((expected, p) => {
    expect(Math.abs(values[p] - expected)).toBeLessThan(5 * errors[p] + 1e-9);
    expect(errors[p]).toBeLessThan(0.05);
  });
});

test('A player that changes nothing is worth nothing, and two that do the same share alike in an antithetic pair.', () => {
  const f = ([a, b]: number[]) => Math.max(a, b);
  const value = game([1, 1, 9], [[0, 0, 0]], f);
  const { values } = sampledShap({ players: 3, background: 1, seed: 0, value });
  expect([...values]).toEqual([0.5, 0.5, 0]);
});

test('The same seed gives the same values, another one other values.', () => {
  const values = (seed: number) =>
    sampledShap({
      players: 4,
      background: 2,
      seed,
      value: game(
        [1, 2, 3, 4],
        [
          [0, 1, 0, 1],
          [1, 0, 2, 0],
        ],
        rough,
      ),
    }).values;
  expect(values(5)).toEqual(values(5));
  expect(values(6)).not.toEqual(values(5));
});

test('It asks for as many coalitions as it says, in one call.', () => {
  const asked: number[] = [];
  const value: CoalitionValue = (joined, rows) => {
    asked.push(rows.length);
    expect(joined).toHaveLength(rows.length * 6);
    return new Float64Array(rows.length);
  };
  sampledShap({ players: 6, background: 5, seed: 0, value });
  expect(asked).toEqual([coalitionsOf(6, 5)]);
  expect(coalitionsOf(6, 5)).toBe(56);
});

test('Without players or background there is nothing to divide.', () => {
  const value: CoalitionValue = () => new Float64Array(1);
  expect(() => sampledShap({ players: 0, background: 1, seed: 0, value })).toThrow('0 players and 1 background rows');
  expect(() => sampledShap({ players: 1, background: 0, seed: 0, value })).toThrow('1 players and 0 background rows');
});
