/** SIGKILL at any moment, and files that were damaged while nobody looked: what is on disk is used or refused, never half believed. */
import { cpSync, existsSync, readFileSync, readdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { removeFolders, temporaryFolder } from '../src/store/testing/disk.ts';
import type { IncidentList } from '../src/wire/incident.ts';
import type { ModelList } from '../src/wire/model.ts';
import { killExporters, startExporter, until, type Exporter } from './exporter-process.ts';
import { ALWAYS_OVER_THE_LIMIT, NODE_NAMES, syntheticMonitor, writeHistory } from './synthetic-monitor.ts';

jest.setTimeout(120_000);

const ROUNDS = 8;
/** Everything the log says of files that it does not trust. */
const DISTRUST = /refused|not used|set aside|damaged|cannot read/;

afterEach(killExporters);
afterAll(removeFolders);

const modelsOf = async (exporter: Exporter) => (await exporter.api<ModelList>('/api/models')).models;

async function untilFitted(exporter: Exporter, monitor: string): Promise<void> {
  await until(`the models of ${monitor} are fitted`, async () => {
    const own = (await modelsOf(exporter)).filter((model) => model.monitor === monitor);
    return own.length === NODE_NAMES.length && own.every(({ version }) => version !== null);
  });
}

test(`Killed ${ROUNDS} times, while it learns, samples or saves its last, the exporter starts each time with everything intact.`, async () => {
  const storage = join(temporaryFolder(), 'state');
  const monitor = (name: string) => syntheticMonitor(name, ALWAYS_OVER_THE_LIMIT);
  writeHistory(storage, 100, { monitor: 'net' });
  let exporter = await startExporter({ storage, config: { monitors: [monitor('net')] } });
  await untilFitted(exporter, 'net');
  await exporter.stop();
  const before = (await readModels(storage)).sort();
  expect(before).toHaveLength(NODE_NAMES.length);

  for (let round = 0; round < ROUNDS; round++) {
    // a new monitor with a past: its models are fitted and saved in the first second, when most of the kills come
    writeHistory(storage, 100, { monitor: `m${round}` });
    const monitors = [monitor('net'), monitor(`m${round}`), ...(round > 0 ? [monitor(`m${round - 1}`)] : [])];
    exporter = await startExporter({ storage, config: { monitors } });
    const delay = Math.random() * 1500;
    await sleep(delay);
    const saving = round % 2 === 1;
    if (saving) {
      exporter.signal('SIGTERM');
      await sleep(Math.random() * 30);
    }
    exporter.signal('SIGKILL');
    const { signal } = await exporter.exited;
    const story = `round ${round}, killed after ${delay.toFixed(0)} ms${saving ? ', while it saved' : ''}`;
    if (!saving) expect([story, signal]).toEqual([story, 'SIGKILL']);
    expect([story, exporter.lines.filter((line) => DISTRUST.test(line))]).toEqual([story, []]);
  }

  exporter = await startExporter({
    storage,
    config: { monitors: ['net', ...Array.from({ length: ROUNDS }, (_, round) => `m${round}`)].map(monitor) },
  });
  for (const name of ['net', 'm0', `m${ROUNDS - 1}`]) await untilFitted(exporter, name);
  const page = await exporter.page();
  expect(page.sum('netpulse_state_refused_total')).toBe(0);
  expect(page.sum('netpulse_store_errors_total')).toBe(0);
  expect(exporter.lines.filter((line) => DISTRUST.test(line))).toEqual([]);
  const now = (await modelsOf(exporter))
    .filter((model) => model.monitor === 'net')
    .map(({ group, sha256 }) => `${group} ${sha256}`);
  expect(now.sort()).toEqual(before);
  // one open incident a node, however often it was killed: nothing is open twice or for ever
  const { incidents } = await exporter.api<IncidentList>('/api/incidents?state=open&limit=1000');
  expect(incidents.map(({ host }) => host).sort()).toEqual(NODE_NAMES);
  expect((await exporter.stop()).code).toBe(0);
});

/** `group sha256` of every model of the monitor net, from the manifests. */
async function readModels(storage: string): Promise<string[]> {
  const home = join(storage, 'models/net');
  return readdirSync(home).map((group) => {
    const manifest = readFileSync(join(home, group, 'isolation-forest/v1/manifest.json'), 'utf8');
    const { group: name, sha256 } = JSON.parse(manifest) as { group: string; sha256: string };
    return `${name} ${sha256}`;
  });
}

describe('A damaged file', () => {
  let good: string;
  beforeAll(async () => {
    good = join(temporaryFolder(), 'state');
    writeHistory(good, 100);
    const exporter = await startExporter({
      storage: good,
      config: { monitors: [syntheticMonitor('net', ALWAYS_OVER_THE_LIMIT)] },
    });
    await untilFitted(exporter, 'net');
    await until('an incident is open', async () => (await exporter.page()).sum('netpulse_incidents_active') > 0);
    await exporter.stop();
  });

  const flip = (path: string) => {
    const bytes = readFileSync(path);
    for (let i = 0; i < 8; i++) bytes[Math.floor((bytes.length * (i + 1)) / 9)] ^= 0x5a;
    writeFileSync(path, bytes);
  };
  const cut = (path: string) => truncateSync(path, Math.floor(readFileSync(path).length / 2));
  const replace = (path: string) => writeFileSync(path, "this is somebody else's file\n".repeat(40));
  const empty = (path: string) => writeFileSync(path, '');

  test.each([
    ['state of a monitor, bytes flipped', 'state/net.state', flip, 'monitor-state', 'checksum'],
    ['state of a monitor, cut in half', 'state/net.state', cut, 'monitor-state', 'length'],
    ['state of a monitor, a foreign file', 'state/net.state', replace, 'monitor-state', 'magic'],
    ['state of a monitor, empty', 'state/net.state', empty, 'monitor-state', 'length'],
    ['open incidents, bytes flipped', 'state/incidents.state', flip, 'incident-state', 'checksum'],
    ['a model, bytes flipped', 'models/net/core-01/isolation-forest/v1/model.bin', flip, 'model', 'checksum'],
    ['a model, cut in half', 'models/net/core-01/isolation-forest/v1/model.bin', cut, 'model', 'length'],
    [
      "a model's manifest, a foreign file",
      'models/net/core-01/isolation-forest/v1/manifest.json',
      replace,
      'model',
      'content',
    ],
  ])(
    '(%s) is refused, counted by kind and reason, set aside and learnt again.',
    async (_, name, damage, kind, reason) => {
      const storage = join(temporaryFolder(), 'state');
      cpSync(good, storage, { recursive: true });
      const path = join(storage, name);
      damage(path);
      const damaged = readFileSync(path);
      const exporter = await startExporter({
        storage,
        config: { monitors: [syntheticMonitor('net', ALWAYS_OVER_THE_LIMIT)] },
      });
      await untilFitted(exporter, 'net');
      const page = await exporter.page();
      expect(page.sum('netpulse_state_refused_total', { kind, reason })).toBe(1);
      expect(page.sum('netpulse_state_refused_total')).toBe(1);
      const told = exporter.lines.filter((line) => /level=warn/.test(line) && line.includes(path));
      expect(told).toHaveLength(1);
      expect(told[0]).toMatch(/is refused: .*; it is set aside as \S+ and relearnt/);
      expect(existsSync(`${path}.refused-1`) && readFileSync(`${path}.refused-1`).equals(damaged)).toBe(true);
      expect(page.value('netpulse_source_up', { monitor: 'net', source: 'synthetic' })).toBe(1);
      expect((await exporter.get('/-/ready')).status).toBe(200);
      await until(
        'it is scored again',
        async () => (await exporter.page()).sum('netpulse_samples_total') > NODE_NAMES.length,
      );
      await exporter.stop();
      // saved anew, and trusted by the next start
      const again = await startExporter({
        storage,
        config: { monitors: [syntheticMonitor('net', ALWAYS_OVER_THE_LIMIT)] },
      });
      await untilFitted(again, 'net');
      expect((await again.page()).sum('netpulse_state_refused_total')).toBe(0);
      await again.stop();
    },
  );

  test('(the journal of incidents) loses the damaged line only, and says so.', async () => {
    const storage = join(temporaryFolder(), 'state');
    cpSync(good, storage, { recursive: true });
    const path = join(storage, 'incidents/incidents.ndjson');
    const lines = readFileSync(path, 'utf8').split('\n');
    const hit = lines.findIndex((line) => line.includes('"opened"'));
    lines[hit] = lines[hit].replace('"rows":1', '"rows":7');
    expect(lines.join('\n')).not.toBe(readFileSync(path, 'utf8'));
    writeFileSync(path, lines.join('\n'));
    const exporter = await startExporter({
      storage,
      config: { monitors: [syntheticMonitor('net', ALWAYS_OVER_THE_LIMIT)] },
    });
    const page = await exporter.page();
    expect(page.sum('netpulse_store_errors_total', { store: 'incidents' })).toBeGreaterThan(0);
    expect(exporter.lines.some((line) => /level=warn/.test(line) && line.includes(path))).toBe(true);
    expect((await exporter.api<IncidentList>('/api/incidents')).total).toBeGreaterThanOrEqual(NODE_NAMES.length - 1);
    await exporter.stop();
  });

  test('(the history of one entity) costs that entity its past, and nothing else.', async () => {
    const storage = join(temporaryFolder(), 'state');
    cpSync(good, storage, { recursive: true });
    const home = readdirSync(join(storage, 'history')).map((monitor) => join(storage, 'history', monitor))[0];
    const folder = join(home, readdirSync(home)[0]);
    const name = readdirSync(folder).find((file) => file.startsWith('core_01'))!;
    replace(join(folder, name));
    const exporter = await startExporter({ storage, config: { monitors: [syntheticMonitor()] } });
    await until('samples come', async () => (await exporter.page()).sum('netpulse_samples_total') > NODE_NAMES.length);
    expect((await exporter.page()).sum('netpulse_stage_errors_total')).toBe(0);
    expect(exporter.lines.filter((line) => /level=warn/.test(line) && line.includes(name))).not.toEqual([]);
    expect(existsSync(join(folder, `${name}.old`))).toBe(true);
    expect((await exporter.page()).labels('netpulse_model_info', 'group')).toEqual(NODE_NAMES);
    await exporter.stop();
  });
});
