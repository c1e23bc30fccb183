/**
 * TCP from the kernel's own counts: segments and established connections from net/snmp, TIME_WAIT from net/sockstat. Both cost the same however many
 * connections there are. The other states are nowhere counted and come from tcp-states.ts.
 */
import type { Schema } from '../../flow.ts';
import { accept, nextLine, number, skip, word } from './cursor.ts';
import type { Cursor } from './cursor.ts';
import type { KernelFiles } from './kernel-file.ts';
import { columnOf } from './schemas.ts';

const TCP = Buffer.from('Tcp: ');
const SOCKSTAT_TCP = Buffer.from('TCP: ');
const TIME_WAIT = Buffer.from('tw');
const ESTABLISHED = 'CurrEstab';
const SENT = 'OutSegs';
const RETRANSMITTED = 'RetransSegs';

/** Writes its columns of a host row. */
export function tcpReader(network: string, files: KernelFiles, schema: Schema): (row: Float64Array) => void {
  const established = columnOf(schema, 'tcp_connections_established');
  const timeWait = columnOf(schema, 'tcp_connections_time_wait');
  const sent = columnOf(schema, 'tcp_segments_out_per_second');
  const retransmitted = columnOf(schema, 'tcp_retransmission_ratio');
  const snmp = files.file(`${network}/snmp`);
  const sockstat = files.file(`${network}/sockstat`);
  let row: Float64Array;
  // names stand in one line, values in the next; the names are looked up again only when that line changes
  let header = Buffer.alloc(0);
  let columns: Int32Array = new Int32Array(0);

  function readHeader(cursor: Cursor): void {
    const line = cursor.at;
    nextLine(cursor);
    if (header.compare(cursor.bytes, line, cursor.at) === 0) return;
    header = Buffer.from(cursor.bytes.subarray(line, cursor.at));
    const column: Record<string, number> = { [ESTABLISHED]: established, [SENT]: sent, [RETRANSMITTED]: retransmitted };
    columns = Int32Array.from(header.toString('latin1').trim().split(/\s+/), (name) => column[name] ?? -1);
  }

  function parseSnmp(cursor: Cursor): boolean {
    do {
      if (!accept(cursor, TCP)) continue;
      readHeader(cursor);
      if (!accept(cursor, TCP)) return false;
      for (const column of columns) {
        if (column < 0) skip(cursor, 1);
        else row[column] = number(cursor);
      }
      return !Number.isNaN(row[established] + row[sent] + row[retransmitted]);
    } while (nextLine(cursor));
    return false;
  }

  function parseSockstat(cursor: Cursor): boolean {
    do {
      if (!accept(cursor, SOCKSTAT_TCP)) continue;
      // pairs of a name and a number
      for (;;) {
        const end = word(cursor);
        if (end === cursor.at) return false;
        if (end - cursor.at === TIME_WAIT.length && accept(cursor, TIME_WAIT)) {
          row[timeWait] = number(cursor);
          return !Number.isNaN(row[timeWait]);
        }
        skip(cursor, 2);
      }
    } while (nextLine(cursor));
    return false;
  }

  return (target) => {
    row = target;
    row[established] = row[timeWait] = row[sent] = row[retransmitted] = NaN;
    snmp.parse(parseSnmp);
    sockstat.parse(parseSockstat);
  };
}
