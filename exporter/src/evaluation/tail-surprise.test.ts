import { seededRandom } from '../random.ts';
import { fitTailSurprise, tailSurprise } from './tail-surprise.ts';

describe('the surprise of a score', () => {
  const random = seededRandom(4);
  const exponential = Float64Array.from({ length: 20_000 }, () => -Math.log(1 - random.next()));
  const tail = fitTailSurprise(exponential);

  it('is -ln of the share of usual scores that are as high', () => {
    // of an exponential distribution that is the score itself, in the counted part and in the tail
    for (const score of [0.1, 0.7, 1.5, 2.9, 3.1, 6, 12]) {
      expect(Math.abs(tailSurprise(tail, score) - score)).toBeLessThan(0.05 * Math.max(1, score));
    }
  });

  it('rises with the score, is never negative, and passes NaN on', () => {
    const rising = Array.from({ length: 400 }, (_, i) => tailSurprise(tail, -1 + i / 40));
    rising.forEach((surprise, i) => expect(surprise).toBeGreaterThanOrEqual(i > 0 ? rising[i - 1] : 0));
    expect(tailSurprise(tail, NaN)).toBeNaN();
  });

  it('does not depend on the units of the score', () => {
    const scaled = fitTailSurprise(exponential.map((score) => 1000 * score - 7));
    for (const score of [0.2, 2, 9]) {
      expect(tailSurprise(scaled, 1000 * score - 7)).toBeCloseTo(tailSurprise(tail, score), 9);
    }
  });

  it('copes with one score, and with scores that are all alike', () => {
    expect(Number.isFinite(tailSurprise(fitTailSurprise(Float64Array.of(3)), 3))).toBe(true);
    const alike = fitTailSurprise(new Float64Array(50).fill(0));
    expect(tailSurprise(alike, 1)).toBeGreaterThan(tailSurprise(alike, 0));
    expect(() => fitTailSurprise(Float64Array.of(NaN))).toThrow('no score');
  });

  it('survives JSON', () => {
    const again = JSON.parse(JSON.stringify(tail)) as typeof tail;
    expect(tailSurprise(again, 4.2)).toBe(tailSurprise(tail, 4.2));
  });
});
