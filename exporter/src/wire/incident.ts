/** What an incident is. `unknown` when no rule fits; `limit` when a configured limit was crossed. */
export type Kind =
  | 'cpu_spike'
  | 'memory_pressure'
  | 'memory_leak'
  | 'latency_surge'
  | 'packet_storm'
  | 'bandwidth_drop'
  | 'error_flood'
  | 'correlation_break'
  | 'limit'
  | 'unknown';

export type SeverityName = 'low' | 'medium' | 'high';

/** One feature's part in a verdict. `share` of all features of the verdict adds up to 1; values are in the feature's own unit. */
export interface Contribution {
  feature: string;
  unit: string;
  share: number;
  value: number | null;
  expected: number | null;
  lower: number | null;
  upper: number | null;
}

/** One row near an incident. Arrays run parallel to `Incident.features`; null = missing. Times are ms since the epoch. */
export interface Frame {
  time: number;
  score: number;
  values: (number | null)[];
  expected: (number | null)[];
  lower: (number | null)[];
  upper: (number | null)[];
}

/** A monitor and entity that took part in the incident; the first one opened it. */
export interface IncidentSource {
  monitor: string;
  entity: string;
  kind: Kind;
  /** highest score, 1 = threshold */
  peak: number;
}

/** Verdicts joined over time: opened, updated, closed. Times are ms since the epoch. */
export interface Incident {
  id: string;
  state: 'open' | 'closed';
  host: string;
  monitor: string;
  entity: string;
  /** current best kind, and the kind it was given when it opened */
  kind: Kind;
  firstKind: Kind;
  severity: SeverityName;
  /** highest score so far, 1 = threshold */
  peak: number;
  /** agreement of the warm detectors x warm-up ratio, 0..1, at the peak */
  confidence: number;
  /** first row at or above the threshold */
  startedAt: number;
  openedAt: number;
  /** last hot row */
  lastHotAt: number;
  closedAt: number | null;
  /** rows since the start, and how many of them were hot */
  rows: number;
  sources: IncidentSource[];
  /** at the peak, largest share first */
  contributions: Contribution[];
  /** one sentence: what, where, how far from normal */
  summary: string;
  /** what to look at first */
  checks: string[];
  /** set when the incident lasted so long that its level has become the new normal */
  newNormal: boolean;
  features: string[];
}

/** `GET /api/incidents/:id`: the incident with its bounded recording. */
export interface IncidentDetail extends Incident {
  frames: Frame[];
}

/** `GET /api/incidents`: newest first. `total` counts what matched before the limit. */
export interface IncidentList {
  total: number;
  incidents: Incident[];
}
