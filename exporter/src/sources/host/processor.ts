/** Processor time, context switches and runnable threads from /proc/stat; load and threads from /proc/loadavg. */
import type { Schema } from '../../flow.ts';
import { accept, nextLine, number, skip } from './cursor.ts';
import type { Cursor } from './cursor.ts';
import type { KernelFiles } from './kernel-file.ts';
import { columnOf } from './schemas.ts';

/** USER_HZ: what the kernel counts processor time in towards programs, 100 on every architecture Node runs on. */
const TICKS_PER_SECOND = 100;

const SLASH = 47;
const CPU = Buffer.from('cpu');
const CPU_TOTAL = Buffer.from('cpu ');
const CONTEXT_SWITCHES = Buffer.from('ctxt ');
const PROCESSES = Buffer.from('processes ');
const RUNNING = Buffer.from('procs_running ');
const BLOCKED = Buffer.from('procs_blocked ');

/**
 * Writes its columns of a host row. Shares are running totals of seconds divided by the processors that were on line meanwhile, summed from positive
 * differences: the kernel lets idle and iowait go back a little, and the divisor changes with hot-plugged processors.
 */
export function processorReader(procfs: string, files: KernelFiles, schema: Schema): (row: Float64Array) => void {
  const column = (name: string) => columnOf(schema, name);
  const shares = [column('cpu_usage_ratio'), column('cpu_iowait_ratio'), column('cpu_steal_ratio')];
  const load = column('load1_per_cpu_ratio');
  const threads = column('threads');
  const singles = [
    { key: CONTEXT_SWITCHES, column: column('context_switches_per_second') },
    { key: PROCESSES, column: column('processes_created_per_second') },
    { key: RUNNING, column: column('processes_running') },
    { key: BLOCKED, column: column('processes_blocked') },
  ];
  const stat = files.file(`${procfs}/stat`);
  const loadavg = files.file(`${procfs}/loadavg`);

  /** ticks of usage, iowait, steal */
  const now = new Float64Array(shares.length);
  const previous = new Float64Array(shares.length).fill(NaN);
  /** seconds per processor */
  const total = new Float64Array(shares.length);
  let cpus = NaN;
  let row: Float64Array;

  function parseStat(cursor: Cursor): boolean {
    cpus = 0;
    if (accept(cursor, CPU_TOTAL)) {
      // user nice system idle iowait irq softirq steal; guest time is part of user and nice
      const user = number(cursor);
      const nice = number(cursor);
      const system = number(cursor);
      skip(cursor, 1);
      now[1] = number(cursor);
      const irq = number(cursor);
      const softirq = number(cursor);
      now[2] = number(cursor);
      now[0] = user + nice + system + irq + softirq;
      nextLine(cursor);
      while (accept(cursor, CPU)) {
        cpus++;
        nextLine(cursor);
      }
    }
    let missing = singles.length;
    do {
      for (const single of singles) {
        if (!accept(cursor, single.key)) continue;
        row[single.column] = number(cursor);
        if (!Number.isNaN(row[single.column])) missing--;
        break;
      }
    } while (missing > 0 && nextLine(cursor));
    return missing === 0 && cpus > 0 && !Number.isNaN(now[0] + now[1] + now[2]);
  }

  function parseLoad(cursor: Cursor): boolean {
    const average = number(cursor);
    row[load] = cpus > 0 ? average / cpus : NaN;
    skip(cursor, 2);
    // running/all
    while (cursor.at < cursor.end && cursor.bytes[cursor.at] !== SLASH) cursor.at++;
    cursor.at++;
    row[threads] = number(cursor);
    return !Number.isNaN(row[threads] + average);
  }

  return (target) => {
    row = target;
    for (const column of shares) row[column] = NaN;
    row[load] = row[threads] = NaN;
    for (const single of singles) row[single.column] = NaN;
    cpus = NaN;
    now.fill(NaN);
    stat.parse(parseStat);
    for (let i = 0; i < shares.length; i++) {
      if (Number.isNaN(now[i]) || !(cpus > 0)) continue;
      if (Number.isNaN(previous[i])) total[i] = now[i] / TICKS_PER_SECOND / cpus;
      else if (now[i] > previous[i]) total[i] += (now[i] - previous[i]) / TICKS_PER_SECOND / cpus;
      previous[i] = now[i];
      row[shares[i]] = total[i];
    }
    loadavg.parse(parseLoad);
  };
}
