/**
 * What a sample costs on its way through the flow, without sources, disk and outputs.
 *
 *     pipeline.ts [--json] [--smoke] [--entities 1,10,1000,10000] [--part flow|columnar] [--detectors isolation-forest,conditional,var]
 *
 * flow: rates, steps, baseline, fitted detectors, decision and incidents, as the exporter runs them (createGroup and createTracker), for synthetic nodes
 * (6 features, a step each sample) and for a host's features (15 samples a step). Up to 16 entities have a model of their own, more share one, as in the
 * exporter. Microseconds of a sample are the median tick divided by its rows; rows of the ticks that close steps are in the p99.
 * columnar: one tick of 10,000 entities x 20 features through the same rooms without a forest, room by room, against 10 ms.
 */
import { parseArgs } from 'node:util';
import { resolveMonitor, type MonitorConfig } from '../exporter/src/config/monitors.ts';
import { fileOptions } from '../exporter/src/config/schema.ts';
import { createDecision, type DecisionColumns } from '../exporter/src/decision/decide.ts';
import { severityName } from '../exporter/src/decision/severity.ts';
import { createBaselineState } from '../exporter/src/detectors/baseline-state.ts';
import { createDetector } from '../exporter/src/detectors/registry.ts';
import { createRates } from '../exporter/src/features/rates.ts';
import { createSteps } from '../exporter/src/features/steps.ts';
import type { Batch, Detector, Entity, FeatureSpec, Schema } from '../exporter/src/flow.ts';
import { createTracker } from '../exporter/src/incidents/tracker.ts';
import { createGroup, type Group } from '../exporter/src/pipeline/group.ts';
import { seededRandom } from '../exporter/src/random.ts';
import { hostOptions } from '../exporter/src/sources/host/options.ts';
import { hostSchema } from '../exporter/src/sources/host/schemas.ts';
import { nodeGenerator } from '../exporter/src/sources/synthetic/generator.ts';
import { SYNTHETIC_SCHEMA } from '../exporter/src/sources/synthetic/network.ts';
import { syntheticSource } from '../exporter/src/sources/synthetic/synthetic.ts';
import { fitHeldOut } from '../exporter/src/training/fit.ts';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    smoke: { type: 'boolean', default: false },
    entities: { type: 'string' },
    part: { type: 'string' },
    detectors: { type: 'string', default: 'isolation-forest,conditional,var' },
  },
});
const DETECTORS = options.detectors.split(',');
const INTERVAL_MS = 1000;
const START = Date.UTC(2026, 0, 1);
const COUNTS = options.entities?.split(',').map(Number) ?? (options.smoke ? [1, 10, 100] : [1, 10, 1000, 10_000]);
/** samples measured, at least so many ticks; rows before them fill windows and compile the code */
const SAMPLES = options.smoke ? 2000 : 100_000;
const FEWEST_TICKS = options.smoke ? 20 : 60;
const MOST_TICKS = options.smoke ? 200 : 3000;
const WARM_UP_TICKS = options.smoke ? 40 : 90;
const OWN_MODELS = 16;
const SERIES = 16;
const SERIES_ROWS = 512;
const COLUMNAR_ENTITIES = options.smoke ? 200 : 10_000;
const COLUMNAR_TICKS = options.smoke ? 40 : 150;
const COLUMNAR_TARGET_MS = 10;

/** Rows to draw samples from: SERIES x SERIES_ROWS x features, raw as a source gives them; counters hold increases. */
interface Material {
  readonly schema: Schema;
  readonly config: MonitorConfig;
  readonly rows: Float64Array;
}

function syntheticMaterial(): Material {
  const { features } = SYNTHETIC_SCHEMA;
  const rows = new Float64Array(SERIES * SERIES_ROWS * features.length);
  for (let s = 0; s < SERIES; s++) {
    const generator = nodeGenerator(1, s, INTERVAL_MS, 0);
    for (let t = 0; t < SERIES_ROWS; t++)
      rows.set(generator.next(START + t * INTERVAL_MS).values, (s * SERIES_ROWS + t) * features.length);
  }
  const [given] = fileOptions.parse({ monitors: [{ name: 'bench', source: 'synthetic' }] }).monitors!;
  const sources = { synthetic: syntheticSource };
  return { schema: SYNTHETIC_SCHEMA, config: resolveMonitor(given, { sources }), rows };
}

/** Quiet values of a host: levels and rates of the size of their feature's minimum deviation, a tenth of it in motion. */
function hostMaterial(): Material {
  const schema = hostSchema(4);
  const random = seededRandom(2);
  const width = schema.features.length;
  const rows = new Float64Array(SERIES * SERIES_ROWS * width);
  schema.features.forEach(({ minimumDeviation, kind }, column) => {
    for (let s = 0; s < SERIES; s++) {
      let state = 0;
      for (let t = 0; t < SERIES_ROWS; t++) {
        state = 0.9 * state + 0.4 * random.normal();
        const value = minimumDeviation * Math.max(0, 1 + 0.1 * state);
        rows[(s * SERIES_ROWS + t) * width + column] = kind === 'counter' ? Math.round(1e6 * value) / 1e6 : value;
      }
    }
  });
  const [given] = fileOptions.parse({ monitors: [{ name: 'bench', source: 'host' }] }).monitors!;
  const sources = { host: { options: hostOptions } };
  return { schema, config: resolveMonitor(given, { sources }), rows };
}

/** `entities` rows a tick, each entity on its own place in one of the series. */
function workload({ schema, rows }: Material, entities: number): { batch: Batch; advance(): void } {
  const width = schema.features.length;
  const counter = schema.features.map(({ kind }) => kind === 'counter');
  const batch = {
    schema,
    entity: Int32Array.from({ length: entities }, (_, e) => e),
    time: new Float64Array(entities).fill(START - INTERVAL_MS),
    values: new Float64Array(entities * width),
  };
  let tick = 0;
  return {
    batch,
    advance() {
      for (let e = 0; e < entities; e++) {
        batch.time[e] += INTERVAL_MS;
        // to the end and back, so that there is no jump
        const place = (tick + 7 * e) % (2 * SERIES_ROWS);
        const row = place < SERIES_ROWS ? place : 2 * SERIES_ROWS - 1 - place;
        const from = ((e % SERIES) * SERIES_ROWS + row) * width;
        const to = e * width;
        for (let j = 0; j < width; j++) batch.values[to + j] = rows[from + j] + (counter[j] ? batch.values[to + j] : 0);
      }
      tick++;
    },
  };
}

function flow(name: string, material: Material, count: number, names: readonly string[]) {
  const { config, schema } = material;
  const entities: Entity[] = Array.from({ length: count }, (_, e) => ({
    id: `node-${e}`,
    kind: schema.name,
    host: `node-${e}`,
    labels: {},
  }));
  const detectors = names.map((name) => createDetector(name, config.detectorOptions[name]));
  const group = createGroup({
    config,
    schema,
    entities,
    detectors,
    onStep: () => {},
    onScored: () => {},
    onMet: () => {},
  });
  const tracker = createTracker(severityName);
  const { batch, advance } = workload(material, count);
  const closing: number[] = [];
  const between: number[] = [];
  const samplesPerStep = config.stepMs / config.intervalMs;
  let incidents = 0;
  const tick = () => {
    const verdicts = group.process(batch);
    for (const { type } of tracker.apply(verdicts, (row) => group.kindOf(verdicts, row)))
      if (type === 'opened') incidents++;
  };
  for (let t = 0; t < WARM_UP_TICKS; t++) {
    advance();
    tick();
    if (t === Math.floor(WARM_UP_TICKS / 2)) useModels(group, detectors, material, count);
  }
  const ticks = Math.min(MOST_TICKS, Math.max(FEWEST_TICKS, Math.ceil(SAMPLES / count)));
  for (let t = 0; t < ticks; t++) {
    advance();
    const took = timed(tick);
    (batch.time[0] % config.stepMs === 0 ? closing : between).push(took);
  }
  const all = [...closing, ...between];
  const typical = samplesPerStep === 1 ? quantile(all, 0.5) : quantile(between, 0.5);
  return {
    name,
    entities: count,
    features: schema.features.length,
    samplesPerStep,
    detectors: names,
    ticks,
    medianMs: typical,
    closingStepMs: closing.length > 0 ? quantile(closing, 0.5) : NaN,
    p99Ms: quantile(all, 0.99),
    microsecondsPerSample: (1000 * all.reduce((sum, one) => sum + one, 0)) / (ticks * count),
    medianMicroseconds: (1000 * typical) / count,
    incidents,
  };
}

/** A model of each entity's own series, or one of some entities that all share, each on its own scale: as the exporter fits them. */
function useModels(
  group: Group,
  detectors: readonly Detector[],
  { config, schema, rows }: Material,
  count: number,
): void {
  const { columns } = group;
  const width = schema.features.length;
  const shared = count > OWN_MODELS;
  const featureOf = columns.map(({ name }) =>
    schema.features.findIndex((feature) => name === feature.name || name === `${feature.name}_peak`),
  );
  const seriesOf = (entity: number) => {
    const data = new Float64Array(SERIES_ROWS * columns.length);
    for (let t = 0; t < SERIES_ROWS; t++)
      featureOf.forEach((j, c) => {
        data[t * columns.length + c] = rows[((entity % SERIES) * SERIES_ROWS + t) * width + j];
      });
    group.transform.forward(data, SERIES_ROWS, data);
    if (shared) for (let t = 0; t < SERIES_ROWS; t++) group.standardise(entity, data, t);
    return data;
  };
  for (let m = 0; m < (shared ? 1 : count); m++) {
    const parts = shared ? [0, 1, 2, 3].map(seriesOf) : [seriesOf(m)];
    const values = new Float64Array(parts.length * SERIES_ROWS * columns.length);
    parts.forEach((part, i) => values.set(part, i * part.length));
    const total = parts.length * SERIES_ROWS;
    detectors.forEach((detector, d) => {
      const job = {
        detector: detector.name,
        values,
        time: Float64Array.from({ length: total }, (_, r) => START + (r % SERIES_ROWS) * config.stepMs),
        segment: Int32Array.from({ length: total }, (_, r) => Math.floor(r / SERIES_ROWS)),
        features: columns,
        seed: m,
        rowsPerDay: 86_400_000 / config.stepMs,
      };
      const { model, meanScore, unseen } = fitHeldOut(detector, job, () => {}, 1);
      const fitted = { model: detector.load(model), meanScore, shared };
      for (let e = shared ? 0 : m; e < (shared ? count : m + 1); e++) group.use(d, e, fitted, unseen);
    });
  }
}

/** 20 features as a host has them: 8 gauges, 12 counters, 2 of them durations per operation; 6 on a log scale, 4 with their peak. */
function columnarSchema(): Schema {
  const feature = (column: number): FeatureSpec => ({
    name: `feature_${column}`,
    unit: column >= 8 ? 'per_second' : 'ratio',
    help: 'of the benchmark',
    kind: column >= 8 ? 'counter' : 'gauge',
    per: column >= 18 ? 'feature_17' : undefined,
    direction: 'both',
    transform: column >= 6 && column < 12 ? 'log1p' : 'none',
    minimumDeviation: 50,
    range: [0, 1e9],
    peak: column % 5 === 0,
  });
  return { name: 'host', features: Array.from({ length: 20 }, (_, column) => feature(column)) };
}

function columnarMaterial(): Material {
  const schema = columnarSchema();
  const random = seededRandom(4);
  const rows = new Float64Array(SERIES * SERIES_ROWS * 20).map(() => Math.floor(random.between(80, 120)));
  return { schema, config: hostMaterial().config, rows };
}

/** The rooms one after the other as in createGroup, each with its own time. */
function columnar() {
  const material = columnarMaterial();
  const { schema, config } = material;
  const count = COLUMNAR_ENTITIES;
  const width = schema.features.length;
  const { batch, advance } = workload(material, count);
  const samplesPerStep = config.stepMs / config.intervalMs;
  const rates = createRates(schema, config.intervalMs);
  const steps = createSteps(schema, samplesPerStep, config.stepMs);
  const baseline = createBaselineState(schema.features, {
    smoothing: samplesPerStep,
    levelHalfLife: 5400,
    scaleHalfLife: 21_600,
    seasonal: false,
  });
  const decision = createDecision(schema.features, {
    threshold: config.threshold,
    trust: config.trust,
    intervalMs: config.intervalMs,
    models: [],
    ensemble: config.ensemble,
    opening: { openAtOnce: 2, coldRows: 5 },
  });
  const rowsOf = () => new Float64Array(count);
  const cells = () => new Float64Array(count * width);
  const gap = new Uint8Array(count);
  const values = cells();
  const trailing = new Float64Array(count * steps.columns.length);
  const judged = { deviation: cells(), expected: cells(), lower: cells(), upper: cells() };
  const verdict: DecisionColumns = {
    score: rowsOf(),
    smoothed: rowsOf(),
    confidence: rowsOf(),
    severity: new Uint8Array(count),
    budgetUsed: rowsOf(),
    contributions: cells(),
    largest: rowsOf(),
    limit: new Uint8Array(count),
    relation: new Uint8Array(count),
    detectors: [{ name: 'baseline', score: rowsOf(), raw: rowsOf(), threshold: rowsOf(), warmup: rowsOf() }],
  };
  baseline.grow(count);
  decision.grow(count);
  const rooms: Record<string, () => void> = {
    rates: () => rates.apply(batch, values, gap),
    steps: () => void steps.push(batch.entity, batch.time, gap, values, count, trailing),
    baseline: () => baseline.push(count, batch.entity, batch.time, gap, values, judged),
    decision: () =>
      decision.judge(count, batch.entity, batch.time, values, judged.deviation, baseline.warmup, [], verdict),
  };
  const took: Record<string, number[]> = Object.fromEntries([...Object.keys(rooms), 'total'].map((room) => [room, []]));
  for (let t = 0; t < WARM_UP_TICKS + COLUMNAR_TICKS; t++) {
    advance();
    let total = 0;
    for (const [room, run] of Object.entries(rooms)) {
      const ms = timed(run);
      total += ms;
      if (t >= WARM_UP_TICKS) took[room].push(ms);
    }
    if (t >= WARM_UP_TICKS) took.total.push(total);
  }
  const whole = flow('the same through createGroup, with incidents', material, count, []);
  return {
    entities: count,
    features: width,
    rooms: Object.entries(took).map(([room, list]) => ({
      room,
      medianMs: quantile(list, 0.5),
      p99Ms: quantile(list, 0.99),
    })),
    group: whole,
    targetMs: COLUMNAR_TARGET_MS,
    met: quantile(took.total, 0.5) < COLUMNAR_TARGET_MS,
  };
}

function timed(work: () => void): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}

function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.length === 0 ? NaN : sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)];
}

const flows: ReturnType<typeof flow>[] = [];
if (options.part !== 'columnar')
  for (const [name, make] of [
    ['synthetic node', syntheticMaterial],
    ['host', hostMaterial],
  ] as const) {
    const material = make();
    for (const count of COUNTS) flows.push(flow(name, material, count, DETECTORS));
  }
const tick = options.part === 'flow' ? undefined : columnar();

if (options.json) console.log(JSON.stringify({ node: process.version, smoke: options.smoke, flows, columnar: tick }));
else {
  if (flows.length > 0) {
    console.log(
      `features, baseline, ${DETECTORS.join(', ')}, decision, incidents; times of a tick (between two steps, when steps close, all)`,
    );
    console.log(`${''.padEnd(16)}${'entities features  us/sample  median ms closing ms     p99 ms  incidents'}`);
  }
  for (const one of flows) {
    const cells = [one.microsecondsPerSample, one.medianMs, one.closingStepMs, one.p99Ms].map((value) =>
      (Number.isNaN(value) ? '-' : value.toFixed(value < 1 ? 4 : 2)).padStart(11),
    );
    console.log(
      `${one.name.padEnd(16)}${String(one.entities).padStart(8)}${String(one.features).padStart(9)}${cells.join('')}${String(one.incidents).padStart(11)}`,
    );
  }
  if (tick) {
    console.log(`\n${tick.entities} entities x ${tick.features} features without a forest, ms a tick: median (p99)`);
    for (const { room, medianMs, p99Ms } of tick.rooms)
      console.log(`  ${room.padEnd(10)}${medianMs.toFixed(2).padStart(8)} (${p99Ms.toFixed(2)})`);
    console.log(`  ${tick.group.name}: ${tick.group.medianMs.toFixed(2)} (${tick.group.p99Ms.toFixed(2)})`);
    console.log(`${tick.met ? 'met' : 'MISSED'}: target < ${tick.targetMs} ms`);
  }
}
