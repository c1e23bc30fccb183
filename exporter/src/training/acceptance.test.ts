import { conditional } from '../detectors/conditional.ts';
import { isolationForest } from '../detectors/isolation-forest.ts';
import type { Detector, FeatureSpec, Model } from '../flow.ts';
import { seededRandom } from '../random.ts';
import { errorOf, evidenceOf, newestDay, usualScore, worseThan, type Evidence } from './acceptance.ts';
import { fitHeldOut } from './fit.ts';
import type { FitJob, FitResult, ModelInForce } from './job.ts';

const STEP = 5 * 60_000;
const DAY = 288;
const COLUMNS = 4;
const START = Date.UTC(2026, 0, 1);

const features = ['a', 'b', 'c', 'd'].map((name): FeatureSpec => ({
  name: `${name}_ratio`,
  unit: 'ratio',
  help: 'A column of a test.',
  kind: 'gauge',
  direction: 'both',
  transform: 'none',
  minimumDeviation: 0,
}));

/** Days of rows of four columns that move together, each with noise of its own, from day `from` on. */
function days(from: number, count: number, change: (row: Float64Array, day: number) => void = () => {}): FitJob {
  const rows = count * DAY;
  const values = new Float64Array(rows * COLUMNS);
  const random = seededRandom(100 + from);
  for (let r = 0; r < rows; r++) {
    const common = Math.sin((2 * Math.PI * r) / DAY) + random.normal();
    const row = values.subarray(r * COLUMNS, (r + 1) * COLUMNS);
    for (let c = 0; c < COLUMNS; c++) row[c] = common * (c + 1) + 0.2 * random.normal();
    change(row, from + r / DAY);
  }
  return {
    detector: 'fit',
    values,
    time: Float64Array.from({ length: rows }, (_, r) => START + (from * DAY + r) * STEP),
    segment: new Int32Array(rows),
    features,
    seed: 1,
    rowsPerDay: DAY,
  };
}

const forest = () => isolationForest({ trees: 50 });
const run = (detector: Detector, job: FitJob, inForce?: ModelInForce, blocks?: number) =>
  fitHeldOut(detector, { ...job, inForce }, () => {}, blocks);

/** The model of a fit as it serves: fitted at the end of its rows. */
function served({ model, usual }: FitResult, job: FitJob): ModelInForce {
  return { model, usual, trainedAt: job.time[job.time.length - 1] };
}

const sound: Evidence = { above: 0.01, constant: false, error: 0.3 };

describe('a new model', () => {
  it('is compared with nothing when it is the first', () => {
    const first = run(forest(), days(0, 7));
    expect(first.worse).toBeUndefined();
    expect(first.evidence.inForce).toBeUndefined();
    expect(first.evidence.fresh.above).toBeLessThan(0.03);
  });

  it.each<[string, () => Detector]>([
    ['isolation-forest', forest],
    ['conditional', () => conditional()],
  ])('of another day of the same behaviour replaces the one before it (%s)', (_, create) => {
    const before = days(0, 7);
    const first = run(create(), before);
    const second = run(create(), days(1, 7), served(first, before));
    expect(second.worse).toBeUndefined();
    expect(second.evidence.inForce!.above).toBeLessThan(0.05);
  });

  it.each<[string, () => Detector]>([
    ['isolation-forest', forest],
    ['conditional', () => conditional()],
  ])(
    'replaces the one in force when behaviour has changed for good, however odd the newest day is (%s)',
    (_, create) => {
      const before = days(0, 7);
      const drifted = days(1, 7, (row, day) => {
        if (day >= 7) for (let c = 0; c < COLUMNS; c++) row[c] = 20 - row[c] * (1 + c);
      });
      const second = run(create(), drifted, served(run(create(), before), before));
      expect(second.evidence.inForce!.above).toBeGreaterThan(0.1);
      expect(second.worse).toBeUndefined();
    },
  );

  // 2 % of a week are 3.4 hours; what a detector leaves out by itself comes on top. A forest gives no row more than its most unusual training rows
  it.each<[string, number, number, () => Detector]>([
    ['isolation-forest', 3, 0.9, () => isolationForest({ trees: 50, inputs: 'level' })],
    ['conditional', 6, 0.99, () => conditional()],
  ])('still sees a fault that was among its rows (%s, %i hours)', (_, hours, quantile, create) => {
    // the load of a machine that hangs: high where it is, and the columns do not follow each other
    const broken = (row: Float64Array) => row.set([9, 9, 9, 9]);
    const before = days(0, 7);
    const faulty = (day: number) => day >= 7.25 && day < 7.25 + hours / 24;
    const polluted = days(1, 7, (row, day) => {
      if (faulty(day)) broken(row);
    });
    const detector = create();
    const second = run(detector, polluted, served(run(detector, before), before));
    expect(second.worse).toBeUndefined();
    // the same fault a day later, among rows that no model has seen
    const next = days(8, 1, (row, day) => {
      if (day >= 8.5 && day < 8.75) broken(row);
    });
    const rows = { values: { rows: DAY, columns: COLUMNS, data: next.values }, time: next.time, segment: next.segment };
    const scores = new Float64Array(DAY);
    detector.score(detector.load(second.model), rows, scores);
    const normal = [...scores.subarray(0, 144)].sort((a, b) => a - b);
    const fault = scores.subarray(144, 216);
    expect(fault.filter((score) => score > normal[Math.floor(quantile * 144)]).length / fault.length).toBeGreaterThan(
      0.9,
    );
  });

  it('that gives all rows one score is kept aside', () => {
    const before = days(0, 7);
    const detector = forest();
    const dead: Detector = {
      ...detector,
      score: (model, rows, out, wanted) => constant(0.5)(model, rows, out, wanted),
    };
    const inForce = served(run(detector, before), before);
    // the detector is as good as ever, the scores of new models are not: only what is loaded is scored by it
    const half: Detector = {
      ...detector,
      score: (model, rows, out, wanted) => (loaded.has(model) ? detector : dead).score(model, rows, out, wanted),
      load(state) {
        const model = detector.load(state);
        loaded.add(model);
        return model;
      },
    };
    const loaded = new WeakSet<Model>();
    expect(run(half, days(1, 7), inForce).worse).toMatch(/same score/);
    expect(run(half, days(1, 7)).worse).toBeUndefined();
  });

  it('that expects worse than the one in force is kept aside, with both errors in the reason', () => {
    const before = days(0, 7);
    const detector = conditional();
    const inForce = served(run(detector, before), before);
    const loaded = new WeakSet<Model>();
    const blurred: Detector = {
      ...(detector as Detector),
      load(state) {
        const model = detector.load(state);
        loaded.add(model);
        return model;
      },
      expected(model, rows, out) {
        (detector as Detector).expected!(model, rows, out);
        if (!loaded.has(model)) for (let i = 0; i < out.data.length; i++) out.data[i] += i % 2 === 0 ? 3 : -3;
      },
    };
    const { worse, evidence } = run(blurred, days(1, 7), inForce);
    expect(worse).toMatch(/median error .* \d+\.\d+, that of the model in force 0\.\d+/);
    expect(evidence.fresh.error).toBeGreaterThan(1.25 * evidence.inForce!.error);
  });

  it.each([
    ['NaN', NaN],
    ['infinite', Infinity],
  ])('with a score that is %s is no model, not even the first', (_, score) => {
    const detector: Detector = { ...forest(), score: constant(score) };
    expect(() => run(detector, days(0, 2))).toThrow(/gives no finite score to 576 of its 576 training rows/);
  });

  it('whose loss is not a number is given up at that epoch', () => {
    const detector: Detector = {
      ...(forest() as Detector),
      fit(rows, options) {
        for (let epoch = 1; epoch < 10; epoch++)
          options.onProgress?.({ share: epoch / 10, epoch, epochs: 10, trainLoss: epoch < 3 ? 1 / epoch : NaN });
        return forest().fit(rows, options);
      },
    };
    expect(() => run(detector, days(0, 2))).toThrow(/loss of fit is no number any more \(training NaN.*epoch 3\)/);
  });

  it('of a slow detector is compared by the error of rows that were held out', () => {
    const before = days(0, 7);
    const detector = conditional();
    const first = run(detector, before, undefined, 1);
    const second = run(detector, days(1, 7), served(first, before), 1);
    expect(second.worse).toBeUndefined();
    const { fresh, inForce } = second.evidence;
    expect(Math.abs(fresh.error / inForce!.error - 1)).toBeLessThan(0.25);
  });
});

describe('the comparison', () => {
  const recent = 3_600_000;

  it('accepts 5 % of the newest day above the 99th percentile and twice what the model in force has', () => {
    expect(worseThan({ ...sound, above: 0.07 }, sound, recent, 1)).toBeUndefined();
    expect(worseThan({ ...sound, above: 0.071 }, sound, recent, 1)).toBe(
      '7.1 % of the newest day lie above its own 99th percentile, more than the 7.0 % that are accepted',
    );
    expect(worseThan({ ...sound, above: 0.5 }, { ...sound, above: NaN }, recent, 1)).toBeUndefined();
  });

  it('says nothing of a day that is unusual for the model in force', () => {
    const unusual = { ...sound, above: 0.051 };
    expect(worseThan({ ...sound, above: 0.9, error: 9 }, unusual, recent, 1)).toBeUndefined();
    expect(worseThan({ ...sound, constant: true }, unusual, recent, 1)).toBeDefined();
  });

  it('takes one that has learnt from many more rows, unless it is dead', () => {
    expect(worseThan({ ...sound, above: 0.5, error: 9 }, sound, recent, 1.5)).toBeUndefined();
    expect(worseThan({ ...sound, above: 0.5 }, sound, recent, 1.49)).toBeDefined();
    expect(worseThan({ ...sound, constant: true }, sound, recent, 2)).toBeDefined();
  });

  it('accepts an error up to a quarter larger', () => {
    expect(worseThan({ ...sound, error: 0.39 }, sound, recent, 1)).toBeUndefined();
    expect(worseThan({ ...sound, error: 0.4 }, sound, recent, 1)).toMatch(/0\.400.*0\.300/);
    // nothing to compare
    expect(worseThan({ ...sound, error: NaN }, sound, recent, 1)).toBeUndefined();
    expect(worseThan({ ...sound, error: 0.4 }, { ...sound, error: NaN }, recent, 1)).toBeUndefined();
  });

  it('accepts anything in place of a model that is a week old', () => {
    const bad = { above: 0.9, constant: true, error: 3 };
    expect(worseThan(bad, sound, 7 * 86_400_000 - 1, 1)).toBeDefined();
    expect(worseThan(bad, sound, 7 * 86_400_000, 1)).toBeUndefined();
  });

  it('does not mind constant scores where the model in force has them too: nothing moves', () => {
    expect(worseThan({ ...sound, constant: true }, { ...sound, constant: true }, recent, 1)).toBeUndefined();
  });

  it('needs a hundred scores for a 99th percentile, and does without where there are fewer', () => {
    expect(usualScore(Float64Array.from({ length: 99 }, (_, i) => i))).toBeNaN();
    expect(usualScore(Float64Array.from({ length: 101 }, (_, i) => i))).toBe(99);
    expect(evidenceOf(Float64Array.of(1, 2, NaN), NaN, NaN)).toEqual({ above: NaN, constant: false, error: NaN });
    expect(evidenceOf(Float64Array.of(1, 2, NaN, 3), 1.5, NaN).above).toBe(2 / 3);
  });

  it('looks at the newest day, and at the newest quarter where that is less', () => {
    const of = (rows: number) => newestDay(Float64Array.from({ length: rows }, (_, r) => r * STEP));
    const marked = (mask: Uint8Array) => mask.reduce((sum, used) => sum + used, 0);
    expect([marked(of(7 * DAY)), marked(of(400)), of(400)[299], of(400)[300]]).toEqual([DAY + 1, 100, 0, 1]);
  });
});

describe('the error of a model', () => {
  const rows = (columns: number, values: number[]) => ({
    values: { rows: values.length / columns, columns, data: Float64Array.from(values) },
    time: Float64Array.from({ length: values.length / columns }, (_, r) => r),
    segment: new Int32Array(values.length / columns),
  });
  const expecting = (give: (value: number) => number): Detector => ({
    ...(forest() as Detector),
    history: 1,
    expected: (_, { values }, out) => values.data.forEach((value, i) => (out.data[i] = give(value))),
  });
  const model = {} as Model;
  const all = (count: number) => new Uint8Array(count).fill(1);

  it('is in units of how far a feature strays from its mean', () => {
    const given = rows(1, [0, 10, 0, 10]);
    expect(
      errorOf(
        expecting(() => 5),
        model,
        given,
        all(4),
      ),
    ).toBe(1);
    expect(
      errorOf(
        expecting((value) => value + 1),
        model,
        given,
        all(4),
      ),
    ).toBeCloseTo(0.2, 12);
  });

  it('leaves out features that do not move and values that are missing', () => {
    const given = rows(2, [0, 0.1, 10, 0.1, NaN, 0.1, 10, 0.1]);
    const mean = 20 / 3;
    const spread = (mean + 2 * (10 - mean)) / 3;
    expect(
      errorOf(
        expecting((value) => value + spread),
        model,
        given,
        all(4),
      ),
    ).toBeCloseTo(1, 12);
    expect(
      errorOf(
        expecting(() => NaN),
        model,
        given,
        all(4),
      ),
    ).toBeNaN();
  });

  it('counts the marked rows alone, and hands over the rows before them', () => {
    const seen: number[] = [];
    const detector = expecting((value) => (seen.push(value), value));
    expect(errorOf(detector, model, rows(1, [1, 2, 3, 4, 5]), Uint8Array.of(0, 0, 0, 1, 1))).toBe(0);
    expect(seen).toEqual([3, 4, 5]);
  });
});

function constant(score: number): Detector['score'] {
  return (_, { values }, out, wanted) => {
    for (let r = 0; r < values.rows; r++) if (wanted?.[r] !== 0) out[r] = score;
  };
}
