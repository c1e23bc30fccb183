/**
 * How the exporter watches itself: the log, the counters that rooms raise by name, and a wrapper that times any stage, counts its rows and
 * errors, and logs its failures. prom-client holds the metrics; `outputs` renders them.
 *
 * Counters and stages are plain numbers that prom-client reads at the scrape, so that raising one costs a look-up and an addition.
 */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Clock } from './clock.ts';
import type { CounterName, Log, Observer } from './flow.ts';
import { BUILD_INFO, COUNTERS, SCORE_DURATION, STAGE_METRICS, VERDICT_DELAY } from './observe/declared.ts';
import { createLogger, describeError, type LogFormat, type LogLevel } from './observe/logger.ts';
import { registerProcessMetrics } from './observe/process-metrics.ts';

export interface ObserverOptions {
  /** the exporter's version, as `netpulse_build_info` shows it */
  readonly version: string;
  readonly clock: Clock;
  /** default `info` */
  readonly level?: LogLevel;
  /** default `logfmt` */
  readonly format?: LogFormat;
  /** where log lines go; default stderr, synchronous */
  readonly write?: (line: string) => void;
}

/** What the pipeline holds; rooms see the `Observer` part only. */
export interface PipelineObserver extends Observer {
  readonly log: Log;
  readonly registry: Registry;
  /** Drops every counter and stage of a monitor that is gone; should it come back, they start from 0. */
  forget(monitor: string): void;
  /** Shows a counter as 0 before it is first raised, so that its first increase is one. */
  preset(name: CounterName, labels: Record<string, string>): void;
  /**
   * Runs one stage over `rows` rows and returns its result. A stage that throws never spoils the flow: the error is logged (at once, then at most
   * every minute while it lasts), counted, and the result is undefined.
   */
  observeStage<T>(stage: string, rows: number, run: () => T): T | undefined;
  /** The same for a stage that takes its time; the promise never rejects. */
  observeStageAsync<T>(stage: string, rows: number, run: () => Promise<T>): Promise<T | undefined>;
  observeScoreDuration(detector: string, seconds: number): void;
  /** A delay below 0 (the clock stepped back) counts as 0. */
  observeVerdictDelay(seconds: number): void;
  /** Ends the watch over the event loop. Counting and logging stay possible. */
  stop(): void;
}

/** More label sets than this, and the next ones are counted under `other`. */
const MAX_CHILDREN = 200;
const FAILURE_LOG_INTERVAL_MS = 60_000;
/** seconds: 10 us to 100 ms */
const SCORE_BUCKETS = [1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 0.01, 0.025, 0.05, 0.1];
const DELAY_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

interface Child {
  readonly labels: Record<string, string>;
  value: number;
}

interface Stage {
  readonly labels: { readonly stage: string };
  success: number;
  seconds: number;
  rows: number;
  errors: number;
  /** monotonic ms of the last line about a failure */
  loggedAt: number;
  unlogged: number;
  failuresInARow: number;
  /** the log says that it fails, and not yet that it works again */
  announced: boolean;
}

export function createObserver(options: ObserverOptions): PipelineObserver {
  const { clock } = options;
  const log = createLogger({
    level: options.level ?? 'info',
    format: options.format ?? 'logfmt',
    clock,
    write: options.write,
  });
  const registry = new Registry();
  const children = new Map<CounterName, Map<string, Child>>();
  const misdeclared = new Set<CounterName>();

  for (const [name, { help, labels }] of Object.entries(COUNTERS) as [CounterName, (typeof COUNTERS)[CounterName]][]) {
    const own = new Map<string, Child>();
    children.set(name, own);
    if (labels.length === 0) own.set('', { labels: {}, value: 0 });
    new Counter({
      name: `netpulse_${name}`,
      help,
      labelNames: [...labels],
      registers: [registry],
      collect() {
        this.reset();
        for (const child of own.values()) this.inc(child.labels, child.value);
      },
    });
  }

  function childOf(name: CounterName, labels: Record<string, string>): Child {
    const names = COUNTERS[name].labels;
    if (!matches(names, labels) && !misdeclared.has(name)) {
      misdeclared.add(name);
      log.error('counter raised with labels it does not declare', {
        counter: name,
        labels: Object.keys(labels).join(','),
        declared: names.join(','),
      });
    }
    const own = children.get(name)!;
    const key = names.length === 1 ? (labels[names[0]] ?? '') : names.map((label) => labels[label] ?? '').join('\0');
    const known = own.get(key);
    if (known) return known;
    if (own.size >= MAX_CHILDREN && names.length > 0) {
      count('series_limit_hits_total', { limit: 'counter_labels' });
      return addChild(own, '\0other', names, () => 'other');
    }
    return addChild(own, key, names, (label) => labels[label] ?? '');
  }

  function count(name: CounterName, labels: Record<string, string>, by = 1): void {
    // a counter never falls; a caller's NaN would spoil it for good
    if (by > 0 && Number.isFinite(by)) childOf(name, labels).value += by;
  }

  const stages = new Map<string, Stage>();
  const stageGauge = (metric: { name: string; help: string }, read: (stage: Stage) => number) =>
    new Gauge({
      name: metric.name,
      help: metric.help,
      labelNames: ['stage'],
      registers: [registry],
      collect() {
        this.reset();
        for (const stage of stages.values()) this.set(stage.labels, read(stage));
      },
    });
  const stageCounter = (metric: { name: string; help: string }, read: (stage: Stage) => number) =>
    new Counter({
      name: metric.name,
      help: metric.help,
      labelNames: ['stage'],
      registers: [registry],
      collect() {
        this.reset();
        for (const stage of stages.values()) this.inc(stage.labels, read(stage));
      },
    });
  stageGauge(STAGE_METRICS.success, (stage) => stage.success);
  stageGauge(STAGE_METRICS.duration, (stage) => stage.seconds);
  stageCounter(STAGE_METRICS.rows, (stage) => stage.rows);
  stageCounter(STAGE_METRICS.errors, (stage) => stage.errors);

  function stageOf(name: string): Stage {
    let stage = stages.get(name);
    if (!stage) {
      stage = {
        labels: { stage: name },
        success: 1,
        seconds: 0,
        rows: 0,
        errors: 0,
        loggedAt: -Infinity,
        unlogged: 0,
        failuresInARow: 0,
        announced: false,
      };
      stages.set(name, stage);
    }
    return stage;
  }

  function succeeded(stage: Stage, startedAt: number): void {
    stage.seconds = (clock.monotonic() - startedAt) / 1000;
    stage.success = 1;
    // one line for each line about a failure: a stage that fails every other time is no flood either
    if (stage.announced) {
      log.info('stage works again', { stage: stage.labels.stage, failures: stage.failuresInARow });
      stage.announced = false;
    }
    stage.failuresInARow = 0;
  }

  function failed(stage: Stage, startedAt: number, error: unknown): void {
    const now = clock.monotonic();
    stage.seconds = (now - startedAt) / 1000;
    stage.success = 0;
    stage.errors += 1;
    stage.failuresInARow += 1;
    if (now - stage.loggedAt < FAILURE_LOG_INTERVAL_MS) {
      stage.unlogged += 1;
      return;
    }
    log.error('stage failed', { stage: stage.labels.stage, error: describeError(error), unlogged: stage.unlogged });
    if (error instanceof Error) log.debug('stack of the failure', { stage: stage.labels.stage, stack: error.stack });
    stage.loggedAt = now;
    stage.unlogged = 0;
    stage.announced = true;
  }

  const scoreDuration = new Histogram({
    name: SCORE_DURATION.name,
    help: SCORE_DURATION.help,
    labelNames: ['detector'],
    buckets: SCORE_BUCKETS,
    registers: [registry],
  });
  const scoreDurations = new Map<string, { observe(seconds: number): void }>();
  const verdictDelay = new Histogram({
    name: VERDICT_DELAY.name,
    help: VERDICT_DELAY.help,
    buckets: DELAY_BUCKETS,
    registers: [registry],
  });
  new Gauge({
    name: BUILD_INFO.name,
    help: BUILD_INFO.help,
    labelNames: [...BUILD_INFO.labels],
    registers: [registry],
  }).set({ version: options.version, node_version: process.version }, 1);
  const stopProcessMetrics = registerProcessMetrics(registry);

  return {
    log,
    registry,
    count,
    preset: (name, labels) => void childOf(name, labels),
    forget(monitor) {
      for (const own of children.values())
        for (const [key, { labels }] of own) if (labels.monitor === monitor) own.delete(key);
      stages.delete(monitor);
    },
    observeStage(name, rows, run) {
      const stage = stageOf(name);
      const startedAt = clock.monotonic();
      stage.rows += rows;
      try {
        const result = run();
        succeeded(stage, startedAt);
        return result;
      } catch (error) {
        failed(stage, startedAt, error);
        return undefined;
      }
    },
    async observeStageAsync(name, rows, run) {
      const stage = stageOf(name);
      const startedAt = clock.monotonic();
      stage.rows += rows;
      try {
        const result = await run();
        succeeded(stage, startedAt);
        return result;
      } catch (error) {
        failed(stage, startedAt, error);
        return undefined;
      }
    },
    observeScoreDuration(detector, seconds) {
      if (!Number.isFinite(seconds)) return;
      let child = scoreDurations.get(detector);
      if (!child) scoreDurations.set(detector, (child = scoreDuration.labels({ detector })));
      child.observe(seconds);
    },
    observeVerdictDelay(seconds) {
      if (Number.isFinite(seconds)) verdictDelay.observe(Math.max(0, seconds));
    },
    stop: stopProcessMetrics,
  };
}

function matches(names: readonly string[], labels: Record<string, string>): boolean {
  let seen = 0;
  for (const label in labels) {
    if (!names.includes(label)) return false;
    seen += 1;
  }
  return seen === names.length;
}

function addChild(
  own: Map<string, Child>,
  key: string,
  names: readonly string[],
  valueOf: (label: string) => string,
): Child {
  const known = own.get(key);
  if (known) return known;
  const child = { labels: Object.fromEntries(names.map((label) => [label, valueOf(label)])), value: 0 };
  own.set(key, child);
  return child;
}
