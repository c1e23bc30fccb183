/** The exported autoencoders in TensorFlow.js, in a process of its own: it is large and keeps state of its own. */
import { spawnSync } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { readModelFile, writeModelFile } from '../exporter/src/cli/model-files.ts';
import { loadAutoencoder } from '../exporter/src/detectors/autoencoder-model.ts';
import { autoencoder } from '../exporter/src/detectors/autoencoder.ts';
import { modelFromWeights } from '../exporter/src/detectors/lstm-autoencoder-model.ts';
import { lstmAutoencoder } from '../exporter/src/detectors/lstm-autoencoder.ts';
import { runDense } from '../exporter/src/engine/dense.ts';
import { initialWeights } from '../exporter/src/engine/lstm-weights.ts';
import { reconstructReference, referenceWeights } from '../exporter/src/engine/reference/lstm.ts';
import type { Detector, FeatureSpec } from '../exporter/src/flow.ts';
import { seededRandom } from '../exporter/src/random.ts';
import { removeFolders, temporaryFolder } from '../exporter/src/store/testing/disk.ts';
import { MANIFEST_FORMAT, type ModelManifest } from '../exporter/src/training/model-manifest.ts';

jest.setTimeout(120_000);

afterEach(removeFolders);

const CLOSE = 1e-4;
const FEATURES = 6;
const ROWS = 300;

const withTensorFlow = installed() ? describe : describe.skip;

const features = Array.from({ length: FEATURES }, (_, f): FeatureSpec => ({
  name: `f${f}_ratio`,
  unit: 'ratio',
  help: 'A column of a test.',
  kind: 'gauge',
  direction: 'both',
  transform: 'none',
  minimumDeviation: 0,
}));

/** Columns on different scales that move together. */
function rowsOf(seed: number) {
  const random = seededRandom(seed);
  const data = new Float64Array(ROWS * FEATURES);
  for (let r = 0; r < ROWS; r++) {
    const common = Math.sin(r / 9) + 0.3 * random.normal();
    for (let f = 0; f < FEATURES; f++)
      data[r * FEATURES + f] = 100 * f + 10 ** (f - 2) * (common + 0.3 * random.normal());
  }
  const time = Float64Array.from({ length: ROWS }, (_, r) => r * 1000);
  return { values: { rows: ROWS, columns: FEATURES, data }, time, segment: new Int32Array(ROWS) };
}

function manifestOf(detector: string, options: Record<string, unknown>): ModelManifest {
  return {
    formatVersion: MANIFEST_FORMAT,
    version: 'v1',
    monitor: 'host',
    group: 'web-01',
    detector,
    sha256: '',
    bytes: 0,
    features: features.map(({ name, unit, transform }) => ({ name, unit, transform })),
    rows: ROWS,
    trainedAt: Date.UTC(2026, 0, 1),
    seed: 3,
    options,
    meanScore: 0.8,
    usualScore: 4.5,
    historyRows: ROWS,
    notes: { epochs: 2 },
  };
}

/** What TensorFlow.js makes of the inputs; `save` is where it writes the model again. */
function predict(folder: string, inputs: unknown, save: string): { shape: number[]; values: number[] } {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(__dirname, 'interchange.mjs'), folder, '--save', save],
    { input: JSON.stringify(inputs), encoding: 'utf8', maxBuffer: 1 << 26 },
  );
  if (status !== 0) throw new Error(stderr);
  copyFileSync(join(folder, 'netpulse.json'), join(save, 'netpulse.json'));
  return JSON.parse(stdout) as { shape: number[]; values: number[] };
}

function furthest(one: ArrayLike<number>, other: ArrayLike<number>): number {
  expect(one.length).toBe(other.length);
  return Array.from(one).reduce((most, value, i) => Math.max(most, Math.abs(value - other[i])), 0);
}

function scoresOf(detector: Detector, model: ArrayBuffer): Float64Array {
  const scores = new Float64Array(ROWS);
  detector.score(detector.load(model), rowsOf(2), scores);
  return scores;
}

withTensorFlow('in TensorFlow.js', () => {
  it('the dense autoencoder gives the same copies, and comes back with the same scores', () => {
    const options = { epochs: 2 };
    const detector = autoencoder(options);
    const saved = detector.fit(rowsOf(1), { seed: 3, features, rowsPerDay: 86_400 }).save();
    const [folder, again] = [temporaryFolder(), temporaryFolder()];
    writeModelFile(folder, 'tfjs', manifestOf('autoencoder', options), saved);

    const { network, scale } = loadAutoencoder(saved);
    const columns = scale.mean.length;
    const random = seededRandom(7);
    const inputs = Float32Array.from({ length: 40 * columns }, () => 2 * random.normal());
    const expected = new Float32Array(inputs.length);
    runDense(network, inputs, 40, expected);
    const { shape, values } = predict(folder, matrix(inputs, columns), again);
    expect(shape).toEqual([40, columns]);
    expect(furthest(values, expected)).toBeLessThan(CLOSE);
    for (const path of [folder, again]) {
      const { manifest, model } = readModelFile(path);
      expect(scoresOf(detector as Detector, model)).toEqual(scoresOf(detector as Detector, saved));
      expect({ ...manifest, sha256: '', bytes: 0 }).toEqual({
        ...manifestOf('autoencoder', options),
        version: 'v0',
      });
      expect(manifest.bytes).toBe(model.byteLength);
    }
  });

  it('the LSTM autoencoder gives the same windows, and comes back with the same scores', () => {
    // as large as by default; its weights need no training to be compared, and begin where training begins
    const shape = { features: FEATURES, hidden: 128, steps: 30 };
    const random = seededRandom(5);
    const weights = initialWeights(shape, () => random.next());
    const scale = {
      mean: Float64Array.from({ length: FEATURES }, (_, f) => 100 * f),
      deviation: Float64Array.from({ length: FEATURES }, (_, f) => 10 ** (f - 2)),
    };
    const saved = modelFromWeights({ shape, weights, scale }).save();
    const [folder, again] = [temporaryFolder(), temporaryFolder()];
    writeModelFile(folder, 'tfjs', manifestOf('lstm-autoencoder', {}), saved);

    const size = shape.steps * FEATURES;
    const windows = Float64Array.from({ length: 4 * size }, () => Math.fround(random.normal()));
    const expected = reconstructReference(shape, referenceWeights(shape, weights), windows);
    const inputs = Array.from({ length: 4 }, (_, w) => matrix(windows.subarray(w * size, (w + 1) * size), FEATURES));
    const outputs = predict(folder, inputs, again);
    expect(outputs.shape).toEqual([4, shape.steps, FEATURES]);
    expect(furthest(outputs.values, expected)).toBeLessThan(CLOSE);
    // windows are not all alike
    expect(furthest(expected.subarray(0, size), expected.subarray(size, 2 * size))).toBeGreaterThan(100 * CLOSE);
    const detector = lstmAutoencoder() as Detector;
    for (const path of [folder, again])
      expect(scoresOf(detector, readModelFile(path).model)).toEqual(scoresOf(detector, saved));
  });
});

function matrix(values: ArrayLike<number>, columns: number): number[][] {
  return Array.from({ length: values.length / columns }, (_, r) =>
    Array.from({ length: columns }, (_, c) => values[r * columns + c]),
  );
}

function installed(): boolean {
  try {
    require.resolve('@tensorflow/tfjs/package.json');
    return true;
  } catch {
    return false;
  }
}
