/**
 * Values as people read them: three digits that matter and the unit that makes them short. A no-break space keeps number and unit together.
 * Bytes count in powers of 1024 as memory and disks do, rates in powers of 1000 as networks do.
 */

const SPACE = '\u00a0';
const NOTHING = '–';

/** `unit` is one of the base units of features; another one is shown as it is. null and NaN are a dash. */
export function humanValue(value: number | null, unit: string): string {
  if (value === null || !Number.isFinite(value)) return NOTHING;
  switch (unit) {
    case 'ratio':
      return humanPercent(value);
    case 'seconds':
      return humanSeconds(value);
    case 'bytes':
      return scaled(value, 1024, ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']);
    case 'bytes_per_second':
      return scaled(value, 1000, ['B/s', 'kB/s', 'MB/s', 'GB/s', 'TB/s']);
    case 'bits_per_second':
      return scaled(value, 1000, ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s', 'Tbit/s']);
    case 'packets_per_second':
      return `${humanNumber(value)}${SPACE}packets/s`;
    case 'per_second':
      return `${humanNumber(value)}/s`;
    case 'count':
      return humanNumber(value);
    default:
      return `${humanNumber(value)}${SPACE}${unit.replaceAll('_', ' ')}`;
  }
}

/** 0.974 is `97.4 %`; below one tenth of a percent as many digits as it takes. */
export function humanPercent(ratio: number): string {
  return `${significant(ratio * 100)}${SPACE}%`;
}

/** `12,345`, `1.23 M`; whole numbers stay whole. */
export function humanNumber(value: number): string {
  const size = Math.abs(value);
  if (size < 100_000) return Number.isInteger(value) ? grouped(value) : significant(value);
  return scaled(value, 1000, ['', 'k', 'M', 'G', 'T']);
}

/** A measured time: `230 ns`, `1.25 ms`, `4.2 s`; from two minutes on as `humanDuration`. */
export function humanSeconds(seconds: number): string {
  const size = Math.abs(seconds);
  if (size >= 120) return `${seconds < 0 ? '−' : ''}${humanDuration(size * 1000)}`;
  if (size >= 1 || size === 0) return `${significant(seconds)}${SPACE}s`;
  if (size >= 1e-3) return `${significant(seconds * 1e3)}${SPACE}ms`;
  if (size >= 1e-6) return `${significant(seconds * 1e6)}${SPACE}µs`;
  return `${significant(seconds * 1e9)}${SPACE}ns`;
}

/** How long something took or takes, in its two largest units: `450 ms`, `12 s`, `3 min 20 s`, `2 h 5 min`, `4 d 1 h`. */
export function humanDuration(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))}${SPACE}ms`;
  if (ms < 60_000) return `${Number((ms / 1000).toFixed(ms < 10_000 ? 1 : 0))}${SPACE}s`;
  const [large, small] = LONG_UNITS.find(([unit]) => ms >= unit.ms) ?? LONG_UNITS[LONG_UNITS.length - 1];
  const whole = Math.floor(ms / large.ms);
  const rest = Math.floor((ms - whole * large.ms) / small.ms);
  return `${whole}${SPACE}${large.name}${rest > 0 ? `${SPACE}${rest}${SPACE}${small.name}` : ''}`;
}

const DAY = { ms: 86_400_000, name: 'd' };
const HOUR = { ms: 3_600_000, name: 'h' };
const MINUTE = { ms: 60_000, name: 'min' };
const SECOND = { ms: 1000, name: 's' };
const LONG_UNITS = [
  [DAY, HOUR],
  [HOUR, MINUTE],
  [MINUTE, SECOND],
] as const;

/** `receive_bytes_per_second` is `receive`, `cpu_usage_ratio` is `cpu usage`: the unit stands beside the value. */
export function humanFeature(feature: string, unit: string): string {
  const bare = feature.endsWith(`_${unit}`) ? feature.slice(0, -unit.length - 1) : feature;
  return bare.replaceAll('_', ' ');
}

function scaled(value: number, base: number, units: readonly string[]): string {
  let scaledValue = value;
  let i = 0;
  // 999.6 would be shown as 1000: it already belongs to the next unit
  while (Math.abs(scaledValue) >= base - 0.5 && i < units.length - 1) {
    scaledValue /= base;
    i++;
  }
  return `${significant(scaledValue)}${units[i] ? SPACE + units[i] : ''}`;
}

/** Three significant digits, all digits before the point, no exponent, a true minus. */
function significant(value: number): string {
  if (value === 0) return '0';
  const size = Math.abs(value);
  const digits = Math.max(0, Math.min(12, 2 - Math.floor(Math.log10(size))));
  const rounded = Number(value.toFixed(digits));
  return grouped(rounded, digits);
}

/** Not by `toLocaleString`, which loads the language tables of the runtime: 8 MB of memory for a comma. */
function grouped(value: number, digits = 0): string {
  const [whole, fraction = ''] = Math.abs(value).toFixed(digits).split('.');
  const rest = fraction.replace(/0+$/, '');
  const text = whole.replace(/\B(?=(\d{3})+$)/g, ',') + (rest ? `.${rest}` : '');
  return value < 0 && text !== '0' ? `−${text}` : text;
}
