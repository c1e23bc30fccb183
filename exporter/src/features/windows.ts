/** Statistics of the last n samples of one series: what moments.ts and order-statistic.ts know, kept together. */
import { createMoments } from './moments.ts';
import type { Moments } from './moments.ts';
import { createOrderStatistic } from './order-statistic.ts';

export interface Window extends Moments {
  /** 95th percentile, an exact order statistic (nearest rank); NaN without a value */
  p95(): number;
}

/** `size` is the window in samples: O(log size) a push, O(1) a read, no allocation. Throws a RangeError when it is no positive whole number. */
export function createWindow(size: number): Window {
  const moments = createMoments(size);
  const order = createOrderStatistic(size, 0.95);
  return {
    ...moments,
    push(time, value) {
      moments.push(time, value);
      order.push(Number.isFinite(value) && Number.isFinite(time) ? value : NaN);
    },
    p95: order.value,
    reset() {
      moments.reset();
      order.reset();
    },
  };
}
