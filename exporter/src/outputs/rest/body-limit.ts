import type { RequestHandler } from 'express';
import type { Clock } from '../../clock.ts';
import { refusal } from './refusal.ts';

const MOST_BYTES = 64 * 1024;

/** Closing while the client still writes would reset the connection before it has read the answer. */
const LINGER_MS = 1000;

/**
 * No route reads a body, so it is read and thrown away here, up to 64 kB. More is refused with 413 as soon as it is announced or arrives; a client
 * that goes on sending is cut off a second later.
 */
export function bodyLimit(clock: Clock): RequestHandler {
  return (request, _response, next) => {
    const announced = Number(request.headers['content-length'] ?? 0);
    const chunked = request.headers['transfer-encoding'] !== undefined;
    if (announced === 0 && !chunked) return next();
    const refuse = () => {
      request.resume();
      void clock.sleep(LINGER_MS).then(() => request.complete || request.socket.destroy());
      next(refusal(413, 'the body is larger than 64 kB', { reason: 'body_too_large' }));
    };
    if (announced > MOST_BYTES) return refuse();
    let bytes = 0;
    const finish = () => next();
    const count = (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= MOST_BYTES) return;
      request.off('data', count).off('end', finish);
      refuse();
    };
    request.on('data', count).once('end', finish);
  };
}
