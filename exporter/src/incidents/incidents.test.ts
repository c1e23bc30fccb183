import type { IncidentEvent, Schema, Verdicts } from '../flow.ts';
import { severityName } from '../decision/severity.ts';
import type { Kind } from '../wire/incident.ts';
import { checksFor, summarise } from './describe.ts';
import { newHysteresis, step } from './hysteresis.ts';
import { createTracker, type Tracker } from './tracker.ts';

const schema: Schema = {
  name: 'host',
  features: ['cpu_usage_ratio', 'memory_used_ratio'].map((name) => ({
    name,
    unit: 'ratio',
    help: '',
    kind: 'gauge',
    direction: 'up',
    transform: 'none',
    minimumDeviation: 0.1,
  })),
};
const START = Date.UTC(2026, 0, 1);

/** One row of one entity; cpu carries the blame. */
function verdicts(
  second: number,
  score: number,
  entity = 'web',
  { host = 'web', monitor = 'host', severity = score >= 1 ? 1 : 0 } = {},
): Verdicts {
  const matrix = (...data: number[]) => ({ rows: 1, columns: 2, data: Float64Array.from(data) });
  return {
    monitor,
    intervalMs: 1000,
    schema,
    entities: [{ id: entity, kind: 'host', host, labels: {} }],
    rows: 1,
    entity: Int32Array.of(0),
    time: Float64Array.of(START + second * 1000),
    score: Float64Array.of(score),
    smoothed: Float64Array.of(score),
    confidence: Float64Array.of(1),
    severity: Uint8Array.of(severity),
    values: matrix(0.9, 0.5),
    expected: matrix(0.1, 0.5),
    lower: matrix(0, 0.4),
    upper: matrix(0.3, 0.6),
    contributions: matrix(score >= 0.5 ? 0.9 : NaN, score >= 0.5 ? 0.1 : NaN),
    budgetUsed: Float64Array.of(0),
    detectors: [],
  };
}

function play(
  tracker: Tracker,
  scores: readonly number[],
  from = 0,
  kind: Kind = 'cpu_spike',
  entity = 'web',
  options = {},
): IncidentEvent[] {
  return scores.flatMap((score, i) => tracker.apply(verdicts(from + i, score, entity, options), () => kind));
}
const types = (events: readonly IncidentEvent[]) => events.map(({ type }) => type).join(' ');

describe('hysteresis', () => {
  test.each([
    ['one row above is not enough', [0, 1.5, 0, 0], 'none none none none'],
    ['two rows in a row open', [0, 1.2, 1.2], 'none none open'],
    ['two of three rows open', [1.2, 0.2, 1.2], 'none none open'],
    ['two of four do not', [1.2, 0.2, 0.2, 1.2], 'none none none none'],
    ['twice the threshold opens at once', [0, 2], 'none open'],
    ['a missing score is not hot', [NaN, NaN, 2], 'none none open'],
    ['five rows that are not hot close', [0, 2, 0, 0, 0, 0, 0], 'none open cool cool cool cool close'],
    [
      'a hot row in between starts the count again',
      [2, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0],
      'open cool cool cool cool hot cool cool cool cool close',
    ],
    ['scores just below keep a hot incident hot by their average', [2, 2, 2, 0.95, 0.95], 'open hot hot hot hot'],
  ])('%s', (_, scores, changes) => {
    const state = newHysteresis();
    expect(scores.map((score) => step(state, score)).join(' ')).toBe(changes);
  });

  test('a huge score does not keep an incident open for long', () => {
    const state = newHysteresis();
    for (let i = 0; i < 10; i++) step(state, 1e6);
    let rows = 0;
    while (step(state, 0) !== 'close') rows++;
    expect(rows).toBeLessThan(10);
  });
});

describe('tracker', () => {
  test('opens, tells of changes and closes, with its start before its opening', () => {
    const tracker = createTracker(severityName);
    const events = play(tracker, [0, 0, 1.1, 1.2, 1.6, 2.2, 0, 0, 0, 0, 0, 0, 0, 0]);
    expect(types(events)).toBe('opened updated updated closed');
    const [opened, , , closed] = events.map(({ incident }) => incident);
    expect(opened).toMatchObject({
      state: 'open',
      kind: 'cpu_spike',
      startedAt: START + 2000,
      openedAt: START + 3000,
      severity: 'low',
      host: 'web',
      entity: 'web',
    });
    expect(opened.contributions[0]).toMatchObject({
      feature: 'cpu_usage_ratio',
      share: 0.9,
      value: 0.9,
      expected: 0.1,
      upper: 0.3,
    });
    expect(opened.summary).toContain('cpu usage of web');
    expect(opened.checks.length).toBeGreaterThan(0);
    expect(closed).toMatchObject({ id: opened.id, state: 'closed', severity: 'high', peak: 2.2 });
    expect(closed.closedAt).toBeGreaterThan(closed.lastHotAt);
  });

  test('keeps rows from before the opening, the first rows, and the last ones', () => {
    const tracker = createTracker(severityName);
    const scores = [...Array<number>(40).fill(0.2), ...Array<number>(200).fill(1.5), ...Array<number>(10).fill(0)];
    const closed = play(tracker, scores).at(-1)!;
    expect(closed.type).toBe('closed');
    const times = closed.incident.frames.map(({ time }) => (time - START) / 1000);
    expect(times).toHaveLength(30 + 60 + 30);
    // opened at row 41 (two rows above); 30 rows before it
    expect(times[0]).toBe(11);
    expect(times[89]).toBe(100);
    expect(times.at(-1)).toBe((closed.incident.closedAt! - START) / 1000);
    expect(closed.incident.frames[0]).toMatchObject({ score: 0.2, values: [0.9, 0.5], expected: [0.1, 0.5] });
  });

  test('entities of one host that overlap are one incident with several sources; it ends with the last', () => {
    const tracker = createTracker(severityName);
    const first = play(tracker, [2], 0);
    const second = play(tracker, [2], 1, 'latency_surge', 'web/disk', { host: 'web', monitor: 'other' });
    expect(types([...first, ...second])).toBe('opened updated');
    expect(second[0].incident.id).toBe(first[0].incident.id);
    expect(second[0].incident.sources.map(({ entity }) => entity)).toEqual(['web', 'web/disk']);
    expect(types(play(tracker, [0, 0, 0, 0, 0, 0, 0], 2))).toBe('');
    const end = play(tracker, [0, 0, 0, 0, 0, 0, 0], 9, 'latency_surge', 'web/disk', { host: 'web', monitor: 'other' });
    expect(types(end)).toBe('closed');
    expect(tracker.open()).toHaveLength(0);
  });

  test('hosts have incidents of their own', () => {
    const tracker = createTracker(severityName);
    const one = play(tracker, [2], 0, 'cpu_spike', 'a', { host: 'a' });
    const two = play(tracker, [2], 0, 'cpu_spike', 'b', { host: 'b', monitor: 'second' });
    expect(one[0].incident.id).not.toBe(two[0].incident.id);
    expect(tracker.open()).toHaveLength(2);
  });

  test('a first impression is corrected by the rows that follow, the first kind is kept', () => {
    const tracker = createTracker(severityName);
    play(tracker, [2], 0, 'cpu_spike');
    const events = play(tracker, [2.1, 2.2, 2.3, 2.4], 1, 'memory_pressure');
    expect(events.at(-1)!.incident).toMatchObject({ kind: 'memory_pressure', firstKind: 'cpu_spike' });
    expect(events.at(-1)!.incident.checks).toEqual(checksFor('memory_pressure'));
  });

  test('a verdict that may not open yet (severity 0) opens nothing however high', () => {
    const tracker = createTracker(severityName);
    expect(play(tracker, [5, 5, 5, 5], 0, 'cpu_spike', 'web', { severity: 0 })).toEqual([]);
  });

  test('goes on after a restart where it was', () => {
    const tracker = createTracker(severityName);
    const [{ incident }] = play(tracker, [2, 2]);
    const saved = JSON.parse(JSON.stringify(tracker.save(() => [{ id: 'web' }]))) as ReturnType<Tracker['save']>;
    const other = createTracker(severityName);
    other.restore(saved);
    const events = play(other, [0, 0, 0, 0, 0, 0, 0], 2);
    expect(types(events)).toBe('closed');
    expect(events[0].incident.id).toBe(incident.id);
  });

  test('an entity that is gone ends its part', () => {
    const tracker = createTracker(severityName);
    play(tracker, [2]);
    expect(tracker.release('host', (entity) => entity === 'other', START)).toEqual([]);
    const [event] = tracker.release('host', (entity) => entity === 'web', START + 60_000);
    expect(event).toMatchObject({ type: 'closed', incident: { closedAt: START + 60_000 } });
    // the fault goes on when it comes back: that is an incident again
    expect(types(play(tracker, [2], 70))).toBe('opened');
  });

  test('an incident of a day has become the new normal', () => {
    const tracker = createTracker(severityName);
    play(tracker, [2]);
    const events = play(tracker, [2.5], 86_401);
    expect(events[0].incident.newNormal).toBe(true);
  });

  test('a clock that goes back never makes an incident end before it opened', () => {
    const tracker = createTracker(severityName);
    play(tracker, [2], 7200);
    const closed = play(tracker, [0, 0, 0, 0, 0, 0, 0], 0).at(-1)!;
    expect(closed.incident.closedAt).toBeGreaterThanOrEqual(closed.incident.openedAt);
  });
});

describe('words', () => {
  const cpu = {
    feature: 'cpu_usage_ratio',
    unit: 'ratio',
    share: 0.9,
    value: 0.98,
    expected: 0.03,
    lower: 0,
    upper: 0.28,
  };

  test('the sentence names feature, entity, value, expected value and bound', () => {
    expect(summarise('cpu_spike', 'web', [cpu]).replaceAll('\u00a0', ' ')).toBe(
      'cpu usage of web is 98 % (expected 3 %, at most 28 %).',
    );
    expect(summarise('bandwidth_drop', 'web', [{ ...cpu, value: 0.01, lower: 0.02 }]).replaceAll('\u00a0', ' ')).toBe(
      'cpu usage of web is 1 % (expected 3 %, at least 2 %).',
    );
  });

  test('without a feature that stands out it says so', () => {
    expect(summarise('unknown', 'web', [])).toContain('without one feature');
    expect(summarise('correlation_break', 'web', [cpu])).toContain('come apart');
  });
});
