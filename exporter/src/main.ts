/** The command line: arguments, environment, signals and the exit code. The only place that ends the process. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { generate } from './cli/generate.ts';
import { serve } from './cli/serve.ts';
import { systemClock } from './clock.ts';
import { checkFeatureNames, loadConfig, type Config } from './config.ts';
import { FLAGS, flagValues } from './config/flags.ts';
import { detectorTypes } from './detectors/registry.ts';
import { parseDuration } from './durations.ts';
import type { Observer } from './flow.ts';
import { checkWebFiles } from './outputs/rest/server.ts';
import { sourceTypes } from './sources/registry.ts';

const version = process.env.NETPULSE_VERSION ?? 'unknown';

const program = new Command('netpulse')
  .description(
    'Watches hosts and networks, learns what is normal, and tells Prometheus when, where and why something is not.',
  )
  .version(version)
  .showHelpAfterError()
  .enablePositionalOptions(false);
for (const flag of FLAGS)
  program.addOption(new Option(`--${flag.name} <${flag.value}>`, `${flag.description} [${flag.env}]`));

const silent: Observer = { log: { debug() {}, info() {}, warn() {}, error() {} }, count() {} };

/** Reads file, environment and flags; throws with every problem. */
function readConfig(): Config {
  return loadConfig({
    env: process.env,
    flags: flagValues(program.opts()),
    sources: sourceTypes,
    detectors: detectorTypes.map((type) => type.name),
  });
}

program
  .command('serve', { isDefault: true })
  .description('watch, score and serve metrics (the default)')
  // the default command is also called for commands that do not exist
  .allowExcessArguments()
  .action(async (_, { args }: Command) => {
    if (args.length > 0)
      program.error(
        `error: unknown command '${args[0]}'; there are ${program.commands.map((c) => c.name()).join(', ')}`,
      );
    process.exitCode = await serve(readConfig, version);
  });

program
  .command('check-config')
  .description('read the configuration, tell every problem, and exit')
  .action(() => {
    const config = readConfig();
    for (const hint of config.hints) console.error(`hint: ${hint}`);
    checkFeatureNames(config, (monitor) => schemasOf(monitor.source, monitor.options, config));
    checkWebFiles(config.web, { clock: systemClock(), observer: silent });
    console.log(
      `${config.file ?? 'the default configuration'} is valid: ${config.monitors.map((m) => `${m.name} (${m.source})`).join(', ')}`,
    );
  });

program
  .command('generate')
  .description('write synthetic samples of a six-node network with their labels')
  .option('--duration <length>', 'how much data: 1h, 24h, 7d', duration, 3_600_000)
  .option('--interval <length>', 'time between samples', duration, 1000)
  .option('--seed <number>', 'same seed, same data', whole, 0)
  .option('--anomaly-share <ratio>', 'share of samples that are labelled anomalous, 0 to 0.5', share, 0.05)
  .option('--start <time>', 'time of the first sample (ISO 8601)', instant, Date.UTC(2026, 0, 1))
  .addOption(new Option('--format <format>', 'csv or ndjson').choices(['csv', 'ndjson']).default('csv'))
  .option('-o, --output <file>', 'file to write; default: standard output')
  .action(
    async (options: {
      duration: number;
      interval: number;
      seed: number;
      anomalyShare: number;
      start: number;
      format: 'csv' | 'ndjson';
      output?: string;
    }) => {
      const bar = options.output !== undefined && process.stderr.isTTY;
      await generate({
        durationMs: options.duration,
        intervalMs: options.interval,
        seed: options.seed,
        anomalyShare: options.anomalyShare,
        format: options.format,
        start: options.start,
        output: options.output,
        onProgress: (done) => bar && process.stderr.write(`\r${(100 * done).toFixed(0)} %${done === 1 ? '\n' : ''}`),
      });
    },
  );

function schemasOf(source: string, options: unknown, config: Config) {
  const context = { monitor: 'check', intervalMs: 1000, hostname: 'check', observer: silent, paths: config.paths };
  return sourceTypes[source].create(options, context).schemas;
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

try {
  await program.parseAsync();
  // timers of libraries must not keep a finished program alive
  if (process.exitCode !== undefined) process.exit();
} catch (error) {
  if ((error as NodeJS.ErrnoException).code === 'EPIPE') process.exit(0); // the reader of our output has enough
  console.error(`netpulse: ${(error as Error).message}`);
  process.exit(1);
}
