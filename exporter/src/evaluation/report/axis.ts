/** Scales of pictures: where a value lies, 0 to 1, and where to write which value. */
import { numberText } from './figures.ts';

export interface Tick {
  /** 0 to 1 */
  readonly at: number;
  readonly text: string;
}

export interface Axis {
  /** 0 to 1; outside values lie on the edge */
  place(value: number): number;
  readonly ticks: readonly Tick[];
}

/** From `low` to `high`, with round values between. Equal ends are widened. */
export function linearAxis(low: number, high: number, wanted = 4): Axis {
  const spread = high - low > 0 ? high - low : Math.max(Math.abs(low), 1);
  const [from, to] = high - low > 0 ? [low, high] : [low - spread / 2, high + spread / 2];
  const place = (value: number) => clamp((value - from) / (to - from));
  const step = roundStep((to - from) / wanted);
  const ticks: Tick[] = [];
  for (let k = Math.ceil(from / step - 1e-9); k * step <= to + 1e-9 * step && ticks.length < 20; k++) {
    const value = Math.abs(k * step) < 1e-12 * step ? 0 : Number((k * step).toPrecision(12));
    ticks.push({ at: place(value), text: numberText(value) });
  }
  return { place, ticks };
}

/** Powers of ten from `low` (> 0) to `high`; a few of them where they are many. */
export function logAxis(low: number, high: number): Axis {
  const from = Math.log10(low);
  const to = Math.max(from + 1, Math.log10(high));
  const place = (value: number) => (value > 0 ? clamp((Math.log10(value) - from) / (to - from)) : 0);
  const first = Math.ceil(from - 1e-9);
  const last = Math.floor(to + 1e-9);
  const every = Math.max(1, Math.ceil((last - first) / 4));
  const ticks: Tick[] = [];
  for (let power = first; power <= last; power++) {
    if (power % every === 0) ticks.push({ at: place(10 ** power), text: numberText(10 ** power) });
  }
  return { place, ticks };
}

const LOG_FROM = 6;
const LOG_FLOOR = 0.1;
const HIGHEST = 1e12;

/** Of scores, 1 = threshold: from 0, or from the lowest where all are far from 0; where some are far above the threshold, logarithmic. */
export function scoreAxis(scores: Float64Array): Axis {
  let highest = 0;
  let lowest = 1;
  for (const score of scores) {
    if (score > highest && score <= HIGHEST) highest = score;
    if (score < lowest) lowest = score;
  }
  if (highest > LOG_FROM) {
    const axis = logAxis(lowest > LOG_FLOOR * 3 ? lowest * 0.9 : LOG_FLOOR, highest * 1.15);
    const cut = lowest < LOG_FLOOR;
    return {
      ...axis,
      ticks: axis.ticks.map((tick) => (cut && tick.at === 0 ? { ...tick, text: `≤ ${tick.text}` } : tick)),
    };
  }
  const to = Math.max(1.1, highest * 1.04);
  return linearAxis(lowest > to / 4 ? lowest - 0.05 * (to - lowest) : 0, Math.max(to, highest > 1 ? 0 : 1.25), 3);
}

function roundStep(step: number): number {
  const power = 10 ** Math.floor(Math.log10(step));
  const lead = step / power;
  return (lead > 5 ? 10 : lead > 2 ? 5 : lead > 1 ? 2 : 1) * power;
}

function clamp(share: number): number {
  return share > 0 ? Math.min(1, share) : 0;
}
