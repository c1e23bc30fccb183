/**
 * What protects the exporter right now: the web configuration with its certificates, and the API token, both followed while it runs.
 *
 * Fails closed. What cannot be read leaves the last good settings in force, and a change that takes protection away (no users any more, no TLS,
 * a weaker policy for client certificates) is not taken over while running either: a file caught half written looks exactly like that.
 * It takes effect at the next start. Everything that adds, replaces or revokes is in force within a second.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { TlsOptions } from 'node:tls';
import type { Clock } from '../../clock.ts';
import type { Log } from '../../flow.ts';
import { followFiles } from './follow-files.ts';
import type { WebOptions } from './options.ts';
import { tlsFiles, tlsServerOptions, verifiesClients, type TlsConfig } from './tls-config.ts';
import { EMPTY_WEB_CONFIG, readWebConfig, type WebConfig } from './web-config.ts';

export interface Protection {
  config: WebConfig;
  /** certificates read and tried; a new object whenever something changed */
  tls?: { config: TlsConfig; options: TlsOptions };
}

export interface FollowedProtection {
  current(): Protection;
  /** whether a token is configured at all */
  readonly hasToken: boolean;
  /** compares in constant time */
  isToken(candidate: string): boolean;
}

/** Throws an Error with every problem of the files when they cannot be used at the start. */
export function followProtection(options: WebOptions, clock: Clock, log: Log): FollowedProtection {
  const { configFile, apiTokenFile } = options;
  const report = (what: string, file: string) => ({
    onError: (message: string) => log.error(`${what} not taken over, the last good one stays in force: ${message}`),
    onChange: () => log.info(`${what} taken over`, { file }),
  });
  const protection = configFile
    ? followFiles(
        (previous?: Protection) => readProtection(configFile, previous),
        clock,
        report('web configuration', configFile),
      )
    : { current: (): Protection => ({ config: EMPTY_WEB_CONFIG }) };
  const token = apiTokenFile
    ? followFiles(
        () => ({ value: readToken(apiTokenFile), files: [apiTokenFile] }),
        clock,
        report('API token', apiTokenFile),
      )
    : undefined;
  return {
    current: () => protection.current(),
    hasToken: token !== undefined,
    isToken: (candidate) => token !== undefined && timingSafeEqual(digest(candidate), token.current()),
  };
}

/** Whether anyone has to say who they are: until then, what changes state is for this machine only. */
export function hasCredential(protection: Protection, hasToken: boolean): boolean {
  return hasToken || protection.config.users.size > 0 || (!!protection.tls && verifiesClients(protection.tls.config));
}

function readProtection(file: string, previous?: Protection): { value: Protection; files: string[] } {
  const config = readWebConfig(file);
  if (previous) refuseWeaker(previous.config, config, file);
  return {
    value: { config, tls: config.tls && { config: config.tls, options: tlsServerOptions(config.tls) } },
    files: [file, ...(config.tls ? tlsFiles(config.tls) : [])],
  };
}

const STRENGTH = {
  NoClientCert: 0,
  RequestClientCert: 0,
  RequireAnyClientCert: 1,
  VerifyClientCertIfGiven: 1,
  RequireAndVerifyClientCert: 2,
} as const;

function refuseWeaker(previous: WebConfig, next: WebConfig, file: string): void {
  const lost = [
    previous.users.size > 0 && next.users.size === 0 && 'basic_auth_users',
    previous.tls && !next.tls && 'tls_server_config',
    previous.tls && next.tls && STRENGTH[next.tls.clientAuth] < STRENGTH[previous.tls.clientAuth] && 'client_auth_type',
    previous.tls?.clientAllowedSans && next.tls && !next.tls.clientAllowedSans && 'client_allowed_sans',
  ].filter(Boolean);
  if (lost.length > 0)
    throw new Error(
      `${file} takes away ${lost.join(' and ')}; that is done at the next start only, never while running`,
    );
}

function readToken(file: string): Buffer {
  let content: string;
  try {
    content = readFileSync(file, 'utf8');
  } catch (error) {
    throw new Error(`cannot read the API token file ${file}: ${(error as Error).message}`, { cause: error });
  }
  const token = content.split('\n', 1)[0].trim();
  if (!/^[\x21-\x7e]{16,}$/.test(token))
    throw new Error(
      `the first line of the API token file ${file} must be a token of at least 16 printable characters; \`openssl rand -hex 32\` makes one`,
    );
  return digest(token);
}

function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
