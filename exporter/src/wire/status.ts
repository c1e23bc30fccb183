import type { SeverityName } from './incident.ts';

/** One entity as `GET /api/status` and the landing page show it. null = not known yet. */
export interface EntityStatus {
  monitor: string;
  entity: string;
  kind: string;
  host: string;
  /** 1 = threshold; null until the first score */
  score: number | null;
  confidence: number | null;
  severity: 'none' | SeverityName;
  openIncident: string | null;
  /** ms since the epoch */
  lastSampleAt: number | null;
  /** largest share first, at most three; empty below score 0.5 */
  topFeatures: { feature: string; unit: string; share: number; value: number | null; expected: number | null }[];
}

export interface DetectorStatus {
  detector: string;
  /** 0..1; 1 = trusted: its score may open incidents */
  warmup: number;
  trusted: boolean;
  /** one sentence: what it is waiting for, or why it was left out; null when nothing is wrong */
  note: string | null;
}

export interface MonitorStatus {
  monitor: string;
  source: string;
  up: boolean;
  /** why the source is down; null when it is up */
  error: string | null;
  intervalMs: number;
  stepMs: number;
  entities: number;
  features: number;
  samples: number;
  detectors: DetectorStatus[];
}

/** `GET /api/status` */
export interface Status {
  apiVersion: 1;
  version: string;
  /** ms since the epoch */
  startedAt: number;
  now: number;
  hostname: string;
  /** operating system, kernel, CPU and memory of this host, as far as known */
  inventory: Record<string, string | number>;
  config: { file: string | null; lastReloadSuccessful: boolean; lastReloadAt: number; lastReloadError: string | null };
  monitors: MonitorStatus[];
  /** at most 500, most anomalous first; `entitiesTotal` counts all */
  entities: EntityStatus[];
  entitiesTotal: number;
  incidentsOpen: number;
}
