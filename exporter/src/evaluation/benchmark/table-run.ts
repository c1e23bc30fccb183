/**
 * Tables of records without an order, the way `netpulse train` and `netpulse score` treat them: fitted on normal rows, judged on other ones. Columns become inputs
 * by what their training values suggest.
 */
import { defaultEnsemble } from '../../decision/options.ts';
import { detectorTypes } from '../../detectors/registry.ts';
import type { Matrix } from '../../flow.ts';
import { type Connections, connections } from '../datasets/connections.ts';
import { readNslKdd } from '../datasets/nsl-kdd.ts';
import { averagePrecision, rank, rocAuc } from '../quality-metrics-ranking.ts';
import { decisionQuality, flagsAt } from '../quality-metrics-threshold.ts';
import { encode, encodedWidth } from '../table-encoder.ts';
import { type DetectorChoice, fitTable, prepareTable } from '../table-fit.ts';
import { type TableColumn, encodeTable, fitTableInputs } from '../table-inputs.ts';
import { type TableRows, columnsOfRows } from '../table-rows.ts';
import { tableRows } from '../table-series.ts';
import { contaminationThreshold } from '../table-threshold.ts';
import { fitTailSurprise, tailSurprise } from '../tail-surprise.ts';

export type RankingFigures = { readonly roc_auc: number; readonly average_precision: number };

export type DecisionFigures = {
  readonly accuracy: number;
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
};

/** By detector, and `ensemble` and `seed_four`. */
export type TableFigures<Figures> = Readonly<Record<string, Figures>>;

/** Rows have no neighbours, so conditional looks at values alone. */
const CONDITIONAL_OF_RECORDS = { lags: [0], spans: [], harmonics: 0 };

const DETECTORS: readonly DetectorChoice[] = [
  { name: 'isolation-forest', options: {} },
  { name: 'one-class-svm', options: {} },
  { name: 'local-outlier-factor', options: {} },
  { name: 'autoencoder', options: {} },
  { name: 'pca', options: {} },
  { name: 'conditional', options: CONDITIONAL_OF_RECORDS },
  { name: 'histogram', options: {} },
];
/** takes most of the time: left out of quick runs */
const SLOW = 'autoencoder';

/** Together by the mean of their tail surprises: one knows distances, one relations between columns, one the columns themselves. */
const ENSEMBLE = ['one-class-svm', 'conditional', 'histogram'];
const SEED_FOUR = ['isolation-forest', 'one-class-svm', 'local-outlier-factor', 'autoencoder'];

/** Share of clean rows that may be flagged: with the ordinary tenth, every seventh of the flags on a set with 15 % anomalies would be false. */
const FALSE_ALARM_SHARE = 0.002;
/** Thresholds and tails come from rows that the model has not seen; of many rows, half are enough to fit on. */
const FOLDS = 5;
const FEW_FOLDS = 2;
const MANY_ROWS = 5000;

const TABLE_ROWS = 1000;
const ANOMALY_SHARE = 0.15;
/** Training rows of a seed must not be those that are judged. */
const TRAIN_SEED = 1_000_000;

/** Ten columns: fitted on clean rows, thresholds from held-out clean rows, judged on unseen rows with 15 % anomalies. */
export function judgeConnections(seed: number, quick: boolean): TableFigures<DecisionFigures> {
  const train = connections(TRAIN_SEED + seed, TABLE_ROWS, 0);
  const test = connections(seed, TABLE_ROWS, ANOMALY_SHARE);
  return mapValues(scoresOf(columnsOf(train), columnsOf(test), seed, quick), ({ unseen, test: scores }) => {
    const flags = flagsAt(scores, contaminationThreshold(unseen, FALSE_ALARM_SHARE));
    const { accuracy, precision, recall, f1 } = decisionQuality(test.labels, flags);
    return { accuracy, precision, recall, f1 };
  });
}

/** NSL-KDD as every detector sees it, for peers. */
export function nslKddInputs(data: string): { train: Matrix; test: Matrix; labels: Uint8Array } {
  const { train, test } = readNslKdd(data);
  const inputs = fitTableInputs(train.columns);
  return { train: encodeTable(inputs, train.columns), test: encodeTable(inputs, test.columns), labels: test.labels };
}

/** NSL-KDD: fitted on the normal connections of the training file. */
export function judgeNslKdd(data: string, seed: number, quick: boolean): TableFigures<RankingFigures> {
  const { train, test } = readNslKdd(data);
  return mapValues(scoresOf(train.columns, test.columns, seed, quick), ({ test: scores }) => {
    const ranking = rank(test.labels, scores);
    return { roc_auc: rocAuc(ranking), average_precision: averagePrecision(ranking) };
  });
}

/** Of train rows by models that have not seen them, and of test rows. */
interface RecordScores {
  readonly unseen: Float64Array;
  readonly test: Float64Array;
}

function scoresOf(
  train: readonly TableColumn[],
  test: readonly TableColumn[],
  seed: number,
  quick: boolean,
): Record<string, RecordScores> {
  const known = detectorTypes.map(({ name }) => name);
  const detectors = DETECTORS.filter(({ name }) => known.includes(name) && !(quick && name === SLOW));
  const trainRows = asTableRows(train);
  const fit = fitTable(
    prepareTable(trainRows, {
      detectors,
      ensemble: { ...defaultEnsemble },
      series: false,
      time: null,
      entity: null,
      scaler: 'none',
      normalOnly: false,
      contamination: FALSE_ALARM_SHARE,
      folds: trainRows.rows > MANY_ROWS ? FEW_FOLDS : FOLDS,
      seed,
    }),
  );
  const { encoder, members } = fit.model;
  const testRows = asTableRows(test);
  const rows = tableRows(encode(encoder, columnsOfRows(testRows)), encodedWidth(encoder), testRows, false, NaN);
  const single = Object.fromEntries(
    members.map(({ name, detector, model }, m): [string, RecordScores] => {
      const scores = new Float64Array(testRows.rows).fill(NaN);
      detector.score(model, rows, scores);
      return [name, { unseen: fit.raw[m], test: scores }];
    }),
  );
  const together = { ensemble: ENSEMBLE, seed_four: SEED_FOUR };
  const combined = Object.entries(together)
    .filter(([, names]) => names.every((name) => single[name]))
    .map(([key, names]) => [key, combine(names.map((name) => single[name]))]);
  return { ...Object.fromEntries(combined), ...single };
}

/** Mean of the members' tail surprises. */
function combine(members: readonly RecordScores[]): RecordScores {
  const tails = members.map(({ unseen }) => fitTailSurprise(unseen));
  const mean = (scores: readonly Float64Array[]) =>
    scores[0].map(
      (_, row) => scores.reduce((sum, own, m) => sum + tailSurprise(tails[m], own[row]), 0) / scores.length,
    );
  return { unseen: mean(members.map(({ unseen }) => unseen)), test: mean(members.map(({ test }) => test)) };
}

function columnsOf({ columns, rows: { rows, columns: width, data } }: Connections): TableColumn[] {
  return columns.map((name, c) => ({
    name,
    numbers: Float64Array.from({ length: rows }, (_, row) => data[row * width + c]),
  }));
}

/** As if they had been read from a file. */
function asTableRows(columns: readonly TableColumn[]): TableRows {
  const [first] = columns;
  const rows = 'texts' in first ? first.texts.length : first.numbers.length;
  const categories = columns.map((column) => ('texts' in column ? [...new Set(column.texts)] : []));
  const codes = categories.map((texts) => new Map(texts.map((text, code) => [text, code])));
  const values = new Float64Array(rows * columns.length);
  columns.forEach((column, c) => {
    for (let row = 0; row < rows; row++) {
      values[row * columns.length + c] = 'texts' in column ? codes[c].get(column.texts[row])! : column.numbers[row];
    }
  });
  return {
    file: 'evaluation',
    features: columns.map((column, c) => ({
      name: column.name,
      column: c,
      kind: 'texts' in column ? 'category' : 'number',
    })),
    treatments: {},
    categories,
    values,
    labels: undefined,
    time: undefined,
    entity: new Int32Array(rows),
    entities: [],
    row: Float64Array.from({ length: rows }, (_, row) => row + 1),
    rows,
    read: rows,
    stopped: false,
    sameTime: { rows: 0, firstLine: undefined },
  };
}

function mapValues<From, To>(values: Readonly<Record<string, From>>, map: (value: From) => To): Record<string, To> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, map(value)]));
}
