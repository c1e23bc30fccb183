// Train and score the dense autoencoder (64-32-16-8-16-32-64): our WebAssembly kernels and PyTorch, round by round in one run.
//
//   node bench/autoencoder.mjs [--rounds 7] [--smoke] [--json] [--python /usr/bin/python3]
//
// All figures are CPU milliseconds of the process that does the work, one thread, the median over the rounds: an epoch of training over 10,000 rows in
// shuffled batches of 32 (median of 3 epochs), scores of the same rows at once, and of one row. 40 columns are 20 features as level and change.
// PyTorch runs with OPENBLAS_NUM_THREADS=1 and no other OPENBLAS_* variable, so that it chooses its kernels as it would for any user; it is left out by
// name when it is not installed. The loss after training shows that both learn alike; with so few epochs it depends on the luck of the seed, up to twofold.
import { build } from 'esbuild';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { startPythonPeer } from './shared/python-peer.mjs';
import { cpuMs, median } from './shared/timing.mjs';

const ROWS = 10_000;
const HIDDEN = [64, 32, 16, 8, 16, 32, 64];
const BATCH = 32;
const EPOCHS = 3;
const RATE = 1e-3;
const SHAPES = [20, 40, 76];

const here = dirname(fileURLToPath(import.meta.url));
const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    json: { type: 'boolean', default: false },
    smoke: { type: 'boolean', default: false },
    python: { type: 'string', default: '/usr/bin/python3' },
  },
});
const rounds = options.smoke ? 1 : Number(options.rounds);
const folder = mkdtempSync(join(tmpdir(), 'netpulse-bench-'));

try {
  const code = await ourCode();
  const torch = options.smoke ? undefined : await startTorch();
  const shapes = SHAPES.map((columns) => ({ columns, rows: syntheticRows(columns, code.seededRandom(1)) }));
  for (const shape of shapes) {
    shape.path = join(folder, `rows-${shape.columns}.f32`);
    writeFileSync(shape.path, shape.rows);
    shape.ours = [];
    shape.torch = [];
  }
  // the first round warms up compilers and caches
  for (let round = 0; round < rounds + 1; round++) {
    for (const shape of shapes) {
      const figures = [ours(code, shape, round), await torch?.round(shape, round)];
      if (round === 0) continue;
      shape.ours.push(figures[0]);
      if (figures[1]) shape.torch.push(figures[1]);
    }
  }
  torch?.stop();
  report(shapes, torch?.version);
} finally {
  rmSync(folder, { recursive: true });
}

function ours({ denseTraining, denseNetwork, runDense, initialLayers, seededRandom }, { columns, rows }, seed) {
  const sizes = [columns, ...HIDDEN, columns];
  const training = denseTraining(sizes, initialLayers(sizes, seededRandom(seed)), RATE, BATCH);
  const random = seededRandom(seed, 1);
  const order = Int32Array.from({ length: ROWS }, (_, i) => i);
  const epochs = Array.from({ length: EPOCHS }, () => {
    const [ms] = cpuMs(() => {
      for (let i = ROWS - 1; i > 0; i--) {
        const j = random.below(i + 1);
        [order[i], order[j]] = [order[j], order[i]];
      }
      for (let from = 0; from < ROWS; from += BATCH) {
        training.gradient(rows, order.subarray(from, from + BATCH));
        training.step();
      }
    });
    return ms;
  });
  const network = denseNetwork(sizes, training.layers());
  const outputs = new Float32Array(rows.length);
  const errors = new Float64Array(ROWS);
  const scoreRows = (from, count) => {
    runDense(network, rows.subarray(from * columns), count, outputs);
    for (let r = 0; r < count; r++) {
      let sum = 0;
      for (let c = 0; c < columns; c++) sum += (outputs[r * columns + c] - rows[(from + r) * columns + c]) ** 2;
      errors[from + r] = sum / columns;
    }
  };
  const [score] = cpuMs(() => scoreRows(0, ROWS));
  const loss = errors.reduce((sum, error) => sum + error, 0) / ROWS;
  const [many] = cpuMs(() => {
    for (let i = 0; i < 2000; i++) scoreRows(i, 1);
  });
  return { epoch: median(epochs), score, one: many / 2000, loss };
}

function report(shapes, version) {
  const lines = shapes.map(({ columns, ours: mine, torch }) => {
    const of = (list) =>
      list.length === 0
        ? null
        : Object.fromEntries(['epoch', 'score', 'one', 'loss'].map((part) => [part, median(list.map((x) => x[part]))]));
    const ratio = (part) => (torch.length === 0 ? null : median(torch.map((peer, i) => mine[i][part] / peer[part])));
    return {
      columns,
      ours: of(mine),
      torch: of(torch),
      ratio: { epoch: ratio('epoch'), score: ratio('score'), one: ratio('one') },
    };
  });
  const machine = { node: process.version, arch: process.arch, torch: version ?? null };
  if (options.json) {
    console.log(JSON.stringify({ rows: ROWS, batch: BATCH, rounds, machine, lines }, null, 2));
    return;
  }
  console.log(`${ROWS} rows, batch ${BATCH}, CPU ms, Node ${process.version}, PyTorch ${version ?? 'not run'}\n`);
  console.log(`${'median of the rounds'.padEnd(28)}  epoch ms  score ms  1 row ms      loss`);
  for (const { columns, ours: mine, torch, ratio } of lines) {
    const print = (name, cells) =>
      console.log(`${name.padEnd(28)}${cells.map((x) => x.toPrecision(3).padStart(10)).join('')}`);
    print(`ours, ${columns} columns`, [mine.epoch, mine.score, mine.one, mine.loss]);
    if (!torch) continue;
    print(`PyTorch, ${columns} columns`, [torch.epoch, torch.score, torch.one, torch.loss]);
    print(`ratio, ${columns} columns`, [ratio.epoch, ratio.score, ratio.one]);
  }
}

async function ourCode() {
  const source = (path) => JSON.stringify(join(here, '../exporter/src', path));
  const outfile = join(folder, 'ours.mjs');
  await build({
    stdin: {
      contents: `export { denseNetwork, denseTraining, runDense } from ${source('engine/dense.ts')};
        export { initialLayers } from ${source('detectors/autoencoder-training.ts')};
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

/** Standardised columns that share four hidden causes. */
function syntheticRows(columns, random) {
  const mixing = Float64Array.from({ length: 4 * columns }, () => random.normal());
  const rows = new Float32Array(ROWS * columns);
  for (let r = 0; r < ROWS; r++) {
    const causes = [random.normal(), random.normal(), random.normal(), random.normal()];
    for (let c = 0; c < columns; c++) {
      const common = causes.reduce((sum, cause, k) => sum + cause * mixing[4 * c + k], 0);
      rows[r * columns + c] = (common + 0.5 * random.normal()) / 2;
    }
  }
  return rows;
}

async function startTorch() {
  const peer = await startPythonPeer({
    name: 'PyTorch',
    python: options.python,
    script: join(here, 'autoencoder.py'),
    debianPackage: 'python3-torch',
  });
  return (
    peer && {
      ...peer,
      round: ({ columns, path }, seed) => peer.ask({ rows: path, columns, seed, batch: BATCH, epochs: EPOCHS }),
    }
  );
}
