import type { RequestHandler } from 'express';
import type { Clock } from '../../clock.ts';
import { refusal } from './refusal.ts';

const MOST_BYTES = 64 * 1024;

/** Closing while the client still writes would reset the connection before it has read the answer. */
const LINGER_MS = 1000;

/**
 * A body is read here, up to 64 kB, and left as `request.body` for the route. More is refused with 413 as soon as it is announced or arrives; a client
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
    const chunks: Buffer[] = [];
    const finish = () => {
      request.body = Buffer.concat(chunks);
      next();
    };
    const count = (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= MOST_BYTES) {
        chunks.push(chunk);
        return;
      }
      chunks.length = 0;
      request.off('data', count).off('end', finish);
      refuse();
    };
    request.on('data', count).once('end', finish);
  };
}
