import { sha256 } from '../store/atomic-file.ts';
import type { ModelManifest } from './model-manifest.ts';
import { packageModel, unpackageModel } from './model-package.ts';

const model = Float64Array.of(1, NaN, -0, 4).buffer;
const manifest: ModelManifest = {
  formatVersion: 2,
  version: 'v3',
  monitor: 'host',
  group: 'web-01',
  detector: 'pca',
  sha256: sha256(new Uint8Array(model)),
  bytes: 32,
  features: [{ name: 'cpu_usage_ratio', unit: 'ratio', transform: 'none' }],
  rows: 100,
  trainedAt: 1,
  seed: 0,
  options: { inputs: 'level' },
  meanScore: 1,
  usualScore: 2,
  historyRows: 100,
  notes: { seconds: 1 },
};

describe('a model in a file', () => {
  it('comes back bit for bit with its manifest', () => {
    const file = packageModel(manifest, model);
    const back = unpackageModel('file', file);
    expect(back.manifest).toEqual(manifest);
    expect(new Uint8Array(back.model)).toEqual(new Uint8Array(model));
  });

  it('is refused wherever a bit of it is wrong', () => {
    const file = packageModel(manifest, model);
    for (let at = 0; at < file.length; at++) {
      const wrong = file.slice();
      wrong[at] ^= 4;
      expect([at, problemOf(wrong)]).toEqual([at, expect.stringMatching(/^file: /)]);
    }
  });

  it('is refused wherever it is cut off, and with something behind it', () => {
    const file = packageModel(manifest, model);
    for (let length = 0; length < file.length; length += 7)
      expect([length, problemOf(file.subarray(0, length))]).toEqual([length, expect.stringMatching(/^file: /)]);
    const longer = new Uint8Array(file.length + 1);
    longer.set(file);
    expect(problemOf(longer)).toBe('file: it should hold a model of 32 bytes and holds 33');
  });

  it('says what is wrong in words', () => {
    expect(problemOf(new TextEncoder().encode('{"format": "layers-model"}'))).toMatch(
      /is not a model that "netpulse model export" wrote \(for TensorFlow.js, name the folder/,
    );
    const newer = packageModel({ ...manifest, formatVersion: 3 }, model);
    expect(problemOf(newer)).toMatch(/format version 3, this netpulse reads version 2; it was written by a newer/);
    expect(problemOf(packageModel({ ...manifest, meanScore: 0 }, model))).toMatch(/no mean score above 0/);
    expect(problemOf(packageModel({ ...manifest, features: [] }, model))).toMatch(/no list of features/);
    const other = packageModel(manifest, Float64Array.of(1, 2, 3, 4).buffer);
    expect(problemOf(other)).toBe('file: its model does not match its checksum');
  });
});

function problemOf(file: Uint8Array): string {
  try {
    unpackageModel('file', file);
    return 'nothing';
  } catch (error) {
    return (error as Error).message;
  }
}
