/**
 * The false-alarm budget as a bound on one score: the lowest threshold at which no more incidents would have opened by chance over the last week than the
 * budget allows. What is kept of the past is, for each stretch of high scores, its level: the highest threshold at which it would still have opened an incident.
 *
 * Chance is what just passes the threshold, by less than a tenth, at any time of the day. Noise makes many such stretches and hardly any higher ones, so for
 * noise this is the same as counting all. Jobs and faults are not held by the budget: what goes far beyond the threshold does not count, and what
 * comes at the same time of several days counts once. A machine with two nightly jobs would else have no budget left, its threshold would rise to their height and
 * hide whatever is smaller. They alarm, and the spent share of the budget tells of them.
 */

const WINDOW_MS = 7 * 86_400_000;
/** how far beyond the threshold still counts as chance */
const NEAR = 1.1;
/** stretches of different days at most this far apart in the time of the day are of one schedule */
const SCHEDULE_MS = 5 * 60_000;
const DAY_MS = 86_400_000;
/** stretches remembered for each incident that the budget allows, and at least and at most so many in all */
const MEMORY = 4;
const LEAST_MEMORY = 64;
const MOST_MEMORY = 4096;
/** above the highest level */
const ABOVE = 1.02;

/** What opens and closes incidents, as far as the bound needs it. */
export interface IncidentRules {
  /** one row alone opens an incident at so many thresholds */
  readonly openAtOnce: number;
  /** rows that are not hot and close it */
  readonly coldRows: number;
}

interface Stretch {
  time: number;
  /** the highest threshold at which it would have opened an incident */
  level: number;
}

export interface BoundSaved {
  readonly since: number;
  readonly stretches: readonly (readonly [time: number, level: number])[];
}

export interface IncidentBound {
  /** Tells a row's score; stretches of rows at or above `base` with short pauses are one. Rows come in the order of their time. */
  tell(time: number, score: number, base: number): void;
  /** The threshold that the budget asks for now; 0 = any. */
  threshold(time: number): number;
  save(): BoundSaved;
}

/** `incidentsPerDay` may open by chance. */
export function createIncidentBound(
  incidentsPerDay: number,
  { openAtOnce, coldRows }: IncidentRules,
  saved?: BoundSaved,
): IncidentBound {
  const allowedPerMs = incidentsPerDay / DAY_MS;
  const memory = Math.min(MOST_MEMORY, Math.max(LEAST_MEMORY, Math.ceil(MEMORY * allowedPerMs * WINDOW_MS)));
  let since = saved?.since ?? NaN;
  let stretches: Stretch[] = saved?.stretches.map(([time, level]) => ({ time, level })) ?? [];
  let before = 0;
  let beforeThat = 0;
  let level = 0; // of the stretch under way; 0 = none
  let quiet = 0;

  function remember(time: number): void {
    stretches = stretches.filter((stretch) => time - stretch.time < WINDOW_MS);
    if (stretches.length === memory) {
      let lowest = 0;
      for (let i = 1; i < memory; i++) if (stretches[i].level < stretches[lowest].level) lowest = i;
      if (stretches[lowest].level >= level) return;
      stretches.splice(lowest, 1);
    }
    stretches.push({ time, level });
  }

  return {
    tell(time, score, base) {
      if (!(since <= time)) since = time; // the first row, or the clock went back
      if (score !== score) return;
      // as in the hysteresis: this row and one of the two before it, or this row alone
      const opens = Math.max(Math.min(score, Math.max(before, beforeThat)), score / openAtOnce);
      beforeThat = before;
      before = score;
      if (!(base > 0)) return;
      if (score >= base) {
        level = Math.max(level, opens);
        quiet = 0;
      } else if (level > 0 && ++quiet >= coldRows) {
        if (level >= base) remember(time);
        level = 0;
      }
    },
    threshold(time) {
      const recent = stretches.filter((stretch) => time - stretch.time < WINDOW_MS).sort((a, b) => b.level - a.level);
      const levels = recent.filter((stretch, i) => !recent.slice(0, i).some((higher) => onSchedule(stretch, higher)));
      const allowed = allowedPerMs * Math.min(WINDOW_MS, time - since);
      // down from the highest: at levels[i] the stretches from `far` to i are near
      for (let i = 0, far = 0; i < levels.length; i++) {
        while (levels[far].level >= NEAR * levels[i].level) far++;
        if (i + 1 - far <= allowed) continue;
        // half way to the next higher one, so that neither this nor that side is favoured
        return i > far ? Math.sqrt(levels[i].level * levels[i - 1].level) : ABOVE * levels[i].level;
      }
      return 0;
    },
    save: () => ({ since, stretches: stretches.map((stretch) => [stretch.time, stretch.level] as const) }),
  };
}

/** Two stretches at the same time of different days. */
function onSchedule(a: Stretch, b: Stretch): boolean {
  const apart = Math.abs(a.time - b.time);
  const ofDay = apart % DAY_MS;
  return apart >= DAY_MS / 2 && Math.min(ofDay, DAY_MS - ofDay) <= SCHEDULE_MS;
}
