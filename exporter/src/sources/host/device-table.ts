/**
 * The devices of one kernel file that are watched, and their running totals.
 *
 * The kernel's counters are not taken as they are: 32-bit ones wrap, a driver that is loaded again starts at 0, and a sum over devices jumps by years of
 * traffic when one comes or goes. So each tick adds the difference to the device's total and to the sum; a device that was not there
 * the tick before starts again from what it shows and adds nothing to the sum.
 */
import type { Cursor } from './cursor.ts';

export interface DeviceTable {
  /** Makes exactly these devices the watched ones: name to entity index. */
  watch(devices: ReadonlyMap<string, number>): void;
  /** Starts a tick, in which no device has been seen yet. */
  begin(): void;
  /** The slot of the device whose name ends at `end` and starts at the cursor, on line number `line` of the file; -1 = not watched. */
  slot(cursor: Cursor, end: number, line: number): number;
  /** The same by name. */
  find(name: string): number;
  /** Takes the device's counters of this tick, in the order of the table's fields. A NaN leaves that total where it is and makes it NaN in this tick's row. */
  advance(slot: number, counters: Float64Array): void;
  /** slots seen in this tick, in the order of the file, and how many */
  readonly present: Int32Array;
  readonly count: number;
  entity(slot: number): number;
  total(slot: number, field: number): number;
  /** sum over devices; NaN in a tick that saw none, or no number */
  sum(field: number): number;
}

export function deviceTable(fields: number): DeviceTable {
  let slots = new Map<string, number>();
  const known = new Map<number, number>();
  let capacity = 8;
  let entities = new Int32Array(capacity);
  let present = new Int32Array(capacity);
  let seen = new Float64Array(capacity);
  let previous = new Float64Array(capacity * fields);
  let totals = new Float64Array(capacity * fields);
  const sums = new Float64Array(fields);
  /** devices that had a number this tick */
  const numbers = new Int32Array(fields);
  let started = false;
  let tick = 1;
  let count = 0;
  /** what stood on each line last time: names are compared as bytes and made strings only when they changed */
  let lines: { name: Buffer; slot: number }[] = [];

  function slotOf(entity: number): number {
    const slot = known.get(entity) ?? known.size;
    if (slot === capacity) {
      capacity *= 2;
      entities = grown(entities, new Int32Array(capacity));
      present = grown(present, new Int32Array(capacity));
      seen = grown(seen, new Float64Array(capacity));
      previous = grown(previous, new Float64Array(capacity * fields));
      totals = grown(totals, new Float64Array(capacity * fields));
    }
    known.set(entity, slot);
    entities[slot] = entity;
    return slot;
  }

  return {
    watch(devices) {
      slots = new Map([...devices].map(([name, entity]) => [name, slotOf(entity)]));
      lines = [];
    },
    begin() {
      started ||= count > 0;
      count = 0;
      numbers.fill(0);
      tick++;
    },
    find: (name) => slots.get(name) ?? -1,
    slot(cursor, end, line) {
      const { bytes, at } = cursor;
      const cached = lines[line];
      if (cached && cached.name.length === end - at && cached.name.compare(bytes, at, end) === 0) return cached.slot;
      const name = bytes.toString('latin1', at, end);
      const slot = slots.get(name) ?? -1;
      lines[line] = { name: Buffer.from(name, 'latin1'), slot };
      return slot;
    },
    advance(slot, counters) {
      const continues = seen[slot] === tick - 1;
      seen[slot] = tick;
      present[count++] = slot;
      for (let field = 0; field < fields; field++) {
        const at = slot * fields + field;
        const now = counters[field];
        if (!Number.isNaN(now)) numbers[field]++;
        if (continues && !Number.isNaN(previous[at])) {
          const by = difference(previous[at], now);
          totals[at] += by;
          if (!Number.isNaN(by)) sums[field] += by;
        } else {
          totals[at] = now;
          if (!started && !Number.isNaN(now)) sums[field] += now;
        }
        previous[at] = now;
      }
    },
    get present() {
      return present;
    },
    get count() {
      return count;
    },
    entity: (slot) => entities[slot],
    total: (slot, field) => totals[slot * fields + field],
    sum: (field) => (numbers[field] > 0 ? sums[field] : NaN),
  };
}

const WRAP = 2 ** 32;
/** More than this in one tick is not a wrap but a counter that began again: three days of milliseconds, 2 Gbit/s of bytes. */
const MOST_PER_WRAP = 2 ** 28;

function difference(before: number, now: number): number {
  const by = now - before;
  if (by >= 0 || Number.isNaN(by)) return by;
  return before < WRAP && by + WRAP < MOST_PER_WRAP ? by + WRAP : now;
}

function grown<T extends Int32Array | Float64Array>(from: T, into: T): T {
  into.set(from);
  return into;
}
