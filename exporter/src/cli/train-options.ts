/** Options that `train`, `score` and `evaluate` share: how a table is read, what its columns are, and how detectors are fitted. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { ensembleOptions, type EnsembleOptions } from '../decision/options.ts';
import { detectorTypes } from '../detectors/registry.ts';
import { SCALERS, type Scaler } from '../evaluation/table-encoder.ts';
import type { DetectorChoice, TableFitOptions } from '../evaluation/table-fit.ts';
import type { TableRoles } from '../evaluation/table-layout.ts';
import { SAMPLES, type Sample } from '../evaluation/table-rows.ts';
import type { Observer } from '../flow.ts';
import type { TableOptions } from '../sources/csv/table-reader.ts';

/** As commander gives them. */
export interface ReadFlags {
  readonly inputFormat?: 'csv' | 'ndjson';
  readonly delimiter?: string;
  readonly header?: boolean;
  readonly names?: readonly string[];
  readonly skipBadRows?: boolean;
}

export interface FitFlags {
  readonly columns?: readonly string[];
  readonly exclude?: readonly string[];
  readonly label?: string | false;
  readonly normalLabel?: readonly string[];
  readonly time?: string;
  readonly entity?: string;
  readonly series?: boolean;
  readonly categories?: readonly string[];
  readonly log1p?: readonly string[];
  readonly linear?: readonly string[];
  readonly maxCategories: number;
  readonly maxRows: number;
  readonly sample?: Sample;
  readonly detector?: readonly string[];
  readonly options?: Readonly<Record<string, unknown>>;
  readonly ensemble: EnsembleOptions['method'];
  readonly votes: number;
  readonly members?: Readonly<Record<string, number>>;
  readonly scaler: Scaler;
  readonly normalOnly?: boolean;
  readonly contamination?: number;
  readonly folds: number;
  readonly seed: number;
}

const CLASSIC = ['isolation-forest', 'one-class-svm', 'local-outlier-factor', 'autoencoder'];
/** What joins them: where rows stand by themselves, and where they are a series. */
const OF_RECORDS = ['conditional', 'histogram'];
const OF_SERIES = ['conditional', 'var'];
/** Members of the ensemble of records, where they are all there: one knows distances, one relations between columns, one the columns themselves. */
const RECORD_MEMBERS = ['one-class-svm', 'conditional', 'histogram'];
const CONTAMINATION = 0.1;
/** of clean rows: how many of them may be flagged, as many as the exporter's own quantile lets through */
const CLEAN_CONTAMINATION = 0.01;

export function addReadOptions(command: Command): Command {
  return command
    .optionsGroup('Reading the table:')
    .addOption(
      new Option('--input-format <format>', 'csv or ndjson; default: told from the text').choices(['csv', 'ndjson']),
    )
    .option('--delimiter <character>', 'of CSV; default: comma, semicolon or tab, told from the text', delimiter)
    .option('--header', 'the first line of CSV is a header; default: told from the text')
    .option('--no-header', 'CSV without a header: columns are called column_1, column_2 …')
    .option('--names <names>', 'names of the columns of CSV without a header; of NDJSON the keys to read', list)
    .option('--skip-bad-rows', 'leave rows out that do not fit, and count them');
}

export function addFitOptions(command: Command): Command {
  const known = detectorTypes.map(({ name }) => name);
  return command
    .optionsGroup('Columns:')
    .option('--columns <names>', 'features; default: every column without another role', list)
    .option('--exclude <names>', 'columns to leave out', list)
    .option(
      '--label <name>',
      'column with labels: 0 or normal, anything else is anomalous; default: the column "label"',
    )
    .option('--no-label', 'there are no labels, a column called "label" is a feature')
    .option('--normal-label <values>', 'labels that mean normal', list)
    .option('--time <name>', 'column with times: rows are a series')
    .option('--series', 'rows are a series without times')
    .option('--entity <name>', 'column that tells several series of one table apart')
    .option('--categories <names>', 'columns to read as text: one feature for each different value', list)
    .option('--max-categories <number>', 'different texts that a column may have', positive, 1000)
    .option('--log1p <names>', 'columns to take the logarithm of, or: all; default: those that span a factor', list)
    .option('--linear <names>', 'columns to take as they are, or: all', list)
    .addOption(
      new Option('--scaler <scaler>', 'scaling of the columns before a detector does its own')
        .choices(SCALERS)
        .default('none'),
    )
    .optionsGroup('Learning:')
    .option('--detector <names>', `some of ${known.join(', ')}`, list)
    .option('--options <json>', 'of the detector, or by detector: {"isolation-forest": {"trees": 200}}', json)
    .addOption(
      new Option('--ensemble <method>', 'how scores become one').choices(['mean', 'max', 'vote']).default('mean'),
    )
    .option('--votes <number>', 'votes that an anomaly needs, with --ensemble vote', positive, 2)
    .option('--members <weights>', 'members of the ensemble: name=weight,name=weight', weights)
    .option('--normal-only', 'learn rows that are labelled normal only')
    .option(
      '--contamination <share>',
      `share of the rows that is anomalous; default: ${CONTAMINATION}, with --normal-only ${CLEAN_CONTAMINATION}`,
      half,
    )
    .option(
      '--folds <number>',
      'parts that thresholds are cross-fitted with; 0: thresholds from the learnt rows',
      folds,
      4,
    )
    .option('--max-rows <number>', 'rows to learn from at most', positive, 100_000)
    .addOption(
      new Option(
        '--sample <which>',
        'which rows, when there are more; default: reservoir (any), newest of a series, first of a pipe',
      ).choices(SAMPLES),
    )
    .option('--seed <number>', 'same seed, same models', whole, 0)
    .optionsGroup('Other:');
}

export function readOptions(flags: ReadFlags): TableOptions {
  return {
    format: flags.inputFormat,
    delimiter: flags.delimiter,
    header: flags.header,
    names: flags.names,
    skipBadRows: flags.skipBadRows,
  };
}

export function rolesOf(flags: FitFlags): TableRoles {
  if (flags.entity !== undefined && !isSeries(flags))
    throw new Error('--entity tells series apart: give --time or --series with it');
  return {
    columns: flags.columns,
    exclude: flags.exclude,
    label: flags.label === false ? null : flags.label,
    normalLabels: flags.normalLabel,
    time: flags.time,
    entity: flags.entity,
    categories: flags.categories,
    log1p: allOr(flags.log1p),
    linear: allOr(flags.linear),
  };
}

function allOr(names: readonly string[] | undefined): readonly string[] | 'all' | undefined {
  return names?.length === 1 && names[0] === 'all' ? 'all' : names;
}

export function isSeries({ time, series }: FitFlags): boolean {
  return time !== undefined || series === true;
}

/** Throws with a way out when the flags contradict each other. */
export function sampleOf(flags: FitFlags, path: string): Sample {
  if (flags.sample === 'reservoir' && isSeries(flags))
    throw new Error('--sample reservoir tears a series apart; use newest or first');
  // a pipe may never end
  return flags.sample ?? (path === '-' ? 'first' : isSeries(flags) ? 'newest' : 'reservoir');
}

export function fitOptions(flags: FitFlags): TableFitOptions {
  const detectors = detectorsOf(flags);
  const names = detectors.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new Error(`--detector names ${twice} twice`);
  return {
    detectors,
    ensemble: ensembleOptions.parse({
      method: flags.ensemble,
      votes: flags.votes,
      members: flags.members ?? recordMembers(flags, names),
    }),
    series: isSeries(flags),
    time: flags.time ?? null,
    entity: flags.entity ?? null,
    scaler: flags.scaler,
    normalOnly: flags.normalOnly === true,
    contamination: flags.contamination ?? (flags.normalOnly ? CLEAN_CONTAMINATION : CONTAMINATION),
    folds: flags.folds,
    seed: flags.seed,
  };
}

/** undefined leaves it to the ensemble. */
function recordMembers(flags: FitFlags, names: readonly string[]): Record<string, number> | undefined {
  if (isSeries(flags) || flags.ensemble !== 'mean' || !RECORD_MEMBERS.every((name) => names.includes(name)))
    return undefined;
  return Object.fromEntries(RECORD_MEMBERS.map((name) => [name, 1]));
}

/** `--options` holds the options of the one detector, or options by detector. */
function detectorsOf(flags: FitFlags): DetectorChoice[] {
  const known = detectorTypes.map(({ name }) => name);
  const names =
    flags.detector ??
    [...CLASSIC, ...(isSeries(flags) ? OF_SERIES : OF_RECORDS)].filter((name) => known.includes(name));
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new Error(`there is no detector "${unknown}"; there are ${known.join(', ')}`);
  const options = flags.options ?? {};
  const keys = Object.keys(options);
  const byDetector = keys.length > 0 && keys.every((key) => known.includes(key));
  if (!byDetector && keys.length > 0 && names.length > 1)
    throw new Error(
      `--options gives ${keys.join(', ')}, but there are ${names.length} detectors; give them by detector: --options '{"${names[0]}": ${JSON.stringify(options)}}'`,
    );
  const foreign = byDetector ? keys.find((key) => !names.includes(key)) : undefined;
  if (foreign !== undefined) throw new Error(`--options is for ${foreign}, which --detector does not name`);
  return names.map((name) => ({
    name,
    options: ((byDetector ? options[name] : options) ?? {}) as Record<string, unknown>,
  }));
}

/** Problems of the store go to the error output; a command has no metrics. */
export const commandObserver: Observer = {
  log: {
    debug() {},
    info() {},
    warn: (message) => void process.stderr.write(`warning: ${message}\n`),
    error: (message) => void process.stderr.write(`error: ${message}\n`),
  },
  count() {},
};

function list(text: string): string[] {
  const names = text.split(',').map((name) => name.trim());
  if (names.includes('')) throw new InvalidArgumentError('write names with commas between them: a,b,c');
  return names;
}

function delimiter(text: string): string {
  const character = text === '\\t' || text === 'tab' ? '\t' : text;
  if (character.length !== 1 || '"\r\n'.includes(character))
    throw new InvalidArgumentError('write one character, such as ; or , or tab');
  return character;
}

function json(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new InvalidArgumentError(`this is not JSON: ${(error as Error).message}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new InvalidArgumentError('write a JSON object such as {"trees": 200}');
  return value as Record<string, unknown>;
}

function weights(text: string): Record<string, number> {
  return Object.fromEntries(
    list(text).map((part) => {
      const [name, weight] = part.split('=');
      const value = Number(weight);
      if (!(value > 0 && value <= 1000)) throw new InvalidArgumentError('write name=weight, the weight above 0');
      return [name, value];
    }),
  );
}

function whole(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isSafeInteger(value) || value < 0)
    throw new InvalidArgumentError('write a whole number from 0 on');
  return value;
}

function positive(text: string): number {
  const value = whole(text);
  if (value === 0) throw new InvalidArgumentError('write a whole number from 1 on');
  return value;
}

function half(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 0.5)) throw new InvalidArgumentError('write a share above 0, up to 0.5');
  return value;
}

function folds(text: string): number {
  const value = whole(text);
  if (value === 1 || value > 20) throw new InvalidArgumentError('write 0, or a number from 2 to 20');
  return value;
}
