import { nodeGenerator } from '../sources/synthetic/generator.ts';
import { FAULT_KINDS } from '../sources/synthetic/network.ts';
import {
  balancedMedian,
  earlyStop,
  evaluateSeedPreset,
  lag1,
  SEED_PRESET,
  type SeedPresetSettings,
} from './seed-preset.ts';
import { seedStream } from './seed-preset-stream.ts';

const WINDOW = 30;
const TINY: SeedPresetSettings = { ...SEED_PRESET, epochs: 4, windows: 128, testHours: 4 };

describe('the stream of the seed preset', () => {
  const stream = seedStream(1, 100, WINDOW, 6);
  const { training, validation, unseen, anomalous, quiet, faulty, kinds } = stream;

  it('spreads the training windows over a day, each the same distance from the last', () => {
    expect(training).toHaveLength(100);
    expect(training[0]).toBe(WINDOW - 1);
    const distances = new Set(Array.from(training.subarray(1), (end, i) => end - training[i]));
    expect([...distances]).toEqual([864]);
    expect(validation).toHaveLength(11);
  });

  it('shares no row between what is learnt, what decides the best epoch, and what is unseen', () => {
    expect(validation[0] - WINDOW + 1).toBeGreaterThan(training[training.length - 1]);
    expect(stream.learnt).toBe(training[training.length - 1] + 1);
    const lastSeen = validation[validation.length - 1];
    expect(unseen[0] - WINDOW + 1).toBeGreaterThan(lastSeen);
    expect(anomalous[0] - WINDOW + 1).toBeGreaterThan(lastSeen);
    expect(unseen[unseen.length - 1]).toBeLessThan(quiet.values.rows);
  });

  it('takes as anomalous exactly the unseen windows with at least ten labelled rows, each by its kind', () => {
    const generator = nodeGenerator(1, 0, 1000, 0.05);
    const labels = Array.from(faulty.time, (time) => generator.next(time).fault?.kind);
    const expected: number[] = [];
    for (let end = validation[validation.length - 1] + WINDOW; end < labels.length; end++) {
      const inside = labels.slice(end - WINDOW + 1, end + 1).filter((kind) => kind !== undefined);
      if (inside.length >= 10) expected.push(end);
    }
    expect(expected.length).toBeGreaterThan(100);
    expect([...anomalous]).toEqual(expected);
    anomalous.forEach((end, i) => expect(labels.slice(end - WINDOW + 1, end + 1)).toContain(kinds[i]));
    expect(new Set(kinds).size).toBeGreaterThan(3);
  });

  it('is the same course with and without faults, and only faults differ', () => {
    const differs = (row: number) =>
      quiet.values.data.subarray(6 * row, 6 * row + 6).join() !==
      faulty.values.data.subarray(6 * row, 6 * row + 6).join();
    const rows = quiet.values.rows;
    const different = Array.from({ length: rows }, (_, row) => row).filter(differs).length;
    expect(different / rows).toBeGreaterThan(0.03);
    expect(different / rows).toBeLessThan(0.5);
    expect(differs(anomalous[0])).toBe(true);
  });

  it.each([
    [63, 6, /63 training windows/],
    [100_000, 6, /100000 training windows/],
    [100, 0, /0 hours of test/],
  ])('refuses %d windows and %d hours', (windows, hours, problem) => {
    expect(() => seedStream(0, windows, WINDOW, hours)).toThrow(problem);
  });
});

describe('the seed preset', () => {
  const told: [string, number, number | undefined][] = [];
  const result = evaluateSeedPreset({
    ...TINY,
    onProgress: (scaling, seed, { epoch }) => told.push([scaling, seed, epoch]),
  });
  const [standard, minMax] = result.runs;

  it('has the seed’s number of parameters', () => {
    expect(result.parameters).toEqual({ oneBias: 139_014, twoBiases: 140_038 });
  });

  it('runs every epoch of every scaler and tells each', () => {
    expect(told).toEqual(
      ['standard', 'min-max'].flatMap((scaling) => [1, 2, 3, 4].map((epoch) => [scaling, 0, epoch])),
    );
    expect(standard.epochs.run).toBe(4);
    expect(standard.epochs.stop).toBeUndefined();
  });

  it.each(['standard', 'min-max'])('keeps the weights of the best epoch with the scaler %s', (scaling) => {
    const { own, epochs } = result.runs.find((run) => run.scaling === scaling)!;
    expect(own.validationLoss).toBeCloseTo(Math.min(...epochs.validationLoss), 6);
    expect(epochs.validationLoss[epochs.best - 1]).toBe(Math.min(...epochs.validationLoss));
    expect(own.validationLoss).toBeLessThan(epochs.validationLoss[0]);
  });

  it('takes threshold and gap from the training windows', () => {
    for (const { own, inDeviations } of result.runs) {
      for (const { mean, deviation, threshold, validationLoss, gap } of [own, inDeviations]) {
        expect(threshold).toBeCloseTo(mean + 2.5 * deviation, 12);
        expect(gap).toBeCloseTo(validationLoss - mean, 12);
        expect(deviation).toBeGreaterThan(0);
      }
    }
  });

  it('measures the standard scaler in deviations, and converts min-max to them', () => {
    for (const [name, value] of Object.entries(standard.inDeviations)) {
      expect(value).toBeCloseTo(standard.own[name as keyof typeof standard.own], 9);
    }
    // a column of a day of normal numbers ranges over 5 to 10 of its deviations: the errors of each are 25 to 100 times larger in deviations
    expect(minMax.inDeviations.mean / minMax.own.mean).toBeGreaterThan(25);
    expect(minMax.inDeviations.mean / minMax.own.mean).toBeLessThan(100);
  });

  it('finds the faults that no short training misses, and says of which kind they are', () => {
    for (const { byKind, found, falseAlarms } of result.runs) {
      const windows = byKind.reduce((sum, kind) => sum + kind.windows, 0);
      expect(windows).toBe(result.windows.anomalous[0]);
      const share = byKind.reduce((sum, kind) => sum + kind.windows * kind.found, 0) / windows;
      expect(found).toBeCloseTo(share, 12);
      expect(found).toBeGreaterThan(falseAlarms);
      const loud = byKind.find(({ kind }) => kind === 'latency_surge' || kind === 'error_flood')!;
      expect(loud.separation).toBeGreaterThan(5);
      expect(byKind.every(({ kind }) => FAULT_KINDS.includes(kind))).toBe(true);
    }
  });

  it('measures the autocorrelation that the stream was made with', () => {
    const [{ byFeature }] = result.autocorrelation;
    // of the random part; the daily cycle raises it a little, the floor of packet loss at 0 lowers it
    [0.92, 0.98, 0.9, 0.85, 0.95, 0.88].forEach((lag, f) => expect(Math.abs(byFeature[f] - lag)).toBeLessThan(0.015));
  });

  it('gives the same figures again, and others with another seed', () => {
    const again = evaluateSeedPreset({ ...TINY, seeds: [0, 1], scalings: ['standard'] });
    expect({ ...again.runs[0], cpuSeconds: 0 }).toEqual({ ...standard, cpuSeconds: 0 });
    expect(again.runs[1].own.validationLoss).not.toBe(standard.own.validationLoss);
    expect(again.windows.anomalous).toHaveLength(2);
  });

  it('ends a training at its bound on processor time, with figures', () => {
    const { epochs, own } = evaluateSeedPreset({ ...TINY, scalings: ['standard'], cpuSeconds: 1e-6 }).runs[0];
    expect(epochs.run).toBe(1);
    expect(own.threshold).toBeGreaterThan(0);
  });
});

describe('the median of kinds that weigh the same', () => {
  it('does not depend on how many windows a kind has', () => {
    const few = balancedMedian(Float64Array.of(9, 1, 5), ['latency_surge', 'memory_leak', 'cpu_spike']);
    const leaks = Array.from({ length: 100 }, () => 'memory_leak' as const);
    const many = balancedMedian(Float64Array.of(...leaks.map(() => 1), 5, 9), [...leaks, 'cpu_spike', 'latency_surge']);
    expect(few).toBe(5);
    expect(many).toBe(5);
  });

  it('is the lower of two middle values, and leaves broken correlations out', () => {
    expect(
      balancedMedian(Float64Array.of(7, 0, 0, 3), [
        'cpu_spike',
        'correlation_break',
        'correlation_break',
        'error_flood',
      ]),
    ).toBe(3);
    expect(balancedMedian(Float64Array.of(7), ['correlation_break'])).toBeNaN();
  });
});

describe('early stopping', () => {
  it('ends after as many epochs without a better loss as its patience', () => {
    expect(earlyStop([5, 4, 3, 3.5, 3, 3.1, 2], 3)).toEqual({ after: 6, best: 3, validationLoss: 3 });
  });

  it('does not end while losses get better in time', () => {
    expect(earlyStop([5, 4, 4.5, 3, 3.5, 2, 2.5], 2)).toBeUndefined();
    expect(earlyStop([], 1)).toBeUndefined();
  });
});

test('The lag-1 autocorrelation is that of each column, by hand and for one that alternates.', () => {
  // column 0: deviations -1.5, -.5, .5, 1.5: products .75 - .25 + .75, squares 5
  const data = Float64Array.of(1, 1, 2, -1, 3, 1, 4, -1);
  const [rising, alternating] = lag1({ rows: 4, columns: 2, data });
  expect(rising).toBeCloseTo(0.25, 12);
  expect(alternating).toBeCloseTo(-0.75, 12);
  expect(lag1({ rows: 3, columns: 1, data: Float64Array.of(2, 2, 2) })).toEqual([NaN]);
});
