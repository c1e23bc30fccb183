/** Pressure stall information: the time in which some task waited (Linux Documentation/accounting/psi.rst). Absent where the kernel has none. */
import type { Schema } from '../../flow.ts';
import { accept, nextLine, number } from './cursor.ts';
import type { Cursor } from './cursor.ts';
import type { KernelFiles } from './kernel-file.ts';
import { columnOf } from './schemas.ts';

const SOME = Buffer.from('some ');
const TOTAL = Buffer.from('total=');

/** Writes its columns of a host row: running totals in seconds. */
export function pressureReader(procfs: string, files: KernelFiles, schema: Schema): (row: Float64Array) => void {
  const resources = (['cpu', 'memory', 'io'] as const).map((name) => ({
    column: columnOf(schema, `pressure_${name}_ratio`),
    file: files.file(`${procfs}/pressure/${name}`, true),
  }));
  let seconds = NaN;

  function parse(cursor: Cursor): boolean {
    seconds = NaN;
    do {
      if (!accept(cursor, SOME)) continue;
      const found = cursor.bytes.indexOf(TOTAL, cursor.at);
      if (found < 0 || found >= cursor.end) return false;
      cursor.at = found + TOTAL.length;
      seconds = number(cursor) / 1e6;
      return !Number.isNaN(seconds);
    } while (nextLine(cursor));
    return false;
  }

  return (row) => {
    for (const { column, file } of resources) row[column] = file.parse(parse) ? seconds : NaN;
  };
}
