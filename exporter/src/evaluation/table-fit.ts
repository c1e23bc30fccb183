/**
 * Fits detectors to the rows of a table. Thresholds come from scores of rows that the model behind them has not seen (cross-fitting): the rows are cut into
 * folds, each is scored by a model of all others. Folds are drawn at random where each row stands by itself, and are blocks of time in a series, because
 * there a row's neighbours give it away. The price is one more fit for each fold. `folds: 0` calibrates on the fitted rows, as the seed systems do: quicker, and too
 * low a threshold for detectors that remember their rows.
 */
import type { EnsembleOptions } from '../decision/options.ts';
import { createDetector, detectorTypes } from '../detectors/registry.ts';
import type { Detector, FitProgress, Model, Rows } from '../flow.ts';
import { seededRandom } from '../random.ts';
import { count, pick } from '../training/row-masks.ts';
import { TableError } from '../sources/csv/table-error.ts';
import { encode, encodedWidth, featureSpecs, withScaler, type Scaler, type TableEncoder } from './table-encoder.ts';
import { fitTableInputs } from './table-inputs.ts';
import { combineRows, type TableMember, type TableModel } from './table-model.ts';
import { listed } from './table-layout.ts';
import { columnsOfRows, type TableRows } from './table-rows.ts';
import { rowsPerDay, tableRows, usualInterval } from './table-series.ts';
import { contaminationThreshold, usualScore } from './table-threshold.ts';
import { fitTailSurprise } from './tail-surprise.ts';

export interface DetectorChoice {
  readonly name: string;
  readonly options: Readonly<Record<string, unknown>>;
}

export interface TableFitOptions {
  readonly detectors: readonly DetectorChoice[];
  readonly ensemble: EnsembleOptions;
  readonly series: boolean;
  readonly time: string | null;
  readonly entity: string | null;
  readonly scaler: Scaler;
  /** fit and calibrate on rows labelled normal only */
  readonly normalOnly: boolean;
  /** share of the calibration rows that the threshold lets through as anomalous */
  readonly contamination: number;
  /** 0 = calibrate on the fitted rows */
  readonly folds: number;
  readonly seed: number;
  /** `fit` counts the fits of this detector from 1, the one of all rows first */
  onProgress?(detector: string, progress: FitProgress & { readonly fit: number; readonly fits: number }): void;
}

/** What fitting one detector took. */
export interface FitCost {
  /** of the fit on all rows; the folds take about as long each */
  readonly seconds: number;
  /** to score all rows of the table once */
  readonly scoreSeconds: number;
  /** how much the process grew during that fit; an estimate, because memory is given back late */
  readonly memoryBytes: number;
  readonly modelBytes: number;
  readonly progress: FitProgress | undefined;
}

/** The models behind the scores of unseen rows. */
export interface FoldModels {
  /** of each row: the fold whose models have not seen it */
  readonly fold: Int32Array;
  /** by fold, parallel to the members of the table's model */
  readonly models: readonly (readonly Model[])[];
}

export interface TableFit {
  readonly model: TableModel;
  /** parallel to `model.members` */
  readonly costs: readonly FitCost[];
  /** raw scores by member and row, of models that have not seen the row (with 0 folds: that have) */
  readonly raw: readonly Float64Array[];
  /** 1 = fitted on this row */
  readonly fitted: Uint8Array;
  /** the rows as detectors see them */
  readonly encoded: Rows;
  readonly folds: number;
  /** undefined without folds */
  readonly unseen: FoldModels | undefined;
  /** what the caller should be told */
  readonly notes: readonly string[];
}

/** Without an order of rows, detectors look at single rows: options that say so, for those that have them. */
const HISTORY_FREE: Readonly<Record<string, unknown>> = { inputs: 'level', lags: [0], spans: [], harmonics: 0 };

/** The detector with the given options; where rows stand by themselves, it looks at levels unless told otherwise. */
export function tableDetector(
  { name, options }: DetectorChoice,
  series: boolean,
): DetectorChoice & { detector: Detector } {
  const type = detectorTypes.find((candidate) => candidate.name === name);
  const keys = type && 'shape' in type.options ? Object.keys(type.options.shape as object) : [];
  const single = Object.fromEntries(Object.entries(HISTORY_FREE).filter(([key]) => keys.includes(key)));
  const used = series ? options : { ...single, ...options };
  return { name, options: used, detector: createDetector(name, used) };
}

/** A table, ready to fit on. */
export interface PreparedTable {
  readonly table: TableRows;
  readonly options: TableFitOptions;
  readonly detectors: readonly (DetectorChoice & { readonly detector: Detector })[];
  readonly encoder: TableEncoder;
  /** all rows as detectors see them */
  readonly encoded: Rows;
  /** 1 = to be fitted on */
  readonly fitted: Uint8Array;
  /** ms; NaN = unknown */
  readonly intervalMs: number;
}

/** Throws a `TableError` when the table has nothing to learn from. */
export function prepareTable(table: TableRows, options: TableFitOptions): PreparedTable {
  const detectors = options.detectors.map((choice) => tableDetector(choice, options.series));
  const fitted = rowsToFit(table, options.normalOnly);
  requireRows(table, detectors, count(fitted), options.normalOnly);
  refuseConstant(table, fitted);
  const encoder = encoderOf(table, fitted, options.scaler);
  const intervalMs = usualInterval(table.time, table.entity);
  const data = encode(encoder, columnsOfRows(table));
  const encoded = tableRows(data, encodedWidth(encoder), table, options.series, intervalMs);
  return { table, options, detectors, encoder, encoded, fitted, intervalMs };
}

export function fitTable({ table, options, detectors, encoder, encoded, fitted, intervalMs }: PreparedTable): TableFit {
  const { series, contamination, seed } = options;
  const notes: string[] = [];
  const folds = usableFolds(options.folds, count(fitted), detectors, notes);
  const fold = foldsOf(table.rows, folds, series, seed);
  const foldModels: Model[][] = Array.from({ length: folds }, () => []);
  const raw: Float64Array[] = [];
  const costs: FitCost[] = [];
  const members: TableMember[] = detectors.map(({ name, options: used, detector }) => {
    const fits = 1 + folds;
    const fitOn = (chosen: Uint8Array, fit: number): { model: Model; cost: FitCost } => {
      let last: FitProgress | undefined;
      const before = process.memoryUsage().rss;
      let most = before;
      const look = () => {
        most = Math.max(most, process.memoryUsage().rss);
      };
      const started = performance.now();
      const model = detector.fit(pick(encoded, chosen), {
        seed,
        features: featureSpecs(encoder),
        rowsPerDay: rowsPerDay(intervalMs),
        onProgress(progress) {
          refuseNoNumber(name, progress);
          last = progress;
          look();
          options.onProgress?.(name, { ...progress, fit, fits });
        },
      });
      look();
      const seconds = (performance.now() - started) / 1000;
      options.onProgress?.(name, { share: 1, fit, fits });
      const cost = { seconds, scoreSeconds: 0, memoryBytes: most - before, modelBytes: 0, progress: last };
      return { model, cost };
    };

    const { model, cost } = fitOn(fitted, 1);
    const scoring = performance.now();
    const seen = score(detector, model, encoded);
    const scoreSeconds = (performance.now() - scoring) / 1000;
    costs.push({ ...cost, scoreSeconds, modelBytes: model.save().byteLength });
    const unseen = folds === 0 ? seen : new Float64Array(table.rows).fill(NaN);
    for (let f = 0; f < folds; f++) {
      const other = fitOn(
        fitted.map((used, row) => (fold[row] === f ? 0 : used)),
        f + 2,
      ).model;
      foldModels[f].push(other);
      detector.score(
        other,
        encoded,
        unseen,
        Uint8Array.from(fold, (own) => (own === f ? 1 : 0)),
      );
    }
    raw.push(unseen);
    const meanScore = usualScore(name, only(seen, fitted));
    const threshold = contaminationThreshold(only(unseen, fitted), contamination);
    if (!Number.isFinite(threshold) || !Number.isFinite(meanScore))
      throw new Error(
        `${name} gives scores that are no numbers (threshold ${threshold}); another seed, or other options, may help`,
      );
    return { name, options: used, detector, model, threshold, meanScore, tail: fitTailSurprise(only(unseen, fitted)) };
  });
  const order = {
    series,
    time: options.time,
    entity: options.entity,
    intervalMs: intervalMs === intervalMs ? intervalMs : null,
  };
  const ensembleThreshold =
    members.length === 1
      ? NaN
      : options.ensemble.method === 'vote'
        ? options.ensemble.votes
        : contaminationThreshold(
            only(combineRows({ members, ensemble: options.ensemble, order }, raw), fitted),
            contamination,
          );
  const model: TableModel = { order, encoder, members, ensemble: options.ensemble, ensembleThreshold, contamination };
  const behind = folds > 0 ? { fold, models: foldModels } : undefined;
  return { model, costs, raw, fitted, encoded, folds, unseen: behind, notes };
}

function encoderOf(table: TableRows, chosen: Uint8Array, scaler: Scaler): TableEncoder {
  const columns = columnsOfRows(table, chosen);
  const features = table.features.map(({ name, kind }) => ({ name, kind }));
  const inputs = fitTableInputs(columns, { treatments: table.treatments });
  return withScaler({ features, inputs, scaler: 'none', centre: [], scale: [] }, scaler, columns);
}

function rowsToFit({ file, rows, labels }: TableRows, normalOnly: boolean): Uint8Array {
  if (!normalOnly) return new Uint8Array(rows).fill(1);
  if (!labels) throw new TableError(file, 'has no labels, which --normal-only needs; name the column with --label');
  return Uint8Array.from(labels, (label) => (label === 0 ? 1 : 0));
}

function requireRows(
  { file, rows }: TableRows,
  detectors: readonly { name: string; detector: Detector }[],
  learnt: number,
  normalOnly: boolean,
): void {
  const hungry = detectors.filter(({ detector }) => detector.minimumRows > learnt);
  if (hungry.length === 0) return;
  const there = `${rows} ${rows === 1 ? 'row' : 'rows'}${normalOnly ? `, ${learnt} of them labelled normal` : ''}`;
  const needs = hungry.map(({ name, detector }) => `${name} ${detector.minimumRows}`).join(', ');
  throw new TableError(file, `has ${there}; too few to learn from: ${needs} at least`);
}

function refuseConstant({ file, features, values, rows }: TableRows, fitted: Uint8Array): void {
  const width = features.length;
  const varies = (f: number) => {
    let first = NaN;
    for (let row = 0; row < rows; row++) {
      const value = values[row * width + f];
      if (fitted[row] === 0 || value - value !== 0) continue;
      if (first !== first) first = value;
      else if (value !== first) return true;
    }
    return false;
  };
  if (features.some((_, f) => varies(f))) return;
  const names = listed(features.map(({ name }) => name));
  throw new TableError(file, `nothing varies in the rows to learn from (${names}): there is nothing to learn`);
}

/** As many folds as asked for, or none where a model of the other folds would have too few rows. */
function usableFolds(
  wanted: number,
  learnt: number,
  detectors: readonly { name: string; detector: Detector }[],
  notes: string[],
): number {
  if (wanted === 0) return 0;
  const left = Math.floor(learnt * (1 - 1 / wanted) * 0.9);
  const hungry = detectors.filter(({ detector }) => detector.minimumRows > left).map(({ name }) => name);
  if (hungry.length === 0) return wanted;
  notes.push(
    `${learnt} rows are too few to leave some out for the threshold (${hungry.join(', ')}): it comes from the rows that were learnt and is too low`,
  );
  return 0;
}

/** The fold of each row. */
function foldsOf(rows: number, folds: number, series: boolean, seed: number): Int32Array {
  const fold = new Int32Array(rows);
  for (let row = 0; row < rows; row++) fold[row] = Math.floor((row / rows) * folds);
  if (series || folds === 0) return fold;
  const random = seededRandom(seed, 2);
  for (let row = rows - 1; row > 0; row--) {
    const other = random.below(row + 1);
    [fold[row], fold[other]] = [fold[other], fold[row]];
  }
  return fold;
}

function score(detector: Detector, model: Model, rows: Rows): Float64Array {
  const scores = new Float64Array(rows.values.rows).fill(NaN);
  detector.score(model, rows, scores);
  return scores;
}

function only(scores: Float64Array, chosen: Uint8Array): Float64Array {
  return scores.filter((_, row) => chosen[row] === 1);
}

function refuseNoNumber(detector: string, { trainLoss = 0, validationLoss = 0, epoch }: FitProgress): void {
  if (Number.isFinite(trainLoss) && Number.isFinite(validationLoss)) return;
  throw new Error(
    `the loss of ${detector} is no number any more (training ${trainLoss}, validation ${validationLoss}, epoch ${epoch ?? '?'}); a lower learning rate or another seed may help`,
  );
}
