/**
 * Leveled log on stderr through pino: one record a line, written before the call returns, so that the last line before a crash is there.
 * `logfmt` is `time=... level=info msg="..." key=value`; `json` is pino's own line with the same keys.
 */
import { pino } from 'pino';
import type { Clock } from '../clock.ts';
import type { Log } from '../flow.ts';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export const LOG_FORMATS = ['logfmt', 'json'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export type LogFormat = (typeof LOG_FORMATS)[number];

export interface LoggerOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  readonly clock: Clock;
  /** where lines go, each with its newline; default stderr */
  readonly write?: (line: string) => void;
}

/** Keys that every record has; a field of that name is written as `field_<name>` so that it cannot stand in for the real one. */
const RESERVED = new Set(['time', 'level', 'msg']);

export function createLogger(options: LoggerOptions): Log {
  const write = options.write ?? stderrWriter();
  const logger = pino(
    {
      level: options.level,
      base: undefined,
      timestamp: () => `,"time":"${new Date(options.clock.now()).toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    {
      write: (line: string) =>
        write(options.format === 'json' ? line : logfmt(JSON.parse(line) as Record<string, unknown>)),
    },
  );
  return {
    debug: (message, fields) => logger.debug(flatten(fields), message),
    info: (message, fields) => logger.info(flatten(fields), message),
    warn: (message, fields) => logger.warn(flatten(fields), message),
    error: (message, fields) => logger.error(flatten(fields), message),
  };
}

/** One record as a line: `time`, `level` and `msg` first, the other keys in their order. */
export function logfmt(record: Record<string, unknown>): string {
  const { time, level, msg, ...fields } = record;
  let line = `time=${logfmtValue(time)} level=${logfmtValue(level)} msg=${JSON.stringify(String(msg ?? ''))}`;
  for (const [key, value] of Object.entries(fields)) line += ` ${logfmtKey(key)}=${logfmtValue(value)}`;
  return line + '\n';
}

/** The message of an error and of what caused it, outermost first. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const message = error.message || error.name;
  return error.cause === undefined ? message : `${message}: ${describeError(error.cause)}`;
}

function flatten(fields: Record<string, unknown> | undefined): Record<string, unknown> {
  const flat: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(fields ?? {})) {
    flat[RESERVED.has(key) ? `field_${key}` : key] = plain(value);
  }
  return flat;
}

function plain(value: unknown): unknown {
  if (value instanceof Error) return describeError(value);
  if (typeof value === 'bigint') return String(value);
  // JSON has no NaN and no infinity; the word says more than null
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  return value;
}

function logfmtKey(key: string): string {
  return key.replace(/[\s="]|[^ -~\u00a0-\u{10ffff}]/gu, '_') || '_';
}

function logfmtValue(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  return text !== '' && !/[\s="\\]|[^ -~\u00a0-\u{10ffff}]/u.test(text) ? text : JSON.stringify(text);
}

/** Lines that cannot be written wait for the next one; more than this many bytes of them are dropped. */
const MAX_WAITING_BYTES = 1 << 20;

function stderrWriter(): (line: string) => void {
  const stderr = pino.destination({ dest: 2, sync: true, maxLength: MAX_WAITING_BYTES });
  // stderr is a file on a full disk or a terminal that is gone: the service goes on without a log, and there is no place left to say so
  stderr.on('error', () => {});
  return (line) => void stderr.write(line);
}
