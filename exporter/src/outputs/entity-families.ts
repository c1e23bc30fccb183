/**
 * From live entities to metric families: ten series for each, detectors and features for a few. Everything within a budget of series.
 */
import type { Expectation } from '../flow.ts';
import { FEATURE_MATRICES, type Board } from './board.ts';
import {
  DETECTOR_METRICS,
  ENTITY_METRICS,
  EXPECTED_METRICS,
  FEATURE_INFO,
  FEATURE_METRICS,
  INCIDENT_METRICS,
  type Declaration,
} from './declarations.ts';
import { addSample, blockExtension, extendBlock, family, labelBlock, type Family } from './family.ts';
import type { IncidentCounts } from './incident-counts.ts';
import type { LiveEntity } from './scoreboard.ts';
import type { Spotlight } from './spotlight.ts';

export interface EntityPage {
  readonly families: Family[];
  /** entities that the budget had no room for */
  readonly leftOut: number;
}

/** Detectors are shown for every entity of a monitor with at most this many, features for every host of it. */
const SMALL_MONITOR = 10;
const EXPECTED_SERIES = Object.keys(EXPECTED_METRICS).length;
const SERIES_PER_ENTITY = Object.keys(ENTITY_METRICS).length;
/** Below this score an entity is quiet: quiet ones keep their order, so that a full page does not change with noise. */
const QUIET_SCORE = 0.5;
const EXPLAINED_SCORE = 0.5;

export function entityFamilies(
  live: readonly LiveEntity[],
  page: {
    incidents: IncidentCounts;
    spotlight: Spotlight;
    now: number;
    maxSeries: number;
    expected(monitor: string, schema: string, entity: string): readonly Expectation[];
  },
): EntityPage {
  const incidents = incidentFamilies(page.incidents);
  const entitiesOf = countBy(live, (entity) => entity.board.monitor);
  const hostsOf = countBy(
    live.filter((entity) => kindOf(entity) === 'host'),
    (entity) => entity.board.monitor,
  );
  const isOwnHost = (entity: LiveEntity) =>
    kindOf(entity) === 'host' && hostsOf.get(entity.board.monitor)! <= SMALL_MONITOR;
  const members = page.spotlight.choose(
    live.filter((entity) => !isOwnHost(entity)).map((entity) => ({ key: blockOf(entity), score: entity.scoreMax })),
    page.now,
  );
  const showsFeatures = (entity: LiveEntity) => isOwnHost(entity) || members.has(blockOf(entity));
  const showsDetectors = (entity: LiveEntity) =>
    entitiesOf.get(entity.board.monitor)! <= SMALL_MONITOR || showsFeatures(entity);
  const cost = (entity: LiveEntity) =>
    SERIES_PER_ENTITY +
    (showsDetectors(entity) ? 1 + 3 * entity.board.detectors.size : 0) +
    (showsFeatures(entity)
      ? (FEATURE_MATRICES.length + EXPECTED_SERIES * entity.board.detectors.size) * entity.board.schema.features.length
      : 0);

  const fixed = incidents.reduce((sum, { values }) => sum + values.length, 0);
  const features = new Map([...new Set(live.map(({ board }) => board))].flatMap(featureInfoBlocks));
  const shown = withinBudget(live, page.maxSeries - fixed - features.size, cost);

  const families = perEntity(shown, page.incidents);
  families.push(...incidents);
  families.push(...perDetector(shown.filter(showsDetectors)));
  const detailed = shown.filter(showsFeatures);
  families.push(...perFeature(detailed));
  families.push(...perDetectorAndFeature(detailed, page.expected));
  const info = family(FEATURE_INFO);
  for (const block of features.values()) addSample(info, block, 1);
  families.push(info);
  return { families, leftOut: live.length - shown.length };
}

function withinBudget(
  live: readonly LiveEntity[],
  budget: number,
  cost: (entity: LiveEntity) => number,
): readonly LiveEntity[] {
  let total = 0;
  for (const entity of live) total += cost(entity);
  if (total <= budget) return live;
  const rank = (entity: LiveEntity) => (entity.scoreMax >= QUIET_SCORE ? entity.scoreMax : 0);
  const shown: LiveEntity[] = [];
  let left = budget;
  for (const entity of [...live].sort((a, b) => rank(b) - rank(a))) {
    const needed = cost(entity);
    if (needed > left) break;
    left -= needed;
    shown.push(entity);
  }
  return shown;
}

function perEntity(entities: readonly LiveEntity[], incidents: IncidentCounts): Family[] {
  const column = (declaration: Declaration, value: (board: Board, slot: number) => number): Family => {
    const to = family(declaration);
    for (const { board, slot } of entities) addSample(to, board.blocks[slot], value(board, slot));
    return to;
  };
  const scoreMax = family(ENTITY_METRICS.scoreMax);
  const active = family(ENTITY_METRICS.incidentsActive);
  const info = family(ENTITY_METRICS.info);
  for (const { board, slot, scoreMax: highest } of entities) {
    const block = board.blocks[slot];
    addSample(scoreMax, block, highest);
    addSample(active, block, incidents.active(board.monitor).get(board.entities[slot].id) ?? 0);
    addSample(info, board.infoBlocks[slot], 1);
  }
  return [
    column(ENTITY_METRICS.score, ({ columns }, slot) => columns.score[slot]),
    scoreMax,
    column(ENTITY_METRICS.confidence, ({ columns }, slot) => columns.confidence[slot]),
    column(ENTITY_METRICS.severity, ({ columns }, slot) => columns.severity[slot]),
    column(ENTITY_METRICS.samples, ({ columns }, slot) => columns.samples[slot]),
    column(ENTITY_METRICS.anomalous, ({ columns }, slot) => columns.anomalous[slot]),
    column(ENTITY_METRICS.health, ({ columns }, slot) => columns.health[slot]),
    active,
    column(ENTITY_METRICS.budgetUsed, ({ columns }, slot) => columns.budgetUsed[slot]),
    info,
  ];
}

function perDetector(entities: readonly LiveEntity[]): Family[] {
  const smoothed = family(DETECTOR_METRICS.smoothed);
  const score = family(DETECTOR_METRICS.score);
  const error = family(DETECTOR_METRICS.error);
  const threshold = family(DETECTOR_METRICS.threshold);
  for (const { board, slot } of entities) {
    addSample(smoothed, board.blocks[slot], board.columns.smoothed[slot]);
    for (const detector of board.detectors.values()) {
      const block = extendBlock(board.blocks[slot], detector.extension);
      addSample(score, block, detector.score[slot]);
      addSample(error, block, detector.raw[slot]);
      addSample(threshold, block, detector.threshold[slot]);
    }
  }
  return [smoothed, score, error, threshold];
}

function perDetectorAndFeature(
  entities: readonly LiveEntity[],
  expected: (monitor: string, schema: string, entity: string) => readonly Expectation[],
): Family[] {
  const value = family(EXPECTED_METRICS.value);
  const lower = family(EXPECTED_METRICS.lower);
  const upper = family(EXPECTED_METRICS.upper);
  for (const { board, slot } of entities) {
    for (const expectation of expected(board.monitor, board.schema.name, board.entities[slot].id)) {
      const detector = extendBlock(board.blocks[slot], blockExtension('detector', expectation.detector));
      board.featureExtensions.forEach((extension, f) => {
        const block = extendBlock(detector, extension);
        addSample(value, block, expectation.value[f]);
        addSample(lower, block, expectation.lower[f]);
        addSample(upper, block, expectation.upper[f]);
      });
    }
  }
  return [value, lower, upper];
}

function perFeature(entities: readonly LiveEntity[]): Family[] {
  const families = FEATURE_MATRICES.map((name) => family(FEATURE_METRICS[name]));
  for (const { board, slot } of entities) {
    const { features } = board.schema;
    const explained = board.columns.score[slot] >= EXPLAINED_SCORE;
    for (let f = 0; f < features.length; f++) {
      const block = extendBlock(board.blocks[slot], board.featureExtensions[f]);
      for (let m = 0; m < FEATURE_MATRICES.length; m++) {
        const matrix = FEATURE_MATRICES[m];
        if (matrix === 'contribution' && !explained) continue;
        addSample(families[m], block, board.matrices[matrix][slot * features.length + f]);
      }
    }
  }
  return families;
}

function incidentFamilies(incidents: IncidentCounts): Family[] {
  const opened = family(INCIDENT_METRICS.opened);
  incidents.opened((monitor, kind, total) => {
    addSample(opened, labelBlock(INCIDENT_METRICS.opened.labels, [monitor, kind]), total);
  });
  const closed = family(INCIDENT_METRICS.closed);
  incidents.closed((monitor, kind, severity, total) => {
    addSample(closed, labelBlock(INCIDENT_METRICS.closed.labels, [monitor, kind, severity]), total);
  });
  return [opened, closed];
}

function featureInfoBlocks(board: Board): [string, string][] {
  return board.schema.features.map(({ name, unit }) => [
    `${name} ${unit}`,
    labelBlock(FEATURE_INFO.labels, [name, unit]),
  ]);
}

function kindOf({ board, slot }: LiveEntity): string {
  return board.entities[slot].kind;
}

function blockOf({ board, slot }: LiveEntity): string {
  return board.blocks[slot];
}

function countBy<T>(items: readonly T[], key: (item: T) => string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(key(item), (counts.get(key(item)) ?? 0) + 1);
  return counts;
}
