import { seededRandom } from '../../random.ts';
import { stretches, thin } from './thinning.ts';

test('Each bucket keeps its lowest and its highest score, so that no peak is lost.', () => {
  const random = seededRandom(1);
  for (let round = 0; round < 50; round++) {
    const scores = Float64Array.from({ length: 1 + random.below(500) }, () =>
      random.next() < 0.1 ? NaN : random.normal(),
    );
    const most = 1 + random.below(40);
    const { count, low, high } = thin(scores, most);
    expect(count).toBe(Math.min(scores.length, most));
    const known = scores.filter((score) => score === score);
    const kept = (places: Int32Array) => [...places].filter((row) => row >= 0).map((row) => scores[row]);
    expect(Math.max(...kept(high))).toBe(Math.max(...known));
    expect(Math.min(...kept(low))).toBe(Math.min(...known));
    for (const places of [low, high]) {
      const rows = [...places].filter((row) => row >= 0);
      expect(rows).toEqual(rows.toSorted((a, b) => a - b));
    }
  }
});

test('Rows that are not wanted, or have no score, are in no bucket.', () => {
  const { low, high } = thin(Float64Array.from([NaN, 5, 1, 9]), 2, (row) => row !== 3);
  expect([...low]).toEqual([1, 2]);
  expect([...high]).toEqual([1, 2]);
  expect(thin(new Float64Array(0), 10).count).toBe(0);
});

test('Stretches join neighbouring buckets, and a single row of many is seen.', () => {
  expect(stretches(10, 5, (row) => row >= 4 && row < 7)).toEqual([[0.4, 0.8]]);
  expect(stretches(100_000, 1000, (row) => row === 77_777)).toEqual([[0.777, 0.778]]);
  expect(stretches(0, 10, () => true)).toEqual([]);
});
