/**
 * How incidents meet labelled events. An event is hit if an incident opens between its begin and `grace` rows after its end and does not end before the label
 * starts; an incident is right if it meets an event in that sense or overlaps one. Times are row numbers, ends inclusive.
 */

export interface LabelledEvent {
  readonly kind: string;
  /** first row of the fault itself, which may climb for a while before it is far enough out to be labelled; default `from` */
  readonly begin?: number;
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
    const incident = incidents.find((one) => meets(one, event, grace));
    if (!incident) continue;
    own.hits++;
    hits++;
    if (incident.kind !== event.kind) continue;
    own.rightKinds++;
    rightKinds++;
  }
  const overlapping = incidents.filter((i) =>
    events.some((e) => meets(i, e, grace) || (i.from <= e.to && i.to >= e.from)),
  ).length;
  return { events: events.length, hits, incidents: incidents.length, overlapping, rightKinds, byKind };
}

function meets(incident: OpenedIncident, event: LabelledEvent, grace: number): boolean {
  return incident.from >= (event.begin ?? event.from) && incident.from <= event.to + grace && incident.to >= event.from;
}
