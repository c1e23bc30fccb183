/**
 * Mean, variance and slope of the last n samples of one series, O(1) amortised a push.
 *
 * Aggregates of (time, value) pairs can be extended by a pair (Welford 1962) and merged (Chan, Golub and LeVeque 1983), but nothing is ever taken
 * out of one: the window is what is left of the ring's last revolution (aggregates from each slot to the end, made once per revolution)
 * merged with the block being filled. So there is no drift, and a huge value leaves no trace once it is out. Both take times and values relative
 * to a sample of their own that is in the window as long as they are: an offset of 1e9 costs no digits.
 */

export interface Moments {
  /** `time` in ms since the epoch, any spacing; NaN takes its place in the window and counts for nothing, so does an infinite value */
  push(time: number, value: number): void;
  /** values in the window, missing ones left out */
  count(): number;
  /** NaN without a value */
  mean(): number;
  /** of the sample (divided by count - 1); NaN below two values */
  variance(): number;
  /** least squares, value per second; NaN below two different times */
  slope(): number;
  reset(): void;
}

// an aggregate: count, mean time, mean value, then sums of squared and mixed deviations
const COUNT = 0;
const TIME = 1;
const VALUE = 2;
const TIME_TIME = 3;
const TIME_VALUE = 4;
const VALUE_VALUE = 5;
const FIELDS = 6;

/** `size` is the window in samples; throws a RangeError when it is no positive whole number. */
export function createMoments(size: number): Moments {
  if (!Number.isInteger(size) || size < 1)
    throw new RangeError(`window of ${size} samples: it must be a whole number >= 1`);
  const times = new Float64Array(size);
  const values = new Float64Array(size);
  // aggregate of each slot to the end of the ring, of the last revolution; one more for "nothing is left"
  const rest = new Float64Array((size + 1) * FIELDS);
  const block = new Float64Array(FIELDS);
  const window = new Float64Array(FIELDS);
  let slot = 0;
  // the sample that each part is relative to: the block's first, the rest's last
  let blockTime = 0;
  let blockValue = 0;
  let restTime = 0;
  let restValue = 0;

  /** The filled block becomes the last revolution. */
  function turn(): void {
    let last = size - 1;
    while (last > 0 && Number.isNaN(values[last])) last--;
    restTime = times[last];
    restValue = values[last];
    for (let i = size - 1; i >= 0; i--)
      extend(rest, (i + 1) * FIELDS, rest, i * FIELDS, times[i] - restTime, values[i] - restValue);
    block.fill(0);
    slot = 0;
  }

  return {
    push(time, value) {
      if (slot === size) turn();
      const known = Number.isFinite(value) && Number.isFinite(time);
      times[slot] = time;
      values[slot] = known ? value : NaN;
      slot++;
      if (known) {
        if (block[COUNT] === 0) {
          blockTime = time;
          blockValue = value;
        }
        extend(block, 0, block, 0, time - blockTime, value - blockValue);
      }
      merge(block, rest, slot * FIELDS, restTime - blockTime, restValue - blockValue, window);
    },
    count: () => window[COUNT],
    mean: () => (window[COUNT] > 0 ? (block[COUNT] > 0 ? blockValue : restValue) + window[VALUE] : NaN),
    variance: () => (window[COUNT] > 1 ? window[VALUE_VALUE] / (window[COUNT] - 1) : NaN),
    slope: () => (window[TIME_TIME] > 0 ? (window[TIME_VALUE] / window[TIME_TIME]) * 1000 : NaN),
    reset() {
      rest.fill(0);
      block.fill(0);
      window.fill(0);
      slot = 0;
    },
  };
}

/** to[toAt] = from[fromAt] and one more pair; a missing value leaves it as it is. The two places may be the same. */
function extend(from: Float64Array, fromAt: number, to: Float64Array, toAt: number, time: number, value: number): void {
  if (Number.isNaN(value)) {
    for (let field = 0; field < FIELDS; field++) to[toAt + field] = from[fromAt + field];
    return;
  }
  const count = from[fromAt + COUNT] + 1;
  const timeOff = time - from[fromAt + TIME];
  const valueOff = value - from[fromAt + VALUE];
  const share = (count - 1) / count;
  to[toAt + COUNT] = count;
  to[toAt + TIME] = from[fromAt + TIME] + timeOff / count;
  to[toAt + VALUE] = from[fromAt + VALUE] + valueOff / count;
  to[toAt + TIME_TIME] = from[fromAt + TIME_TIME] + timeOff * timeOff * share;
  to[toAt + TIME_VALUE] = from[fromAt + TIME_VALUE] + timeOff * valueOff * share;
  to[toAt + VALUE_VALUE] = from[fromAt + VALUE_VALUE] + valueOff * valueOff * share;
}

/** out = a and b[at] together, relative to what a is relative to (b's, when a is empty); b's is `time` and `value` above that. */
function merge(a: Float64Array, b: Float64Array, at: number, time: number, value: number, out: Float64Array): void {
  const countA = a[COUNT];
  const countB = b[at + COUNT];
  if (countB === 0) {
    for (let field = 0; field < FIELDS; field++) out[field] = a[field];
    return;
  }
  if (countA === 0) {
    for (let field = 0; field < FIELDS; field++) out[field] = b[at + field];
    return;
  }
  const timeOff = time + (b[at + TIME] - a[TIME]);
  const valueOff = value + (b[at + VALUE] - a[VALUE]);
  const part = countB / (countA + countB);
  const share = countA * part;
  out[COUNT] = countA + countB;
  out[TIME] = a[TIME] + timeOff * part;
  out[VALUE] = a[VALUE] + valueOff * part;
  out[TIME_TIME] = a[TIME_TIME] + b[at + TIME_TIME] + timeOff * timeOff * share;
  out[TIME_VALUE] = a[TIME_VALUE] + b[at + TIME_VALUE] + timeOff * valueOff * share;
  out[VALUE_VALUE] = a[VALUE_VALUE] + b[at + VALUE_VALUE] + valueOff * valueOff * share;
}
