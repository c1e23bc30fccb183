import { seededRandom } from './random.ts';

describe('seeded random numbers', () => {
  test('are the same for a seed and stream, and others for another', () => {
    const take = (seed: number, stream: number) => Array.from({ length: 5 }, seededRandom(seed, stream).next);
    expect(take(1, 2)).toEqual(take(1, 2));
    expect(take(1, 3)).not.toEqual(take(1, 2));
    expect(take(2, 2)).not.toEqual(take(1, 2));
    expect(take(2 ** 40 + 1, 2)).not.toEqual(take(1, 2));
  });

  test('are uniform, and normal, to within what a million draws allow', () => {
    const random = seededRandom(3);
    const counts = new Float64Array(10);
    for (let i = 0; i < 1_000_000; i++) counts[random.below(10)]++;
    for (const count of counts) expect(Math.abs(count - 100_000)).toBeLessThan(1500);
    let first = 0;
    let second = 0;
    let beyond = 0;
    for (let i = 0; i < 1_000_000; i++) {
      const x = random.normal();
      first += x / 1e6;
      second += (x * x) / 1e6;
      if (Math.abs(x) > 1.959964) beyond++;
    }
    expect(Math.abs(first)).toBeLessThan(0.005);
    expect(Math.abs(second - 1)).toBeLessThan(0.01);
    expect(Math.abs(beyond - 50_000)).toBeLessThan(1000);
  });
});
