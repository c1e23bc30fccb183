/** Rows that the conformance suite judges detectors on: seeded ones with faults of several kinds, and real servers from labelled CSV files. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { FeatureSpec, Rows } from '../flow.ts';
import { seededRandom } from '../random.ts';

export const ROWS_PER_DAY = 1440;
const STEP_MS = 60_000;
const START = Date.UTC(2026, 0, 1);

/** Levels and deviations of a host's and a network's features, in their base units. */
const LEVELS = [0.45, 0.6, 0.02, 400, 5e8, 0.018];
export const DEVIATIONS = [0.1, 0.08, 0.005, 60, 8e7, 0.006];
export const FEATURES = LEVELS.length;

export interface LabelledRows {
  readonly rows: Rows;
  /** 1 = anomalous */
  readonly labels: Uint8Array;
}

export function specs(columns: number): FeatureSpec[] {
  return Array.from({ length: columns }, (_, c) => ({
    name: `feature_${c}_ratio`,
    unit: 'ratio',
    help: `Column ${c} of the conformance suite.`,
    kind: 'gauge',
    direction: 'both',
    transform: 'none',
    minimumDeviation: 0.1 * DEVIATIONS[c % FEATURES],
  }));
}

export function asRows(data: Float64Array, columns: number): Rows {
  const rows = data.length / columns;
  return {
    values: { rows, columns, data },
    time: Float64Array.from({ length: rows }, (_, r) => START + r * STEP_MS),
    segment: new Int32Array(rows),
  };
}

/** Six features as AR(1) (.9) with a common part and a daily cycle; `stream` gives other rows of the same system. */
export function normalRows(count: number, stream: number): Rows {
  const random = seededRandom(7, stream);
  const state = new Float64Array(FEATURES);
  const data = new Float64Array(count * FEATURES);
  for (let r = -100; r < count; r++) {
    const common = random.normal();
    for (let f = 0; f < FEATURES; f++) {
      const shock = (f % 2 === 0 ? 0.6 : -0.6) * common + 0.8 * random.normal();
      state[f] = 0.9 * state[f] + Math.sqrt(1 - 0.81) * shock;
      if (r < 0) continue;
      const day = 0.4 * Math.sin((2 * Math.PI * r) / ROWS_PER_DAY + f);
      data[r * FEATURES + f] = LEVELS[f] + DEVIATIONS[f] * (state[f] + day);
    }
  }
  return asRows(data, FEATURES);
}

type Fault = (row: number, length: number, value: number, deviation: number) => number;

/** What happens to the chosen features from the first to the last row of a fault. */
const FAULTS: readonly { readonly rows: number; readonly features: number; readonly move: Fault }[] = [
  { rows: 5, features: 1, move: (_row, _length, value, deviation) => value + 7 * deviation },
  { rows: 20, features: 1, move: (_row, _length, value, deviation) => value - 5 * deviation },
  { rows: 15, features: 2, move: (_row, _length, value, deviation) => value + 4 * deviation },
  { rows: 20, features: 1, move: (row, length, value, deviation) => value + 3 * deviation * (1 + row / length) },
  { rows: 15, features: 3, move: (row, _length, value, deviation) => value + (row % 2 === 0 ? 4 : -4) * deviation },
];

/** Normal rows with a fault every hundred rows. */
export function faultyRows(count: number, stream: number): LabelledRows {
  const rows = normalRows(count, stream);
  const labels = new Uint8Array(count);
  for (let i = 0, start = 60; start + 20 <= count; i++, start += 100) {
    const fault = FAULTS[i % FAULTS.length];
    for (let r = start; r < start + fault.rows; r++) {
      labels[r] = 1;
      for (let k = 0; k < fault.features; k++) {
        const f = (i + k) % FEATURES;
        const at = r * FEATURES + f;
        rows.values.data[at] = fault.move(r - start, fault.rows, rows.values.data[at], DEVIATIONS[f]);
      }
    }
  }
  return { rows, labels };
}

export function sliceRows(rows: Rows, from: number, to: number): Rows {
  const { columns, data } = rows.values;
  return {
    values: { rows: to - from, columns, data: data.slice(from * columns, to * columns) },
    time: rows.time.slice(from, to),
    segment: rows.segment.slice(from, to),
  };
}

export function copyRows(rows: Rows): Rows {
  return sliceRows(rows, 0, rows.values.rows);
}

/** Column c of the result is column `order[c]` of the rows; -1 gives a column of `filling`. */
export function pickColumns(rows: Rows, order: readonly number[], filling = NaN): Rows {
  const { rows: count, columns, data } = rows.values;
  const picked = new Float64Array(count * order.length);
  for (let r = 0; r < count; r++) {
    order.forEach((c, i) => (picked[r * order.length + i] = c < 0 ? filling : data[r * columns + c]));
  }
  return { values: { rows: count, columns: order.length, data: picked }, time: rows.time, segment: rows.segment };
}

/** The servers in the folder `asd` of the data folder, as `<name>.train.csv.gz` and `<name>.test.csv.gz`; empty without the folder. */
export function realServers(folder: string): string[] {
  const asd = join(folder, 'asd');
  if (!existsSync(asd)) return [];
  const names = readdirSync(asd).flatMap((file) => /^(.+)\.train\.csv\.gz$/.exec(file)?.[1] ?? []);
  return names.sort().map((name) => join(asd, name));
}

export function readCsv(path: string): LabelledRows {
  const [header, ...lines] = gunzipSync(readFileSync(path)).toString('utf8').trimEnd().split('\n');
  const names = header.split(',');
  const columns = names.at(-1) === 'label' ? names.length - 1 : names.length;
  const data = new Float64Array(lines.length * columns);
  const labels = new Uint8Array(lines.length);
  lines.forEach((line, r) => {
    const cells = line.split(',');
    for (let c = 0; c < columns; c++) data[r * columns + c] = cells[c] === '' ? NaN : Number(cells[c]);
    labels[r] = Number(cells[columns] ?? 0);
  });
  return { rows: asRows(data, columns), labels };
}

/** Area under the ROC curve: the chance that an anomalous row scores above a normal one, ties count half. */
export function rocAuc(scores: Float64Array, labels: Uint8Array): number {
  const order = [...scores.keys()].sort((a, b) => scores[a] - scores[b]);
  let ranks = 0;
  let positives = 0;
  for (let from = 0; from < order.length;) {
    let to = from;
    while (to < order.length && scores[order[to]] === scores[order[from]]) to++;
    for (let i = from; i < to; i++) {
      if (labels[order[i]] === 0) continue;
      positives++;
      ranks += (from + to + 1) / 2;
    }
    from = to;
  }
  return (ranks - (positives * (positives + 1)) / 2) / (positives * (order.length - positives));
}
