/**
 * Raw samples of a host in a file, to be replayed later: gzip over lines of JSON.
 *
 *     {"format":"netpulse-recording","version":1,"intervalMs":1000,"cpus":2,"schemas":[{"name":"host","counters":[...],"gauges":[...]}, ...]}
 *     {"entity":0,"id":"host","kind":"host"}                      an entity, before its first row
 *     [0,1767225600000,[0],[12.5,null, ...]]                      schema, ms since the batch before, entities, values row by row
 *
 * A gauge is written with 6 significant digits, null = missing. A counter is written as its increase since the entity's last row in the file, rounded to
 * 1e-6; rounding does not add up, because the increase is taken from what a reader will have. Nothing but names of features, devices and mount
 * points is kept of the machine. Meaning (units, directions, minimum deviations) is not recorded: a replay takes the features as they are now, by name.
 * A file that ends in the middle, because the recording was killed, is read as far as it goes.
 */
import { constants, gunzipSync } from 'node:zlib';
import type { Batch, Entity, Schema } from '../flow.ts';

const FORMAT = 'netpulse-recording';
const VERSION = 1;
const GAUGE_DIGITS = 6;
const COUNTER_STEPS = 1e6;

interface Header {
  readonly format: string;
  readonly version: number;
  readonly intervalMs: number;
  readonly cpus: number;
  readonly schemas: readonly {
    readonly name: string;
    readonly features: readonly string[];
    readonly counters: string;
  }[];
}

type Line = readonly [schema: number, elapsedMs: number, entities: number[], values: (number | null)[]];

/** Each result ends in a newline; written one after the other and compressed they are a recording. */
export interface RecordingWriter {
  header(): string;
  /** All rows of a batch are of one time, else it throws. */
  batch(batch: Batch): string;
}

export interface Recording {
  readonly intervalMs: number;
  readonly cpus: number;
  readonly schemas: readonly Schema[];
  readonly entities: readonly Entity[];
  /** In the order of the file. Arrays are each batch's own. */
  readonly batches: readonly Batch[];
}

/** `entities` is the source's list, which may grow. */
export function recordingWriter(
  schemas: readonly Schema[],
  entities: readonly Entity[],
  intervalMs: number,
  cpus: number,
): RecordingWriter {
  const told = new Set<number>();
  /** schema x entity -> counters as a reader has them */
  const totals = new Map<string, Float64Array>();
  let last = 0;

  function encodeRow({ features }: Schema, values: Float64Array, total: Float64Array): (number | null)[] {
    return features.map(({ kind }, column) => {
      const value = values[column];
      if (!Number.isFinite(value)) return null;
      if (kind === 'gauge') return Number(value.toPrecision(GAUGE_DIGITS));
      const increase = rounded(value - total[column]);
      total[column] += increase;
      return increase;
    });
  }

  return {
    header() {
      const header: Header = {
        format: FORMAT,
        version: VERSION,
        intervalMs,
        cpus,
        schemas: schemas.map(({ name, features }) => ({
          name,
          features: features.map((feature) => feature.name),
          counters: features.map(({ kind }) => (kind === 'counter' ? 1 : 0)).join(''),
        })),
      };
      return `${JSON.stringify(header)}\n`;
    },
    batch({ schema, entity, time, values }) {
      if (entity.length === 0) return '';
      const now = time[0];
      if (time.some((each) => each !== now))
        throw new Error(`rows of one batch of ${schema.name} have different times`);
      const width = schema.features.length;
      let text = '';
      const encoded: (number | null)[] = [];
      entity.forEach((index, row) => {
        if (!told.has(index)) {
          told.add(index);
          const { id, kind } = entities[index];
          text += `${JSON.stringify({ entity: index, id, kind })}\n`;
        }
        const key = `${schema.name} ${index}`;
        let total = totals.get(key);
        if (!total) totals.set(key, (total = new Float64Array(width)));
        encoded.push(...encodeRow(schema, values.subarray(row * width, (row + 1) * width), total));
      });
      const line: Line = [schemas.indexOf(schema), now - last, [...entity], encoded];
      last = now;
      return `${text}${JSON.stringify(line)}\n`;
    },
  };
}

/**
 * `schemasFor` gives the features as they are now, for a machine with so many processors; columns are found by name, what is new is NaN, what is
 * gone is passed over. Throws when the bytes are no recording, of another version, or of a schema that is not known.
 */
export function readRecording(bytes: Uint8Array, schemasFor: (cpus: number) => readonly Schema[]): Recording {
  const [first, ...lines] = linesOf(bytes);
  const header = headerOf(first);
  const known = schemasFor(header.cpus);
  const layouts = header.schemas.map(({ name, features, counters }) => {
    const schema = known.find((one) => one.name === name);
    if (!schema)
      throw new Error(`the recording has rows of "${name}"; known are ${known.map((one) => one.name).join(', ')}`);
    const columns = features.map((feature) => schema.features.findIndex((one) => one.name === feature));
    return {
      schema,
      columns,
      counter: [...counters].map((flag) => flag === '1'),
      totals: new Map<number, Float64Array>(),
    };
  });
  const entities: Entity[] = [];
  const batches: Batch[] = [];
  let now = 0;

  for (const text of lines) {
    const line = JSON.parse(text) as Line | { entity: number; id: string; kind: string };
    if ('entity' in line) {
      entities[line.entity] = { id: line.id, kind: line.kind, host: 'host', labels: {} };
      continue;
    }
    const [index, elapsedMs, rows, values] = line;
    const { schema, columns, counter, totals } = layouts[index];
    const recorded = columns.length;
    const width = schema.features.length;
    now += elapsedMs;
    const batch: Batch = {
      schema,
      entity: Int32Array.from(rows),
      time: new Float64Array(rows.length).fill(now),
      values: new Float64Array(rows.length * width).fill(NaN),
    };
    rows.forEach((entity, row) => {
      let total = totals.get(entity);
      if (!total) totals.set(entity, (total = new Float64Array(recorded)));
      for (let c = 0; c < recorded; c++) {
        const value = values[row * recorded + c];
        if (value === null) continue;
        total[c] = counter[c] ? total[c] + value : value;
        if (columns[c] >= 0) batch.values[row * width + columns[c]] = total[c];
      }
    });
    batches.push(batch);
  }
  return {
    intervalMs: header.intervalMs,
    cpus: header.cpus,
    schemas: layouts.map(({ schema }) => schema),
    entities,
    batches,
  };
}

/** Whole lines only: the last one may have been cut off. */
function linesOf(bytes: Uint8Array): string[] {
  const text = gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH }).toString('utf8');
  return text.slice(0, text.lastIndexOf('\n')).split('\n');
}

function headerOf(line: string): Header {
  const header = line.startsWith(`{"format":"${FORMAT}"`) ? (JSON.parse(line) as Header) : undefined;
  if (!header) throw new Error(`this is no recording: it begins with "${line.slice(0, 40)}"`);
  if (header.version !== VERSION)
    throw new Error(
      `the recording is of version ${header.version}, this program reads version ${VERSION}; record again`,
    );
  return header;
}

function rounded(value: number): number {
  return Number.isInteger(value) ? value : Math.round(value * COUNTER_STEPS) / COUNTER_STEPS;
}
