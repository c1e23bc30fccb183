/** Answers: length, caching and gzip in one place. Nothing here is cached by browsers, every page is about now. */
import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';
import type { Request, Response } from 'express';

export interface Answer {
  status?: number;
  headers?: Record<string, string>;
}

/** Smaller bodies fit one packet: compressing them costs more than it saves. */
const GZIP_FROM_BYTES = 1024;

const compress = promisify(gzip);

/** Sends `body` as it is; gzip when the client accepts it and it pays. Resolves when everything is handed to the socket. */
export async function send(
  request: Request,
  response: Response,
  contentType: string,
  body: string,
  { status = 200, headers = {} }: Answer = {},
): Promise<void> {
  let bytes = Buffer.from(body);
  response.statusCode = status;
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  response.setHeader('Content-Type', contentType);
  if (!response.hasHeader('Cache-Control')) response.setHeader('Cache-Control', 'no-store');
  response.vary('Accept-Encoding');
  if (bytes.length >= GZIP_FROM_BYTES && request.acceptsEncodings('gzip', 'identity') === 'gzip') {
    bytes = await compress(bytes, { level: constants.Z_BEST_SPEED });
    response.setHeader('Content-Encoding', 'gzip');
  }
  response.setHeader('Content-Length', bytes.length);
  if (request.method === 'HEAD') response.end();
  else response.end(bytes);
}

export function sendText(request: Request, response: Response, body: string, answer?: Answer): Promise<void> {
  return send(request, response, 'text/plain; charset=utf-8', body, answer);
}

export function sendHtml(request: Request, response: Response, body: string, answer?: Answer): Promise<void> {
  return send(request, response, 'text/html; charset=utf-8', body, answer);
}

/** Not finite numbers become null, as everywhere in JSON. */
export function sendJson(request: Request, response: Response, body: unknown, answer?: Answer): Promise<void> {
  return send(request, response, 'application/json; charset=utf-8', JSON.stringify(body), answer);
}
