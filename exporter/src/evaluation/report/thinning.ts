/** Long courses of scores as few points: a bucket for each pixel keeps its lowest and its highest score, so that no peak is lost whatever the number of rows. */

/** Parallel arrays, one entry a bucket. */
export interface Buckets {
  readonly count: number;
  /** row with the lowest and with the highest score of each bucket; -1 = no row with a score */
  readonly low: Int32Array;
  readonly high: Int32Array;
}

/** Buckets of `rows`; at most `most`, none is empty. `from` of bucket b, and its end with b + 1. */
export function bucketStart(bucket: number, rows: number, count: number): number {
  return Math.floor((bucket / count) * rows);
}

/** `wanted` chooses the rows that count. */
export function thin(scores: Float64Array, most: number, wanted: (row: number) => boolean = () => true): Buckets {
  const rows = scores.length;
  const count = Math.min(rows, most);
  const low = new Int32Array(count).fill(-1);
  const high = new Int32Array(count).fill(-1);
  for (let bucket = 0; bucket < count; bucket++) {
    const to = bucketStart(bucket + 1, rows, count);
    for (let row = bucketStart(bucket, rows, count); row < to; row++) {
      const score = scores[row];
      if (score !== score || !wanted(row)) continue;
      if (low[bucket] < 0 || score < scores[low[bucket]]) low[bucket] = row;
      if (high[bucket] < 0 || score > scores[high[bucket]]) high[bucket] = row;
    }
  }
  return { count, low, high };
}

/** Stretches of buckets that hold a row of `wanted`, as [from, to) in shares of all rows. */
export function stretches(rows: number, most: number, wanted: (row: number) => boolean): [number, number][] {
  const count = Math.min(rows, most);
  const found: [number, number][] = [];
  let last = -2;
  for (let bucket = 0; bucket < count; bucket++) {
    const to = bucketStart(bucket + 1, rows, count);
    let any = false;
    for (let row = bucketStart(bucket, rows, count); row < to && !any; row++) any = wanted(row);
    if (!any) continue;
    if (last === bucket - 1) found[found.length - 1][1] = (bucket + 1) / count;
    else found.push([bucket / count, (bucket + 1) / count]);
    last = bucket;
  }
  return found;
}
