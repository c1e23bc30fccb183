/**
 * Train, score and judge, in one go: the detectors side by side. The result is plain data (typed arrays and JSON values), from which text, CSV, JSON and reports are
 * rendered.
 *
 * With a training table, its rows are learnt and the rows of the other one judged. Without one, every row is judged by a model that has not seen it (see
 * `table-fit.ts`), so that a detector gains nothing by remembering rows.
 */
import type { FitProgress, Rows } from '../flow.ts';
import { adviceFor } from './table-advice.ts';
import type { Table } from '../sources/csv/table-reader.ts';
import { encode, encodedWidth } from './table-encoder.ts';
import { fitTable, prepareTable, type FoldModels, type TableFit, type TableFitOptions } from './table-fit.ts';
import {
  calibrate,
  EXPLAIN_FROM,
  explainTable,
  membership,
  topFeatures,
  type FeatureShare,
  type TableModel,
  type TableScores,
} from './table-model.ts';
import { overviewOf, type TableOverview } from './table-overview.ts';
import { tableQuality, type TableQuality } from './table-quality.ts';
import { columnsOfRows, type TableRows } from './table-rows.ts';
import { tableRows } from './table-series.ts';

export interface DetectorEvaluation {
  /** a detector, or `ensemble` */
  readonly name: string;
  /** weight in the ensemble; 0 = beside it */
  readonly weight: number;
  readonly options: Readonly<Record<string, unknown>>;
  /** raw score at which the calibrated one is 1 */
  readonly threshold: number;
  /** rows with a score of 1 and above */
  readonly flagged: number;
  readonly fitSeconds: number;
  /** of all judged rows */
  readonly scoreSeconds: number;
  /** how much the process grew while it was fitted (an estimate), and the size of the model on disk */
  readonly memoryBytes: number;
  readonly modelBytes: number;
  /** undefined without labels of both classes */
  readonly quality: TableQuality | undefined;
  /** epochs and losses of detectors that are trained step by step */
  readonly progress: FitProgress | undefined;
  readonly advice: string;
}

/** One of the most anomalous rows. */
export interface ExplainedRow {
  /** number in the table, from 1 */
  readonly row: number;
  /** ms since the epoch; undefined without times */
  readonly time: number | undefined;
  readonly entity: string | undefined;
  /** 0, 1 or NaN */
  readonly label: number;
  readonly score: number;
  /** by detector, 1 = threshold */
  readonly scores: Readonly<Record<string, number>>;
  /** with the value as the table has it, and the usual one (median, or most frequent text) */
  readonly features: readonly (FeatureShare & { readonly value: string; readonly usual: string })[];
}

export interface TableEvaluation {
  readonly overview: TableOverview;
  /** of the training table; undefined when the judged rows are those that were learnt */
  readonly trainOverview: TableOverview | undefined;
  readonly settings: {
    readonly series: boolean;
    readonly seed: number;
    readonly contamination: number;
    readonly normalOnly: boolean;
    readonly folds: number;
    readonly scaler: string;
    readonly ensemble: string;
  };
  /** members in the order they were asked for, then `ensemble` where there is more than one */
  readonly detectors: readonly DetectorEvaluation[];
  readonly top: readonly ExplainedRow[];
  readonly notes: readonly string[];
}

/** What a report needs beyond the result: the judged rows, as they are and as detectors see them, their scores, and the fitted detectors. */
export interface TableEvidence {
  readonly table: TableRows;
  readonly encoded: Rows;
  readonly scores: TableScores;
  readonly model: TableModel;
  /** the models behind the scores, where they are not those of `model`: rows judged by models that have not seen them */
  readonly unseen: FoldModels | undefined;
}

/** The rows of a table, and what was left out while they were read. */
export interface ReadTable {
  readonly table: TableRows;
  readonly skipped: ReturnType<Table['skipped']>;
}

export interface TableEvaluationInput {
  readonly judged: ReadTable;
  /** rows to learn; absent: those that are judged */
  readonly train?: ReadTable;
  readonly fit: TableFitOptions;
  /** rows to explain */
  readonly top: number;
}

const FEATURES_SHOWN = 4;
const DAY_MS = 86_400_000;

/** Throws when the training rows cannot be learnt. */
export function evaluateTable(input: TableEvaluationInput): { result: TableEvaluation; evidence: TableEvidence } {
  const { train, fit: options } = input;
  const { table } = input.judged;
  const fit = fitTable(prepareTable(train?.table ?? table, options));
  const { model } = fit;
  const overview = overviewOf(table, input.judged.skipped, model.encoder);
  const judged = train ? scoreOther(table, fit) : { encoded: fit.encoded, raw: fit.raw, seconds: undefined };
  const scores = calibrate(model, judged.raw);
  const seconds = judged.seconds ?? fit.costs.map(({ scoreSeconds }) => scoreSeconds);
  const { weights } = membership(model.ensemble, model.members);
  const days = overview.time ? (overview.time.to - overview.time.from) / DAY_MS : 0;
  const flagged = (all: Float64Array) => all.reduce((sum, score) => sum + (score >= 1 ? 1 : 0), 0);
  const qualityOf = (all: Float64Array) =>
    table.labels && tableQuality(table.labels, all, options.series, days * Math.max(1, table.entities.length));

  const detectors: DetectorEvaluation[] = model.members.map((member, m) => ({
    name: member.name,
    weight: model.members.length === 1 ? 1 : weights[m],
    options: member.options,
    threshold: member.threshold,
    flagged: flagged(scores.members[m]),
    fitSeconds: fit.costs[m].seconds,
    scoreSeconds: seconds[m],
    memoryBytes: fit.costs[m].memoryBytes,
    modelBytes: fit.costs[m].modelBytes,
    quality: qualityOf(scores.members[m]),
    progress: fit.costs[m].progress,
    advice: adviceFor(member.name),
  }));
  if (model.members.length > 1) {
    const of = (value: (d: DetectorEvaluation) => number) =>
      detectors.reduce((sum, d) => sum + (d.weight > 0 ? value(d) : 0), 0);
    detectors.push({
      name: 'ensemble',
      weight: 1,
      options: { method: model.ensemble.method },
      threshold: model.ensembleThreshold,
      flagged: flagged(scores.ensemble),
      fitSeconds: of((d) => d.fitSeconds),
      scoreSeconds: of((d) => d.scoreSeconds),
      memoryBytes: of((d) => d.memoryBytes),
      modelBytes: of((d) => d.modelBytes),
      quality: qualityOf(scores.ensemble),
      progress: undefined,
      advice: adviceFor('ensemble'),
    });
  }
  const evidence = { table, encoded: judged.encoded, scores, model, unseen: train ? undefined : fit.unseen };
  const result: TableEvaluation = {
    overview,
    trainOverview: train && overviewOf(train.table, train.skipped, model.encoder),
    settings: {
      series: options.series,
      seed: options.seed,
      contamination: options.contamination,
      normalOnly: options.normalOnly,
      folds: fit.folds,
      scaler: options.scaler,
      ensemble: options.ensemble.method,
    },
    detectors,
    top: explainTop(evidence, input.top),
    notes: fit.notes,
  };
  return { result, evidence };
}

function scoreOther(table: TableRows, { model }: TableFit) {
  const { order, encoder, members } = model;
  const encoded = tableRows(
    encode(encoder, columnsOfRows(table)),
    encodedWidth(encoder),
    table,
    order.series,
    order.intervalMs ?? NaN,
  );
  const seconds: number[] = [];
  const raw = members.map(({ detector, model: fitted }) => {
    const scores = new Float64Array(table.rows).fill(NaN);
    const started = performance.now();
    detector.score(fitted, encoded, scores);
    seconds.push((performance.now() - started) / 1000);
    return scores;
  });
  return { encoded, raw, seconds };
}

/** The rows with the highest scores, with what caused them. */
function explainTop({ table, encoded, scores, model }: TableEvidence, most: number): ExplainedRow[] {
  const { ensemble } = scores;
  const highest = [...ensemble.keys()]
    .filter((row) => ensemble[row] >= EXPLAIN_FROM)
    .sort((a, b) => ensemble[b] - ensemble[a] || a - b)
    .slice(0, most);
  if (highest.length === 0) return [];
  const wanted = new Uint8Array(table.rows);
  for (const row of highest) wanted[row] = 1;
  const explained = explainTable(model, encoded, scores, wanted);
  const place = new Map(highest.toSorted((a, b) => a - b).map((row, i) => [row, i]));
  const usual = table.features.map((_, f) => usualValue(table, f));
  return highest.map((row) => ({
    row: table.row[row],
    time: table.time?.[row],
    entity: table.entities[table.entity[row]],
    label: table.labels?.[row] ?? NaN,
    score: ensemble[row],
    scores: Object.fromEntries(model.members.map(({ name }, m) => [name, scores.members[m][row]])),
    features: topFeatures(model, explained, place.get(row)!, FEATURES_SHOWN).map((share) => {
      const f = table.features.findIndex(({ name }) => name === share.feature);
      return { ...share, value: valueText(table, row, f), usual: usual[f] };
    }),
  }));
}

function valueText({ features, values, categories }: TableRows, row: number, f: number): string {
  const value = values[row * features.length + f];
  if (value !== value) return '';
  return features[f].kind === 'category' ? categories[f][value] : String(value);
}

function usualValue({ features, values, categories, rows }: TableRows, f: number): string {
  const width = features.length;
  const sorted = Float64Array.from({ length: rows }, (_, row) => values[row * width + f])
    .filter((value) => value - value === 0)
    .sort();
  if (sorted.length === 0) return '';
  if (features[f].kind === 'number') return String(sorted[sorted.length >> 1]);
  let best = sorted[0];
  let longest = 0;
  for (let i = 0, start = 0; i <= sorted.length; i++) {
    if (i < sorted.length && sorted[i] === sorted[start]) continue;
    if (i - start > longest) [longest, best] = [i - start, sorted[start]];
    start = i;
  }
  return categories[f][best];
}
