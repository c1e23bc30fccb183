import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { FeatureSpec } from '../../flow.ts';
import { hysteresisRules } from '../../incidents/hysteresis.ts';
import { seededRandom } from '../../random.ts';
import { readEntity, telemetrySets } from '../datasets/telemetry.ts';
import { policyQuality } from './policy-quality.ts';
import { decide, incidentsOf, prequential } from './prequential.ts';
import { prequentialScores } from './prequential-scores.ts';

const ROWS_PER_DAY = 96;
const STEP_MS = 86_400_000 / ROWS_PER_DAY;
const START = Date.UTC(2026, 0, 1);
const COLUMNS = 3;
const TRAIN = 10 * ROWS_PER_DAY;

const features: FeatureSpec[] = Array.from({ length: COLUMNS }, (_, j) => ({
  name: `m${j}`,
  unit: 'ratio',
  help: '',
  kind: 'gauge',
  direction: 'both',
  transform: 'none',
  minimumDeviation: 0,
}));

/** three metrics of one hidden load; ten train and `days` test days */
function machine(days: number, seed: number) {
  const random = seededRandom(seed);
  const rows = TRAIN + days * ROWS_PER_DAY;
  const data = new Float64Array(rows * COLUMNS);
  let load = 0;
  for (let row = 0; row < rows; row++) {
    load = 0.9 * load + random.normal();
    for (let j = 0; j < COLUMNS; j++) data[row * COLUMNS + j] = load * (j + 1) + 0.3 * random.normal();
  }
  const time = Float64Array.from({ length: rows }, (_, row) => START + row * STEP_MS);
  return {
    rows: { values: { rows, columns: COLUMNS, data }, time, segment: new Int32Array(rows) },
    trainRows: TRAIN,
    features,
    rowsPerDay: ROWS_PER_DAY,
  };
}

describe('prequential scores', () => {
  test('every row has one, and it does not depend on what comes after its day', () => {
    const one = machine(3, 1);
    const other = machine(3, 1);
    other.rows.values.data.fill(7, (TRAIN + ROWS_PER_DAY) * COLUMNS);
    const a = prequentialScores(one, 0);
    const b = prequentialScores(other, 0);
    expect(a.every((score) => score > 0)).toBe(true);
    expect(b.subarray(0, TRAIN + ROWS_PER_DAY)).toEqual(a.subarray(0, TRAIN + ROWS_PER_DAY));
    expect(b[TRAIN + ROWS_PER_DAY]).not.toBe(a[TRAIN + ROWS_PER_DAY]);
  });

  test('the models of a day were fitted before it: its last row has no effect on the others', () => {
    const one = machine(2, 5);
    const other = machine(2, 5);
    other.rows.values.data.fill(50, other.rows.values.data.length - COLUMNS);
    const [a, b] = [one, other].map((input) => prequentialScores(input, 0));
    expect(b.subarray(0, -1)).toEqual(a.subarray(0, -1));
    expect(b.at(-1)!).toBeGreaterThan(2 * a.at(-1)!);
  });

  test('no row is scored by a model that was fitted on it: a day that is like no other stands out though it is in the train part', () => {
    const { rows, ...rest } = machine(1, 2);
    for (let row = TRAIN - ROWS_PER_DAY; row < TRAIN; row++) rows.values.data[row * COLUMNS] *= -1;
    const scores = prequentialScores({ rows, ...rest }, 0);
    const mean = (from: number, to: number) => scores.subarray(from, to).reduce((sum, s) => sum + s, 0) / (to - from);
    expect(mean(TRAIN - ROWS_PER_DAY, TRAIN)).toBeGreaterThan(2.5 * mean(0, TRAIN - ROWS_PER_DAY));
  });

  test('progress runs to 1', () => {
    const shares: number[] = [];
    prequentialScores(machine(2, 3), 0, (share) => shares.push(share));
    expect(shares.at(-1)).toBe(1);
    expect(shares).toEqual(shares.toSorted((a, b) => a - b));
  });
});

describe('decisions', () => {
  test('a broken relation is an incident from its first row on, and its rows are flagged', () => {
    const input = machine(5, 4);
    const at = 2 * ROWS_PER_DAY;
    for (let row = at; row < at + 12; row++) input.rows.values.data[(TRAIN + row) * COLUMNS + 1] += 12;
    const { score, flags, incidents } = prequential(input, 0);
    expect(score.length).toBe(5 * ROWS_PER_DAY);
    expect(flags[at]).toBe(1);
    expect(incidents.some(({ start, end }) => start === at && end >= at + 11)).toBe(true);
    expect(flags.reduce((sum, flag) => sum + flag, 0)).toBeLessThan(60);
  });

  test('calibrated scores, flags and incidents are of the test rows alone', () => {
    const raw = Float64Array.from({ length: 400 }, (_, row) => (row === 350 ? NaN : 1 + (row % 7) / 10));
    const time = Float64Array.from(raw, (_, row) => row * STEP_MS);
    const { score, flags } = decide(raw, time, 300);
    expect([score.length, flags.length]).toEqual([100, 100]);
    expect(score[50]).toBeNaN();
    expect(flags[50]).toBe(0);
    score.forEach((value, row) => expect(flags[row]).toBe(value >= 1 ? 1 : 0));
  });

  test('an incident begins with the first row above the threshold and ends with its last hot row', () => {
    const score = new Float64Array(120);
    score.set([1.01, 0, 1.02, 1.5], 10);
    score.set([5], 70);
    const [first, second, ...more] = incidentsOf(score, hysteresisRules(STEP_MS));
    expect(first).toEqual({ start: 10, end: 13 });
    expect(second.start).toBe(70);
    expect(second.end).toBeLessThan(75);
    expect(more).toEqual([]);
  });
});

const DATA = resolve(process.env.NETPULSE_DATA ?? '../shared/data');
(existsSync(join(DATA, 'asd')) ? test : test.skip)(
  'on a real server without labels: every event is found, and one row in a hundred is a false alarm',
  () => {
    const set = telemetrySets(DATA).find(({ name }) => name === 'asd')!;
    const entity = readEntity(set, 'omi-4');
    const { thresholded, incidents } = policyQuality(entity, prequential(entity, 0));
    expect(thresholded.event_recall).toBe(1);
    expect(thresholded.false_alarm_rate).toBeLessThan(0.015);
    expect(thresholded.f1).toBeGreaterThan(0.5);
    expect(incidents.event_recall).toBe(1);
  },
  60_000,
);
