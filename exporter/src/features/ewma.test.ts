import fc from 'fast-check';
import { alphaOf, createEwma, createTimedEwma } from './ewma.ts';

const value = fc.oneof({ weight: 4, arbitrary: fc.double({ min: -1e6, max: 1e6, noNaN: true }) }, fc.constant(NaN));

/** Pushes one value after the other of entity 2. */
function averages(values: number[], span: number): number[] {
  const ewma = createEwma(1, span);
  const out = new Float64Array(1);
  return values.map((value) => {
    ewma.push(Int32Array.of(2), Float64Array.of(value), 1, out);
    return out[0];
  });
}

function timedAverages(samples: [seconds: number, value: number][], span: number): number[] {
  const ewma = createTimedEwma(1, span, 1000);
  const out = new Float64Array(1);
  return samples.map(([seconds, value]) => {
    ewma.push(Int32Array.of(2), Float64Array.of(seconds * 1000), Float64Array.of(value), 1, out);
    return out[0];
  });
}

test('an average starts at the first value and skips missing ones', () => {
  expect(averages([NaN, 8, NaN, 2, Infinity, 5], 5)).toEqual([NaN, 8, 8, 6, 6, 6 - 1 / 3]);
});

test('an average is the sum of all values, each weighted by its age', () => {
  fc.assert(
    fc.property(fc.array(value, { maxLength: 50 }), fc.integer({ min: 1, max: 60 }), (values, span) => {
      const alpha = alphaOf(span);
      const actual = averages(values, span);
      values.forEach((_, i) => {
        const known = values.slice(0, i + 1).filter((v) => !Number.isNaN(v));
        const expected = known.reduce(
          (sum, v, at) => sum + v * (at === 0 ? 1 : alpha) * (1 - alpha) ** (known.length - 1 - at),
          0,
        );
        if (known.length === 0) expect(actual[i]).toBeNaN();
        else expect(Math.abs(actual[i] - expected)).toBeLessThan(1e-8);
      });
    }),
  );
});

test('with times one interval apart the timed average is the plain one', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0, max: 1, noNaN: true })),
      fc.integer({ min: 1, max: 60 }),
      (values, span) => {
        const plain = averages(values, span);
        timedAverages(values.map((v, i) => [i, v]), span).forEach((average, i) => expect(average).toBeCloseTo(plain[i], 12)); // prettier-ignore
      },
    ),
  );
});

test('a hole ages the past as much as the values that would have been in it', () => {
  const [, , , once] = timedAverages([[0, 10], [1, NaN], [2, NaN], [3, 4]], 5); // prettier-ignore
  expect(once).toBeCloseTo(4 + 6 * (2 / 3) ** 3, 12);
  const halves = timedAverages([[0, 10], [0.5, 4], [1, 4]], 5); // prettier-ignore
  expect(halves[2]).toBeCloseTo(4 + 6 * (2 / 3), 12);
});

test('a clock that goes back or stands still counts as one interval', () => {
  const actual = timedAverages([[100, 9], [40, 3], [40, 1]], 3); // prettier-ignore
  actual.forEach((average, i) => expect(average).toBeCloseTo([9, 6, 3.5][i], 12));
});

test('columns and entities keep to themselves, and a forgotten one begins again', () => {
  const plain = createEwma(2, 3);
  const timed = createTimedEwma(2, 3, 1000);
  const entity = Int32Array.of(0, 30);
  for (const push of [
    (values: Float64Array, _: number) => plain.push(entity, values, 2, values),
    (values: Float64Array, seconds: number) =>
      timed.push(entity, new Float64Array(2).fill(seconds * 1000), values, 2, values),
  ]) {
    push(Float64Array.of(1, 2, NaN, 4), 0);
    const second = Float64Array.of(3, NaN, 7, 8);
    push(second, 1);
    [2, 2, 7, 6].forEach((average, i) => expect(second[i]).toBeCloseTo(average, 12));
    plain.forget(30);
    timed.forget(30);
    plain.forget(1000);
    timed.forget(1000);
    const third = Float64Array.of(2, 2, NaN, 1);
    push(third, 2);
    [2, 2, 1].forEach((average, i) => expect(third[[0, 1, 3][i]]).toBeCloseTo(average, 12));
    expect(third[2]).toBeNaN();
  }
});

test('spans below 1, intervals of 0 and short buffers are refused', () => {
  expect(() => createEwma(1, 0.5)).toThrow(/span of 0.5/);
  expect(() => createTimedEwma(1, 5, 0)).toThrow(/interval of 0 ms/);
  expect(() => createEwma(2, 5).push(Int32Array.of(0), new Float64Array(2), 1, new Float64Array(1))).toThrow(/^out/);
});
