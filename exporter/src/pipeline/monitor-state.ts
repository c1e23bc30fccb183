/** What one monitor carries over a restart, as one file: baseline statistics and calibration of each entity. */
import { join } from 'node:path';
import { readAtomic, writeAtomic, writeAtomicSync } from '../store/atomic-file.ts';
import { decodeSnapshot, encodeSnapshot } from '../store/snapshot.ts';
import type { GroupSaved } from './group.ts';

const KIND = 'monitor-state';
const VERSION = 1;

interface GroupMeta {
  schema: string;
  features: string[];
  entities: string[];
  /** lengths of one entity's arrays */
  width: number;
  season: number;
  tails: number;
  bins: number;
  thresholds: number;
  decisions: { unseenRows: number; unseenMs: number; rowsSince: number; decayedAt: number; budget: unknown }[];
}

interface Meta {
  monitor: string;
  groups: GroupMeta[];
}

/** Entities of one schema. */
export interface SavedGroup {
  schema: string;
  entities: GroupSaved[];
}

export function statePath(folder: string, monitor: string): string {
  return join(folder, 'state', `${monitor}.state`);
}

export function encodeState(monitor: string, groups: readonly SavedGroup[]): Uint8Array {
  const arrays: Record<string, Float64Array<ArrayBuffer> | Float32Array<ArrayBuffer>> = {};
  const meta: Meta = { monitor, groups: [] };
  groups.forEach(({ schema, entities }, g) => {
    if (entities.length === 0) return;
    const [first] = entities;
    const group: GroupMeta = {
      schema,
      features: first.features,
      entities: entities.map((e) => e.entity),
      width: first.baseline.values.length,
      season: Math.max(...entities.map((e) => e.baseline.season.length)),
      tails: first.decision.tails.length,
      bins: first.decision.tails[0].length,
      thresholds: first.decision.thresholds.length,
      decisions: entities.map(({ decision: { unseenRows, unseenMs, rowsSince, decayedAt, budget } }) => ({
        unseenRows,
        unseenMs,
        rowsSince,
        decayedAt,
        budget,
      })),
    };
    const baseline = new Float64Array(entities.length * group.width);
    const season = new Float64Array(entities.length * group.season);
    const tails = new Float32Array(entities.length * group.tails * group.bins);
    const thresholds = new Float64Array(entities.length * group.thresholds);
    entities.forEach((entity, e) => {
      baseline.set(entity.baseline.values, e * group.width);
      season.set(entity.baseline.season, e * group.season);
      entity.decision.tails.forEach((tail, t) => tails.set(tail, (e * group.tails + t) * group.bins));
      thresholds.set(entity.decision.thresholds, e * group.thresholds);
    });
    arrays[`baseline${g}`] = baseline;
    arrays[`season${g}`] = season;
    arrays[`tails${g}`] = tails;
    arrays[`thresholds${g}`] = thresholds;
    meta.groups[g] = group;
  });
  return encodeSnapshot(meta, arrays);
}

export async function writeState(path: string, bytes: Uint8Array): Promise<void> {
  await writeAtomic(path, KIND, VERSION, bytes);
}

export function writeStateSync(path: string, bytes: Uint8Array): void {
  writeAtomicSync(path, KIND, VERSION, bytes);
}

/** undefined when there is none. Throws RefusedFileError for a damaged or foreign file, an Error for another monitor's. */
export function readState(path: string, monitor: string): SavedGroup[] | undefined {
  const bytes = readAtomic(path, KIND, VERSION);
  if (!bytes) return undefined;
  const { meta: unchecked, arrays } = decodeSnapshot(bytes);
  const meta = unchecked as Meta;
  if (meta.monitor !== monitor)
    throw new Error(`${path} is the state of the monitor "${meta.monitor}", not of "${monitor}"`);
  return meta.groups.flatMap((group, g) => {
    if (!group) return [];
    const baseline = arrays[`baseline${g}`] as Float64Array;
    const season = arrays[`season${g}`] as Float64Array;
    const tails = arrays[`tails${g}`] as Float32Array;
    const thresholds = arrays[`thresholds${g}`] as Float64Array;
    return {
      schema: group.schema,
      entities: group.entities.map((entity, e) => ({
        features: group.features,
        entity,
        baseline: {
          values: baseline.slice(e * group.width, (e + 1) * group.width),
          season: season.slice(e * group.season, (e + 1) * group.season),
        },
        decision: {
          tails: Array.from({ length: group.tails }, (_, t) => {
            const at = (e * group.tails + t) * group.bins;
            return tails.slice(at, at + group.bins);
          }),
          thresholds: [...thresholds.subarray(e * group.thresholds, (e + 1) * group.thresholds)],
          ...(group.decisions[e] as Omit<GroupSaved['decision'], 'tails' | 'thresholds'>),
          decayedAt: group.decisions[e].decayedAt ?? NaN, // JSON has no NaN
        },
      })),
    };
  });
}
