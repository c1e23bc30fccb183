/**
 * The web configuration file: TLS, users, headers and rate limit, in the format that all Prometheus exporters share
 * (prometheus/exporter-toolkit, docs/web-configuration.md), so that a file written for another exporter works here.
 *
 * Stricter than there, always on the safe side: policies that verify client certificates need a `client_ca_file` (there, any public authority
 * would do), bcrypt costs above 15 are refused (one log-in would block for seconds), a rate limit needs a burst of at least 1.
 * `http2` is accepted and has no effect: pages are served over HTTP/1.1, which every scraper and browser speaks.
 */
import { readFileSync } from 'node:fs';
import { validateHeaderValue } from 'node:http';
import { dirname, resolve } from 'node:path';
import { LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { CIPHERS, CLIENT_AUTH, CURVES, TLS_VERSIONS, type ClientAuth, type TlsConfig } from './tls-config.ts';

export interface WebConfig {
  tls?: TlsConfig;
  /** headers of every answer, instead of our own of the same name */
  headers: Readonly<Record<string, string>>;
  /** user name -> bcrypt hash; empty = no basic authentication */
  users: ReadonlyMap<string, string>;
  /** one request every `intervalMs`, up to `burst` at once */
  rateLimit?: { intervalMs: number; burst: number };
}

export const EMPTY_WEB_CONFIG: WebConfig = { headers: {}, users: new Map() };

const HIGHEST_BCRYPT_COST = 15;

const text = z.string('must be text; put quotes around it').min(1, 'must not be empty');
const flag = z.boolean('must be true or false');
const oneOf = <T extends string>(names: readonly T[]) =>
  z.enum(names, `must be one of ${names.filter(Boolean).join(', ')}`);

const tlsVersion = oneOf(Object.keys(TLS_VERSIONS) as (keyof typeof TLS_VERSIONS)[]);

const tlsServerConfig = z
  .strictObject({
    cert: text.optional(),
    cert_file: text.optional(),
    key: text.optional(),
    key_file: text.optional(),
    client_ca: text.optional(),
    client_ca_file: text.optional(),
    client_auth_type: oneOf([...CLIENT_AUTH, 'RequireClientCert', '']).default('NoClientCert'),
    client_allowed_sans: z.array(text).min(1, 'must list at least one name, or be left out').optional(),
    min_version: tlsVersion.default('TLS12'),
    max_version: tlsVersion.default('TLS13'),
    cipher_suites: z.array(oneOf(Object.keys(CIPHERS))).optional(),
    prefer_server_cipher_suites: flag.default(true),
    curve_preferences: z.array(oneOf(Object.keys(CURVES))).optional(),
  })
  .superRefine((o, context) => {
    const problem = (key: string, message: string) => context.addIssue({ code: 'custom', path: [key], message });
    for (const key of ['cert', 'key', 'client_ca'] as const)
      if (o[key] !== undefined && o[`${key}_file`] !== undefined) problem(key, `cannot be set beside ${key}_file`);
    for (const key of ['cert', 'key'] as const)
      if (o[key] === undefined && o[`${key}_file`] === undefined)
        problem(`${key}_file`, 'is missing; TLS needs cert_file and key_file');
    if (o.min_version > o.max_version) problem('min_version', `${o.min_version} is above max_version ${o.max_version}`);
    const auth = clientAuth(o.client_auth_type);
    const hasCa = o.client_ca !== undefined || o.client_ca_file !== undefined;
    const verifies = auth === 'VerifyClientCertIfGiven' || auth === 'RequireAndVerifyClientCert';
    if (verifies && !hasCa) problem('client_ca_file', `is missing; ${auth} needs the authority that signs the clients`);
    if (hasCa && auth === 'NoClientCert')
      problem(
        'client_auth_type',
        'is missing; a client_ca_file alone verifies nobody, RequireAndVerifyClientCert does',
      );
    if (o.client_allowed_sans && auth !== 'RequireAnyClientCert' && auth !== 'RequireAndVerifyClientCert')
      problem('client_allowed_sans', 'needs client_auth_type RequireAndVerifyClientCert or RequireAnyClientCert');
  });

const HEADERS = {
  'Content-Security-Policy': headerValue(),
  'X-Frame-Options': oneOf(['', 'deny', 'sameorigin']).optional(),
  'X-Content-Type-Options': oneOf(['', 'nosniff']).optional(),
  'X-XSS-Protection': headerValue(),
  'Strict-Transport-Security': headerValue(),
};

const webConfigFile = z.strictObject({
  tls_server_config: tlsServerConfig.nullish(),
  http_server_config: z.strictObject({ http2: flag.optional(), headers: z.strictObject(HEADERS).nullish() }).nullish(),
  basic_auth_users: z.record(userName(), bcryptHash()).nullish(),
  rate_limit: z
    .strictObject({ interval: goDuration(), burst: z.int('must be a whole number').min(0).default(0) })
    .superRefine((o, context) => {
      if (o.interval > 0 && o.burst < 1)
        context.addIssue({
          code: 'custom',
          path: ['burst'],
          message: 'must be at least 1, otherwise nothing is answered',
        });
    })
    .nullish(),
});

/** Reads and checks the file. Throws an Error that lists every problem with its key; certificates are not read here. */
export function readWebConfig(path: string): WebConfig {
  let content: string;
  try {
    content = readFileSync(path, 'utf8');
  } catch (error) {
    throw new Error(`cannot read the web configuration ${path}: ${(error as Error).message}`, { cause: error });
  }
  return parseWebConfig(content, path);
}

/** Relative paths in the file are relative to the file. */
export function parseWebConfig(content: string, path: string): WebConfig {
  const lines = new LineCounter();
  const document = parseDocument(content, { strict: true, uniqueKeys: true, lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0)
    throw new Error(
      [
        `the web configuration ${path} is no YAML:`,
        ...document.errors.map(({ message, pos }) => `  line ${lines.linePos(pos[0]).line}: ${message}`),
      ].join('\n'),
    );
  const parsed = webConfigFile.safeParse(document.toJS() ?? {});
  if (!parsed.success)
    throw new Error([`the web configuration ${path} is not valid:`, ...problems(parsed.error)].join('\n'));
  const { tls_server_config: tls, http_server_config: http, basic_auth_users: users, rate_limit: rate } = parsed.data;
  return {
    tls: tls ? tlsConfig(tls, dirname(path)) : undefined,
    headers: Object.fromEntries(Object.entries(http?.headers ?? {}).filter(([, value]) => value)),
    users: new Map(Object.entries(users ?? {})),
    rateLimit: rate && rate.interval > 0 ? { intervalMs: rate.interval, burst: rate.burst } : undefined,
  };
}

function tlsConfig(o: z.output<typeof tlsServerConfig>, folder: string): TlsConfig {
  const pem = (inline: string | undefined, file: string | undefined) =>
    inline !== undefined ? { inline } : file !== undefined ? { file: resolve(folder, file) } : undefined;
  return {
    cert: pem(o.cert, o.cert_file)!,
    key: pem(o.key, o.key_file)!,
    clientCa: pem(o.client_ca, o.client_ca_file),
    clientAuth: clientAuth(o.client_auth_type),
    clientAllowedSans: o.client_allowed_sans,
    minVersion: TLS_VERSIONS[o.min_version],
    maxVersion: TLS_VERSIONS[o.max_version],
    ciphers: o.cipher_suites?.map((name) => CIPHERS[name]),
    preferServerCiphers: o.prefer_server_cipher_suites,
    curves: o.curve_preferences?.map((name) => CURVES[name]),
  };
}

/** `RequireClientCert` is the toolkit's old name of `RequireAnyClientCert`. */
function clientAuth(name: ClientAuth | 'RequireClientCert' | ''): ClientAuth {
  return name === 'RequireClientCert' ? 'RequireAnyClientCert' : name === '' ? 'NoClientCert' : name;
}

function problems(error: z.ZodError): string[] {
  return error.issues.flatMap((issue) => {
    const path = issue.path.map(String);
    if (issue.code === 'unrecognized_keys')
      return issue.keys.map((key) => `  ${[...path, key].join('.')}: unknown key`);
    const at = path.join('.') || 'file';
    if (issue.code === 'invalid_key') return [`  ${at}: ${issue.issues.map(({ message }) => message).join(', ')}`];
    const keysExpected = issue.code === 'invalid_type' && /^(object|record)$/.test(issue.expected);
    return [`  ${at}: ${keysExpected ? 'must be a set of keys, written below it and indented' : issue.message}`];
  });
}

function headerValue() {
  return z
    .string('must be text; put quotes around it')
    .superRefine((value, context) => {
      try {
        validateHeaderValue('value', value);
      } catch {
        context.addIssue({ code: 'custom', message: 'has characters that no header may have, such as line breaks' });
      }
    })
    .optional();
}

function userName() {
  return z
    .string()
    .regex(/^[ -9;-~\u00a0-\u{10ffff}]+$/u, 'a user name is not empty and has no colon or control character');
}

function bcryptHash() {
  const form = 'must be a bcrypt hash ($2y$10$...), as `htpasswd -nBC 10 ""` prints it after the colon';
  return z.string(form).superRefine((hash, context) => {
    const match = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/.exec(hash);
    const cost = Number(match?.[1]);
    if (!match || cost < 4) context.addIssue({ code: 'custom', message: form });
    else if (cost > HIGHEST_BCRYPT_COST)
      context.addIssue({
        code: 'custom',
        message: `has the bcrypt cost ${cost}; above ${HIGHEST_BCRYPT_COST} one log-in takes seconds, use 10 to 12`,
      });
  });
}

/** Durations as Go writes them: `1s`, `100ms`, `1m30s`, `0`. The value is ms. */
function goDuration() {
  const message = 'must be a duration such as 1s, 500ms or 1m30s (0 = no rate limit)';
  return z.union([z.string(), z.literal(0)], message).transform((value, context) => {
    const ms = goDurationMs(String(value));
    if (ms !== undefined) return ms;
    context.issues.push({ code: 'custom', message, input: value });
    return z.NEVER;
  });
}

function goDurationMs(value: string): number | undefined {
  if (value === '0') return 0;
  const units: Record<string, number> = { ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
  if (!/^(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+$/.test(value)) return undefined;
  let ms = 0;
  for (const [, amount, unit] of value.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g))
    ms += Number(amount) * units[unit];
  return ms;
}
