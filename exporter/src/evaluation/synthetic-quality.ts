/**
 * The detection quality of the whole flow on the synthetic network: an hour of learning, then scored hours, labelled faults all the while. Event recall, share of
 * incidents that are right, share of right first kinds; a broken correlation is counted apart.
 */
import { resolveMonitor } from '../config/monitors.ts';
import { fileOptions } from '../config/schema.ts';
import type { Batch, Entity } from '../flow.ts';
import { createReplay } from '../pipeline/replay.ts';
import { nodeGenerator } from '../sources/synthetic/generator.ts';
import { CORRELATION_BREAK, NODES, SYNTHETIC_SCHEMA } from '../sources/synthetic/network.ts';
import { sourceTypes } from '../sources/registry.ts';
import { scoreEvents, type EventScores } from './events.ts';

const GRACE_ROWS = 30;
const INTERVAL_MS = 1000;

export interface SyntheticQuality {
  readonly seed: number;
  readonly recall: number;
  readonly precision: number;
  readonly rightKind: number;
  readonly correlationBreakRecall: number;
  readonly falseIncidentsPerNodeDay: number;
  readonly byKind: EventScores['byKind'];
}

/** `share` of samples is labelled; events that begin in the learning time do not count. */
export function syntheticQuality(
  seed: number,
  learnSeconds: number,
  scoreSeconds: number,
  share: number,
  detectors: readonly (string | Record<string, unknown>)[],
): SyntheticQuality {
  const [given] = fileOptions.parse({
    monitors: [{ name: 'demo', source: 'synthetic', detectors, options: { seed, anomaly_share: share } }],
  }).monitors!;
  const config = resolveMonitor(given, { sources: sourceTypes });
  const entities: Entity[] = NODES.map(({ id }) => ({ id, kind: SYNTHETIC_SCHEMA.name, host: id, labels: {} }));
  const replay = createReplay(config, SYNTHETIC_SCHEMA, entities);
  const nodes = NODES.map((_, node) => nodeGenerator(seed, node, INTERVAL_MS, share));
  const width = SYNTHETIC_SCHEMA.features.length;
  const batch: Batch = {
    schema: SYNTHETIC_SCHEMA,
    entity: Int32Array.from(NODES.keys()),
    time: new Float64Array(NODES.length),
    values: new Float64Array(NODES.length * width),
  };
  const start = Date.UTC(2026, 0, 1);
  const events = NODES.map(() => [] as { fault: object; kind: string; begin: number; from: number; to: number }[]);
  const incidents = NODES.map(() => new Map<string, { kind: string; from: number; to: number }>());

  for (let t = 0; t < learnSeconds + scoreSeconds; t++) {
    const time = start + t * INTERVAL_MS;
    nodes.forEach((generator, node) => {
      const { values, fault } = generator.next(time);
      batch.time[node] = time;
      batch.values.set(values, node * width);
      if (!fault) return;
      const own = events[node];
      const last = own[own.length - 1];
      if (last?.fault === fault) last.to = t;
      else own.push({ fault, kind: fault.kind, begin: fault.from, from: t, to: t });
    });
    for (const { incident } of replay.push(batch).events) {
      const node = NODES.findIndex(({ id }) => id === incident.entity);
      const to = Math.round((incident.lastHotAt - start) / INTERVAL_MS);
      const known = incidents[node].get(incident.id);
      if (known) known.to = to;
      else incidents[node].set(incident.id, { kind: incident.firstKind, from: t, to });
    }
  }

  const all = { events: 0, hits: 0, rightKinds: 0, incidents: 0, overlapping: 0 };
  const byKind: Record<string, { events: number; hits: number; rightKinds: number }> = {};
  NODES.forEach((_, node) => {
    const scores = scoreEvents(
      events[node].filter(({ from }) => from >= learnSeconds),
      [...incidents[node].values()].filter(({ to }) => to >= learnSeconds),
      GRACE_ROWS,
    );
    all.incidents += scores.incidents;
    all.overlapping += scores.overlapping;
    for (const [kind, own] of Object.entries(scores.byKind)) {
      const sum = (byKind[kind] ??= { events: 0, hits: 0, rightKinds: 0 });
      sum.events += own.events;
      sum.hits += own.hits;
      sum.rightKinds += own.rightKinds;
      if (kind === CORRELATION_BREAK) continue;
      all.events += own.events;
      all.hits += own.hits;
      all.rightKinds += own.rightKinds;
    }
  });
  const broken = byKind[CORRELATION_BREAK];
  return {
    seed,
    recall: all.hits / all.events,
    precision: all.overlapping / all.incidents,
    rightKind: all.rightKinds / all.hits,
    correlationBreakRecall: broken ? broken.hits / broken.events : NaN,
    falseIncidentsPerNodeDay: (all.incidents - all.overlapping) / NODES.length / (scoreSeconds / 86_400),
    byKind,
  };
}
