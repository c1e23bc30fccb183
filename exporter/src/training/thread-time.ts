/**
 * CPU time of a single thread. Node 20 tells only that of the whole process; Linux keeps it for each thread in `/proc/<pid>/task/<tid>/schedstat`
 * (proc(5): the first number is the time spent on the CPU in ns). Elsewhere there is nothing to read.
 */
import { readFileSync, readlinkSync } from 'node:fs';

/** The system's id of the thread that asks; undefined where it does not tell. */
export function currentThread(): number | undefined {
  const link = attempt(() => readlinkSync('/proc/thread-self'));
  const id = Number(/\/task\/(\d+)$/.exec(link ?? '')?.[1]);
  return id > 0 ? id : undefined;
}

/** Seconds on the CPU of a thread of this process; undefined when it is gone or the system does not tell. */
export function threadSeconds(thread: number): number | undefined {
  const line = attempt(() => readFileSync(`/proc/self/task/${thread}/schedstat`, 'utf8'));
  const nanoseconds = Number(line?.split(' ')[0]);
  return nanoseconds >= 0 ? nanoseconds / 1e9 : undefined;
}

/** Other systems, and sandboxes without /proc, have no such files. */
function attempt(read: () => string): string | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
