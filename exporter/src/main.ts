/** The command line: arguments, environment, signals and the exit code. The only place that ends the process. */
import { Command, Option } from 'commander';
import { evaluateCommand } from './cli/evaluate.ts';
import { generateCommand } from './cli/generate.ts';
import { registerModelCommand } from './cli/model.ts';
import { scoreCommand } from './cli/score.ts';
import { serve } from './cli/serve.ts';
import { trainCommand } from './cli/train.ts';
import { systemClock } from './clock.ts';
import { checkFeatureNames, loadConfig, type Config } from './config.ts';
import { FLAGS, flagValues } from './config/flags.ts';
import { detectorTypes } from './detectors/registry.ts';
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
    detectors: Object.fromEntries(detectorTypes.map((type) => [type.name, type])),
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

const commands = [generateCommand(), trainCommand(readConfig), scoreCommand(readConfig), evaluateCommand(readConfig)];
for (const command of commands) program.addCommand(command.copyInheritedSettings(program));
registerModelCommand(program);

function schemasOf(source: string, options: unknown, config: Config) {
  const context = { monitor: 'check', intervalMs: 1000, hostname: 'check', observer: silent, paths: config.paths };
  return sourceTypes[source].create(options, context).schemas;
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
