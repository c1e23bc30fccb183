/** What the benchmark's main thread asks its workers, and what they answer. Plain data. */
import type { TelemetrySet } from '../datasets/telemetry.ts';
import type { EntityResult } from './entity-run.ts';
import type { DecisionFigures, RankingFigures, TableFigures } from './table-run.ts';

export interface EntityUnit {
  readonly kind: 'entity';
  readonly set: TelemetrySet;
  readonly entity: string;
  readonly seed: number;
  /** keys of forms.ts, and `ensemble` */
  readonly keys: readonly string[];
  /** also decide without labels, row by row */
  readonly policy: boolean;
}

interface Table<Kind> {
  readonly kind: Kind;
  /** folder of the data sets */
  readonly data: string;
  readonly seed: number;
  readonly quick: boolean;
}

export type TableUnit = Table<'nslkdd'> | Table<'connections'>;
export type Unit = EntityUnit | TableUnit;

/** One of the results, or the error that cost the whole unit. */
export interface UnitOutcome {
  readonly unit: Unit;
  readonly entity?: EntityResult;
  readonly nslkdd?: TableFigures<RankingFigures>;
  readonly connections?: TableFigures<DecisionFigures>;
  readonly error?: string;
}

export function nameOf(unit: Unit): string {
  return unit.kind === 'entity'
    ? `${unit.set.name}/${unit.entity}, seed ${unit.seed}: ${unit.policy ? 'decisions without labels' : unit.keys.join(' ')}`
    : `${unit.kind}, seed ${unit.seed}`;
}
