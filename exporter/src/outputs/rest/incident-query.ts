/** Query parameters of the incident routes, checked: what is unknown or cannot be meant is refused, never ignored. */
import type { Kind, SeverityName } from '../../wire/incident.ts';
import type { IncidentQuery } from '../service.ts';
import { refusal } from './refusal.ts';

const KIND_SET: Record<Kind, true> = {
  cpu_spike: true,
  memory_pressure: true,
  memory_leak: true,
  latency_surge: true,
  packet_storm: true,
  bandwidth_drop: true,
  error_flood: true,
  correlation_break: true,
  limit: true,
  unknown: true,
};
const SEVERITY_SET: Record<SeverityName, true> = { low: true, medium: true, high: true };

export const KINDS = Object.keys(KIND_SET) as Kind[];
export const SEVERITIES = Object.keys(SEVERITY_SET) as SeverityName[];
export const STATES = ['open', 'closed'] as const;
export const EXPORT_FORMATS = ['csv', 'json'] as const;
export const MOST_INCIDENTS = 1000;

export type ExportFormat = (typeof EXPORT_FORMATS)[number];

const TIME_FORMS = 'a time as 2026-01-31T12:00:00Z, 2026-01-31 (UTC) or milliseconds since 1970';

/** Parsers by parameter name: each gives the value or throws an Error that says what is allowed. */
const FILTERS = {
  state: oneOf(STATES),
  monitor: someText,
  entity: someText,
  host: someText,
  kind: oneOf(KINDS),
  severity: oneOf(SEVERITIES),
  from: time,
  to: time,
  limit: wholeNumber(1, MOST_INCIDENTS),
};

/** `GET /api/incidents`. Throws a 400 refusal that names the parameter and what it may be. */
export function parseIncidentQuery(parameters: URLSearchParams): IncidentQuery {
  return inOrder({ limit: 50, ...parse(parameters, FILTERS) });
}

/** `GET /api/incidents/export`: the same filters, and a format. */
export function parseExportQuery(parameters: URLSearchParams): { format: ExportFormat; query: IncidentQuery } {
  const { format = 'csv', ...query } = parse(parameters, { ...FILTERS, format: oneOf(EXPORT_FORMATS) });
  return { format, query: inOrder({ limit: MOST_INCIDENTS, ...query }) };
}

type Parsers = Record<string, (value: string) => unknown>;
type Parsed<P extends Parsers> = { -readonly [K in keyof P]?: ReturnType<P[K]> };

function parse<P extends Parsers>(parameters: URLSearchParams, parsers: P): Parsed<P> {
  const parsed: Parsed<P> = {};
  for (const [name, value] of parameters) {
    if (!Object.hasOwn(parsers, name))
      throw bad(name, `unknown parameter "${name}"; known are ${Object.keys(parsers).join(', ')}`);
    if (Object.hasOwn(parsed, name)) throw bad(name, `${name} is given more than once; give it once`);
    try {
      parsed[name as keyof P] = parsers[name](value) as ReturnType<P[keyof P]>;
    } catch (error) {
      throw bad(name, `${name} "${value}" ${(error as Error).message}`);
    }
  }
  return parsed;
}

function inOrder(query: IncidentQuery): IncidentQuery {
  if (query.from !== undefined && query.to !== undefined && query.from > query.to)
    throw bad('from', 'from is later than to; swap them');
  return query;
}

function bad(parameter: string, message: string) {
  return refusal(400, message, { parameter });
}

function oneOf<T extends string>(allowed: readonly T[]): (value: string) => T {
  return (value) => {
    if (!(allowed as readonly string[]).includes(value)) throw new Error(`is not one of ${allowed.join(', ')}`);
    return value as T;
  };
}

function someText(value: string): string {
  if (value === '') throw new Error('is empty; give a name or leave the parameter out');
  return value;
}

function wholeNumber(min: number, max: number): (value: string) => number {
  return (value) => {
    const number = Number(value);
    if (!/^\d+$/.test(value) || number < min || number > max)
      throw new Error(`is not a whole number from ${min} to ${max}`);
    return number;
  };
}

function time(value: string): number {
  if (/^\d{1,15}$/.test(value)) return Number(value);
  // an unescaped + of a query string arrives as a space
  const match = /^(\d{4}-\d{2}-\d{2})(T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2}))?$/.exec(
    value.replace(/ (?=\d{2}:\d{2}$)/, '+'),
  );
  const ms = match ? Date.parse(match[0]) : NaN;
  // Date.parse takes the 31st of February for the 3rd of March
  const day = match ? Date.parse(match[1]) : NaN;
  if (Number.isNaN(ms) || new Date(day).toISOString().slice(0, 10) !== match?.[1])
    throw new Error(`is not ${TIME_FORMS}`);
  return ms;
}
