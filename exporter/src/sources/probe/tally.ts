/**
 * What became of the probes of one target: latency since the last sample, jitter, and loss over the last `window` probes.
 *
 * Jitter is the interarrival jitter of RFC 3550, section 6.4.1: J += (|D| - J) / 16, where D is the difference of two latencies in a row. The
 * RFC takes one-way transit times; round trips are used here, so that a change on either way counts.
 */
import type { LocalReason, LossReason } from './reasons.ts';

export interface Tally {
  /** A probe was answered after `seconds`; NaN when it was answered but the time is not known. */
  reply(seconds: number): void;
  /** A probe was lost. `times`: how many probes of the window it stands for. */
  lost(reason: LossReason, times?: number): void;
  /** No probe could be made, so nothing is known about the target. */
  unmeasured(reason: LocalReason): void;
  /** Drops everything: loss is unknown until the next probe. */
  forget(): void;
  /** Writes latency (mean of the replies since the last call, NaN without one), jitter and loss at `offset`; false when nothing is known. */
  sample(out: Float64Array, offset: number): boolean;
  /** 0..1, NaN before the first probe */
  loss(): number;
}

const JITTER_GAIN = 1 / 16;

export function tally(window: number, onFailure: (reason: LossReason | LocalReason) => void): Tally {
  const lost = new Uint8Array(window);
  let next = 0;
  let filled = 0;
  let losses = 0;
  let sum = 0;
  let replies = 0;
  let previous = NaN;
  let jitter = 0;
  let differences = 0;

  const push = (isLost: 0 | 1) => {
    if (filled === window) losses -= lost[next];
    else filled++;
    lost[next] = isLost;
    losses += isLost;
    next = (next + 1) % window;
    // latencies from before and after an outage are no pair
    if (losses === filled) previous = NaN;
  };
  const loss = () => (filled === 0 ? NaN : losses / filled);

  return {
    loss,
    reply(seconds) {
      push(0);
      if (Number.isNaN(seconds)) return;
      sum += seconds;
      replies++;
      if (!Number.isNaN(previous)) {
        jitter += (Math.abs(seconds - previous) - jitter) * JITTER_GAIN;
        differences++;
      }
      previous = seconds;
    },
    lost(reason, times = 1) {
      for (let i = Math.min(times, window); i > 0; i--) push(1);
      onFailure(reason);
    },
    unmeasured: onFailure,
    forget() {
      next = filled = losses = sum = replies = jitter = differences = 0;
      previous = NaN;
    },
    sample(out, offset) {
      out[offset] = replies === 0 ? NaN : sum / replies;
      out[offset + 1] = differences === 0 || losses === filled ? NaN : jitter;
      out[offset + 2] = loss();
      sum = replies = 0;
      return filled > 0;
    },
  };
}
