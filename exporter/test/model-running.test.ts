/** `netpulse model` beside a running exporter: a look changes nothing, a change is taken up by a reload. */
import { join } from 'node:path';
import { removeFolders, temporaryFolder } from '../src/store/testing/disk.ts';
import type { ModelList, ModelStatus } from '../src/wire/model.ts';
import { killExporters, runProgram, startExporter, until, type Exporter } from './exporter-process.ts';
import { NODE_NAMES, syntheticMonitor, writeHistory } from './synthetic-monitor.ts';

jest.setTimeout(120_000);

afterEach(killExporters);
afterAll(removeFolders);

const NODE = 'core-01';
const ADDRESS = `net/${NODE}/isolation-forest`;

const modelsOf = async (exporter: Exporter) => (await exporter.api<ModelList>('/api/models')).models;

async function modelOf(exporter: Exporter): Promise<ModelStatus | undefined> {
  return (await modelsOf(exporter)).find(({ group, detector }) => group === NODE && detector === 'isolation-forest');
}

test('A model goes out of a running exporter and back in, and an earlier version comes back, each with a reload.', async () => {
  const storage = join(temporaryFolder(), 'state');
  writeHistory(storage, 100);
  const config = { monitors: [syntheticMonitor('net', { detectors: ['baseline', 'isolation-forest'] })] };
  const exporter = await startExporter({ storage, config });
  const model = async (...args: string[]) => {
    const { code, stdout, stderr } = await runProgram(['model', ...args, '--storage.path', storage]);
    if (code !== 0) throw new Error(stderr);
    return stdout;
  };
  await until('every node has a model', async () => {
    const models = await modelsOf(exporter);
    return models.length === NODE_NAMES.length && models.every(({ version }) => version !== null);
  });
  const first = (await modelOf(exporter))!;
  expect(first).toMatchObject({ version: 'v1', progress: null, pinnedUntil: null, aside: [] });

  const list = JSON.parse(await model('list', '--json')) as { models: { model: string; state: string }[] };
  expect(list.models.map(({ model, state }) => `${model} ${state}`)).toEqual(
    NODE_NAMES.map((name) => `net/${name}/isolation-forest in force`),
  );
  const file = join(temporaryFolder(), 'forest.model');
  await model('export', ADDRESS, '-o', file);
  expect(await model('import', file)).toContain(`kill -HUP ${exporter.pid}`);
  // the exporter goes on with what it has until it is told
  expect(await modelOf(exporter)).toMatchObject({ version: 'v1', pinnedUntil: null });
  expect((await exporter.get('/-/reload', { method: 'POST' })).status).toBe(200);
  const imported = (await modelOf(exporter))!;
  expect(imported).toMatchObject({ version: 'v2', sha256: first.sha256 });
  expect(imported.pinnedUntil! - Date.now()).toBeGreaterThan(23 * 3_600_000);

  await model('rollback', `${ADDRESS}@v1`, '--pin', '1h');
  exporter.signal('SIGHUP');
  await until('version 1 is back', async () => (await modelOf(exporter))?.version === 'v1');
  await model('rollback', ADDRESS, '--release');
  exporter.signal('SIGHUP');
  await until('it is released', async () => (await modelOf(exporter))?.pinnedUntil === null);
  expect(await modelOf(exporter)).toMatchObject({ version: 'v1' });
  expect(exporter.lines.filter((line) => /level=(warn|error)/.test(line))).toEqual([]);
  expect((await exporter.stop()).code).toBe(0);

  const again = await startExporter({ storage, config });
  await until('the models are in use', async () => (await modelsOf(again)).length === NODE_NAMES.length);
  expect(await modelOf(again)).toMatchObject({ version: 'v1', trainedAt: first.trainedAt });
  await again.stop();
});

test('What a command cannot do ends with code 1 and one line that says why.', async () => {
  const storage = join(temporaryFolder(), 'state');
  const { code, stdout, stderr } = await runProgram(['model', 'show', 'nonesuch', '--storage.path', storage]);
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toBe('netpulse: there are no models yet; the exporter fits them from its history\n');
});
