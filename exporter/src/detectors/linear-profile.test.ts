import { asRows } from './conformance-data.ts';
import { type ProfileShape, fitLevels, profileBlocks, profileHistory } from './linear-profile.ts';

const plain = (features: number) => ({
  features,
  inputs: 'level' as const,
  mean: new Float64Array(features),
  deviation: new Float64Array(features).fill(1),
});

/** Every wanted row's profile as a list, by row number. */
function profiles(shape: ProfileShape, values: number[][], segment?: number[], size = 3, wanted?: Uint8Array) {
  const features = values[0].length;
  const rows = asRows(Float64Array.from(values.flat()), features);
  if (segment) rows.segment.set(segment);
  const stride = features * (shape.lags.length + shape.spans.length);
  const out = new Map<number, { profile: number[]; before: number; present: number[] }>();
  for (const block of profileBlocks(shape, plain(features), rows, size, wanted)) {
    for (let i = 0; i < block.count; i++) {
      out.set(block.row[i], {
        profile: [...block.profile.subarray(i * stride, (i + 1) * stride)],
        before: block.before[i],
        present: [...block.present.subarray(i * features, (i + 1) * features)],
      });
    }
  }
  return out;
}

describe('the profile of a feature', () => {
  it('holds the values at its lags, and before the first row repeats the first row', () => {
    const found = profiles({ lags: [0, 1, 3], spans: [] }, [[1], [2], [3], [4], [5]]);
    expect([...found.values()].map(({ profile }) => profile)).toEqual([
      [1, 1, 1],
      [2, 1, 1],
      [3, 2, 1],
      [4, 3, 1],
      [5, 4, 2],
    ]);
  });

  it('holds weighted means that start at the first value', () => {
    const found = profiles({ lags: [0], spans: [3] }, [[4], [0], [8]]);
    expect([...found.values()].map(({ profile }) => profile[1])).toEqual([4, 2, 5]);
  });

  it('keeps the columns of a feature together', () => {
    const found = profiles({ lags: [0, 1], spans: [1] }, [
      [1, 10],
      [2, 20],
    ]);
    expect(found.get(1)?.profile).toEqual([2, 1, 2, 20, 10, 20]);
  });

  it('starts afresh with every segment', () => {
    const found = profiles({ lags: [0, 1, 2], spans: [3] }, [[9], [9], [1], [2]], [0, 0, 5, 5]);
    expect(found.get(2)).toEqual({ profile: [1, 1, 1, 1], before: 0, present: [1] });
    expect(found.get(3)).toEqual({ profile: [2, 1, 1, 1.5], before: 1, present: [1] });
  });

  it('repeats the last value where one is missing, and is 0 before the first', () => {
    const shape = { lags: [0, 1], spans: [3] };
    const found = profiles(shape, [
      [NaN, 1],
      [6, 1],
      [Infinity, 1],
      [4, 1],
    ]);
    expect([...found.values()].map(({ profile }) => profile.slice(0, 3))).toEqual([
      [0, 0, 0],
      [6, 6, 6],
      [6, 6, 6],
      [4, 6, 5],
    ]);
    expect([...found.values()].map(({ present }) => present[0])).toEqual([0, 1, 0, 1]);
  });

  it('forgets a value that no row behind its history could know', () => {
    const shape = { lags: [0, 1, 2], spans: [] };
    expect(profileHistory(shape)).toBe(2);
    const found = profiles(shape, [[7, 1], ...[1, 2, 3, 4].map((n) => [NaN, n])]);
    expect([...found.values()].map(({ profile }) => profile.slice(0, 3))).toEqual([
      [7, 7, 7],
      [7, 7, 7],
      [7, 7, 7],
      [0, 0, 0],
      [0, 0, 0],
    ]);
  });

  it('leaves out rows without any value, which still count as rows', () => {
    const found = profiles({ lags: [0, 1, 2], spans: [] }, [[1], [2], [NaN], [4]]);
    expect([...found.keys()]).toEqual([0, 1, 3]);
    expect(found.get(3)).toEqual({ profile: [4, 2, 2], before: 3, present: [1] });
  });

  it('is the same whatever the block, and whichever rows are wanted', () => {
    const shape = { lags: [0, 2], spans: [4] };
    const values = Array.from({ length: 20 }, (_, r) => [r % 7 === 3 ? NaN : Math.sin(r), r]);
    const all = profiles(shape, values, undefined, 1);
    expect(profiles(shape, values, undefined, 16)).toEqual(all);
    const wanted = Uint8Array.from(values, (_, r) => (r % 3 === 0 ? 1 : 0));
    const some = profiles(shape, values, undefined, 4, wanted);
    expect([...some]).toEqual([...all].filter(([row]) => row % 3 === 0));
  });

  it('is bounded whatever the value', () => {
    const found = profiles({ lags: [0], spans: [] }, [[1e300], [-1e300]]);
    expect([...found.values()].map(({ profile }) => profile[0])).toEqual([1e6, -1e6]);
  });

  it('never moves for a feature that had no value in training', () => {
    const scale = fitLevels(asRows(Float64Array.of(1, NaN, 2, NaN, 3, NaN), 2));
    const blocks = profileBlocks({ lags: [0], spans: [] }, scale, asRows(Float64Array.of(2, 5e12), 2), 1);
    const [block] = [...blocks];
    expect(block.profile[0]).toBe(0);
    expect(Math.abs(block.profile[1])).toBeLessThan(1e-80);
  });

  it('needs four spans of history, in which a weighted mean forgets all but e^-8 of its start', () => {
    const shape = { lags: [0, 4], spans: [10, 30] };
    expect(profileHistory(shape)).toBe(120);
    const [start] = [
      ...profiles({ lags: [0], spans: [30] }, [[1], ...Array.from({ length: 120 }, () => [0])]).values(),
    ].slice(-1);
    expect(start.profile[1]).toBeCloseTo(Math.exp(-8), 5);
  });
});
