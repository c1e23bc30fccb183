// Local outlier factor and one-class SVM, ours and scikit-learn's, round by round in one run: fit on 4,000 and 2,000 rows, score 4,000 others.
//
//   node bench/neighbours-and-svm.mjs [--rounds 7] [--smoke] [--json] [--python /usr/bin/python3]
//
// All figures are CPU milliseconds of the process that does the work, one thread, the median over the rounds. scikit-learn runs with
// OPENBLAS_NUM_THREADS=1 and no other OPENBLAS_* variable, so that it chooses its kernels as it would for any user, once with its default choice of a
// neighbour search and once by brute force, as ours. It gets its inputs standardised, ours standardise within the time that is measured. --smoke is one
// round of ours alone.
import { build } from 'esbuild';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { startPythonPeer } from './shared/python-peer.mjs';
import { rankCorrelation, rocAuc } from './shared/ranking.mjs';
import { cpuMs, median } from './shared/timing.mjs';

const FEATURES = 13;
const TEST_ROWS = 4000;
const TRAIN_ROWS = { 'local-outlier-factor': 4000, 'one-class-svm': 2000 };
const TARGETS = { fit: 0.5, score: 0.5 };

const here = dirname(fileURLToPath(import.meta.url));
const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    smoke: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    python: { type: 'string', default: '/usr/bin/python3' },
  },
});
const rounds = options.smoke ? 1 : Number(options.rounds);
const folder = mkdtempSync(join(tmpdir(), 'netpulse-bench-'));

try {
  const { localOutlierFactor, oneClassSvm, fitInputScale, inputBlocks, seededRandom } = await ourCode();
  const create = { 'local-outlier-factor': localOutlierFactor, 'one-class-svm': oneClassSvm };
  const { train, test, labels } = syntheticRows(seededRandom(1));
  const sklearn = options.smoke ? undefined : await startSklearn();
  const cases = [];
  for (const detector of ['local-outlier-factor', 'one-class-svm']) {
    for (const inputs of ['level', 'level+change']) {
      const rows = slice(train, 0, TRAIN_ROWS[detector]);
      const name = `${detector}, ${inputs}`;
      const scale = fitInputScale(rows, inputs);
      const files = {
        detector,
        columns: scale.mean.length,
        train: save(`${detector}-${inputs}-train`, standardised(rows, scale)),
        test: save(`${detector}-${inputs}-test`, standardised(test, scale)),
      };
      const peers = detector === 'one-class-svm' ? ['libsvm'] : ['auto', 'brute'];
      cases.push({ name, detector: create[detector]({ inputs }), rows, files, peers });
    }
  }

  const results = new Map();
  for (let round = 0; round < rounds + 1; round++) {
    const record = (name, figures) => {
      // the first round warms up compilers and caches
      if (round > 0) results.set(name, [...(results.get(name) ?? []), figures]);
    };
    for (const { name, detector, rows, files, peers } of cases) {
      record(`ours: ${name}`, ours(detector, rows));
      if (!sklearn) continue;
      for (const algorithm of peers)
        record(`sklearn ${algorithm}: ${name}`, await sklearn.round({ ...files, algorithm }));
    }
  }
  sklearn?.stop();
  report();

  function ours(detector, rows) {
    const [fit, model] = cpuMs(() => detector.fit(rows, { seed: 1, features: [], rowsPerDay: 0 }));
    const scores = new Float64Array(TEST_ROWS);
    const [score] = cpuMs(() => detector.score(model, test, scores));
    const last = slice(test, TEST_ROWS - 1 - detector.history, TEST_ROWS);
    const wanted = new Uint8Array(last.values.rows);
    wanted[last.values.rows - 1] = 1;
    const single = new Float64Array(last.values.rows);
    const [many] = cpuMs(() => {
      for (let i = 0; i < 100; i++) detector.score(model, last, single, wanted);
    });
    return { fit, score, one: many / 100, scores };
  }

  function standardised(rows, scale) {
    const columns = scale.mean.length;
    const [block] = inputBlocks(scale, rows, rows.values.rows);
    return Float64Array.from(block.inputs.subarray(0, block.count * columns));
  }

  function report() {
    const lines = [...results].map(([name, list]) => ({
      name,
      rounds: list.length,
      fit: median(list.map((x) => x.fit)),
      score: median(list.map((x) => x.score)),
      one: median(list.map((x) => x.one)),
      auc: rocAuc(list[0].scores, labels),
    }));
    const ratios = cases.flatMap(({ name, peers }) => {
      const mine = results.get(`ours: ${name}`);
      return peers.flatMap((algorithm) => {
        const peer = results.get(`sklearn ${algorithm}: ${name}`);
        if (!peer) return [];
        const ratio = (part) => median(peer.map((figures, i) => mine[i][part] / figures[part]));
        return [
          {
            ours: name,
            peer: `sklearn ${algorithm}`,
            fit: ratio('fit'),
            score: ratio('score'),
            one: ratio('one'),
            rankCorrelation: rankCorrelation(mine[0].scores, peer[0].scores),
            largestDifference: algorithm === 'libsvm' ? null : largestDifference(mine[0].scores, peer[0].scores),
          },
        ];
      });
    });
    if (options.json) {
      const machine = { node: process.version, arch: process.arch, sklearn: sklearn?.version ?? null };
      console.log(JSON.stringify({ features: FEATURES, machine, targets: TARGETS, lines, ratios }, null, 2));
      return;
    }
    console.log(
      `${FEATURES} features, fit on 4,000 (LOF) and 2,000 (SVM) rows, score ${TEST_ROWS}; CPU ms, Node ${process.version}, scikit-learn ${sklearn?.version ?? 'not run'}`,
    );
    console.log(`\n${'median of the rounds'.padEnd(52)}rounds    fit ms  score ms  1 row ms     AUC`);
    for (const line of lines) {
      const cells = [line.fit.toFixed(2), line.score.toFixed(2), line.one.toPrecision(2)].map((text) =>
        text.padStart(10),
      );
      console.log(
        `${line.name.padEnd(52)}${String(line.rounds).padStart(6)}${cells.join('')}${line.auc.toFixed(4).padStart(8)}`,
      );
    }
    if (ratios.length === 0) return;
    console.log(
      `\nours / peer, median of the rounds (targets: fit <= ${TARGETS.fit}, score <= ${TARGETS.score}); rank correlation and largest relative difference of scores`,
    );
    for (const { ours: name, peer, fit, score, one, rankCorrelation: rank, largestDifference: difference } of ratios) {
      const cells = [fit, score, one].map((ratio) => ratio.toPrecision(2).padStart(10));
      console.log(
        `${`${name} / ${peer}`.padEnd(58)}${cells.join('')}${rank.toFixed(6).padStart(10)}${(difference === null ? '' : difference.toExponential(1)).padStart(10)}`,
      );
    }
  }
} finally {
  rmSync(folder, { recursive: true });
}

async function ourCode() {
  const source = (path) => JSON.stringify(join(here, '../exporter/src', path));
  const outfile = join(folder, 'ours.mjs');
  await build({
    stdin: {
      contents: `export { localOutlierFactor } from ${source('detectors/local-outlier-factor.ts')};
        export { oneClassSvm } from ${source('detectors/one-class-svm.ts')};
        export { fitInputScale, inputBlocks } from ${source('detectors/scaled-inputs.ts')};
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
  const rows = (count, labels) => {
    const data = new Float64Array(count * FEATURES);
    for (let r = 0; r < count; r++) {
      const common = random.normal();
      const day = Math.sin((2 * Math.PI * r) / 1440);
      for (let f = 0; f < FEATURES; f++) {
        state[f] = 0.9 * state[f] + Math.sqrt(0.19) * (0.6 * common + 0.8 * random.normal());
        data[r * FEATURES + f] = state[f] + 0.4 * day;
      }
    }
    for (let start = 50; labels && start + 20 < count; start += 300) {
      const moved = Array.from({ length: 1 + random.below(4) }, () => random.below(FEATURES));
      const by = (random.next() < 0.5 ? -1 : 1) * random.between(4, 8);
      for (let r = start; r < start + 15; r++) {
        labels[r] = 1;
        for (const f of moved) data[r * FEATURES + f] += by;
      }
    }
    return {
      values: { rows: count, columns: FEATURES, data },
      time: new Float64Array(count),
      segment: new Int32Array(count),
    };
  };
  const labels = new Uint8Array(TEST_ROWS);
  return { train: rows(4000), test: rows(TEST_ROWS, labels), labels };
}

function slice(rows, from, to) {
  return {
    values: { rows: to - from, columns: FEATURES, data: rows.values.data.slice(from * FEATURES, to * FEATURES) },
    time: rows.time.slice(from, to),
    segment: rows.segment.slice(from, to),
  };
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
    script: join(here, 'neighbours-and-svm.py'),
    debianPackage: 'python3-sklearn',
  });
  const scores = join(folder, 'sklearn-scores.f64');
  return (
    peer && {
      ...peer,
      async round(job) {
        const answer = await peer.ask({ ...job, scores });
        const bytes = readFileSync(scores);
        return {
          ...answer,
          scores: new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)),
        };
      },
    }
  );
}

/** Relative to the peer's. Rows that were sampled in another order would differ in the order of equal neighbours only. */
function largestDifference(a, b) {
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]) / Math.abs(b[i])), 0);
}
