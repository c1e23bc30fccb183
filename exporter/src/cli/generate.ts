/** `netpulse generate`: synthetic data with labels as CSV or NDJSON, streamed: the samples of a network, or a set of connections. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { parseDuration } from '../durations.ts';
import { CONNECTION_COLUMNS, connections } from '../evaluation/datasets/connections.ts';
import { nodeGenerator } from '../sources/synthetic/generator.ts';
import { NODES, SYNTHETIC_SCHEMA } from '../sources/synthetic/network.ts';
import { openOutput } from './output.ts';

interface GenerateFlags {
  readonly kind: 'network' | 'connections';
  /** ms of data */
  readonly duration?: number;
  /** ms */
  readonly interval?: number;
  /** ms since the epoch of the first sample */
  readonly start?: number;
  readonly rows?: number;
  readonly seed: number;
  /** share of samples or rows that are labelled anomalous */
  readonly anomalyShare?: number;
  readonly format: 'csv' | 'ndjson';
  /** file; undefined = standard output */
  readonly output?: string;
}

const FEATURES = SYNTHETIC_SCHEMA.features.map((feature) => feature.name);
const PROGRESS_SAMPLES = 10_000;
const MOST_ROWS = 1_000_000;
const WRITTEN_ROWS = 1000;

export function generateCommand(): Command {
  return new Command('generate')
    .description('write synthetic data with labels: a six-node network, or network connections')
    .addOption(
      new Option('--kind <kind>', 'network: samples of six nodes over time; connections: a table of single connections')
        .choices(['network', 'connections'])
        .default('network'),
    )
    .option('--duration <length>', 'network: how much data: 1h, 24h, 7d (default: 1h)', duration)
    .option('--interval <length>', 'network: time between samples (default: 1s)', duration)
    .option('--start <time>', 'network: time of the first sample, ISO 8601 (default: 2026-01-01)', instant)
    .option('--rows <number>', 'connections: how many (default: 1000)', rows)
    .option('--seed <number>', 'same seed, same data', whole, 0)
    .option(
      '--anomaly-share <ratio>',
      'share that is labelled anomalous, 0 to 0.5 (default: 0.05; connections: 0.15)',
      share,
    )
    .addOption(new Option('--format <format>', 'csv or ndjson').choices(['csv', 'ndjson']).default('csv'))
    .option('-o, --output <file>', 'file to write; default: standard output')
    .action(async (flags: GenerateFlags) => {
      const foreign = (
        flags.kind === 'network' ? (['rows'] as const) : (['duration', 'interval', 'start'] as const)
      ).find((name) => flags[name] !== undefined);
      if (foreign !== undefined) throw new Error(`--${foreign} has no meaning with --kind ${flags.kind}`);
      await (flags.kind === 'network' ? generateNetwork(flags) : generateConnections(flags));
    });
}

/** The columns of a connection, then `label` (0 or 1). */
async function generateConnections({ rows: count = 1000, seed, anomalyShare = 0.15, format, output }: GenerateFlags) {
  const { rows, labels } = connections(seed, count, anomalyShare);
  const columns = [...CONNECTION_COLUMNS, 'label'];
  const out = openOutput(output);
  if (format === 'csv') await out.write(`${columns.join()}\n`);
  for (let start = 0; start < count; start += WRITTEN_ROWS) {
    let text = '';
    for (let row = start; row < Math.min(count, start + WRITTEN_ROWS); row++) {
      const values = [...rows.data.subarray(row * rows.columns, (row + 1) * rows.columns), labels[row]];
      text +=
        format === 'csv'
          ? `${values.join()}\n`
          : `${JSON.stringify(Object.fromEntries(columns.map((name, c) => [name, values[c]])))}\n`;
    }
    await out.write(text);
  }
  await out.close();
}

/** `time` (ms since the epoch), `node`, the features, `label` (0 or 1), `kind` and `event` (a number for each fault of a node). */
async function generateNetwork({
  duration: durationMs = 3_600_000,
  interval: intervalMs = 1000,
  start = Date.UTC(2026, 0, 1),
  seed,
  anomalyShare = 0.05,
  format,
  output,
}: GenerateFlags): Promise<void> {
  const csv = format === 'csv';
  const out = openOutput(output);
  const bar = output !== undefined && process.stderr.isTTY;
  const tell = (done: number) => bar && process.stderr.write(`\r${(100 * done).toFixed(0)} %${done === 1 ? '\n' : ''}`);

  const nodes = NODES.map((_, node) => nodeGenerator(seed, node, intervalMs, anomalyShare));
  const events = NODES.map(() => ({ number: 0, fault: undefined as object | undefined }));
  if (csv) await out.write(`time,node,${FEATURES.join()},label,kind,event\n`);
  const samples = Math.floor(durationMs / intervalMs);
  for (let i = 0; i < samples; i++) {
    const time = start + i * intervalMs;
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
    await out.write(text);
    if (i % PROGRESS_SAMPLES === PROGRESS_SAMPLES - 1) tell((i + 1) / samples);
  }
  tell(1);
  await out.close();
}

function duration(text: string): number {
  try {
    return parseDuration(text);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

function whole(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError('write a whole number from 0 on');
  return value;
}

function rows(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > MOST_ROWS)
    throw new InvalidArgumentError(`write a whole number from 1 to ${MOST_ROWS}`);
  return value;
}

function share(text: string): number {
  const value = Number(text);
  if (!(value >= 0 && value <= 0.5)) throw new InvalidArgumentError('write a ratio from 0 to 0.5');
  return value;
}

function instant(text: string): number {
  const time = Date.parse(text);
  if (Number.isNaN(time)) throw new InvalidArgumentError('write a time such as 2026-01-01T00:00:00Z');
  return time;
}
