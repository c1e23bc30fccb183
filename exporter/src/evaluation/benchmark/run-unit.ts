import { type LabelledEntity, readEntity } from '../datasets/telemetry.ts';
import { runEntity } from './entity-run.ts';
import { prequential } from './prequential.ts';
import { judgeConnections, judgeNslKdd } from './table-run.ts';
import type { Unit, UnitOutcome } from './unit.ts';

/** Runs units one after the other; an error is an outcome. The entity of the last unit is kept, because the next one is often about it too. */
export function createUnitRunner(): (unit: Unit) => UnitOutcome {
  let entity: LabelledEntity | undefined;
  return (unit) => {
    try {
      switch (unit.kind) {
        case 'nslkdd':
          return { unit, nslkdd: judgeNslKdd(unit.data, unit.seed, unit.quick) };
        case 'connections':
          return { unit, connections: judgeConnections(unit.seed, unit.quick) };
        case 'entity':
          if (entity?.name !== unit.entity || entity.set !== unit.set.name) entity = readEntity(unit.set, unit.entity);
          return { unit, entity: runEntity(entity, unit.keys, unit.seed, unit.policy ? prequential : null) };
      }
    } catch (error) {
      return { unit, error: (error as Error).message };
    }
  };
}
