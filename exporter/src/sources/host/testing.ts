/** What the tests of this folder share: a copy of the fixture tree to change, an observer that remembers, and a source that is driven tick by tick. */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { buildSync } from 'esbuild';
import type { Clock } from '../../clock.ts';
import { manualClock } from '../../clock.ts';
import type { Observer, Source } from '../../flow.ts';
import type { SourceContext } from '../source-type.ts';

/** A folder of its own with the fixture's `proc`, `sys` and `root`. */
export function fixtureTree() {
  const folder = mkdtempSync(join(tmpdir(), 'netpulse-host-'));
  cpSync(join(__dirname, 'fixtures'), folder, { recursive: true });
  return {
    folder,
    paths: { procfs: join(folder, 'proc'), sysfs: join(folder, 'sys'), rootfs: join(folder, 'root') },
    write: (path: string, content: string) => writeFileSync(join(folder, path), content),
    remove: (path: string) => rmSync(join(folder, path), { recursive: true }),
    clean: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Counts by `name{reason or limit}`, and messages by level. */
export function rememberingObserver() {
  const counts: Record<string, number> = {};
  const messages: string[] = [];
  const log = (level: string) => (message: string) => void messages.push(`${level}: ${message}`);
  const observer: Observer = {
    log: { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') },
    count(name, labels, by = 1) {
      const key = `${name}{${labels.reason ?? labels.limit ?? ''}}`;
      counts[key] = (counts[key] ?? 0) + by;
    },
  };
  return { observer, counts, messages };
}

export function contextFor(paths: SourceContext['paths'], observer: Observer): SourceContext {
  return { monitor: 'host', intervalMs: 1000, hostname: 'box', observer, paths };
}

/** schema name -> entity id -> feature name -> value */
export type Tick = Record<string, Record<string, Record<string, number>>>;

/** Runs a source whose time stands still between ticks. `next` gives all rows of the next one; files may be changed before it is called. */
export function tickByTick(source: Source) {
  const manual = manualClock();
  const stop = new AbortController();
  let tick: Tick = {};
  let wake = () => {};
  let done: (result: Tick) => void = () => {};
  let failed: (error: unknown) => void = () => {};
  const clock: Clock = {
    ...manual,
    sleep: (ms) =>
      new Promise((resolve) => {
        wake = () => {
          manual.advance(ms);
          resolve();
        };
        done(tick);
      }),
  };
  async function run() {
    for await (const { schema, entity, values } of source.batches(stop.signal, clock)) {
      const rows = (tick[schema.name] ??= {});
      entity.forEach((index, row) => {
        const features = schema.features.map(({ name }, column) => [
          name,
          values[row * schema.features.length + column],
        ]);
        rows[source.entities[index].id] = Object.fromEntries(features) as Record<string, number>;
      });
    }
  }
  let running: Promise<void> | undefined;
  const next = () =>
    new Promise<Tick>((resolve, reject) => {
      tick = {};
      done = resolve;
      failed = reject;
      if (running) wake();
      else running = run().catch((error: unknown) => failed(error));
    });
  return {
    clock,
    next,
    async skip(ticks: number) {
      for (let i = 1; i < ticks; i++) await next();
      return next();
    },
    async stop() {
      stop.abort();
      wake();
      await running;
    },
  };
}

let built: URL | undefined;
afterAll(() => {
  if (built) rmSync(dirname(fileURLToPath(built)), { recursive: true });
});

/** statfs-worker.js as the build makes it. */
export function statfsWorker(): URL {
  if (built) return built;
  const folder = mkdtempSync(join(tmpdir(), 'netpulse-statfs-'));
  const outfile = join(folder, 'statfs-worker.mjs');
  buildSync({
    entryPoints: [join(__dirname, 'statfs-worker.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
  });
  return (built = pathToFileURL(outfile));
}
