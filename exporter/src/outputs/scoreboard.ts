/**
 * The last verdict of every entity, as the metrics page and the status page show it. A sink: `write` copies columns and returns, whatever reads
 * later pays for rendering. Every value is copied for every entity, because which of them show their features is only chosen at the scrape.
 */
import type { Clock } from '../clock.ts';
import type { Expectation, Incident, IncidentEvent, Observer, Sink } from '../flow.ts';
import type { EntityStatus } from '../wire/status.ts';
import { createBoard, scoreMax, writeBoard, type Board } from './board.ts';
import { entityFamilies } from './entity-families.ts';
import type { Family } from './family.ts';
import { createIncidentCounts } from './incident-counts.ts';
import { createSpotlight } from './spotlight.ts';

export interface ScoreboardOptions {
  readonly clock: Clock;
  readonly observer: Observer;
  /** anomalous entities whose features are shown beside those of hosts; default 5 */
  readonly maxFeatureEntities?: number;
  /** what detectors think the newest values of an entity should be; asked at a scrape for the few entities that show their features */
  readonly expected?: (monitor: string, schema: string, entity: string) => readonly Expectation[];
}

export interface MonitorSettings {
  readonly intervalMs: number;
  /** name of the source's type: `host`, `probe`, ... */
  readonly source: string;
}

/** What a monitor has delivered. */
export interface MonitorTotals {
  /** entities that are not silent */
  readonly entities: number;
  /** features of all its schemas that have an entity */
  readonly features: number;
  readonly samples: number;
  /** event time of the newest sample, ms since the epoch; null before the first */
  readonly lastSampleAt: number | null;
}

/** One entity that is not silent. */
export interface LiveEntity {
  readonly board: Board;
  readonly slot: number;
  /** highest score of the last 60 s of samples, NaN without one */
  readonly scoreMax: number;
}

export interface Scoreboard extends Sink {
  /** Must come before the monitor's first verdict; verdicts of other monitors are dropped and counted. Again for a monitor that is there: keeps its entities. */
  setMonitor(monitor: string, settings: MonitorSettings): void;
  /** Forgets the monitor, its entities and its totals. */
  removeMonitor(monitor: string): void;
  /** Incidents that were open when the exporter stopped; after `setMonitor`. */
  restore(incidents: Iterable<Incident>): void;
  /** Incidents that end without a verdict: their entity is silent, or its monitor gone. */
  apply(events: readonly IncidentEvent[]): void;
  monitors(): ReadonlyMap<string, MonitorSettings>;
  totals(monitor: string): MonitorTotals;
  entityCount(): number;
  /** Live entities, highest score first, those without a score last. */
  entities(limit: number): EntityStatus[];
  /** undefined when unknown or silent */
  entity(monitor: string, id: string): EntityStatus | undefined;
  /** For the metrics page: at most `maxSeries` series; the least anomalous entities are left out whole, and that is counted. */
  families(maxSeries: number): Family[];
}

/** Intervals without a sample after which an entity leaves the page. */
const SILENT_INTERVALS = 3;
const SEVERITIES = ['none', 'low', 'medium', 'high'] as const;
const TOP_FEATURES = 3;
/** Contributions below this score are noise. */
const EXPLAINED_SCORE = 0.5;

export function createScoreboard({
  clock,
  observer,
  maxFeatureEntities = 5,
  expected = () => [],
}: ScoreboardOptions): Scoreboard {
  const monitors = new Map<string, MonitorSettings>();
  const boards = new Map<string, Map<string, Board>>();
  const incidents = createIncidentCounts();
  const spotlight = createSpotlight(maxFeatureEntities);

  function boardOf(monitor: string, schema: Board['schema']): Board {
    const own = boards.get(monitor)!;
    const known = own.get(schema.name);
    if (known && sameFeatures(known.schema, schema)) return known;
    const board = createBoard(monitor, schema);
    own.set(schema.name, board);
    return board;
  }

  function live(): LiveEntity[] {
    const now = clock.monotonic();
    const found: LiveEntity[] = [];
    for (const [monitor, own] of boards) {
      const oldest = now - SILENT_INTERVALS * monitors.get(monitor)!.intervalMs;
      for (const board of own.values()) {
        const { arrival } = board.columns;
        for (let slot = 0; slot < board.size; slot++) {
          if (arrival[slot] >= oldest) found.push({ board, slot, scoreMax: scoreMax(board, slot) });
        }
      }
    }
    return found;
  }

  function isSilent({ monitor, columns }: Board, slot: number): boolean {
    return clock.monotonic() - columns.arrival[slot] > SILENT_INTERVALS * monitors.get(monitor)!.intervalMs;
  }

  function statusOf(board: Board, slot: number): EntityStatus {
    const { columns, monitor } = board;
    const { id, kind, host } = board.entities[slot];
    return {
      monitor,
      entity: id,
      kind,
      host,
      score: known(columns.score[slot]),
      confidence: known(columns.confidence[slot]),
      severity: SEVERITIES[columns.severity[slot]] ?? 'none',
      openIncident: incidents.openIncidents(monitor).get(id) ?? null,
      lastSampleAt: known(columns.time[slot]),
      topFeatures: topFeatures(board, slot),
    };
  }

  return {
    name: 'scoreboard',
    async start() {},
    async stop() {},
    write(verdicts, events) {
      for (const event of events) incidents.apply(event);
      if (verdicts.rows === 0) return;
      if (monitors.has(verdicts.monitor)) {
        writeBoard(boardOf(verdicts.monitor, verdicts.schema), verdicts, clock.monotonic());
      } else observer.count('sink_dropped_total', { sink: 'scoreboard' }, verdicts.rows);
    },
    apply(events) {
      for (const event of events) incidents.apply(event);
    },
    setMonitor(monitor, settings) {
      monitors.set(monitor, settings);
      if (!boards.has(monitor)) boards.set(monitor, new Map());
      incidents.addMonitor(monitor);
    },
    removeMonitor(monitor) {
      monitors.delete(monitor);
      boards.delete(monitor);
      incidents.removeMonitor(monitor);
    },
    restore(open) {
      for (const incident of open) incidents.restore(incident);
    },
    monitors: () => monitors,
    totals(monitor) {
      let entities = 0;
      let features = 0;
      let samples = 0;
      let last = -Infinity;
      for (const board of boards.get(monitor)?.values() ?? []) {
        features += board.schema.features.length;
        for (let slot = 0; slot < board.size; slot++) {
          if (!isSilent(board, slot)) entities += 1;
          samples += board.columns.samples[slot];
          if (board.columns.time[slot] > last) last = board.columns.time[slot];
        }
      }
      return { entities, features, samples, lastSampleAt: last === -Infinity ? null : last };
    },
    entityCount: () => live().length,
    entities(limit) {
      const score = ({ board, slot }: LiveEntity) => {
        const value = board.columns.score[slot];
        return value === value ? value : -Infinity;
      };
      return live()
        .map((entity) => ({ entity, score: score(entity) }))
        .sort((a, b) => (a.score === b.score ? 0 : b.score - a.score))
        .slice(0, Math.max(0, limit))
        .map(({ entity }) => statusOf(entity.board, entity.slot));
    },
    entity(monitor, id) {
      for (const board of boards.get(monitor)?.values() ?? []) {
        const slot = board.slots.get(id);
        if (slot !== undefined && !isSilent(board, slot)) return statusOf(board, slot);
      }
      return undefined;
    },
    families(maxSeries) {
      const entities = live();
      const page = entityFamilies(entities, { incidents, spotlight, now: clock.monotonic(), maxSeries, expected });
      if (page.leftOut > 0) observer.count('series_limit_hits_total', { limit: 'entities' });
      return page.families;
    },
  };
}

function topFeatures(board: Board, slot: number): EntityStatus['topFeatures'] {
  if (!(board.columns.score[slot] >= EXPLAINED_SCORE)) return [];
  const { features } = board.schema;
  const { contribution, value, expected } = board.matrices;
  const first = slot * features.length;
  return features
    .map((feature, f) => ({
      feature: feature.name,
      unit: feature.unit as string,
      share: contribution[first + f],
      value: known(value[first + f]),
      expected: known(expected[first + f]),
    }))
    .filter(({ share }) => share > 0)
    .sort((a, b) => b.share - a.share)
    .slice(0, TOP_FEATURES);
}

function known(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

/** A reload may bring other features under the same name; columns of another width cannot be kept then. */
function sameFeatures(a: Board['schema'], b: Board['schema']): boolean {
  return (
    a === b ||
    (a.features.length === b.features.length &&
      a.features.every(({ name, unit }, f) => name === b.features[f].name && unit === b.features[f].unit))
  );
}
