// Fit and score 10,000 rows x 13 features: our isolation forest, scikit-learn's and ml-isolation-forest, round by round in one run.
//
//   node bench/isolation-forest.mjs [--rounds 7] [--json] [--python /usr/bin/python3]
//
// All figures are CPU milliseconds of the process that does the work, one thread, the median over the rounds. scikit-learn runs with
// OPENBLAS_NUM_THREADS=1 and no other OPENBLAS_* variable, so that it chooses its kernels as it would for any user. A peer that is not installed is
// left out by name. "level" is the same input for everybody; "level+change" is our default and gives scikit-learn the same 26 columns ready-made.
// Quality is ROC-AUC over the labelled rows, and the rank correlation of scores.
import { build } from 'esbuild';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { startPythonPeer } from './shared/python-peer.mjs';
import { rankCorrelation, rocAuc } from './shared/ranking.mjs';
import { cpuMs, median } from './shared/timing.mjs';

const ROWS = 10_000;
const FEATURES = 13;
const TARGETS = { fit: 0.1, score: 0.15 };

const here = dirname(fileURLToPath(import.meta.url));
const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    json: { type: 'boolean', default: false },
    python: { type: 'string', default: '/usr/bin/python3' },
  },
});
const rounds = Number(options.rounds);
const folder = mkdtempSync(join(tmpdir(), 'netpulse-bench-'));

try {
  const { isolationForest, seededRandom, writeInput } = await ourCode();
  const data = syntheticRows(seededRandom(1));
  const wide = { train: changes(data.train, writeInput), test: changes(data.test, writeInput) };
  const files = {
    level: {
      train: save('train', data.train.values.data),
      test: save('test', data.test.values.data),
      columns: FEATURES,
    },
    'level+change': {
      train: save('train-wide', wide.train),
      test: save('test-wide', wide.test),
      columns: 2 * FEATURES,
    },
  };
  const sklearn = await startSklearn();
  const mlForest = await importPeer('ml-isolation-forest');
  const results = new Map();

  for (let round = 0; round < rounds + 1; round++) {
    const record = (name, figures) => {
      // the first round warms up compilers and caches
      if (round > 0) results.set(name, [...(results.get(name) ?? []), figures]);
    };
    const seed = round;
    record('ours, level', ours({ inputs: 'level', trim: 0 }, seed));
    if (sklearn) record('sklearn, level', await sklearn.round(files.level, 'auto', seed));
    record('ours, level, trimmed', ours({ inputs: 'level' }, seed));
    if (sklearn) record('sklearn, level, contamination .1', await sklearn.round(files.level, 0.1, seed));
    record('ours, level+change, trimmed', ours({}, seed));
    if (sklearn)
      record('sklearn, level+change, contamination .1', await sklearn.round(files['level+change'], 0.1, seed));
    if (mlForest && round <= 2) record('ml-isolation-forest, level', mlRound(mlForest.IsolationForest));
  }
  sklearn?.stop();
  report(results, sklearn?.version);

  function ours(forestOptions, seed) {
    const detector = isolationForest(forestOptions);
    const [fit, model] = cpuMs(() => detector.fit(data.train, { seed, features: [], rowsPerDay: 0 }));
    const scores = new Float64Array(ROWS);
    const [score] = cpuMs(() => detector.score(model, data.test, scores));
    const last = slice(data.test, ROWS - 1 - detector.history, ROWS);
    const wanted = new Uint8Array(last.values.rows);
    wanted[last.values.rows - 1] = 1;
    const single = new Float64Array(last.values.rows);
    const [many] = cpuMs(() => {
      for (let i = 0; i < 1000; i++) detector.score(model, last, single, wanted);
    });
    return { fit, score, one: many / 1000, scores };
  }

  function mlRound(Forest) {
    const train = nested(data.train);
    const test = nested(data.test);
    const forest = new Forest({ nEstimators: 100 });
    const [fit] = cpuMs(() => forest.train(train));
    const [score, scores] = cpuMs(() => forest.predict(test));
    const [many] = cpuMs(() => {
      for (let i = 0; i < 10; i++) forest.predict(test.slice(i, i + 1));
    });
    return { fit, score, one: many / 10, scores };
  }

  function report(all, version) {
    const lines = [...all].map(([name, list]) => ({
      name,
      rounds: list.length,
      fit: median(list.map((x) => x.fit)),
      score: median(list.map((x) => x.score)),
      one: median(list.map((x) => x.one)),
      auc: median(list.map((x) => rocAuc(x.scores, data.labels))),
    }));
    const find = (name) => lines.find((line) => line.name === name);
    const pairs = [
      ['ours, level', 'sklearn, level'],
      ['ours, level, trimmed', 'sklearn, level, contamination .1'],
      ['ours, level+change, trimmed', 'sklearn, level+change, contamination .1'],
      ['ours, level', 'ml-isolation-forest, level'],
    ];
    const ratios = pairs.flatMap(([a, b]) => {
      if (!find(a) || !find(b)) return [];
      const ratio = (part) => median(all.get(b).map((peer, i) => all.get(a)[i][part] / peer[part]));
      return [{ ours: a, peer: b, fit: ratio('fit'), score: ratio('score'), one: ratio('one') }];
    });
    const correlation =
      find('sklearn, level') && rankCorrelation(all.get('ours, level')[0].scores, all.get('sklearn, level')[0].scores);
    if (options.json) {
      const machine = { node: process.version, arch: process.arch, sklearn: version ?? null };
      console.log(
        JSON.stringify(
          { rows: ROWS, features: FEATURES, machine, targets: TARGETS, lines, ratios, correlation },
          null,
          2,
        ),
      );
      return;
    }
    console.log(
      `${ROWS} rows x ${FEATURES} features, CPU ms, Node ${process.version}, scikit-learn ${version ?? 'not run'}`,
    );
    console.log(`\n${'median of the rounds'.padEnd(42)}rounds    fit ms  score ms  1 row ms     AUC`);
    for (const line of lines) {
      const cells = [line.fit.toFixed(2), line.score.toFixed(2), line.one.toPrecision(2)].map((text) =>
        text.padStart(10),
      );
      console.log(
        `${line.name.padEnd(42)}${String(line.rounds).padStart(6)}${cells.join('')}${line.auc.toFixed(3).padStart(8)}`,
      );
    }
    console.log(
      `\nratio, median of the rounds (targets against sklearn: fit <= ${TARGETS.fit}, score <= ${TARGETS.score})`,
    );
    for (const { ours: a, peer, fit, score, one } of ratios) {
      const cells = [fit, score, one].map((ratio) => ratio.toPrecision(2).padStart(10));
      console.log(`${`${a} / ${peer}`.padEnd(70)}${cells.join('')}`);
    }
    if (correlation !== undefined)
      console.log(`\nrank correlation of scores with sklearn's: ${correlation.toFixed(3)}`);
  }
} finally {
  rmSync(folder, { recursive: true });
}

async function ourCode() {
  const source = (path) => JSON.stringify(join(here, '../exporter/src', path));
  const outfile = join(folder, 'ours.mjs');
  await build({
    stdin: {
      contents: `export { isolationForest } from ${source('detectors/isolation-forest.ts')};
        export { writeInput } from ${source('detectors/isolation-forest-inputs.ts')};
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

/** Correlated, autocorrelated features with a daily cycle; in the test rows 5 % are labelled: one to four features moved by 4 to 8 deviations. */
function syntheticRows(random) {
  const state = new Float64Array(FEATURES);
  const rows = (labels) => {
    const data = new Float64Array(ROWS * FEATURES);
    for (let r = 0; r < ROWS; r++) {
      const common = random.normal();
      const day = Math.sin((2 * Math.PI * r) / 1440);
      for (let f = 0; f < FEATURES; f++) {
        state[f] = 0.9 * state[f] + Math.sqrt(0.19) * (0.6 * common + 0.8 * random.normal());
        data[r * FEATURES + f] = state[f] + 0.4 * day;
      }
    }
    for (let start = 50; labels && start + 20 < ROWS; start += 300) {
      const moved = Array.from({ length: 1 + random.below(4) }, () => random.below(FEATURES));
      const by = (random.next() < 0.5 ? -1 : 1) * random.between(4, 8);
      for (let r = start; r < start + 15; r++) {
        labels[r] = 1;
        for (const f of moved) data[r * FEATURES + f] += by;
      }
    }
    return {
      values: { rows: ROWS, columns: FEATURES, data },
      time: new Float64Array(ROWS),
      segment: new Int32Array(ROWS),
    };
  };
  const labels = new Uint8Array(ROWS);
  return { train: rows(undefined), test: rows(labels), labels };
}

function changes(rows, writeInput) {
  const out = new Float64Array(ROWS * FEATURES * 2);
  for (let r = 0; r < ROWS; r++) writeInput(rows, r, 2 * FEATURES, out, r * 2 * FEATURES);
  return out;
}

function slice(rows, from, to) {
  return {
    values: { rows: to - from, columns: FEATURES, data: rows.values.data.slice(from * FEATURES, to * FEATURES) },
    time: rows.time.slice(from, to),
    segment: rows.segment.slice(from, to),
  };
}

function nested(rows) {
  return Array.from({ length: ROWS }, (_, r) =>
    Array.from(rows.values.data.subarray(r * FEATURES, (r + 1) * FEATURES)),
  );
}

function save(name, array) {
  const path = join(folder, `${name}.f64`);
  writeFileSync(path, array);
  return path;
}

async function startSklearn() {
  const peer = await startPythonPeer({
    name: 'scikit-learn',
    python: options.python,
    script: join(here, 'isolation-forest.py'),
    debianPackage: 'python3-sklearn',
  });
  const scores = join(folder, 'sklearn-scores.f64');
  return (
    peer && {
      ...peer,
      async round(data, contamination, seed) {
        const answer = await peer.ask({ ...data, contamination, seed, scores });
        const bytes = readFileSync(scores);
        return {
          ...answer,
          scores: new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)),
        };
      },
    }
  );
}

async function importPeer(name) {
  try {
    return await import(name);
  } catch (error) {
    console.error(`${name} is left out: ${error.message}`);
    return undefined;
  }
}
