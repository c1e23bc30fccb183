/**
 * Frames around an incident: the rows just before it (kept all the time, for a bounded number of entities), its first rows and its last ones.
 */
import type { Frame } from '../wire/incident.ts';

const BEFORE = 30;
const FIRST = 60;
const LAST = 30;
/** entities whose recent rows are kept; beyond them a recording begins with its incident */
const ENTITIES = 256;

/** One row of the verdict's matrices, read in place. */
export interface RowView {
  readonly time: number;
  readonly score: number;
  readonly at: number;
  readonly columns: number;
  readonly values: Float64Array;
  readonly expected: Float64Array;
  readonly lower: Float64Array;
  readonly upper: Float64Array;
}

export interface RecentRows {
  push(row: RowView): void;
  /** oldest first */
  frames(): Frame[];
}

/** A ring of the last rows of one entity, single precision. */
export function createRecentRows(columns: number): RecentRows {
  const width = 4 * columns + 1;
  const data = new Float32Array(BEFORE * width);
  const times = new Float64Array(BEFORE);
  let next = 0;
  let length = 0;
  return {
    push(row) {
      const base = next * width;
      times[next] = row.time;
      data[base] = row.score;
      for (let j = 0; j < columns; j++) {
        data[base + 1 + j] = row.values[row.at + j];
        data[base + 1 + columns + j] = row.expected[row.at + j];
        data[base + 1 + 2 * columns + j] = row.lower[row.at + j];
        data[base + 1 + 3 * columns + j] = row.upper[row.at + j];
      }
      next = (next + 1) % BEFORE;
      length = Math.min(BEFORE, length + 1);
    },
    frames() {
      return Array.from({ length }, (_, k) => {
        const slot = (next - length + k + BEFORE) % BEFORE;
        const base = slot * width;
        const part = (i: number) => rounded(data.subarray(base + 1 + i * columns, base + 1 + (i + 1) * columns));
        return {
          time: times[slot],
          score: rounded(data.subarray(base, base + 1))[0] ?? 0,
          values: part(0),
          expected: part(1),
          lower: part(2),
          upper: part(3),
        };
      });
    },
  };
}

/** The frames of one incident, bounded: what came before, its first rows, its last rows. */
export interface Recording {
  frames: Frame[];
  tail: Frame[];
}

export function addFrame(recording: Recording, row: RowView): void {
  const frame = frameOf(row);
  if (recording.frames.length < BEFORE + FIRST) recording.frames.push(frame);
  else {
    recording.tail.push(frame);
    if (recording.tail.length > LAST) recording.tail.shift();
  }
}

export function recorded(recording: Recording): Frame[] {
  return [...recording.frames, ...recording.tail];
}

export function keepsRecentRows(entity: number): boolean {
  return entity < ENTITIES;
}

function frameOf(row: RowView): Frame {
  const part = (matrix: Float64Array) => rounded(matrix.subarray(row.at, row.at + row.columns));
  return {
    time: row.time,
    score: rounded([row.score])[0] ?? 0,
    values: part(row.values),
    expected: part(row.expected),
    lower: part(row.lower),
    upper: part(row.upper),
  };
}

/** seven digits are what a person and a chart can use; missing is null */
function rounded(values: ArrayLike<number>): (number | null)[] {
  return Array.from(values, (x) => (Number.isFinite(x) ? Number(x.toPrecision(7)) : null));
}
