// Detection quality on labelled data: every detector, the ensemble, decisions without labels, tables of connections. Progress on stderr, results on stdout.
//   npm run -s evaluate -- --data DIR [--json] [--quick] [--seed N | --seeds 0-2] [--peers] [--write] [--only asd,smd/machine-1-6,...] [--forms key,...] [--threads 2] [--python /usr/bin/python3]
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { format } from 'prettier';
import { detectorTypes } from '../exporter/src/detectors/registry.ts';
import { hasNslKdd } from '../exporter/src/evaluation/datasets/nsl-kdd.ts';
import { forms } from '../exporter/src/evaluation/benchmark/forms.ts';
import { type PeerResult, runPeers } from '../exporter/src/evaluation/benchmark/peers.ts';
import { planUnits } from '../exporter/src/evaluation/benchmark/plan.ts';
import { runUnits } from '../exporter/src/evaluation/benchmark/pool.ts';
import { type Results, qualityDocument, reportTables } from '../exporter/src/evaluation/benchmark/report.ts';
import { asJson, summarise, summariseTable } from '../exporter/src/evaluation/benchmark/summary.ts';
import { type Unit, type UnitOutcome, nameOf } from '../exporter/src/evaluation/benchmark/unit.ts';

const BENCH = process.env.NETPULSE_BENCH ?? 'bench';
const say = (text: string) => process.stderr.write(`${text}\n`);

try {
  await evaluate();
} catch (error) {
  say(`evaluate: ${(error as Error).message}`);
  process.exitCode = 1;
}

async function evaluate(): Promise<void> {
  const { values } = parseArgs({
    options: {
      data: { type: 'string', default: process.env.NETPULSE_DATA ?? '../shared/data' },
      json: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      seed: { type: 'string', default: '0' },
      seeds: { type: 'string' },
      peers: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      only: { type: 'string' },
      forms: { type: 'string' },
      threads: { type: 'string', default: '2' },
      python: { type: 'string', default: '/usr/bin/python3' },
    },
  });
  const { data, quick } = values;
  const seeds = seedsIn(values.seeds ?? values.seed);
  const { units, missing } = planUnits({
    data,
    seeds,
    quick,
    only: values.only?.split(','),
    forms: values.forms?.split(','),
    known: detectorTypes.map(({ name }) => name),
  });
  for (const name of missing) say(`there is no detector ${name}: left out`);

  const begin = Date.now();
  const outcomes: UnitOutcome[] = [];
  await runUnits(
    units,
    new URL('./worker.mjs', import.meta.url),
    wholeNumber('--threads', values.threads, 1),
    (outcome) => {
      outcomes.push(outcome);
      const what = nameOf(outcome.unit);
      if (outcome.error !== undefined) say(`${what}: left out, ${outcome.error}`);
      for (const { key, message } of outcome.entity?.failures ?? []) say(`${what}: ${key} failed, ${message}`);
      say(`${outcomes.length} of ${units.length} after ${((Date.now() - begin) / 1000).toFixed(0)} s: ${what}`);
    },
  );
  if (outcomes.every(({ error }) => error !== undefined)) throw new Error('everything failed, as said above');

  const results: Results = {
    seeds,
    quick,
    sets: summarise(outcomes, ['ensemble', 'ensemble_smoothed', ...forms.map(({ key }) => key)]),
    nslkdd: summariseTable(outcomes, 'nslkdd'),
    connections: summariseTable(outcomes, 'connections'),
    peers: values.peers ? await peersOf(units, data, seeds, quick, values.python) : null,
  };
  if (values.write) {
    const command = `npm run -s evaluate -- ${process.argv.slice(2).join(' ').replace(data, 'DIR')}`;
    writeFileSync(
      join(BENCH, '..', 'docs', 'quality.md'),
      await format(qualityDocument(results, command), { parser: 'markdown', printWidth: 120 }),
    );
    say('wrote docs/quality.md');
  }
  process.stdout.write(
    values.json ? `${JSON.stringify(asObject(results), rounded)}\n` : `${reportTables(results, 2)}\n`,
  );
}

async function peersOf(
  units: readonly Unit[],
  data: string,
  seeds: readonly number[],
  quick: boolean,
  python: string,
): Promise<PeerResult | null> {
  const entities = new Map(
    units.flatMap((unit) => (unit.kind === 'entity' ? [[`${unit.set.name}/${unit.entity}`, unit]] : [])),
  );
  const nslkdd = units.some(({ kind }) => kind === 'nslkdd') && hasNslKdd(data) ? data : null;
  const folder = mkdtempSync(join(tmpdir(), 'netpulse-peers-'));
  try {
    return await runPeers([...entities.values()], nslkdd, {
      script: join(BENCH, 'peers-evaluate.py'),
      folder,
      python,
      seeds,
      quick,
    });
  } catch (error) {
    say(`the peers are left out: ${(error as Error).message}`);
    return null;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** By data set; with several seeds the means, and beside them the lowest and highest. */
function asObject({ sets, nslkdd, connections, peers, seeds }: Results): Record<string, unknown> {
  const several = seeds.length > 1;
  const out: Record<string, unknown> = {};
  for (const [name, summary] of sets) {
    out[name] = { ...asJson(summary), ...(peers?.sets.has(name) ? { peers: peers.sets.get(name)!.figures } : {}) };
  }
  if (nslkdd) {
    const theirs = peers?.nslkdd ? { peers: peers.nslkdd.figures } : {};
    out.nslkdd = { ...nslkdd.figures, ...(several ? { spread: nslkdd.spread } : {}), ...theirs };
  }
  if (connections) out.connections = { ...connections.figures, ...(several ? { spread: connections.spread } : {}) };
  return out;
}

function rounded(_key: string, value: unknown): unknown {
  return typeof value === 'number' ? Number(value.toFixed(6)) : value;
}

/** "0", "0-2" or "0,3". */
function seedsIn(text: string): number[] {
  const range = /^(\d+)-(\d+)$/.exec(text);
  if (!range) return text.split(',').map((seed) => wholeNumber('--seeds', seed, 0));
  const [low, high] = [Number(range[1]), Number(range[2])];
  if (high < low) throw new Error(`--seeds ${text}: the first is above the last`);
  return Array.from({ length: high - low + 1 }, (_, i) => low + i);
}

function wholeNumber(option: string, text: string, least: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < least)
    throw new Error(`${option} ${text}: a whole number from ${least} on is needed`);
  return value;
}
