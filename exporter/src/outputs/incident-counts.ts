/**
 * What the page says about incidents: how many are open, and how many were opened and closed since the start.
 */
import type { Incident, IncidentEvent, Kind } from '../flow.ts';
import type { SeverityName } from '../wire/incident.ts';

/** Every kind there is; the type makes sure that none is forgotten. */
const KINDS = Object.keys({
  cpu_spike: 1,
  memory_pressure: 1,
  memory_leak: 1,
  latency_surge: 1,
  packet_storm: 1,
  bandwidth_drop: 1,
  error_flood: 1,
  correlation_break: 1,
  limit: 1,
  unknown: 1,
} satisfies Record<Kind, 1>) as Kind[];
const SEVERITIES: readonly SeverityName[] = ['low', 'medium', 'high'];

export interface IncidentCounts {
  /** Starts a monitor's totals: 0 for every kind and severity. Does nothing for one that has them. */
  addMonitor(monitor: string): void;
  removeMonitor(monitor: string): void;
  apply(event: IncidentEvent): void;
  /** Takes an open incident of an earlier run as open, without counting it as opened. */
  restore(incident: Incident): void;
  /** open incidents of one monitor by the entity that opened them; absent = none */
  active(monitor: string): ReadonlyMap<string, number>;
  /** by entity of one monitor: the newest open incident that it takes part in */
  openIncidents(monitor: string): ReadonlyMap<string, string>;
  opened(visit: (monitor: string, kind: string, total: number) => void): void;
  closed(visit: (monitor: string, kind: string, severity: string, total: number) => void): void;
}

/** What is kept of an open incident; its frames are not. */
interface OpenIncident {
  readonly id: string;
  readonly openedAt: number;
  readonly monitor: string;
  readonly entity: string;
  readonly participants: readonly { readonly monitor: string; readonly entity: string }[];
}

interface Index {
  readonly active: Map<string, Map<string, number>>;
  readonly newest: Map<string, Map<string, string>>;
}

const NONE: ReadonlyMap<string, never> = new Map<string, never>();

export function createIncidentCounts(): IncidentCounts {
  const open = new Map<string, OpenIncident>();
  const totals = new Map<string, { opened: Map<Kind, number>; closed: Map<Kind, Map<SeverityName, number>> }>();
  let index: Index | undefined;

  function remember(incident: Incident): void {
    if (!totals.has(incident.monitor)) return;
    const { id, openedAt, monitor, entity, sources } = incident;
    open.set(id, { id, openedAt, monitor, entity, participants: [{ monitor, entity }, ...sources] });
    index = undefined;
  }

  return {
    addMonitor(monitor) {
      if (totals.has(monitor)) return;
      totals.set(monitor, {
        opened: new Map(KINDS.map((kind) => [kind, 0])),
        closed: new Map(KINDS.map((kind) => [kind, new Map(SEVERITIES.map((severity) => [severity, 0]))])),
      });
    },
    removeMonitor(monitor) {
      totals.delete(monitor);
      for (const [id, incident] of open) if (incident.monitor === monitor) open.delete(id);
      index = undefined;
    },
    apply({ type, incident }) {
      const own = totals.get(incident.monitor);
      if (type === 'closed') {
        const closed = own?.closed.get(incident.kind);
        closed?.set(incident.severity, closed.get(incident.severity)! + 1);
        open.delete(incident.id);
        index = undefined;
        return;
      }
      if (type === 'opened') own?.opened.set(incident.kind, own.opened.get(incident.kind)! + 1);
      remember(incident);
    },
    restore(incident) {
      if (incident.state === 'open') remember(incident);
    },
    active: (monitor) => (index ??= indexOf(open.values())).active.get(monitor) ?? NONE,
    openIncidents: (monitor) => (index ??= indexOf(open.values())).newest.get(monitor) ?? NONE,
    opened(visit) {
      for (const [monitor, { opened }] of totals) for (const [kind, total] of opened) visit(monitor, kind, total);
    },
    closed(visit) {
      for (const [monitor, { closed }] of totals) {
        for (const [kind, severities] of closed) {
          for (const [severity, total] of severities) visit(monitor, kind, severity, total);
        }
      }
    },
  };
}

function indexOf(incidents: Iterable<OpenIncident>): Index {
  const active: Index['active'] = new Map();
  const newest: Index['newest'] = new Map();
  for (const incident of [...incidents].sort((a, b) => a.openedAt - b.openedAt)) {
    const counts = innerMap(active, incident.monitor);
    counts.set(incident.entity, (counts.get(incident.entity) ?? 0) + 1);
    for (const { monitor, entity } of incident.participants) innerMap(newest, monitor).set(entity, incident.id);
  }
  return { active, newest };
}

function innerMap<V>(maps: Map<string, Map<string, V>>, key: string): Map<string, V> {
  let map = maps.get(key);
  if (!map) maps.set(key, (map = new Map<string, V>()));
  return map;
}
