/**
 * When an incident opens and closes, for one entity: opens if the score is >= 1 now and in 2 of the last 3 rows, or high enough at once; a row is hot while
 * the score is >= 1 or its EWMA over 5 rows is >= 0.8; closes after some rows that are not hot.
 *
 * How high and how many depends on what a row is. Of samples some seconds apart a single one is no evidence. A row that stands for a minute or more has outlasted
 * its noise: short events are few such rows, and what comes back soon is the same incident.
 */

export interface HysteresisRules {
  /** a score that opens by itself */
  readonly openAtOnce: number;
  /** rows that are not hot and close */
  readonly coldRows: number;
}

const SAMPLE_RULES: HysteresisRules = { openAtOnce: 2, coldRows: 5 };
/** measured on labelled rows of one and of five minutes */
const ROW_RULES: HysteresisRules = { openAtOnce: 1.1, coldRows: 45 };
const ROW_MS = 60_000;
const HOT_AVERAGE = 0.8;
const AVERAGE_RATE = 2 / (5 + 1);
/** what one row can add to the average, so that a huge score does not stay hot long after its end */
const AVERAGE_CAP = 2;

/** For rows this far apart. */
export function hysteresisRules(intervalMs: number): HysteresisRules {
  return intervalMs >= ROW_MS ? ROW_RULES : SAMPLE_RULES;
}

export interface Hysteresis {
  /** above the threshold: bit 0 now, bits 1 and 2 the two rows before */
  recent: number;
  average: number;
  cold: number;
  active: boolean;
}

export type Change = 'none' | 'open' | 'hot' | 'cool' | 'close';

export function newHysteresis(): Hysteresis {
  return { recent: 0, average: 0, cold: 0, active: false };
}

/** Moves on by one row. A NaN score (no data) is not hot and does not move the average. */
export function step(state: Hysteresis, score: number, rules = SAMPLE_RULES): Change {
  const known = score === score;
  const above = known && score >= 1;
  state.recent = ((state.recent << 1) | (above ? 1 : 0)) & 0b111;
  if (known) state.average += AVERAGE_RATE * (Math.min(score, AVERAGE_CAP) - state.average);
  if (!state.active) {
    if (!above || (score < rules.openAtOnce && (state.recent & 0b110) === 0)) return 'none';
    state.active = true;
    state.cold = 0;
    return 'open';
  }
  if (above || (known && state.average >= HOT_AVERAGE)) {
    state.cold = 0;
    return 'hot';
  }
  if (++state.cold < rules.coldRows) return 'cool';
  state.active = false;
  state.cold = 0;
  state.average = 0;
  return 'close';
}
