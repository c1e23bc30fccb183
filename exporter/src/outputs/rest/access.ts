/**
 * Who may do what.
 *
 * | asked for                | nothing configured | users (web.config)  | API token        |
 * |--------------------------|--------------------|---------------------|------------------|
 * | pages, `/metrics`        | anyone             | a user or the token | anyone           |
 * | `/api`                   | anyone             | a user or the token | a user or the token |
 * | what changes state       | this machine       | a user or the token | a user or the token |
 *
 * With client certificates that are verified and neither users nor a token, what changes state needs such a certificate.
 * A certificate does not stand in for the token: the scraper has one too. `/api` and what changes state are also closed to foreign pages.
 */
import { hostname } from 'node:os';
import { TLSSocket } from 'node:tls';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { basicCredentials, bearerToken, createPasswordCheck } from './basic-auth.ts';
import type { WebOptions } from './options.ts';
import { hasCredential, type FollowedProtection, type Protection } from './protection.ts';
import { refusal } from './refusal.ts';
import { isFromThisMachine, trustedNames } from './request-origin.ts';
import { isVerifiedClient } from './tls-config.ts';

export interface Access {
  /** for every request: a credential where users are configured */
  admit: RequestHandler;
  /** for `/api` and what changes state: not for pages of other sites. Also answers their CORS preflight where they are allowed. */
  refuseForeignPages: RequestHandler;
  /** for `/api`: a credential where a token is configured */
  requireApiCredential: RequestHandler;
  /** for what changes state */
  requireChangeCredential: RequestHandler;
}

export function createAccess(options: WebOptions, protection: FollowedProtection): Access {
  const passwords = createPasswordCheck();
  const names = trustedNames(options, hostname());

  async function showsCredential(request: Request, { config }: Protection): Promise<boolean> {
    const { authorization } = request.headers;
    const token = bearerToken(authorization);
    if (token !== undefined) return protection.isToken(token);
    const basic = config.users.size > 0 ? basicCredentials(authorization) : undefined;
    return basic !== undefined && passwords.matches(config.users, basic.user, basic.password);
  }

  async function require(request: Request, current: Protection): Promise<void> {
    if (await showsCredential(request, current)) return;
    const ways = [
      ...(current.config.users.size > 0 ? ['Basic realm="netpulse", charset="UTF-8"'] : []),
      ...(protection.hasToken ? ['Bearer realm="netpulse"'] : []),
    ];
    const what = [current.config.users.size > 0 && 'a user and password', protection.hasToken && 'the API token'];
    throw refusal(401, `this needs ${what.filter(Boolean).join(' or ')} in the Authorization header`, {
      reason: 'unauthorized',
      headers: { 'WWW-Authenticate': ways },
    });
  }

  return {
    async admit(request, _response, next) {
      const current = protection.current();
      if (current.config.users.size > 0 && !isAllowedPreflight(request)) await require(request, current);
      next();
    },

    refuseForeignPages(request, response, next) {
      const { host, origin } = request.headers;
      if (!names.trustsHost(host))
        throw refusal(
          403,
          `the name "${host ?? ''}" is not one of this exporter; web.allowed_hosts or web.external_url adds it`,
          { reason: 'foreign_host' },
        );
      if (origin === undefined) return next();
      if (!names.trustsOrigin(origin, host))
        throw refusal(403, `pages of ${origin} may not use this; web.allowed_origins adds them`, {
          reason: 'foreign_origin',
        });
      answerAllowedOrigin(request, response, next, origin);
    },

    async requireApiCredential(request, _response, next) {
      if (protection.hasToken) await require(request, protection.current());
      next();
    },

    async requireChangeCredential(request, _response, next) {
      const current = protection.current();
      if (protection.hasToken || current.config.users.size > 0) await require(request, current);
      else if (hasCredential(current, protection.hasToken)) requireCertificate(request, current);
      else if (!isFromThisMachine(request))
        throw refusal(
          403,
          'what changes state is refused from other machines until a credential is configured: an API token (--web.api-token-file), or users or client certificates (--web.config.file)',
          { reason: 'remote_change' },
        );
      next();
    },
  };

  /** A preflight carries no credential; it is answered without one, and only to origins that are trusted. */
  function isAllowedPreflight(request: Request): boolean {
    const { origin, host } = request.headers;
    return isPreflight(request) && origin !== undefined && names.trustsHost(host) && names.trustsOrigin(origin, host);
  }
}

function requireCertificate(request: Request, { tls }: Protection): void {
  if (tls && request.socket instanceof TLSSocket && isVerifiedClient(tls.config, request.socket)) return;
  throw refusal(403, 'what changes state needs a client certificate here', { reason: 'unauthorized' });
}

function isPreflight(request: Request): boolean {
  return request.method === 'OPTIONS' && request.headers['access-control-request-method'] !== undefined;
}

function answerAllowedOrigin(request: Request, response: Response, next: NextFunction, origin: string): void {
  response.setHeader('Access-Control-Allow-Origin', origin);
  response.vary('Origin');
  if (!isPreflight(request)) return next();
  response.setHeader('Access-Control-Allow-Methods', 'GET, POST, PUT');
  response.setHeader('Access-Control-Allow-Headers', 'Authorization');
  response.setHeader('Access-Control-Max-Age', '600');
  response.status(204).end();
}
