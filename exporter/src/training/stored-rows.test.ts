import { join } from 'node:path';
import type { FeatureSpec } from '../flow.ts';
import { openHistory } from '../history/history.ts';
import { removeFolders, temporaryFolder } from '../store/testing/disk.ts';
import { recordingObserver } from '../store/testing/recording-observer.ts';
import { partsOf, readStoredRows } from './stored-rows.ts';

afterEach(removeFolders);

const feature = (name: string, transform: 'none' | 'log1p'): FeatureSpec => ({
  name,
  unit: 'count',
  help: 'A column of a test.',
  kind: 'gauge',
  direction: 'both',
  transform,
  minimumDeviation: 0,
});
const features = [feature('a_count', 'none'), feature('b_count', 'log1p')];

/** A history of one entity: rows of [n, e^n - 1] at these times. */
function stored(times: readonly number[]): string {
  const history = openHistory(temporaryFolder(), {
    monitor: 'host',
    schema: { name: 'host', features },
    stepMs: 1000,
    observer: recordingObserver(),
  });
  times.forEach((time, n) => history.append('web-01', time, [n, Math.exp(Math.min(n, 50)) - 1]));
  history.close();
  return history.file('web-01')!;
}

const task = { detector: 'fit', features, seed: 1, rowsPerDay: 86_400, stepMs: 1000 };

describe('rows that a worker reads itself', () => {
  it('are in model units, and a pause starts a new segment', () => {
    const job = readStoredRows({ ...task, file: stored([1000, 2000, 5000, 6000]), mostRows: 100 });
    expect([...job.time]).toEqual([1000, 2000, 5000, 6000]);
    expect([...job.segment]).toEqual([0, 0, 1, 1]);
    [0, 0, 1, 1, 2, 2, 3, 3].forEach((value, i) => expect(job.values[i]).toBeCloseTo(value, 5));
    expect(job).toMatchObject({ detector: 'fit', seed: 1, rowsPerDay: 86_400 });
  });

  it('are the newest ones', () => {
    const job = readStoredRows({ ...task, file: stored([1000, 2000, 3000]), mostRows: 2 });
    expect([...job.time]).toEqual([2000, 3000]);
  });

  it('are evenly chosen runs where there are too many, in order, the newest included', () => {
    const file = stored(Array.from({ length: 5000 }, (_, n) => n * 1000));
    const job = readStoredRows({ ...task, file, mostRows: 800 });
    expect(job.time).toHaveLength(3 * 240);
    const starts = [...job.time.keys()].filter((r) => r === 0 || job.time[r] - job.time[r - 1] !== 1000);
    expect(starts.map((r) => job.time[r] / 1000)).toEqual([0, 2380, 4760]);
    expect([...job.segment]).toEqual([...job.segment.keys()].map((r) => Math.floor(r / 240)));
    [...job.time].forEach((time, r) => expect(job.values[2 * r]).toBe(time / 1000));
  });

  it.each([0, 1, 999, 1000, 1001, 1300, 5000, 50_000])(
    'are never more than asked for, and never one twice (%i of 1000)',
    (available) => {
      const seen = partsOf(available, 1000).flatMap(({ back, length }) =>
        Array.from({ length }, (_, i) => available - back - length + i),
      );
      expect(seen.length).toBeLessThanOrEqual(1000);
      expect(seen.length).toBeGreaterThanOrEqual(Math.min(available, 1000 - 240));
      expect(new Set(seen).size).toBe(seen.length);
      expect(seen).toEqual([...seen].sort((a, b) => a - b));
      if (seen.length > 0) expect([seen[0] >= 0, seen.at(-1)]).toEqual([true, available - 1]);
    },
  );

  it('are refused when the file is of other features, or gone', () => {
    const file = stored([1000]);
    expect(() => readStoredRows({ ...task, features: features.toReversed(), file, mostRows: 2 })).toThrow(
      /holds the features a_count, b_count, not b_count, a_count/,
    );
    const gone = join(file, '..', 'gone.ring');
    expect(() => readStoredRows({ ...task, file: gone, mostRows: 2 })).toThrow(`there is no history file ${gone}`);
  });
});
