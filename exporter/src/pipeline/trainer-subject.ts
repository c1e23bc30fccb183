/** What a model is fitted for: one detector of one entity, or of all entities of a kind. */
import type { MonitorConfig } from '../config/monitors.ts';
import { detectorTypes } from '../detectors/registry.ts';
import type { Detector, Entity } from '../flow.ts';
import type { History } from '../history/history.ts';
import type { ModelKey } from '../training/model-manifest.ts';
import type { Group } from './group.ts';

/** Entities of one schema as training sees them. */
export interface TrainingMember {
  readonly group: Group;
  readonly history: History;
  /** rows in the history of each entity, by index */
  readonly steps: readonly number[];
  readonly detectors: readonly Detector[];
  readonly entities: readonly Entity[];
}

export interface Subject {
  readonly config: MonitorConfig;
  readonly member: TrainingMember;
  readonly detector: number;
  /** index of the only entity, or undefined for a shared model */
  readonly entity: number | undefined;
}

export function detectorOf({ member, detector }: Subject): Detector {
  return member.detectors[detector];
}

/** The entity's id; of a shared model the name of the kind. */
export function groupOf({ member, entity }: Subject): string {
  return entity === undefined ? member.group.schema.name : member.entities[entity].id;
}

export function keyOf(subject: Subject): ModelKey {
  return { monitor: subject.config.name, group: groupOf(subject), detector: detectorOf(subject).name };
}

/** The entities that the model serves. */
export function membersOf({ member, entity }: Subject): readonly number[] {
  return entity === undefined ? member.group.members() : [entity];
}

/** Options of the detector with their defaults, so that however they are written, equal ones are equal. */
export function optionsOf(subject: Subject): Record<string, unknown> {
  const { name } = detectorOf(subject);
  const given = subject.config.detectorOptions[name] ?? {};
  const type = detectorTypes.find((candidate) => candidate.name === name);
  return (type ? type.options.parse(given) : given) as Record<string, unknown>;
}
