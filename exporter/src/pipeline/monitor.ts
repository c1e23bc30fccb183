/**
 * One monitor while it runs: its source with restarts, a group for each schema, history, training and its state on disk. Verdicts go to `deliver`.
 */
import { join } from 'node:path';
import type { Clock } from '../clock.ts';
import { fingerprint, type MonitorConfig } from '../config/monitors.ts';
import type { EnsembleOptions } from '../decision/options.ts';
import { createDetector } from '../detectors/registry.ts';
import type { Batch, Expectation, Rows, Source, Verdicts } from '../flow.ts';
import { openHistory, type History } from '../history/history.ts';
import type { PipelineObserver } from '../observe.ts';
import { refusalOf } from '../store/refused-file.ts';
import type { DetectorStatus } from '../wire/status.ts';
import { detectorStatuses } from './detector-status.ts';
import { createGroup, type Group } from './group.ts';
import { encodeState, readState, type SavedGroup, statePath, writeState, writeStateSync } from './monitor-state.ts';
import { save, saveSync } from './save.ts';
import type { Trainer, TrainingMember } from './trainer.ts';

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;
const DAY_MS = 86_400_000;
/** steps that may lie between the end of the last run and this one for its rows to count as the ones before */
const RECENT_STEPS = 4;
/** a source that has nothing to watch is asked again: the network may come up after the machine */
const OFF_PAUSE_MS = 300_000;

export interface MonitorContext {
  readonly config: MonitorConfig;
  readonly source: Source;
  readonly clock: Clock;
  readonly observer: PipelineObserver;
  readonly folder: string;
  readonly trainer: Trainer;
  deliver(verdicts: Verdicts, group: Group): void;
}

export interface Monitor {
  /** as it is now: members and weights of the ensemble may change at run time */
  config(): MonitorConfig;
  fingerprint(): string;
  readonly source: Source;
  /** ends when the signal aborts and the last batch is through */
  run(signal: AbortSignal): Promise<void>;
  up(): boolean;
  /** why the source is down */
  error(): string | null;
  detectors(): DetectorStatus[];
  /** other members or weights from the next row on; throws when they do not fit the detectors */
  setEnsemble(ensemble: EnsembleOptions): void;
  /** what fitted detectors think the newest values of an entity should be */
  expected(schema: string, entity: string): readonly Expectation[];
  groups(): ReadonlyMap<string, { readonly group: Group; readonly history: History }>;
  save(): Promise<void>;
  /** Saves at once and gives files back; after `run` has ended. */
  close(): void;
}

/** Reads what was saved of the monitor; what cannot be used is set aside, counted, and learnt again. */
export function createMonitor({ config, source, clock, observer, folder, trainer, deliver }: MonitorContext): Monitor {
  const { log } = observer;
  const detectors = config.detectors
    .filter((name) => name !== 'baseline')
    .map((name) => createDetector(name, config.detectorOptions[name]));
  const members = new Map<string, TrainingMember>();
  const path = statePath(folder, config.name);
  /** entities met in the batch under way */
  const fresh: number[] = [];
  let current = config;
  let up = false;
  let error: string | null = null;
  let saving: Promise<void> = Promise.resolve();

  for (const schema of source.schemas) {
    const steps: number[] = [];
    const group: Group = createGroup({
      config,
      schema,
      entities: source.entities,
      detectors,
      onMet(entity) {
        fresh.push(entity);
        // steps from before a restart, if it was a short one
        const recent = history.read(source.entities[entity].id, Math.max(1, ...detectors.map((d) => d.history)));
        const last = recent.time[recent.values.rows - 1];
        if (clock.now() - last <= RECENT_STEPS * config.stepMs) group.remember(entity, lastSegment(recent));
      },
      onScored: (detector, seconds) => observer.observeScoreDuration(detector, seconds),
      onStep(entity, time, values, at) {
        const { id } = source.entities[entity];
        history.append(id, time, values.subarray(at, at + group.columns.length));
        steps[entity] = steps[entity] === undefined ? history.count(id) : steps[entity] + 1;
        trainer.offer(config, member, entity, time);
      },
    });
    const history = openHistory(join(folder, 'history'), {
      monitor: config.name,
      schema: { name: schema.name, features: group.columns },
      stepMs: config.stepMs,
      days: config.historyMs / DAY_MS,
      observer,
    });
    const member = { group, history, steps, detectors, entities: source.entities };
    members.set(schema.name, member);
  }
  restore();

  function restore(): void {
    const refused = (cause: unknown) => {
      observer.count('state_refused_total', { kind: 'monitor-state', reason: refusalOf(cause) });
      log.warn('saved state is not used and is learnt again', {
        monitor: config.name,
        error: (cause as Error).message,
      });
    };
    let saved: readonly SavedGroup[] = [];
    try {
      saved = readState(path, config.name) ?? [];
    } catch (cause) {
      refused(cause);
    }
    // one kind of entity that does not fit any more takes nothing from the others
    for (const { schema, entities } of saved) {
      try {
        members.get(schema)?.group.restore(entities);
      } catch (cause) {
        refused(cause);
      }
    }
  }

  function process(batch: Batch): void {
    const member = members.get(batch.schema.name);
    if (!member) throw new Error(`the source ${source.name} sent rows of an unannounced kind "${batch.schema.name}"`);
    observer.observeStage(config.name, batch.entity.length, () => {
      deliver(member.group.process(batch), member.group);
      // after the batch, when it is known how many entities there are: that decides whether they share a model
      for (const entity of fresh.splice(0)) trainer.meet(config, member, entity);
      if (batch.time.length > 0) observer.observeVerdictDelay((clock.now() - batch.time[batch.time.length - 1]) / 1000);
    });
  }

  async function follow(signal: AbortSignal): Promise<void> {
    let pause = FIRST_PAUSE_MS;
    while (!signal.aborted) {
      try {
        for await (const batch of source.batches(signal, clock)) {
          if (!up) {
            up = true;
            error = null;
            pause = FIRST_PAUSE_MS;
          }
          process(batch);
        }
        // nothing to watch is no fault: it said so itself, and is asked again
        up = true;
        error = null;
        await clock.sleep(OFF_PAUSE_MS, signal);
      } catch (cause) {
        up = false;
        error = (cause as Error).message;
        observer.count('source_errors_total', { monitor: config.name, reason: 'failed' });
        log.error('source failed and is started again', { monitor: config.name, error, after_ms: pause });
        await clock.sleep(pause, signal);
        observer.count('source_restarts_total', { monitor: config.name });
        pause = Math.min(LONGEST_PAUSE_MS, 2 * pause);
      }
    }
  }

  const encode = () =>
    encodeState(
      config.name,
      [...members].map(([schema, { group }]) => ({ schema, entities: group.save() })),
    );

  return {
    config: () => current,
    fingerprint: () => fingerprint(current),
    source,
    async run(signal) {
      await follow(signal);
      up = false;
    },
    up: () => up,
    error: () => error,
    setEnsemble(ensemble) {
      current = { ...current, ensemble };
      for (const { group } of members.values()) group.setEnsemble(ensemble);
    },
    expected: (schema, entity) => members.get(schema)?.group.expected(entity) ?? [],
    groups: () => members,
    detectors: () => detectorStatuses(config.name, detectors, [...members.values()], trainer),
    save() {
      saving = saving.then(() => save(observer, members.size, () => writeState(path, encode())));
      return saving;
    },
    close() {
      saveSync(observer, members.size, () => writeStateSync(path, encode()));
      for (const { history } of members.values()) history.close();
    },
  };
}

/** The rows after the last gap. */
function lastSegment({ values, time, segment }: Rows): Rows {
  let from = values.rows - 1;
  while (from > 0 && segment[from - 1] === segment[from]) from--;
  return {
    values: { ...values, rows: values.rows - from, data: values.data.subarray(from * values.columns) },
    time: time.subarray(from),
    segment: segment.subarray(from),
  };
}
