/**
 * Fits detectors from history, in a worker, one at a time: offered rows -> schedule -> fit -> model store -> use. Up to 16 entities of a kind have a model of
 * their own; more share one, which sees every entity on its own scale.
 */
import type { Clock } from '../clock.ts';
import type { MonitorConfig } from '../config/monitors.ts';
import type { Detector, Entity, Rows } from '../flow.ts';
import type { History } from '../history/history.ts';
import type { PipelineObserver } from '../observe.ts';
import { reasonOf } from '../store/write-failure.ts';
import { fitInWorker } from '../training/fit-in-worker.ts';
import type { ModelKey, ModelManifest, ModelStore } from '../training/model-store.ts';
import { createScheduler } from '../training/scheduler.ts';
import type { ModelList, ModelStatus } from '../wire/model.ts';
import type { FittedModel, Group } from './group.ts';
import type { Monitor } from './monitor.ts';

/** entities of one kind that have models of their own */
const OWN_MODELS = 16;
/** rows a fit reads at most: they pass through this process's memory */
const MOST_ROWS = 20_000;
const FIT_TIMEOUT_MS = 300_000;
const DAY_MS = 86_400_000;
const SHOWN_THRESHOLDS = 20;
/** entities whose rows a shared model is fitted on */
const SHARED_ENTITIES = 300;

/** Entities of one schema as training sees them. */
export interface TrainingMember {
  readonly group: Group;
  readonly history: History;
  /** rows in the history of each entity, by index */
  readonly steps: readonly number[];
  readonly detectors: readonly Detector[];
  readonly entities: readonly Entity[];
}

interface Subject {
  readonly config: MonitorConfig;
  readonly member: TrainingMember;
  readonly detector: number;
  /** index of the only entity, or undefined for a shared model */
  readonly entity: number | undefined;
}

export interface TrainerOptions {
  readonly clock: Clock;
  readonly observer: PipelineObserver;
  readonly models: ModelStore;
  readonly workerUrl: URL;
}

export interface Trainer {
  /** An entity has had its first row: it is scored with the model of an earlier run, or the one it shares. */
  meet(config: MonitorConfig, member: TrainingMember, entity: number): void;
  /** A step of one entity is in its history: its model may be due. */
  offer(config: MonitorConfig, member: TrainingMember, entity: number, time: number): void;
  /** what a detector of a monitor waits for or failed of, in one sentence; null when all is well */
  note(monitor: string, detector: string): string | null;
  models(monitors: readonly Monitor[]): ModelList;
  state(monitors: readonly Monitor[]): { monitor: string; progress: number | null; lastSuccessAt: number | null }[];
  /** Ends what is under way for one monitor. */
  cancel(monitor: string): void;
  stop(): Promise<void>;
}

export function createTrainer({ clock, observer, models, workerUrl }: TrainerOptions): Trainer {
  const { log } = observer;
  const subjects = new Map<string, Subject>();
  const manifests = new Map<string, ModelManifest>();
  const failures = new Map<string, string>();
  const lastSuccess = new Map<string, number>();
  /** steps of all entities of a shared model together */
  const sharedRows = new Map<string, number>();
  const sharedModels = new Map<string, FittedModel>();
  let progress: number | null = null;
  let cancelled = new AbortController();
  let stopped = false;

  const scheduler = createScheduler(async (key) => {
    const subject = subjects.get(key);
    if (!subject || stopped) return;
    const { name: monitor } = subject.config;
    const { name: detector } = subject.member.detectors[subject.detector];
    cancelled = new AbortController();
    progress = 0;
    try {
      await train(key, subject, cancelled.signal);
      failures.delete(`${monitor}\n${detector}`);
      lastSuccess.set(monitor, clock.now());
    } catch (error) {
      if (!cancelled.signal.aborted) {
        const { message } = error as Error;
        failures.set(`${monitor}\n${detector}`, `the last training failed: ${message}`);
        observer.count('training_failures_total', { monitor, detector });
        log.error('training failed', { monitor, group: groupOf(subject), detector, error: message });
      }
      throw error;
    } finally {
      progress = null;
    }
  });

  async function train(key: string, subject: Subject, signal: AbortSignal): Promise<void> {
    const { config, member } = subject;
    const detector = member.detectors[subject.detector];
    const { group } = member;
    const rows = subject.entity === undefined ? sharedRowsOf(member) : ownRowsOf(member, subject.entity, MOST_ROWS);
    const offered = rowsOf(key, subject);
    const fitted = await fitInWorker(
      workerUrl,
      {
        detector: detector.name,
        values: rows.values.data,
        time: rows.time,
        segment: rows.segment,
        features: group.columns,
        seed: config.seed,
        rowsPerDay: DAY_MS / config.stepMs,
      },
      {
        signal,
        timeoutMs: FIT_TIMEOUT_MS,
        resourceLimits: { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 512 },
        onProgress: (share) => (progress = share),
      },
    );
    const facts = {
      features: group.columns.map(({ name, unit }) => ({ name, unit })),
      rows: fitted.rows,
      trainedAt: clock.now(),
      seed: config.seed,
      options: { mean_score: fitted.meanScore, history_rows: offered },
      formatVersion: 1,
    };
    use(subject, fitted.model, fitted.meanScore, fitted.unseen);
    try {
      manifests.set(key, await models.save(keyOf(subject), fitted.model, facts));
    } catch (error) {
      // a full disk does not undo the fit: the model is in use, and a restart fits again
      observer.count('store_errors_total', { store: 'models', reason: reasonOf(error) });
      log.warn('the new model could not be saved', { ...keyOf(subject), error: (error as Error).message });
      manifests.set(key, { ...keyOf(subject), ...facts, version: 'v0', sha256: '', bytes: fitted.model.byteLength });
    }
    log.info('model fitted', { ...keyOf(subject), rows: fitted.rows, version: manifests.get(key)?.version });
  }

  function use(subject: Subject, bytes: ArrayBuffer, meanScore: number, unseen: Float64Array): void {
    const { member, detector, entity } = subject;
    const fitted: FittedModel = {
      model: member.detectors[detector].load(bytes),
      meanScore,
      shared: entity === undefined,
    };
    if (entity !== undefined) member.group.use(detector, entity, fitted, unseen);
    else {
      sharedModels.set(JSON.stringify(keyOf(subject)), fitted);
      for (const e of member.group.members()) member.group.use(detector, e, fitted, unseen);
    }
  }

  /** Rows there are to fit on; of a shared model those of the average entity, so that its schedule is that of any other. */
  function rowsOf(key: string, { member, entity }: Subject): number {
    if (entity !== undefined) return member.steps[entity] ?? 0;
    return Math.floor((sharedRows.get(key) ?? 0) / Math.max(1, member.group.memberCount()));
  }

  /** A model of an earlier run, if it fits what there is now. */
  function resume(key: string, subject: Subject): void {
    const stored = models.load(keyOf(subject));
    if (!stored) return;
    const { manifest, bytes } = stored;
    const columns = subject.member.group.columns.map(({ name }) => name).join();
    const meanScore = Number(manifest.options.mean_score);
    if (manifest.features.map(({ name }) => name).join() !== columns || !(meanScore > 0)) {
      log.warn('a stored model is of other features and is not used', { ...keyOf(subject), version: manifest.version });
      return;
    }
    try {
      use(subject, bytes, meanScore, new Float64Array(0));
      manifests.set(key, manifest);
      lastSuccess.set(subject.config.name, manifest.trainedAt);
      // what there was to fit on, of which the model may have seen a part: a restart alone is no reason to fit again
      scheduler.fitted(key, Number(manifest.options.history_rows) || manifest.rows, manifest.trainedAt);
    } catch (error) {
      observer.count('state_refused_total', { kind: 'model', reason: 'content' });
      log.warn('a stored model is not used', { ...keyOf(subject), error: (error as Error).message });
    }
  }

  /** The key of a detector's model for an entity. When that is asked for the first time, a model of an earlier run is taken into use. */
  function follow(config: MonitorConfig, member: TrainingMember, detector: number, entity: number): string {
    const own = member.group.memberCount() <= OWN_MODELS;
    const subject: Subject = { config, member, detector, entity: own ? entity : undefined };
    const key = JSON.stringify(keyOf(subject));
    if (subjects.get(key)?.member !== member) {
      subjects.set(key, subject);
      resume(key, subject);
    }
    return key;
  }

  return {
    meet(config, member, entity) {
      member.detectors.forEach((_, d) => {
        const key = follow(config, member, d, entity);
        const { group } = member;
        if (subjects.get(key)?.entity !== undefined) return;
        const shared = sharedModels.get(key);
        if (shared && !group.modelOf(d, entity)) group.use(d, entity, shared, new Float64Array(0));
      });
    },
    offer(config, member, entity, time) {
      member.detectors.forEach((detector, d) => {
        const key = follow(config, member, d, entity);
        const subject = subjects.get(key)!;
        if (subject.entity === undefined) sharedRows.set(key, (sharedRows.get(key) ?? 0) + 1);
        scheduler.offer({
          key,
          rows: rowsOf(key, subject),
          minimumRows: detector.minimumRows,
          rowsPerDay: DAY_MS / config.stepMs,
          now: time,
        });
      });
    },
    note: (monitor, detector) => failures.get(`${monitor}\n${detector}`) ?? null,
    models(monitors) {
      const wanted = new Set(monitors.map(({ config }) => config.name));
      const list: ModelStatus[] = [];
      for (const [key, subject] of subjects) {
        if (wanted.has(subject.config.name)) list.push(statusOf(subject, manifests.get(key), failures));
      }
      return { models: list };
    },
    state(monitors) {
      const running = scheduler.running();
      return monitors.map(({ config: { name } }) => ({
        monitor: name,
        progress: running !== undefined && subjects.get(running)?.config.name === name ? progress : null,
        lastSuccessAt: lastSuccess.get(name) ?? null,
      }));
    },
    cancel(monitor) {
      const prefix = JSON.stringify({ monitor }).slice(0, -1);
      scheduler.cancel(prefix);
      if (scheduler.running()?.startsWith(prefix)) cancelled.abort();
      for (const key of [...subjects.keys()]) if (key.startsWith(prefix)) subjects.delete(key);
    },
    async stop() {
      stopped = true;
      scheduler.cancel('');
      cancelled.abort();
      await scheduler.idle();
    },
  };
}

/** The newest rows of one entity in model units; all arrays are the caller's. */
function ownRowsOf({ group, history, entities }: TrainingMember, entity: number, limit: number): Rows {
  const { values, time, segment } = history.read(entities[entity].id, limit);
  const data = new Float64Array(values.rows * values.columns);
  group.transform.forward(values.data, values.rows, data);
  return { values: { ...values, data }, time: time.slice(), segment: segment.slice() };
}

/** Rows of some entities, evenly chosen, each on its own scale. */
function sharedRowsOf(member: TrainingMember): Rows {
  const { group } = member;
  const columns = group.columns.length;
  const members = group.members();
  const chosen = Math.min(members.length, SHARED_ENTITIES);
  const parts = Array.from({ length: chosen }, (_, i) => {
    const entity = members[Math.floor((i * members.length) / chosen)];
    const rows = ownRowsOf(member, entity, Math.ceil(MOST_ROWS / chosen));
    for (let r = 0; r < rows.values.rows; r++) group.standardise(entity, rows.values.data, r);
    return rows;
  });
  const total = parts.reduce((sum, part) => sum + part.values.rows, 0);
  const joined = {
    values: { rows: total, columns, data: new Float64Array(total * columns) },
    time: new Float64Array(total),
    segment: new Int32Array(total),
  };
  let at = 0;
  let segments = 0;
  for (const part of parts) {
    joined.values.data.set(part.values.data, at * columns);
    joined.time.set(part.time, at);
    let last = -1;
    for (let r = 0; r < part.values.rows; r++) {
      if (r === 0 || part.segment[r] !== part.segment[r - 1]) last = segments++;
      joined.segment[at + r] = last;
    }
    at += part.values.rows;
  }
  return joined;
}

function groupOf({ member, entity }: Subject): string {
  return entity === undefined ? member.group.schema.name : member.entities[entity].id;
}

function keyOf(subject: Subject): ModelKey {
  return {
    monitor: subject.config.name,
    group: groupOf(subject),
    detector: subject.member.detectors[subject.detector].name,
  };
}

function statusOf(
  subject: Subject,
  manifest: ModelManifest | undefined,
  failures: ReadonlyMap<string, string>,
): ModelStatus {
  const { member, detector, entity } = subject;
  const { group, entities } = member;
  const members = entity === undefined ? group.members() : [entity];
  const warmup =
    members.reduce((sum, e) => sum + (group.modelOf(detector, e) ? group.warmup(e) : 0), 0) / members.length;
  const key = keyOf(subject);
  return {
    ...key,
    version: manifest?.version ?? null,
    trainedAt: manifest?.trainedAt ?? null,
    rows: manifest?.rows ?? 0,
    features: group.columns.map(({ name }) => name),
    warmup,
    trusted: warmup >= 1,
    thresholds: members
      .slice(0, SHOWN_THRESHOLDS)
      .map((e) => ({ entity: entities[e].id, threshold: group.threshold(e, detector) }))
      .filter(({ threshold }) => Number.isFinite(threshold)),
    sha256: manifest?.sha256 ?? null,
    bytes: manifest?.bytes ?? 0,
    parameters: { seed: subject.config.seed, minimum_rows: member.detectors[detector].minimumRows },
    lastError: failures.get(`${key.monitor}\n${key.detector}`) ?? null,
  };
}
