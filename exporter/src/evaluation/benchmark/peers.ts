/**
 * scikit-learn and PyTorch on the same rows: a Python script reads matrices of float64 from a folder and writes scores there, which are judged by the same code as
 * our own. It runs alone, one thread, so that nobody disturbs anybody.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Matrix } from '../../flow.ts';
import { readEntity, type TelemetrySet } from '../datasets/telemetry.ts';
import { averagePrecision, rank, rocAuc } from '../quality-metrics-ranking.ts';
import { type ScoreQuality, meanFigures, scoreQuality, spreadFigures } from './score-quality.ts';
import { type RankingFigures, nslKddInputs } from './table-run.ts';

/** Names of our detectors that have a peer. */
export const PEERS = [
  'isolation-forest',
  'one-class-svm',
  'local-outlier-factor',
  'pca',
  'autoencoder',
  'lstm-autoencoder',
] as const;

export interface PeerOptions {
  /** the interpreter */
  readonly python: string;
  readonly script: string;
  readonly folder: string;
  readonly seeds: readonly number[];
  readonly quick: boolean;
}

/** What the script is to do with `<name>.train.f64` and `<name>.test.f64`. */
interface PeerTask {
  readonly name: string;
  readonly columns: number;
  /** rows in the order of time: windows make sense */
  readonly series: boolean;
}

export interface PeerFigures<Figures> {
  readonly figures: Readonly<Record<string, Figures>>;
  readonly spread: Readonly<Record<string, Record<string, [number, number] | null>>>;
}

export interface PeerResult {
  readonly sets: ReadonlyMap<string, PeerFigures<ScoreQuality>>;
  readonly nslkdd: PeerFigures<RankingFigures> | null;
}

/** Rejects with what the script said when it cannot run; takes an hour with PyTorch's LSTM on ten entities. */
export async function runPeers(
  entities: readonly { readonly set: TelemetrySet; readonly entity: string }[],
  nslkdd: string | null,
  options: PeerOptions,
): Promise<PeerResult> {
  const { folder, seeds } = options;
  mkdirSync(folder, { recursive: true });
  const tasks: PeerTask[] = entities.map(({ set, entity }) => {
    const { rows, trainRows } = readEntity(set, entity);
    const { columns, data } = rows.values;
    const name = `${set.name}.${entity}`;
    writeMatrices(folder, name, data.subarray(0, trainRows * columns), data.subarray(trainRows * columns));
    return { name, columns, series: true };
  });
  if (nslkdd !== null) {
    const { train, test } = nslKddInputs(nslkdd);
    writeMatrices(folder, 'nslkdd', train.data, test.data);
    tasks.push({ name: 'nslkdd', columns: train.columns, series: false });
  }
  writeFileSync(join(folder, 'tasks.json'), JSON.stringify({ tasks, seeds, quick: options.quick }));
  await runScript(options, folder);

  const sets = new Map<string, PeerFigures<ScoreQuality>>();
  for (const name of new Set(entities.map(({ set }) => set.name))) {
    const own = entities.filter(({ set }) => set.name === name);
    const judged = own.map(({ set, entity }) => readEntity(set, entity));
    sets.set(
      name,
      figuresOf(seeds, (detector, seed) => {
        const all = judged.flatMap(({ labels, name: entity }) => {
          const scores = scoresIn(folder, `${name}.${entity}`, detector, seed);
          return scores ? [scoreQuality(labels, scores, null, null)] : [];
        });
        return all.length === own.length ? meanFigures(all) : null;
      }),
    );
  }
  if (nslkdd === null) return { sets, nslkdd: null };
  const { labels } = nslKddInputs(nslkdd);
  const table = figuresOf(seeds, (detector, seed): RankingFigures | null => {
    const scores = scoresIn(folder, 'nslkdd', detector, seed);
    if (!scores) return null;
    const ranking = rank(labels, scores);
    return { roc_auc: rocAuc(ranking), average_precision: averagePrecision(ranking) };
  });
  return { sets, nslkdd: table };
}

function figuresOf<Figures extends object>(
  seeds: readonly number[],
  judge: (detector: string, seed: number) => Figures | null,
): PeerFigures<Figures> {
  const found = PEERS.map((detector) => [detector, seeds.flatMap((seed) => judge(detector, seed) ?? [])] as const);
  const known = found.filter(([, all]) => all.length > 0);
  return {
    figures: Object.fromEntries(known.map(([detector, all]) => [detector, meanFigures(all)])),
    spread: Object.fromEntries(known.map(([detector, all]) => [detector, spreadFigures(all)])),
  };
}

function writeMatrices(folder: string, name: string, train: Matrix['data'], test: Matrix['data']): void {
  const bytes = (data: Float64Array) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  writeFileSync(join(folder, `${name}.train.f64`), bytes(train));
  writeFileSync(join(folder, `${name}.test.f64`), bytes(test));
}

function scoresIn(folder: string, name: string, detector: string, seed: number): Float64Array | null {
  const path = join(folder, `${name}.${detector}.${seed}.f64`);
  if (!existsSync(path)) return null;
  const bytes = readFileSync(path);
  return new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

/** OpenBLAS starts threads of its own and may be told to pretend another processor: neither is what a user gets. */
function runScript({ python, script }: PeerOptions, folder: string): Promise<void> {
  const { OPENBLAS_CORETYPE: _core, OPENBLAS_L2_SIZE: _cache, ...env } = process.env;
  return new Promise((resolve, reject) => {
    const child = spawn(python, [script, folder], {
      env: { ...env, OPENBLAS_NUM_THREADS: '1', OMP_NUM_THREADS: '1' },
      stdio: ['ignore', 'inherit', 'pipe'],
    });
    let last = '';
    child.stderr.on('data', (chunk: Buffer) => {
      process.stderr.write(chunk);
      last = (last + chunk.toString()).slice(-2000);
    });
    child.once('error', (error) => reject(new Error(`${python} does not start: ${error.message}`)));
    child.once('exit', (code) => {
      if (code === 0) resolve();
      else reject(new Error(last.trim().split('\n').at(-1) || `the script ended with code ${code}`));
    });
  });
}
