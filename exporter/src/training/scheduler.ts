/**
 * When a model is fitted: as soon as there are enough rows, again each time they have doubled until there is a day of them, then daily. One fit at a time;
 * a failed one waits twice as long each time. Driven by `offer` alone and without timers of its own, in event time.
 */

const DAY_MS = 86_400_000;
const FIRST_PAUSE_MS = 60_000;
const LONGEST_PAUSE_MS = 6 * 3_600_000;

interface Plan {
  fittedRows: number;
  fittedAt: number;
  failures: number;
  failedAt: number;
  queued: boolean;
}

export interface Offer {
  /** one string for each model */
  readonly key: string;
  /** rows there are to fit on, and the fewest that make sense */
  readonly rows: number;
  readonly minimumRows: number;
  readonly rowsPerDay: number;
  /** event time, ms */
  readonly now: number;
}

export interface Scheduler {
  /** Starts a fit or queues it if one is due. */
  offer(offer: Offer): void;
  /** A model that was loaded from disk counts as fitted. */
  fitted(key: string, rows: number, at: number): void;
  /** the fit under way */
  running(): string | undefined;
  /** Forgets keys with this prefix: what is queued does not start, and offers count as the first ones again. What runs goes on. */
  cancel(prefix: string): void;
  /** Resolves when the fit under way has ended. */
  idle(): Promise<void>;
}

/** `run` fits one model; when it rejects the failure has been told already. */
export function createScheduler(run: (key: string) => Promise<void>): Scheduler {
  const plans = new Map<string, Plan>();
  const queue: { key: string; rows: number; now: number }[] = [];
  let current: string | undefined;
  let work: Promise<void> = Promise.resolve();

  function planOf(key: string): Plan {
    let plan = plans.get(key);
    if (!plan)
      plans.set(key, (plan = { fittedRows: 0, fittedAt: -Infinity, failures: 0, failedAt: -Infinity, queued: false }));
    return plan;
  }

  function due(plan: Plan, { rows, minimumRows, rowsPerDay, now }: Offer): boolean {
    if (plan.queued || rows < minimumRows) return false;
    // a clock that was set back must not stop training until it has caught up: only how far apart two times are counts
    const since = (then: number) => Math.abs(now - then);
    const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (plan.failures - 1));
    if (plan.failures > 0 && since(plan.failedAt) < pause) return false;
    if (plan.fittedRows === 0) return true;
    // rows in a full ring stop growing: from then on only the day counts
    if (plan.fittedRows < rowsPerDay && rows >= Math.min(2 * plan.fittedRows, rowsPerDay)) return true;
    return since(plan.fittedAt) >= DAY_MS;
  }

  async function drain(): Promise<void> {
    for (let next = queue.shift(); next; next = queue.shift()) {
      const plan = planOf(next.key);
      current = next.key;
      try {
        await run(next.key);
        Object.assign(plan, { fittedRows: next.rows, fittedAt: next.now, failures: 0 });
      } catch {
        plan.failures++;
        plan.failedAt = next.now;
      } finally {
        plan.queued = false;
        current = undefined;
      }
    }
  }

  return {
    offer(offer) {
      const plan = planOf(offer.key);
      if (!due(plan, offer)) return;
      plan.queued = true;
      queue.push({ key: offer.key, rows: offer.rows, now: offer.now });
      if (current === undefined && queue.length === 1) work = work.then(drain);
    },
    fitted(key, rows, at) {
      Object.assign(planOf(key), { fittedRows: rows, fittedAt: at });
    },
    running: () => current,
    cancel(prefix) {
      queue.splice(0, queue.length, ...queue.filter(({ key }) => !key.startsWith(prefix)));
      for (const key of [...plans.keys()]) if (key.startsWith(prefix)) plans.delete(key);
    },
    idle: () => work,
  };
}
