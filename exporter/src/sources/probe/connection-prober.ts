/**
 * Probes that open a connection: one at a time, timed from the moment the address is known to the answer.
 *
 * No timers: an attempt is timed out when the next one is due, so it can hold its socket for one interval longer than its timeout, and an answer that
 * came too late is lost all the same. Times are taken in the event loop, so work of the same process that holds the loop adds to them.
 */
import type { Clock } from '../../clock.ts';
import type { Prober } from './prober.ts';
import type { LossReason } from './reasons.ts';
import type { Tally } from './tally.ts';

export interface AttemptEvents {
  /** the address is known: the time of the name lookup does not count as latency */
  resolved(): void;
  /** the answer is there (no reason) or the attempt failed; only the first call counts */
  settle(failure?: LossReason | 'local_error'): void;
}

/** Starts one attempt and returns what ends it: closes the socket, whatever state it is in. */
export type Attempt = (events: AttemptEvents) => () => void;

export function connectionProber(attempt: Attempt, tally: Tally, timeoutMs: number, clock: Clock): Prober {
  let close = () => {};
  let pending = false;
  let startedAt = 0;
  /** intervals that the current attempt has taken: it stands for the probes that could not be made meanwhile */
  let intervals = 0;
  /** answers to an older attempt are told apart by its number */
  let current = 0;
  let stopped = false;

  return {
    probe() {
      if (stopped) return;
      if (pending) {
        if (clock.monotonic() - startedAt < timeoutMs) {
          intervals++;
          return;
        }
        pending = false;
        tally.lost('timeout', intervals);
      }
      close();
      const number = ++current;
      pending = true;
      intervals = 1;
      startedAt = clock.monotonic();
      let resolvedAt = startedAt;
      close = attempt({
        resolved() {
          resolvedAt = clock.monotonic();
        },
        settle(failure) {
          if (!pending || number !== current) return;
          pending = false;
          const now = clock.monotonic();
          if (failure === 'local_error') tally.unmeasured(failure);
          else if (failure) tally.lost(failure, intervals);
          else if (now - startedAt > timeoutMs) tally.lost('timeout', intervals);
          else tally.reply((now - resolvedAt) / 1000);
        },
      });
    },
    async stop() {
      stopped = true;
      pending = false;
      close();
    },
    blocked: () => undefined,
  };
}
