/**
 * The flow without a clock, files or threads: samples in, incidents out, models fitted between two rows. Evaluations and tests replay days in seconds with the
 * same groups, decisions and incidents as the running exporter.
 */
import { severityName } from '../decision/severity.ts';
import type { MonitorConfig } from '../config/monitors.ts';
import { createDetector } from '../detectors/registry.ts';
import type { Batch, Entity, IncidentEvent, Schema, Verdicts } from '../flow.ts';
import { createTracker } from '../incidents/tracker.ts';
import { fitHeldOut } from '../training/fit.ts';
import { createGroup } from './group.ts';

const DAY_MS = 86_400_000;
/** rows a replayed model is fitted on at most, the newest ones */
const MOST_ROWS = 20_000;

export interface Replay {
  /** One batch of the schema; verdicts are valid until the next call. */
  push(batch: Batch): { verdicts: Verdicts; events: readonly IncidentEvent[] };
}

/** Refits when rows have doubled until there is a day of them, then daily, as the scheduler does. */
export function createReplay(config: MonitorConfig, schema: Schema, entities: readonly Entity[]): Replay {
  const detectors = config.detectors
    .filter((name) => name !== 'baseline')
    .map((name) => createDetector(name, config.detectorOptions[name]));
  const rowsPerDay = DAY_MS / config.stepMs;
  const rows: { values: Float64Array; time: number }[][] = [];
  const nextFit: number[][] = [];
  const tracker = createTracker(severityName);
  const due: number[] = [];
  const group = createGroup({
    config,
    schema,
    entities,
    detectors,
    onMet: () => {},
    onScored: () => {},
    onStep(entity, time, values, at) {
      const kept = (rows[entity] ??= []);
      const row = new Float64Array(group.columns.length);
      group.transform.forward(values.subarray(at, at + row.length), 1, row);
      kept.push({ values: row, time });
      due.push(entity);
    },
  });

  function fit(entity: number): void {
    const all = rows[entity];
    detectors.forEach((detector, d) => {
      const plan = (nextFit[entity] ??= detectors.map((each) => each.minimumRows));
      if (all.length < plan[d]) return;
      plan[d] = all.length < rowsPerDay ? Math.min(2 * all.length, rowsPerDay) : all.length + rowsPerDay;
      const used = all.slice(-MOST_ROWS);
      const columns = group.columns.length;
      const values = new Float64Array(used.length * columns);
      used.forEach((row, r) => values.set(row.values, r * columns));
      const result = fitHeldOut(
        detector,
        {
          detector: detector.name,
          values,
          time: Float64Array.from(used, (row) => row.time),
          segment: new Int32Array(used.length),
          features: group.columns,
          seed: config.seed,
          rowsPerDay,
        },
        () => {},
      );
      const model = { model: detector.load(result.model), meanScore: result.meanScore, shared: false };
      group.use(d, entity, model, result.unseen);
    });
  }

  return {
    push(batch) {
      const verdicts = group.process(batch);
      const events = tracker.apply(verdicts, (row) => group.kindOf(verdicts, row));
      for (const { type, incident } of events)
        if (type === 'opened')
          group.incidentOpened(
            entities.findIndex(({ id }) => id === incident.entity),
            incident.openedAt,
          );
      for (const entity of due.splice(0)) fit(entity);
      return { verdicts, events };
    },
  };
}
