/**
 * The synthetic stream as the seed preset cuts it: a day without faults to learn from, quiet time after it that decides which epoch was best, and unseen
 * time after that twice, once as quiet and once with faults.
 */
import type { Rows } from '../flow.ts';
import { nodeGenerator } from '../sources/synthetic/generator.ts';
import { FAULT_KINDS, NODES, SYNTHETIC_SCHEMA, type FaultKind } from '../sources/synthetic/network.ts';

const NODE = 'core-01';
const INTERVAL_MS = 1000;
const DAY_ROWS = 86_400;
const ANOMALY_SHARE = 0.05;
/** A window is anomalous from this many labelled rows on. */
const LABELLED_ROWS = 10;
const VALIDATION_SHARE = 0.1;
const FEATURES = SYNTHETIC_SCHEMA.features.length;

/** Windows are named by their last row; all in time order. */
export interface SeedStream {
  /** without faults: the day, the validation time, and the test time */
  readonly quiet: Rows;
  /** the same rows with faults: only what they do to the test time is looked at */
  readonly faulty: Rows;
  /** rows that the training windows come from: the first of `quiet` */
  readonly learnt: number;
  readonly training: Int32Array<ArrayBuffer>;
  readonly validation: Int32Array<ArrayBuffer>;
  /** windows of the test time in `quiet` */
  readonly unseen: Int32Array<ArrayBuffer>;
  /** windows of the test time in `faulty` with at least 10 labelled rows, and the kind of fault in each */
  readonly anomalous: Int32Array<ArrayBuffer>;
  readonly kinds: readonly FaultKind[];
}

/**
 * `windows` training windows spread evenly over a day, so that every hour of the daily cycle is learnt; a ninth as many for validation and then
 * `testHours`, both at the same distance. No window shares a row with one of another part. Throws when a number cannot be.
 */
export function seedStream(seed: number, windows: number, window: number, testHours: number): SeedStream {
  if (!(Number.isInteger(windows) && windows >= 64 && windows <= DAY_ROWS)) {
    throw new Error(
      `${windows} training windows cannot be taken from a day; write a whole number from 64 to ${DAY_ROWS}`,
    );
  }
  if (!(testHours >= 1 && testHours <= 1000)) {
    throw new Error(`${testHours} hours of test cannot be; write a number from 1 to 1000`);
  }
  const stride = Math.floor(DAY_ROWS / windows);
  const validationWindows = Math.floor((windows * VALIDATION_SHARE) / (1 - VALIDATION_SHARE));
  const span = (count: number) => window + (count - 1) * stride;
  const learnt = span(windows);
  const testFrom = learnt + span(validationWindows);
  const rows = testFrom + Math.round((testHours * 3_600_000) / INTERVAL_MS);
  const ends = (from: number, to: number) =>
    Int32Array.from(
      { length: Math.floor((to - from - window) / stride) + 1 },
      (_, i) => from + window - 1 + i * stride,
    );

  const { rows: quiet } = generate(seed, rows, 0);
  const { rows: faulty, labels } = generate(seed, rows, ANOMALY_SHARE);
  const anomalous: number[] = [];
  const kinds: FaultKind[] = [];
  for (let end = testFrom + window - 1; end < rows; end++) {
    const inside = labels.subarray(end - window + 1, end + 1).filter((label) => label > 0);
    if (inside.length < LABELLED_ROWS) continue;
    anomalous.push(end);
    kinds.push(FAULT_KINDS[inside[inside.length - 1] - 1]);
  }
  if (anomalous.length === 0) {
    throw new Error(`no fault of seed ${seed} lasts ${LABELLED_ROWS} rows in ${testHours} hours of test; test longer`);
  }
  return {
    quiet,
    faulty,
    learnt,
    training: ends(0, learnt),
    validation: ends(learnt, testFrom),
    unseen: ends(testFrom, rows),
    anomalous: Int32Array.from(anomalous),
    kinds,
  };
}

/** `labels`: 0, or 1 + the place of the row's kind of fault. The normal course is the same whatever the share of faults. */
function generate(seed: number, count: number, share: number): { rows: Rows; labels: Uint8Array } {
  const node = NODES.findIndex(({ id }) => id === NODE);
  const generator = nodeGenerator(seed, node, INTERVAL_MS, share);
  const start = Date.UTC(2026, 0, 1);
  const data = new Float64Array(count * FEATURES);
  const time = new Float64Array(count);
  const labels = new Uint8Array(count);
  for (let row = 0; row < count; row++) {
    time[row] = start + row * INTERVAL_MS;
    const { values, fault } = generator.next(time[row]);
    data.set(values, row * FEATURES);
    labels[row] = fault ? 1 + FAULT_KINDS.indexOf(fault.kind) : 0;
  }
  return { rows: { values: { rows: count, columns: FEATURES, data }, time, segment: new Int32Array(count) }, labels };
}
