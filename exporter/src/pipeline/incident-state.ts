/** Open incidents and each entity's place between calm and alarm, over a restart. */
import { join } from 'node:path';
import type { Tracker, TrackerSaved } from '../incidents/tracker.ts';
import { readAtomic, writeAtomic, writeAtomicSync } from '../store/atomic-file.ts';
import type { IncidentJournal } from '../store/journal.ts';

const KIND = 'incident-state';
const VERSION = 1;

const pathIn = (folder: string) => join(folder, 'state', 'incidents.state');
const encode = (saved: TrackerSaved) => new TextEncoder().encode(JSON.stringify(saved));

export async function saveIncidents(folder: string, saved: TrackerSaved): Promise<void> {
  await writeAtomic(pathIn(folder), KIND, VERSION, encode(saved));
}

export function saveIncidentsSync(folder: string, saved: TrackerSaved): void {
  writeAtomicSync(pathIn(folder), KIND, VERSION, encode(saved));
}

/**
 * Gives the tracker what was saved, as far as the journal agrees. Incidents that are open in the journal but whose state is lost (the exporter was killed
 * before it was saved) end at their last hot row. Throws RefusedFileError for a damaged or foreign file, after that.
 */
export function restoreIncidents(folder: string, tracker: Tracker, journal: IncidentJournal): void {
  let saved: TrackerSaved = { open: [], streams: [] };
  try {
    const bytes = readAtomic(pathIn(folder), KIND, VERSION);
    if (bytes) saved = JSON.parse(Buffer.from(bytes).toString()) as TrackerSaved;
  } finally {
    const inJournal = new Map(journal.openIncidents().map((incident) => [incident.id, incident]));
    const open = saved.open.filter(({ incident }) => inJournal.delete(incident.id));
    const active = new Set(
      open.flatMap((o) => o.participants.filter((p) => p.active).map((p) => `${p.monitor}\n${p.entity}`)),
    );
    // an entity is in alarm only as part of an incident that is still open
    const streams = saved.streams.map((s) =>
      s.hysteresis.active && !active.has(`${s.monitor}\n${s.entity}`)
        ? { ...s, hysteresis: { ...s.hysteresis, active: false, average: 0, cold: 0, recent: 0 } }
        : s,
    );
    tracker.restore({ open, streams });
    for (const incident of inJournal.values())
      journal.append({ type: 'closed', incident: { ...incident, state: 'closed', closedAt: incident.lastHotAt } });
  }
}
