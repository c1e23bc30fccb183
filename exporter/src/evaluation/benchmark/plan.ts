/** Which units a run of the benchmark has, the longest first, so that no thread is left alone with one at the end. */
import { hasNslKdd } from '../datasets/nsl-kdd.ts';
import { telemetrySets } from '../datasets/telemetry.ts';
import { ensembleMembers } from './ensemble.ts';
import { forms } from './forms.ts';
import type { EntityUnit, TableUnit, Unit } from './unit.ts';

/** Decisions without labels, beside the keys of forms. */
const POLICY_KEY = 'policy';

export interface PlanOptions {
  /** folder with asd/, smd/ and maybe nslkdd/ */
  readonly data: string;
  readonly seeds: readonly number[];
  /** without what takes a minute and more */
  readonly quick: boolean;
  /** names of data sets, or set/entity; absent: everything there is */
  readonly only?: readonly string[];
  /** keys of forms, `ensemble` and `policy`; absent: all */
  readonly forms?: readonly string[];
  /** names of the detectors there are */
  readonly known: readonly string[];
}

export interface Plan {
  readonly units: readonly Unit[];
  /** detectors that forms ask for and nobody has */
  readonly missing: readonly string[];
}

/** Throws when nothing is left to run, naming what there is. */
export function planUnits(options: PlanOptions): Plan {
  const { data, seeds, quick, only } = options;
  const keys = keysOf(options);
  const slow = new Set(forms.filter((form) => form.slow).map(({ key }) => key));
  const sets = telemetrySets(data);
  const wants = (set: string, entity?: string) =>
    only?.some((part) => part === set || (entity !== undefined && part === `${set}/${entity}`)) ?? true;
  const entities = sets
    .flatMap((set) => set.entities.map((entity) => ({ set, entity })))
    .filter(({ set, entity }) => wants(set.name, entity));
  const decides =
    (options.forms?.includes(POLICY_KEY) ?? true) && ensembleMembers.every((name) => options.known.includes(name));
  const units = entities.flatMap(({ set, entity }) =>
    seeds.flatMap((seed): EntityUnit[] => {
      const unit = { kind: 'entity' as const, set, entity, seed };
      return [
        { ...unit, keys: keys.filter((key) => slow.has(key)), policy: false },
        { ...unit, keys: keys.filter((key) => !slow.has(key)), policy: false },
        { ...unit, keys: [], policy: decides },
      ];
    }),
  );
  const tables = seeds.flatMap((seed): TableUnit[] => {
    const kinds = [...(hasNslKdd(data) ? (['nslkdd'] as const) : []), 'connections' as const];
    return options.forms ? [] : kinds.filter((kind) => wants(kind)).map((kind) => ({ kind, data, seed, quick }));
  });
  const weight = (unit: Unit) =>
    unit.kind === 'entity'
      ? (unit.keys.some((key) => slow.has(key)) ? 1e9 : unit.policy ? 1e8 : 0) + 1e6 / unit.set.stepMs
      : 0;
  const all = [...units.filter(({ keys: own, policy }) => own.length > 0 || policy), ...tables].sort(
    (a, b) => weight(b) - weight(a),
  );
  if (all.length === 0) {
    const there = [...sets.map(({ name }) => name), 'nslkdd', 'connections'].join(', ');
    throw new Error(`nothing to evaluate: of ${there}, none is asked for, or no detector that is asked for exists`);
  }
  const missing = [...new Set(forms.map(({ detector }) => detector))].filter((name) => !options.known.includes(name));
  return { units: all, missing };
}

function keysOf({ quick, known, forms: wanted }: PlanOptions): string[] {
  const keys = forms
    .filter(
      ({ detector, slow, key }) => known.includes(detector) && !(slow && quick) && (wanted?.includes(key) ?? true),
    )
    .map(({ key }) => key);
  const ensemble = ensembleMembers.every((name) => known.includes(name)) && (wanted?.includes('ensemble') ?? true);
  return ensemble ? ['ensemble', ...keys] : keys;
}
