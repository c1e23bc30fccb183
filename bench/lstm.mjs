// The LSTM autoencoder beside PyTorch, round by round in one run: one optimiser step on 64 windows, the score of one window, and of 256.
//
//   node bench/lstm.mjs [--rounds 9] [--features 6] [--hidden 128] [--steps 30] [--dropout 0.3] [--smoke] [--json] [--python /usr/bin/python3]
//
// All figures are CPU milliseconds of the process that does the work, one thread: the median inside a round, then the median over the rounds. PyTorch runs
// with OPENBLAS_NUM_THREADS=1 (torch.set_num_threads does not reach OpenBLAS) and no other OPENBLAS_* variable, so that it chooses its kernels as it
// would for any user. Both sides do the same: gather or slice, forward, loss, backward, clip at norm 1, Adam; errors of last step and window for a score.
import { build } from 'esbuild';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { startPythonPeer } from './shared/python-peer.mjs';
import { cpuMs, median } from './shared/timing.mjs';

const BATCH = 64;
const MANY = 256;
/** ratios to PyTorch that must and may be reached */
const TARGETS = { train: [1.3, 1], one: [0.2, 0.2], many: [1.7, 1.1] };
const PARTS = { train: `training step of ${BATCH}`, one: 'score of 1 window', many: `score of ${MANY} windows` };

const here = dirname(fileURLToPath(import.meta.url));
const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '9' },
    features: { type: 'string', default: '6' },
    hidden: { type: 'string', default: '128' },
    steps: { type: 'string', default: '30' },
    dropout: { type: 'string', default: '0.3' },
    smoke: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    python: { type: 'string', default: '/usr/bin/python3' },
  },
});
const rounds = options.smoke ? 1 : Number(options.rounds);
const times = options.smoke ? 3 : 21;
const warm = options.smoke ? 3 : 8;
const shape = { features: Number(options.features), hidden: Number(options.hidden), steps: Number(options.steps) };
const dropout = Number(options.dropout);
const folder = mkdtempSync(join(tmpdir(), 'netpulse-bench-'));

try {
  const { createLstmScorer, createLstmTrainer, eachReconstruction, gatherWindows, initialWeights, seededRandom } =
    await ourCode();
  const inputs = waves(seededRandom(1));
  const ends = Int32Array.from({ length: MANY }, (_, i) => shape.steps - 1 + i);
  const windows = new Float32Array(MANY * shape.steps * shape.features);
  gatherWindows(inputs, ends, shape.steps, windows);
  writeFileSync(join(folder, 'windows.f32'), windows);

  const torch = options.smoke ? undefined : await startTorch();
  const job = { ...shape, dropout, batch: BATCH, many: MANY, times, warm, windows: join(folder, 'windows.f32') };
  const figures = { ours: [], torch: [] };
  for (let round = 0; round < rounds + (options.smoke ? 0 : 1); round++) {
    const both = { ours: ourRound(round), torch: await torch?.round({ ...job, seed: round }) };
    // the first round warms up compilers and caches
    if (round === 0 && !options.smoke) continue;
    figures.ours.push(both.ours);
    if (both.torch) figures.torch.push(both.torch);
  }
  torch?.stop();
  report(figures, torch?.version);

  function ourRound(seed) {
    const random = seededRandom(seed);
    const next = () => random.next();
    const weights = initialWeights(shape, next);
    const training = { batch: BATCH, dropout, learningRate: 1e-3, clip: 1, random: next };
    const trainer = createLstmTrainer(shape, weights, training);
    const train = () => {
      gatherWindows(inputs, ends.subarray(0, BATCH), shape.steps, trainer.windows);
      trainer.step(BATCH);
    };
    const scorer = createLstmScorer(shape, weights);
    const score = (some) => eachReconstruction(scorer, inputs, some, shape.steps, () => {});
    medianMs(train, warm);
    const result = { train: medianMs(train, times) };
    medianMs(() => score(ends.subarray(0, 1)), 20);
    result.one = medianMs(() => score(ends.subarray(0, 1)), 10 * times);
    medianMs(() => score(ends), 3);
    result.many = medianMs(() => score(ends), times);
    return result;
  }
} finally {
  rmSync(folder, { recursive: true });
}

function report({ ours, torch }, version) {
  const parts = Object.keys(PARTS).map((part) => ({
    part,
    ours: median(ours.map((round) => round[part])),
    torch: torch.length > 0 ? median(torch.map((round) => round[part])) : null,
    ratio: torch.length > 0 ? median(torch.map((peer, i) => ours[i][part] / peer[part])) : null,
    target: TARGETS[part][0],
    aim: TARGETS[part][1],
  }));
  if (options.json) {
    const machine = { node: process.version, arch: process.arch, torch: version ?? null };
    console.log(JSON.stringify({ ...shape, dropout, rounds, machine, parts }, null, 2));
    return;
  }
  const { features, hidden, steps } = shape;
  console.log(
    `windows of ${steps} x ${features}, ${hidden} units, dropout ${dropout}, CPU ms, Node ${process.version}, PyTorch ${version ?? 'not run'}, ${rounds} rounds`,
  );
  console.log(
    `\n${''.padEnd(24)}${['ours', 'PyTorch', 'ratio', 'target', 'aim'].map((name) => name.padStart(10)).join('')}`,
  );
  for (const { part, ours: a, torch: b, ratio, target, aim } of parts) {
    const cells = [a.toPrecision(3), b?.toPrecision(3) ?? '-', ratio?.toFixed(2) ?? '-', `<= ${target}`, String(aim)];
    console.log(`${PARTS[part].padEnd(24)}${cells.map((cell) => cell.padStart(10)).join('')}`);
  }
}

async function ourCode() {
  const source = (path) => JSON.stringify(join(here, '../exporter/src', path));
  const outfile = join(folder, 'ours.mjs');
  await build({
    stdin: {
      contents: `export { createLstmScorer, createLstmTrainer } from ${source('engine/lstm.ts')};
        export { initialWeights } from ${source('engine/lstm-weights.ts')};
        export { eachReconstruction, gatherWindows } from ${source('detectors/lstm-autoencoder-windows.ts')};
        export { seededRandom } from ${source('random.ts')};`,
      resolveDir: here,
    },
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
  });
  return import(pathToFileURL(outfile).href);
}

/** Standardised rows: a wave and noise in each feature. */
function waves(random) {
  const count = MANY + shape.steps - 1;
  const data = Float32Array.from({ length: count * shape.features }, (_, i) => {
    const feature = i % shape.features;
    return Math.SQRT2 * Math.sin(i / shape.features / (4 + feature) + feature) + 0.3 * random.normal();
  });
  const values = { rows: count, columns: shape.features, data: Float64Array.from(data) };
  const rows = { values, time: new Float64Array(count), segment: new Int32Array(count) };
  return { rows, inputs: data, present: new Uint8Array(data.length).fill(1) };
}

async function startTorch() {
  const peer = await startPythonPeer({
    name: 'PyTorch',
    python: options.python,
    script: join(here, 'lstm.py'),
    debianPackage: 'python3-torch',
  });
  return peer && { ...peer, round: peer.ask };
}

function medianMs(work, count) {
  return median(
    Array.from({ length: count }, () => {
      const [ms] = cpuMs(work);
      return ms;
    }),
  );
}
