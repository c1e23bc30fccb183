/** Gathers items that have something to write and writes them together, in slices that leave the event loop free in between. */
export interface WriteBehind<T> {
  add(item: T): void;
  remove(item: T): void;
  stop(): void;
}

export interface WriteBehindOptions<T> {
  /** Synchronous; false = failed, to be tried again. */
  readonly write: (item: T) => boolean;
  /** ms from the first item to the write */
  readonly delayMs: number;
  /** ms to the next try after a failure */
  readonly retryMs: number;
  /** longest time that the event loop is held, ms (one item more may be over it) */
  readonly sliceMs: number;
}

/** The timers are those of the disk, not of events: real time, also while days are replayed in seconds. They keep no process alive. */
export function createWriteBehind<T>(options: WriteBehindOptions<T>): WriteBehind<T> {
  const { write, delayMs, retryMs, sliceMs } = options;
  const waiting = new Set<T>();
  let round = new Set<T>();
  let timer: NodeJS.Timeout | undefined;
  let failed = false;
  let stopped = false;

  function schedule(ms: number): void {
    timer = setTimeout(begin, ms);
    timer.unref();
  }

  function begin(): void {
    round = new Set(waiting);
    waiting.clear();
    failed = false;
    slice();
  }

  function slice(): void {
    if (stopped) return;
    const until = performance.now() + sliceMs;
    for (const item of round) {
      round.delete(item);
      if (!write(item)) {
        waiting.add(item);
        failed = true;
      }
      if (performance.now() > until && round.size > 0) {
        setImmediate(slice);
        return;
      }
    }
    timer = undefined;
    if (waiting.size > 0) schedule(failed ? retryMs : delayMs);
  }

  return {
    add(item) {
      waiting.add(item);
      if (!timer && !stopped) schedule(delayMs);
    },
    remove(item) {
      waiting.delete(item);
      round.delete(item);
    },
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
