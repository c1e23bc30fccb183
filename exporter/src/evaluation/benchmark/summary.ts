/** From the outcomes of all units to the figures of each data set: means over entities, then over seeds. */
import type { EntityResult, FormResult } from './entity-run.ts';
import type { IncidentFigures, PolicyFigures, ThresholdFigures } from './policy-quality.ts';
import { type ScoreQuality, meanFigures, spreadFigures } from './score-quality.ts';
import type { EntityUnit, UnitOutcome } from './unit.ts';

export interface FormSummary {
  readonly figures: ScoreQuality;
  /** lowest and highest mean of a seed */
  readonly spread: Record<string, [number, number] | null>;
  /** means an entity */
  readonly fitSeconds: number;
  readonly scoreSeconds: number;
  /** entities that have a figure, in the seed with the fewest */
  readonly entities: number;
  readonly byEntity: ReadonlyMap<string, ScoreQuality>;
}

export interface SetSummary {
  readonly entities: number;
  readonly seeds: readonly number[];
  readonly forms: ReadonlyMap<string, FormSummary>;
  readonly thresholded: ThresholdFigures | null;
  readonly incidents: IncidentFigures | null;
}

interface EntityOutcome {
  readonly unit: EntityUnit;
  readonly entity: EntityResult;
}

/** Data sets by name; `order` is the order of keys in the result. Forms without any figure are left out. */
export function summarise(outcomes: readonly UnitOutcome[], order: readonly string[]): Map<string, SetSummary> {
  const sets = new Map<string, EntityOutcome[]>();
  for (const { unit, entity } of outcomes) {
    if (unit.kind !== 'entity' || !entity) continue;
    sets.set(unit.set.name, [...(sets.get(unit.set.name) ?? []), { unit, entity }]);
  }
  const names = [...sets.keys()].sort();
  return new Map(names.map((name) => [name, summariseSet(sets.get(name)!, order)]));
}

/** Figures of a table by detector: means over seeds, and lowest and highest. */
export interface TableSummary {
  readonly figures: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly spread: Readonly<Record<string, Record<string, [number, number] | null>>>;
}

export function summariseTable(outcomes: readonly UnitOutcome[], kind: 'nslkdd' | 'connections'): TableSummary | null {
  const seeds = outcomes.flatMap((outcome) => {
    const figures = outcome[kind];
    return figures ? [figures as Readonly<Record<string, Readonly<Record<string, number>>>>] : [];
  });
  if (seeds.length === 0) return null;
  const keys = Object.keys(seeds[0]);
  return {
    figures: Object.fromEntries(keys.map((key) => [key, meanFigures(seeds.map((figures) => figures[key]))])),
    spread: Object.fromEntries(keys.map((key) => [key, spreadFigures(seeds.map((figures) => figures[key]))])),
  };
}

function summariseSet(outcomes: readonly EntityOutcome[], order: readonly string[]): SetSummary {
  const seeds = [...new Set(outcomes.map(({ unit }) => unit.seed))].sort((a, b) => a - b);
  const forms = new Map<string, FormSummary>();
  for (const key of order) {
    const found = outcomes.flatMap(({ unit, entity }) =>
      entity.results.filter((one) => one.key === key).map((one) => ({ entity: unit.entity, seed: unit.seed, one })),
    );
    if (found.length > 0) forms.set(key, summariseForm(found));
  }
  const policies = outcomes.flatMap(({ entity }): PolicyFigures[] => (entity.policy ? [entity.policy] : []));
  return {
    entities: new Set(outcomes.map(({ unit }) => unit.entity)).size,
    seeds,
    forms,
    thresholded: policies.length > 0 ? meanFigures(policies.map(({ thresholded }) => thresholded)) : null,
    incidents: policies.length > 0 ? meanFigures(policies.map(({ incidents }) => incidents)) : null,
  };
}

function summariseForm(found: readonly { entity: string; seed: number; one: FormResult }[]): FormSummary {
  const groups = (by: 'entity' | 'seed') => {
    const values = [...new Set(found.map((item) => item[by]))];
    return values.map((value) => found.filter((item) => item[by] === value).map(({ one }) => one.quality));
  };
  const bySeed = groups('seed').map(meanFigures);
  const entities = [...new Set(found.map(({ entity }) => entity))];
  const mean = (pick: (one: FormResult) => number) => found.reduce((sum, { one }) => sum + pick(one), 0) / found.length;
  return {
    figures: meanFigures(bySeed),
    spread: spreadFigures(bySeed),
    fitSeconds: mean(({ fitSeconds }) => fitSeconds),
    scoreSeconds: mean(({ scoreSeconds }) => scoreSeconds),
    entities: Math.min(...groups('seed').map((qualities) => qualities.length)),
    byEntity: new Map(groups('entity').map((qualities, i) => [entities[i], meanFigures(qualities)])),
  };
}

/** The object that is printed for one data set. */
export function asJson(summary: SetSummary): Record<string, unknown> {
  const keys = [...summary.forms.keys()];
  const out: Record<string, unknown> = Object.fromEntries(keys.map((key) => [key, summary.forms.get(key)!.figures]));
  if (summary.thresholded) out.thresholded = summary.thresholded;
  if (summary.incidents) out.incidents = summary.incidents;
  if (summary.seeds.length > 1)
    out.spread = Object.fromEntries(keys.map((key) => [key, summary.forms.get(key)!.spread]));
  return out;
}
