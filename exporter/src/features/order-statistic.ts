/**
 * A quantile of the last n values of one series, exact, O(log n) a push: two heaps of ring slots, the lower part with its largest on top (that is
 * the quantile), the upper part with its smallest. Each slot knows its place in its heap, so the value that leaves the window is removed at once
 * (Haerdle and Steiger 1995, for medians).
 */

export interface OrderStatistic {
  /** NaN takes its place in the window and counts for nothing */
  push(value: number): void;
  /** the smallest value of the window that at least `fraction` of its values do not exceed (nearest rank); NaN without a value */
  value(): number;
  reset(): void;
}

/** Throws a RangeError unless `size` is a positive whole number and 0 < fraction <= 1. */
export function createOrderStatistic(size: number, fraction: number): OrderStatistic {
  if (!Number.isInteger(size) || size < 1)
    throw new RangeError(`window of ${size} values: it must be a whole number >= 1`);
  if (!(fraction > 0 && fraction <= 1)) throw new RangeError(`quantile ${fraction}: it must be above 0 and at most 1`);
  const values = new Float64Array(size).fill(NaN);
  const lower = createSlotHeap(values, -1);
  const upper = createSlotHeap(values, 1);
  let next = 0;

  return {
    push(value) {
      const slot = next;
      next = next + 1 === size ? 0 : next + 1;
      if (lower.has(slot)) lower.remove(slot);
      else if (upper.has(slot)) upper.remove(slot);
      values[slot] = value;
      if (!Number.isNaN(value)) {
        if (upper.size() > 0 && value > values[upper.top()]) upper.add(slot);
        else lower.add(slot);
      }
      const count = lower.size() + upper.size();
      // 0.95 x 20 must be 19 on every count, so the product's rounding is taken off before it is rounded up
      const rank = Math.min(count, Math.max(1, Math.ceil(fraction * count - 1e-9)));
      while (lower.size() < rank) upper.moveTop(lower);
      while (lower.size() > rank) lower.moveTop(upper);
    },
    value: () => (lower.size() > 0 ? values[lower.top()] : NaN),
    reset() {
      values.fill(NaN);
      lower.clear();
      upper.clear();
      next = 0;
    },
  };
}

interface SlotHeap {
  size(): number;
  has(slot: number): boolean;
  /** slot of the value that comes first; the heap must not be empty */
  top(): number;
  add(slot: number): void;
  remove(slot: number): void;
  moveTop(to: SlotHeap): void;
  clear(): void;
}

/** A binary heap of indexes of `values`: `sign` 1 puts the smallest value on top, -1 the largest. A value must not change while its slot is in. */
function createSlotHeap(values: Float64Array, sign: 1 | -1): SlotHeap {
  const slots = new Int32Array(values.length);
  const place = new Int32Array(values.length).fill(-1);
  let size = 0;

  function up(at: number, slot: number): void {
    const key = sign * values[slot];
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (sign * values[slots[parent]] <= key) break;
      slots[at] = slots[parent];
      place[slots[at]] = at;
      at = parent;
    }
    slots[at] = slot;
    place[slot] = at;
  }

  function down(at: number, slot: number): void {
    const key = sign * values[slot];
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && sign * values[slots[child + 1]] < sign * values[slots[child]]) child++;
      if (sign * values[slots[child]] >= key) break;
      slots[at] = slots[child];
      place[slots[at]] = at;
      at = child;
    }
    slots[at] = slot;
    place[slot] = at;
  }

  const heap: SlotHeap = {
    size: () => size,
    has: (slot) => place[slot] >= 0,
    top: () => slots[0],
    add(slot) {
      up(size++, slot);
    },
    remove(slot) {
      const at = place[slot];
      place[slot] = -1;
      const last = slots[--size];
      if (last === slot) return;
      down(at, last);
      if (place[last] === at) up(at, last);
    },
    moveTop(to) {
      const slot = slots[0];
      heap.remove(slot);
      to.add(slot);
    },
    clear() {
      place.fill(-1);
      size = 0;
    },
  };
  return heap;
}
