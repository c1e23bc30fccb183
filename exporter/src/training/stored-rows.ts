/**
 * The rows of a fit from the history file of one entity, as models see them. Of more rows than a fit may take, it gets evenly chosen runs of them, the newest included: a
 * week in pieces says more about what is normal than two days at a stretch, and every day has its share.
 */
import { createTransform } from '../features/transform.ts';
import type { RingLayout } from '../history/ring-format.ts';
import { findNewest, readHeader, readRows, withFile } from '../history/ring-read.ts';
import { joinRows } from '../history/segments.ts';
import type { FitJob, StoredFitJob } from './job.ts';

/** Rows of a run: an hour at 15 s. Detectors that look back find enough behind its start. */
const RUN = 240;

/** Throws when there is no such file, it cannot be read, or it holds other features. */
export function readStoredRows({ file, mostRows, stepMs, ...task }: StoredFitJob): FitJob {
  const features = task.features.map(({ name }) => name);
  const stored = withFile(file, (fd) => {
    const read = readHeader(fd);
    if ('reason' in read) throw new Error(`cannot read ${file}: ${read.wrong}`);
    const { header, layout } = read;
    if (header.features.join() !== features.join())
      throw new Error(`${file} holds the features ${header.features.join(', ')}, not ${features.join(', ')}`);
    return readParts(fd, layout, mostRows);
  });
  if (!stored) throw new Error(`there is no history file ${file}`);
  const { time, values } = stored;
  // where segments begin is a matter of time alone: without values nothing is copied
  const { segment } = joinRows([{ time, values: new Float64Array(0) }], 0, stepMs);
  createTransform(task.features).forward(values, time.length, values);
  return { ...task, values, time, segment };
}

function readParts(fd: number, layout: RingLayout, mostRows: number): { time: Float64Array; values: Float64Array } {
  const newest = findNewest(fd, layout);
  const parts = partsOf(Math.min(newest, layout.capacity), mostRows);
  const { columns } = layout;
  const rows = parts.reduce((sum, { length }) => sum + length, 0);
  const time = new Float64Array(rows);
  const values = new Float64Array(rows * columns);
  let at = 0;
  for (const { back, length } of parts) {
    // rows that are damaged, or were overwritten meanwhile, are left out
    const part = readRows(fd, layout, newest - back, length);
    time.set(part.time, at);
    values.set(part.values, at * columns);
    at += part.length;
  }
  return { time: time.subarray(0, at), values: values.subarray(0, at * columns) };
}

/** Runs of rows, oldest first; `back` is how many rows come after its last. At most `mostRows` together. */
export function partsOf(available: number, mostRows: number): { back: number; length: number }[] {
  if (available <= mostRows) return available > 0 ? [{ back: 0, length: available }] : [];
  const runs = Math.floor(mostRows / RUN);
  if (runs < 2) return [{ back: 0, length: mostRows }];
  return Array.from({ length: runs }, (_, i) => {
    const first = Math.floor((i * (available - RUN)) / (runs - 1));
    return { back: available - first - RUN, length: RUN };
  });
}
