/**
 * Wall time, monotonic time and timers behind one seam: event time comes from rows, timers from here, so that days replay in seconds.
 */

export interface Clock {
  /** ms since the epoch */
  now(): number;
  /** ms, never goes back */
  monotonic(): number;
  /** resolves after `ms`, or at once when `signal` aborts; never rejects */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Steps of the wall clock smaller than this are smoothed away; larger ones are a jump. */
const JUMP_MS = 500;

/**
 * The machine's clock. `now` follows the monotonic clock, so that NTP's small corrections never make time run backwards; a step of more than
 * 0.5 s (someone set the clock, the machine slept) is adopted and told to `onJump` with its size in ms.
 */
export function systemClock(onJump: (byMs: number) => void = () => {}): Clock {
  let read = performance.now();
  let offset = Date.now() - read;
  return {
    now() {
      const elapsed = performance.now() - read;
      read += elapsed;
      const drift = Date.now() - read - offset;
      if (Math.abs(drift) > JUMP_MS) {
        offset += drift;
        onJump(drift);
      } else {
        // at most 5 % of the time that passed: time slows down or hurries, it never turns
        offset += Math.max(-0.05 * elapsed, Math.min(0.05 * elapsed, drift));
      }
      return Math.round(read + offset);
    },
    monotonic: () => performance.now(),
    sleep(ms, signal) {
      return new Promise((resolve) => {
        if (signal?.aborted) return resolve();
        const done = () => {
          clearTimeout(timer);
          signal?.removeEventListener('abort', done);
          resolve();
        };
        const timer = setTimeout(done, Math.max(0, ms));
        signal?.addEventListener('abort', done, { once: true });
      });
    },
  };
}

/** A clock that moves only when told, or by itself when somebody sleeps: replays and tests of time are exact. */
export function manualClock(
  start = Date.UTC(2026, 0, 1),
): Clock & { advance(ms: number): void; jump(ms: number): void } {
  let monotonic = 0;
  let offset = start;
  return {
    now: () => monotonic + offset,
    monotonic: () => monotonic,
    async sleep(ms) {
      monotonic += Math.max(0, ms);
      await Promise.resolve();
    },
    advance(ms) {
      monotonic += ms;
    },
    jump(ms) {
      offset += ms;
    },
  };
}
