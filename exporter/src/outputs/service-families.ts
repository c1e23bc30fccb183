/**
 * What the exporter knows about itself: models, training, sources, configuration, topology. Small lists, rendered anew for each scrape.
 */
import type { ModelList } from '../wire/model.ts';
import type { Topology } from '../wire/topology.ts';
import {
  MODEL_METRICS,
  SERVICE_METRICS,
  TOPOLOGY_METRICS,
  TRAINING_METRICS,
  type Declaration,
} from './declarations.ts';
import { addSample, family, labelBlock, type Family } from './family.ts';

/** Training of one monitor. Times are ms since the epoch. */
export interface TrainingState {
  readonly monitor: string;
  /** 0..1 while a training runs, else null */
  readonly progress: number | null;
  readonly lastSuccessAt: number | null;
}

export interface SourceState {
  readonly monitor: string;
  /** name of the source's type */
  readonly source: string;
  readonly up: boolean;
  /** event time of the newest sample, ms since the epoch; null before the first */
  readonly lastSampleAt: number | null;
}

/** `lastSuccessAt`: when the configuration in force was loaded, ms since the epoch. */
export interface ConfigState {
  readonly lastReloadSuccessful: boolean;
  readonly lastSuccessAt: number;
}

/** Read at each scrape; all of it is cheap and synchronous. */
export interface ServiceState {
  models(): ModelList;
  training(): readonly TrainingState[];
  sources(): readonly SourceState[];
  config(): ConfigState;
  topology(): Topology;
}

/** Families, and which of the lists were cut to `maxSeries` series each. */
export function serviceFamilies(state: ServiceState, maxSeries: number): { families: Family[]; cut: string[] } {
  const lists: Record<string, Family[]> = {
    models: modelFamilies(state.models()),
    training: trainingFamilies(state.training()),
    sources: sourceFamilies(state.sources()),
    config: configFamilies(state.config()),
    topology: topologyFamilies(state.topology()),
  };
  const cut: string[] = [];
  for (const [name, families] of Object.entries(lists)) {
    let left = maxSeries;
    for (const { labels, values } of families) {
      if (values.length > left) {
        labels.length = left;
        values.length = left;
        if (!cut.includes(name)) cut.push(name);
      }
      left -= values.length;
    }
  }
  return { families: Object.values(lists).flat(), cut };
}

function modelFamilies({ models }: ModelList): Family[] {
  const info = distinct(MODEL_METRICS.info);
  const trained = distinct(MODEL_METRICS.trained);
  const rows = distinct(MODEL_METRICS.rows);
  const warmup = distinct(MODEL_METRICS.warmup);
  for (const model of models) {
    const labels = [model.monitor, model.group, model.detector];
    // before the first fit there is no model to speak of, only its warm-up
    if (model.version !== null) {
      info.add([...labels, model.version.split('.')[0]], 1);
      rows.add(labels, model.rows);
    }
    trained.add(labels, seconds(model.trainedAt));
    warmup.add(labels, model.warmup);
  }
  return [info.family, trained.family, rows.family, warmup.family];
}

function trainingFamilies(trainings: readonly TrainingState[]): Family[] {
  const progress = distinct(TRAINING_METRICS.progress);
  const lastSuccess = distinct(TRAINING_METRICS.lastSuccess);
  for (const training of trainings) {
    progress.add([training.monitor], training.progress ?? NaN);
    lastSuccess.add([training.monitor], seconds(training.lastSuccessAt));
  }
  return [progress.family, lastSuccess.family];
}

function sourceFamilies(sources: readonly SourceState[]): Family[] {
  const up = distinct(SERVICE_METRICS.sourceUp);
  const lastSample = distinct(SERVICE_METRICS.lastSample);
  for (const source of sources) {
    const labels = [source.monitor, source.source];
    up.add(labels, source.up ? 1 : 0);
    lastSample.add(labels, seconds(source.lastSampleAt));
  }
  return [up.family, lastSample.family];
}

function configFamilies(config: ConfigState): Family[] {
  const successful = distinct(SERVICE_METRICS.reloadSuccessful);
  const success = distinct(SERVICE_METRICS.reloadSuccess);
  successful.add([], config.lastReloadSuccessful ? 1 : 0);
  success.add([], seconds(config.lastSuccessAt));
  return [successful.family, success.family];
}

function topologyFamilies({ nodes, edges }: Topology): Family[] {
  const node = distinct(TOPOLOGY_METRICS.node);
  const edgeUp = distinct(TOPOLOGY_METRICS.edgeUp);
  for (const { id, kind, title } of nodes) node.add([id, kind, title], 1);
  for (const { source, target, up } of edges) edgeUp.add([source, target], up === null ? NaN : up ? 1 : 0);
  return [node.family, edgeUp.family];
}

/** A family whose label sets come from lists that may name one thing twice: the first one counts, as a page with two of them is refused whole. */
function distinct(declaration: Declaration): { family: Family; add(labels: readonly string[], value: number): void } {
  const own = family(declaration);
  const seen = new Set<string>();
  return {
    family: own,
    add(labels, value) {
      const block = labelBlock(declaration.labels, labels);
      if (seen.has(block)) return;
      seen.add(block);
      addSample(own, block, value);
    },
  };
}

function seconds(milliseconds: number | null): number {
  return milliseconds === null ? NaN : milliseconds / 1000;
}
