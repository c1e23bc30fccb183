/**
 * Incidents as CSV (RFC 4180: CRLF, quotes doubled). Names and sentences can come from the network, and spreadsheets run what looks like a formula:
 * such text gets a leading apostrophe, which they show as text.
 */
import type { Incident } from '../../wire/incident.ts';

type Cell = string | number | boolean | null;

/** Column name -> value. Times are ISO 8601 in UTC, an empty cell is a value that does not exist (yet). */
const COLUMNS: Record<string, (incident: Incident) => Cell> = {
  id: (i) => i.id,
  state: (i) => i.state,
  host: (i) => i.host,
  monitor: (i) => i.monitor,
  entity: (i) => i.entity,
  kind: (i) => i.kind,
  first_kind: (i) => i.firstKind,
  severity: (i) => i.severity,
  peak_score: (i) => i.peak,
  confidence_ratio: (i) => i.confidence,
  started_at: (i) => iso(i.startedAt),
  opened_at: (i) => iso(i.openedAt),
  last_hot_at: (i) => iso(i.lastHotAt),
  closed_at: (i) => iso(i.closedAt),
  rows: (i) => i.rows,
  new_normal: (i) => i.newNormal,
  sources: (i) => i.sources.map(({ monitor, entity }) => `${monitor}/${entity}`).join(' '),
  top_feature: (i) => i.contributions[0]?.feature ?? null,
  top_feature_unit: (i) => i.contributions[0]?.unit ?? null,
  top_feature_share: (i) => i.contributions[0]?.share ?? null,
  top_feature_value: (i) => i.contributions[0]?.value ?? null,
  top_feature_expected: (i) => i.contributions[0]?.expected ?? null,
  summary: (i) => i.summary,
  checks: (i) => i.checks.join('; '),
};

export function incidentsToCsv(incidents: readonly Incident[]): string {
  const rows = incidents.map((incident) => Object.values(COLUMNS).map((value) => cell(value(incident))));
  return [Object.keys(COLUMNS), ...rows].map((row) => `${row.join(',')}\r\n`).join('');
}

function cell(value: Cell): string {
  if (value === null) return '';
  if (typeof value !== 'string') return typeof value === 'number' && !Number.isFinite(value) ? '' : String(value);
  // also after blanks and in full width, which spreadsheets fold to the plain character
  const text = /^\s*[=+\-@\t\r\n＝＋－＠]/.test(value) || /^[\t\r\n]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function iso(time: number | null): string | null {
  return time === null ? null : new Date(time).toISOString();
}
