import { appendFileSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Frame, IncidentDetail } from '../wire/incident.ts';
import type { IncidentQuery } from './incident-index.ts';
import { openIncidentJournal, type IncidentJournal, type JournalOptions } from './journal.ts';
import { bundleProgram, killPrograms, runAndKill } from './testing/child.ts';
import { fillDisk, removeFolders, smallDisk, temporaryFolder, testWithDisk } from './testing/disk.ts';
import { recordingObserver } from './testing/recording-observer.ts';

const journals: IncidentJournal[] = [];
afterEach(killPrograms);
afterEach(async () => {
  for (const journal of journals.splice(0)) await journal.close();
  removeFolders();
});

function open(folder: string, options: Partial<JournalOptions> = {}) {
  const observer = recordingObserver();
  const journal = openIncidentJournal(folder, { observer, ...options });
  journals.push(journal);
  return { journal, observer };
}

const frame = (time: number): Frame => ({
  time,
  score: 1.5,
  values: [0.5, null],
  expected: [0.25, 1],
  lower: [0, null],
  upper: [0.5, 2],
});

function incident(id: string, change: Partial<IncidentDetail> = {}): IncidentDetail {
  return {
    id,
    state: 'open',
    host: 'host-1',
    monitor: 'host',
    entity: 'host-1',
    kind: 'cpu_spike',
    firstKind: 'unknown',
    severity: 'medium',
    peak: 1.75,
    confidence: 0.5,
    startedAt: 900,
    openedAt: 1000,
    lastHotAt: 1100,
    closedAt: null,
    rows: 4,
    sources: [{ monitor: 'host', entity: 'host-1', kind: 'cpu_spike', peak: 1.75 }],
    contributions: [],
    summary: 'CPU usage of host-1 is 98 %, normal is 20 % – über "normal"\n',
    checks: ['top'],
    newNormal: false,
    features: ['cpu_usage_ratio', 'load'],
    frames: [],
    ...change,
  };
}

const opened = (id: string, change: Partial<IncidentDetail> = {}) =>
  ({ type: 'opened', incident: incident(id, change) }) as const;
const updated = (id: string, change: Partial<IncidentDetail> = {}) =>
  ({ type: 'updated', incident: incident(id, change) }) as const;
const closed = (id: string, change: Partial<IncidentDetail> = {}) =>
  ({ type: 'closed', incident: incident(id, { state: 'closed', closedAt: 2000, ...change }) }) as const;

const without = ({ frames: _frames, ...rest }: IncidentDetail) => rest;
const ids = (journal: IncidentJournal, query: Partial<IncidentQuery> = {}) =>
  journal.list({ limit: 50, ...query }).incidents.map(({ id }) => id);

describe('incident journal', () => {
  test('an incident is there before it is written, after it, and after a restart', async () => {
    const folder = temporaryFolder();
    const { journal } = open(folder);
    const events = [
      opened('a', { frames: [frame(1)] }),
      updated('a', { peak: 2 }),
      closed('a', { peak: 3, frames: [frame(1), frame(2)] }),
    ];
    for (const event of events) journal.append(event);
    const expected = events[2].incident;
    expect(journal.incident('a')).toEqual(expected);
    await journal.flush();
    expect(journal.incident('a')).toEqual(expected);
    expect(journal.list({ limit: 50 })).toEqual({ total: 1, incidents: [without(expected)] });
    await journal.close();
    const again = open(folder);
    expect(again.journal.incident('a')).toEqual(expected);
    expect(again.journal.list({ limit: 50 })).toEqual({ total: 1, incidents: [without(expected)] });
    expect(again.journal.incident('b')).toBeUndefined();
    expect(again.observer.lines).toEqual([]);
  });

  test('open incidents come back with their newest state and the frames of their opening', async () => {
    const folder = temporaryFolder();
    const { journal } = open(folder);
    journal.append(opened('a', { frames: [frame(1)] }));
    journal.append(opened('b'));
    journal.append(updated('a', { peak: 9, frames: [frame(1), frame(2)] }));
    journal.append(closed('b'));
    await journal.close();
    expect(open(folder).journal.openIncidents()).toEqual([incident('a', { peak: 9, frames: [frame(1)] })]);
  });

  test('changing an event after it was appended changes nothing here', async () => {
    const { journal } = open(temporaryFolder());
    const event = { type: 'opened', incident: incident('a') } as const;
    journal.append(event);
    event.incident.peak = 99;
    expect(journal.incident('a')!.peak).toBe(1.75);
    await journal.flush();
    expect(journal.incident('a')!.peak).toBe(1.75);
  });

  test('of many updates between two writes one line is written', async () => {
    const folder = temporaryFolder();
    const { journal } = open(folder);
    journal.append(opened('a'));
    await journal.flush();
    for (let rows = 0; rows < 100; rows++) journal.append(updated('a', { rows }));
    await journal.flush();
    expect(readFileSync(join(folder, 'incidents.ndjson'), 'utf8').trim().split('\n')).toHaveLength(3);
    expect(journal.incident('a')!.rows).toBe(99);
  });

  const joined = [
    { monitor: 'net', entity: 'eth0', kind: 'packet_storm', peak: 2 } as const,
    { monitor: 'disk', entity: 'sda', kind: 'unknown', peak: 1 } as const,
  ];
  const queries: [what: string, query: Partial<IncidentQuery>, expected: string[]][] = [
    ['newest first, later ones first at the same time', {}, ['d', 'c', 'b', 'a']],
    ['state', { state: 'open' }, ['d', 'b']],
    ['monitor', { monitor: 'net' }, ['c']],
    ['entity of a source that joined', { entity: 'sda' }, ['c']],
    ['monitor and entity of the same source only', { monitor: 'net', entity: 'sda' }, []],
    ['host', { host: 'host-2' }, ['b']],
    ['kind', { kind: 'memory_leak' }, ['d']],
    ['severity', { severity: 'high' }, ['a']],
    ['from, included', { from: 2000 }, ['d', 'c']],
    ['to, included', { to: 1500 }, ['b', 'a']],
    ['all at once', { state: 'open', host: 'host-2', from: 1000, to: 2000 }, ['b']],
    ['limit', { limit: 2 }, ['d', 'c']],
  ];
  test.each(queries)('list by %s', async (_what, query, expected) => {
    const { journal } = open(temporaryFolder());
    journal.append(closed('a', { severity: 'high' }));
    journal.append(opened('b', { host: 'host-2', openedAt: 1500 }));
    journal.append(closed('c', { monitor: 'net', entity: 'eth0', sources: joined, openedAt: 2000 }));
    journal.append(opened('d', { kind: 'memory_leak', openedAt: 2000 }));
    expect(ids(journal, query)).toEqual(expected);
    await journal.flush();
    expect(ids(journal, query)).toEqual(expected);
    expect(journal.list({ limit: 1 })).toMatchObject({ total: 4, incidents: [{ id: 'd' }] });
  });

  test('a torn last line is cut off and counted, and the next event goes on behind the last whole one', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'incidents.ndjson');
    const first = open(folder);
    first.journal.append(closed('a'));
    first.journal.append(closed('b'));
    await first.journal.close();
    truncateSync(path, statSync(path).size - 5);
    const { journal, observer } = open(folder);
    expect(ids(journal)).toEqual(['a']);
    expect(observer.counted('store_errors_total', { store: 'incidents', reason: 'torn_line' })).toBe(1);
    journal.append(closed('c'));
    await journal.close();
    const after = open(folder);
    expect(ids(after.journal)).toEqual(['c', 'a']);
    expect(after.observer.lines).toEqual([]);
  });

  test('nothing of a long torn line lingers behind a short new one', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'incidents.ndjson');
    const first = open(folder);
    first.journal.append(closed('a', { summary: 'x'.repeat(50_000) }));
    await first.journal.close();
    truncateSync(path, statSync(path).size - 1);
    const second = open(folder).journal;
    second.append(closed('b'));
    await second.close();
    const { journal, observer } = open(folder);
    expect(ids(journal)).toEqual(['b']);
    expect(observer.lines).toEqual([]);
  });

  const damages: [what: string, damage: (line: string) => string][] = [
    ['garbage', () => 'garbage'],
    ['an empty line', () => ''],
    ['a changed digit', (line) => line.replace('"peak":1.75', '"peak":1.76')],
    ['a cut line', (line) => line.slice(0, 200)],
    ['foreign JSON', () => '{"hello":"world"}'],
    ['zeros', (line) => '\0'.repeat(line.length)],
  ];
  test.each(damages)('%s in the middle is left out and counted', async (_what, damage) => {
    const folder = temporaryFolder();
    const path = join(folder, 'incidents.ndjson');
    const first = open(folder);
    for (const id of ['a', 'b', 'c']) first.journal.append(closed(id));
    await first.journal.close();
    const lines = readFileSync(path, 'utf8').split('\n');
    lines[2] = damage(lines[2]);
    writeFileSync(path, lines.join('\n'));
    const { journal, observer } = open(folder);
    expect(ids(journal)).toEqual(['c', 'a']);
    expect(journal.incident('c')).toEqual(closed('c').incident);
    expect(observer.counted('store_errors_total', { store: 'incidents', reason: 'corrupt_line' })).toBe(1);
  });

  test('a damaged header costs nothing but itself', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'incidents.ndjson');
    const first = open(folder);
    first.journal.append(closed('a'));
    await first.journal.close();
    writeFileSync(path, readFileSync(path, 'utf8').replace('netpulse-incidents', 'netpulse-incidentS'));
    const { journal, observer } = open(folder);
    expect(ids(journal)).toEqual(['a']);
    expect(observer.counted('store_errors_total', { store: 'incidents', reason: 'corrupt_line' })).toBe(1);
  });

  test.each([
    ['of a newer version', 'version', '{"format":"netpulse-incidents","version":2}\nwhat only the future reads\n'],
    ['that is foreign', 'magic', 'time,value\n1,2\n'],
  ])('a file %s is set aside and a new one begins', async (_what, reason, content) => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'incidents.ndjson'), content);
    const { journal, observer } = open(folder);
    expect(ids(journal)).toEqual([]);
    expect(observer.counted('state_refused_total', { kind: 'incidents', reason })).toBe(1);
    journal.append(closed('a'));
    await journal.close();
    expect(ids(open(folder).journal)).toEqual(['a']);
    expect(readFileSync(join(folder, 'incidents.ndjson.refused-1'), 'utf8')).toBe(content);
  });

  test('a line longer than any incident is damage, not memory', async () => {
    const folder = temporaryFolder();
    const first = open(folder);
    first.journal.append(closed('a'));
    await first.journal.close();
    appendFileSync(join(folder, 'incidents.ndjson'), `${'x'.repeat(20 * 1024 * 1024)}\n`);
    const { journal, observer } = open(folder);
    expect(ids(journal)).toEqual(['a']);
    expect(observer.counted('store_errors_total', { store: 'incidents', reason: 'corrupt_line' })).toBe(1);
  });

  test('the newest incidents are kept and all open ones; the file is rewritten when it grew, frames included', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'incidents.ndjson');
    const { journal } = open(folder, { keep: 20, maxBytes: 60_000 });
    const frames = [frame(1), frame(2)];
    journal.append(opened('long', { openedAt: 0, frames: [frame(0)] }));
    for (let i = 0; i < 500; i++) {
      journal.append(opened(`i${i}`, { openedAt: i, frames: [frame(1)] }));
      journal.append(closed(`i${i}`, { openedAt: i, frames }));
      if (i % 50 === 0) await journal.flush();
    }
    journal.append(updated('long', { openedAt: 0, rows: 500 }));
    await journal.flush();
    expect(statSync(path).size).toBeLessThan(61_000);
    const check = (journal: IncidentJournal) => {
      expect(ids(journal)).toEqual([...Array.from({ length: 19 }, (_, i) => `i${499 - i}`), 'long']);
      expect(journal.incident('i490')).toEqual(closed('i490', { openedAt: 490, frames }).incident);
      expect(journal.incident('long')).toEqual(incident('long', { openedAt: 0, rows: 500, frames: [frame(0)] }));
      expect(journal.incident('i3')).toBeUndefined();
    };
    check(journal);
    await journal.close();
    const again = open(folder, { keep: 20 });
    check(again.journal);
    expect(again.observer.lines).toEqual([]);
    expect(readdirSync(folder)).toEqual(['incidents.ndjson']);
  });

  test('events that come while the file is rewritten are not lost', async () => {
    const folder = temporaryFolder();
    const { journal } = open(folder, { maxBytes: 5_000 });
    for (let round = 0; round < 60; round++) {
      journal.append(opened(`i${round}`, { openedAt: round, frames: [frame(round)] }));
      const flushing = journal.flush();
      for (let tick = 0; tick < 6; tick++) {
        await new Promise((resolve) => setImmediate(resolve));
        journal.append(updated(`i${Math.max(0, round - tick)}`, { openedAt: Math.max(0, round - tick), rows: round }));
      }
      await flushing;
    }
    const expected = journal.list({ limit: 1000 });
    const details = expected.incidents.map(({ id }) => journal.incident(id));
    expect(details.map((detail) => detail!.frames.length)).toEqual(Array(60).fill(1));
    await journal.close();
    const again = open(folder).journal;
    expect(again.list({ limit: 1000 })).toEqual(expected);
    expect(expected.incidents.map(({ id }) => again.incident(id))).toEqual(details);
  });

  test('a closed journal takes nothing more and says so', async () => {
    const { journal } = open(temporaryFolder());
    await journal.close();
    await journal.close();
    expect(() => journal.append(opened('a'))).toThrow(/closed; opened a came too late/);
  });

  test('killed at any moment, the journal opens again and has every event that was reported as written', async () => {
    const folder = temporaryFolder();
    const program = bundleProgram(
      temporaryFolder(),
      `import { writeSync } from 'node:fs';
       import { openIncidentJournal } from './store/journal.ts';
       const observer = { log: { debug() {}, info() {}, warn() {}, error() {} }, count() {} };
       const journal = openIncidentJournal(${JSON.stringify(folder)}, { observer, keep: 30, maxBytes: 40_000 });
       const base = JSON.parse(${JSON.stringify(JSON.stringify(closed('x', { frames: [frame(1), frame(2)] }).incident))});
       for (let i = journal.list({ limit: 1 }).incidents[0]?.openedAt + 1 || 1; ; i++) {
         journal.append({ type: 'opened', incident: { ...base, id: 'i' + i, state: 'open', openedAt: i } });
         journal.append({ type: 'closed', incident: { ...base, id: 'i' + i, openedAt: i } });
         await journal.flush();
         writeSync(1, i + '\\n');
       }`,
    );
    for (let kill = 0; kill < 20; kill++) {
      const last = Number((await runAndKill(program, [])).at(-1));
      const { journal, observer } = open(folder, { keep: 30 });
      expect(observer.counted('store_errors_total', { store: 'incidents', reason: 'corrupt_line' })).toBe(0);
      const { incidents } = journal.list({ limit: 30, state: 'closed' });
      expect(incidents[0].openedAt - last).toBeGreaterThanOrEqual(0);
      expect(incidents[0].openedAt - last).toBeLessThanOrEqual(1);
      for (const { id } of incidents.slice(0, Math.min(25, last))) expect(journal.incident(id)!.frames).toHaveLength(2);
      await journal.close();
    }
    expect(readdirSync(folder)).toEqual(['incidents.ndjson']);
  });
});

describe('incident journal on a full disk', () => {
  const withDisk = testWithDisk();

  withDisk('events stay in memory, are counted, and are written when there is space again', async () => {
    const folder = smallDisk(256);
    const { journal, observer } = open(folder);
    journal.append(closed('a', { frames: [frame(1)] }));
    await journal.flush();
    const giveBack = fillDisk(folder);
    for (let i = 0; i < 20; i++) journal.append(closed(`b${i}`, { openedAt: 2000 + i, frames: [frame(i)] }));
    await journal.flush();
    expect(observer.counted('store_errors_total', { store: 'incidents', reason: 'no_space' })).toBeGreaterThan(0);
    expect(observer.lines.filter((line) => line.startsWith('warn cannot write incidents'))).toHaveLength(1);
    expect(journal.list({ limit: 50 }).total).toBe(21);
    expect(journal.incident('b7')!.frames).toEqual([frame(7)]);
    giveBack();
    await journal.flush();
    expect(observer.lines.at(-1)).toMatch(/^info incidents are written again/);
    await journal.close();
    const again = open(folder);
    expect(again.journal.list({ limit: 50 }).total).toBe(21);
    expect(again.journal.incident('b7')!.frames).toEqual([frame(7)]);
    expect(again.observer.lines).toEqual([]);
  });

  withDisk('nothing of a long line that was written in part lingers behind a short one', async () => {
    const folder = smallDisk(64);
    const { journal, observer } = open(folder);
    journal.append(opened('a'));
    await journal.flush();
    journal.append(updated('a', { summary: 'x'.repeat(100_000) }));
    await journal.flush();
    expect(observer.counted('store_errors_total', { store: 'incidents', reason: 'no_space' })).toBe(1);
    journal.append(updated('a', { rows: 7 }));
    await journal.close();
    const again = open(folder);
    expect(again.journal.incident('a')!.rows).toBe(7);
    expect(again.observer.lines).toEqual([]);
  });

  withDisk('what is kept in memory is bounded, the oldest events go first and are counted', async () => {
    const folder = smallDisk(64);
    fillDisk(folder);
    const { journal, observer } = open(folder);
    const big = 'x'.repeat(100_000);
    for (let i = 0; i < 60; i++) journal.append(closed(`i${i}`, { openedAt: i, summary: big }));
    const { total, incidents } = journal.list({ limit: 100 });
    expect(total).toBeLessThan(42);
    expect(incidents[0].id).toBe('i59');
    expect(observer.counted('store_errors_total', { store: 'incidents', reason: 'dropped' })).toBe(60 - total);
    await journal.close();
    expect(observer.lines.at(-1)).toMatch(/^error incidents are lost/);
  });

  withDisk('a rewrite that finds no space leaves the journal as it is', async () => {
    const folder = smallDisk(100);
    const { journal, observer } = open(folder, { maxBytes: 50_000 });
    for (let i = 0; i < 80; i++) journal.append(closed(`i${i}`, { openedAt: i, frames: [frame(1)] }));
    await journal.flush();
    expect(observer.counted('store_errors_total', { store: 'incidents', reason: 'no_space' })).toBe(1);
    journal.append(closed('after', { openedAt: 999 }));
    await journal.flush();
    expect(readdirSync(folder)).toEqual(['incidents.ndjson']);
    await journal.close();
    expect(open(folder).journal.list({ limit: 1 })).toMatchObject({ total: 81, incidents: [{ id: 'after' }] });
  });
});
