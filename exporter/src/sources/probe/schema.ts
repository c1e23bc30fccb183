import type { Schema } from '../../flow.ts';

/** Longest timeout that can be configured: no latency is ever larger, because a later answer is a lost probe. */
export const LONGEST_TIMEOUT_MS = 60_000;

const seconds: readonly [number, number] = [0, LONGEST_TIMEOUT_MS / 1000];

/**
 * One probe target. Seconds are left as they are: log1p bends nothing below one second. The minimum deviations keep a gateway that answers in
 * 0.3 ms quiet when it once takes 5 ms, and one lost probe in a window of ten is not yet news.
 */
export const TARGET_SCHEMA: Schema = {
  name: 'target',
  features: [
    {
      name: 'probe_latency_seconds',
      unit: 'seconds',
      help: 'Time to the answer: ICMP echo reply, TCP connection, HTTP response headers over a new connection.',
      kind: 'gauge',
      direction: 'up',
      transform: 'none',
      minimumDeviation: 0.02,
      range: seconds,
      peak: true,
    },
    {
      name: 'probe_jitter_seconds',
      unit: 'seconds',
      help: 'Smoothed difference of the latencies of answers in a row, as RFC 3550 defines interarrival jitter.',
      kind: 'gauge',
      direction: 'up',
      transform: 'none',
      minimumDeviation: 0.02,
      range: seconds,
    },
    {
      name: 'probe_loss_ratio',
      unit: 'ratio',
      help: 'Share of the last probes that were not answered, or not as expected.',
      kind: 'gauge',
      direction: 'up',
      transform: 'none',
      minimumDeviation: 0.15,
      range: [0, 1],
    },
  ],
};

export const FEATURES = TARGET_SCHEMA.features.length;
