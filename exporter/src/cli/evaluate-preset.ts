/** `netpulse evaluate --preset seed`: no table, but a whole experiment of its own. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import {
  evaluateSeedPreset,
  QUICK_SEED_PRESET,
  SEED_PRESET,
  type SeedPresetResult,
  type SeedPresetSettings,
} from '../evaluation/seed-preset.ts';
import { seedPresetJson, seedPresetText } from './evaluate-preset-text.ts';
import { openOutput } from './output.ts';
import { terminalProgress, type Progress } from './progress.ts';

export interface PresetFlags {
  readonly preset?: 'seed';
  readonly seeds?: readonly number[];
  readonly epochs?: number;
  readonly windows?: number;
  readonly testHours?: number;
  readonly patience?: number;
  readonly quick?: boolean;
  readonly json?: boolean;
}

/** Options of `evaluate` that a preset has a meaning for, beside its own. */
const COMMON = ['seed', 'format', 'output'];
const OWN = ['seeds', 'epochs', 'windows', 'testHours', 'patience', 'quick', 'json'];
const MOST_SEEDS = 100;

export function addPresetOptions(command: Command): Command {
  return command
    .optionsGroup('Presets, instead of a table:')
    .addOption(
      new Option(
        '--preset <name>',
        'seed: the LSTM autoencoder of the systems NetPulse descends from, on the synthetic stream, with both scalers (minutes a seed)',
      ).choices(['seed']),
    )
    .option('--seeds <numbers>', 'several in turn: 0-2 or 0,1,2', seeds)
    .option('--epochs <number>', `passes over the training windows; default: ${SEED_PRESET.epochs}`, atLeast(1))
    .option('--windows <number>', `training windows, of one day; default: ${SEED_PRESET.windows}`, atLeast(64))
    .option('--test-hours <number>', `unseen time; default: ${SEED_PRESET.testHours}`, atLeast(1))
    .option(
      '--patience <number>',
      `epochs without progress after which early stopping would end; default: ${SEED_PRESET.patience}`,
      atLeast(1),
    )
    .option('--quick', 'few epochs and windows: a look, no proof')
    .option('--json', 'the same as --format json');
}

/** What `evaluate` was asked for when it has no table. Throws when something was given that has no meaning then. */
export async function evaluatePreset(command: Command, file: string | undefined): Promise<void> {
  if (file !== undefined) throw new Error(`--preset ${command.opts().preset} makes its own data: leave out ${file}`);
  const foreign = given(command).find((name) => name !== 'preset' && ![...OWN, ...COMMON].includes(name));
  if (foreign !== undefined) {
    throw new Error(`--${kebab(foreign)} has no meaning with --preset ${command.opts().preset}; leave it out`);
  }
  const flags = command.opts<PresetFlags & { seed: number; format: 'text' | 'csv' | 'json'; output?: string }>();
  if (flags.format === 'csv') throw new Error(`--preset ${flags.preset} writes text or JSON; choose one with --format`);
  const output = openOutput(flags.output);
  const { json = flags.format === 'json' } = flags;
  await runSeedPreset(seedPresetSettings(flags), json, (text) => output.write(text), terminalProgress());
  await output.close();
}

/** Throws when an option of presets was given without one. */
export function refusePresetOptions(command: Command): void {
  const foreign = given(command).find((name) => OWN.includes(name));
  if (foreign !== undefined) throw new Error(`--${kebab(foreign)} has a meaning with --preset only`);
}

export function seedPresetSettings(flags: PresetFlags & { readonly seed?: number }): SeedPresetSettings {
  const base = flags.quick ? QUICK_SEED_PRESET : SEED_PRESET;
  return {
    ...base,
    seeds: flags.seeds ?? (flags.seed === undefined ? base.seeds : [flags.seed]),
    epochs: flags.epochs ?? base.epochs,
    windows: flags.windows ?? base.windows,
    testHours: flags.testHours ?? base.testHours,
    patience: flags.patience ?? base.patience,
  };
}

export async function runSeedPreset(
  settings: SeedPresetSettings,
  json: boolean,
  write: (text: string) => Promise<void> | void,
  progress: Progress,
): Promise<SeedPresetResult> {
  const result = evaluateSeedPreset({
    ...settings,
    onProgress: (scaling, seed, told) => progress.update(`seed ${seed}, ${scaling}`, told),
  });
  progress.clear();
  await write(json ? seedPresetJson(result) : seedPresetText(result));
  return result;
}

function given(command: Command): string[] {
  return command.options
    .map((option) => option.attributeName())
    .filter((name) => command.getOptionValueSource(name) === 'cli');
}

function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function atLeast(least: number) {
  return (text: string): number => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < least) {
      throw new InvalidArgumentError(`write a whole number from ${least} on`);
    }
    return value;
  };
}

function seeds(text: string): number[] {
  const found = text.split(',').flatMap((part) => {
    const [from, to = from] = part.split('-').map((number) => (/^\d+$/.test(number.trim()) ? Number(number) : NaN));
    const count = to - from + 1;
    if (!(Number.isSafeInteger(to) && count >= 1 && count <= MOST_SEEDS)) {
      throw new InvalidArgumentError('write seeds like 0-2 or 0,1,2');
    }
    return Array.from({ length: count }, (_, i) => from + i);
  });
  return [...new Set(found)];
}
