/** `netpulse evaluate`: trains, scores and judges detectors on a table, side by side. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { evaluationReport } from '../evaluation/report/report.ts';
import {
  evaluateTable,
  type ReadTable,
  type TableEvaluation,
  type TableEvidence,
} from '../evaluation/table-evaluation.ts';
import { readTableRows, type TableRows } from '../evaluation/table-rows.ts';
import type { Config } from '../config.ts';
import { openTable } from '../sources/csv/table-reader.ts';
import { saveEvaluation } from '../store/evaluations.ts';
import { evaluationCsv, evaluationJson, evaluationText } from './evaluate-text.ts';
import { addPresetOptions, evaluatePreset, refusePresetOptions, type PresetFlags } from './evaluate-preset.ts';
import { openOutput } from './output.ts';
import { terminalProgress, type Progress } from './progress.ts';
import { fitProgress } from './train.ts';
import {
  addFitOptions,
  addReadOptions,
  fitOptions,
  readOptions,
  rolesOf,
  sampleOf,
  type FitFlags,
  type ReadFlags,
} from './train-options.ts';

interface EvaluateFlags extends FitFlags, ReadFlags {
  readonly train?: string;
  readonly format: 'text' | 'csv' | 'json';
  readonly output?: string;
  readonly report?: string;
  readonly save?: string;
  readonly top: number;
}

/** Of the judged table: texts that the model does not know are all one category, so there may be any number of them. */
const ANY_CATEGORIES = 1_000_000;

export function evaluateCommand(readConfig: () => Config): Command {
  const command = new Command('evaluate')
    .description('train, score and judge detectors on a table, side by side')
    .argument('[file]', 'CSV, TSV or NDJSON, also gzipped; - is the standard input; not with --preset')
    .option('--train <file>', 'table to learn from; default: the judged one, each row by a model that has not seen it')
    .addOption(new Option('--format <format>', 'of the output').choices(['text', 'csv', 'json']).default('text'))
    .option('-o, --output <file>', 'file to write; default: standard output')
    .option('--report <file>', 'HTML report with pictures to write')
    .option('--save <name>', 'keep the result in the storage folder; /api/evaluation serves it')
    .option('--top <number>', 'most anomalous rows to explain', top, 5);
  addPresetOptions(addFitOptions(addReadOptions(command)));
  return command.action(async (file: string | undefined, flags: EvaluateFlags & PresetFlags) => {
    if (flags.preset) return evaluatePreset(command, file);
    refusePresetOptions(command);
    if (file === undefined) return command.error("error: missing required argument 'file'; a table, or --preset seed");
    const progress = terminalProgress();
    const { result, evidence, sample } = await evaluateFiles(file, flags, progress);
    const output = openOutput(flags.output);
    const text = { text: evaluationText, csv: evaluationCsv, json: evaluationJson }[flags.format](result, sample);
    await output.write(text);
    await output.close();
    if (flags.report !== undefined) {
      const page = evaluationReport(result, evidence, {
        seed: flags.seed,
        madeAt: Date.now(),
        onProgress: (step, share) => progress.update(step, { share }),
      });
      progress.clear();
      const report = openOutput(flags.report);
      await report.write(page);
      await report.close();
    }
    if (flags.save !== undefined)
      await saveEvaluation(readConfig().storagePath, {
        name: flags.save,
        madeAt: Date.now(),
        result: JSON.parse(evaluationJson(result)) as Record<string, unknown>,
      });
    for (const note of result.notes) process.stderr.write(`warning: ${note}\n`);
  });
}

async function evaluateFiles(
  file: string,
  flags: EvaluateFlags,
  progress: Progress,
): Promise<{ result: TableEvaluation; evidence: TableEvidence; sample: string }> {
  if (flags.train === '-' && file === '-')
    throw new Error('only one of the two tables can come from the standard input');
  const fit = { ...fitOptions(flags), onProgress: fitProgress(progress) };
  const learnt = flags.train === undefined ? undefined : await read(flags.train, flags, progress);
  const judged = await read(file, flags, progress, learnt?.table);
  progress.clear();
  const { result, evidence } = evaluateTable({ judged, train: learnt, fit, top: flags.top });
  progress.clear();
  return { result, evidence, sample: judged.sample };
}

/** `like`: a table whose features this one must have. */
async function read(
  path: string,
  flags: EvaluateFlags,
  progress: Progress,
  like?: TableRows,
): Promise<ReadTable & { sample: string }> {
  const table = await openTable(path, { ...readOptions(flags), expected: like?.features.map(({ name }) => name) });
  const sample = sampleOf(flags, path);
  const named = (kind: 'number' | 'category') =>
    like?.features.filter((feature) => feature.kind === kind).map(({ name }) => name);
  const roles = rolesOf(flags);
  const rows = await readTableRows(table, {
    roles: like
      ? {
          ...roles,
          columns: like.features.map(({ name }) => name),
          categories: named('category'),
          numbers: named('number'),
          log1p: undefined,
          linear: undefined,
        }
      : roles,
    sample,
    mostRows: flags.maxRows,
    mostCategories: like ? ANY_CATEGORIES : flags.maxCategories,
    seed: flags.seed,
    onProgress: (count) => progress.count(`reading ${table.file}`, count),
  });
  return { table: rows, skipped: table.skipped(), sample };
}

function top(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > 1000)
    throw new InvalidArgumentError('write a whole number from 0 to 1000');
  return value;
}
