/**
 * Verdicts -> incidents. A reducer in event time: each row moves its entity's hysteresis; what opens joins the host's open incident or starts one; the incident
 * closes when its last entity has calmed down. Everything that survives a restart is in `save`.
 */
import { randomUUID } from 'node:crypto';
import type { IncidentEvent, Schema, Verdicts } from '../flow.ts';
import type { Contribution, Incident, IncidentDetail, Kind, SeverityName } from '../wire/incident.ts';
import { checksFor, summarise } from './describe.ts';
import { hysteresisRules, newHysteresis, step, type Hysteresis } from './hysteresis.ts';
import {
  addFrame,
  createRecentRows,
  keepsRecentRows,
  recorded,
  type RecentRows,
  type Recording,
  type RowView,
} from './recorder.ts';

/** hot rows after the opening in which the kind may still be corrected */
const KIND_ROWS = 20;
/** an incident this long has become the new normal: training has taken its level in */
const NEW_NORMAL_MS = 24 * 3_600_000;
/** open incidents are told as `updated` at most this often, unless their severity or kind changes */
const UPDATE_MS = 10_000;
const CONTRIBUTIONS = 10;

/** Kind of one row of the verdicts that are being applied. */
export type KindOf = (row: number) => Kind;

interface Participant {
  monitor: string;
  entity: string;
  peak: number;
  kind: Kind;
  active: boolean;
}

interface Open {
  incident: Incident;
  participants: Participant[];
  recording: Recording;
  /** score-weighted votes for the kind, while it may still be corrected */
  votes: Partial<Record<Kind, number>>;
  hotRows: number;
  toldAt: number;
}

interface Stream {
  entities: readonly { id: string }[];
  hysteresis: Hysteresis[];
  recent: (RecentRows | undefined)[];
  /** first row at or above the threshold of those that may open; ms */
  aboveSince: Float64Array;
}

export interface TrackerSaved {
  open: Open[];
  streams: { monitor: string; schema: string; entity: string; hysteresis: Hysteresis }[];
}

export function createTracker(severityOf: (score: number) => SeverityName) {
  const openByHost = new Map<string, Open>();
  const streams = new Map<string, Stream>();
  let restored: TrackerSaved['streams'] = [];

  function streamOf(verdicts: Verdicts): Stream {
    const key = streamKey(verdicts.monitor, verdicts.schema.name);
    let stream = streams.get(key);
    if (!stream) {
      stream = { entities: verdicts.entities, hysteresis: [], recent: [], aboveSince: new Float64Array(0) };
      streams.set(key, stream);
    }
    const needed = verdicts.entities.length;
    if (stream.aboveSince.length < needed) {
      const larger = new Float64Array(Math.max(needed, 2 * stream.aboveSince.length)).fill(NaN);
      larger.set(stream.aboveSince);
      stream.aboveSince = larger;
    }
    while (stream.hysteresis.length < needed) {
      const e = stream.hysteresis.length;
      const entity = verdicts.entities[e];
      const at = restored.findIndex(
        (s) => s.monitor === verdicts.monitor && s.schema === verdicts.schema.name && s.entity === entity.id,
      );
      stream.hysteresis.push(at >= 0 ? restored.splice(at, 1)[0].hysteresis : newHysteresis());
    }
    return stream;
  }

  /** An entity that was let go is in no alarm: when it comes back, it may open one. */
  function calm(monitor: string, entity: string): void {
    for (const [key, stream] of streams) {
      if (!key.startsWith(`${monitor}\n`)) continue;
      stream.hysteresis.forEach((_, e) => {
        if (stream.entities[e]?.id === entity) stream.hysteresis[e] = newHysteresis();
      });
    }
    for (const saved of restored)
      if (saved.monitor === monitor && saved.entity === entity) saved.hysteresis = newHysteresis();
  }

  return {
    /** Moves every row of the verdicts on; the events are in the order in which they happened. */
    apply(verdicts: Verdicts, kindOf: KindOf): IncidentEvent[] {
      const rules = hysteresisRules(verdicts.intervalMs);
      const stream = streamOf(verdicts);
      const events: IncidentEvent[] = [];
      const { columns } = verdicts.values;
      for (let r = 0; r < verdicts.rows; r++) {
        const e = verdicts.entity[r];
        const time = verdicts.time[r];
        const score = verdicts.severity[r] > 0 ? verdicts.score[r] : Math.min(verdicts.score[r], 0.99);
        const hysteresis = stream.hysteresis[e];
        if (!(hysteresis.recent & 1)) stream.aboveSince[e] = time;
        const change = step(hysteresis, score, rules);
        const view: RowView = {
          time,
          score: verdicts.score[r],
          at: r * columns,
          columns,
          values: verdicts.values.data,
          expected: verdicts.expected.data,
          lower: verdicts.lower.data,
          upper: verdicts.upper.data,
        };
        if (change === 'none') {
          if (keepsRecentRows(e)) (stream.recent[e] ??= createRecentRows(columns)).push(view);
          continue;
        }
        const host = verdicts.entities[e].host;
        let open = openByHost.get(host);
        if (change === 'open') {
          const kind = kindOf(r);
          if (!open) {
            open = begin(verdicts, r, kind, stream.aboveSince[e], stream.recent[e]);
            openByHost.set(host, open);
            addFrame(open.recording, view);
            events.push({ type: 'opened', incident: detail(open) });
          } else {
            join(open, verdicts, r, kind);
            hot(open, verdicts, r, kindOf);
            events.push({ type: 'updated', incident: detail(open) });
          }
        } else if (open) {
          const own = isOpener(open, verdicts, e);
          if (own) {
            open.incident.rows++;
            // after a reload the monitor may have other features than the incident began with
            if (columns === open.incident.features.length) addFrame(open.recording, view);
          }
          if (change === 'hot') {
            const before = `${open.incident.severity}${open.incident.kind}`;
            hot(open, verdicts, r, kindOf);
            if (
              before !== `${open.incident.severity}${open.incident.kind}` ||
              Math.abs(time - open.toldAt) >= UPDATE_MS
            ) {
              open.toldAt = time;
              events.push({ type: 'updated', incident: detail(open) });
            }
          } else if (change === 'close') {
            const participant = find(open, verdicts, e);
            if (participant) participant.active = false;
            if (open.participants.every((p) => !p.active)) {
              events.push(close(open, time));
              openByHost.delete(host);
            }
          }
        }
        if (keepsRecentRows(e)) (stream.recent[e] ??= createRecentRows(columns)).push(view);
      }
      return events;
    },

    /** Entities of a monitor that is gone (reload) or silent can no longer calm down: their incidents end here. */
    release(monitor: string, gone: (entity: string) => boolean, time: number): IncidentEvent[] {
      const events: IncidentEvent[] = [];
      for (const [host, open] of openByHost) {
        for (const p of open.participants) {
          if (p.monitor !== monitor || !p.active || !gone(p.entity)) continue;
          p.active = false;
          calm(monitor, p.entity);
        }
        if (open.participants.every((p) => !p.active)) {
          events.push(close(open, time));
          openByHost.delete(host);
        }
      }
      return events;
    },

    /**
     * The monitor starts anew, perhaps with other features or entities in another order: how close each entity is to an alarm is kept under its id, rows that
     * were kept for recordings are not.
     */
    renew(monitor: string, entities: readonly { id: string }[]): void {
      for (const [key, { hysteresis }] of streams) {
        const [name, schema] = key.split('\n');
        if (name !== monitor) continue;
        hysteresis.forEach((own, e) => {
          if (entities[e]) restored.push({ monitor, schema, entity: entities[e].id, hysteresis: own });
        });
        streams.delete(key);
      }
    },

    forget(monitor: string): void {
      for (const key of streams.keys()) if (key.startsWith(`${monitor}\n`)) streams.delete(key);
    },

    open: (): Incident[] => [...openByHost.values()].map((o) => o.incident),

    save(entitiesOf: (monitor: string, schema: string) => readonly { id: string }[]): TrackerSaved {
      const saved: TrackerSaved['streams'] = [...restored];
      for (const [key, stream] of streams) {
        const [monitor, schema] = key.split('\n');
        const entities = entitiesOf(monitor, schema);
        stream.hysteresis.forEach((hysteresis, e) => {
          if (entities[e]) saved.push({ monitor, schema, entity: entities[e].id, hysteresis });
        });
      }
      return structuredClone({ open: [...openByHost.values()], streams: saved });
    },

    restore(saved: TrackerSaved): void {
      for (const open of saved.open) openByHost.set(open.incident.host, open);
      restored = saved.streams;
    },
  };

  function begin(verdicts: Verdicts, r: number, kind: Kind, since: number, recent: RecentRows | undefined): Open {
    const entity = verdicts.entities[verdicts.entity[r]];
    const score = verdicts.score[r];
    const time = verdicts.time[r];
    const open: Open = {
      incident: {
        id: randomUUID(),
        state: 'open',
        host: entity.host,
        monitor: verdicts.monitor,
        entity: entity.id,
        kind,
        firstKind: kind,
        severity: severityOf(score),
        peak: score,
        confidence: verdicts.confidence[r],
        startedAt: Math.min(since, time),
        openedAt: time,
        lastHotAt: time,
        closedAt: null,
        rows: 1,
        sources: [],
        contributions: ranked(verdicts, r),
        summary: '',
        checks: checksFor(kind),
        newNormal: false,
        features: verdicts.schema.features.map((f) => f.name),
      },
      participants: [],
      recording: { frames: recent?.frames() ?? [], tail: [] },
      votes: {},
      hotRows: 0,
      toldAt: time,
    };
    join(open, verdicts, r, kind);
    describe(open);
    return open;
  }

  function hot(open: Open, verdicts: Verdicts, r: number, kindOf: KindOf): void {
    const { incident } = open;
    const score = verdicts.score[r];
    incident.lastHotAt = Math.max(incident.lastHotAt, verdicts.time[r]);
    if (incident.lastHotAt - incident.startedAt >= NEW_NORMAL_MS) incident.newNormal = true;
    const participant = find(open, verdicts, verdicts.entity[r]);
    if (participant && score > participant.peak) participant.peak = score;
    if (score >= 1 && isOpener(open, verdicts, verdicts.entity[r]) && open.hotRows < KIND_ROWS) {
      open.hotRows++;
      const kind = kindOf(r);
      open.votes[kind] = (open.votes[kind] ?? 0) + score;
      const [best] = Object.entries(open.votes).sort((a, b) => b[1] - a[1])[0] as [Kind, number];
      if (best !== incident.kind && open.hotRows >= 3) {
        incident.kind = best;
        incident.checks = checksFor(best);
      }
      if (participant) participant.kind = incident.kind;
    }
    if (score > incident.peak) {
      incident.peak = score;
      incident.severity = severityOf(score);
      incident.confidence = verdicts.confidence[r];
      incident.contributions = ranked(verdicts, r);
    }
    describe(open);
  }

  function describe(open: Open): void {
    open.incident.summary = summarise(open.incident.kind, open.incident.entity, open.incident.contributions);
    open.incident.sources = open.participants.map(({ monitor, entity, kind, peak }) => ({
      monitor,
      entity,
      kind,
      peak,
    }));
  }
}

export type Tracker = ReturnType<typeof createTracker>;

function streamKey(monitor: string, schema: string): string {
  return `${monitor}\n${schema}`;
}

function find(open: Open, verdicts: Verdicts, e: number): Participant | undefined {
  return open.participants.find((p) => p.monitor === verdicts.monitor && p.entity === verdicts.entities[e].id);
}

function isOpener(open: Open, verdicts: Verdicts, e: number): boolean {
  return open.incident.monitor === verdicts.monitor && open.incident.entity === verdicts.entities[e].id;
}

function join(open: Open, verdicts: Verdicts, r: number, kind: Kind): void {
  const e = verdicts.entity[r];
  const known = find(open, verdicts, e);
  if (known) known.active = true;
  else
    open.participants.push({
      monitor: verdicts.monitor,
      entity: verdicts.entities[e].id,
      peak: verdicts.score[r],
      kind,
      active: true,
    });
}

function close(open: Open, time: number): IncidentEvent {
  open.incident.state = 'closed';
  open.incident.closedAt = Math.max(time, open.incident.openedAt);
  return { type: 'closed', incident: detail(open) };
}

function detail(open: Open): IncidentDetail {
  return structuredClone({ ...open.incident, frames: recorded(open.recording) });
}

/** Contributions of a row, largest first, at most ten. */
function ranked(verdicts: Verdicts, r: number): Contribution[] {
  const { features }: Schema = verdicts.schema;
  const { columns } = verdicts.values;
  const read = (data: Float64Array, j: number) => {
    const value = data[r * columns + j];
    return Number.isFinite(value) ? value : null;
  };
  return features
    .map((feature, j) => ({
      feature: feature.name,
      unit: feature.unit,
      share: verdicts.contributions.data[r * columns + j] || 0,
      value: read(verdicts.values.data, j),
      expected: read(verdicts.expected.data, j),
      lower: read(verdicts.lower.data, j),
      upper: read(verdicts.upper.data, j),
    }))
    .filter((c) => c.share > 0)
    .sort((a, b) => b.share - a.share)
    .slice(0, CONTRIBUTIONS);
}
