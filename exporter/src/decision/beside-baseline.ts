/**
 * What the ensemble says that the baseline does not. While nothing stands out by itself, a few seconds must agree: a fault that begins is told with its name then,
 * and a lone blip not at all. After a fault that stood out, the members still see it in the past of each row: that echo is not told.
 */

/** a feature with this deviation is seen to be off by itself */
const STANDS_OUT = 0.8;
/** an ensemble above its threshold while nothing stands out is averaged over so much time, at most so many rows; what one row can add is bounded */
const STEADY_MS = 3000;
const MOST_STEADY_ROWS = 3;
const STEADY_CAP = 2;
/** rows after a fault in which members may still see it in their past, or fewer: until the ensemble's score is below this */
const ECHO_ROWS = 60;
const CALM = 0.8;

export interface BesideSaved {
  steady: number;
  echo: number;
}

export interface BesideBaseline {
  grow(count: number): void;
  /** The part of the ensemble's score (never NaN) that counts in a row with this largest deviation of the baseline. */
  push(entity: number, ensemble: number, largest: number): number;
  save(entity: number): BesideSaved;
  restore(entity: number, saved: BesideSaved): void;
  forget(entity: number): void;
}

export function createBesideBaseline(intervalMs: number): BesideBaseline {
  const rows = Math.max(1, Math.min(MOST_STEADY_ROWS, Math.round(STEADY_MS / intervalMs)));
  const rate = 2 / (rows + 1);
  let steady = new Float64Array(0);
  let echo = new Uint8Array(0); // rows that may still be an echo of the last fault
  return {
    grow(count) {
      const larger = new Float64Array(count);
      larger.set(steady);
      steady = larger;
      const longer = new Uint8Array(count);
      longer.set(echo);
      echo = longer;
    },
    push(entity, ensemble, largest) {
      const average = (steady[entity] += rate * (Math.min(ensemble, STEADY_CAP) - steady[entity]));
      if (largest >= 1 && ensemble >= 1) echo[entity] = ECHO_ROWS;
      else if (echo[entity] > 0) echo[entity] = ensemble < CALM ? 0 : echo[entity] - 1;
      if (largest >= STANDS_OUT) return ensemble;
      return echo[entity] > 0 ? 0 : Math.min(ensemble, average);
    },
    save: (entity) => ({ steady: steady[entity], echo: echo[entity] }),
    restore(entity, saved) {
      steady[entity] = saved.steady;
      echo[entity] = saved.echo;
    },
    forget(entity) {
      steady[entity] = echo[entity] = 0;
    },
  };
}
