import { createHash } from 'node:crypto';
import type { RequestHandler } from 'express';

/** `'sha256-…'`: lets exactly this inline script or style run. */
export function contentHash(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}

/**
 * What every answer says to browsers. Nothing may be loaded or framed; pages widen this for their own inline script and style by hash.
 * Panels, not frames, bring NetPulse into Grafana, so framing stays refused. `configured` (http_server_config.headers) goes first;
 * `X-Frame-Options: sameorigin` there also opens our own policy to frames of the same origin.
 */
export function securityHeaders(configured: () => Readonly<Record<string, string>>): RequestHandler {
  return (_request, response, next) => {
    const own = configured();
    response.setHeader('Content-Security-Policy', contentPolicy(own, "default-src 'none'"));
    response.setHeader('X-Frame-Options', own['X-Frame-Options'] ?? 'deny');
    response.setHeader('X-Content-Type-Options', 'nosniff');
    response.setHeader('Referrer-Policy', 'no-referrer');
    response.setHeader('Cross-Origin-Resource-Policy', 'same-origin');
    for (const name of ['X-XSS-Protection', 'Strict-Transport-Security'])
      if (own[name]) response.setHeader(name, own[name]);
    next();
  };
}

/** The policy of one page: the configured one, else `sources` and the rules that hold for all. */
export function contentPolicy(configured: Readonly<Record<string, string>>, sources: string): string {
  const ancestors = configured['X-Frame-Options'] === 'sameorigin' ? "'self'" : "'none'";
  return (
    configured['Content-Security-Policy'] ??
    `${sources}; base-uri 'none'; form-action 'none'; frame-ancestors ${ancestors}`
  );
}
