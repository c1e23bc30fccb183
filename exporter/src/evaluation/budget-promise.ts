/**
 * Whether the false-alarm budget is kept: on data without any anomaly, incidents that opened / incidents that the budget promised. The nodes of the synthetic
 * network without faults, a sample a second, each for itself through the product's daily refits, calibration and hysteresis.
 */
import { nodeGenerator } from '../sources/synthetic/generator.ts';
import { NODES, SYNTHETIC_SCHEMA } from '../sources/synthetic/network.ts';
import type { Segment } from './quality-metrics-segments.ts';
import { prequential } from './benchmark/prequential.ts';

const INTERVAL_MS = 1000;
const ROWS_PER_DAY = 86_400;
const START = Date.UTC(2026, 0, 1);

export interface PromiseKept {
  /** days that were counted */
  readonly days: number;
  /** incidents that the budget allows in them */
  readonly promised: number;
  readonly observed: number;
}

/** The nodes of the synthetic network. */
export const SYNTHETIC_NODES = NODES.length;

/** One node for a day of learning, `settleDays` that do not count, and `days` that do. The default budget. */
export function cleanNode(seed: number, node: number, settleDays: number, days: number): PromiseKept {
  const columns = SYNTHETIC_SCHEMA.features.length;
  const total = (1 + settleDays + days) * ROWS_PER_DAY;
  const generator = nodeGenerator(seed, node, INTERVAL_MS, 0);
  const data = new Float64Array(total * columns);
  const time = Float64Array.from({ length: total }, (_, row) => START + row * INTERVAL_MS);
  for (let row = 0; row < total; row++) data.set(generator.next(time[row]).values, row * columns);
  const { incidents } = prequential(
    {
      rows: { values: { rows: total, columns, data }, time, segment: new Int32Array(total) },
      trainRows: ROWS_PER_DAY,
      features: SYNTHETIC_SCHEMA.features,
      rowsPerDay: ROWS_PER_DAY,
    },
    seed,
  );
  return promiseKept(incidents, settleDays * ROWS_PER_DAY, (settleDays + days) * ROWS_PER_DAY, ROWS_PER_DAY, []);
}

/**
 * Incidents that begin in the rows from .. to (exclusive) away from labelled events, against what the budget of one a day allows in the rows that are left. `margin`
 * rows around an event belong to it: its beginning and what it leaves behind.
 */
export function promiseKept(
  incidents: readonly Segment[],
  from: number,
  to: number,
  rowsPerDay: number,
  events: readonly Segment[],
  margin = 0,
): PromiseKept {
  const dirty = new Uint8Array(to);
  for (const { start, end } of events) dirty.fill(1, Math.max(0, start - margin), Math.min(to, end + margin + 1));
  let clean = 0;
  for (let row = from; row < to; row++) clean += 1 - dirty[row];
  const observed = incidents.filter(({ start, end }) => {
    if (start < from || start >= to) return false;
    for (let row = start; row <= Math.min(end, to - 1); row++) if (dirty[row] === 1) return false;
    return true;
  }).length;
  const days = clean / rowsPerDay;
  return { days, promised: days, observed };
}
