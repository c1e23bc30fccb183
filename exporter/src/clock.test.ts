import { manualClock, systemClock } from './clock.ts';
import { ticks } from './sources/polling.ts';

describe('clock', () => {
  test('the system clock never runs backwards while the wall clock is corrected by less than half a second', () => {
    const clock = systemClock();
    const real = Date.now;
    try {
      const first = clock.now();
      Date.now = () => real() - 400;
      expect(clock.now()).toBeGreaterThanOrEqual(first);
    } finally {
      Date.now = real;
    }
  });

  test('an hour back is adopted and reported once', () => {
    const jumps: number[] = [];
    const clock = systemClock((by) => jumps.push(by));
    const real = Date.now;
    try {
      const first = clock.now();
      Date.now = () => real() - 3_600_000;
      expect(first - clock.now()).toBeGreaterThan(3_590_000);
      clock.now();
      expect(jumps).toHaveLength(1);
      expect(Math.round(jumps[0] / 1000)).toBe(-3600);
    } finally {
      Date.now = real;
    }
  });
});

describe('ticks', () => {
  test('skips what it cannot keep up with and counts it', async () => {
    const clock = manualClock();
    const stop = new AbortController();
    let skipped = 0;
    const seen: number[] = [];
    const start = clock.monotonic();
    for await (const _ of ticks(1000, clock, stop.signal, (n) => (skipped += n))) {
      seen.push(clock.monotonic() - start);
      if (seen.length === 2) clock.advance(3500); // one slow round
      if (seen.length === 4) stop.abort();
    }
    expect(seen).toEqual([0, 1000, 4500, 5000]);
    expect(skipped).toBe(2);
  });
});
