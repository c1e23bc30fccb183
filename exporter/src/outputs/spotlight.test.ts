import { createSpotlight } from './spotlight.ts';

const scores = (all: Record<string, number>) => Object.entries(all).map(([key, score]) => ({ key, score }));

test('Free places go to the highest scores, however small these are.', () => {
  const spotlight = createSpotlight(2);
  expect([...spotlight.choose(scores({ a: 0.1, b: 0.3, c: 0.2, d: NaN }), 0)].sort()).toEqual(['b', 'c']);
});

test('Small changes of the scores leave the members alone for an hour.', () => {
  const spotlight = createSpotlight(3);
  const base = { a: 1.2, b: 1.15, c: 1.1, d: 1.05, e: 0.6 };
  expect([...spotlight.choose(scores(base), 0)].sort()).toEqual(['a', 'b', 'c']);
  for (let minute = 1; minute <= 60; minute++) {
    const moved = Object.entries(base).map(([key, score], i) => ({
      key,
      score: score * (1 + 0.08 * Math.sin(minute * (i + 1))),
    }));
    expect([...spotlight.choose(moved, minute * 60_000)].sort()).toEqual(['a', 'b', 'c']);
  }
});

test('A quiet member gives way at once to an entity above the threshold.', () => {
  const spotlight = createSpotlight(2);
  spotlight.choose(scores({ a: 0.3, b: 0.2, c: 0.1 }), 0);
  expect([...spotlight.choose(scores({ a: 0.3, b: 0.2, c: 1.4 }), 1000)].sort()).toEqual(['a', 'c']);
  expect([...spotlight.choose(scores({ a: 0.3, b: 0.9, c: 0.1 }), 2000)].sort()).toEqual(['a', 'c']);
});

test('An anomalous member keeps its place for five minutes, and after that against all but the clearly worse.', () => {
  const spotlight = createSpotlight(1);
  spotlight.choose(scores({ a: 2, b: 1 }), 0);
  expect([...spotlight.choose(scores({ a: 2, b: 9 }), 299_999)]).toEqual(['a']);
  expect([...spotlight.choose(scores({ a: 2, b: 2.4 }), 300_000)]).toEqual(['a']);
  expect([...spotlight.choose(scores({ a: 2, b: 2.6 }), 300_000)]).toEqual(['b']);
});

test('A member that is gone leaves its place to the next, and no places mean no members.', () => {
  const spotlight = createSpotlight(2);
  spotlight.choose(scores({ a: 2, b: 1, c: 0.5 }), 0);
  expect([...spotlight.choose(scores({ b: 1, c: 0.5 }), 1000)].sort()).toEqual(['b', 'c']);
  expect([...createSpotlight(0).choose(scores({ a: 2 }), 0)]).toEqual([]);
});
