import { seededRandom } from '../random.ts';
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

  test('noise of the size of minutes hides no climb, and makes none', () => {
    const random = seededRandom(3);
    let noise = 0;
    const noisy = Float64Array.from({ length: 3600 }, () => (noise = 0.98 * noise + 0.016 * random.normal()));
    const climb = createClimb();
    push(climb, (s) => 0.55 + noisy[s] + 0.3 * Math.min(1, Math.max(0, (s - 1200) / 900)), 0, 2000);
    expect(climb.climbing(0.1)).toBe(true);
    const level = createClimb();
    const filled = createClimb();
    push(level, (s) => 0.55 + noisy[s], 0, 2000);
    push(filled, (s) => 0.55 + noisy[s] + (s >= 1980 ? 0.35 : 0), 0, 2000);
    expect(level.climbing(0.15)).toBe(false);
    expect(filled.climbing(0.1)).toBe(false);
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
