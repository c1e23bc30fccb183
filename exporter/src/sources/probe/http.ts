import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { LookupFunction } from 'node:net';
import type { Attempt } from './connection-prober.ts';
import type { HttpTarget } from './options.ts';
import { reasonOf } from './reasons.ts';

/** A body is read to its end so that the server sees an orderly close, up to this many bytes. */
const BODY_LIMIT = 64 * 1024;

/**
 * One request over a connection of its own, as a new client would make it: the latency is connecting, TLS and the server's time to the response
 * headers. Redirects are not followed: a 3xx is an answer like any other.
 */
export function httpAttempt(target: HttpTarget, lookup: LookupFunction): Attempt {
  const url = new URL(target.url);
  const open = url.protocol === 'https:' ? httpsRequest : httpRequest;
  const expected = (status: number) =>
    target.expectStatus.length > 0 ? target.expectStatus.includes(status) : status >= 200 && status < 400;

  return ({ resolved, settle }) => {
    const request = open(url, {
      method: target.method,
      // a pooled connection would hide the handshake, and could be dead already
      agent: false,
      headers: { 'user-agent': 'NetPulse-probe', accept: '*/*' },
      rejectUnauthorized: !target.tlsSkipVerify,
      lookup: (name, options, callback) =>
        lookup(name, options, (...answer) => {
          resolved();
          callback(...answer);
        }),
    });
    request.on('response', (response) => {
      settle(expected(response.statusCode ?? 0) ? undefined : 'http_status');
      let received = 0;
      response.on('data', (chunk: Buffer) => {
        received += chunk.length;
        if (received > BODY_LIMIT) request.destroy();
      });
      // the probe is settled by its headers: how the body ends is nobody's business
      response.on('error', () => {});
    });
    request.on('error', (error) => settle(reasonOf(error)));
    // an upgrade, or an end without headers
    request.on('close', () => settle('protocol'));
    request.end();
    return () => request.destroy();
  };
}
