/** `netpulse score`: scores the rows of a table as they come, with the models of a name. */
import { Command, InvalidArgumentError, Option } from 'commander';
import type { Config } from '../config.ts';
import type { TableModel } from '../evaluation/table-model.ts';
import { columnsOf, scoreRows, type ScoredRow } from '../evaluation/table-scoring.ts';
import { loadTable } from '../evaluation/table-store.ts';
import { humanNumber } from '../human-units.ts';
import { openTable } from '../sources/csv/table-reader.ts';
import { openOutput } from './output.ts';
import { csvField } from './text-table.ts';
import { addReadOptions, commandObserver, readOptions, type ReadFlags } from './train-options.ts';
import { plural } from './train-overview.ts';

interface ScoreFlags extends ReadFlags {
  readonly name: string;
  readonly format: 'csv' | 'ndjson';
  readonly output?: string;
  readonly top: number;
}

export function scoreCommand(readConfig: () => Config): Command {
  const command = new Command('score')
    .description('score the rows of a table with the models of `netpulse train`, as they come')
    .argument('<file>', 'CSV, TSV or NDJSON, also gzipped; - is the standard input')
    .requiredOption('--name <name>', 'name that the models were trained under')
    .addOption(new Option('--format <format>', 'of the output').choices(['csv', 'ndjson']).default('csv'))
    .option('-o, --output <file>', 'file to write; default: standard output')
    .option('--top <number>', 'features to name for a row with a score of 0.5 and above', top, 3);
  return addReadOptions(command)
    .optionsGroup('Other:')
    .action(async (file: string, flags: ScoreFlags) => {
      const { model } = loadTable(readConfig().storagePath, flags.name, commandObserver);
      const { features } = model.encoder;
      const table = await openTable(file, { ...readOptions(flags), expected: features.map(({ name }) => name) });
      columnsOf(table, model); // an error is told before there is any output
      const render = flags.format === 'csv' ? csvRow : jsonRow;
      const output = openOutput(flags.output);
      if (flags.format === 'csv') await output.write(csvHeader(model));
      let rows = 0;
      let anomalous = 0;
      for await (const scored of scoreRows(table, model, flags.top)) {
        rows += scored.length;
        for (const { anomaly } of scored) anomalous += anomaly;
        await output.write(scored.map((row) => render(row, model)).join(''));
      }
      await output.close();
      const { rows: skipped, first } = table.skipped();
      if (skipped > 0)
        process.stderr.write(`left out: ${plural(skipped, 'row')} that did not fit; the first: ${first}\n`);
      if (rows === 0 && skipped === 0) process.stderr.write(`${table.file} has a header and no rows\n`);
      process.stderr.write(`${plural(rows, 'row')} scored, ${humanNumber(anomalous)} anomalous\n`);
    });
}

function csvHeader({ members, order }: TableModel): string {
  const names = [
    'row',
    ...(order.time === null ? [] : ['time']),
    ...(order.entity === null ? [] : ['entity']),
    ...members.map(({ name }) => name),
    'ensemble',
    'anomaly',
    'top_features',
  ];
  return `${names.join()}\n`;
}

function csvRow({ row, time, entity, scores, ensemble, anomaly, top: features }: ScoredRow): string {
  const fields = [
    row,
    ...(time === undefined ? [] : [new Date(time).toISOString()]),
    ...(entity === undefined ? [] : [csvField(entity)]),
    ...scores.map(scoreText),
    scoreText(ensemble),
    anomaly,
    csvField(features.map(({ feature, share }) => `${feature}=${share.toFixed(2)}`).join(' ')),
  ];
  return `${fields.join()}\n`;
}

function jsonRow(
  { row, time, entity, scores, ensemble, anomaly, top: features }: ScoredRow,
  { members }: TableModel,
): string {
  const record = {
    row,
    time: time === undefined ? undefined : new Date(time).toISOString(),
    entity,
    scores: Object.fromEntries(members.map(({ name }, m) => [name, rounded(scores[m])])),
    ensemble: rounded(ensemble),
    anomaly,
    top_features: features.map(({ feature, share }) => ({ feature, share: Number(share.toFixed(3)) })),
  };
  return `${JSON.stringify(record)}\n`;
}

/** JSON has no NaN. */
function rounded(score: number): number | null {
  return Number.isFinite(score) ? Number(score.toPrecision(6)) : null;
}

/** Empty for a row without a score. */
function scoreText(score: number): string {
  return score === score ? String(Number(score.toPrecision(6))) : '';
}

function top(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > 100)
    throw new InvalidArgumentError('write a whole number from 0 to 100');
  return value;
}
