/**
 * How incidents meet labelled events. An event is hit if an incident opens inside it or up to `grace` rows after its end; an incident is right if it overlaps an
 * event. Times are row numbers, ends inclusive.
 */

export interface LabelledEvent {
  readonly kind: string;
  readonly from: number;
  readonly to: number;
}

export interface OpenedIncident {
  /** kind it had when it opened */
  readonly kind: string;
  readonly from: number;
  readonly to: number;
}

export interface EventScores {
  readonly events: number;
  readonly hits: number;
  readonly incidents: number;
  readonly overlapping: number;
  /** hits whose incident opened with the event's kind */
  readonly rightKinds: number;
  readonly byKind: Readonly<Record<string, { events: number; hits: number; rightKinds: number }>>;
}

/** Both lists in the order of `from`. */
export function scoreEvents(
  events: readonly LabelledEvent[],
  incidents: readonly OpenedIncident[],
  grace: number,
): EventScores {
  const byKind: Record<string, { events: number; hits: number; rightKinds: number }> = {};
  let hits = 0;
  let rightKinds = 0;
  for (const event of events) {
    const own = (byKind[event.kind] ??= { events: 0, hits: 0, rightKinds: 0 });
    own.events++;
    const incident = incidents.find(({ from }) => from >= event.from && from <= event.to + grace);
    if (!incident) continue;
    own.hits++;
    hits++;
    if (incident.kind !== event.kind) continue;
    own.rightKinds++;
    rightKinds++;
  }
  const overlapping = incidents.filter((i) => events.some((e) => i.from <= e.to && i.to >= e.from)).length;
  return { events: events.length, hits, incidents: incidents.length, overlapping, rightKinds, byKind };
}
