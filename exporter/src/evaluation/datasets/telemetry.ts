/**
 * Labelled telemetry in folders: `<set>/<entity>.train.csv.gz` (header `m0..mN`), `<set>/<entity>.test.csv.gz` (the same and a last column `label`, 0 or 1) and
 * maybe `<set>/<entity>.causes.json`, segments of the test part with the columns that caused them. Rows are evenly spaced; the test part follows the train part.
 */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { FeatureSpec, Rows } from '../../flow.ts';
import type { Segment } from '../quality-metrics-segments.ts';

const DAY_MS = 86_400_000;
/** Time of the first train row: a midnight, so that a row's phase of the day is its index modulo the rows of a day. */
const EPOCH = Date.UTC(2026, 0, 1);

/** Milliseconds between two rows of the known sets; any other folder is taken as minutes. */
const STEP_MS: Readonly<Record<string, number>> = { asd: 300_000, smd: 60_000 };
const OTHER_STEP_MS = 60_000;

export interface TelemetrySet {
  /** name of the folder */
  readonly name: string;
  readonly folder: string;
  readonly stepMs: number;
  readonly entities: readonly string[];
}

export interface CauseSegment extends Segment {
  /** columns to blame, counted from 0 */
  readonly dims: readonly number[];
}

/** One entity: train and test rows as one uninterrupted segment. */
export interface LabelledEntity {
  readonly set: string;
  readonly name: string;
  readonly features: readonly FeatureSpec[];
  readonly rows: Rows;
  /** the first rows are for training */
  readonly trainRows: number;
  readonly rowsPerDay: number;
  /** of the test rows */
  readonly labels: Uint8Array;
  /** rows of the test part, counted from 0; null = not known */
  readonly causes: readonly CauseSegment[] | null;
}

/** The folders inside `data` that hold entities, by name. Throws when there is none. */
export function telemetrySets(data: string): TelemetrySet[] {
  if (!existsSync(data)) throw new Error(`there is no folder ${data}: give the one with asd/ and smd/ in it`);
  const folders = readdirSync(data, { withFileTypes: true }).filter(
    (entry) => entry.isDirectory() || entry.isSymbolicLink(),
  );
  const sets = folders.map(({ name }) => {
    const folder = join(data, name);
    const entities = entitiesIn(folder);
    return { name, folder, stepMs: STEP_MS[name] ?? OTHER_STEP_MS, entities };
  });
  const filled = sets.filter(({ entities }) => entities.length > 0).sort((a, b) => (a.name < b.name ? -1 : 1));
  if (filled.length === 0) {
    throw new Error(`no folder in ${data} has a pair <entity>.train.csv.gz and <entity>.test.csv.gz`);
  }
  return filled;
}

function entitiesIn(folder: string): string[] {
  const files = new Set(readdirSync(folder));
  const named = [...files].flatMap((file) => /^(.+)\.train\.csv\.gz$/.exec(file)?.[1] ?? []);
  return named.filter((entity) => files.has(`${entity}.test.csv.gz`)).sort(byNumber.compare);
}

const byNumber = new Intl.Collator('en', { numeric: true });

/** Throws on parts of different columns, a missing label column, and cells that are neither a number nor empty (missing). */
export function readEntity(set: TelemetrySet, entity: string): LabelledEntity {
  const path = join(set.folder, entity);
  const train = readTable(`${path}.train.csv.gz`);
  const test = readTable(`${path}.test.csv.gz`);
  if (!test.labels) throw new Error(`${path}.test.csv.gz: the last column must be label`);
  const columns = train.names.length;
  if (test.names.join() !== train.names.join()) {
    throw new Error(
      `${path}: the test part has the columns ${test.names.join()}, the train part ${train.names.join()}`,
    );
  }
  const data = new Float64Array(train.data.length + test.data.length);
  data.set(train.data);
  data.set(test.data, train.data.length);
  const rows = data.length / columns;
  return {
    set: set.name,
    name: entity,
    features: train.names.map(anyFeature),
    rows: {
      values: { rows, columns, data },
      time: Float64Array.from({ length: rows }, (_, row) => EPOCH + row * set.stepMs),
      segment: new Int32Array(rows),
    },
    trainRows: train.data.length / columns,
    rowsPerDay: DAY_MS / set.stepMs,
    labels: test.labels,
    causes: readCauses(`${path}.causes.json`, test.labels.length, columns),
  };
}

/** The data sets say nothing about their columns. */
function anyFeature(name: string): FeatureSpec {
  return {
    name,
    unit: 'ratio',
    help: `Column ${name}.`,
    kind: 'gauge',
    direction: 'both',
    transform: 'none',
    minimumDeviation: 0,
  };
}

function readTable(path: string): { names: string[]; data: Float64Array; labels?: Uint8Array } {
  const [header, ...lines] = gunzipSync(readFileSync(path)).toString('utf8').trimEnd().split(/\r?\n/);
  const names = header.split(',');
  const labelled = names.at(-1) === 'label';
  if (labelled) names.pop();
  const data = new Float64Array(lines.length * names.length);
  const labels = labelled ? new Uint8Array(lines.length) : undefined;
  const cellsPerLine = names.length + (labelled ? 1 : 0);
  lines.forEach((line, row) => {
    const cells = line.split(',');
    if (cells.length !== cellsPerLine) {
      throw new Error(`${path}, line ${row + 2}: ${cells.length} cells, the header has ${cellsPerLine}`);
    }
    for (let c = 0; c < names.length; c++) {
      const value = cells[c] === '' ? NaN : Number(cells[c]);
      if (value !== value && !/^(nan)?$/i.test(cells[c])) {
        throw new Error(`${path}, line ${row + 2}: "${cells[c]}" in column ${names[c]} is not a number`);
      }
      data[row * names.length + c] = value;
    }
    if (labels) labels[row] = Number(cells[names.length]) !== 0 ? 1 : 0;
  });
  return { names, data, labels };
}

function readCauses(path: string, rows: number, columns: number): CauseSegment[] | null {
  if (!existsSync(path)) return null;
  const segments = JSON.parse(readFileSync(path, 'utf8')) as CauseSegment[];
  for (const { start, end, dims } of segments) {
    const inside = Number.isInteger(start) && start >= 0 && end >= start && end < rows;
    if (!inside || !Array.isArray(dims) || dims.length === 0 || !dims.every((d) => d >= 0 && d < columns)) {
      throw new Error(
        `${path}: ${JSON.stringify({ start, end, dims })} is not a segment of ${rows} rows with causes among ${columns} columns`,
      );
    }
  }
  return segments;
}
