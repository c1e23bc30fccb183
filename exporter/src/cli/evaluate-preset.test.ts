import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { QUICK_SEED_PRESET, SEED_PRESET, type SeedPresetResult } from '../evaluation/seed-preset.ts';
import {
  addPresetOptions,
  evaluatePreset,
  refusePresetOptions,
  runSeedPreset,
  seedPresetSettings,
  type PresetFlags,
} from './evaluate-preset.ts';
import { createProgress } from './progress.ts';

/** `evaluate` as far as presets are concerned. */
function command(): Command {
  const own = new Command('evaluate')
    .exitOverride()
    .configureOutput({ writeErr() {} })
    .argument('[file]')
    .option('--top <number>')
    .option('--seed <number>', 'seed', Number, 0)
    .addOption(new Option('--format <format>').choices(['text', 'csv', 'json']).default('text'))
    .option('-o, --output <file>');
  return addPresetOptions(own).action(() => {});
}

function parse(...args: string[]): Command {
  return command().parse(args, { from: 'user' });
}

const TINY = ['--epochs', '2', '--windows', '64', '--test-hours', '2'];

describe('evaluate --preset seed', () => {
  const folder = mkdtempSync(join(tmpdir(), 'netpulse-preset-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const silent = createProgress({ terminal: false, columns: 80, write() {}, now: () => 0 });

  it('prints every figure of the table for each seed and scaler', async () => {
    const texts: string[] = [];
    const settings = seedPresetSettings(parse('--preset', 'seed', '--seeds', '0,1', ...TINY).opts<PresetFlags>());
    const { runs } = await runSeedPreset(settings, false, (text) => void texts.push(text), silent);
    const [text] = texts;
    expect(text).toContain('parameters: 139,014 with one bias an LSTM, 140,038 with two');
    expect(text).toContain('2 epochs');
    for (const { seed, scaling, own, inDeviations } of runs) {
      const lines = text.split('\n').filter((line) => new RegExp(`^ +${seed}  ${scaling} `).test(line));
      expect(lines).toHaveLength(4);
      for (const figure of [own.validationLoss, own.mean, own.deviation, own.threshold, own.gap]) {
        expect(lines[0]).toContain(figure.toFixed(5));
      }
      expect(lines[0]).toContain(own.separation.toFixed(2));
      expect(lines[0]).toContain(own.balancedSeparation.toFixed(2));
      expect(lines[1]).toContain(inDeviations.mean.toFixed(5));
      expect(lines[3]).toContain('does not end before epoch 2');
    }
    expect(text).toMatch(/train\/validation gap +< 0.05 +\S+ \/ \S+ +(holds|does not hold)\n/);
    expect(text).toMatch(/separation +>= 5.6 +\S+ \/ \S+ +(holds|does not hold)\n/);
    expect(text).toMatch(/lag-1 autocorrelation +0.85 \.\. 0.99 +0\.\d+ \.\. 0\.\d+ +holds\n/);
  });

  it('writes the same as JSON, to a file if asked', async () => {
    const file = join(folder, 'seed.json');
    await evaluatePreset(parse('--preset', 'seed', '--seed', '2', '--json', '-o', file, ...TINY), undefined);
    const result = JSON.parse(readFileSync(file, 'utf8')) as SeedPresetResult;
    expect(result.settings.seeds).toEqual([2]);
    expect(result.runs.map(({ scaling }) => scaling)).toEqual(['standard', 'min-max']);
    expect(result.runs[0].epochs.validationLoss).toHaveLength(2);
  });

  it('tells how far it is, with losses and the time left', async () => {
    let time = 0;
    const lines: string[] = [];
    const progress = createProgress({
      terminal: true,
      columns: 200,
      write: (text) => void lines.push(text),
      now: () => (time += 1000),
    });
    const flags = parse('--preset', 'seed', ...TINY).opts<PresetFlags>();
    const settings = { ...seedPresetSettings(flags), scalings: ['standard'] as const };
    await runSeedPreset(settings, true, () => {}, progress);
    expect(lines[0]).toMatch(/seed 0, standard .* 50 % {2}epoch 1\/2 {2}loss \d.*, validation \d/);
    expect(lines[0]).toContain('left');
  });

  it.each([
    [['rows.csv', '--preset', 'seed'], /makes its own data: leave out rows.csv/],
    [['--preset', 'seed', '--top', '3'], /--top has no meaning with --preset seed/],
    [['--preset', 'seed', '--format', 'csv'], /text or JSON/],
  ])('refuses %j', async (args, problem) => {
    const parsed = parse(...args);
    await expect(evaluatePreset(parsed, parsed.args[0])).rejects.toThrow(problem);
  });

  it('refuses its own options without it', () => {
    expect(() => refusePresetOptions(parse('rows.csv', '--test-hours', '3'))).toThrow(/--test-hours .* --preset only/);
    expect(() => refusePresetOptions(parse('rows.csv', '--top', '3'))).not.toThrow();
  });

  it.each([
    ['--preset', 'other'],
    ['--epochs', '0'],
    ['--windows', '1.5'],
    ['--seeds', '2-0'],
    ['--seeds', 'x'],
    ['--seeds', '-1'],
    ['--seeds', '0-1000000'],
  ])('refuses %s %s', (...args) => {
    expect(() => parse(...args)).toThrow(/invalid|missing/);
  });

  it('takes 80 epochs of a day by default, and few of fewer with --quick', () => {
    const settings = (...args: string[]) => seedPresetSettings(parse('--preset', 'seed', ...args).opts<PresetFlags>());
    expect(settings()).toEqual(SEED_PRESET);
    expect(SEED_PRESET.epochs).toBe(80);
    expect(settings('--quick')).toEqual(QUICK_SEED_PRESET);
    expect(settings('--quick', '--epochs', '9').epochs).toBe(9);
    expect(settings('--seeds', '0-2').seeds).toEqual([0, 1, 2]);
    expect(settings('--seeds', '3,1-2,3').seeds).toEqual([3, 1, 2]);
    expect(settings('--seed', '7').seeds).toEqual([7]);
  });
});
