import type { EvaluationList } from '../wire/evaluation.ts';
import type { IncidentDetail, IncidentList, Kind, SeverityName } from '../wire/incident.ts';
import type { ModelList } from '../wire/model.ts';
import type { Status } from '../wire/status.ts';
import type { Topology } from '../wire/topology.ts';

/** Filters of `GET /api/incidents`; all that are set must match. Times are ms since the epoch and bound `openedAt`. */
export interface IncidentQuery {
  state?: 'open' | 'closed';
  monitor?: string;
  entity?: string;
  host?: string;
  kind?: Kind;
  severity?: SeverityName;
  from?: number;
  to?: number;
  /** 1..1000, default 50 */
  limit: number;
}

/** What the web room asks of the rest of the exporter. Everything is synchronous and cheap except `reload`. */
export interface Service {
  status(): Status;
  incidents(query: IncidentQuery): IncidentList;
  incident(id: string): IncidentDetail | undefined;
  models(): ModelList;
  /** results of evaluations on the command line; reads the disk */
  evaluations(): EvaluationList;
  topology(): Topology;
  /** the metrics page in the format that `accept` (the request header) prefers */
  metrics(accept: string | undefined): Promise<{ contentType: string; body: string }>;
  /** rejects with every problem of the new configuration; the old one stays in force then */
  reload(): Promise<void>;
  /** other detectors, members or weights of one monitor; rejects with what is wrong, and nothing has changed then */
  changeEnsemble(monitor: string, change: { ensemble?: unknown; detectors?: unknown }): Promise<void>;
  /** false while starting and stopping */
  ready(): boolean;
}
