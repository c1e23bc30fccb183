/**
 * The main thread's side of statfs-worker.ts: one question at a time, each with a timeout. A worker that does not answer in time is blocked in the kernel and
 * cannot be stopped: it is abandoned, and leaves by itself should the mount ever answer. The next question gets a new worker.
 */
import { SHARE_ENV, Worker } from 'node:worker_threads';

export interface StatfsQuestion {
  readonly id: number;
  readonly path: string;
}

/** Blocks of one size and inodes, as in statfs(2); or why the kernel refused. */
export type StatfsAnswer =
  | {
      readonly id: number;
      readonly blocks: number;
      readonly free: number;
      readonly available: number;
      readonly files: number;
      readonly filesFree: number;
    }
  | { readonly id: number; readonly error: string };

export type StatfsResult =
  Exclude<StatfsAnswer, { error: string }> | { readonly error: string } | { readonly hangs: Promise<void> };

export interface StatfsClient {
  /**
   * Asks one mount; wait for the result before asking the next. `hangs` resolves when the abandoned worker got out of the kernel. Never rejects: a worker
   * that cannot start or dies is an `error` that begins with `worker`.
   */
  ask(path: string): Promise<StatfsResult>;
  /** Ends the worker when it has nothing to do; the next question starts one. Asked every half minute, it is not worth its 8 MB in between. */
  rest(): void;
  /** abandoned workers that are still blocked in the kernel */
  stuck(): number;
  /** Stops the worker; one that is blocked right now counts as stuck afterwards. A question that is open is never answered. */
  stop(): Promise<void>;
}

/** Enough for a call and its answer; a worker with Node's own limits reserves more. */
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 1, stackSizeMb: 1 };

const START_MS = 30_000;

/** How long `stop` waits for a worker that may just be busy. */
const STOP_MS = 500;

interface Question {
  readonly id: number;
  readonly worker: Worker;
  /** Starts the time a mount has: now, or when the worker has started. */
  begin(): void;
  settle(result: StatfsResult): void;
  /** Never to be answered. */
  drop(): void;
}

/** `workerUrl`: the built statfs-worker.js. The worker starts with the first question. */
export function statfsClient(workerUrl: URL, timeoutMs: number): StatfsClient {
  const stuck = new Set<Worker>();
  let worker: Worker | undefined;
  let open: Question | undefined;
  let lastId = 0;

  function start(): Worker {
    const started = new Worker(workerUrl, {
      resourceLimits: RESOURCE_LIMITS,
      env: SHARE_ENV,
      execArgv: [],
      name: 'statfs',
    });
    started.unref();
    const lost = (error: string) => {
      if (worker === started) worker = undefined;
      if (open?.worker === started) open.settle({ error });
    };
    started.on('message', (answer: StatfsAnswer) => {
      if (open?.worker !== started) return;
      if (answer.id === 0) open.begin();
      else if (answer.id === open.id) open.settle('error' in answer ? { error: answer.error } : answer);
    });
    started.on('error', (error) => lost(`worker failed: ${error.message}`));
    started.on('exit', () => lost('worker ended'));
    return started;
  }

  /** Resolves when the worker is gone, which for a blocked one may be never. */
  function leave(gone: Worker): Promise<void> {
    if (worker === gone) worker = undefined;
    stuck.add(gone);
    const left = new Promise<void>((resolve) => {
      gone.once('exit', () => {
        stuck.delete(gone);
        resolve();
      });
    });
    void gone.terminate();
    // terminate holds the process for it
    gone.unref();
    return left;
  }

  return {
    ask(path) {
      const starting = worker === undefined;
      let asked: Worker;
      try {
        asked = worker ??= start();
      } catch (error) {
        return Promise.resolve({ error: `worker failed: ${(error as Error).message}` });
      }
      const id = ++lastId;
      return new Promise((resolve) => {
        let timer: NodeJS.Timeout;
        const drop = () => {
          clearTimeout(timer);
          open = undefined;
        };
        const settle = (result: StatfsResult) => {
          drop();
          resolve(result);
        };
        const limit = (ms: number, late: () => void) => {
          clearTimeout(timer);
          timer = setTimeout(() => {
            // when this thread was held up itself, the answer may be here already and is read first
            timer = setTimeout(late, 0);
          }, ms);
          timer.unref();
        };
        const begin = () => limit(timeoutMs, () => settle({ hangs: leave(asked) }));
        open = { id, worker: asked, begin, settle, drop };
        if (starting) {
          limit(START_MS, () => {
            void leave(asked);
            settle({ error: 'worker did not start' });
          });
        } else begin();
        const question: StatfsQuestion = { id, path };
        asked.postMessage(question);
      });
    },
    rest() {
      if (!worker || open) return;
      const idle = worker;
      worker = undefined;
      void idle.terminate();
    },
    stuck: () => stuck.size,
    async stop() {
      if (!worker) return;
      open?.drop();
      const left = leave(worker);
      let timer: NodeJS.Timeout | undefined;
      const patience = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, STOP_MS);
      });
      await Promise.race([left, patience]);
      clearTimeout(timer);
    },
  };
}
