/**
 * The last verdict of every entity of one monitor and schema, in columns: row `slot` of each array is one entity. A slot belongs to an entity id,
 * not to an index of the source: a source that starts again may number its entities anew, and their counters must go on.
 */
import type { DetectorScores, Entity, Matrix, Schema, Verdicts } from '../flow.ts';
import { blockExtension, labelBlock } from './family.ts';

/** Trailing maximum: buckets of 5 s; 13 of them reach back 60 to 65 s. */
const BUCKET_MS = 5_000;
const BUCKETS = 13;
/** ms after which a sample counts 1/e in the health ratio */
const HEALTH_TIME_CONSTANT_MS = 300_000;
/** The threshold of every calibrated score. */
const THRESHOLD = 1;

export const FEATURE_MATRICES = ['value', 'expected', 'lower', 'upper', 'contribution'] as const;
export type FeatureMatrix = (typeof FEATURE_MATRICES)[number];

interface DetectorColumns {
  /** turns an entity's block into one with the detector's name */
  readonly extension: string;
  score: Float64Array;
  raw: Float64Array;
  threshold: Float64Array;
}

export interface Board {
  readonly monitor: string;
  readonly schema: Schema;
  /** entities in use; every column is at least that long */
  size: number;
  readonly entities: Entity[];
  /** rendered `{monitor="...",entity="..."}` */
  readonly blocks: string[];
  readonly infoBlocks: string[];
  /** by feature: turns an entity's block into one with the feature's name */
  readonly featureExtensions: readonly string[];
  readonly slots: Map<string, number>;
  /** index in the source's list -> slot, -1 = not met yet; `mappedIds` tells when the source numbers anew */
  mapping: Int32Array;
  readonly mappedIds: (string | undefined)[];
  columns: Columns;
  readonly detectors: Map<string, DetectorColumns>;
  readonly matrices: Record<FeatureMatrix, Float64Array>;
}

interface Columns {
  /** monotonic ms at which the last sample arrived */
  arrival: Float64Array;
  /** event time of the last sample */
  time: Float64Array;
  score: Float64Array;
  smoothed: Float64Array;
  confidence: Float64Array;
  severity: Float64Array;
  budgetUsed: Float64Array;
  samples: Float64Array;
  anomalous: Float64Array;
  health: Float64Array;
  /** event time of the last sample with a score, and how many had one */
  healthTime: Float64Array;
  scored: Float64Array;
  /** slot x BUCKETS: highest score of a bucket, and which bucket since the epoch that was */
  bucketMax: Float64Array;
  bucketEpoch: Float64Array;
}

export function createBoard(monitor: string, schema: Schema): Board {
  return {
    monitor,
    schema,
    size: 0,
    entities: [],
    blocks: [],
    infoBlocks: [],
    featureExtensions: schema.features.map(({ name }) => blockExtension('feature', name)),
    slots: new Map(),
    mapping: new Int32Array(0),
    mappedIds: [],
    columns: emptyColumns(0),
    detectors: new Map(),
    matrices: {
      value: new Float64Array(0),
      expected: new Float64Array(0),
      lower: new Float64Array(0),
      upper: new Float64Array(0),
      contribution: new Float64Array(0),
    },
  };
}

/**
 * Copies one write. A row without any value and without a score is no sample: its entity stays as silent as if the row were absent.
 */
export function writeBoard(board: Board, verdicts: Verdicts, arrival: number): void {
  const { rows, entity } = verdicts;
  const width = board.schema.features.length;
  for (let first = 0; first < rows;) {
    if (isEmptyRow(verdicts, first, width)) {
      first += 1;
      continue;
    }
    const slot = slotOf(board, verdicts.entities, entity[first]);
    // rows that go to neighbouring slots are copied at once; in a fleet that is usually all of them
    let length = 1;
    while (
      first + length < rows &&
      !isEmptyRow(verdicts, first + length, width) &&
      slotOf(board, verdicts.entities, entity[first + length]) === slot + length
    ) {
      length += 1;
    }
    copyRun(board, verdicts, first, slot, length);
    updateRun(board, verdicts, first, slot, length, arrival);
    first += length;
  }
}

/** Highest score of the last 60 s of samples; NaN without one. */
export function scoreMax(board: Board, slot: number): number {
  const { bucketMax, bucketEpoch, time } = board.columns;
  const current = Math.floor(time[slot] / BUCKET_MS);
  let max = NaN;
  for (let i = slot * BUCKETS; i < (slot + 1) * BUCKETS; i++) {
    // epochs after the current one are left from before the clock stepped back
    if (bucketEpoch[i] > current - BUCKETS && bucketEpoch[i] <= current && !(max >= bucketMax[i])) max = bucketMax[i];
  }
  return max;
}

function isEmptyRow(verdicts: Verdicts, row: number, width: number): boolean {
  if (verdicts.score[row] === verdicts.score[row]) return false;
  const { data, columns } = verdicts.values;
  for (let f = 0; f < width; f++) if (data[row * columns + f] === data[row * columns + f]) return false;
  return true;
}

function slotOf(board: Board, entities: readonly Entity[], index: number): number {
  const { id } = entities[index];
  if (board.mappedIds[index] === id) return board.mapping[index];
  const slot = board.slots.get(id) ?? addSlot(board, id);
  describe(board, slot, entities[index]);
  if (index >= board.mapping.length) {
    const grown = new Int32Array(Math.max(index + 1, 2 * board.mapping.length)).fill(-1);
    grown.set(board.mapping);
    board.mapping = grown;
  }
  board.mapping[index] = slot;
  board.mappedIds[index] = id;
  return slot;
}

function addSlot(board: Board, id: string): number {
  const slot = board.size;
  if (slot === board.columns.time.length) grow(board, Math.max(8, 2 * slot));
  board.size += 1;
  board.slots.set(id, slot);
  board.blocks.push(labelBlock(['monitor', 'entity'], [board.monitor, id]));
  return slot;
}

function describe(board: Board, slot: number, entity: Entity): void {
  board.entities[slot] = entity;
  board.infoBlocks[slot] = labelBlock(
    ['monitor', 'entity', 'kind', 'host'],
    [board.monitor, entity.id, entity.kind, entity.host],
  );
}

function grow(board: Board, capacity: number): void {
  const grown = emptyColumns(capacity);
  for (const name of Object.keys(grown) as (keyof Columns)[]) grown[name].set(board.columns[name]);
  board.columns = grown;
  for (const columns of board.detectors.values()) {
    columns.score = longer(columns.score, capacity);
    columns.raw = longer(columns.raw, capacity);
    columns.threshold = longer(columns.threshold, capacity);
  }
  const cells = capacity * board.schema.features.length;
  for (const name of FEATURE_MATRICES) board.matrices[name] = longer(board.matrices[name], cells);
}

function emptyColumns(capacity: number): Columns {
  const missing = () => new Float64Array(capacity).fill(NaN);
  return {
    arrival: new Float64Array(capacity).fill(-Infinity),
    time: missing(),
    score: missing(),
    smoothed: missing(),
    confidence: missing(),
    severity: new Float64Array(capacity),
    budgetUsed: missing(),
    samples: new Float64Array(capacity),
    anomalous: new Float64Array(capacity),
    health: missing(),
    healthTime: missing(),
    scored: new Float64Array(capacity),
    bucketMax: new Float64Array(capacity * BUCKETS),
    bucketEpoch: new Float64Array(capacity * BUCKETS).fill(-Infinity),
  };
}

function longer(array: Float64Array, length: number): Float64Array {
  const grown = new Float64Array(length).fill(NaN);
  grown.set(array);
  return grown;
}

function copyRun(board: Board, verdicts: Verdicts, first: number, slot: number, length: number): void {
  const { columns } = board;
  copyColumn(columns.time, verdicts.time, first, slot, length);
  copyColumn(columns.score, verdicts.score, first, slot, length);
  copyColumn(columns.smoothed, verdicts.smoothed, first, slot, length);
  copyColumn(columns.confidence, verdicts.confidence, first, slot, length);
  copyColumn(columns.budgetUsed, verdicts.budgetUsed, first, slot, length);
  columns.severity.set(verdicts.severity.subarray(first, first + length), slot);

  // a detector that is not in this verdict has no score now; its last one must not stay
  for (const [name, kept] of board.detectors) {
    if (verdicts.detectors.some((detector) => detector.name === name)) continue;
    kept.score.fill(NaN, slot, slot + length);
    kept.raw.fill(NaN, slot, slot + length);
    kept.threshold.fill(NaN, slot, slot + length);
  }
  for (const detector of verdicts.detectors) {
    const kept = detectorColumns(board, detector);
    copyColumn(kept.score, detector.score, first, slot, length);
    copyColumn(kept.raw, detector.raw, first, slot, length);
    copyColumn(kept.threshold, detector.threshold, first, slot, length);
  }

  const { matrices } = board;
  const width = board.schema.features.length;
  copyMatrix(matrices.value, verdicts.values, first, slot, length, width);
  copyMatrix(matrices.expected, verdicts.expected, first, slot, length, width);
  copyMatrix(matrices.lower, verdicts.lower, first, slot, length, width);
  copyMatrix(matrices.upper, verdicts.upper, first, slot, length, width);
  copyMatrix(matrices.contribution, verdicts.contributions, first, slot, length, width);
}

function copyColumn(to: Float64Array, from: Float64Array, first: number, slot: number, length: number): void {
  to.set(from.subarray(first, first + length), slot);
}

function copyMatrix(to: Float64Array, from: Matrix, first: number, slot: number, length: number, width: number): void {
  to.set(from.data.subarray(first * width, (first + length) * width), slot * width);
}

function detectorColumns(board: Board, detector: DetectorScores): DetectorColumns {
  let columns = board.detectors.get(detector.name);
  if (!columns) {
    const missing = () => new Float64Array(board.columns.time.length).fill(NaN);
    columns = {
      extension: blockExtension('detector', detector.name),
      score: missing(),
      raw: missing(),
      threshold: missing(),
    };
    board.detectors.set(detector.name, columns);
  }
  return columns;
}

function updateRun(
  board: Board,
  verdicts: Verdicts,
  first: number,
  slot: number,
  length: number,
  arrival: number,
): void {
  const { columns } = board;
  const { samples, anomalous, health, scored, bucketMax, bucketEpoch, healthTime } = columns;
  let elapsed = NaN;
  let decay = 0;
  for (let i = 0; i < length; i++) {
    const at = slot + i;
    const score = verdicts.score[first + i];
    const time = verdicts.time[first + i];
    columns.arrival[at] = arrival;
    samples[at] += 1;
    if (score !== score) continue;

    if (score >= THRESHOLD) anomalous[at] += 1;
    scored[at] += 1;
    const since = time - healthTime[at];
    if (since !== elapsed) {
      elapsed = since;
      decay = since > 0 ? 1 - Math.exp(-since / HEALTH_TIME_CONSTANT_MS) : 0;
    }
    // the plain mean of the first samples, until the average has a past of its own
    const weight = Math.max(decay, 1 / scored[at]);
    const healthy = score < THRESHOLD ? 1 : 0;
    health[at] = scored[at] === 1 ? healthy : health[at] + weight * (healthy - health[at]);
    healthTime[at] = time;

    const epoch = Math.floor(time / BUCKET_MS);
    const bucket = at * BUCKETS + (((epoch % BUCKETS) + BUCKETS) % BUCKETS);
    if (bucketEpoch[bucket] === epoch) {
      if (score > bucketMax[bucket]) bucketMax[bucket] = score;
    } else {
      bucketEpoch[bucket] = epoch;
      bucketMax[bucket] = score;
    }
  }
}
