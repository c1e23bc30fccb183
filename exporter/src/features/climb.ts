/**
 * Whether a series has been climbing for minutes, which tells a leak from a load: it is clearly above where it was before, and it came there gradually: no
 * few seconds did most of it. Minute means carry the level; sudden rises are looked for between samples, where noise is small.
 */

const MINUTES = 20;
/** minutes that must be known */
const FEWEST_MINUTES = 10;
/** the climb began at least so long ago */
const SHORTEST_MINUTES = 4;
const MINUTE_MS = 60_000;
const SUDDEN_MS = 10_000;
/** a climb of which more than this share happened within SUDDEN_MS is a step */
const SUDDEN_SHARE = 0.6;

interface Minute {
  sum: number;
  count: number;
  /** largest rise within SUDDEN_MS that ended in this minute */
  sudden: number;
}

export interface Climb {
  /** one value at `time` (ms); NaN is passed over */
  push(time: number, value: number): void;
  /** whether it rose by at least `least` (the value's unit) over the last minutes, gradually */
  climbing(least: number): boolean;
}

export function createClimb(): Climb {
  let now = -1;
  const minutes: Minute[] = [];
  /** samples of the last SUDDEN_MS */
  const recent: { time: number; value: number }[] = [];

  const mean = ({ sum, count }: Minute) => sum / count;

  return {
    push(time, value) {
      if (value !== value) return;
      const minute = Math.floor(time / MINUTE_MS);
      if (minute !== now) {
        if (now >= 0 && (minute < now || minute > now + 2)) {
          minutes.length = 0;
          recent.length = 0;
        }
        now = minute;
        minutes.push({ sum: 0, count: 0, sudden: 0 });
        if (minutes.length > MINUTES) minutes.shift();
      }
      // the sample before the last SUDDEN_MS stays, so that slow samples have one to compare with
      while (recent.length > 1 && time - recent[1].time >= SUDDEN_MS) recent.shift();
      const current = minutes[minutes.length - 1];
      for (const { value: before } of recent) current.sudden = Math.max(current.sudden, value - before);
      recent.push({ time, value });
      current.sum += value;
      current.count++;
    },
    climbing(least) {
      if (minutes.length < FEWEST_MINUTES) return false;
      let foot = Infinity;
      let from = 0;
      for (let i = 0; i + 1 <= minutes.length - SHORTEST_MINUTES; i++) {
        const level = (mean(minutes[i]) + mean(minutes[i + 1])) / 2;
        if (level <= foot) {
          foot = level;
          from = i;
        }
      }
      const rise = mean(minutes[minutes.length - 1]) - foot;
      const sudden = Math.max(...minutes.slice(from + 1).map((minute) => minute.sudden));
      return rise >= least && rise > 0 && sudden <= SUDDEN_SHARE * rise;
    },
  };
}
