import { createClimb } from './climb.ts';

describe('climb', () => {
  const push = (
    climb: ReturnType<typeof createClimb>,
    valueAt: (second: number) => number,
    from: number,
    to: number,
  ) => {
    for (let second = from; second < to; second++) climb.push(second * 1000, valueAt(second));
  };

  test.each([
    ['a steady rise over ten minutes', (s: number) => 0.5 + (0.2 * s) / 600, true],
    ['a level', () => 0.5, false],
    ['a step', (s: number) => (s < 560 ? 0.5 : 0.9), false],
    ['a fall', (s: number) => 0.9 - (0.2 * s) / 600, false],
    ['a rise that is too small', (s: number) => 0.5 + (0.05 * s) / 600, false],
  ])('%s', (_, valueAt, climbing) => {
    const climb = createClimb();
    push(climb, valueAt, 0, 620);
    expect(climb.climbing(0.1)).toBe(climbing);
  });

  test('needs ten minutes, and begins anew after a gap or a clock that goes back', () => {
    const rise = (s: number) => s / 600;
    const climb = createClimb();
    push(climb, rise, 0, 480);
    expect(climb.climbing(0.1)).toBe(false);
    push(climb, rise, 480, 640);
    expect(climb.climbing(0.1)).toBe(true);
    push(climb, rise, 1000, 1100);
    expect(climb.climbing(0.1)).toBe(false);
    const back = createClimb();
    push(back, rise, 3600, 4240);
    push(back, rise, 0, 60);
    expect(back.climbing(0.1)).toBe(false);
  });
});
