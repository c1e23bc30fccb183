import type { Clock } from '../clock.ts';

/**
 * Ticks at `intervalMs`, aligned to the first one. A tick that comes a whole interval late is skipped and reported, never made up for:
 * a slow machine sees fewer samples, not a burst of them.
 */
export async function* ticks(
  intervalMs: number,
  clock: Clock,
  signal: AbortSignal,
  onSkipped: (count: number) => void,
): AsyncGenerator<void> {
  let due = clock.monotonic();
  while (!signal.aborted) {
    const wait = due - clock.monotonic();
    if (wait > 0) await clock.sleep(wait, signal);
    if (signal.aborted) return;
    yield;
    due += intervalMs;
    const late = Math.floor((clock.monotonic() - due) / intervalMs);
    if (late > 0) {
      onSkipped(late);
      due += late * intervalMs;
    }
  }
}
