import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { removeFolders, temporaryFolder } from '../store/testing/disk.ts';
import { recordingObserver } from '../store/testing/recording-observer.ts';
import { inspectModels, readVersion } from './model-inspection.ts';
import type { ModelFacts, ModelKey } from './model-manifest.ts';
import { openModelStore } from './model-store.ts';

afterEach(removeFolders);

const key: ModelKey = { monitor: 'host', group: 'host-1', detector: 'pca' };
const facts: ModelFacts = {
  features: [{ name: 'cpu_usage_ratio', unit: 'ratio' }],
  rows: 100,
  trainedAt: 1,
  seed: 0,
  options: {},
  meanScore: 1,
  usualScore: null,
  historyRows: 100,
  notes: {},
};
const model = (n: number) => Float64Array.of(n).buffer;
const place = (folder: string, ...rest: string[]) => join(folder, 'host', 'host-1', 'pca', ...rest);

/** Three versions, the last one kept aside. */
async function stored() {
  const folder = temporaryFolder();
  const store = openModelStore(folder, recordingObserver());
  for (const n of [1, 2]) await store.save(key, model(n), facts);
  await store.save(key, model(3), facts, { aside: 'worse' });
  return { folder, store };
}

const summary = (folder: string, problems: string[] = []) =>
  inspectModels(folder, (problem) => problems.push(problem)).map(({ manifest, inForce, damage }) => [
    manifest.version,
    inForce,
    damage === undefined,
  ]);

describe('inspecting stored models', () => {
  it('names every version and the one in force, as the store has it', async () => {
    const { folder, store } = await stored();
    expect(summary(folder)).toEqual([
      ['v1', false, true],
      ['v2', true, true],
      ['v3', false, true],
    ]);
    await store.putIntoForce(key, 'v1', { at: 1, until: 2 });
    expect(inspectModels(folder).map(({ inForce, pin }) => [inForce, pin])).toEqual([
      [true, { at: 1, until: 2 }],
      [false, undefined],
      [false, undefined],
    ]);
    expect(new Float64Array(readVersion(folder, store.versions(key)[2]))).toEqual(Float64Array.of(3));
  });

  it('tells a damaged version, what serves instead, and moves nothing', async () => {
    const { folder } = await stored();
    const path = place(folder, 'v2', 'model.bin');
    const bytes = readFileSync(path);
    bytes[bytes.length - 1] ^= 1;
    writeFileSync(path, bytes);
    for (let time = 0; time < 2; time++) {
      expect(summary(folder)).toEqual([
        ['v1', true, true],
        ['v2', false, false],
        ['v3', false, true],
      ]);
    }
    expect(inspectModels(folder)[1].damage).toMatch(/v2\/model\.bin is damaged/);
    expect(() => readVersion(folder, inspectModels(folder)[1].manifest)).toThrow(/is damaged/);
    expect(readdirSync(place(folder, 'v2')).sort()).toEqual(['manifest.json', 'model.bin']);
  });

  it.each([
    ['no JSON', '{'],
    ['null', 'null'],
    ['edited', undefined],
  ])('reports a manifest that is %s, and goes on with the others', async (_, content) => {
    const { folder } = await stored();
    const path = place(folder, 'v1', 'manifest.json');
    writeFileSync(path, content ?? readFileSync(path, 'utf8').replace('"rows": 100', '"rows": 101'));
    const problems: string[] = [];
    expect(summary(folder, problems)).toEqual([
      ['v2', true, true],
      ['v3', false, true],
    ]);
    expect(problems).toEqual([`${path} is damaged, or was edited by hand`]);
    expect(readdirSync(place(folder, 'v1')).sort()).toEqual(['manifest.json', 'model.bin']);
  });

  it('leaves out a version that is being written, and finds nothing where nothing is', async () => {
    const { folder } = await stored();
    mkdirSync(place(folder, 'v4'));
    expect(summary(folder)).toHaveLength(3);
    expect(inspectModels(join(folder, 'nowhere'))).toEqual([]);
  });
});
