/**
 * The data that passes between rooms, and the interfaces of the rooms that have more than one implementation.
 *
 * Everything is columnar: one typed array for many rows, no object per value. Times are ms since the epoch (event time, Float64).
 * A missing value is NaN, never 0. A higher score is more anomalous, always.
 *
 * Three things are never mixed: a *model* (fitted, immutable, versioned, may serve many entities), *state* (windows and baseline
 * statistics of one entity) and *calibration* (thresholds of one monitor, entity and detector).
 */
import type { Clock } from './clock.ts';
import type { Contribution, Incident, IncidentDetail, Kind } from './wire/incident.ts';
import type { TopologyEdge, TopologyNode } from './wire/topology.ts';

/** Base units, as in metric names. `ratio` runs 0..1. */
export type Unit =
  | 'ratio'
  | 'seconds'
  | 'bytes'
  | 'bytes_per_second'
  | 'bits_per_second'
  | 'packets_per_second'
  | 'per_second'
  | 'count';

export type Direction = 'up' | 'down' | 'both';

/** A named, unit-carrying input. */
export interface FeatureSpec {
  /** snake_case, ends in its unit: `cpu_usage_ratio`, `receive_bytes_per_second` */
  readonly name: string;
  readonly unit: Unit;
  readonly help: string;
  /** `gauge`: the value itself. `counter`: a running total; the features room makes it a rate per second (resets and wraps handled). */
  readonly kind: 'gauge' | 'counter';
  /** counter only: another counter of the same schema to divide by (seconds per operation) instead of seconds; no operations = NaN */
  readonly per?: string;
  /** with `per`: fewer operations than this between two samples say nothing, NaN; default 1 */
  readonly fewest?: number;
  /** which side of normal is bad */
  readonly direction: Direction;
  /** models see log1p(value) for counts and bytes that span decades */
  readonly transform: 'none' | 'log1p';
  /** deviations smaller than this (same unit as the value, before the transform) are never an anomaly; >= 0 */
  readonly minimumDeviation: number;
  /** the value cannot lie outside (expected bands are clipped to it) */
  readonly range?: readonly [number, number];
  /** crossing these needs no learning: opens kind `limit` */
  readonly limits?: { readonly min?: number; readonly max?: number };
  /** the step's row also carries its maximum (short bursts matter) */
  readonly peak?: boolean;
}

/** The features of one kind of entity. `name` is that kind: `host`, `interface`, `disk`, `filesystem`, `target`, `node`. */
export interface Schema {
  readonly name: string;
  readonly features: readonly FeatureSpec[];
}

/** What is watched. `id` is stable over restarts and unique inside its monitor; `host` joins entities of one machine. */
export interface Entity {
  readonly id: string;
  readonly kind: string;
  readonly host: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** Row-major rows x columns. `data.length >= rows * columns`; row r, column c is `data[r * columns + c]`. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly data: Float64Array;
}

/** Samples of many entities of one schema. `entity[i]` indexes `Source.entities`; `values` is rows x features, row-major. */
export interface Batch {
  readonly schema: Schema;
  readonly entity: Int32Array;
  readonly time: Float64Array;
  readonly values: Float64Array;
}

/**
 * Where samples come from, polled or listening. `batches` is called once after construction and once more after each failure
 * (the runner restarts it with back-off); it ends when `signal` aborts and must release everything it holds then.
 * `entities` only grows: an index stays valid for the life of the source. Arrays of a batch belong to the consumer until it asks for the next.
 */
export interface Source {
  readonly name: string;
  readonly schemas: readonly Schema[];
  readonly entities: readonly Entity[];
  batches(signal: AbortSignal, clock: Clock): AsyncIterable<Batch>;
  /** nodes and links this source knows of; scores are filled in by the topology room */
  topology?(): { nodes: Omit<TopologyNode, 'score' | 'status'>[]; edges: TopologyEdge[] };
  /** facts about the machine for people to read */
  inventory?(): Promise<Record<string, string | number>>;
}

/** Consecutive rows of one entity or many. A new number in `segment` starts a new segment: after a gap, or another entity. */
export interface Rows {
  readonly values: Matrix;
  readonly time: Float64Array;
  readonly segment: Int32Array;
}

/** How far a fit is. `share` 0..1; losses are in the detector's own units. */
export interface FitProgress {
  readonly share: number;
  readonly epoch?: number;
  readonly epochs?: number;
  readonly trainLoss?: number;
  readonly validationLoss?: number;
}

export interface FitOptions {
  readonly seed: number;
  readonly features: readonly FeatureSpec[];
  /** rows a day of the data, for seasons; 0 = unknown */
  readonly rowsPerDay: number;
  /** told now and then by detectors that take long to fit */
  onProgress?(progress: FitProgress): void;
}

/** A fitted detector: immutable. `save` gives a buffer that `load` of the same detector restores to the same scores, bit for bit. */
export interface Model {
  readonly features: number;
  /** rows it was fitted on */
  readonly rows: number;
  save(): ArrayBuffer;
}

/**
 * An algorithm: functions over an immutable model. `fit` is seeded and forgets nothing because it has nothing. `score` writes one raw score a row into `out`
 * (length = rows), reads only, and needs `history` rows of the same segment before a row for its full quality (fewer are allowed).
 * A missing value counts as unremarkable; a row without any value scores NaN. `fit` throws on no rows; `load` throws on a foreign or damaged buffer.
 */
export interface Detector<M extends Model = Model> {
  readonly name: string;
  readonly history: number;
  /** fewest rows `fit` gives a useful model from */
  readonly minimumRows: number;
  fit(rows: Rows, options: FitOptions): M;
  /** `wanted` (one number a row) marks the rows to score: where it is 0 the row is context only, and its place in `out` is left alone. */
  score(model: M, rows: Rows, out: Float64Array, wanted?: Uint8Array): void;
  /** what it thought the values would be, with a band; same shape as the rows' values. Rows that are not `wanted` may be left alone. */
  expected?(model: M, rows: Rows, out: Matrix, lower?: Matrix, upper?: Matrix, wanted?: Uint8Array): void;
  /** shares of the score by feature, >= 0; each row of `out` adds up to 1, or is all 0 where nothing deviates */
  contributions?(model: M, rows: Rows, out: Matrix): void;
  load(state: ArrayBuffer): M;
}

/** One detector's columns of a verdict; rows run parallel to `Verdicts.entity`. NaN = no score (not warm, left out, no data). */
export interface DetectorScores {
  readonly name: string;
  /** calibrated, 1 = threshold */
  readonly score: Float64Array;
  readonly raw: Float64Array;
  readonly threshold: Float64Array;
  /** 0..1; 1 = trusted to open incidents */
  readonly warmup: Float64Array;
}

/** What one detector thought an entity's newest values would be, by feature in natural units; NaN where it has no opinion. */
export interface Expectation {
  readonly detector: string;
  readonly value: Float64Array;
  readonly lower: Float64Array;
  readonly upper: Float64Array;
}

/**
 * One entity at one time, columnar for many. The arrays are valid during `Sink.write` only: a sink copies what it keeps.
 * `severity` 0 none, 1 low, 2 medium, 3 high. Rows of `contributions` add up to 1, or are all NaN below score 0.5.
 */
export interface Verdicts {
  readonly monitor: string;
  /** ms between an entity's rows */
  readonly intervalMs: number;
  readonly schema: Schema;
  readonly entities: readonly Entity[];
  readonly rows: number;
  readonly entity: Int32Array;
  readonly time: Float64Array;
  /** NaN until the first score */
  readonly score: Float64Array;
  /** EWMA(5) of the score: for severity and display */
  readonly smoothed: Float64Array;
  readonly confidence: Float64Array;
  readonly severity: Uint8Array;
  readonly values: Matrix;
  readonly expected: Matrix;
  readonly lower: Matrix;
  readonly upper: Matrix;
  readonly contributions: Matrix;
  /** share of the false-alarm budget that is spent, 1 = all of it; NaN without a budget */
  readonly budgetUsed: Float64Array;
  /** every detector, then `ensemble` last where there is one */
  readonly detectors: readonly DetectorScores[];
}

/** What happened to incidents because of these verdicts, in order. `frames` are only complete on `closed`. */
export interface IncidentEvent {
  readonly type: 'opened' | 'updated' | 'closed';
  readonly incident: IncidentDetail;
}

/** Where verdicts go. `write` never blocks and never throws for a full disk or a slow client: it drops and counts. */
export interface Sink {
  readonly name: string;
  start(): Promise<void>;
  write(verdicts: Verdicts, incidents: readonly IncidentEvent[]): void;
  stop(): Promise<void>;
}

/** Leveled log; `fields` are flat. */
export interface Log {
  debug(message: string, fields?: Record<string, unknown>): void;
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
}

/** Counters a room may raise without knowing who exposes them; names without the `netpulse_` prefix. `observe.ts` holds help and labels. */
export type CounterName =
  | 'source_errors_total'
  | 'source_skipped_ticks_total'
  | 'source_restarts_total'
  | 'samples_late_total'
  | 'clock_jumps_total'
  | 'series_limit_hits_total'
  | 'sink_dropped_total'
  | 'store_errors_total'
  | 'state_refused_total'
  | 'training_failures_total'
  | 'web_requests_refused_total';

/** How rooms report on themselves. Labels must match the counter's declaration in `observe.ts`. */
export interface Observer {
  readonly log: Log;
  count(name: CounterName, labels: Record<string, string>, by?: number): void;
}

export type { Contribution, Incident, IncidentDetail, Kind };
