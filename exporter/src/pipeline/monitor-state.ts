/** What one monitor carries over a restart, as one file: baseline statistics and calibration of each entity. */
import { join } from 'node:path';
import { readAtomic, writeAtomic, writeAtomicSync } from '../store/atomic-file.ts';
import { decodeSnapshot, encodeSnapshot } from '../store/snapshot.ts';
import type { CalibrationSaved } from '../decision/calibration.ts';
import type { DecisionSaved } from '../decision/decide.ts';
import type { GroupSaved } from './group.ts';

const KIND = 'monitor-state';
const VERSION = 2;

interface GroupMeta {
  schema: string;
  features: string[];
  entities: string[];
  /** lengths of one entity's arrays */
  width: number;
  season: number;
  /** of the calibrations, in order */
  detectors: string[];
  bins: number;
  decisions: (Omit<DecisionSaved, 'detectors' | 'ensemble' | 'samples' | 'usual' | 'decayedAt'> & {
    samples: { length: number; stride: number; skipped: number } | undefined;
    bound: CalibrationSaved['bound'];
  })[];
}

/** numbers beside the distribution of one detector's calibration, and of a whole entity */
const OF_DETECTOR = 3;
const OF_ENTITY = 8;

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
      detectors: first.decision.detectors.map(({ name }) => name),
      bins: first.decision.detectors[0].tail.length,
      decisions: entities.map(
        ({ decision: { detectors: _, usual: __, decayedAt: ___, ensemble, samples: sampled, ...rest } }) => ({
          ...rest,
          bound: ensemble.bound,
          samples: sampled && { length: sampled.rows.length, stride: sampled.stride, skipped: sampled.skipped },
        }),
      ),
    };
    const each = group.detectors.length;
    const numbers = OF_DETECTOR * each + OF_ENTITY;
    const baseline = new Float64Array(entities.length * group.width);
    const season = new Float64Array(entities.length * group.season);
    const tails = new Float32Array(entities.length * (each + 1) * group.bins);
    const thresholds = new Float64Array(entities.length * numbers);
    const sampled = new Float32Array(entities.reduce((sum, e) => sum + (e.decision.samples?.rows.length ?? 0), 0));
    let sampledAt = 0;
    entities.forEach((entity, e) => {
      const { decision } = entity;
      baseline.set(entity.baseline.values, e * group.width);
      season.set(entity.baseline.season, e * group.season);
      decision.detectors.forEach(({ tail, threshold, high, unseenRows }, d) => {
        tails.set(tail, (e * (each + 1) + d) * group.bins);
        thresholds.set([threshold, high, unseenRows], e * numbers + OF_DETECTOR * d);
      });
      const { tail, threshold, base, rowsSince, decayedAt, alarm, quiet } = decision.ensemble;
      tails.set(tail, (e * (each + 1) + each) * group.bins);
      thresholds.set(
        [decision.usual, decision.decayedAt, threshold, base, rowsSince, decayedAt, alarm, quiet],
        e * numbers + OF_DETECTOR * each,
      );
      if (decision.samples) {
        sampled.set(decision.samples.rows, sampledAt);
        sampledAt += decision.samples.rows.length;
      }
    });
    arrays[`samples${g}`] = sampled;
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
    const sampled = arrays[`samples${g}`] as Float32Array;
    const each = group.detectors.length;
    const numbers = OF_DETECTOR * each + OF_ENTITY;
    let sampledAt = 0;
    return {
      schema: group.schema,
      entities: group.entities.map((entity, e) => {
        const { samples, bound, ...rest } = group.decisions[e];
        const rows = sampled.slice(sampledAt, (sampledAt += samples?.length ?? 0));
        const [usual, decayedAt, threshold, base, rowsSince, calibratedAt, alarm, quiet] = thresholds.subarray(
          e * numbers + OF_DETECTOR * each,
        );
        const tailOf = (d: number) => {
          const at = (e * (each + 1) + d) * group.bins;
          return tails.slice(at, at + group.bins);
        };
        return {
          features: group.features,
          entity,
          baseline: {
            values: baseline.slice(e * group.width, (e + 1) * group.width),
            season: season.slice(e * group.season, (e + 1) * group.season),
          },
          decision: {
            ...rest,
            detectors: group.detectors.map((name, d) => {
              const [threshold, high, unseenRows] = thresholds.subarray(e * numbers + OF_DETECTOR * d);
              return { name, tail: tailOf(d), threshold, high, unseenRows };
            }),
            ensemble: {
              tail: tailOf(each),
              threshold,
              base,
              rowsSince,
              decayedAt: calibratedAt,
              alarm,
              quiet,
              // JSON has no NaN
              bound: bound && { ...bound, since: bound.since ?? NaN },
            },
            usual,
            decayedAt,
            samples: samples && { rows, stride: samples.stride, skipped: samples.skipped },
          },
        };
      }),
    };
  });
}
