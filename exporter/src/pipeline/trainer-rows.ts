/** The rows of a fit: a file that the worker reads, or rows that only this thread has. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { readRing } from '../history/ring-read.ts';
import type { Rows } from '../flow.ts';
import type { FitJob, StoredFitJob } from '../training/job.ts';
import type { Subject, TrainingMember } from './trainer-subject.ts';

/** values (rows x columns) that a fit takes at most, 8 bytes each and held twice: what the whole process may need beyond scoring is bounded by this */
const MOST_VALUES = 500_000;
/** rows of a shared model, all entities together: they pass through this thread's memory */
const MOST_SHARED_ROWS = 20_000;
/** entities whose rows a shared model is fitted on */
const SHARED_ENTITIES = 300;

type StoredRows = Pick<StoredFitJob, 'file' | 'mostRows' | 'stepMs'>;
type MemoryRows = Pick<FitJob, 'values' | 'time' | 'segment'>;

/** All arrays are the caller's. */
export async function rowsFor({ config, member, entity }: Subject): Promise<StoredRows | MemoryRows> {
  if (entity === undefined) return await sharedRows(member);
  const mostRows = Math.floor(MOST_VALUES / member.group.columns.length);
  const file = completeFile(member, entity);
  if (file !== undefined) return { file, mostRows, stepMs: config.stepMs };
  const { values, time, segment } = memoryRows(member, entity, mostRows);
  return { values: values.data, time, segment };
}

/** The entity's file if it holds its newest row; while the disk refuses to be written, it does not. */
function completeFile({ history, entities }: TrainingMember, entity: number): string | undefined {
  const { id } = entities[entity];
  const file = history.file(id);
  if (file === undefined) return undefined;
  const [newest] = history.read(id, 1).time;
  return readRing(file, 1)?.time[0] === newest ? file : undefined;
}

/** The newest rows of one entity in model units. */
function memoryRows({ group, history, entities }: TrainingMember, entity: number, limit: number): Rows {
  const rows = history.read(entities[entity].id, limit);
  group.transform.forward(rows.values.data, rows.values.rows, rows.values.data);
  return rows;
}

/** Rows of some entities, evenly chosen, each on its own scale. Between two of them, samples are scored. */
async function sharedRows(member: TrainingMember): Promise<MemoryRows> {
  const { group } = member;
  const columns = group.columns.length;
  const members = group.members();
  const chosen = Math.min(members.length, SHARED_ENTITIES);
  const parts: Rows[] = [];
  for (let i = 0; i < chosen; i++) {
    const entity = members[Math.floor((i * members.length) / chosen)];
    const rows = memoryRows(member, entity, Math.ceil(MOST_SHARED_ROWS / chosen));
    for (let r = 0; r < rows.values.rows; r++) group.standardise(entity, rows.values.data, r);
    parts.push(rows);
    await nextTurn();
  }
  const total = parts.reduce((sum, part) => sum + part.values.rows, 0);
  const joined = {
    values: new Float64Array(total * columns),
    time: new Float64Array(total),
    segment: new Int32Array(total),
  };
  let at = 0;
  let segments = 0;
  for (const part of parts) {
    joined.values.set(part.values.data, at * columns);
    joined.time.set(part.time, at);
    let last = -1;
    for (let r = 0; r < part.values.rows; r++) {
      if (r === 0 || part.segment[r] !== part.segment[r - 1]) last = segments++;
      joined.segment[at + r] = last;
    }
    at += part.values.rows;
  }
  return joined;
}
