import { buildSync } from 'esbuild';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { manualClock } from '../clock.ts';
import { resolveMonitor, type MonitorConfig } from '../config/monitors.ts';
import { fileOptions } from '../config/schema.ts';
import { createDetector } from '../detectors/registry.ts';
import type { Entity } from '../flow.ts';
import { openHistory } from '../history/history.ts';
import { sourceTypes } from '../sources/registry.ts';
import { nodeGenerator } from '../sources/synthetic/generator.ts';
import { SYNTHETIC_SCHEMA } from '../sources/synthetic/network.ts';
import { recordingObserver } from '../store/testing/recording-observer.ts';
import { openModelStore } from '../training/model-store.ts';
import { createGroup } from './group.ts';
import type { Monitor } from './monitor.ts';
import { createTrainer, type TrainingMember } from './trainer.ts';

jest.setTimeout(60_000);

const START = Date.UTC(2026, 0, 1);
const DAY = 86_400_000;
const ROWS = 150;
/** a forest leaves the 5 % out that stand out most */
const FITTED = 143;
const FOREST = { monitor: 'net', group: 'core-01', detector: 'isolation-forest' };

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'netpulse-trainer-'));
  buildSync({
    entryPoints: [join(process.cwd(), 'exporter/src/training/worker.ts')],
    outfile: join(folder, 'training-worker.mjs'),
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
  });
});
afterAll(() => rmSync(folder, { recursive: true }));

let used = 0;

/** Ends a worker in another way than with a model of its own. */
function script(source: string): URL {
  const path = join(folder, `script-${++used}.mjs`);
  writeFileSync(path, source);
  return pathToFileURL(path);
}

interface Setting {
  detectors?: unknown[];
  entities?: number;
  /** folder of models and history; default: a new one */
  storage?: string;
  workerUrl?: URL;
  /** rows in the history of each entity */
  rows?: number;
  /** room for files of history */
  maxBytes?: number;
}

/** A trainer with a monitor of the synthetic network whose entities have a past. */
function setUp({
  detectors = ['isolation-forest'],
  entities = 1,
  storage,
  workerUrl,
  rows = ROWS,
  maxBytes,
}: Setting = {}) {
  const home = storage ?? join(folder, `storage-${++used}`);
  // a second run begins where the first one ended
  const clock = manualClock(storage === undefined ? START : START + ROWS * 60_000);
  const observer = recordingObserver();
  const [given] = fileOptions.parse({
    monitors: [{ name: 'net', source: 'synthetic', interval: '1m', detectors: ['baseline', ...detectors] }],
  }).monitors!;
  const config: MonitorConfig = resolveMonitor(given, { sources: sourceTypes });
  const known = Array.from({ length: entities }, (_, e): Entity => {
    const id = e === 0 ? 'core-01' : `node-${e}`;
    return { id, kind: 'node', host: id, labels: {} };
  });
  const created = config.detectors
    .filter((name) => name !== 'baseline')
    .map((name) => createDetector(name, config.detectorOptions[name]));
  const group = createGroup({
    config,
    schema: SYNTHETIC_SCHEMA,
    entities: known,
    detectors: created,
    onMet: () => {},
    onScored: () => {},
    onStep: () => {},
  });
  const history = openHistory(join(home, 'history'), {
    monitor: 'net',
    schema: { name: SYNTHETIC_SCHEMA.name, features: group.columns },
    stepMs: config.stepMs,
    maxBytes,
    observer,
  });
  const steps: number[] = [];
  const generators = known.map((_, e) => nodeGenerator(1 + Math.floor(e / 6), e % 6, 60_000, 0));
  /** One more row of every entity, through the group and into the history. */
  const next = () => {
    const time = clock.now();
    const values = Float64Array.from(generators.flatMap((generator) => [...generator.next(time - START).values]));
    const batch = { entity: Int32Array.from(known.keys()), time: new Float64Array(entities).fill(time), values };
    group.process({ schema: SYNTHETIC_SCHEMA, ...batch });
    const width = values.length / entities;
    known.forEach(({ id }, e) => {
      history.append(id, time, values.subarray(e * width, (e + 1) * width));
      steps[e] = history.count(id);
    });
    clock.advance(60_000);
  };
  for (let r = 0; r < rows; r++) next();
  const member: TrainingMember = { group, history, steps, detectors: created, entities: known };
  const models = openModelStore(join(home, 'models'), observer);
  const trainer = createTrainer({
    clock,
    observer: observer as never,
    models,
    workerUrl: workerUrl ?? pathToFileURL(join(folder, 'training-worker.mjs')),
  });
  const monitors = [{ config: () => config } as Monitor];
  const offer = () => known.forEach((_, e) => trainer.offer(config, member, e, clock.now()));
  return { clock, observer, config, group, history, member, models, trainer, monitors, storage: home, next, offer };
}

type Set = ReturnType<typeof setUp>;

const statuses = ({ trainer, monitors }: Set) => trainer.models(monitors).models;

/** Waits for the fit under way and what is queued behind it, without ending anything. */
async function idle(set: Set): Promise<void> {
  while (set.trainer.state(set.monitors).some(({ progress }) => progress !== null))
    await new Promise((resolve) => setTimeout(resolve, 5));
}

async function fit(set: Set): Promise<void> {
  set.offer();
  await new Promise((resolve) => setTimeout(resolve, 5));
  await idle(set);
}

/** Another day: every model is due. */
async function refit(set: Set): Promise<void> {
  set.clock.advance(DAY);
  await fit(set);
}

describe('a trainer', () => {
  it('fits from the file of history in a worker, saves the model and tells what it cost', async () => {
    const set = setUp();
    expect(statuses(set)).toEqual([]);
    await fit(set);
    const [status] = statuses(set);
    expect(status).toMatchObject({
      ...FOREST,
      version: 'v1',
      rows: FITTED,
      progress: null,
      aside: [],
      lastError: null,
    });
    expect(status.parameters).toMatchObject({ seed: 0, rows_left_out: 0 });
    expect(set.group.modelOf(0, 0)).toBeDefined();
    const { manifest } = set.models.load(FOREST)!;
    expect(manifest).toMatchObject({ rows: FITTED, historyRows: ROWS, trainedAt: set.clock.now() });
    expect(manifest.options).toMatchObject({ trees: 100 });
    expect(manifest.meanScore).toBeGreaterThan(0);
    expect(set.observer.lines.filter((line) => line.startsWith('info'))).toEqual([
      expect.stringMatching(/^info model fitted .*"version":"v1".*"seconds":/),
    ]);
  });

  it('fits from memory while the history has no file', async () => {
    const set = setUp({ maxBytes: 0 });
    expect(set.history.file('core-01')).toBeUndefined();
    await fit(set);
    expect(statuses(set)[0]).toMatchObject({ version: 'v1', rows: FITTED });
  });

  it('tells how far the fit under way is', async () => {
    const set = setUp({
      workerUrl: script(`
        import { parentPort } from 'node:worker_threads';
        parentPort.postMessage({ progress: { share: 0.25, epoch: 3, epochs: 12, trainLoss: 0.5, validationLoss: 0.75 } });
        setInterval(() => {}, 1000);
      `),
    });
    set.offer();
    const startedAt = set.clock.now();
    while ((set.trainer.state(set.monitors)[0].progress ?? 0) === 0) await new Promise((done) => setTimeout(done, 5));
    set.clock.advance(10_000);
    expect(statuses(set)[0].progress).toEqual({
      share: 0.25,
      epoch: 3,
      epochs: 12,
      trainLoss: 0.5,
      validationLoss: 0.75,
      startedAt,
      secondsLeft: 30,
    });
    expect(set.trainer.state(set.monitors)).toEqual([{ monitor: 'net', progress: 0.25, lastSuccessAt: null }]);
    await set.trainer.stop();
    expect(statuses(set)[0].progress).toBeNull();
    // a stop is no failure
    expect(set.observer.counted('training_failures_total', { monitor: 'net', detector: 'isolation-forest' })).toBe(0);
  });

  it('takes the model of an earlier run into use and does not fit again before it is due', async () => {
    const first = setUp();
    await fit(first);
    first.history.close();
    const second = setUp({ storage: first.storage, rows: 0 });
    second.next();
    second.trainer.meet(second.config, second.member, 0);
    expect(statuses(second)[0]).toMatchObject({ version: 'v1', trainedAt: first.clock.now() });
    expect(second.group.modelOf(0, 0)).toBeDefined();
    await fit(second);
    expect(statuses(second)[0].version).toBe('v1');
  });

  it('does not use a stored model that was fitted with other options', async () => {
    const first = setUp();
    await fit(first);
    first.history.close();
    const second = setUp({ storage: first.storage, rows: 0, detectors: [{ 'isolation-forest': { trees: 40 } }] });
    second.next();
    second.trainer.meet(second.config, second.member, 0);
    expect(statuses(second)[0].version).toBeNull();
    expect(second.observer.lines.join()).toMatch(/warn a stored model is of other options and is not used/);
    await fit(second);
    expect(statuses(second)[0].version).toBe('v2');
    expect(second.models.load(FOREST)!.manifest.options).toMatchObject({ trees: 40 });
  });

  it('refits a day later without the rows that stood out', async () => {
    const set = setUp();
    await fit(set);
    for (let r = 0; r < 50; r++) set.next();
    await refit(set);
    const [status] = statuses(set);
    expect(status).toMatchObject({ version: 'v2', aside: [] });
    expect(status.parameters.rows_left_out).toBe(4);
  });

  it('shares one model among many entities', async () => {
    const set = setUp({ entities: 20, rows: 70 });
    // its schedule counts steps as they come
    for (let r = 0; r < 70; r++) set.offer();
    await fit(set);
    const list = statuses(set);
    expect(list).toHaveLength(1);
    expect(list[0]).toMatchObject({ group: SYNTHETIC_SCHEMA.name, version: 'v1', rows: 0.95 * 20 * 70 });
    expect(set.group.modelOf(0, 19)).toBe(set.group.modelOf(0, 0));
    await refit(set);
    expect(statuses(set)[0].version).toBe('v2');
    expect(set.group.modelOf(0, 19)).toBe(set.group.modelOf(0, 0));
  });
});

describe('a new model that is worse', () => {
  /** As a worker that fits as always and then finds the model worse. */
  const worse = () =>
    script(`
      import { Worker, parentPort, workerData } from 'node:worker_threads';
      const fit = new Worker(${JSON.stringify(join(folder, 'training-worker.mjs'))}, { workerData });
      fit.on('message', (message) =>
        parentPort.postMessage(message.result ? { result: { ...message.result, worse: 'it expects worse' } } : message));
    `);

  it('is kept aside with the reason, in the API, the log and the store, and the one in force stays', async () => {
    const before = setUp();
    await fit(before);
    before.history.close();
    const set = setUp({ storage: before.storage, rows: 0, workerUrl: worse() });
    set.next();
    set.trainer.meet(set.config, set.member, 0);
    const served = set.group.modelOf(0, 0);
    await refit(set);
    expect(set.group.modelOf(0, 0)).toBe(served);
    const trainedAt = set.clock.now();
    expect(statuses(set)[0]).toMatchObject({
      version: 'v1',
      lastError: null,
      aside: [{ version: 'v2', trainedAt, reason: 'it expects worse' }],
    });
    expect(set.observer.lines.filter((line) => line.startsWith('warn'))).toEqual([
      expect.stringMatching(/the new model is kept aside .*"version":"v2","in_force":"v1","reason":"it expects worse"/),
    ]);
    expect(set.models.load(FOREST)!.manifest.version).toBe('v1');
    expect(set.models.versions(FOREST).map(({ aside }) => aside)).toEqual([undefined, 'it expects worse']);
    // the fit itself went well, and the next one is due a day later
    expect(set.trainer.state(set.monitors)[0].lastSuccessAt).toBe(trainedAt);
    await fit(set);
    expect(set.models.versions(FOREST)).toHaveLength(2);
  });
});

describe('a version that was chosen by hand', () => {
  async function twoVersions() {
    const set = setUp();
    await fit(set);
    await refit(set);
    expect(statuses(set)[0].version).toBe('v2');
    return set;
  }
  const pinned = (set: Set) => ({ at: set.clock.now(), until: set.clock.now() + DAY });

  it('is taken up on a reload, and no new model replaces it while it is pinned', async () => {
    const set = await twoVersions();
    const [newer, { until }] = [set.group.modelOf(0, 0), pinned(set)];
    await set.models.putIntoForce(FOREST, 'v1', pinned(set));
    expect(statuses(set)[0]).toMatchObject({ version: 'v2', pinnedUntil: null });
    set.trainer.refresh();
    expect(statuses(set)[0]).toMatchObject({ version: 'v1', pinnedUntil: until });
    expect(set.group.modelOf(0, 0)).not.toBe(newer);
    expect(set.observer.lines.join()).toMatch(/info another version is in force .*"version":"v1","before":"v2"/);
    set.clock.advance(DAY - 1);
    await fit(set);
    expect(statuses(set)[0].version).toBe('v1');
    set.clock.advance(1);
    expect(statuses(set)[0].pinnedUntil).toBeNull();
    await fit(set);
    expect(statuses(set)[0]).toMatchObject({ version: 'v3', pinnedUntil: null });
  });

  it('is replaced by the next model once it is released', async () => {
    const set = await twoVersions();
    await set.models.putIntoForce(FOREST, 'v1', pinned(set));
    set.trainer.refresh();
    await set.models.putIntoForce(FOREST, 'v1');
    set.trainer.refresh();
    expect(statuses(set)[0]).toMatchObject({ version: 'v1', pinnedUntil: null });
    await refit(set);
    expect(statuses(set)[0].version).toBe('v3');
  });

  it('is not overwritten by a fit that began without knowing of it', async () => {
    const set = await twoVersions();
    set.clock.advance(DAY);
    await set.models.putIntoForce(FOREST, 'v1', pinned(set));
    // nobody has asked for a reload
    await fit(set);
    expect(statuses(set)[0].version).toBe('v1');
    expect(set.models.current(FOREST)?.version).toBe('v1');
  });
});

describe('a training that goes wrong', () => {
  it.each<[string, string, RegExp]>([
    ['crashes', 'throw new Error("boom")', /the last training failed: the fit of isolation-forest crashed: boom/],
    ['ends early', 'process.exit(3)', /ended with code 3 and no model/],
    ['runs out of memory', 'const all = []; for (;;) all.push(new Array(1e6).fill(0.5));', /crashed: .*memory limit/],
    [
      'has a loss that is not a number',
      `import { parentPort } from 'node:worker_threads';
       parentPort.postMessage({ error: 'the loss is no number any more' });`,
      /the loss is no number any more/,
    ],
  ])('(%s) is counted and told, and the model in force stays', async (_, source, problem) => {
    const before = setUp();
    await fit(before);
    before.history.close();
    const set = setUp({ storage: before.storage, rows: 0, workerUrl: script(source) });
    set.next();
    set.trainer.meet(set.config, set.member, 0);
    const served = set.group.modelOf(0, 0);
    await refit(set);
    expect(set.group.modelOf(0, 0)).toBe(served);
    expect(statuses(set)[0]).toMatchObject({
      version: 'v1',
      progress: null,
      lastError: expect.stringMatching(problem),
    });
    expect(set.trainer.note('net', 'isolation-forest')).toMatch(problem);
    expect(set.trainer.note('net', 'var')).toBeNull();
    expect(set.observer.counted('training_failures_total', { monitor: 'net', detector: 'isolation-forest' })).toBe(1);
    expect(set.observer.lines.filter((line) => line.startsWith('error'))).toHaveLength(1);
    expect(set.models.versions(FOREST).map(({ version }) => version)).toEqual(['v1']);
  });

  it('says what it waits for when nothing has moved yet', async () => {
    const set = setUp({
      workerUrl: script(`
        import { parentPort } from 'node:worker_threads';
        const result = { model: new ArrayBuffer(0), rows: 9, rowsRead: 9, meanScore: 0, unseen: new Float64Array(0), usual: NaN, leftOut: 0, evidence: { fresh: {} } };
        parentPort.postMessage({ result });
      `),
    });
    await fit(set);
    expect(statuses(set)[0]).toMatchObject({ version: null, lastError: 'waits for rows that are not all alike' });
    expect(set.observer.counted('training_failures_total', { monitor: 'net', detector: 'isolation-forest' })).toBe(0);
  });
});
