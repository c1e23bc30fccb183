import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sha256 } from '../store/atomic-file.ts';
import { bundleProgram, killPrograms, runAndKill } from '../store/testing/child.ts';
import { fillDisk, removeFolders, smallDisk, temporaryFolder, testWithDisk } from '../store/testing/disk.ts';
import { recordingObserver } from '../store/testing/recording-observer.ts';
import type { ModelFacts, ModelKey } from './model-manifest.ts';
import { openModelStore } from './model-store.ts';
import { sealedJson } from '../store/sealed-json.ts';

afterEach(killPrograms);
afterEach(removeFolders);

const key: ModelKey = { monitor: 'host', group: 'host-1', detector: 'isolation-forest' };
const facts: ModelFacts = {
  features: [
    { name: 'cpu_usage_ratio', unit: 'ratio', transform: 'none' },
    { name: 'receive_bytes_per_second', unit: 'bytes_per_second', transform: 'log1p' },
  ],
  rows: 5760,
  trainedAt: 1_790_000_000_000,
  seed: 7,
  options: { trees: 100, contamination: 0.1 },
  meanScore: 0.4,
  usualScore: 0.61,
  historyRows: 5900,
  notes: { seconds: 0.2 },
};

const model = (n: number) => Float64Array.of(n, NaN, -0).buffer;
const open = (folder: string, keep?: number) => {
  const observer = recordingObserver();
  return { observer, store: openModelStore(folder, observer, { keep }) };
};
const first = (loaded: { bytes: ArrayBuffer } | undefined) => loaded && new Float64Array(loaded.bytes)[0];
const place = (folder: string, ...rest: string[]) => join(folder, 'host', 'host-1', 'isolation-forest', ...rest);

describe('model store', () => {
  test('a model comes back bit for bit with its manifest, also after a restart', async () => {
    const folder = temporaryFolder();
    const before = open(folder);
    expect(before.store.load(key)).toBeUndefined();
    const manifest = await before.store.save(key, model(1), facts);
    expect(manifest).toEqual({
      ...key,
      ...facts,
      formatVersion: 2,
      version: 'v1',
      bytes: 24,
      sha256: sha256(new Uint8Array(model(1))),
    });
    for (const { store, observer } of [before, open(folder)]) {
      const loaded = store.load(key)!;
      expect(loaded.manifest).toEqual(manifest);
      expect(new Uint8Array(loaded.bytes)).toEqual(new Uint8Array(model(1)));
      expect(store.list()).toEqual([manifest]);
      expect(observer.lines).toEqual([]);
    }
  });

  test('versions increase and the last three are kept, over restarts and saves that were asked for at once', async () => {
    const folder = temporaryFolder();
    const { store } = open(folder);
    const saved = await Promise.all([1, 2, 3, 4].map((n) => store.save(key, model(n), facts)));
    expect(saved.map(({ version }) => version)).toEqual(['v1', 'v2', 'v3', 'v4']);
    const again = open(folder).store;
    expect((await again.save(key, model(5), facts)).version).toBe('v5');
    expect(again.versions(key).map(({ version }) => version)).toEqual(['v3', 'v4', 'v5']);
    expect(first(again.load(key))).toBe(5);
    expect(readdirSync(place(folder)).sort()).toEqual(['current.json', 'v3', 'v4', 'v5']);
    const one = open(folder, 1).store;
    await one.save(key, model(6), facts);
    expect(one.versions(key).map(({ version }) => version)).toEqual(['v6']);
  });

  test('a version that is kept aside is there with its reason and does not serve', async () => {
    const folder = temporaryFolder();
    const { store } = open(folder);
    await store.save(key, model(1), facts);
    const aside = await store.save(key, model(2), facts, { aside: 'it is worse' });
    expect(aside).toMatchObject({ version: 'v2', aside: 'it is worse' });
    for (const { store: again } of [{ store }, open(folder)]) {
      expect(first(again.load(key))).toBe(1);
      expect(again.current(key)).toEqual({ version: 'v1', pin: undefined });
      expect(again.versions(key).map((manifest) => [manifest.version, manifest.aside])).toEqual([
        ['v1', undefined],
        ['v2', 'it is worse'],
      ]);
    }
    // nor when the one in force is damaged
    writeFileSync(place(folder, 'v1', 'model.bin'), 'foreign');
    expect(store.load(key)).toBeUndefined();
  });

  test('versions that are kept aside take no room from those that served: two of them stay, and three others', async () => {
    const folder = temporaryFolder();
    const { store } = open(folder);
    for (let n = 1; n <= 10; n++) await store.save(key, model(n), facts, n % 2 === 0 ? { aside: 'worse' } : {});
    expect(store.versions(key).map(({ version }) => version)).toEqual(['v5', 'v7', 'v8', 'v9', 'v10']);
    expect(first(store.load(key))).toBe(9);
  });

  test('an earlier version or one that was kept aside is put into force, pinned and released, and stays in force over restarts', async () => {
    const folder = temporaryFolder();
    const { store } = open(folder);
    for (const n of [1, 2]) await store.save(key, model(n), facts);
    await store.save(key, model(3), facts, { aside: 'worse' });
    const pin = { at: 1, until: 2 };
    const back = await store.putIntoForce(key, 'v1', pin);
    expect([first(back), back.manifest.version]).toEqual([1, 'v1']);
    for (const again of [store, open(folder).store]) {
      expect(again.current(key)).toEqual({ version: 'v1', pin });
      expect(first(again.load(key))).toBe(1);
      expect(again.list().map(({ version }) => version)).toEqual(['v1']);
    }
    await store.putIntoForce(key, 'v1');
    expect(store.current(key)).toEqual({ version: 'v1', pin: undefined });
    await store.putIntoForce(key, 'v3');
    expect(first(open(folder).store.load(key))).toBe(3);
    // the next model goes on counting behind all of them and ends the pin
    await store.putIntoForce(key, 'v1', pin);
    expect((await store.save(key, model(4), facts)).version).toBe('v4');
    expect(store.current(key)).toEqual({ version: 'v4', pin: undefined });
  });

  test('a save keeps the version in force that is older than the newest ones', async () => {
    const { store } = open(temporaryFolder());
    for (const n of [1, 2, 3]) await store.save(key, model(n), facts);
    await store.putIntoForce(key, 'v1');
    for (const n of [4, 5]) await store.save(key, model(n), facts, { aside: 'worse' });
    expect(store.versions(key).map(({ version }) => version)).toEqual(['v1', 'v2', 'v3', 'v4', 'v5']);
    expect(first(store.load(key))).toBe(1);
  });

  test('a version that is damaged or not there is not put into force, and what is in force stays', async () => {
    const folder = temporaryFolder();
    const { store } = open(folder);
    for (const n of [1, 2]) await store.save(key, model(n), facts);
    change(place(folder, 'v1', 'model.bin'), (file) => void (file[70] ^= 1));
    await expect(store.putIntoForce(key, 'v1')).rejects.toThrow(/v1.*is refused: its content does not match/);
    await expect(store.putIntoForce(key, 'v7')).rejects.toThrow(
      'there is no version v7 of host/host-1/isolation-forest; there are v1, v2',
    );
    await expect(store.putIntoForce({ ...key, group: 'x' }, 'v1')).rejects.toThrow('there is none');
    expect(store.current(key)?.version).toBe('v2');
    expect(first(store.load(key))).toBe(2);
  });

  test('two stores on one folder, as of an exporter and a command, never write the same version', async () => {
    const folder = temporaryFolder();
    const [one, other] = [
      open(folder, 20).store,
      openModelStore(folder, recordingObserver(), { keep: 20, cleanUp: false }),
    ];
    const saves = [1, 2, 3, 4, 5, 6].map((n) => (n % 2 === 0 ? one : other).save(key, model(n), facts));
    const versions = (await Promise.all(saves)).map(({ version }) => version);
    expect(new Set(versions).size).toBe(6);
    const { store, observer } = open(folder);
    expect(store.versions(key)).toHaveLength(6);
    expect(store.load(key)).toBeDefined();
    expect(observer.lines).toEqual([]);
  });

  test('a command beside an exporter leaves alone what looks unfinished', async () => {
    const folder = temporaryFolder();
    await open(folder).store.save(key, model(1), facts);
    mkdirSync(place(folder, 'v2'));
    openModelStore(folder, recordingObserver(), { cleanUp: false });
    expect(existsSync(place(folder, 'v2'))).toBe(true);
  });

  test('a manifest of another format is refused, of a newer netpulse with these words', async () => {
    const folder = temporaryFolder();
    const { store, observer } = open(folder);
    await store.save(key, model(1), facts);
    const path = place(folder, 'v1', 'manifest.json');
    const { seal: _seal, ...content } = JSON.parse(readFileSync(path, 'utf8')) as object & { seal: string };
    writeFileSync(path, sealedJson({ ...content, formatVersion: 3 }));
    expect(store.load(key)).toBeUndefined();
    expect(observer.counted('state_refused_total', { kind: 'model', reason: 'version' })).toBe(1);
    expect(observer.lines.join()).toMatch(/format version 3, this netpulse reads version 2; it was written by a newer/);
  });

  test('keys of any text stay in the folder and apart', async () => {
    const folder = temporaryFolder();
    const { store } = open(folder);
    const names = ['..', '../..', '', 'A', 'a', 'a/b', 'a_b', 'x'.repeat(300), 'ü', 'v1', 'CON'];
    for (const [n, group] of names.entries()) await store.save({ ...key, group }, model(n), facts);
    for (const [n, group] of names.entries()) expect(first(store.load({ ...key, group }))).toBe(n);
    expect(readdirSync(folder)).toEqual(['host']);
    expect(readdirSync(join(folder, 'host'))).toHaveLength(names.length);
    expect(open(folder).store.list().map(({ group }) => group).sort()).toEqual([...names].sort()); // prettier-ignore
  });

  const damages: [what: string, kind: string, damage: (folder: string) => void][] = [
    ['a cut model', 'length', (v) => truncateSync(join(v, 'model.bin'), 80)],
    ['a flipped bit in a model', 'checksum', (v) => change(join(v, 'model.bin'), (file) => void (file[70] ^= 1))],
    ['a foreign file', 'magic', (v) => writeFileSync(join(v, 'model.bin'), 'foreign')],
    ['a model of another version', 'checksum', (v) => copy(join(v, '..', 'v1', 'model.bin'), join(v, 'model.bin'))],
    ['a manifest that is no JSON', 'content', (v) => writeFileSync(join(v, 'manifest.json'), '{')],
    ['a manifest that is null', 'content', (v) => writeFileSync(join(v, 'manifest.json'), 'null')],
    ['an edited manifest', 'checksum', (v) => edit(join(v, 'manifest.json'), '"rows": 5760', '"rows": 5761')],
    ['features in another order', 'checksum', (v) => edit(join(v, 'manifest.json'), 'cpu_usage', 'cpu_other')],
  ];
  test.each(damages)(
    '%s is refused once, set aside, and the version before it serves',
    async (_what, reason, damage) => {
      const folder = temporaryFolder();
      const { store, observer } = open(folder);
      for (const n of [1, 2, 3]) await store.save(key, model(n), facts);
      damage(place(folder, 'v3'));
      for (let time = 0; time < 2; time++) {
        const loaded = store.load(key)!;
        expect([first(loaded), loaded.manifest.version]).toEqual([2, 'v2']);
      }
      expect(observer.counted('state_refused_total', { kind: 'model', reason })).toBe(1);
      expect(observer.lines).toEqual([
        expect.stringMatching(/^warn .*v3.* is refused: .*; it is set aside as .*refused-1/),
      ]);
      expect(store.list().map(({ version }) => version)).toEqual(['v2']);
      expect(store.versions(key).map(({ version }) => version)).toEqual(['v1', 'v2']);
      expect((await store.save(key, model(4), facts)).version).toBe('v4');
      expect(first(open(folder).store.load(key))).toBe(4);
    },
  );

  test('when every version is damaged there is no model, and the next save is a new version', async () => {
    const folder = temporaryFolder();
    const { store, observer } = open(folder);
    for (const n of [1, 2]) await store.save(key, model(n), facts);
    for (const v of ['v1', 'v2']) writeFileSync(place(folder, v, 'model.bin'), 'foreign');
    expect(store.load(key)).toBeUndefined();
    expect(observer.counted('state_refused_total', { kind: 'model', reason: 'magic' })).toBe(2);
    expect((await store.save(key, model(3), facts)).version).toBe('v3');
    expect(first(store.load(key))).toBe(3);
  });

  test.each([
    ['lost', (path: string) => rmSync(path)],
    ['damaged', (path: string) => writeFileSync(path, '{"version": "v1"}')],
  ])('with the pointer %s the newest version serves', async (_what, damage) => {
    const folder = temporaryFolder();
    const { store } = open(folder);
    for (const n of [1, 2]) await store.save(key, model(n), facts);
    damage(place(folder, 'current.json'));
    expect(first(store.load(key))).toBe(2);
    expect((await store.save(key, model(3), facts)).version).toBe('v3');
  });

  test('what a killed save left is removed at start', async () => {
    const folder = temporaryFolder();
    await open(folder).store.save(key, model(1), facts);
    mkdirSync(place(folder, 'v2'));
    writeFileSync(place(folder, 'v2', '.model.bin.0123456789ab-1.tmp'), 'half');
    writeFileSync(place(folder, '.current.json.0123456789ab-2.tmp'), 'half');
    const { store } = open(folder);
    expect(readdirSync(place(folder)).sort()).toEqual(['current.json', 'v1']);
    expect(first(store.load(key))).toBe(1);
  });

  test('strange files in the folder are not models and do no harm', async () => {
    const folder = temporaryFolder();
    await open(folder).store.save(key, model(1), facts);
    writeFileSync(join(folder, 'README'), '');
    writeFileSync(place(folder, 'notes'), '');
    mkdirSync(place(folder, 'v01'));
    const { store, observer } = open(folder);
    expect(store.list()).toHaveLength(1);
    expect((await store.save(key, model(2), facts)).version).toBe('v2');
    expect(observer.lines).toEqual([]);
    expect(existsSync(place(folder, 'notes'))).toBe(true);
  });

  testWithDisk()('a full disk rejects the save, the version before serves, and nothing half-made stays', async () => {
    const folder = smallDisk(256);
    const { store } = open(folder);
    await store.save(key, model(1), facts);
    await expect(store.save(key, new ArrayBuffer(400_000), facts)).rejects.toMatchObject({ reason: 'no_space' });
    expect(first(store.load(key))).toBe(1);
    expect(readdirSync(place(folder)).sort()).toEqual(['current.json', 'v1']);
    const giveBack = fillDisk(folder);
    await expect(store.save(key, model(2), facts)).rejects.toMatchObject({ reason: 'no_space' });
    giveBack();
    await store.save(key, model(3), facts);
    expect(first(store.load(key))).toBe(3);
  });

  test('killed at any moment of a save, the last model that was reported or the next one loads, nothing is refused', async () => {
    const folder = temporaryFolder();
    const program = bundleProgram(
      temporaryFolder(),
      `import { writeSync } from 'node:fs';
       import { openModelStore } from './training/model-store.ts';
       const observer = { log: { debug() {}, info() {}, warn() {}, error() {} }, count() {} };
       const store = openModelStore(${JSON.stringify(folder)}, observer);
       const key = ${JSON.stringify(key)};
       const last = store.load(key);
       for (let i = last ? new Int32Array(last.bytes)[0] + 1 : 1; ; i++) {
         await store.save(key, new Int32Array(10_000).fill(i).buffer, ${JSON.stringify(facts)});
         writeSync(1, i + '\\n');
       }`,
    );
    for (let kill = 0; kill < 20; kill++) {
      const reported = Number((await runAndKill(program, [])).at(-1));
      const { store, observer } = open(folder);
      const values = new Int32Array(store.load(key)!.bytes);
      expect(values.every((value) => value === values[0])).toBe(true);
      expect(values[0] - reported).toBeGreaterThanOrEqual(0);
      expect(values[0] - reported).toBeLessThanOrEqual(1);
      expect(observer.lines).toEqual([]);
    }
  });
});

function change(path: string, edit: (file: Buffer) => void): void {
  const file = readFileSync(path);
  edit(file);
  writeFileSync(path, file);
}

function edit(path: string, from: string, to: string): void {
  const before = readFileSync(path, 'utf8');
  const after = before.replace(from, to);
  if (after === before) throw new Error(`${path} has no ${from}`);
  writeFileSync(path, after);
}

function copy(from: string, to: string): void {
  writeFileSync(to, readFileSync(from));
}
