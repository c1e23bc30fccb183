/**
 * Fits detectors from history, in a worker, one at a time: offered rows -> schedule -> fit -> is it no worse? -> model store -> use. Up to 16 entities of a kind
 * have a model of their own; more share one, which sees every entity on its own scale.
 */
import type { Clock } from '../clock.ts';
import type { MonitorConfig } from '../config/monitors.ts';
import type { PipelineObserver } from '../observe.ts';
import type { ModelStore } from '../training/model-store.ts';
import { createScheduler } from '../training/scheduler.ts';
import type { ModelList } from '../wire/model.ts';
import type { Monitor } from './monitor.ts';
import { fitSubject } from './trainer-fit.ts';
import { createTrainerModels, type Known } from './trainer-models.ts';
import { startProgress, type FitUnderWay } from './trainer-progress.ts';
import { statusOf } from './trainer-status.ts';
import { detectorOf, keyOf, type Subject, type TrainingMember } from './trainer-subject.ts';

export type { TrainingMember } from './trainer-subject.ts';

/** entities of one kind that have models of their own */
const OWN_MODELS = 16;
const DAY_MS = 86_400_000;

/** steps without any value there may be among the first ones: rates of the first sample, a device that came late */
const SPARE_ROWS = 4;

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
  /** Takes up what was put into force, imported or released on disk since. */
  refresh(): void;
  /** Ends what is under way for one monitor. */
  cancel(monitor: string): void;
  stop(): Promise<void>;
}

export function createTrainer({ clock, observer, models: store, workerUrl }: TrainerOptions): Trainer {
  const { log } = observer;
  const models = createTrainerModels({ clock, observer, models: store });
  const known = new Map<string, Known>();
  const lastSuccess = new Map<string, number>();
  let underWay: { readonly key: string; readonly fit: FitUnderWay } | undefined;
  let cancelled = new AbortController();
  let stopped = false;

  const scheduler = createScheduler(async (key) => {
    const model = known.get(key);
    if (!model || stopped) return;
    const names = keyOf(model.subject);
    cancelled = new AbortController();
    underWay = { key, fit: startProgress(names, clock, log) };
    try {
      await train(key, model, underWay.fit, cancelled.signal);
      lastSuccess.set(names.monitor, clock.now());
    } catch (error) {
      if (!cancelled.signal.aborted) {
        const { message } = error as Error;
        const { monitor, detector } = names;
        model.trouble = `the last training failed: ${message}`;
        observer.count('training_failures_total', { monitor, detector });
        log.error('training failed', { ...names, error: message });
      }
      throw error;
    } finally {
      underWay = undefined;
    }
  });

  async function train(key: string, model: Known, fit: FitUnderWay, signal: AbortSignal): Promise<void> {
    // a command may have chosen a version, and nobody has asked for a reload since
    refresh(key, model);
    if (models.isPinned(model)) return;
    const names = keyOf(model.subject);
    const { result, facts } = await fitSubject(model.subject, {
      workerUrl,
      clock,
      signal,
      historyRows: rowsOf(model),
      inForce: models.inForce(model),
      onProgress: fit.tell,
    });
    if (!(result.meanScore > 0)) {
      // nothing has moved yet: there is no usual score to measure others by, and the next rows may bring one
      model.trouble = 'waits for rows that are not all alike';
      return;
    }
    model.trouble = undefined;
    const aside = models.isPinned(model) ? 'another version was chosen while this one was fitted' : result.worse;
    if (aside === undefined) models.use(model, result.model, result.meanScore, result.unseen);
    const { version } = await models.save(model, result.model, facts, aside);
    if (aside === undefined) log.info('model fitted', { ...names, version, rows: result.rows, ...facts.notes });
    else
      log.warn('the new model is kept aside', { ...names, version, in_force: model.manifest?.version, reason: aside });
  }

  function refresh(key: string, model: Known): void {
    if (models.refresh(model)) adopted(key, model);
  }

  /** What there was to fit on, of which the model may have seen a part: a restart alone is no reason to fit again. */
  function adopted(key: string, { manifest, subject }: Known): void {
    if (!manifest) return;
    lastSuccess.set(subject.config.name, manifest.trainedAt);
    scheduler.fitted(key, manifest.historyRows || manifest.rows, manifest.trainedAt);
  }

  /** Rows there are to fit on; of a shared model those of the average entity, so that its schedule is that of any other. */
  function rowsOf({ subject: { member, entity }, steps }: Known): number {
    if (entity !== undefined) return member.steps[entity] ?? 0;
    return Math.floor(steps / Math.max(1, member.group.memberCount()));
  }

  /** The key of a detector's model for an entity. When that is asked for the first time, a model of an earlier run is taken into use. */
  function follow(config: MonitorConfig, member: TrainingMember, detector: number, entity: number): string {
    const own = member.group.memberCount() <= OWN_MODELS;
    const subject: Subject = { config, member, detector, entity: own ? entity : undefined };
    const key = JSON.stringify(keyOf(subject));
    const before = known.get(key);
    if (before?.subject.member !== member) {
      const model: Known = { subject, aside: [], steps: before?.steps ?? 0 };
      known.set(key, model);
      if (models.resume(model)) adopted(key, model);
    }
    return key;
  }

  return {
    meet(config, member, entity) {
      member.detectors.forEach((_, d) => {
        const { subject, shared } = known.get(follow(config, member, d, entity))!;
        const { group } = member;
        if (subject.entity !== undefined) return;
        if (shared && !group.modelOf(d, entity)) group.use(d, entity, shared, new Float64Array(0));
      });
    },
    offer(config, member, entity, time) {
      member.detectors.forEach((detector, d) => {
        const key = follow(config, member, d, entity);
        const model = known.get(key)!;
        if (model.subject.entity === undefined) model.steps++;
        if (models.isPinned(model)) return;
        scheduler.offer({
          key,
          rows: rowsOf(model),
          minimumRows: detector.minimumRows + SPARE_ROWS,
          rowsPerDay: DAY_MS / config.stepMs,
          now: time,
        });
      });
    },
    note(monitor, detector) {
      for (const { subject, trouble } of known.values())
        if (trouble !== undefined && subject.config.name === monitor && detectorOf(subject).name === detector)
          return trouble;
      return null;
    },
    models(monitors) {
      const wanted = new Set(monitors.map(({ config }) => config().name));
      const list = [...known].filter(([, { subject }]) => wanted.has(subject.config.name));
      return {
        models: list.map(([key, model]) =>
          statusOf(model.subject, {
            manifest: model.manifest,
            pin: models.isPinned(model) ? model.pin : undefined,
            aside: model.aside,
            progress: underWay?.key === key ? underWay.fit.now() : null,
            lastError: model.trouble ?? null,
          }),
        ),
      };
    },
    state(monitors) {
      const running = underWay && known.get(underWay.key)?.subject.config.name;
      return monitors.map(({ config }) => {
        const { name: monitor } = config();
        const progress = underWay && running === monitor ? underWay.fit.now().share : null;
        return { monitor, progress, lastSuccessAt: lastSuccess.get(monitor) ?? null };
      });
    },
    refresh() {
      for (const [key, model] of known) refresh(key, model);
    },
    cancel(monitor) {
      const prefix = JSON.stringify({ monitor }).slice(0, -1);
      scheduler.cancel(prefix);
      if (scheduler.running()?.startsWith(prefix)) cancelled.abort();
      for (const key of [...known.keys()]) if (key.startsWith(prefix)) known.delete(key);
    },
    async stop() {
      stopped = true;
      scheduler.cancel('');
      cancelled.abort();
      await scheduler.idle();
    },
  };
}
