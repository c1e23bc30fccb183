import { readSync } from 'node:fs';

const CHUNK = 256 * 1024;
/** Longer ones are not lines but damage; they are reported once, as empty, and not kept in memory. */
const LONGEST_LINE = 16 * 1024 * 1024;

/**
 * Gives every line that ends in a newline, without it, and where it starts. The buffer is valid during the call only.
 * Returns the end of the last such line: what follows is torn.
 */
export function readLines(fd: number, onLine: (line: Buffer, offset: number) => void): number {
  const chunk = Buffer.allocUnsafe(CHUNK);
  let carried: Buffer[] = [];
  let carriedBytes = 0;
  let lineStart = 0;
  let position = 0;
  for (;;) {
    const got = readSync(fd, chunk, 0, CHUNK, position);
    if (got === 0) return lineStart;
    let from = 0;
    for (let end = chunk.indexOf(10); end !== -1 && end < got; end = chunk.indexOf(10, from)) {
      const rest = chunk.subarray(from, end);
      if (carriedBytes + rest.length > LONGEST_LINE) onLine(Buffer.alloc(0), lineStart);
      else onLine(carried.length > 0 ? Buffer.concat([...carried, rest]) : rest, lineStart);
      carried = [];
      carriedBytes = 0;
      from = end + 1;
      lineStart = position + from;
    }
    carriedBytes += got - from;
    if (carriedBytes <= LONGEST_LINE) carried.push(Buffer.from(chunk.subarray(from, got)));
    else carried = [];
    position += got;
  }
}
