/** `netpulse train`: fits detectors to a table and saves them under a name. */
import { Command } from 'commander';
import type { Config } from '../config.ts';
import { fitTable, prepareTable, type TableFit, type TableFitOptions } from '../evaluation/table-fit.ts';
import { overviewOf } from '../evaluation/table-overview.ts';
import { readTableRows } from '../evaluation/table-rows.ts';
import { modelsFolder, saveTable } from '../evaluation/table-store.ts';
import { humanSeconds, humanValue } from '../human-units.ts';
import { openTable } from '../sources/csv/table-reader.ts';
import { terminalProgress, type Progress } from './progress.ts';
import { textTable } from './text-table.ts';
import {
  addFitOptions,
  addReadOptions,
  commandObserver,
  fitOptions,
  readOptions,
  rolesOf,
  sampleOf,
  type FitFlags,
  type ReadFlags,
} from './train-options.ts';
import { overviewText, plural } from './train-overview.ts';

export function trainCommand(readConfig: () => Config): Command {
  const command = new Command('train')
    .description('learn what is normal in a table of numbers and texts, and save the models')
    .argument('<file>', 'CSV, TSV or NDJSON, also gzipped; - is the standard input')
    .requiredOption('--name <name>', 'name of the models, for `netpulse score`');
  addFitOptions(addReadOptions(command));
  return command.action(async (file: string, flags: FitFlags & ReadFlags & { name: string }) => {
    const { storagePath } = readConfig();
    const options = fitOptions(flags);
    const sample = sampleOf(flags, file);
    const progress = terminalProgress();
    const table = await openTable(file, readOptions(flags));
    const rows = await readTableRows(table, {
      roles: rolesOf(flags),
      sample,
      mostRows: flags.maxRows,
      mostCategories: flags.maxCategories,
      seed: flags.seed,
      onProgress: (read) => progress.count(`reading ${table.file}`, read),
    });
    progress.clear();
    const prepared = prepareTable(rows, { ...options, onProgress: fitProgress(progress) });
    process.stdout.write(overviewText(overviewOf(rows, table.skipped(), prepared.encoder), sample));
    const fit = fitTable(prepared);
    progress.clear();
    for (const note of fit.notes) process.stderr.write(`warning: ${note}\n`);
    const manifests = await undisturbed(() =>
      saveTable(
        storagePath,
        flags.name,
        fit.model,
        fit.costs,
        { seed: flags.seed, read: rows.read, now: Date.now() },
        commandObserver,
      ),
    );
    process.stdout.write(fitText(fit));
    const versions = manifests.map(({ detector, version }) => `${detector} ${version}`).join(', ');
    process.stdout.write(
      `\nsaved in ${modelsFolder(storagePath)} as "${flags.name}": ${versions}\nscore rows with: netpulse score FILE --name ${flags.name}\n`,
    );
  });
}

/** Tells one bar a detector over all its fits: the one of all rows, then those for the threshold. */
export function fitProgress(progress: Progress): TableFitOptions['onProgress'] {
  return (detector, { fit, fits, ...told }) =>
    progress.update(`fitting ${detector}`, { ...told, share: (fit - 1 + told.share) / fits });
}

/** Saving takes milliseconds: Ctrl-C waits for its end, and then ends the program. */
async function undisturbed<T>(save: () => Promise<T>): Promise<T> {
  let signal: NodeJS.Signals | undefined;
  const later = (name: NodeJS.Signals) => (signal = name);
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const name of signals) process.on(name, later);
  try {
    return await save();
  } finally {
    for (const name of signals) process.off(name, later);
    if (signal) process.kill(process.pid, signal);
  }
}

function fitText({ model, costs, fitted, folds }: TableFit): string {
  const rows = fitted.reduce((sum, used) => sum + used, 0);
  const detectors = textTable(
    ['DETECTOR', '>THRESHOLD', '>FIT', '>MODEL', ''],
    model.members.map(({ name, threshold }, m) => [
      name,
      threshold.toPrecision(4),
      humanSeconds(costs[m].seconds),
      humanValue(costs[m].modelBytes, 'bytes'),
      lossText(costs[m].progress),
    ]),
  );
  const how = folds > 0 ? `rows that the model had not seen, in ${folds} folds` : 'the rows that were learnt';
  return `learnt from ${plural(rows, 'row')}; thresholds from ${how}: ${(100 * model.contamination).toPrecision(2).replace(/\.0$/, '')} % of them are above\n\n${detectors}`;
}

function lossText(progress: TableFit['costs'][number]['progress']): string {
  if (progress?.trainLoss === undefined) return '';
  const validation =
    progress.validationLoss === undefined ? '' : `, validation ${progress.validationLoss.toPrecision(3)}`;
  const epochs = progress.epoch === undefined ? '' : `${progress.epoch} epochs, `;
  return `${epochs}loss ${progress.trainLoss.toPrecision(3)}${validation}`;
}
