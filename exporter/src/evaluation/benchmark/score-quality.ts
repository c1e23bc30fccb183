/** The figures of one detector on one entity, and their means. Names are those of the printed JSON. */
import { hitRate } from '../quality-metrics-causes.ts';
import { eventF1, eventRecallAt } from '../quality-metrics-events.ts';
import { averagePrecision, rank } from '../quality-metrics-ranking.ts';
import { vusPr } from '../quality-metrics-vus.ts';
import type { CauseSegment } from '../datasets/telemetry.ts';

export interface ScoreQuality {
  readonly vus_pr: number;
  readonly average_precision: number;
  /** events found at a threshold that flags 1 % of the normal rows / events */
  readonly event_recall_1pct: number;
  readonly event_f1: number;
  /** mean over events with known causes; null without any, or for a detector that blames nothing */
  readonly cause_hit_rate_100: number | null;
}

/** What a detector blames in the test rows first .. last (inclusive): row-major, rows x columns, larger = more. */
export type Blame = (first: number, last: number) => Float64Array;

/** Throws a RangeError for labels of one class. */
export function scoreQuality(
  labels: Uint8Array,
  scores: Float64Array,
  causes: readonly CauseSegment[] | null,
  blame: Blame | null,
): ScoreQuality {
  const ranking = rank(labels, scores);
  return {
    vus_pr: vusPr(ranking, labels, scores),
    average_precision: averagePrecision(ranking),
    event_recall_1pct: eventRecallAt(ranking, labels, scores, 0.01),
    event_f1: eventF1(ranking, labels, scores).f1,
    cause_hit_rate_100: causes && causes.length > 0 && blame ? causeHitRate(causes, blame) : null,
  };
}

/** A column's blame for an event is the most it had in any row of it. */
function causeHitRate(causes: readonly CauseSegment[], blame: Blame): number {
  let sum = 0;
  for (const { start, end, dims } of causes) {
    const parts = blame(start, end);
    const columns = parts.length / (end - start + 1);
    const most = new Float64Array(columns);
    for (let i = 0; i < parts.length; i++) if (parts[i] > most[i % columns]) most[i % columns] = parts[i];
    sum += hitRate(most, dims);
  }
  return sum / causes.length;
}

/** Mean of each figure over the given ones; null and NaN are left out, null when nothing is left. */
export function meanFigures<Figures extends object>(all: readonly Figures[]): Figures {
  const names = Object.keys(all[0]) as (keyof Figures)[];
  const means = names.map((name) => {
    const known = all.map((figures) => figures[name]).filter((value) => typeof value === 'number' && value === value);
    const sum = known.reduce<number>((total, value) => total + Number(value), 0);
    return [name, known.length > 0 ? sum / known.length : null];
  });
  return Object.fromEntries(means) as Figures;
}

/** Smallest and largest of each figure, as [low, high]; null where no one is known. */
export function spreadFigures(all: readonly object[]): Record<string, [number, number] | null> {
  const names = Object.keys(all[0]);
  return Object.fromEntries(
    names.map((name) => {
      const known = all
        .map((figures) => (figures as Record<string, unknown>)[name])
        .filter((value): value is number => typeof value === 'number' && value === value);
      return [name, known.length > 0 ? [Math.min(...known), Math.max(...known)] : null];
    }),
  );
}
