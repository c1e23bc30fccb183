/** `netpulse model` on storage folders that no exporter uses, called as the program calls it. */
import { Command } from 'commander';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { registerModelCommand } from '../src/cli/model.ts';
import { autoencoder } from '../src/detectors/autoencoder.ts';
import { isolationForest } from '../src/detectors/isolation-forest.ts';
import type { Detector, FeatureSpec } from '../src/flow.ts';
import { seededRandom } from '../src/random.ts';
import { acquireLock } from '../src/store/lock.ts';
import { removeFolders, temporaryFolder } from '../src/store/testing/disk.ts';
import { recordingObserver } from '../src/store/testing/recording-observer.ts';
import type { ModelFacts, ModelKey } from '../src/training/model-manifest.ts';
import { openModelStore } from '../src/training/model-store.ts';

jest.setTimeout(60_000);

afterEach(removeFolders);
afterEach(() => jest.restoreAllMocks());

const features = ['cpu_usage_ratio', 'memory_used_ratio'].map((name): FeatureSpec => ({
  name,
  unit: 'ratio',
  help: 'A column of a test.',
  kind: 'gauge',
  direction: 'both',
  transform: 'none',
  minimumDeviation: 0,
}));
const ROWS = 200;

function fitted(detector: Detector, seed: number): ArrayBuffer {
  const random = seededRandom(seed);
  const data = Float64Array.from({ length: ROWS * features.length }, () => random.normal());
  const time = Float64Array.from({ length: ROWS }, (_, r) => r * 1000);
  const rows = { values: { rows: ROWS, columns: features.length, data }, time, segment: new Int32Array(ROWS) };
  return detector.fit(rows, { seed, features, rowsPerDay: 0 }).save();
}

const forest = isolationForest({ trees: 10 }) as Detector;
const dense = autoencoder({ epochs: 1, layers: [4], inputs: 'level' }) as Detector;
const facts = (more: Partial<ModelFacts> = {}): ModelFacts => ({
  features: features.map(({ name, unit, transform }) => ({ name, unit, transform })),
  rows: ROWS,
  trainedAt: Date.UTC(2026, 0, 1),
  seed: 0,
  options: {},
  meanScore: 0.4,
  usualScore: 0.6,
  historyRows: 250,
  notes: { seconds: 1.5 },
  ...more,
});
const FOREST: ModelKey = { monitor: 'host', group: 'web-01', detector: 'isolation-forest' };
const DENSE: ModelKey = { monitor: 'host', group: '/var', detector: 'autoencoder' };

/** Three versions of a forest, the last one kept aside, and an autoencoder. */
async function storage(): Promise<string> {
  const folder = temporaryFolder();
  const store = openModelStore(join(folder, 'models'), recordingObserver());
  for (const seed of [1, 2]) await store.save(FOREST, fitted(forest, seed), facts({ seed }));
  await store.save(FOREST, fitted(forest, 3), facts({ seed: 3 }), { aside: 'it gives every row the same score' });
  await store.save(DENSE, fitted(dense, 1), facts({ options: { inputs: 'level' } }));
  return folder;
}

/** What the command prints, without the last line end; rejects with what it throws. */
async function run(folder: string, ...args: string[]): Promise<string> {
  const program = new Command('netpulse').exitOverride().configureOutput({ writeErr: () => undefined });
  program.option('--storage.path <folder>').option('--config.file <file>');
  registerModelCommand(program);
  let printed = '';
  const write = jest.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += String(text);
    return true;
  });
  try {
    await program.parseAsync(['model', ...args, '--storage.path', folder], { from: 'user' });
  } finally {
    write.mockRestore();
  }
  return printed.replace(/\n$/, '');
}

interface Listed {
  model: string;
  version: string;
  state: string;
  note: string;
  rows: number;
}
const list = async (folder: string) => (JSON.parse(await run(folder, 'list', '--json')) as { models: Listed[] }).models;
const states = async (folder: string, model = 'host/web-01/isolation-forest') =>
  (await list(folder)).filter((each) => each.model === model).map(({ version, state }) => `${version} ${state}`);

describe('netpulse model list', () => {
  test('prints a line for every version, with its state and the reason of one that was kept aside', async () => {
    const lines = (await run(await storage(), 'list')).split('\n').map((line) => line.split(/ {2,}/));
    expect(lines.map((line) => line.slice(0, 3))).toEqual([
      ['MODEL', 'VERSION', 'STATE'],
      ['host//var/autoencoder', 'v1', 'in force'],
      ['host/web-01/isolation-forest', 'v1', 'earlier'],
      ['host/web-01/isolation-forest', 'v2', 'in force'],
      ['host/web-01/isolation-forest', 'v3', 'kept aside'],
    ]);
    expect(lines[4].slice(3, 5)).toEqual(['2026-01-01T00:00:00Z', '200']);
    expect(lines[4].at(-1)).toBe('it gives every row the same score');
  });

  test('gives the same as JSON', async () => {
    expect(await list(await storage())).toContainEqual(
      expect.objectContaining({
        model: 'host/web-01/isolation-forest',
        version: 'v3',
        state: 'kept aside',
        note: 'it gives every row the same score',
        rows: 200,
        trainedAt: Date.UTC(2026, 0, 1),
      }),
    );
  });

  test('says so when there are none', async () => {
    const folder = temporaryFolder();
    expect(await run(folder, 'list')).toBe(`there are no models in ${folder} yet`);
    expect(await list(folder)).toEqual([]);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('tells a damaged version, works beside a running exporter, and changes nothing', async () => {
    const folder = await storage();
    const path = join(folder, 'models/host/web-01/isolation-forest/v2/model.bin');
    writeFileSync(path, readFileSync(path).fill(1, 90, 95));
    const lock = await acquireLock(folder, { observer: recordingObserver() });
    for (let time = 0; time < 2; time++)
      expect(await states(folder)).toEqual(['v1 in force', 'v2 damaged', 'v3 kept aside']);
    lock.release();
    expect(existsSync(path)).toBe(true);
  });
});

describe('netpulse model show', () => {
  test('tells everything of the version in force or the one that is named', async () => {
    const folder = await storage();
    const text = await run(folder, 'show', 'isolation-forest');
    expect(text).toMatch(/^version +v2$/m);
    expect(text).toMatch(/^rows +200 of 250$/m);
    expect(text).toMatch(/^feature 1 +cpu_usage_ratio \(ratio\)$/m);
    expect(await run(folder, 'show', 'host/web-01/isolation-forest@v3')).toMatch(
      /^state +kept aside: it gives every row the same score$/m,
    );
    expect(JSON.parse(await run(folder, 'show', 'autoencoder', '--json'))).toMatchObject({
      group: '/var',
      state: 'in force',
      options: { inputs: 'level' },
      meanScore: 0.4,
    });
  });

  test.each([
    ['nonesuch', /there is no model "nonesuch"; there are host\/\/var\/autoencoder, host\/web-01\/isolation-forest$/],
    ['host', /"host" is more than one model: .*; write one of them/],
    ['isolation-forest@v9', /host\/web-01\/isolation-forest has no version v9; it has v1, v2, v3/],
  ])('refuses %s with what there is', async (model, problem) => {
    await expect(run(await storage(), 'show', model)).rejects.toThrow(problem);
  });

  test('says when there are no models at all', async () => {
    await expect(run(temporaryFolder(), 'show', 'x')).rejects.toThrow('there are no models yet');
  });
});

describe('netpulse model rollback', () => {
  test('puts the version before into force and pins it for a day', async () => {
    const folder = await storage();
    const before = Date.now();
    expect(await run(folder, 'rollback', 'isolation-forest')).toMatch(
      /^host\/web-01\/isolation-forest v1 is in force, until 20\d\d-/,
    );
    expect(await states(folder)).toEqual(['v1 pinned', 'v2 earlier', 'v3 kept aside']);
    const { pin } = openModelStore(join(folder, 'models'), recordingObserver()).current(FOREST)!;
    expect(pin!.until - pin!.at).toBe(86_400_000);
    expect(pin!.at).toBeGreaterThanOrEqual(before);
  });

  test('takes any intact version, also one that was kept aside, for as long as asked', async () => {
    const folder = await storage();
    await run(folder, 'rollback', 'isolation-forest@v3', '--pin', '7d');
    expect(await states(folder)).toEqual(['v1 earlier', 'v2 earlier', 'v3 pinned']);
    await run(folder, 'rollback', 'isolation-forest@v2', '--pin', '0s');
    expect(await states(folder)).toEqual(['v1 earlier', 'v2 in force', 'v3 kept aside']);
  });

  test('is undone with --release: the version stays, and the next model may replace it', async () => {
    const folder = await storage();
    await run(folder, 'rollback', 'isolation-forest');
    expect(await run(folder, 'rollback', 'isolation-forest', '--release')).toMatch(
      /v1 is in force, until the next one/,
    );
    expect(await states(folder)).toEqual(['v1 in force', 'v2 earlier', 'v3 kept aside']);
  });

  test('refuses a damaged version, and one before the first', async () => {
    const folder = await storage();
    const path = join(folder, 'models/host/web-01/isolation-forest/v1/model.bin');
    writeFileSync(path, readFileSync(path).fill(1, 90, 95));
    await expect(run(folder, 'rollback', 'isolation-forest@v1')).rejects.toThrow(
      /version v1 of host\/web-01\/isolation-forest cannot be used: .*model.bin is damaged/,
    );
    await expect(run(folder, 'rollback', 'isolation-forest')).rejects.toThrow(/no intact version before/);
    await expect(run(folder, 'rollback', 'autoencoder')).rejects.toThrow(/no intact version before/);
    expect(await states(folder)).toEqual(['v1 damaged', 'v2 in force', 'v3 kept aside']);
  });

  test('refuses a length of time without a unit', async () => {
    await expect(run(await storage(), 'rollback', 'isolation-forest', '--pin', '5')).rejects.toThrow(/has no unit/);
  });

  test('works beside a running exporter, and says how that takes it up', async () => {
    const folder = await storage();
    const lock = await acquireLock(folder, { observer: recordingObserver() });
    // a version that the exporter is writing
    const unfinished = join(folder, 'models/host/web-01/isolation-forest/v4');
    mkdirSync(unfinished);
    try {
      expect(await run(folder, 'rollback', 'isolation-forest')).toMatch(
        new RegExp(`takes this up when it reloads: kill -HUP ${process.pid}, or POST /-/reload$`),
      );
    } finally {
      lock.release();
    }
    expect((await states(folder))[0]).toBe('v1 pinned');
    expect(existsSync(unfinished)).toBe(true);
    // without one the folder is free again afterwards
    expect(await run(folder, 'rollback', 'isolation-forest', '--release')).not.toMatch(/reload/);
  });
});

describe('netpulse model export and import', () => {
  test('carry a model to another storage, bit for bit', async () => {
    const [folder, other] = [await storage(), temporaryFolder()];
    const file = join(temporaryFolder(), 'forest.model');
    expect(await run(folder, 'export', 'isolation-forest@v1', '-o', file)).toBe(
      `host/web-01/isolation-forest v1 is in ${file}`,
    );
    expect(await run(other, 'import', file, '--monitor', 'edge', '--group', 'gw-01')).toMatch(
      /^edge\/gw-01\/isolation-forest v1 is in force, until /,
    );
    const key = { ...FOREST, monitor: 'edge', group: 'gw-01' };
    const { bytes, manifest } = openModelStore(join(other, 'models'), recordingObserver()).load(key)!;
    expect(new Uint8Array(bytes)).toEqual(new Uint8Array(fitted(forest, 1)));
    expect(manifest).toMatchObject({ ...key, ...facts({ seed: 1 }) });
    expect(await states(other, 'edge/gw-01/isolation-forest')).toEqual(['v1 pinned']);
  });

  test('carry an autoencoder through the TensorFlow.js format', async () => {
    const folder = await storage();
    const target = join(temporaryFolder(), 'layers');
    await run(folder, 'export', 'autoencoder', '--format', 'tfjs', '-o', target);
    expect(readdirSync(target).sort()).toEqual(['model.json', 'netpulse.json', 'weights.bin']);
    await run(folder, 'import', target, '--pin', '0s');
    expect(await states(folder, 'host//var/autoencoder')).toEqual(['v1 earlier', 'v2 in force']);
    const { bytes, manifest } = openModelStore(join(folder, 'models'), recordingObserver()).load(DENSE)!;
    expect(manifest).toMatchObject({ ...facts({ options: { inputs: 'level' } }), version: 'v2' });
    expect(dense.load(bytes).rows).toBe(ROWS);
  });

  test('refuse what they cannot carry, before anything is changed', async () => {
    const folder = await storage();
    const target = temporaryFolder();
    await expect(run(folder, 'export', 'isolation-forest', '--format', 'tfjs', '-o', target)).rejects.toThrow(
      /has no form in the TensorFlow.js Layers format/,
    );
    expect(readdirSync(target)).toEqual([]);
    await expect(run(folder, 'import', target)).rejects.toThrow(/cannot read .*model.json/);
    await expect(run(folder, 'import', join(target, 'nowhere'))).rejects.toThrow(/cannot read .*nowhere/);
    const foreign = join(target, 'foreign');
    writeFileSync(foreign, 'somebody else wrote this');
    await expect(run(folder, 'import', foreign)).rejects.toThrow(/is not a model that "netpulse model export" wrote/);
    expect(readFileSync(foreign, 'utf8')).toBe('somebody else wrote this');
    await expect(run(folder, 'export', 'isolation-forest', '-o', join(target, 'no', 'such'))).rejects.toThrow(
      /cannot write .*such/,
    );
    expect(await states(folder)).toEqual(['v1 earlier', 'v2 in force', 'v3 kept aside']);
  });

  test('refuse a model of other features than the one in force', async () => {
    const [folder, other] = [await storage(), temporaryFolder()];
    const file = join(temporaryFolder(), 'forest.model');
    await run(folder, 'export', 'isolation-forest', '-o', file);
    const store = openModelStore(join(other, 'models'), recordingObserver());
    await store.save(FOREST, fitted(forest, 1), facts({ features: facts().features.toReversed() }));
    await expect(run(other, 'import', file)).rejects.toThrow(
      'the model is of the features cpu_usage_ratio, memory_used_ratio; host/web-01/isolation-forest has memory_used_ratio, cpu_usage_ratio',
    );
  });

  test('refuse a model whose numbers its detector cannot use', async () => {
    const [folder, other] = [temporaryFolder(), temporaryFolder()];
    const store = openModelStore(join(folder, 'models'), recordingObserver());
    await store.save(FOREST, new ArrayBuffer(64), facts());
    const file = join(folder, 'broken.model');
    await run(folder, 'export', 'isolation-forest', '-o', file);
    await expect(run(other, 'import', file)).rejects.toThrow(/cannot load this isolation-forest model/);
    expect(existsSync(join(other, 'models'))).toBe(false);
  });

  test('export needs a place to write to', async () => {
    await expect(run(await storage(), 'export', 'isolation-forest')).rejects.toThrow(/-o, --output/);
  });
});
