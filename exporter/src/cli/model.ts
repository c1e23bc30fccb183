/** `netpulse model`: what is fitted and stored, to another machine and back, and to an earlier version. */
import { InvalidArgumentError, Option, type Command } from 'commander';
import { join, resolve } from 'node:path';
import { loadConfig } from '../config.ts';
import { flagValues } from '../config/flags.ts';
import { createDetector, detectorTypes } from '../detectors/registry.ts';
import { parseDuration } from '../durations.ts';
import { sourceTypes } from '../sources/registry.ts';
import { inspectModels, readVersion, type InspectedVersion } from '../training/model-inspection.ts';
import type { ModelKey, ModelManifest } from '../training/model-manifest.ts';
import { addressOf } from '../training/model-store.ts';
import { findModel, namedOrInForce } from './model-address.ts';
import { changeModels, pinFor } from './model-change.ts';
import { readModelFile, writeModelFile, type ModelFormat } from './model-files.ts';
import { listVersions, versionDetails, versionTable } from './model-list.ts';

/**
 * As long as a fitted model lives: the next daily fit sees nearly the same rows as the one that was rolled back and would bring the same fault back; for longer than
 * that, a forgotten pin would leave a model in force that knows less every day.
 */
const PIN = '1d';

const ADDRESS = 'monitor/group/detector, or a part that only one model has; @v3 behind it names a version';

/** Adds the command and its subcommands. They print on standard output and throw what is wrong. */
export function registerModelCommand(program: Command): void {
  const storage = () => storageOf(program);
  const model = program
    .command('model')
    .description('list, show, export, import and roll back the fitted models in --storage.path');

  model
    .command('list')
    .description('every version of every model')
    .option('--json', 'as JSON')
    .action(({ json }: { json?: boolean }) => {
      const versions = listVersions(inspect(storage()), Date.now());
      if (json) print(JSON.stringify({ models: versions }, undefined, 2));
      else if (versions.length === 0) print(`there are no models in ${storage()} yet`);
      else print(versionTable(versions));
    });

  model
    .command('show')
    .description('everything that is known of one version')
    .argument('<model>', ADDRESS)
    .option('--json', 'as JSON')
    .action((text: string, { json }: { json?: boolean }) => {
      const named = findModel(text, inspect(storage()));
      const version = named.version ?? namedOrInForce(named);
      const [{ state, note }] = listVersions([version], Date.now());
      if (json) print(JSON.stringify({ ...version.manifest, state, note }, undefined, 2));
      else print(versionDetails(version, Date.now()));
    });

  model
    .command('export')
    .description('write one version to a file, or for TensorFlow.js into a folder')
    .argument('<model>', ADDRESS)
    .requiredOption('-o, --output <path>', 'file to write; a folder with --format tfjs')
    .addOption(
      new Option('--format <format>', 'netpulse: one file; tfjs: model.json and weights of TensorFlow.js Layers')
        .choices(['netpulse', 'tfjs'])
        .default('netpulse'),
    )
    .action((text: string, { output, format }: { output: string; format: ModelFormat }) => {
      const { manifest } = namedOrInForce(findModel(text, inspect(storage())));
      const path = resolve(output);
      writeModelFile(path, format, manifest, readVersion(models(storage()), manifest));
      print(`${addressOf(manifest)} ${manifest.version} is in ${path}`);
    });

  model
    .command('import')
    .description('put a model into force that "export" or TensorFlow.js has written')
    .argument('<path>', 'file of "export", or folder with model.json')
    .option('--monitor <name>', 'monitor that gets it; default: the one it was exported from')
    .option('--group <name>', 'entity or kind that gets it; default: the one it was exported from')
    .addOption(pinOption())
    .action(async (path: string, options: { monitor?: string; group?: string; pin: number }) => {
      const { manifest, model: bytes } = readModelFile(resolve(path));
      const key: ModelKey = {
        monitor: options.monitor ?? manifest.monitor,
        group: options.group ?? manifest.group,
        detector: manifest.detector,
      };
      // whatever made the file: it must be a model that can score
      createDetector(manifest.detector, detectorOptions(manifest)).load(bytes);
      requireFeaturesOf(
        inspect(storage()),
        key,
        manifest.features.map(({ name }) => name),
      );
      const pin = pinFor(options.pin);
      const { result, advice } = await changeModels(storage(), (store) => store.save(key, bytes, manifest, { pin }));
      print(
        `${addressOf(key)} ${result.version} is in force${pin ? `, until ${new Date(pin.until).toISOString()} whatever is fitted` : ''}`,
      );
      if (advice) print(advice);
    });

  model
    .command('rollback')
    .description('put an earlier version into force, or end that')
    .argument('<model>', `${ADDRESS}; without one: the version before the one in force`)
    .addOption(pinOption())
    .option('--release', 'let new models replace the version in force again')
    .action(async (text: string, options: { pin: number; release?: boolean }) => {
      const named = findModel(text, inspect(storage()));
      const { manifest } = options.release ? namedOrInForce({ ...named, version: undefined }) : target(named);
      const pin = options.release ? undefined : pinFor(options.pin);
      const { advice } = await changeModels(storage(), (store) => store.putIntoForce(manifest, manifest.version, pin));
      const until = pin ? `until ${new Date(pin.until).toISOString()}` : 'until the next one that is no worse';
      print(`${addressOf(manifest)} ${manifest.version} is in force, ${until}`);
      if (advice) print(advice);
    });
}

function pinOption(): Option {
  return new Option('--pin <length>', 'how long no new model replaces it; 0s: until the next one that is no worse')
    .argParser(length)
    .default(length(PIN), PIN);
}

/** What to go back to. Throws when there is nothing. */
function target(named: ReturnType<typeof findModel>): InspectedVersion {
  if (named.version) return namedOrInForce(named);
  const at = named.versions.findIndex(({ inForce }) => inForce);
  const before = named.versions
    .slice(0, Math.max(0, at))
    .findLast(({ manifest, damage }) => damage === undefined && manifest.aside === undefined);
  if (!before)
    throw new Error(
      `${addressOf(named.versions[0].manifest)} has no intact version before the one in force; name one with @v…`,
    );
  return before;
}

/** Models of tables keep the settings of the table beside those of the detector. */
function detectorOptions({ options }: ModelManifest): Record<string, unknown> {
  const { table: _table, ...own } = options;
  return own;
}

/** A model of other features would never be used. */
function requireFeaturesOf(versions: readonly InspectedVersion[], key: ModelKey, features: readonly string[]): void {
  const now = versions.find(({ manifest, inForce }) => inForce && addressOf(manifest) === addressOf(key));
  const wanted = now?.manifest.features.map(({ name }) => name);
  if (wanted && wanted.join() !== features.join())
    throw new Error(`the model is of the features ${features.join(', ')}; ${addressOf(key)} has ${wanted.join(', ')}`);
}

function inspect(storage: string): InspectedVersion[] {
  return inspectModels(models(storage), (problem) => void process.stderr.write(`netpulse: ${problem}\n`));
}

function models(storage: string): string {
  return join(storage, 'models');
}

/** The flag, or what the configuration says. */
function storageOf(program: Command): string {
  const flags = flagValues(program.opts());
  const given = flags['storage.path'];
  if (given) return resolve(given);
  const detectors = Object.fromEntries(detectorTypes.map((type) => [type.name, type]));
  return loadConfig({ env: process.env, flags, sources: sourceTypes, detectors }).storagePath;
}

function length(text: string): number {
  try {
    return parseDuration(text);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
