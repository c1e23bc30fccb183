import { hysteresisRules } from '../incidents/hysteresis.ts';
import { seededRandom } from '../random.ts';
import { createCalibration } from './calibration.ts';
import type { ThresholdOptions } from './options.ts';

const MINUTE = 60_000;
const RULES = hysteresisRules(MINUTE);
const ROWS = 1440;
const BUDGET: ThresholdOptions = { method: 'budget', incidentsPerDay: 1 };
const LOOSE: ThresholdOptions = { method: 'budget', incidentsPerDay: 1000 };

function noise(rows: number, seed: number): Float64Array {
  const random = seededRandom(seed);
  return Float64Array.from({ length: rows }, () => Math.exp(0.3 * random.normal()));
}

function thresholds(scores: Float64Array, options: ThresholdOptions): Float64Array {
  const calibration = createCalibration(options, 1, RULES.openAtOnce, RULES.coldRows);
  return scores.map((score, row) => calibration.push(0, row * MINUTE, score));
}

test('a row does not take part in its own threshold, and there is none before 20 rows', () => {
  const scores = noise(2000, 1);
  const other = scores.slice();
  other[1500] = 50;
  const before = thresholds(scores, BUDGET);
  const after = thresholds(other, BUDGET);
  expect(after.subarray(0, 1501)).toEqual(before.subarray(0, 1501));
  expect(before.findIndex((threshold) => threshold === threshold)).toBe(20);
});

test('the quantile decides where the budget is wide, the bound where it is narrow', () => {
  const scores = noise(10 * ROWS, 2);
  const found = thresholds(scores, LOOSE).at(-1)!;
  expect(found / scores.toSorted()[Math.floor(0.982 * scores.length)]).toBeCloseTo(1, 1);
  const narrow = thresholds(scores, { method: 'budget', incidentsPerDay: 0.1 }).at(-1)!;
  expect(narrow).toBeGreaterThan(1.1 * found);
});

test('a fault of a day does not raise the threshold above itself, as it would if all its rows counted', () => {
  const scores = noise(10 * ROWS, 3);
  scores.fill(6, 7 * ROWS, 8 * ROWS);
  const budget = thresholds(scores, LOOSE);
  const percentile = thresholds(scores, { method: 'percentile', percentile: 98.2 });
  expect(budget[8 * ROWS] / budget[7 * ROWS]).toBeLessThan(1.1);
  expect(percentile[8 * ROWS]).toBeGreaterThan(5);
});

test('short alarms count, so that the threshold does not sink below what keeps coming', () => {
  const scores = noise(14 * ROWS, 4);
  for (let row = 40; row < scores.length; row += 200) scores.fill(4, row, row + 6);
  expect(thresholds(scores, LOOSE).at(-1)!).toBeGreaterThan(3.8);
});

test('the past fades: a quieter machine has a lower threshold after some weeks', () => {
  const scores = noise(60 * ROWS, 5).map((score, row) => (row < 20 * ROWS ? 2 * score : score));
  const found = thresholds(scores, LOOSE);
  expect(found.at(-1)! / found[20 * ROWS]).toBeLessThan(0.85);
  expect(found[21 * ROWS] / found[20 * ROWS]).toBeGreaterThan(0.9);
});

test('entities are kept apart, and come back as they were', () => {
  const scores = noise(3 * ROWS, 6);
  scores.fill(8, 2000, 2300);
  scores.fill(0.5, 2300, 2400);
  const through = createCalibration(BUDGET, 1, RULES.openAtOnce, RULES.coldRows);
  const expected = scores.map((score, row) => through.push(3, row * MINUTE, score));
  const first = createCalibration(BUDGET, 1, RULES.openAtOnce, RULES.coldRows);
  for (let row = 0; row < 2400; row++) {
    first.push(3, row * MINUTE, scores[row]);
    first.push(0, row * MINUTE, 7);
  }
  const second = createCalibration(BUDGET, 1, RULES.openAtOnce, RULES.coldRows);
  second.restore(3, structuredClone(first.save(3)));
  for (let row = 2400; row < scores.length; row++)
    expect(second.push(3, row * MINUTE, scores[row])).toBe(expected[row]);
  second.forget(3);
  expect(second.rows(3)).toBe(0);
  expect(second.push(3, 3 * ROWS * MINUTE, 1)).toBeNaN();
});

test('rows without a score change nothing', () => {
  const scores = noise(1000, 7);
  const gaps = new Float64Array(2000).fill(NaN);
  scores.forEach((score, row) => (gaps[2 * row] = score));
  const dense = createCalibration(LOOSE, 1, RULES.openAtOnce, RULES.coldRows);
  const sparse = createCalibration(LOOSE, 1, RULES.openAtOnce, RULES.coldRows);
  scores.forEach((score, row) => dense.push(0, 2 * row * MINUTE, score));
  gaps.forEach((score, row) => sparse.push(0, row * MINUTE, score));
  expect(sparse.rows(0)).toBe(dense.rows(0));
});
