/**
 * Connects the rooms in the order of the flow:
 *
 *   sources -> features -> detectors -> decision -> incidents -> outputs
 *                 |           ^
 *              history -> training
 *
 * Starts downstream first and stops upstream first, so that nothing is sent to what is not there.
 */
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Clock } from './clock.ts';
import { checkFeatureNames, type Config } from './config.ts';
import { fingerprint, type MonitorConfig } from './config/monitors.ts';
import { severityName } from './decision/severity.ts';
import type { IncidentEvent, Source, Verdicts } from './flow.ts';
import { createTracker } from './incidents/tracker.ts';
import type { PipelineObserver } from './observe.ts';
import { createMetricsPage } from './outputs/exposition.ts';
import { createWebServer } from './outputs/rest/server.ts';
import { createScoreboard } from './outputs/scoreboard.ts';
import type { Service } from './outputs/service.ts';
import type { Group } from './pipeline/group.ts';
import { restoreIncidents, saveIncidents, saveIncidentsSync } from './pipeline/incident-state.ts';
import { changedMonitor, checkEnsemble, UnknownMonitorError, type EnsembleChange } from './pipeline/ensemble-change.ts';
import { createMonitor, type Monitor } from './pipeline/monitor.ts';
import { save, saveSync } from './pipeline/save.ts';
import { statusOf } from './pipeline/status.ts';
import { topologyOf } from './pipeline/topology.ts';
import { createTrainer } from './pipeline/trainer.ts';
import { sourceTypes } from './sources/registry.ts';
import { readEvaluations } from './store/evaluations.ts';
import { openIncidentJournal } from './store/journal.ts';
import { acquireLock } from './store/lock.ts';
import { refusalOf } from './store/refused-file.ts';
import { openModelStore } from './training/model-store.ts';

const SAVE_MS = 60_000;
const SILENCE_CHECK_MS = 15_000;
/** what a stop may take: sources, then files; together below the 5 s that a service manager is promised */
const SOURCES_STOP_MS = 1000;
const JOURNAL_STOP_MS = 1000;

export interface PipelineContext {
  readonly config: Config;
  readonly clock: Clock;
  readonly observer: PipelineObserver;
  readonly version: string;
  /** reads the configuration anew; throws with every problem */
  readConfig(): Config;
}

export interface Pipeline {
  readonly address: { address: string; port: number };
  /** Takes over the new configuration, or rejects and keeps the old one. */
  reload(): Promise<void>;
  /** Ends sources, saves everything, closes the server. True when a thread hangs in the kernel, so that only SIGKILL ends the process. */
  stop(): Promise<boolean>;
}

interface Running {
  readonly monitor: Monitor;
  readonly stop: AbortController;
  readonly ended: Promise<void>;
}

/** Rejects with what is wrong (folder in use, port in use, a source that cannot work here) and leaves nothing behind. */
export async function startPipeline(context: PipelineContext): Promise<Pipeline> {
  const { clock, observer } = context;
  const { log } = observer;
  let config = context.config;
  const sources = createSources(config.monitors, config, observer);
  checkFeatureNames(config, (monitor) => sources.get(monitor.name)?.schemas ?? []);

  const folder = config.storagePath;
  const lock = await acquireLock(folder, { observer });
  const startedAt = clock.now();
  const reloads = { lastReloadSuccessful: true, lastReloadAt: startedAt, lastReloadError: null as string | null };
  const running = new Map<string, Running>();
  let ready = false;
  let stopping = false;
  let reloading: Promise<void> = Promise.resolve();
  let inventory: Record<string, string | number> = {};

  const journal = openIncidentJournal(join(folder, 'incidents'), { observer });
  const tracker = createTracker(severityName);
  try {
    restoreIncidents(folder, tracker, journal);
  } catch (cause) {
    observer.count('state_refused_total', { kind: 'incident-state', reason: refusalOf(cause) });
    log.warn('saved incidents are not used', { error: (cause as Error).message });
  }
  const scoreboard = createScoreboard({
    clock,
    observer,
    maxFeatureEntities: config.metrics.featureEntities,
    expected: (monitor, schema, entity) => running.get(monitor)?.monitor.expected(schema, entity) ?? [],
  });
  const trainer = createTrainer({
    clock,
    observer,
    models: openModelStore(join(folder, 'models'), observer),
    workerUrl: new URL('./training-worker.js', import.meta.url),
  });
  const monitors = () => [...running.values()].map(({ monitor }) => monitor);
  const allEntities = () => scoreboard.entities(Infinity);
  const topology = () =>
    topologyOf(
      monitors().map(({ source }) => source),
      allEntities(),
    );

  const metrics = createMetricsPage({
    scoreboard,
    registry: observer.registry,
    observer,
    maxSeries: config.metrics.maxSeries,
    state: {
      models: () => trainer.models(monitors()),
      training: () => trainer.state(monitors()),
      sources: () =>
        monitors().map((monitor) => ({
          monitor: monitor.config().name,
          source: monitor.config().source,
          up: monitor.up(),
          lastSampleAt: scoreboard.totals(monitor.config().name).lastSampleAt,
        })),
      config: () => ({ lastReloadSuccessful: reloads.lastReloadSuccessful, lastSuccessAt: reloads.lastReloadAt }),
      topology,
    },
  });
  const service: Service = {
    status: () =>
      statusOf({
        version: context.version,
        startedAt,
        now: clock.now(),
        hostname: hostname(),
        inventory,
        config: { file: config.file, ...reloads },
        monitors: monitors(),
        scoreboard,
        incidentsOpen: tracker.open().length,
      }),
    incidents: (query) => journal.list(query),
    incident: (id) => journal.incident(id),
    models: () => trainer.models(monitors()),
    evaluations: () => readEvaluations(folder, observer),
    topology,
    metrics,
    reload,
    changeEnsemble,
    ready: () => ready,
  };
  const web = createWebServer({ options: config.web, service, observer, clock });

  function emit(verdicts: Verdicts | undefined, events: readonly IncidentEvent[]): void {
    if (verdicts) observer.observeStage('scoreboard', verdicts.rows, () => scoreboard.write(verdicts, events));
    for (const event of events) {
      journal.append(event);
      const { id, host, kind, severity, summary } = event.incident;
      if (event.type === 'opened') log.warn('incident opened', { id, host, kind, severity, summary });
      else if (event.type === 'closed') log.info('incident closed', { id, host, kind, severity });
    }
  }

  function deliver(verdicts: Verdicts, group: Group): void {
    const events = observer.observeStage('incidents', verdicts.rows, () =>
      tracker.apply(verdicts, (row) => group.kindOf(verdicts, row)),
    );
    for (const { type, incident } of events ?? []) {
      if (type !== 'opened') continue;
      const entity = verdicts.entities.findIndex(({ id }) => id === incident.entity);
      group.incidentOpened(entity, incident.openedAt);
    }
    emit(verdicts, events ?? []);
  }

  function startMonitor(monitorConfig: MonitorConfig, source: Source): void {
    const stop = new AbortController();
    const monitor = createMonitor({ config: monitorConfig, source, clock, observer, folder, trainer, deliver });
    scoreboard.setMonitor(monitorConfig.name, { intervalMs: monitorConfig.intervalMs, source: monitorConfig.source });
    observer.preset('source_errors_total', { monitor: monitorConfig.name, reason: 'failed' });
    for (const detector of monitorConfig.detectors)
      if (detector !== 'baseline')
        observer.preset('training_failures_total', { monitor: monitorConfig.name, detector });
    const ended = monitor.run(stop.signal).catch((cause: unknown) => {
      log.error('monitor ended', { monitor: monitorConfig.name, error: (cause as Error).message });
    });
    running.set(monitorConfig.name, { monitor, stop, ended });
  }

  /** Ends one monitor: its source, then its files. The monitor's state stays on disk. */
  async function stopMonitor(name: string): Promise<void> {
    const found = running.get(name);
    if (!found) return;
    found.stop.abort();
    await within(SOURCES_STOP_MS, found.ended);
    trainer.cancel(name);
    running.delete(name);
    found.monitor.close();
  }

  /** One at a time, whoever asks: two at once would both start what only one of them has stopped. */
  function reload(): Promise<void> {
    const mine = reloading.then(reloadNow);
    reloading = mine.catch(() => undefined);
    return mine;
  }

  async function reloadNow(): Promise<void> {
    if (stopping) throw new Error('the exporter stops');
    try {
      const next = context.readConfig();
      const unchanged = await replaceMonitors(next);
      trainer.refresh();
      for (const key of ['storagePath', 'web', 'log', 'paths', 'metrics'] as const)
        if (JSON.stringify(next[key]) !== JSON.stringify(config[key]))
          log.warn('a changed option takes effect at the next start', { option: key });
      config = { ...next, storagePath: config.storagePath, web: config.web, log: config.log, paths: config.paths };
      reloads.lastReloadSuccessful = true;
      reloads.lastReloadAt = clock.now();
      reloads.lastReloadError = null;
      log.info('configuration reloaded', { monitors: next.monitors.length, unchanged });
    } catch (cause) {
      reloads.lastReloadSuccessful = false;
      reloads.lastReloadError = (cause as Error).message;
      log.error('configuration not reloaded, the old one stays', { error: (cause as Error).message });
      throw cause;
    }
  }

  /** Stops, starts and keeps monitors until they are those of `next`; gives how many were kept. */
  async function replaceMonitors(next: Config): Promise<number> {
    const unchanged = new Set(
      next.monitors
        .filter((monitor) => running.get(monitor.name)?.monitor.fingerprint() === fingerprint(monitor))
        .map((monitor) => monitor.name),
    );
    const changed = next.monitors.filter((monitor) => !unchanged.has(monitor.name));
    for (const { name, detectors, ensemble } of changed) checkEnsemble(name, detectors, ensemble);
    const fresh = createSources(changed, next, observer);
    checkFeatureNames(next, ({ name }) => fresh.get(name)?.schemas ?? running.get(name)?.monitor.source.schemas ?? []);
    for (const name of [...running.keys()]) {
      if (unchanged.has(name)) continue;
      const entities = entitiesOf(name);
      await stopMonitor(name);
      if (next.monitors.some((monitor) => monitor.name === name)) {
        tracker.renew(name, entities);
        continue;
      }
      emit(undefined, endIncidents(name));
      scoreboard.removeMonitor(name);
      observer.forget(name);
    }
    if (stopping) throw new Error('the exporter stops');
    for (const monitor of next.monitors) {
      const source = fresh.get(monitor.name);
      if (source) startMonitor(monitor, source);
    }
    return unchanged.size;
  }

  /** Other members, weights or detectors of one monitor, until the next reload or start. Members and weights change between two rows; other detectors start the monitor again. */
  function changeEnsemble(name: string, change: EnsembleChange): Promise<void> {
    const mine = reloading.then(async () => {
      const found = running.get(name)?.monitor;
      if (!found) throw new UnknownMonitorError(name, [...running.keys()]);
      const changed = changedMonitor(found.config(), change);
      checkEnsemble(name, changed.detectors, changed.ensemble);
      if (change.detectors === undefined) found.setEnsemble(changed.ensemble);
      else
        await replaceMonitors({
          ...config,
          monitors: monitors().map(({ config: own }) => (own().name === name ? changed : own())),
        });
      log.info('ensemble changed', { monitor: name, detectors: changed.detectors.join(), ...changed.ensemble });
    });
    reloading = mine.catch(() => undefined);
    return mine;
  }

  /** Closes the incidents of a monitor that is gone; the scoreboard is told, so that its counts are right. */
  function endIncidents(monitor: string): IncidentEvent[] {
    const events = tracker.release(monitor, () => true, clock.now());
    scoreboard.apply(events);
    tracker.forget(monitor);
    return events;
  }

  const entitiesOf = (monitor: string) => running.get(monitor)?.monitor.source.entities ?? [];
  const timers = [
    every(SAVE_MS, () => {
      for (const monitor of monitors()) void monitor.save();
      void save(observer, 1, () => saveIncidents(folder, tracker.save(entitiesOf)));
    }),
    every(SILENCE_CHECK_MS, endSilent),
  ];

  let silentBefore = new Set<string>();
  /** An entity that has been silent at two checks can no longer calm down: its part in an incident ends. */
  function endSilent(): void {
    const silent = new Set<string>();
    for (const { sources: parts } of tracker.open())
      for (const { monitor, entity } of parts)
        if (scoreboard.entity(monitor, entity) === undefined) silent.add(`${monitor}\n${entity}`);
    // also those of monitors that are configured no more: their entities never speak again
    const named = new Set(tracker.open().flatMap(({ sources: parts }) => parts.map(({ monitor }) => monitor)));
    for (const monitor of named) {
      const gone = (entity: string) => silent.has(`${monitor}\n${entity}`) && silentBefore.has(`${monitor}\n${entity}`);
      const events = tracker.release(monitor, gone, clock.now());
      scoreboard.apply(events);
      emit(undefined, events);
    }
    silentBefore = silent;
  }

  async function stop(): Promise<boolean> {
    ready = false;
    stopping = true;
    for (const timer of timers) clearInterval(timer);
    await trainer.stop();
    for (const { stop: end } of running.values()) end.abort();
    await within(SOURCES_STOP_MS, Promise.all([...running.values()].map(({ ended }) => ended)));
    const stuck = [...running.values()].some(({ monitor }) => hasStuckWorkers(monitor.source));
    const saved = tracker.save(entitiesOf); // after the last batch, while it is known whose entities they are
    await Promise.all([...running.keys()].map(stopMonitor));
    saveSync(observer, 1, () => saveIncidentsSync(folder, saved));
    await journal.close(JOURNAL_STOP_MS);
    await web.stop();
    observer.stop();
    lock.release();
    return stuck;
  }

  try {
    const address = await web.start();
    for (const monitor of config.monitors) startMonitor(monitor, sources.get(monitor.name)!);
    scoreboard.restore(tracker.open());
    void loadInventory();
    ready = true;
    return { address, reload, stop };
  } catch (cause) {
    await stop();
    throw cause;
  }

  async function loadInventory(): Promise<void> {
    for (const source of sources.values()) {
      if (!source.inventory) continue;
      inventory = (await observer.observeStageAsync('inventory', 1, () => source.inventory!())) ?? inventory;
    }
  }
}

function createSources(
  monitors: readonly MonitorConfig[],
  config: Config,
  observer: PipelineObserver,
): Map<string, Source> {
  return new Map(
    monitors.map((monitor) => {
      try {
        const source = sourceTypes[monitor.source].create(monitor.options, {
          monitor: monitor.name,
          intervalMs: monitor.intervalMs,
          hostname: hostname(),
          observer,
          paths: config.paths,
        });
        return [monitor.name, source];
      } catch (cause) {
        throw new Error(`monitor "${monitor.name}": ${(cause as Error).message}`, { cause });
      }
    }),
  );
}

function every(ms: number, run: () => void): NodeJS.Timeout {
  const timer = setInterval(run, ms);
  timer.unref();
  return timer;
}

async function within(ms: number, promise: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([promise, new Promise((resolve) => (timer = setTimeout(resolve, ms)))]);
  clearTimeout(timer);
}

function hasStuckWorkers(source: Source): boolean {
  return (
    'hasStuckWorkers' in source && typeof source.hasStuckWorkers === 'function' && source.hasStuckWorkers() === true
  );
}
