/**
 * What the columnar flow costs, and what it saves: one tick of many entities through rates and steps, beside the same work done with an object per
 * value (a sample object in, a window object per series, a value object out). Both see the same samples in the same run, tick by tick in
 * turn, and must agree on every value before anything is timed. With 1 sample a step
 * both do the same arithmetic; with 15 the peer also adds up its whole window for each value, as such code does.
 *
 *     columnar.ts [--json] [--smoke]
 */
import { createRates } from '../exporter/src/features/rates.ts';
import { createSteps } from '../exporter/src/features/steps.ts';
import type { Batch, FeatureSpec, Schema } from '../exporter/src/flow.ts';
import { seededRandom } from '../exporter/src/random.ts';

const smoke = process.argv.includes('--smoke');
const ENTITIES = smoke ? 200 : 10_000;
const TICKS = smoke ? 40 : 200;
const WARM_UP = smoke ? 20 : 60;
const INTERVAL_MS = 1000;
const START = Date.UTC(2026, 0, 1);

/** 20 features as a host has them: 8 gauges, 12 counters, 2 of them durations per operation; 6 on a log scale, 4 with their peak. */
const schema: Schema = { name: 'host', features: Array.from({ length: 20 }, (_, column) => feature(column)) };
const columns = schema.features.length;

function feature(column: number): FeatureSpec {
  const counter = column >= 8;
  return {
    name: `feature_${column}`,
    unit: counter ? 'per_second' : 'ratio',
    help: 'of the benchmark',
    kind: counter ? 'counter' : 'gauge',
    per: column >= 18 ? 'feature_17' : undefined,
    direction: 'both',
    transform: column >= 12 ? 'none' : column >= 6 ? 'log1p' : 'none',
    minimumDeviation: 0,
    range: column === 8 ? [0, 1e9] : undefined,
    peak: column % 5 === 0,
  };
}

interface Workload {
  readonly batch: Batch;
  /** the next tick, in place: 1 s later, counters grew, 1 value in 50 is missing */
  advance(): void;
}

function workload(): Workload {
  const random = seededRandom(1);
  const totals = new Float64Array(ENTITIES * columns).map(() => random.between(0, 1e6));
  const noise = new Float64Array(65_536).map(() => random.between(0, 1000));
  const batch = {
    schema,
    entity: Int32Array.from({ length: ENTITIES }, (_, index) => index),
    time: new Float64Array(ENTITIES).fill(START - INTERVAL_MS),
    values: new Float64Array(ENTITIES * columns),
  };
  let cursor = 0;
  return {
    batch,
    advance() {
      for (let row = 0; row < ENTITIES; row++) batch.time[row] += INTERVAL_MS;
      cursor = random.below(noise.length);
      for (let i = 0; i < totals.length; i++) {
        const fresh = noise[(cursor + i * 7) & 65_535];
        const value = i % columns < 8 ? fresh : (totals[i] += Math.floor(fresh));
        batch.values[i] = fresh < 20 ? NaN : value;
      }
    },
  };
}

/** One tick: the rows that detectors would see, rows x columns. */
type Tick = (batch: Batch) => Float64Array;

function columnar(samplesPerStep: number): { tick: Tick; width: number } {
  const rates = createRates(schema, INTERVAL_MS);
  const steps = createSteps(schema, samplesPerStep, samplesPerStep * INTERVAL_MS);
  const width = steps.columns.length;
  const values = new Float64Array(ENTITIES * columns);
  const gap = new Uint8Array(ENTITIES);
  const out = new Float64Array(ENTITIES * width);
  return {
    width,
    tick(batch) {
      rates.apply(batch, values, gap);
      steps.push(batch.entity, batch.time, gap, values, ENTITIES, out);
      return out;
    },
  };
}

interface Sample {
  readonly feature: FeatureSpec;
  readonly entity: number;
  readonly time: number;
  readonly value: number;
}

interface Series {
  last: Sample | undefined;
  window: number[];
  step: number[];
}

interface Value {
  readonly name: string;
  readonly value: number;
}

/** The peer: the natural way to write it down, with a map of series and objects that are made for each value and thrown away. */
function objects(samplesPerStep: number): {
  make: (batch: Batch) => Sample[][];
  tick: (samples: Sample[][]) => Value[][];
} {
  const entities = new Map<number, Map<string, Series>>();
  const stepMs = samplesPerStep * INTERVAL_MS;
  const mean = (values: number[]) => {
    let sum = 0;
    let count = 0;
    for (const value of values) {
      if (Number.isNaN(value)) continue;
      sum += value;
      count++;
    }
    return sum / count;
  };
  const maximum = (values: number[]) => {
    let most = NaN;
    for (const value of values) if (!(value <= most) && !Number.isNaN(value)) most = value;
    return most;
  };
  const scaled = ({ transform }: FeatureSpec, value: number) => (transform === 'log1p' ? Math.log1p(value) : value);

  function tickEntity(samples: Sample[]): { values: Value[]; closed: Value[] } {
    let series = entities.get(samples[0].entity);
    if (!series) entities.set(samples[0].entity, (series = new Map()));
    const increases = new Map<string, { grew: number; elapsed: number }>();
    for (const sample of samples) {
      const last = series.get(sample.feature.name)?.last;
      if (sample.feature.kind !== 'counter' || Number.isNaN(sample.value) || !last) continue;
      const elapsed = sample.time - last.time;
      const grew = sample.value >= last.value && elapsed <= 3 * INTERVAL_MS ? sample.value - last.value : NaN;
      increases.set(sample.feature.name, { grew, elapsed });
    }
    const values: Value[] = [];
    const peaks: Value[] = [];
    const closed: Value[] = [];
    for (const sample of samples) {
      const { feature } = sample;
      let one = series.get(feature.name);
      if (!one) series.set(feature.name, (one = { last: undefined, window: [], step: [] }));
      let value = sample.value;
      if (feature.kind === 'counter') {
        const increase = increases.get(feature.name);
        const per = feature.per === undefined ? undefined : increases.get(feature.per);
        if (!increase) value = NaN;
        else if (feature.per === undefined) value = (increase.grew * 1000) / increase.elapsed;
        else value = per && per.grew > 0 && per.elapsed === increase.elapsed ? increase.grew / per.grew : NaN;
        if (feature.range) value = Math.max(feature.range[0], Math.min(feature.range[1], value));
        if (!Number.isNaN(sample.value)) one.last = sample;
      }
      if (samplesPerStep === 1) {
        values.push({ name: feature.name, value: scaled(feature, value) });
        continue;
      }
      if (sample.time % stepMs === 0 && one.step.length > 0) {
        closed.push({ name: feature.name, value: mean(one.step) });
        if (feature.peak) closed.push({ name: `${feature.name}_peak`, value: maximum(one.step) });
        one.step = [];
      }
      one.step.push(value);
      one.window.push(value);
      if (one.window.length > samplesPerStep) one.window.shift();
      values.push({ name: feature.name, value: scaled(feature, mean(one.window)) });
      if (feature.peak) peaks.push({ name: `${feature.name}_peak`, value: scaled(feature, maximum(one.window)) });
    }
    return { values: values.concat(peaks), closed };
  }

  return {
    make: ({ entity, time, values }) =>
      Array.from(entity, (index, row) =>
        schema.features.map((feature, c) => ({
          feature,
          entity: index,
          time: time[row],
          value: values[row * columns + c],
        })),
      ),
    tick: (samples) => samples.map((one) => tickEntity(one).values),
  };
}

function requireSame(expected: Value[][], actual: Float64Array, width: number, tick: number): void {
  expected.forEach((row, index) =>
    row.forEach(({ name, value }, c) => {
      const other = actual[index * width + c];
      const same = Number.isNaN(value)
        ? Number.isNaN(other)
        : Math.abs(value - other) <= 1e-9 * Math.max(1, Math.abs(value));
      if (!same) throw new Error(`tick ${tick}, entity ${index}, ${name}: objects say ${value}, columns say ${other}`);
    }),
  );
}

function quantile(times: number[], fraction: number): number {
  const sorted = [...times].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(fraction * sorted.length))];
}

function timed(work: () => void): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}

function compare(samplesPerStep: number) {
  const { batch, advance } = workload();
  const columnarSide = columnar(samplesPerStep);
  const objectSide = objects(samplesPerStep);
  const columnarMs: number[] = [];
  const objectsMs: number[] = [];
  // the peer is slow enough to be told from fewer ticks; it sees all that it is compared on
  const objectTicks = WARM_UP + Math.ceil(TICKS / 5);
  for (let tick = 0; tick < WARM_UP + TICKS; tick++) {
    advance();
    let rows: Float64Array = batch.values;
    const columnarTook = timed(() => (rows = columnarSide.tick(batch)));
    if (tick >= WARM_UP) columnarMs.push(columnarTook);
    if (tick >= objectTicks) continue;
    const samples = objectSide.make(batch);
    let values: Value[][] = [];
    const objectsTook = timed(() => (values = objectSide.tick(samples)));
    if (tick < WARM_UP) requireSame(values, rows, columnarSide.width, tick);
    else objectsMs.push(objectsTook);
  }
  const median = quantile(columnarMs, 0.5);
  return {
    samplesPerStep,
    entities: ENTITIES,
    features: columns,
    columnarMs: median,
    // what it takes when nobody else wants the processor, and when somebody does
    columnarP10Ms: quantile(columnarMs, 0.1),
    columnarP99Ms: quantile(columnarMs, 0.99),
    nanosecondsPerValue: (median * 1e6) / (ENTITIES * columns),
    objectsMs: quantile(objectsMs, 0.5),
    ratio: quantile(objectsMs, 0.5) / median,
  };
}

const results = [1, 15].map(compare);
if (process.argv.includes('--json')) {
  process.stdout.write(`${JSON.stringify({ node: process.version, smoke, results }, null, 2)}\n`);
} else {
  for (const r of results)
    process.stdout.write(
      `rates + steps, ${r.entities} entities x ${r.features} features, ${r.samplesPerStep} samples a step: ` +
        `${r.columnarMs.toFixed(2)} ms a tick (p10 ${r.columnarP10Ms.toFixed(2)}, p99 ${r.columnarP99Ms.toFixed(2)}; ` +
        `${r.nanosecondsPerValue.toFixed(1)} ns a value), ` +
        `objects ${r.objectsMs.toFixed(1)} ms: ${r.ratio.toFixed(1)}x\n`,
    );
}
