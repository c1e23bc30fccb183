/**
 * Requests that are not served: one error carries the status, the sentence for the client and the reason for the counter
 * `web_requests_refused_total`. Middleware throws it, `answerRefusal` is the one place that answers.
 */
import type { ErrorRequestHandler, Request } from 'express';
import type { Observer } from '../../flow.ts';
import { sendText, sendJson } from './send.ts';

/** Values of the label `reason`. */
export const REFUSAL_REASONS = [
  'body_too_large',
  'busy',
  'client_certificate',
  'foreign_host',
  'foreign_origin',
  'header_too_large',
  'malformed',
  'rate_limit',
  'remote_change',
  'timeout',
  'tls_handshake',
  'too_many_connections',
  'too_many_scrapes',
  'unauthorized',
] as const;

export type RefusalReason = (typeof REFUSAL_REASONS)[number];

export interface RefusalDetails {
  /** counted when set; a wrong parameter or path is the client's mistake, not a refusal */
  reason?: RefusalReason;
  /** the query parameter that is wrong */
  parameter?: string;
  headers?: Record<string, string | string[]>;
}

export interface Refusal extends Error, RefusalDetails {
  status: number;
}

export function refusal(status: number, message: string, details: RefusalDetails = {}): Refusal {
  return Object.assign(new Error(message), { status, ...details });
}

/** Counts a refusal under its reason. */
export function countRefusal(observer: Observer, reason: RefusalReason): void {
  observer.count('web_requests_refused_total', { reason });
}

/**
 * Answers what the middleware and handlers threw: `{error: {message, parameter?}}` under `/api`, text elsewhere. An error without a status
 * is a fault of ours: it is logged and answered with 500 and no detail.
 */
export function answerRefusal(observer: Observer, underApi: (request: Request) => boolean): ErrorRequestHandler {
  return async (error: Partial<Refusal> & Error, request, response, next) => {
    const known = typeof error.status === 'number' && error.status >= 400 && error.status <= 599;
    const status = known ? Number(error.status) : 500;
    const message = known ? error.message : 'internal error; the log says more';
    if (error.reason) countRefusal(observer, error.reason);
    if (!known)
      observer.log.error('request failed', { method: request.method, path: request.path, error: String(error.stack) });
    if (response.headersSent) {
      next(error);
      return;
    }
    for (const [name, value] of Object.entries(error.headers ?? {})) response.setHeader(name, value);
    if (underApi(request))
      await sendJson(request, response, { error: { message, parameter: error.parameter } }, { status });
    else await sendText(request, response, `${message}\n`, { status });
  };
}
