/**
 * Lengths of time as people write them: a number and one unit, `500ms`, `15s`, `5m`, `24h`, `7d`. Everything inside counts in ms.
 * A bare number is refused: nobody can tell seconds from milliseconds.
 */
import { z } from 'zod';

const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const WAY_OUT = 'write a number with ms, s, m, h or d, such as 500ms, 15s or 7d';

/** Milliseconds of `15s`. Throws an Error that names the value and the units; fractions are fine (`0.5s`), less than 1 ms is not. */
export function parseDuration(value: unknown): number {
  const shown = JSON.stringify(value);
  if (typeof value === 'number' || (typeof value === 'string' && /^[-+]?\d+(\.\d+)?$/.test(value.trim())))
    throw new Error(`${shown} has no unit; ${WAY_OUT}`);
  const match = typeof value === 'string' ? /^(-?\d+(?:\.\d+)?)\s*([A-Za-zµ]+)$/.exec(value.trim()) : null;
  if (!match) throw new Error(`${shown} is not a length of time; ${WAY_OUT}`);
  const [, amount = '', unit = ''] = match;
  if (!Object.hasOwn(UNITS, unit)) throw new Error(`${shown} has the unknown unit "${unit}"; ${WAY_OUT}`);
  const ms = Number(amount) * UNITS[unit as keyof typeof UNITS];
  if (ms < 0) throw new Error(`${shown} is negative; ${WAY_OUT}`);
  const whole = Math.round(ms);
  if (whole !== 0 && Math.abs(whole - ms) > 1e-6)
    throw new Error(`${shown} is not a whole number of milliseconds; ${WAY_OUT}`);
  if (whole === 0 && ms !== 0) throw new Error(`${shown} is shorter than 1 ms; ${WAY_OUT}`);
  return whole;
}

/** The shortest exact way to write it: 90_000 is `90s`, 86_400_000 is `1d`, 0 is `0s`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0s';
  for (const unit of ['d', 'h', 'm', 's'] as const) if (ms % UNITS[unit] === 0) return `${ms / UNITS[unit]}${unit}`;
  return `${ms}ms`;
}

/** An option that is a length of time between `min` and `max` (ms, both allowed); its parsed value is ms. */
export function duration(min = 0, max = Number.MAX_SAFE_INTEGER) {
  return z.unknown().transform((value, context): number => {
    let problem: string;
    try {
      const ms = parseDuration(value);
      if (ms >= min && ms <= max) return ms;
      problem =
        ms < min
          ? `${JSON.stringify(value)} is too short; it can be ${formatDuration(min)} or longer`
          : `${JSON.stringify(value)} is too long; it can be ${formatDuration(max)} or shorter`;
    } catch (error) {
      problem = (error as Error).message;
    }
    context.issues.push({ code: 'custom', message: problem, input: value });
    return z.NEVER;
  });
}
