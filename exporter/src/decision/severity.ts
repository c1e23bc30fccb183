import type { SeverityName } from '../wire/incident.ts';

/** Scores at which a verdict is low, medium and high. One mapping everywhere. */
export const SEVERITY_SCORES = { low: 1, medium: 1.5, high: 2 } as const;

/** 0 none, 1 low, 2 medium, 3 high. NaN is none. */
export function severityOf(score: number): 0 | 1 | 2 | 3 {
  return score >= SEVERITY_SCORES.high ? 3 : score >= SEVERITY_SCORES.medium ? 2 : score >= SEVERITY_SCORES.low ? 1 : 0;
}

export function severityName(score: number): SeverityName {
  return score >= SEVERITY_SCORES.high ? 'high' : score >= SEVERITY_SCORES.medium ? 'medium' : 'low';
}
