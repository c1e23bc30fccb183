/** Memory and swap from /proc/meminfo, open files from /proc/sys/fs/file-nr. */
import type { Schema } from '../../flow.ts';
import { accept, nextLine, number, skip } from './cursor.ts';
import type { Cursor } from './cursor.ts';
import type { KernelFiles } from './kernel-file.ts';
import { columnOf } from './schemas.ts';

const KEYS = ['MemTotal', 'MemFree', 'MemAvailable', 'Buffers', 'Cached', 'SwapTotal', 'SwapFree'] as const;
const WORDS = KEYS.map((key) => Buffer.from(`${key}:`));

/** Writes its columns of a host row. Kernels before 3.14 have no MemAvailable: free memory and caches stand in for it. */
export function memoryReader(procfs: string, files: KernelFiles, schema: Schema): (row: Float64Array) => void {
  const used = columnOf(schema, 'memory_used_ratio');
  const swap = columnOf(schema, 'swap_used_ratio');
  const descriptors = columnOf(schema, 'file_descriptors_used_ratio');
  const meminfo = files.file(`${procfs}/meminfo`);
  const fileNumbers = files.file(`${procfs}/sys/fs/file-nr`);
  const kilobytes = new Float64Array(KEYS.length);
  let row: Float64Array;

  function parseMemory(cursor: Cursor): boolean {
    kilobytes.fill(NaN);
    // keys come in the kernel's order, which is that of KEYS; one that is not there is passed over
    let next = 0;
    do {
      for (let key = next; key < WORDS.length; key++) {
        if (!accept(cursor, WORDS[key])) continue;
        kilobytes[key] = number(cursor);
        next = key + 1;
        break;
      }
    } while (next < WORDS.length && nextLine(cursor));
    const [total, free, available, buffers, cached, swapTotal, swapFree] = kilobytes;
    row[used] = 1 - (Number.isNaN(available) ? free + buffers + cached : available) / total;
    row[swap] = swapTotal > 0 ? 1 - swapFree / swapTotal : NaN;
    return Number.isFinite(row[used]) && (swapTotal === 0 || Number.isFinite(row[swap]));
  }

  function parseDescriptors(cursor: Cursor): boolean {
    // allocated, allocated and unused (always 0), maximum
    const allocated = number(cursor);
    skip(cursor, 1);
    row[descriptors] = allocated / number(cursor);
    return Number.isFinite(row[descriptors]);
  }

  return (target) => {
    row = target;
    row[used] = row[swap] = row[descriptors] = NaN;
    meminfo.parse(parseMemory);
    fileNumbers.parse(parseDescriptors);
  };
}
