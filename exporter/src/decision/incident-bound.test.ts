import { hysteresisRules, newHysteresis, step } from '../incidents/hysteresis.ts';
import { seededRandom } from '../random.ts';
import { createIncidentBound } from './incident-bound.ts';

const MINUTE = 60_000;
const RULES = hysteresisRules(1000);
const DAY = 86_400_000;
const ROWS = 1440;
/** a quantile of the noise */
const BASE = 1.55;

/** a row a minute */
function noise(rows: number, seed: number): Float64Array {
  const random = seededRandom(seed);
  return Float64Array.from({ length: rows }, () => Math.max(0, 1 + 0.4 * random.normal()));
}

function opened(scores: Float64Array, threshold: number): number {
  const state = newHysteresis();
  return scores.reduce((count, score) => count + (step(state, score / threshold, RULES) === 'open' ? 1 : 0), 0);
}

function tell(bound: ReturnType<typeof createIncidentBound>, scores: Float64Array, base: number): void {
  scores.forEach((score, row) => bound.tell(row * MINUTE, score, base));
}

test.each([1, 2, 3])('a stretch has the level at which the hysteresis still opens an incident (%d)', (seed) => {
  const bound = createIncidentBound(1e-6, RULES);
  const scores = noise(2000, seed);
  scores.fill(0, 1960); // the last stretch has ended
  tell(bound, scores, BASE);
  const threshold = bound.threshold(2000 * MINUTE);
  expect(opened(scores, threshold)).toBe(0);
  // a budget of nothing is met 2 % above the highest level
  expect(opened(scores, threshold / 1.021)).toBeGreaterThan(0);
});

test('noise keeps to the budget on the days after those it was set on', () => {
  const days = 60;
  const bound = createIncidentBound(2, RULES);
  const scores = noise(days * ROWS, 4);
  const state = newHysteresis();
  let threshold = NaN;
  let count = 0;
  scores.forEach((score, row) => {
    if (row % 64 === 0) threshold = Math.max(BASE, bound.threshold(row * MINUTE));
    if (step(state, score / threshold, RULES) === 'open' && row >= 7 * ROWS) count++;
    bound.tell(row * MINUTE, score, BASE);
  });
  const promised = 2 * (days - 7);
  expect(count / promised).toBeGreaterThan(0.75);
  expect(count / promised).toBeLessThan(1.35);
});

describe('of what is no chance', () => {
  const quiet = noise(7 * ROWS, 5).map((score) => Math.min(score, BASE));
  const withJobs = (at: (day: number, job: number) => number, height: (day: number, job: number) => number) => {
    const scores = quiet.slice();
    for (let day = 0; day < 7; day++)
      for (let job = 0; job < 3; job++) {
        const row = day * ROWS + at(day, job);
        scores.fill(height(day, job), row, row + 5);
      }
    const bound = createIncidentBound(1, RULES);
    tell(bound, scores, 1.6);
    return bound.threshold(7 * DAY);
  };
  const random = seededRandom(6);
  const anyTime = Array.from({ length: 21 }, () => random.below(ROWS - 20));

  test('jobs at the same time of every day do not raise the threshold to their height', () => {
    expect(
      withJobs(
        (_, job) => 300 * (job + 1),
        () => 3,
      ),
    ).toBe(0);
  });

  test('as many at any time of the day do', () => {
    expect(
      withJobs(
        (day, job) => anyTime[3 * day + job],
        () => 3,
      ),
    ).toBeGreaterThanOrEqual(3);
  });

  test('events of very different heights are no noise at one height', () => {
    expect(
      withJobs(
        (day, job) => anyTime[3 * day + job],
        (day, job) => 2 * Math.pow(1.06, 3 * day + job),
      ),
    ).toBe(0);
  });
});

test('one row alone has the level at which it opens an incident at once', () => {
  const bound = createIncidentBound(1e-6, RULES);
  tell(bound, Float64Array.of(0, 0, 6, ...new Float64Array(RULES.coldRows)), 1);
  expect(bound.threshold(DAY)).toBeCloseTo((6 / RULES.openAtOnce) * 1.02, 10);
});

test('a week later nothing is left of it, and a row without a score changes nothing', () => {
  const bound = createIncidentBound(1e-6, RULES);
  tell(bound, Float64Array.of(0, 3, 3, NaN, ...new Float64Array(RULES.coldRows)), 1);
  expect(bound.threshold(DAY)).toBeCloseTo(3 * 1.02, 10);
  expect(bound.threshold(7 * DAY + 60 * MINUTE)).toBe(0);
});

test('what was saved goes on as if nothing had happened', () => {
  const scores = noise(3 * ROWS, 7);
  scores.fill(0, 1960, 2010); // no stretch is under way when it is saved
  const through = createIncidentBound(1, RULES);
  const first = createIncidentBound(1, RULES);
  tell(through, scores, BASE);
  tell(first, scores.subarray(0, 2010), BASE);
  const second = createIncidentBound(1, RULES, structuredClone(first.save()));
  scores.subarray(2010).forEach((score, row) => second.tell((2010 + row) * MINUTE, score, BASE));
  expect(second.threshold(3 * DAY)).toBe(through.threshold(3 * DAY));
  expect(second.threshold(3 * DAY)).toBeGreaterThan(BASE);
});
