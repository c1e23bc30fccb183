import { scoreEvents } from './events.ts';

describe('scoreEvents', () => {
  const events = [
    { kind: 'cpu_spike', from: 10, to: 20 },
    { kind: 'latency_surge', from: 100, to: 110 },
  ];

  test.each([
    ['inside', 15, 1],
    ['at its first row', 10, 1],
    ['before it', 9, 0],
    ['within the grace after its end', 25, 1],
    ['after the grace', 26, 0],
  ])('an incident that opens %s hits %i', (_, from, hits) => {
    expect(scoreEvents(events, [{ kind: 'cpu_spike', from, to: from }], 5).hits).toBe(hits);
  });

  test('an incident that began before an event and reaches into it is right, but no hit', () => {
    const scores = scoreEvents(events, [{ kind: 'cpu_spike', from: 5, to: 12 }], 5);
    expect(scores).toMatchObject({ hits: 0, overlapping: 1, incidents: 1 });
  });

  test('the kind counts for hits only, and by kind of event', () => {
    const scores = scoreEvents(
      events,
      [
        { kind: 'cpu_spike', from: 11, to: 12 },
        { kind: 'error_flood', from: 101, to: 105 },
        { kind: 'cpu_spike', from: 500, to: 501 },
      ],
      0,
    );
    expect(scores).toMatchObject({ events: 2, hits: 2, rightKinds: 1, incidents: 3, overlapping: 2 });
    expect(scores.byKind.latency_surge).toEqual({ events: 1, hits: 1, rightKinds: 0 });
  });
});
