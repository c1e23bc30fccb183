/** A web server on a free port of this machine, and what it counted and logged. */
import { request as httpRequest, type IncomingHttpHeaders, type RequestOptions } from 'node:http';
import { connect, type Socket } from 'node:net';
import { systemClock, type Clock } from '../../../clock.ts';
import type { Observer } from '../../../flow.ts';
import type { Service } from '../../service.ts';
import type { ConnectionLimits } from '../connections.ts';
import { webOptions } from '../options.ts';
import { createWebServer, type WebServer } from '../server.ts';
import { fixedData, fixedService, type FixedData } from './fixed-service.ts';

export interface RunningServer {
  server: WebServer;
  port: number;
  url: string;
  data: FixedData;
  service: Service & { reloads?: number };
  /** refusals by reason */
  refused: Record<string, number>;
  /** `level message` */
  logged: string[];
}

export interface StartOptions {
  options?: Record<string, unknown>;
  service?: Service;
  clock?: Clock;
  limits?: Partial<ConnectionLimits>;
}

export function recordingObserver() {
  const refused: Record<string, number> = {};
  const logged: string[] = [];
  const log = (level: string) => (message: string, fields?: Record<string, unknown>) =>
    void logged.push(`${level} ${message}${fields?.error ? `: ${String(fields.error)}` : ''}`);
  const observer: Observer = {
    log: { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') },
    count(name, { reason }, by = 1) {
      if (name === 'web_requests_refused_total') refused[reason] = (refused[reason] ?? 0) + by;
    },
  };
  return { observer, refused, logged };
}

const running: RunningServer[] = [];

/** Call `stopAll` after each test. */
export async function startServer({ options, service, clock, limits }: StartOptions = {}): Promise<RunningServer> {
  const data = fixedData();
  const { observer, refused, logged } = recordingObserver();
  const served = service ?? fixedService(data);
  const server = createWebServer({
    options: webOptions.parse({ listen_address: '127.0.0.1:0', ...options }),
    service: served,
    observer,
    clock: clock ?? systemClock(),
    limits,
  });
  const { port } = await server.start();
  const one = { server, port, url: `http://127.0.0.1:${port}`, data, service: served, refused, logged };
  running.push(one);
  return one;
}

export async function stopAll(): Promise<void> {
  await Promise.all(running.splice(0).map(({ server }) => server.stop()));
}

export interface RawAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

/** For headers that `fetch` does not let out: Host, Origin. */
export function request(port: number, options: RequestOptions): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest({ host: '127.0.0.1', port, ...options }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString(),
        }),
      );
    });
    sent.on('error', reject);
    sent.end();
  });
}

/** Sends bytes as they are and resolves with all that comes back until the other end closes. */
export function sendBytes(
  port: number,
  bytes: string | Buffer,
  socket: Socket = connect(port, '127.0.0.1'),
): Promise<string> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('error', () => {});
    socket.on('close', () => resolve(Buffer.concat(chunks).toString()));
    socket.write(bytes);
  });
}
