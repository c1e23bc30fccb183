import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Detector, Matrix, Rows } from '../flow.ts';
import { describeDetector } from './conformance.ts';
import { type Check, checkRealServers, checks, subject } from './conformance-checks.ts';
import { asRows, copyRows, faultyRows, normalRows, realServers } from './conformance-data.ts';
import { fakeLstm, fakeVar } from './conformance-fakes.ts';

// forecasts follow a fault that stays, so that only its beginning and end stand out
const FORECASTER = { auc: 0.65, realAuc: 0.52, servers: 2 };

describeDetector(fakeVar(), FORECASTER);
describeDetector(fakeLstm(), FORECASTER);

function check(title: RegExp): Check {
  const found = checks.filter((candidate) => title.test(candidate.title));
  if (found.length !== 1) throw new Error(`${found.length} checks have a title like ${title}`);
  return found[0];
}

/** The fake with other scores: `edit` gets the rows and the scores that the fake gave. */
function rescored(edit: (scores: Float64Array, rows: Rows) => void, detector: Detector = fakeVar()): Detector {
  return {
    ...detector,
    score(model, rows, out) {
      detector.score(model, rows, out);
      edit(out, rows);
    },
  };
}

/** The fake LSTM with other contributions. */
function reblamed(edit: (shares: Matrix) => void): Detector {
  const detector: Detector = fakeLstm();
  return {
    ...detector,
    contributions(model, rows, out) {
      detector.contributions?.(model, rows, out);
      edit(out);
    },
  };
}

/** The fake with other expected values. */
function reestimated(edit: (out: Matrix, rows: Rows, lower?: Matrix, upper?: Matrix) => void): Detector {
  const detector: Detector = fakeVar();
  return {
    ...detector,
    expected(model, rows, out, lower, upper) {
      detector.expected?.(model, rows, out, lower, upper);
      edit(out, rows, lower, upper);
    },
  };
}

function withFit(fit: (detector: Detector) => Detector['fit']): Detector {
  const detector: Detector = fakeVar();
  return { ...detector, fit: fit(detector) };
}

function withScore(score: (detector: Detector) => Detector['score']): Detector {
  const detector: Detector = fakeVar();
  return { ...detector, score: score(detector) };
}

function withLoad(load: (detector: Detector) => Detector['load']): Detector {
  const detector: Detector = fakeVar();
  return { ...detector, load: load(detector) };
}

let calls = 0;
let remembered = 0;

const broken: readonly [what: string, title: RegExp, detector: Detector, problem: RegExp][] = [
  ['has no proper name', /has a name/, { ...fakeVar(), name: 'Fake VAR' }, /lower-case word/],
  [
    'draws unseeded numbers',
    /same seed/,
    withFit((detector) => (rows, options) => {
      const noisy = copyRows(rows);
      noisy.values.data[calls++] *= 1.01;
      return detector.fit(noisy, options);
    }),
    /scores differ after a second fit/,
  ],
  [
    'sorts its rows while fitting',
    /input untouched/,
    withFit((detector) => (rows, options) => {
      const model = detector.fit(rows, options);
      rows.values.data.sort();
      return model;
    }),
    /values differ after fit/,
  ],
  [
    'fills holes in its input while scoring',
    /input untouched/,
    rescored((_, rows) => fillHoles(rows)),
    /values differ after score/,
  ],
  [
    'renumbers segments while scoring',
    /input untouched/,
    rescored((_, rows) => void rows.segment.fill(3)),
    /segment differ after score/,
  ],
  [
    'carries a running mean from call to call',
    /remembers nothing/,
    rescored((scores) => {
      remembered = 0.9 * remembered + 0.1 * scores[0];
      scores.forEach((score, i) => (scores[i] = score + remembered));
    }),
    /scores differ/,
  ],
  [
    'rounds what it saves',
    /restores a saved model/,
    withLoad((detector) => (state) => {
      const model = detector.load(state) as ReturnType<ReturnType<typeof fakeVar>['load']>;
      model.weights.set(Float32Array.from(model.weights));
      return model;
    }),
    /scores differ after load/,
  ],
  [
    'takes any buffer',
    /refuses buffers/,
    withLoad((detector) => (state) => {
      try {
        return detector.load(state);
      } catch {
        return { features: 1, rows: 1, save: () => state };
      }
    }),
    /load took an empty buffer/,
  ],
  [
    'refuses buffers without saying why',
    /refuses buffers/,
    withLoad((detector) => (state) => {
      try {
        return detector.load(state);
      } catch {
        throw new Error('invalid');
      }
    }),
    /does not name the problem/,
  ],
  [
    'lets a missing value through to its score',
    /missing value as unremarkable/,
    rescored((scores, rows) => scores.forEach((_, r) => (scores[r] += 0 * sumOfRow(rows, r)))),
    /missing value scores NaN/,
  ],
  [
    'takes a missing value for zero',
    /missing value as unremarkable/,
    rescored((scores, rows) => {
      const { columns, data } = rows.values;
      scores.forEach((_, r) => {
        for (let i = r * columns; i < (r + 1) * columns; i++) if (Number.isNaN(data[i])) scores[r] += 10;
      });
    }),
    /a missing value scores/,
  ],
  [
    'gives an empty row the score 0',
    /row without any value/,
    rescored((scores) => scores.forEach((score, r) => (scores[r] = Number.isNaN(score) ? 0 : score))),
    /row 250, empty, scores 0/,
  ],
  [
    'divides by the deviation of a constant column',
    /holes, empty columns and constant columns/,
    rescored((scores, rows) => {
      const { columns, data } = rows.values;
      if (columns === 8) scores.forEach((_, r) => (scores[r] += Math.abs(data[r * columns + 6] - 5) / 1e-15 || 0));
    }),
    /rounding error in a constant column/,
  ],
  [
    'scores at random',
    /five kinds/,
    rescored((scores) => scores.forEach((_, r) => (scores[r] = (r * 7919) % 1000))),
    /ROC-AUC is 0\.[45]/,
  ],
  [
    'scores lower what is worse',
    /five kinds/,
    rescored((scores) => scores.forEach((score, r) => (scores[r] = -score))),
    /ROC-AUC is 0\.[0-4]/,
  ],
  [
    'scores lower what is worse',
    /more anomalous/,
    rescored((scores) => scores.forEach((score, r) => (scores[r] = 1 / score))),
    /a normal row/,
  ],
  ['understates its history', /behind its history/, { ...fakeVar(), history: 1 }, /of the spread/],
  [
    'looks over the edge of a segment',
    /segments apart/,
    rescored((scores, rows) => scores.forEach((_, r) => (scores[r] += r > 0 ? 1e-9 * sumOfRow(rows, r - 1) : 0))),
    /behind another segment/,
  ],
  [
    'writes rows that nobody wanted',
    /rows that are wanted/,
    withScore((detector) => (model, rows, out) => detector.score(model, rows, out)),
    /when some rows are context only/,
  ],
  [
    'blames without dividing by the sum',
    /shares/,
    reblamed(({ data }) => data.forEach((share, i) => (data[i] = 2 * share))),
    /add up to/,
  ],
  [
    'gives negative blame',
    /shares/,
    reblamed(({ data, columns }) => data.forEach((share, i) => (data[i] = share + ([-1, 1][i % columns] ?? 0)))),
    /below 0/,
  ],
  [
    'blames the neighbour',
    /shares/,
    reblamed((shares) => {
      const { columns, data } = shares;
      for (let r = 0; r < shares.rows; r++) {
        const row = data.slice(r * columns, (r + 1) * columns);
        row.forEach((share, f) => (data[r * columns + ((f + 1) % columns)] = share));
      }
    }),
    /comes first in 0\.00/,
  ],
  [
    'expects values outside its band',
    /inside its band/,
    reestimated((_, __, lower, upper) => upper?.data.set(lower?.data ?? [])),
    /outside its band/,
  ],
  [
    'expects nothing better than a constant',
    /inside its band/,
    reestimated(({ data }, _, lower, upper) => {
      data.fill(0);
      lower?.data.fill(-1e12);
      upper?.data.fill(1e12);
    }),
    /the training mean by/,
  ],
  [
    'has a band that holds nothing',
    /inside its band/,
    reestimated(({ data }, _, lower, upper) => {
      lower?.data.set(data);
      upper?.data.set(data);
    }),
    /normal values are inside/,
  ],
  [
    'fits on no rows',
    /no rows/,
    withFit(
      (detector) => (rows, options) =>
        detector.fit(rows.values.rows === 0 ? asRows(new Float64Array(600), 6) : rows, options),
    ),
    /fit took no rows/,
  ],
  [
    'refuses few rows without a number',
    /no rows/,
    withFit((detector) => (rows, options) => {
      if (rows.values.rows < 32) throw new Error('more rows, please');
      return detector.fit(rows, options);
    }),
    /does not name minimumRows/,
  ],
  [
    'has room for a hundred columns',
    /thousand columns/,
    withFit((detector) => (rows, options) => {
      if (rows.values.columns > 100) throw new RangeError('offset is out of bounds');
      return detector.fit(rows, options);
    }),
    /offset is out of bounds/,
  ],
  [
    'only looks at the first column',
    /whatever their order/,
    rescored((scores, rows) =>
      scores.forEach((_, r) => (scores[r] = Math.abs(rows.values.data[r * rows.values.columns] / 0.45 - 1))),
    ),
    /in one order and/,
  ],
];

describe('the conformance suite', () => {
  it.each(broken)('catches a detector that %s', (_, title, detector, problem) => {
    expect(() => check(title).run(subject(detector, FORECASTER))).toThrow(problem);
  });

  it('catches a detector that is no better than chance on labelled files', () => {
    const folder = mkdtempSync(join(tmpdir(), 'netpulse-conformance-'));
    try {
      mkdirSync(join(folder, 'asd'));
      const { rows, labels } = faultyRows(1000, 1);
      writeFileSync(join(folder, 'asd/one.train.csv.gz'), csv(normalRows(1000, 0)));
      writeFileSync(join(folder, 'asd/one.test.csv.gz'), csv(rows, labels));
      const servers = realServers(folder);
      expect(servers).toEqual([join(folder, 'asd/one')]);
      checkRealServers(subject(fakeVar()), servers);
      const random = rescored((scores) => scores.forEach((_, r) => (scores[r] = (r * 7919) % 1000)));
      expect(() => checkRealServers(subject(random), servers)).toThrow(/mean ROC-AUC is 0\.[45]/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('finds no servers in a folder that does not exist', () => {
    expect(realServers('/nonexistent')).toEqual([]);
  });

  it('has a broken detector for every promise', () => {
    const caught = new Set(broken.map(([, title]) => check(title).title));
    expect(checks.map(({ title }) => title).filter((title) => !caught.has(title))).toEqual([]);
  });
});

function fillHoles(rows: Rows): void {
  const { data } = rows.values;
  data.forEach((value, i) => {
    if (Number.isNaN(value)) data[i] = 0;
  });
}

function sumOfRow(rows: Rows, row: number): number {
  const { columns, data } = rows.values;
  return data.subarray(row * columns, (row + 1) * columns).reduce((sum, value) => sum + value, 0);
}

function csv(rows: Rows, labels?: Uint8Array): Buffer {
  const { columns, data } = rows.values;
  const lines = [[...Array.from({ length: columns }, (_, c) => `m${c}`), ...(labels ? ['label'] : [])].join(',')];
  for (let r = 0; r < rows.values.rows; r++) {
    const row = [...data.subarray(r * columns, (r + 1) * columns)];
    lines.push([...row, ...(labels ? [labels[r]] : [])].join(','));
  }
  return gzipSync(`${lines.join('\n')}\n`);
}
