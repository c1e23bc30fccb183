/**
 * Connections by state from net/tcp and net/tcp6, where each connection is a line: 50,000 of them are 7.5 MB, far too much for one tick. So a scan starts
 * every 15 s, reads at most 64 KB a tick (some 430 connections), goes on where it stopped, and ends after 2 MB. What it counted until then is
 * a lower bound, and a fair sample: lines follow the order of a hash table. Values are those of the last finished scan.
 */
import type { Clock } from '../../clock.ts';
import type { Schema } from '../../flow.ts';
import type { KernelFile, KernelFiles } from './kernel-file.ts';
import { columnOf } from './schemas.ts';

const SCAN_INTERVAL_MS = 15_000;
const BYTES_PER_TICK = 64 << 10;
const BYTES_PER_SCAN = 2 << 20;
/** The kernel fills at least a page while lines fit; less than a page without a line is the end, and asking again would walk the whole table again. */
const FULL_PAGE = 4096 - 256;

/** Kernel state numbers (include/net/tcp_states.h) and the feature each counts towards; the others are counted elsewhere or of no interest. */
const FEATURES = ['syn_sent', 'syn_received', 'close_wait', 'closing'] as const;
const FEATURE_OF_STATE: Record<number, (typeof FEATURES)[number]> = {
  0x02: 'syn_sent',
  0x03: 'syn_received',
  0x04: 'closing', // FIN_WAIT1
  0x05: 'closing', // FIN_WAIT2
  0x08: 'close_wait',
  0x09: 'closing', // LAST_ACK
  0x0b: 'closing', // CLOSING
  0x0c: 'syn_received', // NEW_SYN_RECV
};

/** Writes its columns of a host row. */
export function tcpStatesReader(
  network: string,
  files: KernelFiles,
  schema: Schema,
  clock: Clock,
): (row: Float64Array) => void {
  const columns = FEATURES.map((name) => columnOf(schema, `tcp_connections_${name}`));
  const slots = Int8Array.from({ length: 16 }, (_, state) =>
    FEATURE_OF_STATE[state] ? FEATURES.indexOf(FEATURE_OF_STATE[state]) : -1,
  );
  const sources: KernelFile[] = [files.file(`${network}/tcp`), files.file(`${network}/tcp6`, true)];
  const buffer = Buffer.allocUnsafe(BYTES_PER_TICK);
  const counted = new Float64Array(FEATURES.length);
  const known = new Float64Array(FEATURES.length).fill(NaN);
  let due = -Infinity;
  let source = sources.length;
  let position = 0;
  let scanned = 0;
  /** bytes at the front of the buffer that begin an unfinished line */
  let rest = 0;
  let readable = false;

  function begin(): void {
    source = position = scanned = rest = 0;
    readable = false;
    counted.fill(0);
  }

  /** One tick's part: of one file only, because even an empty table costs the kernel milliseconds to walk on a machine with much memory. */
  function advance(): void {
    for (let budget = BYTES_PER_TICK; budget > 0;) {
      const length = Math.min(budget, buffer.length - rest);
      const got = sources[source].readAt(buffer, rest, length, position);
      if (got > 0) {
        readable = true;
        budget -= got;
        position += got;
        scanned += got;
        rest = countLines(buffer, rest + got, slots, counted);
      }
      if (scanned >= BYTES_PER_SCAN) source = sources.length;
      else if (got < Math.min(length, FULL_PAGE)) source++;
      else continue;
      position = rest = 0;
      return;
    }
  }

  return (row) => {
    if (source === sources.length && clock.monotonic() >= due) {
      due = clock.monotonic() + SCAN_INTERVAL_MS;
      begin();
    }
    if (source < sources.length) {
      advance();
      if (source === sources.length) for (let i = 0; i < known.length; i++) known[i] = readable ? counted[i] : NaN;
    }
    for (let i = 0; i < columns.length; i++) row[columns[i]] = known[i];
  };
}

const NEWLINE = 10;
const COLON = 58;
/** From the colon behind the line's number to its state: two addresses with ports, of 13 characters each, or 37 in IPv6. */
const STATE_AT = 2 + 2 * (13 + 1);
const STATE_AT_IPV6 = 2 + 2 * (37 + 1);
const ADDRESS_END_AT = 2 + 8;

/** Counts the whole lines of `bytes[0, end)` by state and moves what is left to the front; returns the length of that. A line without a state is passed over. */
function countLines(bytes: Buffer, end: number, slots: Int8Array, counted: Float64Array): number {
  let start = 0;
  for (;;) {
    const newline = bytes.indexOf(NEWLINE, start);
    if (newline < 0 || newline >= end) break;
    const colon = bytes.indexOf(COLON, start);
    if (colon >= 0 && colon < newline) {
      const at = colon + (bytes[colon + ADDRESS_END_AT] === COLON ? STATE_AT : STATE_AT_IPV6);
      if (at + 1 < newline && bytes[at] === 48) {
        const state = hexadecimal(bytes[at + 1]);
        if (state >= 0 && slots[state] >= 0) counted[slots[state]]++;
      }
    }
    start = newline + 1;
  }
  if (start === 0 && end === bytes.length) return 0; // a line longer than the buffer is not one of these
  bytes.copyWithin(0, start, end);
  return end - start;
}

function hexadecimal(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  if (byte >= 65 && byte <= 70) return byte - 55;
  return -1;
}
