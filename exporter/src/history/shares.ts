/** Shorter runs of rows than this are of little use to a detector that looks at consecutive rows. */
const SHORTEST_SHARE = 64;

/**
 * Divides `limit` rows among `count` entities and reads them: equal shares, and what one does not have goes to those after it. When shares would become shorter
 * than 64 rows, an even selection of the entities takes part instead.
 */
export function readShares<T extends { readonly time: Float64Array }>(
  count: number,
  limit: number,
  read: (entity: number, limit: number) => T,
): T[] {
  const taking = Math.min(count, Math.max(1, Math.floor(limit / SHORTEST_SHARE)));
  const parts: T[] = [];
  let left = Math.max(0, Math.floor(limit));
  for (let i = 0; i < taking; i++) {
    const part = read(Math.floor((i * count) / taking), Math.floor(left / (taking - i)));
    left -= part.time.length;
    parts.push(part);
  }
  return parts;
}
