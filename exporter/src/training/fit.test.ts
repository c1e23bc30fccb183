import { isolationForest } from '../detectors/isolation-forest.ts';
import type { Detector, FeatureSpec, Model, Rows } from '../flow.ts';
import { seededRandom } from '../random.ts';
import { blocksOf, fitHeldOut } from './fit.ts';
import type { FitJob } from './job.ts';

const MINUTE = 60_000;
const forest = () => isolationForest({ trees: 20, trim: 0 });

const spec = (name: string): FeatureSpec => ({
  name,
  unit: 'ratio',
  help: 'A column of a test.',
  kind: 'gauge',
  direction: 'both',
  transform: 'none',
  minimumDeviation: 0,
});

/** Rows of two independent features at the given times; the second one is the row's number. */
function job(time: number[], changes: Partial<FitJob> = {}): FitJob {
  const random = seededRandom(1);
  return {
    detector: 'isolation-forest',
    values: Float64Array.from({ length: 2 * time.length }, (_, i) => (i % 2 === 0 ? random.normal() : i >> 1)),
    time: Float64Array.from(time),
    segment: new Int32Array(time.length),
    features: [spec('value_ratio'), spec('row_ratio')],
    seed: 5,
    rowsPerDay: 1440,
    ...changes,
  };
}

const minutes = (rows: number, every = 1) => Array.from({ length: rows }, (_, r) => r * every * MINUTE);
const run = (detector: Detector, given: FitJob, blocks?: number) => fitHeldOut(detector, given, () => {}, blocks);
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
const mean = (numbers: ArrayLike<number>) =>
  Array.from(numbers).reduce((sum, value) => sum + value, 0) / numbers.length;

interface Seen extends Model {
  readonly fitted: ReadonlySet<number>;
}

/** Remembers which rows each model was fitted on; a row's score is its number. */
function recorder() {
  const fits: { rows: Rows; scored: number[] }[] = [];
  const detector: Detector<Seen> = {
    name: 'recorder',
    history: 0,
    minimumRows: 64,
    fit(given) {
      // the rows are those of the next fit afterwards
      const rows = structuredClone(given);
      const fit: (typeof fits)[number] = { rows, scored: [] };
      fits.push(fit);
      const { data } = rows.values;
      const fitted = new Set(range(0, rows.values.rows).map((r) => data[2 * r + 1]));
      return { features: 2, rows: rows.values.rows, fitted, save: () => new ArrayBuffer(0) };
    },
    score(model, { values: { rows, data } }, out, wanted) {
      for (let r = 0; r < rows; r++) {
        if (wanted?.[r] === 0) continue;
        out[r] = data[2 * r + 1];
        if (!model.fitted.has(out[r])) fits.at(-1)?.scored.push(out[r]);
      }
    },
    load() {
      throw new Error('nothing is loaded here');
    },
  };
  return { detector, fits };
}

describe('a training job', () => {
  it('fits on all of less than seven days, and each quarter of the time is scored by a model of the other three', () => {
    const { detector, fits } = recorder();
    const result = run(detector, job(minutes(400)));
    expect(fits.map(({ rows }) => rows.values.rows)).toEqual([400, 300, 300, 300, 300]);
    expect(fits.map(({ scored }) => scored)).toEqual([
      [],
      range(0, 100),
      range(100, 200),
      range(200, 300),
      range(300, 400),
    ]);
    expect([...result.unseen]).toEqual(range(0, 400));
    expect(result.rows).toBe(400);
  });

  it('fits on the newest seven days and scores older rows with that model', () => {
    const { detector, fits } = recorder();
    const result = run(detector, job(minutes(10 * 288, 5)));
    expect(result.rows).toBe(7 * 288);
    expect(fits[0].scored).toEqual(range(0, 3 * 288));
    expect(fits.slice(1).flatMap(({ scored }) => scored)).toEqual(range(3 * 288, 10 * 288));
    expect([...result.unseen]).toEqual(range(0, 10 * 288));
  });

  it('cuts blocks of time, not of rows, so that entities whose rows follow each other share them', () => {
    const { detector, fits } = recorder();
    run(detector, job([...minutes(200), ...minutes(200)]));
    expect(fits[1].scored).toEqual([...range(0, 50), ...range(200, 250)]);
  });

  it('starts a new segment where a block is left out, and only there', () => {
    const { detector, fits } = recorder();
    run(detector, job(minutes(400), { segment: Int32Array.from(range(0, 400), (r) => (r < 350 ? 7 : 8)) }));
    const edges = ({ rows }: { rows: Rows }) =>
      range(1, rows.values.rows).filter((r) => rows.segment[r] !== rows.segment[r - 1]);
    expect(fits.map(edges)).toEqual([[350], [250], [100, 250], [200, 250], []]);
  });

  it('gives each row to a model in its own place: values, time and segment stay together', () => {
    const { detector, fits } = recorder();
    const given = job(minutes(400));
    run(detector, given);
    for (const { rows } of fits) {
      range(0, rows.values.rows).forEach((r) => expect(rows.time[r]).toBe(rows.values.data[2 * r + 1] * MINUTE));
    }
  });

  it('finds a block of time that is unlike the others more unusual than a model does that was fitted on it', () => {
    const given = job(minutes(400));
    for (let r = 300; r < 400; r++) given.values[2 * r] += 6;
    const { unseen } = run(forest(), given);
    const rows = { values: { rows: 400, columns: 2, data: given.values }, time: given.time, segment: given.segment };
    const fitted = new Float64Array(400);
    const detector = forest();
    detector.score(detector.fit(rows, { seed: 5, features: given.features, rowsPerDay: 1440 }), rows, fitted);
    expect(mean(unseen.subarray(330))).toBeGreaterThan(mean(fitted.subarray(330)) + 0.1);
  });

  it('gives a model that scores as one that was fitted on the same rows', () => {
    const given = job(minutes(400));
    const detector = forest();
    const restored = detector.load(run(detector, given).model);
    const rows = { values: { rows: 400, columns: 2, data: given.values }, time: given.time, segment: given.segment };
    const [expected, actual] = [new Float64Array(400), new Float64Array(400)];
    detector.score(detector.fit(rows, { seed: 5, features: given.features, rowsPerDay: 1440 }), rows, expected);
    detector.score(restored, rows, actual);
    expect(actual).toEqual(expected);
  });

  it.each([
    ['a fifth', 400, 1, 80],
    ['what is older than seven days when that is more', 10 * 288, 5, 3 * 288],
    ['nothing when there are only the fewest rows', 64, 1, 0],
  ])('with one block, holds out %s, the oldest rows', (_, rows, every, out) => {
    const { detector, fits } = recorder();
    const result = run(detector, job(minutes(rows, every)), 1);
    expect([...result.unseen]).toEqual(range(0, out));
    expect(result.rows).toBe(rows - out);
    expect(fits).toHaveLength(1);
  });

  it('has no unseen scores when the rest of a block would be too few rows', () => {
    const { detector } = recorder();
    expect([...run(detector, job(minutes(80))).unseen]).toEqual([]);
    expect([...run(detector, job(minutes(88))).unseen]).toEqual(range(0, 88));
  });

  it('counts rows without any value as none', () => {
    const given = job(minutes(400));
    given.values.fill(NaN, 0, 2 * 200);
    const result = run(forest(), given);
    expect(result.rows).toBe(200);
    expect(result.unseen).toHaveLength(200);
    expect(result.meanScore).toBeGreaterThan(0.3);
  });

  it('gives the mean score of its training rows without the highest twentieth', () => {
    const { detector } = recorder();
    expect(run(detector, job(minutes(400))).meanScore).toBe(mean(range(0, 380)));
    expect(run(detector, job(minutes(10 * 288, 5))).meanScore).toBeCloseTo(
      mean(range(864, 864 + Math.floor(0.95 * 2016))),
      9,
    );
  });

  it('tells rising progress that ends with 1', () => {
    const seen: number[] = [];
    fitHeldOut(forest(), job(minutes(400)), ({ share }) => seen.push(share));
    expect(seen).toEqual([1, 2, 3, 4, 5, 5.2].map((fits) => fits / 5.2));
  });

  it('tells the epochs of the model itself, not those of cross-fitting, on a scale of all fits', () => {
    const { detector } = recorder();
    const told: unknown[] = [];
    const slow: Detector = {
      ...(detector as Detector),
      fit(rows, options) {
        for (const epoch of [1, 2])
          options.onProgress?.({ share: epoch / 2, epoch, epochs: 2, trainLoss: rows.values.rows / epoch });
        return (detector as Detector).fit(rows, options);
      },
    };
    const result = fitHeldOut(slow, job(minutes(400)), (progress) => told.push(progress));
    expect(told[0]).toEqual({ share: 0.5 / 5.2, epoch: 1, epochs: 2, trainLoss: 400 });
    expect(told.slice(1).map((progress) => (progress as { epoch: number }).epoch)).toEqual(told.slice(1).map(() => 2));
    const shares = told.map((progress) => (progress as { share: number }).share);
    expect(shares).toEqual([...shares].sort((a, b) => a - b));
    expect(told.at(-1)).toEqual({ share: 1, epoch: 2, epochs: 2, trainLoss: 200 });
    expect(result.trainLoss).toBe(200);
  });

  it('is cut into blocks by what its detector costs', () => {
    expect(['isolation-forest', 'conditional', 'autoencoder', 'lstm-autoencoder'].map(blocksOf)).toEqual([4, 4, 1, 1]);
  });

  it('makes the newest day a block of its own when there are many', () => {
    const { detector, fits } = recorder();
    run(detector, job(minutes(8 * 288, 5)));
    expect(fits.at(-1)!.scored).toHaveLength(289);
    expect(fits.at(-1)!.scored.at(-1)).toBe(8 * 288 - 1);
  });

  describe('with a model in force', () => {
    /** Serves now; gives row r the score r. */
    const inForce = { model: new ArrayBuffer(0), trainedAt: 0, usual: NaN };
    const loading = () => {
      const { detector, fits } = recorder();
      const old = { features: 2, rows: 0, fitted: new Set<number>(), save: () => new ArrayBuffer(0) };
      return { fits, detector: { ...detector, name: 'local-outlier-factor', load: () => old } as Detector };
    };

    it('learns nothing from the 2 % of its rows that that one finds the most unusual, but leaves them in their place', () => {
      const { detector, fits } = loading();
      const result = run(detector, job(minutes(400), { inForce }));
      expect(result.leftOut).toBe(8);
      for (const { rows } of fits) {
        const { values, time } = rows;
        for (let r = 0; r < values.rows; r++) {
          const left = time[r] >= 392 * MINUTE;
          expect([time[r], Number.isNaN(values.data[2 * r])]).toEqual([time[r], left]);
        }
      }
      expect(fits[0].rows.values.rows).toBe(400);
    });

    it('leaves that to detectors that trim by themselves', () => {
      const { detector } = loading();
      const trimming = { ...detector, name: 'conditional' };
      expect(run(trimming, job(minutes(400), { inForce })).leftOut).toBe(0);
    });

    it('scores those rows all the same: a threshold without them would sink', () => {
      const { detector } = loading();
      expect([...run(detector, job(minutes(400), { inForce })).unseen]).toEqual(range(0, 400));
    });

    it('leaves nothing out where too few rows would be left', () => {
      const { detector, fits } = loading();
      expect(run(detector, job(minutes(64), { inForce })).leftOut).toBe(0);
      expect(fits[0].rows.values.data.some(Number.isNaN)).toBe(false);
    });

    it('leaves nothing out where no row stands out', () => {
      const { detector } = loading();
      const flat: Detector = {
        ...detector,
        score: (_, { values }, out, wanted) => {
          for (let r = 0; r < values.rows; r++) if (wanted?.[r] !== 0) out[r] = 1;
        },
      };
      expect(run(flat, job(minutes(400), { inForce })).leftOut).toBe(0);
    });
  });

  it('gives the same from the same seed', () => {
    expect(run(forest(), job(minutes(400)))).toEqual(run(forest(), job(minutes(400))));
  });

  it.each<[string, FitJob]>([
    ['no rows', job([])],
    ['too few rows', job(minutes(63))],
    ['rows without any value', { ...job(minutes(400)), values: new Float64Array(800).fill(NaN) }],
  ])('refuses %s with the detector’s own words', (_, given) => {
    expect(() => run(forest(), given)).toThrow(/isolation-forest needs at least minimumRows = 64 rows/);
  });
});
