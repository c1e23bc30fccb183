/** Rows of the kernel matrix of one set of rows, computed when they are asked for; when all slots are taken, the row that was not used for longest leaves. */
import { rbfRow } from './rbf';

let panels: i32 = 0;
let columns: i32 = 0;
let rows: usize = 0;
let gamma: f32 = 0;
let cache: usize = 0;
let slots: i32 = 0;
let slotOf: usize = 0;
let ownerOf: usize = 0;
let usedAt: usize = 0;
let clock: i32 = 0;

/** `values` has room for 8 numbers a panel in each slot, `slotOfRow` for a number a row, `slotState` for two a slot. */
export function startKernelRows(
  panelRows: usize,
  panelCount: i32,
  columnCount: i32,
  kernelGamma: f32,
  values: usize,
  slotCount: i32,
  slotOfRow: usize,
  slotState: usize,
): void {
  rows = panelRows;
  panels = panelCount;
  columns = columnCount;
  gamma = kernelGamma;
  cache = values;
  slots = slotCount;
  slotOf = slotOfRow;
  ownerOf = slotState;
  usedAt = slotState + (<usize>slotCount << 2);
  clock = 0;
  memory.fill(slotOf, 0xff, <usize>panels << 5);
  memory.fill(slotState, 0xff, <usize>slots << 3);
}

/** Kernel values of a row with all rows, [panel][8]; valid until `slots` other rows were asked for. */
export function kernelRow(row: i32): usize {
  const bytes = <usize>panels << 5;
  let slot = load<i32>(slotOf + (<usize>row << 2));
  if (slot < 0) {
    slot = longestUnused();
    const owner = load<i32>(ownerOf + (<usize>slot << 2));
    if (owner >= 0) store<i32>(slotOf + (<usize>owner << 2), -1);
    store<i32>(ownerOf + (<usize>slot << 2), row);
    store<i32>(slotOf + (<usize>row << 2), slot);
    const query = rows + <usize>(row >> 3) * (<usize>columns << 5) + (<usize>(row & 7) << 2);
    rbfRow(query, rows, panels, columns, gamma, cache + <usize>slot * bytes);
  }
  store<i32>(usedAt + (<usize>slot << 2), clock++);
  return cache + <usize>slot * bytes;
}

/** Free slots were used at -1. */
function longestUnused(): i32 {
  let found = 0;
  for (let slot = 1; slot < slots; slot++) {
    if (load<i32>(usedAt + (<usize>slot << 2)) < load<i32>(usedAt + (<usize>found << 2))) found = slot;
  }
  return found;
}
