// Records this host's raw samples, a second apart, for replays: see exporter/src/evaluation/recording.ts for the format.
//   npm run bench -- record-host --output FILE.gz [--seconds 3600]
// The host is called "host" in the file; device names and mount points are kept. What is recorded so far is on disk after each minute: a recording
// that is interrupted is usable.
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { finished } from 'node:stream/promises';
import { pathToFileURL } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { constants, createGzip } from 'node:zlib';
import { systemClock } from '../exporter/src/clock.ts';
import { recordingWriter } from '../exporter/src/evaluation/recording.ts';
import type { Observer } from '../exporter/src/flow.ts';
import { linuxSource } from '../exporter/src/sources/host/linux.ts';
import { hostOptions } from '../exporter/src/sources/host/options.ts';

const INTERVAL_MS = 1000;
const FLUSH_MS = 60_000;

const { values: options } = parseArgs({
  options: { seconds: { type: 'string', default: '3600' }, output: { type: 'string' } },
});
const seconds = Number(options.seconds);
if (!options.output) throw new Error('--output is missing; write --output recording.gz');
if (!(seconds > 0)) throw new Error(`--seconds is ${options.seconds}; write a number above 0`);
// npm runs benches in their workspace: relative paths are meant from where the command was given
const output = resolve(process.env.INIT_CWD ?? '.', options.output);

const exporter = dirname(createRequire(import.meta.url).resolve('netpulse-exporter/package.json'));
const stop = new AbortController();
process.once('SIGINT', () => stop.abort());
process.once('SIGTERM', () => stop.abort());

const complain = (message: string, fields?: Record<string, unknown>) => console.error(message, fields ?? '');
const observer: Observer = {
  log: { debug: () => {}, info: () => {}, warn: complain, error: complain },
  count: (name, labels, by = 1) => console.error(`${name} ${JSON.stringify(labels)} +${by}`),
};
const source = linuxSource(
  hostOptions.parse({}),
  {
    monitor: 'host',
    intervalMs: INTERVAL_MS,
    hostname: 'host',
    observer,
    paths: { procfs: '/proc', sysfs: '/sys', rootfs: '/' },
  },
  pathToFileURL(join(exporter, 'dist', 'statfs-worker.js')),
);
const writer = recordingWriter(source.schemas, source.entities, INTERVAL_MS, cpus().length);

const gzip = createGzip({ level: 9 });
const file = createWriteStream(output);
gzip.pipe(file);
const done = finished(file);
const flush = promisify((kind: number, callback: () => void) => gzip.flush(kind, callback));

gzip.write(writer.header());
let bytes = 0;
let samples = 0;
let ticks = 0;
let flushedAt = performance.now();
const host = source.schemas[0];
for await (const batch of source.batches(stop.signal, systemClock())) {
  if (batch.schema === host && ++ticks > seconds) break;
  const text = writer.batch(batch);
  bytes += text.length;
  samples += batch.entity.length;
  if (!gzip.write(text)) await once(gzip, 'drain');
  if (performance.now() - flushedAt < FLUSH_MS) continue;
  flushedAt = performance.now();
  await flush(constants.Z_SYNC_FLUSH);
  console.error(`${ticks} of ${seconds} s, ${source.entities.length} entities, ${kilobytes(bytes)} of lines`);
}
gzip.end();
await done;
console.log(
  `${Math.min(ticks, seconds)} s, ${samples} samples of ${source.entities.length} entities: ${kilobytes(bytes)} of lines, ${kilobytes(file.bytesWritten)} in ${output}`,
);

function kilobytes(count: number): string {
  return `${(count / 1000).toFixed(1)} KB`;
}
