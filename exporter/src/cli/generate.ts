/** `netpulse generate`: the synthetic network's samples with their labels, as CSV or NDJSON, streamed. */
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import type { Writable } from 'node:stream';
import { nodeGenerator } from '../sources/synthetic/generator.ts';
import { NODES, SYNTHETIC_SCHEMA } from '../sources/synthetic/network.ts';

export interface GenerateOptions {
  /** ms of data */
  readonly durationMs: number;
  readonly intervalMs: number;
  readonly seed: number;
  /** share of samples that are labelled anomalous */
  readonly anomalyShare: number;
  readonly format: 'csv' | 'ndjson';
  /** ms since the epoch of the first sample */
  readonly start: number;
  /** file; undefined = standard output */
  readonly output: string | undefined;
  /** told the share that is done, 0..1, now and then */
  onProgress(share: number): void;
}

const FEATURES = SYNTHETIC_SCHEMA.features.map((feature) => feature.name);
const PROGRESS_SAMPLES = 10_000;

/** Writes `time` (ms since the epoch), `node`, the features, `label` (0 or 1), `kind` and `event` (a number for each fault of a node). Rejects when the output fails. */
export async function generate(options: GenerateOptions): Promise<void> {
  const out: Writable = options.output === undefined ? process.stdout : createWriteStream(options.output);
  const failures: Error[] = [];
  out.on('error', (error: Error) => failures.push(error));
  const csv = options.format === 'csv';
  const write = async (text: string) => {
    for (const failure of failures) throw failure;
    if (!out.write(text)) await writable(out);
    for (const failure of failures) throw failure;
  };

  const nodes = NODES.map((_, node) => nodeGenerator(options.seed, node, options.intervalMs, options.anomalyShare));
  const events = NODES.map(() => ({ number: 0, fault: undefined as object | undefined }));
  if (csv) await write(`time,node,${FEATURES.join()},label,kind,event\n`);
  const samples = Math.floor(options.durationMs / options.intervalMs);
  for (let i = 0; i < samples; i++) {
    const time = options.start + i * options.intervalMs;
    let text = '';
    for (let node = 0; node < nodes.length; node++) {
      const { values, fault } = nodes[node].next(time);
      const event = events[node];
      if (fault && fault !== event.fault) event.number++;
      event.fault = fault;
      const kind = fault?.kind ?? '';
      const number = fault ? event.number : '';
      text += csv
        ? `${time},${NODES[node].id},${values.join()},${fault ? 1 : 0},${kind},${number}\n`
        : `${JSON.stringify({
            time,
            node: NODES[node].id,
            ...Object.fromEntries(FEATURES.map((name, j) => [name, values[j]])),
            label: fault ? 1 : 0,
            kind: kind || null,
            event: fault ? event.number : null,
          })}\n`;
    }
    await write(text);
    if (i % PROGRESS_SAMPLES === PROGRESS_SAMPLES - 1) options.onProgress((i + 1) / samples);
  }
  options.onProgress(1);
  if (out !== process.stdout) {
    out.end();
    if (!out.closed) await once(out, 'close');
    for (const failure of failures) throw failure;
  }
}

/** Resolves when the output takes more, or has failed or closed. */
function writable(out: Writable): Promise<void> {
  return new Promise((resolve) => {
    const events = ['drain', 'error', 'close'];
    const done = () => {
      for (const event of events) out.off(event, done);
      resolve();
    };
    for (const event of events) out.on(event, done);
  });
}
