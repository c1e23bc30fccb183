import { tally } from './tally.ts';

function read(results: ReturnType<typeof tally>) {
  const row = new Float64Array(3);
  const known = results.sample(row, 0);
  return { known, latency: row[0], jitter: row[1], loss: row[2] };
}

describe('tally', () => {
  test('nothing is known before the first probe', () => {
    expect(read(tally(10, () => {}))).toEqual({ known: false, latency: NaN, jitter: NaN, loss: NaN });
  });

  test('the latency is the mean since the last sample, and missing when nothing was answered since', () => {
    const results = tally(10, () => {});
    results.reply(0.01);
    results.reply(0.03);
    expect(read(results).latency).toBeCloseTo(0.02, 12);
    expect(read(results)).toMatchObject({ known: true, latency: NaN, loss: 0 });
  });

  test('the jitter follows RFC 3550: a sixteenth of each step, in either direction', () => {
    const results = tally(10, () => {});
    results.reply(0.01);
    expect(read(results).jitter).toBeNaN();
    results.reply(0.026);
    expect(read(results).jitter).toBeCloseTo(0.016 / 16, 12);
    results.reply(0.01);
    expect(read(results).jitter).toBeCloseTo(0.001 + (0.016 - 0.001) / 16, 12);
  });

  test('loss is the share of the last window of probes, and 1 after a window without an answer', () => {
    const results = tally(4, () => {});
    for (let i = 0; i < 9; i++) results.reply(0.01);
    const losses: number[] = [];
    for (let i = 0; i < 5; i++) {
      results.lost('timeout');
      losses.push(read(results).loss);
    }
    expect(losses).toEqual([0.25, 0.5, 0.75, 1, 1]);
    expect(read(results)).toMatchObject({ latency: NaN, jitter: NaN });
    results.reply(0.01);
    expect(read(results).loss).toBe(0.75);
  });

  test('latencies before and after an outage are no pair', () => {
    const results = tally(2, () => {});
    results.reply(0.01);
    results.reply(0.01);
    results.lost('timeout', 2);
    results.reply(5);
    expect(read(results).jitter).toBe(0);
  });

  test('an answer without a time is an answer', () => {
    const results = tally(4, () => {});
    results.reply(NaN);
    expect(read(results)).toEqual({ known: true, latency: NaN, jitter: NaN, loss: 0 });
  });

  test('one failure can stand for several probes and is told once with its reason', () => {
    const told: string[] = [];
    const results = tally(4, (reason) => told.push(reason));
    results.reply(0.01);
    results.lost('refused', 3);
    expect(read(results).loss).toBe(0.75);
    results.lost('timeout', 1e9);
    expect(read(results).loss).toBe(1);
    expect(told).toEqual(['refused', 'timeout']);
  });

  test('what could not be measured is told and counts neither as answer nor as loss', () => {
    const told: string[] = [];
    const results = tally(4, (reason) => told.push(reason));
    results.reply(0.01);
    results.unmeasured('ping_exited');
    expect(read(results).loss).toBe(0);
    results.forget();
    expect(read(results)).toEqual({ known: false, latency: NaN, jitter: NaN, loss: NaN });
    expect(told).toEqual(['ping_exited']);
  });
});
