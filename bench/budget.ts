// Whether the false-alarm budget is kept: incidents that opened / incidents promised at one an entity and day, on the synthetic network without faults (a
// sample a second) and on the rows of labelled telemetry away from its events.
//   npm run bench -- budget [--days 20] [--settle 7] [--seed 0] [--data DIR] [--json] [--smoke]
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  SYNTHETIC_NODES,
  cleanNode,
  promiseKept,
  type PromiseKept,
} from '../exporter/src/evaluation/budget-promise.ts';
import { prequential } from '../exporter/src/evaluation/benchmark/prequential.ts';
import { readEntity, telemetrySets } from '../exporter/src/evaluation/datasets/telemetry.ts';
import { segmentsOf } from '../exporter/src/evaluation/quality-metrics-segments.ts';

/** rows around a labelled event that belong to it */
const MARGIN = 12;
/** beside the repository; npm runs benches in their own folder */
const DATA = ['../../shared/data', '../shared/data'].find((folder) => existsSync(folder)) ?? '../shared/data';

const { values } = parseArgs({
  options: {
    days: { type: 'string', default: '20' },
    settle: { type: 'string', default: '7' },
    seed: { type: 'string', default: '0' },
    data: { type: 'string', default: process.env.NETPULSE_DATA ?? DATA },
    json: { type: 'boolean', default: false },
    smoke: { type: 'boolean', default: false },
  },
});
const seed = Number(values.seed);
const results: Record<string, { observed: number; promised: number; ratio: number; entities: Record<string, number> }> =
  {};

function report(name: string, kept: ReadonlyMap<string, PromiseKept>): void {
  const all = [...kept.values()];
  const observed = all.reduce((sum, one) => sum + one.observed, 0);
  const promised = all.reduce((sum, one) => sum + one.promised, 0);
  const entities = Object.fromEntries([...kept].map(([entity, one]) => [entity, one.observed / one.promised]));
  results[name] = { observed, promised, ratio: observed / promised, entities };
  if (values.json) return;
  const each = Object.values(entities)
    .map((ratio) => ratio.toFixed(2))
    .join(' ');
  console.log(
    `${name}: ${observed} observed / ${promised.toFixed(1)} promised = ${(observed / promised).toFixed(2)} (entities ${each})`,
  );
}

const nodes = values.smoke ? 1 : SYNTHETIC_NODES;
const settle = values.smoke ? 0 : Number(values.settle);
const days = values.smoke ? 1 : Number(values.days);
const clean = new Map<string, PromiseKept>();
for (let node = 0; node < nodes; node++) clean.set(`node-${node + 1}`, cleanNode(seed, node, settle, days));
report('synthetic', clean);

if (!values.smoke && existsSync(join(values.data, 'asd'))) {
  const set = telemetrySets(values.data).find(({ name }) => name === 'asd')!;
  const kept = new Map<string, PromiseKept>();
  for (const name of set.entities) {
    const entity = readEntity(set, name);
    const { incidents } = prequential(entity, seed);
    const rows = entity.labels.length;
    kept.set(name, promiseKept(incidents, 0, rows, entity.rowsPerDay, segmentsOf(entity.labels), MARGIN));
  }
  report('clean parts of asd', kept);
}
if (values.json) console.log(JSON.stringify(results));
