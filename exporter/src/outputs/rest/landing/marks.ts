/** Small signs that several parts of the page share. A severity is always word, shape and colour together. */
import type { Kind, SeverityName } from '../../../wire/incident.ts';
import { markup, trusted, type Html } from '../html.ts';
import { humanDuration } from '../../../human-units.ts';

export type Level = 'normal' | SeverityName;

const SHAPES: Record<Level | 'waiting', Html> = {
  waiting: trusted(
    '<path d="M8 1.8a6.2 6.2 0 1 0 .01 0M8 4.5v3.7l2.6 1.6" fill="none" stroke="currentColor" stroke-width="1.7"/>',
  ),
  normal: trusted('<path d="M3 8.5l3.2 3.2L13 4.9" fill="none" stroke="currentColor" stroke-width="2.2"/>'),
  low: trusted('<path d="M8 1.5L14.5 8 8 14.5 1.5 8z" fill="currentColor"/>'),
  medium: trusted('<path d="M8 1.5l7 13H1z" fill="currentColor"/>'),
  high: trusted('<path d="M5 1h6l4 4v6l-4 4H5l-4-4V5z" fill="currentColor"/>'),
};

export const LEVEL_NAMES: Record<Level, string> = { normal: 'Normal', low: 'Low', medium: 'Medium', high: 'High' };

export function shape(level: Level | 'waiting'): Html {
  return markup`<svg class="shape" viewBox="0 0 16 16" aria-hidden="true">${SHAPES[level]}</svg>`;
}

export function severityMark(level: Level): Html {
  return markup`<span class="mark ${level}">${shape(level)}${LEVEL_NAMES[level]}</span>`;
}

export const KIND_TITLES: Record<Kind, string> = {
  cpu_spike: 'CPU spike',
  memory_pressure: 'Memory pressure',
  memory_leak: 'Memory leak',
  latency_surge: 'Latency surge',
  packet_storm: 'Packet storm',
  bandwidth_drop: 'Bandwidth drop',
  error_flood: 'Error flood',
  correlation_break: 'Correlation break',
  limit: 'Limit crossed',
  unknown: 'Unusual behaviour',
};

/** `3 min ago` for people, the exact time for machines and on hover. */
export function ago(time: number, now: number): Html {
  const iso = new Date(time).toISOString();
  const past = now - time;
  return markup`<time datetime="${iso}" title="${iso}">${past < 1000 ? 'just now' : `${humanDuration(past)} ago`}</time>`;
}

export const LOGO: Html = trusted(
  '<svg class="logo" viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="7"/><path d="M4 17h6l3-8 5 15 4-11 2 4h4"/></svg>',
);
