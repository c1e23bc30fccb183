import type { Entity, Observer } from '../../flow.ts';

/** Entities of each kind a host may have; more are left out and counted. */
export const ENTITIES_PER_KIND = 1000;

export interface EntityIndex {
  /** only grows */
  readonly entities: readonly Entity[];
  /** The index of this entity, its old one if it was here before; -1 when its kind has too many, counted as limit `<kind>_entities`. */
  add(entity: Entity): number;
  has(id: string): boolean;
}

export function entityIndex(observer: Observer, limit = ENTITIES_PER_KIND): EntityIndex {
  const entities: Entity[] = [];
  const indices = new Map<string, number>();
  const kinds = new Map<string, number>();
  return {
    entities,
    has: (id) => indices.has(id),
    add(entity) {
      const known = indices.get(entity.id);
      if (known !== undefined) return known;
      const ofKind = kinds.get(entity.kind) ?? 0;
      if (ofKind >= limit) {
        observer.count('series_limit_hits_total', { limit: `${entity.kind}_entities` });
        return -1;
      }
      kinds.set(entity.kind, ofKind + 1);
      indices.set(entity.id, entities.length);
      return entities.push(entity) - 1;
    },
  };
}
