/** Rows first to last, both inclusive. */
export interface Segment {
  readonly start: number;
  readonly end: number;
}

/** Runs of labels that are not 0, in row order: labelled events, or alarms. */
export function segmentsOf(labels: ArrayLike<number>): Segment[] {
  const segments: Segment[] = [];
  let start = -1;
  for (let i = 0; i <= labels.length; i++) {
    const inside = i < labels.length && labels[i] !== 0;
    if (inside && start < 0) start = i;
    if (!inside && start >= 0) {
      segments.push({ start, end: i - 1 });
      start = -1;
    }
  }
  return segments;
}

/** Two lists in row order without overlaps of their own: for each of `these`, whether any of `others` shares a row with it. */
export function overlapped(these: readonly Segment[], others: readonly Segment[]): boolean[] {
  let next = 0;
  return these.map(({ start, end }) => {
    while (next < others.length && others[next].end < start) next++;
    return next < others.length && others[next].start <= end;
  });
}
