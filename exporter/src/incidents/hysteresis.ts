/**
 * When an incident opens and closes, for one entity: opens if the score is >= 1 now and in 2 of the last 3 rows, or >= 2 at once; a row is hot while the
 * score is >= 1 or its EWMA over 5 rows is >= 0.8; closes after 5 rows that are not hot.
 */

export const OPEN_AT_ONCE = 2;
const HOT_AVERAGE = 0.8;
const COLD_ROWS = 5;
const AVERAGE_RATE = 2 / (5 + 1);
/** what one row can add to the average, so that a huge score does not stay hot long after its end */
const AVERAGE_CAP = 2;

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
export function step(state: Hysteresis, score: number): Change {
  const known = score === score;
  const above = known && score >= 1;
  state.recent = ((state.recent << 1) | (above ? 1 : 0)) & 0b111;
  if (known) state.average += AVERAGE_RATE * (Math.min(score, AVERAGE_CAP) - state.average);
  if (!state.active) {
    if (!above || (score < OPEN_AT_ONCE && (state.recent & 0b110) === 0)) return 'none';
    state.active = true;
    state.cold = 0;
    return 'open';
  }
  if (above || (known && state.average >= HOT_AVERAGE)) {
    state.cold = 0;
    return 'hot';
  }
  if (++state.cold < COLD_ROWS) return 'cool';
  state.active = false;
  state.cold = 0;
  state.average = 0;
  return 'close';
}
