/** What every detector promises (see `Detector` in flow.ts), one function a promise. A check throws an AssertionError that says which part was broken. */
import assert from 'node:assert/strict';
import type { Detector, FitOptions, Matrix, Model, Rows } from '../flow.ts';
import { seededRandom } from '../random.ts';
import {
  DEVIATIONS,
  FEATURES,
  ROWS_PER_DAY,
  asRows,
  copyRows,
  faultyRows,
  normalRows,
  pickColumns,
  readCsv,
  rocAuc,
  sliceRows,
  specs,
} from './conformance-data.ts';

/** Bounds that a detector may need to move; its test file says why when it does. */
export interface ConformanceOptions {
  /** lowest ROC-AUC on the seeded faults; default .8 */
  readonly auc?: number;
  /** lowest mean ROC-AUC over the real servers, whose labels are hard; default .55 (chance is .5) */
  readonly realAuc?: number;
  /** how far a score may move when only `history` rows of context are given, as a share of the spread of all scores; default .01 */
  readonly contextTolerance?: number;
  /** share of one-feature faults whose feature must come first; default 1 */
  readonly rankedFirst?: number;
  /** real servers to use, the first in the order of their names; default all */
  readonly servers?: number;
  /** columns of the wide data; default 1000 */
  readonly wideColumns?: number;
  /** whether expected values must be closer to the data than the training mean; default true, false for one that expects a slow level */
  readonly predicts?: boolean;
}

export interface Check {
  readonly title: string;
  /** the check is about this optional method */
  readonly about?: 'expected' | 'contributions';
  run(subject: Subject): void;
}

/** A detector under test. The model is fitted once and shared: it is immutable, and a check of its own makes sure of that. */
export interface Subject {
  readonly detector: Detector;
  readonly options: Required<ConformanceOptions>;
  readonly train: Rows;
  readonly model: () => Model;
}

export function subject(detector: Detector, options: ConformanceOptions = {}): Subject {
  const train = normalRows(2 * ROWS_PER_DAY, 0);
  let fitted: Model | undefined;
  return {
    detector,
    options: {
      auc: options.auc ?? 0.8,
      realAuc: options.realAuc ?? 0.55,
      contextTolerance: options.contextTolerance ?? 0.01,
      rankedFirst: options.rankedFirst ?? 1,
      servers: options.servers ?? Infinity,
      wideColumns: options.wideColumns ?? 1000,
      predicts: options.predicts ?? true,
    },
    train,
    model: () => (fitted ??= detector.fit(copyRows(train), fitOptions(FEATURES))),
  };
}

export const checks: readonly Check[] = [
  {
    title: 'has a name, and says how many rows it needs to fit and to score',
    run({ detector, model, train }) {
      assert.match(detector.name, /^[a-z][a-z0-9-]*$/, 'the name is a lower-case word with dashes');
      assert.ok(Number.isInteger(detector.history) && detector.history >= 0, `history is ${detector.history}`);
      assert.ok(
        Number.isInteger(detector.minimumRows) && detector.minimumRows > 0,
        `minimumRows is ${detector.minimumRows}`,
      );
      assert.equal(model().features, FEATURES, 'the model knows its number of features');
      assert.ok(model().rows > 0 && model().rows <= train.values.rows, `the model says it has ${model().rows} rows`);
    },
  },
  {
    title: 'gives the same scores, bit for bit, from the same seed',
    run({ detector, train, model }) {
      const { rows } = faultyRows(500, 1);
      const again = detector.fit(copyRows(train), fitOptions(FEATURES));
      same(output(detector, again, rows), output(detector, model(), rows), 'after a second fit with the same seed');
      const other = detector.fit(copyRows(train), fitOptions(FEATURES, 2));
      assert.ok(score(detector, other, rows).every(Number.isFinite), 'another seed gives finite scores');
    },
  },
  {
    title: 'leaves its input untouched',
    run({ detector, train }) {
      const fitted = copyRows(train);
      const model = detector.fit(fitted, fitOptions(FEATURES));
      untouched(fitted, train, 'fit');
      const { rows } = faultyRows(300, 1);
      rows.values.data[5 * FEATURES] = NaN;
      const before = copyRows(rows);
      score(detector, model, rows);
      untouched(rows, before, 'score');
      contributions(detector, model, rows);
      untouched(rows, before, 'contributions');
      expected(detector, model, rows);
      untouched(rows, before, 'expected');
    },
  },
  {
    title: 'remembers nothing from one call to the next',
    run({ detector, model }) {
      const { rows } = faultyRows(300, 1);
      const first = output(detector, model(), rows);
      output(detector, model(), faultyRows(500, 2).rows);
      detector.fit(normalRows(500, 3), fitOptions(FEATURES, 3));
      same(output(detector, model(), rows), first, 'after other rows were scored and another model was fitted');
    },
  },
  {
    title: 'restores a saved model to the same scores, contributions and expected values, bit for bit',
    run({ detector, model }) {
      const { rows } = faultyRows(500, 1);
      const saved = model().save();
      const restored = detector.load(saved);
      new Uint8Array(saved).fill(0); // a model owns its numbers, the buffer may be reused
      assert.equal(restored.features, model().features, 'the restored model has as many features');
      assert.equal(restored.rows, model().rows, 'the restored model knows its rows');
      same(output(detector, restored, rows), output(detector, model(), rows), 'after load(save())');
      same(
        { saved: bytes(restored.save()) },
        { saved: bytes(model().save()) },
        'when the restored model is saved again',
      );
    },
  },
  {
    title: 'refuses buffers that are empty, garbage, truncated, too long, damaged or of another detector',
    run: refusesOtherBuffers,
  },
  { title: 'counts a missing value as unremarkable', run: toleratesMissingValues },
  {
    title: 'scores NaN for a row without any value, and goes on after it',
    run({ detector, model }) {
      const rows = normalRows(300, 1);
      rows.values.data.fill(NaN, 250 * FEATURES, 252 * FEATURES);
      const scores = score(detector, model(), rows);
      for (let r = 0; r < 300; r++) {
        const empty = r === 250 || r === 251;
        assert.equal(
          Number.isNaN(scores[r]),
          empty,
          `row ${r}, ${empty ? 'empty' : 'with values'}, scores ${scores[r]}`,
        );
      }
      const shares = contributions(detector, model(), rows);
      if (shares) shareRows(shares, 'with empty rows');
    },
  },
  {
    title: 'learns from rows with holes, empty columns and constant columns, and no constant column decides by itself',
    run: learnsWithGaps,
  },
  {
    title: 'ranks seeded faults of five kinds above normal rows',
    run({ detector, model, options }) {
      const { rows, labels } = faultyRows(2000, 1);
      const auc = rocAuc(score(detector, model(), rows), labels);
      assert.ok(auc >= options.auc, `ROC-AUC is ${auc.toFixed(3)}, at least ${options.auc} is asked for`);
    },
  },
  {
    title: 'scores higher what is more anomalous',
    run({ detector, model }) {
      const rows = normalRows(600, 1);
      deviate(rows, 599, [0, 1, 2, 3, 4, 5], 12);
      const scores = score(detector, model(), rows);
      const highest = Math.max(...scores.subarray(0, 599));
      assert.ok(scores[599] > highest, `a row far off in all features scores ${scores[599]}, a normal row ${highest}`);
    },
  },
  { title: 'scores a row behind its history alone as it does among all rows', run: needsNoMoreThanHistory },
  { title: 'keeps segments apart', run: keepsSegmentsApart },
  {
    title: 'scores only the rows that are wanted, and those as always',
    run({ detector, model }) {
      const { rows } = faultyRows(300, 1);
      rows.values.data.fill(NaN, 100 * FEATURES, 101 * FEATURES);
      const all = score(detector, model(), rows);
      for (const keep of [(r: number) => r % 3 === 1, (r: number) => r === 299, () => false]) {
        const some = new Float64Array(300).fill(-12345);
        detector.score(
          model(),
          rows,
          some,
          Uint8Array.from({ length: 300 }, (_, r) => (keep(r) ? 1 : 0)),
        );
        same(
          { scores: some },
          { scores: all.map((score, r) => (keep(r) ? score : -12345)) },
          'when some rows are context only',
        );
      }
    },
  },
  {
    title: 'gives contributions that are shares, and puts the feature that moved first',
    about: 'contributions',
    run({ detector, model, options }) {
      const shares = contributions(detector, model(), faultyRows(500, 1).rows);
      if (!shares) return;
      shareRows(shares, 'over rows with faults');
      const hits = movedFirst(detector, model(), [0, 1, 2, 3, 4, 5]);
      assert.ok(
        hits >= options.rankedFirst,
        `the moved feature comes first in ${hits.toFixed(2)} of the faults, not ${options.rankedFirst}`,
      );
    },
  },
  {
    title: 'expects values inside its band, closer to the data than the training mean',
    about: 'expected',
    run: expectsValues,
  },
  {
    title: 'refuses to fit on no rows, and on too few or else scores with them',
    run({ detector }) {
      assert.throws(() => detector.fit(normalRows(0, 1), fitOptions(FEATURES)), Error, 'fit took no rows');
      if (detector.minimumRows === 1) return;
      const few = normalRows(detector.minimumRows - 1, 1);
      let model: Model;
      try {
        model = detector.fit(few, fitOptions(FEATURES));
      } catch (error) {
        const message = messageOf(error);
        assert.ok(message.includes(String(detector.minimumRows)), `the error does not name minimumRows: "${message}"`);
        return;
      }
      assert.ok(
        score(detector, model, few).every(Number.isFinite),
        'a model of few rows gives a score that is not finite',
      );
    },
  },
  { title: 'copes with a thousand columns', run: copesWithManyColumns },
  {
    title: 'treats columns alike whatever their order',
    run({ detector, train, model, options }) {
      const order = [4, 2, 0, 5, 1, 3];
      const columns = specs(FEATURES);
      const reordered = { ...fitOptions(FEATURES), features: order.map((column) => columns[column]) };
      const permuted = detector.fit(pickColumns(train, order), reordered);
      const { rows, labels } = faultyRows(2000, 1);
      const auc = rocAuc(score(detector, model(), rows), labels);
      const permutedAuc = rocAuc(score(detector, permuted, pickColumns(rows, order)), labels);
      assert.ok(Math.abs(auc - permutedAuc) <= 0.05, `ROC-AUC is ${auc} in one order and ${permutedAuc} in another`);
      if (!detector.contributions) return;
      const hits = movedFirst(detector, permuted, order);
      assert.ok(
        hits >= options.rankedFirst,
        `in another order the moved feature comes first in only ${hits.toFixed(2)} of the faults`,
      );
    },
  },
];

/** Mean over servers: fit on the newest 4,000 rows of the training file, score the labelled file. */
export function checkRealServers({ detector, options }: Subject, servers: readonly string[]): void {
  const aucs = servers.slice(0, options.servers).map((server) => {
    const train = readCsv(`${server}.train.csv.gz`).rows;
    const { rows, labels } = readCsv(`${server}.test.csv.gz`);
    const newest = sliceRows(train, Math.max(0, train.values.rows - 4000), train.values.rows);
    return rocAuc(score(detector, detector.fit(newest, fitOptions(train.values.columns)), rows), labels);
  });
  const mean = aucs.reduce((sum, auc) => sum + auc, 0) / aucs.length;
  assert.ok(
    mean >= options.realAuc,
    `mean ROC-AUC is ${mean.toFixed(3)} (${aucs.map((auc) => auc.toFixed(2)).join(' ')}), at least ${options.realAuc} is asked for`,
  );
}

function refusesOtherBuffers({ detector, model }: Subject): void {
  const saved = model().save();
  const edited = (edit: (copy: Uint8Array) => void) => {
    const copy = saved.slice(0);
    edit(new Uint8Array(copy));
    return copy;
  };
  const random = seededRandom(11);
  const longer = new ArrayBuffer(saved.byteLength + 8);
  new Uint8Array(longer).set(bytes(saved));
  const foreign: [string, ArrayBuffer][] = [
    ['an empty buffer', new ArrayBuffer(0)],
    ['three bytes', new ArrayBuffer(3)],
    ['zeros', new ArrayBuffer(saved.byteLength)],
    ['random bytes', edited((copy) => copy.forEach((_, i) => (copy[i] = random.below(256))))],
    ['text', new TextEncoder().encode('{"detector":"other","version":1,"data":[1,2,3,4,5,6,7,8,9,10]}').buffer],
    ['half of a model', saved.slice(0, saved.byteLength >> 1)],
    ['a model without its last byte', saved.slice(0, -1)],
    ['a model with eight bytes more', longer],
    ["another detector's model", edited((copy) => renameModel(copy, detector.name))],
  ];
  for (const [what, buffer] of foreign) {
    const message = refusal(detector, buffer);
    assert.ok(message !== undefined, `load took ${what}`);
    assert.ok(
      message.includes(detector.name) && message.length > detector.name.length + 10,
      `${what}: "${message}" does not name the problem`,
    );
  }
  const rows = normalRows(detector.history + 10, 1);
  for (let i = 0; i < 200; i++) {
    const at = i < 100 ? Math.min(i, saved.byteLength - 1) : random.below(saved.byteLength);
    const damaged = edited((copy) => (copy[at] ^= 1 << random.below(8)));
    if (refusal(detector, damaged) !== undefined) continue;
    const scores = score(detector, detector.load(damaged), rows); // undetected damage may change scores; it must not throw or hang
    assert.equal(scores.length, rows.values.rows);
  }
}

/** A saved model names its detector or begins with bytes of its own; both are changed. */
function renameModel(copy: Uint8Array, name: string): void {
  const at = Buffer.from(copy).indexOf(name);
  copy[at < 0 ? 0 : at] ^= 1;
}

function refusal(detector: Detector, buffer: ArrayBuffer): string | undefined {
  try {
    detector.load(buffer);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

function toleratesMissingValues({ detector, model }: Subject): void {
  const rows = normalRows(600, 1);
  const highest = Math.max(...score(detector, model(), rows));
  const holes = copyRows(rows);
  for (let r = 300; r < 600; r++) holes.values.data[r * FEATURES + (r % FEATURES)] = NaN;
  const scores = score(detector, model(), holes);
  for (let r = 0; r < 600; r++)
    assert.ok(Number.isFinite(scores[r]), `row ${r} with a missing value scores ${scores[r]}`);
  const worst = Math.max(...scores);
  assert.ok(worst <= 1.25 * highest, `a row with a missing value scores ${worst}, complete rows at most ${highest}`);

  const alone = copyRows(rows);
  alone.values.data.fill(NaN, 300 * FEATURES, 301 * FEATURES);
  alone.values.data[300 * FEATURES + 2] = rows.values.data[300 * FEATURES + 2];
  const lonely = score(detector, model(), alone)[300];
  assert.ok(
    lonely <= 1.25 * highest,
    `a row with a single value, a normal one, scores ${lonely}, complete rows at most ${highest}`,
  );

  const estimate = expected(detector, model(), holes);
  if (estimate) assert.ok(estimate.value.data.every(Number.isFinite), 'no expected value where the value is missing');
  const shares = contributions(detector, model(), holes);
  if (!shares) return;
  shareRows(shares, 'with missing values');
  for (let r = 300; r < 600; r++) {
    const share = shares.data[r * FEATURES + (r % FEATURES)];
    assert.ok(share === 0, `a missing value has the contribution ${share}`);
  }
}

function learnsWithGaps({ detector, train, options }: Subject): void {
  const CONSTANT = FEATURES;
  const EMPTY = FEATURES + 1;
  const columns = FEATURES + 2;
  const random = seededRandom(5);
  const widen = (rows: Rows) => {
    const wide = pickColumns(rows, [0, 1, 2, 3, 4, 5, -1, -1]);
    for (let r = 0; r < wide.values.rows; r++) wide.values.data[r * columns + CONSTANT] = 5;
    return wide;
  };
  const holes = widen(train);
  for (let i = 0; i < holes.values.data.length; i++) if (random.next() < 0.1) holes.values.data[i] = NaN;
  holes.values.data.fill(NaN, 40 * columns, 60 * columns);
  const model = detector.fit(holes, fitOptions(columns));

  const { rows, labels } = faultyRows(2000, 1);
  const auc = rocAuc(score(detector, model, widen(rows)), labels);
  assert.ok(auc >= options.auc - 0.05, `with a tenth of the values missing in training, ROC-AUC is ${auc.toFixed(3)}`);

  const normal = widen(normalRows(600, 1));
  const highest = Math.max(...score(detector, model, normal));
  const last = 599 * columns;
  const moved = (edit: (data: Float64Array) => void) => {
    const copy = copyRows(normal);
    edit(copy.values.data);
    return score(detector, model, copy)[599];
  };
  const rounded = moved((data) => (data[last + CONSTANT] *= 1 + 1e-12));
  assert.ok(
    rounded <= highest,
    `a rounding error in a constant column scores ${rounded}, normal rows at most ${highest}`,
  );
  const gross = moved((data) => {
    for (let f = 0; f < FEATURES; f++) data[last + f] += 200 * DEVIATIONS[f];
  });
  const constant = moved((data) => (data[last + CONSTANT] += 1));
  assert.ok(Number.isFinite(constant), `a constant column that moves scores ${constant}`);
  assert.ok(
    constant <= gross,
    `a constant column that moves by 1 scores ${constant}, more than ${gross} for all others by 200 deviations`,
  );
  const appeared = moved((data) => (data[last + EMPTY] = 5));
  assert.ok(Number.isFinite(appeared), `a column without values in training scores ${appeared} when it has one`);
}

function needsNoMoreThanHistory({ detector, model, options }: Subject): void {
  const { rows } = faultyRows(1000, 1);
  rows.segment.fill(1, 700);
  for (let r = 400; r < 1000; r += 7) rows.values.data[r * FEATURES + (r % FEATURES)] = NaN;
  const all = score(detector, model(), rows);
  const spread = Math.max(...all) - Math.min(...all);
  const picked = [0, 1, 5, 699, 700, 701, 705];
  for (let r = Math.min(detector.history, 600); r < 1000; r += 23) picked.push(r);
  for (const r of picked) {
    const from = Math.max(r < 700 ? 0 : 700, r - detector.history);
    const alone = score(detector, model(), sliceRows(rows, from, r + 1))[r - from];
    const difference = Math.abs(alone - all[r]) / spread;
    assert.ok(
      difference <= options.contextTolerance,
      `row ${r} scores ${all[r]} among all rows and ${alone} behind its ${r - from} rows of history: ${difference} of the spread`,
    );
  }
}

function keepsSegmentsApart({ detector, model }: Subject): void {
  const rows = faultyRows(400, 1).rows;
  rows.segment.fill(4, 200);
  const second = score(detector, model(), sliceRows(rows, 200, 400));
  same({ scores: score(detector, model(), rows).slice(200) }, { scores: second }, 'behind another segment');
  const wild = copyRows(rows);
  for (let i = 0; i < 200 * FEATURES; i++) wild.values.data[i] *= i % 3 === 0 ? -50 : 1000;
  wild.segment.fill(9, 0, 200);
  same({ scores: score(detector, model(), wild).slice(200) }, { scores: second }, 'behind a segment of wild values');
}

function expectsValues({ detector, train, model, options }: Subject): void {
  const rows = normalRows(600, 1);
  const estimate = expected(detector, model(), rows);
  if (!estimate) return;
  const { value, lower, upper } = estimate;
  let inside = 0;
  for (let f = 0; f < FEATURES; f++) {
    let mean = 0;
    for (let r = 0; r < train.values.rows; r++) mean += train.values.data[r * FEATURES + f] / train.values.rows;
    let error = 0;
    let spread = 0;
    for (let i = f; i < value.data.length; i += FEATURES) {
      const actual = rows.values.data[i];
      assert.ok(
        lower.data[i] <= value.data[i] && value.data[i] <= upper.data[i],
        `feature ${f}: expected ${value.data[i]} is outside its band ${lower.data[i]} .. ${upper.data[i]}`,
      );
      if (actual >= lower.data[i] && actual <= upper.data[i]) inside++;
      if (i < detector.history * FEATURES) continue;
      error += (value.data[i] - actual) ** 2;
      spread += (mean - actual) ** 2;
    }
    assert.ok(
      error < spread || !options.predicts,
      `feature ${f}: expected values miss by ${error} (squared), the training mean by ${spread}`,
    );
  }
  const share = inside / value.data.length;
  assert.ok(share >= 0.9, `only ${share.toFixed(2)} of normal values are inside the band`);
  const alone = emptyMatrix(rows);
  detector.expected?.(model(), rows, alone);
  same({ expected: alone.data }, { expected: value.data }, 'when no band is asked for');
}

function copesWithManyColumns({ detector, options }: Subject): void {
  const columns = options.wideColumns;
  const random = seededRandom(3);
  const make = (count: number) =>
    asRows(
      Float64Array.from({ length: count * columns }, () => random.normal()),
      columns,
    );
  const model = detector.fit(make(Math.max(256, detector.minimumRows)), fitOptions(columns));
  const rows = make(60);
  for (let c = 0; c < columns; c++) rows.values.data[59 * columns + c] = c % 2 === 0 ? 20 : -20;
  const scores = score(detector, model, rows);
  assert.ok(scores.every(Number.isFinite), `some of the scores over ${columns} columns are not finite`);
  const highest = Math.max(...scores.subarray(0, 59));
  assert.ok(
    scores[59] > highest,
    `with ${columns} columns a row far off scores ${scores[59]}, a normal one ${highest}`,
  );
  const shares = contributions(detector, model, rows);
  if (shares) shareRows(shares, `over ${columns} columns`);
}

/** Share of one-feature faults, 12 deviations up or down for one row, in which that feature has the largest contribution. */
function movedFirst(detector: Detector, model: Model, order: readonly number[]): number {
  const context = detector.history + 30;
  let hits = 0;
  for (let feature = 0; feature < FEATURES; feature++) {
    for (const by of [-12, 12]) {
      const rows = normalRows(context + 1, 20 + feature);
      deviate(rows, context, [feature], by);
      const shares = contributions(detector, model, pickColumns(rows, order));
      if (!shares) continue;
      const last = [...shares.data.subarray(context * FEATURES)];
      if (order[last.indexOf(Math.max(...last))] === feature) hits++;
    }
  }
  return hits / (2 * FEATURES);
}

function deviate(rows: Rows, row: number, features: readonly number[], by: number): void {
  for (const f of features) rows.values.data[row * FEATURES + f] += by * DEVIATIONS[f];
}

function shareRows(shares: Matrix, where: string): void {
  for (let r = 0; r < shares.rows; r++) {
    const row = shares.data.subarray(r * shares.columns, (r + 1) * shares.columns);
    assert.ok(
      row.every((share) => share >= 0),
      `${where}, row ${r} has a contribution below 0 or NaN: ${row.join(' ')}`,
    );
    const sum = row.reduce((total, share) => total + share, 0);
    assert.ok(sum === 0 || Math.abs(sum - 1) < 1e-9, `${where}, the contributions of row ${r} add up to ${sum}`);
  }
}

function fitOptions(columns: number, seed = 1): FitOptions {
  return { seed, features: specs(columns), rowsPerDay: ROWS_PER_DAY };
}

function score(detector: Detector, model: Model, rows: Rows): Float64Array {
  const out = new Float64Array(rows.values.rows).fill(-12345);
  detector.score(model, rows, out);
  return out;
}

function contributions(detector: Detector, model: Model, rows: Rows): Matrix | undefined {
  if (!detector.contributions) return undefined;
  const out = emptyMatrix(rows);
  detector.contributions(model, rows, out);
  return out;
}

function expected(
  detector: Detector,
  model: Model,
  rows: Rows,
): { value: Matrix; lower: Matrix; upper: Matrix } | undefined {
  if (!detector.expected) return undefined;
  const estimate = { value: emptyMatrix(rows), lower: emptyMatrix(rows), upper: emptyMatrix(rows) };
  detector.expected(model, rows, estimate.value, estimate.lower, estimate.upper);
  return estimate;
}

/** Filled with what no detector returns: a value that was not written is seen. */
function emptyMatrix({ values: { rows, columns } }: Rows): Matrix {
  return { rows, columns, data: new Float64Array(rows * columns).fill(-12345) };
}

/** Everything a model says about the rows. */
function output(detector: Detector, model: Model, rows: Rows): Record<string, ArrayLike<number>> {
  const estimate = expected(detector, model, rows);
  return {
    scores: score(detector, model, rows),
    contributions: contributions(detector, model, rows)?.data ?? [],
    expected: estimate?.value.data ?? [],
    lower: estimate?.lower.data ?? [],
    upper: estimate?.upper.data ?? [],
  };
}

function same(
  actual: Record<string, ArrayLike<number>>,
  wanted: Record<string, ArrayLike<number>>,
  when: string,
): void {
  for (const [name, numbers] of Object.entries(wanted)) {
    assert.equal(actual[name].length, numbers.length, `${name} have another length ${when}`);
    for (let i = 0; i < numbers.length; i++) {
      assert.ok(
        Object.is(actual[name][i], numbers[i]),
        `${name} differ ${when}: number ${i} is ${actual[name][i]}, not ${numbers[i]}`,
      );
    }
  }
}

function untouched(rows: Rows, before: Rows, by: string): void {
  same(
    { values: rows.values.data, time: rows.time, segment: rows.segment },
    { values: before.values.data, time: before.time, segment: before.segment },
    `after ${by}`,
  );
}

function bytes(buffer: ArrayBuffer): Uint8Array {
  return new Uint8Array(buffer);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
