import { buildSync } from 'esbuild';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createDetector } from '../detectors/registry.ts';
import { seededRandom } from '../random.ts';
import { fitHeldOut } from './fit.ts';
import { fitInWorker, type FitInWorkerOptions } from './fit-in-worker.ts';
import type { FitJob, StoredFitJob } from './job.ts';
import { currentThread } from './thread-time.ts';
import { openHistory } from '../history/history.ts';
import { recordingObserver } from '../store/testing/recording-observer.ts';

let folder = '';
const file = (name: string) => pathToFileURL(join(folder, name));

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'netpulse-training-'));
  // jest's own folder is the repository's
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

function job(changes: Partial<FitJob> = {}): FitJob {
  const random = seededRandom(1);
  return {
    detector: 'isolation-forest',
    values: Float64Array.from({ length: 900 }, () => random.normal()),
    time: Float64Array.from({ length: 300 }, (_, row) => row * 60_000),
    segment: new Int32Array(300),
    features: ['a_ratio', 'b_ratio', 'c_ratio'].map((name) => ({
      name,
      unit: 'ratio',
      help: 'A column of a test.',
      kind: 'gauge',
      direction: 'both',
      transform: 'none',
      minimumDeviation: 0,
    })),
    seed: 5,
    rowsPerDay: 1440,
    ...changes,
  };
}

function options(changes: Partial<FitInWorkerOptions> = {}): FitInWorkerOptions {
  return { signal: new AbortController().signal, timeoutMs: 60_000, onProgress() {}, ...changes };
}

/** A worker that misbehaves. */
function script(name: string, source: string): URL {
  writeFileSync(join(folder, name), source);
  return file(name);
}

describe('a fit in a worker', () => {
  it('gives bit for bit what a fit here gives, and tells its progress', async () => {
    const seen: number[] = [];
    const there = await fitInWorker(
      file('training-worker.mjs'),
      job(),
      options({ onProgress: ({ share }) => seen.push(share) }),
    );
    const here = fitHeldOut(createDetector('isolation-forest'), job(), () => {});
    expect([...new Uint8Array(there.model)]).toEqual([...new Uint8Array(here.model)]);
    expect([...there.unseen]).toEqual([...here.unseen]);
    expect([there.rows, there.meanScore]).toEqual([here.rows, here.meanScore]);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect(seen.at(-1)).toBe(1);
  });

  it('moves the rows instead of copying them', async () => {
    const moved = job();
    await fitInWorker(file('training-worker.mjs'), moved, options());
    expect([moved.values.length, moved.time.length, moved.segment.length]).toEqual([0, 0, 0]);
  });

  it('reads the rows itself where they are in a file, and gives the same', async () => {
    const { values, time, segment, ...task } = job();
    const history = openHistory(join(folder, 'history'), {
      monitor: 'net',
      schema: { name: 'node', features: task.features },
      stepMs: 60_000,
      observer: recordingObserver(),
    });
    // a file holds float32
    const rounded = values.map(Math.fround);
    time.forEach((at, r) => history.append('core-01', at, rounded.subarray(3 * r, 3 * r + 3)));
    history.close();
    const stored: StoredFitJob = { ...task, file: history.file('core-01')!, mostRows: 1000, stepMs: 60_000 };
    const there = await fitInWorker(file('training-worker.mjs'), stored, options());
    const here = fitHeldOut(createDetector('isolation-forest'), { ...task, values: rounded, time, segment }, () => {});
    expect([...new Uint8Array(there.model)]).toEqual([...new Uint8Array(here.model)]);
    expect(there.rowsRead).toBe(300);
  });

  it('compares with the model in force, which is moved too', async () => {
    const first = await fitInWorker(file('training-worker.mjs'), job(), options());
    const inForce = { model: first.model, trainedAt: 0, usual: first.usual };
    const second = await fitInWorker(file('training-worker.mjs'), job({ inForce }), options());
    expect(inForce.model.byteLength).toBe(0);
    expect(second.evidence.inForce).toBeDefined();
  });

  it('tells what it cost', async () => {
    const { seconds, cpuSeconds } = await fitInWorker(file('training-worker.mjs'), job(), options());
    expect(seconds).toBeGreaterThan(0);
    if (currentThread() !== undefined) expect(cpuSeconds).toBeGreaterThan(0);
  });

  it('rejects with what went wrong inside', async () => {
    const refused = fitInWorker(file('training-worker.mjs'), job({ detector: 'nonesuch' }), options());
    await expect(refused).rejects.toThrow('there is no detector "nonesuch"');
  });

  it.each<[string, string, RegExp]>([
    ['throws', 'throw new Error("boom")', /the fit of isolation-forest crashed: boom/],
    ['exits', 'process.exit(3)', /ended with code 3 and no model/],
    ['ends without a word', '', /ended with code 0 and no model/],
    ['cannot be parsed', 'let let', /the fit of isolation-forest crashed/],
  ])('rejects when the worker %s', async (name, source, problem) => {
    await expect(fitInWorker(script(`${name}.mjs`, source), job(), options())).rejects.toThrow(problem);
  });

  it('rejects when there is no such worker', async () => {
    await expect(fitInWorker(file('nothing.mjs'), job(), options())).rejects.toThrow(/crashed: .*nothing\.mjs/);
  });

  it('rejects when the job cannot be sent', async () => {
    const [spec] = job().features;
    const features = [{ ...spec, help: (() => 'a function') as never }];
    await expect(fitInWorker(file('training-worker.mjs'), job({ features }), options())).rejects.toThrow(
      /could not be cloned/,
    );
  });

  it('says so when the worker runs out of memory', async () => {
    const greedy = script('greedy.mjs', 'const all = []; for (;;) all.push(new Array(1e5).fill(0.5));');
    const limited = fitInWorker(greedy, job(), options({ resourceLimits: { maxOldGenerationSizeMb: 20 } }));
    await expect(limited).rejects.toThrow(/the fit of isolation-forest crashed: .*memory limit/);
  });

  it('stops a worker that takes too long', async () => {
    const endless = script('endless.mjs', 'for (;;);');
    await expect(fitInWorker(endless, job(), options({ timeoutMs: 50 }))).rejects.toThrow(/took longer than 0.05 s/);
  });

  (currentThread() === undefined ? it.skip : it)('stops a worker that has used up its CPU time', async () => {
    const busy = script(
      'busy.mjs',
      `import { readlinkSync } from 'node:fs';
       import { parentPort } from 'node:worker_threads';
       parentPort.postMessage({ thread: Number(readlinkSync('/proc/thread-self').split('/').at(-1)) });
       for (;;);`,
    );
    await expect(fitInWorker(busy, job(), options({ mostCpuSeconds: 0.2 }))).rejects.toThrow(
      'the fit of isolation-forest took longer than 0.2 s of CPU time',
    );
  });

  it('leaves a worker alone that waits, however long: only what it computes counts', async () => {
    const idle = script(
      'idle.mjs',
      `import { readlinkSync } from 'node:fs';
       import { parentPort } from 'node:worker_threads';
       parentPort.postMessage({ thread: Number(readlinkSync('/proc/thread-self').split('/').at(-1)) });
       setTimeout(() => parentPort.postMessage({ error: 'waited to the end' }), 2500);`,
    );
    await expect(fitInWorker(idle, job(), options({ mostCpuSeconds: 1 }))).rejects.toThrow('waited to the end');
  });

  it('stops the worker when it is cancelled', async () => {
    const endless = script(
      'endless-too.mjs',
      'import { parentPort } from "node:worker_threads"; parentPort.postMessage({ progress: 0 }); for (;;);',
    );
    const abort = new AbortController();
    const cancelled = fitInWorker(endless, job(), options({ signal: abort.signal, onProgress: () => abort.abort() }));
    await expect(cancelled).rejects.toThrow('the fit of isolation-forest was cancelled');
  });

  it('has ended the worker when it rejects', async () => {
    const sign = join(folder, 'sign-of-life');
    const alive = script(
      'alive.mjs',
      `import { appendFileSync } from 'node:fs'; setInterval(() => appendFileSync(${JSON.stringify(sign)}, '.'), 1);`,
    );
    await expect(fitInWorker(alive, job(), options({ timeoutMs: 300 }))).rejects.toThrow(/took longer/);
    const length = () => (existsSync(sign) ? readFileSync(sign).length : 0);
    const atEnd = length();
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(length()).toBe(atEnd);
  });

  it('does not even start when it was cancelled before', async () => {
    const kept = job();
    const signal = AbortSignal.abort(new Error('before'));
    await expect(fitInWorker(file('training-worker.mjs'), kept, options({ signal }))).rejects.toThrow('before');
    expect(kept.values).toHaveLength(900);
  });
});
