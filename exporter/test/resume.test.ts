/**
 * The same rows through a flow that never stopped and through one that was saved, written to disk, read and resumed: the same verdicts, bit for bit, and the
 * same incidents. Without processes, so that nothing but the restart differs.
 */
import { join } from 'node:path';
import { resolveMonitor, type MonitorConfig } from '../src/config/monitors.ts';
import { fileOptions } from '../src/config/schema.ts';
import { severityName } from '../src/decision/severity.ts';
import { createDetector } from '../src/detectors/registry.ts';
import type { Batch, Entity, IncidentEvent, Rows, Verdicts } from '../src/flow.ts';
import { createTracker, type Tracker } from '../src/incidents/tracker.ts';
import { createGroup, type FittedModel, type Group } from '../src/pipeline/group.ts';
import { restoreIncidents, saveIncidentsSync } from '../src/pipeline/incident-state.ts';
import { encodeState, readState, statePath, writeStateSync } from '../src/pipeline/monitor-state.ts';
import { sourceTypes } from '../src/sources/registry.ts';
import { nodeGenerator } from '../src/sources/synthetic/generator.ts';
import { NODES, SYNTHETIC_SCHEMA } from '../src/sources/synthetic/network.ts';
import { removeFolders, temporaryFolder } from '../src/store/testing/disk.ts';
import { openIncidentJournal } from '../src/store/journal.ts';
import { recordingObserver } from '../src/store/testing/recording-observer.ts';
import { fitHeldOut } from '../src/training/fit.ts';

afterAll(removeFolders);

const BEFORE = 500;
const AFTER = 1500;
const INTERVAL_MS = 1000;
const START = Date.UTC(2026, 0, 1);
const ENTITIES: Entity[] = NODES.map(({ id }) => ({ id, kind: SYNTHETIC_SCHEMA.name, host: id, labels: {} }));

interface Flow {
  readonly group: Group;
  readonly tracker: Tracker;
  push(batch: Batch): { verdicts: Verdicts; events: IncidentEvent[] };
}

function createFlow(config: MonitorConfig, steps: (entity: number, time: number, row: Float64Array) => void): Flow {
  const group: Group = createGroup({
    config,
    schema: SYNTHETIC_SCHEMA,
    entities: ENTITIES,
    detectors: [createDetector('isolation-forest')],
    onMet() {},
    onScored() {},
    onStep(entity, time, values, at) {
      const row = new Float64Array(group.columns.length);
      group.transform.forward(values.subarray(at, at + row.length), 1, row);
      steps(entity, time, row);
    },
  });
  const tracker = createTracker(severityName);
  return {
    group,
    tracker,
    push(batch) {
      const verdicts = group.process(batch);
      const events = tracker.apply(verdicts, (row) => group.kindOf(verdicts, row));
      for (const { type, incident } of events)
        if (type === 'opened')
          group.incidentOpened(
            ENTITIES.findIndex(({ id }) => id === incident.entity),
            incident.openedAt,
          );
      return { verdicts, events };
    },
  };
}

/** Rows with many faults, so that scores, habits, budgets and incidents all have something to remember. */
function createRows(): () => Batch {
  const nodes = NODES.map((_, node) => nodeGenerator(7, node, INTERVAL_MS, 0.2));
  let t = 0;
  return () => {
    const time = START + t++ * INTERVAL_MS;
    const width = SYNTHETIC_SCHEMA.features.length;
    const values = new Float64Array(NODES.length * width);
    nodes.forEach((node, n) => values.set(node.next(time).values, n * width));
    return {
      schema: SYNTHETIC_SCHEMA,
      entity: Int32Array.from(NODES.keys()),
      time: new Float64Array(NODES.length).fill(time),
      values,
    };
  };
}

/** Everything that a verdict says; arrays are copied, because they are reused. */
function told({ score, confidence, severity, budgetUsed, expected, lower, upper, contributions, detectors }: Verdicts) {
  return {
    score: [...score.subarray(0, NODES.length)],
    confidence: [...confidence.subarray(0, NODES.length)],
    severity: [...severity.subarray(0, NODES.length)],
    budgetUsed: [...budgetUsed.subarray(0, NODES.length)],
    bands: [expected, lower, upper, contributions].map(({ data, rows, columns }) => [
      ...data.subarray(0, rows * columns),
    ]),
    detectors: detectors.map(({ name, score, raw, threshold, warmup }) => [
      name,
      ...[score, raw, threshold, warmup].map((column) => [...column.subarray(0, NODES.length)]),
    ]),
  };
}

/** The newest closed steps of an entity, which a start reads from history. The network's features are not transformed, so these are natural units. */
function lastRows({ values, time }: { values: number[]; time: number[] }, count: number): Rows {
  const columns = SYNTHETIC_SCHEMA.features.length;
  return {
    values: { rows: count, columns, data: Float64Array.from(values.slice(-count * columns)) },
    time: Float64Array.from(time.slice(-count)),
    segment: new Int32Array(count),
  };
}

const eventOf = ({
  type,
  incident: { host, kind, severity, peak, startedAt, openedAt, closedAt, rows },
}: IncidentEvent) => ({
  type,
  host,
  kind,
  severity,
  peak,
  startedAt,
  openedAt,
  closedAt,
  rows,
});

interface Case {
  readonly step: string;
  /** samples before the models are fitted */
  readonly learn: number;
  /** whether to stop only when two incidents are open */
  readonly inIncidents: boolean;
}

/** One flow that never stops, another that was saved, written, read and resumed beside it, and the rows that come next for both. */
async function stopAndResume({
  step,
  learn,
  inIncidents,
}: Case): Promise<{ whole: Flow; resumed: Flow; next: () => Batch }> {
  const [given] = fileOptions.parse({
    monitors: [
      {
        name: 'net',
        source: 'synthetic',
        step,
        trust: '100 rows',
        threshold: { method: 'budget', incidents_per_day: 100 },
      },
    ],
  }).monitors!;
  const config = resolveMonitor(given, { sources: sourceTypes });
  const detector = createDetector('isolation-forest');
  const next = createRows();
  const rows = ENTITIES.map(() => ({ values: [] as number[], time: [] as number[] }));
  const whole = createFlow(config, (entity, time, row) => {
    rows[entity].values.push(...row);
    rows[entity].time.push(time);
  });
  for (let t = 0; t < learn; t++) whole.push(next());
  const fitted = ENTITIES.map((_, entity) => {
    const result = fitHeldOut(
      detector,
      {
        detector: detector.name,
        values: Float64Array.from(rows[entity].values),
        time: Float64Array.from(rows[entity].time),
        segment: new Int32Array(rows[entity].time.length),
        features: whole.group.columns,
        seed: config.seed,
        rowsPerDay: 86_400_000 / config.stepMs,
      },
      () => {},
    );
    const model: FittedModel = { model: detector.load(result.model), meanScore: result.meanScore, shared: false };
    whole.group.use(0, entity, model, result.unseen);
    return { bytes: result.model, meanScore: result.meanScore };
  });
  for (let t = 0; t < BEFORE; t++) whole.push(next());
  for (let t = 0; inIncidents && whole.tracker.open().length < 2; t++) {
    if (t > 40_000) throw new Error('no two incidents were ever open at once');
    whole.push(next());
  }

  const folder = temporaryFolder();
  const observer = recordingObserver();
  const journal = openIncidentJournal(join(folder, 'incidents'), { observer });
  const incidents = whole.tracker.save(() => ENTITIES);
  for (const { incident } of incidents.open) journal.append({ type: 'opened', incident: { ...incident, frames: [] } });
  const state = encodeState('net', [{ schema: SYNTHETIC_SCHEMA.name, entities: whole.group.save() }]);
  writeStateSync(statePath(folder, 'net'), state);
  saveIncidentsSync(folder, incidents);

  const resumed = createFlow(config, () => {});
  for (const saved of readState(statePath(folder, 'net'), 'net')!) resumed.group.restore(saved.entities);
  restoreIncidents(folder, resumed.tracker, journal);
  ENTITIES.forEach((_, entity) => resumed.group.remember(entity, lastRows(rows[entity], detector.history)));
  fitted.forEach(({ bytes, meanScore }, entity) => {
    const model: FittedModel = { model: detector.load(bytes.slice(0)), meanScore, shared: false };
    resumed.group.use(0, entity, model, new Float64Array(0));
  });
  expect(resumed.tracker.open().map(({ id }) => id)).toEqual(whole.tracker.open().map(({ id }) => id));
  await journal.close();
  return { whole, resumed, next };
}

test('Where a step is a sample, a flow that is saved and resumed gives the verdicts and incidents of one that never stopped, bit for bit.', async () => {
  const { whole, resumed, next } = await stopAndResume({ step: '1s', learn: 400, inIncidents: true });
  let trusted = 0;
  const events: [unknown[], unknown[]] = [[], []];
  for (let t = 0; t < AFTER; t++) {
    const batch = next();
    const [one, other] = [whole, resumed].map((flow) => flow.push(batch));
    expect({ row: t, ...told(other.verdicts) }).toEqual({ row: t, ...told(one.verdicts) });
    events[0].push(...one.events.map(eventOf));
    events[1].push(...other.events.map(eventOf));
    if (one.verdicts.detectors.at(-1)!.warmup[0] >= 1) trusted++;
  }
  expect(events[1]).toEqual(events[0]);
  // it was about something: trusted scores, incidents that opened and closed
  expect(trusted).toBe(AFTER);
  for (const type of ['opened', 'closed'])
    expect(events[0].filter((event) => (event as { type: string }).type === type).length).toBeGreaterThan(0);
});

test('Where a step is many samples, the step that a restart cuts in two changes the scores of the model a little until it is forgotten, and the baseline not at all.', async () => {
  const { whole, resumed, next } = await stopAndResume({ step: '15s', learn: 6000, inIncidents: false });
  const remembered = createDetector('isolation-forest').history;
  let largest = 0;
  for (let t = 0; t < AFTER; t++) {
    const batch = next();
    const [one, other] = [whole, resumed].map((flow) => flow.push(batch).verdicts.detectors);
    // the window of the trailing step has to fill first
    if (t < 15) continue;
    expect([...other[0].raw.subarray(0, NODES.length)]).toEqual([...one[0].raw.subarray(0, NODES.length)]);
    for (let e = 0; e < NODES.length; e++) {
      const difference = Math.abs(other[1].raw[e] / one[1].raw[e] - 1);
      largest = Math.max(largest, difference);
      if (t >= 15 * (remembered + 2)) expect([t, difference]).toEqual([t, 0]);
    }
  }
  // without what is remembered of the steps before, it is more than 10 %
  expect(largest).toBeLessThan(0.03);
});
