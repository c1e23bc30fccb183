/**
 * `netpulse.json` beside a TensorFlow.js model: what the format has no place for. Names of features and how to make inputs of them, what errors are measured
 * against, and what the manifest says. JSON has no infinity: it is null.
 */
import { z } from 'zod';
import { MANIFEST_FORMAT, type ModelManifest } from '../model-manifest.ts';

const FORMAT = 'netpulse-scaler';

const finite = z.number();
const positive = z.number().gt(0);

const shared = {
  format: z.literal(FORMAT, {
    error: `is not "${FORMAT}": this is not the file that "netpulse model export" writes beside model.json`,
  }),
  version: z.literal(1, { error: 'is of a version that this netpulse does not read; it reads version 1' }),
  monitor: z.string().min(1),
  group: z.string().min(1),
  /** in column order; a feature with the transform log1p enters as log(1 + value) */
  features: z
    .array(z.object({ name: z.string().min(1), unit: z.string(), transform: z.enum(['none', 'log1p']) }))
    .min(1),
  /** input = (value - mean) / deviation */
  mean: z.array(finite),
  deviation: z.array(z.number().min(0)),
  /** mean raw score of normal rows, and the 99th percentile of rows that it was not fitted on */
  mean_score: positive,
  usual_score: finite.nullable().default(null),
  rows: z.int().min(0).default(0),
  trained_at: z.iso.datetime(),
  seed: z.int().default(0),
  history_rows: z.int().min(0).default(0),
  options: z.record(z.string(), z.unknown()).default({}),
  notes: z.record(z.string(), z.union([z.number(), z.string()])).default({}),
};

const scalerFile = z.discriminatedUnion('detector', [
  z.object({
    ...shared,
    detector: z.literal('autoencoder'),
    inputs: z.enum(['level', 'level+change']),
    error: z.enum(['normalised', 'raw']),
    /** mean squared error of each input column in training, and the most an error may count, in those */
    train_error: z.array(z.number().min(0)),
    limit: z.array(z.number().min(0).nullable()),
  }),
  z.object({
    ...shared,
    detector: z.literal('lstm-autoencoder'),
    /** mean squared error of each feature in training: of the newest row of a window, and over all of its rows */
    last_error: z.array(positive),
    mean_error: z.array(positive),
  }),
]);
export type Scaler = z.infer<typeof scalerFile>;

/** Throws with every problem. */
export function parseScaler(content: unknown): Scaler {
  const parsed = scalerFile.safeParse(content);
  if (!parsed.success) throw new Error(`netpulse.json: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

/** What every scaler file says. */
export function sharedPart(
  manifest: ModelManifest,
): Omit<
  Scaler,
  'detector' | 'mean' | 'deviation' | 'inputs' | 'error' | 'train_error' | 'limit' | 'last_error' | 'mean_error'
> {
  const { monitor, group, features, meanScore, usualScore, rows, trainedAt, seed, historyRows, options, notes } =
    manifest;
  return {
    format: FORMAT,
    version: 1,
    monitor,
    group,
    features: features.map(({ name, unit, transform = 'none' }) => ({ name, unit, transform })),
    mean_score: meanScore,
    usual_score: usualScore,
    rows,
    trained_at: new Date(trainedAt).toISOString(),
    seed,
    history_rows: historyRows,
    options: { ...options },
    notes: { ...notes },
  };
}

/** The manifest of a model that was made from such a file; `version` is given by the store. */
export function manifestOf(scaler: Scaler, sha256: string, bytes: number): ModelManifest {
  return {
    formatVersion: MANIFEST_FORMAT,
    version: 'v0',
    monitor: scaler.monitor,
    group: scaler.group,
    detector: scaler.detector,
    sha256,
    bytes,
    features: scaler.features,
    rows: scaler.rows,
    trainedAt: Date.parse(scaler.trained_at),
    seed: scaler.seed,
    options: scaler.options,
    meanScore: scaler.mean_score,
    usualScore: scaler.usual_score,
    historyRows: scaler.history_rows,
    notes: scaler.notes,
  };
}
