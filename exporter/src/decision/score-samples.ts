/**
 * A thinned record of each entity's rows of member scores, so that an ensemble whose members or weights change has a threshold at once. When it is full every
 * other row is dropped and only every second row is taken from then on: the record always spans the whole time. Kept for the first entities only.
 */

const ROWS = 512;
const ENTITIES = 256;

export interface SavedSamples {
  readonly rows: Float32Array;
  readonly stride: number;
  /** rows since the last one that was taken */
  readonly skipped: number;
}

export interface ScoreSamples {
  /** `row` has one score a member, NaN = none */
  add(entity: number, row: ArrayLike<number>): void;
  /** Each sampled row, oldest first, at `rows[at ...]`, and how many rows ago it came. */
  each(entity: number, visit: (rows: Float32Array, at: number, rowsAgo: number) => void): void;
  save(entity: number): SavedSamples | undefined;
  /** `columnOf[i]` is where member i stands in the saved rows, -1 = nowhere. Rows are given the width of now. */
  restore(entity: number, saved: SavedSamples, savedWidth: number, columnOf: readonly number[]): void;
  forget(entity: number): void;
}

interface Record {
  rows: Float32Array;
  count: number;
  stride: number;
  skipped: number;
}

export function createScoreSamples(width: number): ScoreSamples {
  const records = new Map<number, Record>();

  function recordOf(entity: number): Record {
    let record = records.get(entity);
    if (!record)
      records.set(entity, (record = { rows: new Float32Array(64 * width), count: 0, stride: 1, skipped: 0 }));
    return record;
  }

  function thin(record: Record): void {
    const { rows } = record;
    const kept = record.count >> 1;
    // the newer row of each pair stays
    for (let k = 0; k < kept; k++) rows.copyWithin(k * width, (2 * k + 1) * width, (2 * k + 2) * width);
    record.count = kept;
    record.stride *= 2;
  }

  return {
    add(entity, row) {
      if (entity >= ENTITIES) return;
      const record = recordOf(entity);
      if (++record.skipped < record.stride) return;
      if (record.count === ROWS) {
        // the newest kept row is half a new stride old: this one is skipped like every other
        thin(record);
        return;
      }
      record.skipped = 0;
      if ((record.count + 1) * width > record.rows.length) {
        const larger = new Float32Array(2 * record.rows.length);
        larger.set(record.rows);
        record.rows = larger;
      }
      for (let i = 0; i < width; i++) record.rows[record.count * width + i] = row[i];
      record.count++;
    },
    each(entity, visit) {
      const record = records.get(entity);
      if (!record) return;
      const { rows, count, stride, skipped } = record;
      for (let k = 0; k < count; k++) visit(rows, k * width, skipped + (count - 1 - k) * stride);
    },
    save(entity) {
      const record = records.get(entity);
      if (!record) return undefined;
      return { rows: record.rows.slice(0, record.count * width), stride: record.stride, skipped: record.skipped };
    },
    restore(entity, { rows, stride, skipped }, savedWidth, columnOf) {
      if (entity >= ENTITIES) return;
      const count = Math.min(ROWS, Math.floor(rows.length / savedWidth));
      const record: Record = { rows: new Float32Array(Math.max(64, count) * width), count, stride, skipped };
      for (let k = 0; k < count; k++)
        for (let i = 0; i < width; i++)
          record.rows[k * width + i] = columnOf[i] < 0 ? NaN : rows[k * savedWidth + columnOf[i]];
      records.set(entity, record);
    },
    forget(entity) {
      records.delete(entity);
    },
  };
}
