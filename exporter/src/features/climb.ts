/**
 * Whether a series has been climbing for ten minutes, which tells a leak from a load: its least-squares slope over ten one-minute means is clearly
 * positive, and no single minute did most of it.
 */

const MINUTES = 10;
const MINUTE_MS = 60_000;
/** a climb in which one minute did more than this share is a step */
const LARGEST_STEP = 0.7;

export interface Climb {
  /** one value at `time` (ms); NaN is passed over */
  push(time: number, value: number): void;
  /** whether it rose by at least `least` (the value's unit) over the last ten minutes, gradually */
  climbing(least: number): boolean;
}

export function createClimb(): Climb {
  let minute = -1;
  let sum = 0;
  let count = 0;
  const means: number[] = [];
  return {
    push(time, value) {
      if (value !== value) return;
      const now = Math.floor(time / MINUTE_MS);
      if (now !== minute) {
        if (count > 0) means.push(sum / count);
        if (minute >= 0 && (now < minute || now > minute + 2)) means.length = 0;
        if (means.length > MINUTES) means.shift();
        minute = now;
        sum = 0;
        count = 0;
      }
      sum += value;
      count++;
    },
    climbing(least) {
      const all = count > 0 ? [...means, sum / count] : means;
      if (all.length < MINUTES) return false;
      const points = all.slice(-MINUTES);
      const middle = (points.length - 1) / 2;
      let products = 0;
      let squares = 0;
      let step = 0;
      for (let i = 0; i < points.length; i++) {
        products += (i - middle) * points[i];
        squares += (i - middle) * (i - middle);
        if (i > 0) step = Math.max(step, points[i] - points[i - 1]);
      }
      const rise = (products / squares) * (points.length - 1);
      return rise >= least && step <= LARGEST_STEP * rise;
    },
  };
}
