import { createBesideBaseline } from './beside-baseline.ts';

function open(intervalMs = 1000) {
  const beside = createBesideBaseline(intervalMs);
  beside.grow(2);
  return beside;
}

test('while nothing stands out, a blip of one sample is not told and what lasts for seconds is', () => {
  const beside = open();
  for (let row = 0; row < 10; row++) beside.push(1, 0.6, 0.2);
  expect(beside.push(1, 1.2, 0.2)).toBeLessThan(1);
  beside.push(1, 1.2, 0.2);
  beside.push(1, 1.2, 0.2);
  expect(beside.push(1, 1.2, 0.2)).toBeGreaterThan(1);
});

test('rows that are themselves seconds apart need no other to agree', () => {
  const beside = open(15_000);
  beside.push(1, 0.6, 0.2);
  expect(beside.push(1, 1.2, 0.2)).toBe(1.2);
});

test('beside a feature that stands out the ensemble counts at once', () => {
  const beside = open();
  beside.push(1, 0.6, 0.2);
  expect(beside.push(1, 1.7, 0.9)).toBe(1.7);
});

test('the echo of a fault is not told, until the ensemble has calmed down or a minute of samples is over', () => {
  const beside = open();
  beside.push(0, 5, 3);
  expect(beside.push(0, 4, 0.1)).toBe(0);
  expect(beside.push(0, 0.5, 0.1)).toBe(0.5);
  for (let row = 0; row < 5; row++) beside.push(0, 1.5, 0.1);
  expect(beside.push(0, 1.5, 0.1)).toBeGreaterThan(1);
  beside.push(0, 5, 3);
  let silent = 0;
  while (beside.push(0, 4, 0.1) === 0) silent++;
  expect(silent).toBe(59);
});

test('what was saved goes on, and what is forgotten begins anew', () => {
  const beside = open();
  beside.push(0, 5, 3);
  beside.push(0, 4, 0.1);
  const other = open();
  other.restore(1, beside.save(0));
  for (const score of [4, 1.4, 0.7, 1.4, 1.4]) expect(other.push(1, score, 0.1)).toBe(beside.push(0, score, 0.1));
  other.forget(1);
  expect(other.save(1)).toEqual({ steady: 0, echo: 0 });
});
