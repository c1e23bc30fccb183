/** What of each incident stays in memory: what lists are filtered by, and where the rest lies. */
import type { Incident, Kind, SeverityName } from '../wire/incident.ts';
import type { LineParts } from './journal-line.ts';

/** Filters of a list; all that are set must match. Times are ms since the epoch and bound `openedAt`, both ends included. */
export interface IncidentQuery {
  state?: 'open' | 'closed';
  /** `monitor` and `entity` match any source of the incident, both the same one when both are given */
  monitor?: string;
  entity?: string;
  host?: string;
  kind?: Kind;
  severity?: SeverityName;
  from?: number;
  to?: number;
  limit: number;
}

/** A line in the file, or still in memory. */
export interface PlacedLine extends LineParts {
  /** of its start in the file; -1 while it is in memory only */
  offset: number;
  readonly length: number;
  /** undefined once it is in the file */
  bytes: Buffer | undefined;
}

export interface Entry {
  readonly id: string;
  readonly order: number;
  state: 'open' | 'closed';
  host: string;
  kind: Kind;
  severity: SeverityName;
  openedAt: number;
  sources: readonly (readonly [monitor: string, entity: string])[];
  latest: PlacedLine;
  /** the newest line that has frames */
  recorded: PlacedLine | undefined;
}

export interface IncidentIndex {
  get(id: string): Entry | undefined;
  /** Later lines of an incident replace earlier ones. Beyond `keep` incidents the oldest closed one goes. */
  apply(incident: Incident, line: PlacedLine): void;
  /** The line does not exist any more. */
  forget(line: PlacedLine, id: string): void;
  /** Newest first; `total` counts what matched before the limit. */
  select(query: IncidentQuery): { total: number; entries: Entry[] };
  /** In the order in which they came. */
  all(): Entry[];
}

export function createIncidentIndex(keep: number): IncidentIndex {
  const entries = new Map<string, Entry>();
  let order = 0;

  function dropOldest(): void {
    let oldest: Entry | undefined;
    for (const entry of entries.values()) {
      if (entry.state === 'closed' && (!oldest || entry.openedAt < oldest.openedAt)) oldest = entry;
    }
    if (oldest) entries.delete(oldest.id);
  }

  return {
    get: (id) => entries.get(id),
    apply(incident, line) {
      const known = entries.get(incident.id);
      const facts = {
        state: incident.state,
        host: incident.host,
        kind: incident.kind,
        severity: incident.severity,
        openedAt: incident.openedAt,
        sources: sourcesOf(incident),
        latest: line,
      };
      const recorded = line.framesStart > 0 ? line : known?.recorded;
      if (known) {
        Object.assign(known, facts, { recorded });
        return;
      }
      entries.set(incident.id, { id: incident.id, order: order++, ...facts, recorded });
      if (entries.size > keep) dropOldest();
    },
    forget(line, id) {
      const entry = entries.get(id);
      if (entry?.recorded === line) entry.recorded = undefined;
      if (entry?.latest === line) entries.delete(id);
    },
    select(query) {
      const matching = [...entries.values()].filter((entry) => matches(entry, query));
      matching.sort((a, b) => b.openedAt - a.openedAt || b.order - a.order);
      return { total: matching.length, entries: matching.slice(0, query.limit) };
    },
    all: () => [...entries.values()],
  };
}

function matches(entry: Entry, query: IncidentQuery): boolean {
  const { state, monitor, entity, host, kind, severity, from = -Infinity, to = Infinity } = query;
  return (
    (state === undefined || entry.state === state) &&
    (host === undefined || entry.host === host) &&
    (kind === undefined || entry.kind === kind) &&
    (severity === undefined || entry.severity === severity) &&
    entry.openedAt >= from &&
    entry.openedAt <= to &&
    entry.sources.some(
      (source) => (monitor === undefined || source[0] === monitor) && (entity === undefined || source[1] === entity),
    )
  );
}

function sourcesOf(incident: Incident): [string, string][] {
  const own: [string, string] = [incident.monitor, incident.entity];
  const others = (incident.sources ?? []).map(({ monitor, entity }): [string, string] => [monitor, entity]);
  return [own, ...others.filter(([monitor, entity]) => monitor !== own[0] || entity !== own[1])];
}
