/**
 * Whether the product stays silent on a quiet machine: a recording of a host goes through its own flow, with the monitor as it is without any configuration,
 * and the incidents that open are told.
 */
import { hostOptions } from '../sources/host/options.ts';
import { diskSchema, filesystemSchema, hostSchema, interfaceSchema } from '../sources/host/schemas.ts';
import { resolveMonitor } from '../config/monitors.ts';
import { fileOptions } from '../config/schema.ts';
import type { Batch, IncidentDetail, Schema } from '../flow.ts';
import { createReplay, type Replay } from '../pipeline/replay.ts';
import { readRecording, type Recording } from './recording.ts';

export interface QuietReplay {
  /** rows, every entity's own */
  readonly samples: number;
  /** from the first row to the last */
  readonly seconds: number;
  /** rows of each schema */
  readonly rows: Readonly<Record<string, number>>;
  /** as they were last told, in the order in which they opened; those of different schemas are not joined */
  readonly incidents: readonly IncidentDetail[];
}

/** The features of the host source as they are now. */
export function hostSchemas(cpus: number): readonly Schema[] {
  return [hostSchema(cpus), interfaceSchema, diskSchema, filesystemSchema];
}

/** Throws when the bytes are no recording of a host. */
export function readHostRecording(bytes: Uint8Array): Recording {
  return readRecording(bytes, hostSchemas);
}

/** `change` may alter batches before they are replayed. */
export function replayRecording(recording: Recording, change: (batch: Batch) => Batch = (batch) => batch): QuietReplay {
  const config = hostMonitor(recording.intervalMs);
  const replays = new Map<Schema, Replay>(
    recording.schemas.map((schema) => [schema, createReplay(config, schema, recording.entities)]),
  );
  const incidents = new Map<string, IncidentDetail>();
  const rows: Record<string, number> = Object.fromEntries(recording.schemas.map(({ name }) => [name, 0]));
  let first = NaN;
  let last = NaN;
  for (const original of recording.batches) {
    const batch = change(original);
    rows[batch.schema.name] += batch.entity.length;
    if (Number.isNaN(first)) first = batch.time[0];
    last = batch.time[0];
    for (const { incident } of replays.get(batch.schema)!.push(batch).events) incidents.set(incident.id, incident);
  }
  return {
    samples: Object.values(rows).reduce((sum, each) => sum + each, 0),
    seconds: (last - first) / 1000,
    rows,
    incidents: [...incidents.values()],
  };
}

/** The host monitor without a configuration file, at the recording's interval. */
function hostMonitor(intervalMs: number) {
  const [given] = fileOptions.parse({
    monitors: [{ name: 'host', source: 'host', interval: `${intervalMs}ms` }],
  }).monitors!;
  return resolveMonitor(given, { sources: { host: { options: hostOptions } } });
}
