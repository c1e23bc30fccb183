import type { RequestHandler } from 'express';
import type { Clock } from '../../clock.ts';
import { refusal } from './refusal.ts';

interface RateLimit {
  intervalMs: number;
  burst: number;
}

/** A token bucket for all clients together: `burst` requests at once, then one every `intervalMs`. It starts full, and again when the limit changes. */
export function rateLimiter(limit: () => RateLimit | undefined, clock: Clock): RequestHandler {
  let tokens = 0;
  let filled = 0;
  let inForce: RateLimit | undefined;
  return (_request, _response, next) => {
    const current = limit();
    if (!current) return next();
    const now = clock.monotonic();
    if (current.intervalMs !== inForce?.intervalMs || current.burst !== inForce.burst) {
      inForce = current;
      tokens = current.burst;
    } else tokens = Math.min(current.burst, tokens + (now - filled) / current.intervalMs);
    filled = now;
    if (tokens < 1)
      throw refusal(429, 'too many requests; rate_limit in the web configuration sets how many', {
        reason: 'rate_limit',
        headers: { 'Retry-After': String(Math.max(1, Math.ceil(((1 - tokens) * current.intervalMs) / 1000))) },
      });
    tokens--;
    next();
  };
}
