import { createScoreSamples } from './score-samples.ts';

function firsts(samples: ReturnType<typeof createScoreSamples>, entity: number): number[] {
  const found: number[] = [];
  samples.each(entity, (rows, at) => found.push(rows[at]));
  return found;
}

describe('score samples', () => {
  test('span the whole time in order, evenly, however many rows there were', () => {
    const samples = createScoreSamples(2);
    for (let i = 1; i <= 10_000; i++) samples.add(3, [i, -i]);
    const kept = firsts(samples, 3);
    expect(kept.length).toBeGreaterThan(256);
    expect(kept.length).toBeLessThanOrEqual(512);
    expect(kept[0]).toBeLessThan(100);
    expect(kept.at(-1)).toBeGreaterThan(9900);
    const steps = new Set(kept.slice(1).map((value, i) => value - kept[i]));
    expect(steps.size).toBe(1);
    expect(firsts(samples, 4)).toEqual([]);
  });

  test('come back with columns moved, new ones missing', () => {
    const samples = createScoreSamples(2);
    for (let i = 0; i < 700; i++) samples.add(0, [i, 2 * i]);
    const saved = samples.save(0)!;
    const other = createScoreSamples(3);
    other.restore(0, saved, 2, [1, -1, 0]);
    const rows: number[][] = [];
    other.each(0, (data, at) => rows.push([...data.subarray(at, at + 3)]));
    expect(rows.every(([double, none, single]) => double === 2 * single && Number.isNaN(none))).toBe(true);
    expect(rows.length).toBe(firsts(samples, 0).length);
    samples.add(0, [700, 1400]);
    other.add(0, [1400, NaN, 700]);
    expect(firsts(other, 0).map((value) => value / 2)).toEqual(firsts(samples, 0));
    other.forget(0);
    expect(other.save(0)).toBeUndefined();
  });
});
