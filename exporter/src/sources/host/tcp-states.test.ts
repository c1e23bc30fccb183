import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { manualClock } from '../../clock.ts';
import { kernelFiles } from './kernel-file.ts';
import { columnOf, hostSchema } from './schemas.ts';
import { tcpStatesReader } from './tcp-states.ts';
import { rememberingObserver } from './testing.ts';

const schema = hostSchema(1);
const folder = mkdtempSync(join(tmpdir(), 'netpulse-tcp-'));
afterAll(() => rmSync(folder, { recursive: true }));

const HEADER =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode'.padEnd(149);
const line = (number: number, state: string) =>
  `${String(number).padStart(4)}: 0100007F:1F90 0200007F:9C40 ${state} 00000000:00000000 00:00000000 00000000`.padEnd(
    149,
  );

function reader(name: string, states: string[]) {
  mkdirSync(join(folder, name));
  writeFileSync(join(folder, name, 'tcp'), [HEADER, ...states.map((state, i) => line(i, state))].join('\n') + '\n');
  const clock = manualClock();
  const files = kernelFiles('host', rememberingObserver().observer);
  const read = tcpStatesReader(join(folder, name), files, schema, clock);
  const row = new Float64Array(schema.features.length);
  return {
    clock,
    close: files.close,
    tick: (state: string) => {
      read(row);
      return row[columnOf(schema, `tcp_connections_${state}`)];
    },
  };
}

test('a long list is read over several ticks, a part each, and nothing is said before its end', () => {
  const { tick, close } = reader('long', [...Array<string>(1500).fill('03'), ...Array<string>(500).fill('08')]);
  // 2001 lines of 150 bytes are 4.6 parts of 64 KB; the file that is not there is one more look
  expect([tick('syn_received'), tick('syn_received'), tick('syn_received'), tick('syn_received')]).toEqual(
    Array<number>(4).fill(NaN),
  );
  for (let i = 0; i < 3; i++) tick('syn_received');
  expect(tick('syn_received')).toBe(1500);
  expect(tick('close_wait')).toBe(500);
  close();
});

test('a list beyond the bound gives what was counted until there', () => {
  const { tick, close } = reader('beyond', Array<string>(20_000).fill('03'));
  for (let i = 0; i < 40; i++) tick('syn_received');
  const counted = tick('syn_received');
  expect(counted).toBeGreaterThan(13_000);
  expect(counted).toBeLessThan(15_000);
  close();
});

test('a scan begins every fifteen seconds, its values stand until the next has ended', () => {
  const { tick, clock, close } = reader('again', ['02', '02']);
  tick('syn_sent');
  expect(tick('syn_sent')).toBe(2);
  writeFileSync(join(folder, 'again', 'tcp'), `${HEADER}\n${line(0, '02')}\n`);
  clock.advance(14_000);
  tick('syn_sent');
  expect(tick('syn_sent')).toBe(2);
  clock.advance(1000);
  tick('syn_sent');
  expect(tick('syn_sent')).toBe(1);
  close();
});

test('without any readable list the states are missing', () => {
  const files = kernelFiles('host', rememberingObserver().observer);
  const read = tcpStatesReader(join(folder, 'none'), files, schema, manualClock());
  const row = new Float64Array(schema.features.length);
  for (let i = 0; i < 4; i++) read(row);
  expect(row[columnOf(schema, 'tcp_connections_closing')]).toBe(NaN);
});
