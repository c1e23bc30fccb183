/**
 * Sockets: plain or TLS, bounded in number, size and time, whatever is sent over them.
 *
 * One HTTP server listens. Whether a new connection starts with a TLS handshake is decided when it arrives, by what the web configuration says
 * then: certificates, policies and TLS itself change without a new listener, and connections that are open go on as they began.
 */
import { createServer, type RequestListener, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:tls';
import type { Protection } from './protection.ts';
import type { RefusalReason } from './refusal.ts';
import { admitsClient } from './tls-config.ts';

export interface ConnectionLimits {
  /** all connections together; one more is closed at once */
  connections: number;
  /** ms from the first byte (or the last answer) to the end of the request's head */
  headersTimeoutMs: number;
  /** ms from the first byte to the end of the request's body */
  requestTimeoutMs: number;
  /** ms that a connection may stay without a request; more than a usual scrape interval, so that scrapers keep theirs */
  keepAliveTimeoutMs: number;
  /** ms without a byte in either direction while a request is answered */
  idleTimeoutMs: number;
  /** how often the timeouts are looked at, in ms */
  checkEveryMs: number;
}

export const CONNECTION_LIMITS: ConnectionLimits = {
  connections: 1000,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  keepAliveTimeoutMs: 75_000,
  idleTimeoutMs: 60_000,
  checkEveryMs: 2000,
};

const MOST_HEADER_BYTES = 16 * 1024;

export interface Connections {
  readonly server: Server;
  /** ends every connection at once */
  destroyAll(): void;
}

export function createConnections(
  handle: RequestListener,
  protection: () => Protection,
  limits: ConnectionLimits,
  refused: (reason: RefusalReason) => void,
): Connections {
  const server = createServer(
    {
      maxHeaderSize: MOST_HEADER_BYTES,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      keepAliveTimeout: limits.keepAliveTimeoutMs,
      connectionsCheckingInterval: limits.checkEveryMs,
    },
    handle,
  );
  server.maxConnections = limits.connections;
  server.timeout = limits.idleTimeoutMs;
  server.on('drop', () => refused('too_many_connections'));
  const answered = new WeakSet<object>();
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    // what follows bad bytes is bad too: one refusal a connection, and its answer is not cut off
    if (answered.has(socket)) return;
    answered.add(socket);
    const problem = CLIENT_ERRORS[error.code ?? ''] ?? (error.code?.startsWith('HPE_') ? MALFORMED : undefined);
    if (problem) refused(problem.reason);
    if (problem && socket.writable)
      socket.end(
        `HTTP/1.1 ${problem.status}\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: 0\r\n\r\n`,
        () => socket.destroy(),
      );
    else socket.destroy();
  });

  const [serveHttp] = server.listeners('connection') as ((this: Server, socket: Socket) => void)[];
  const sockets = new Set<Socket>();
  let secure: { of: Protection['tls']; server: TlsServer } | undefined;

  /** Only makes handshakes: it never listens itself. */
  function tlsServer(tls: NonNullable<Protection['tls']>): TlsServer {
    if (secure?.of === tls) return secure.server;
    const made = createTlsServer(tls.options, (socket) => {
      if (admitsClient(tls.config, socket)) {
        serveHttp.call(server, socket);
        return;
      }
      refused('client_certificate');
      socket.destroy();
    });
    made.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
      if (error.code !== 'ECONNRESET') refused('tls_handshake');
      socket.destroy();
    });
    secure = { of: tls, server: made };
    return made;
  }

  server.removeAllListeners('connection');
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    const { tls } = protection();
    if (tls) tlsServer(tls).emit('connection', socket);
    else serveHttp.call(server, socket);
  });

  return {
    server,
    destroyAll() {
      for (const socket of sockets) socket.destroy();
    },
  };
}

interface ClientError {
  status: string;
  reason: RefusalReason;
}

const MALFORMED: ClientError = { status: '400 Bad Request', reason: 'malformed' };

const CLIENT_ERRORS: Record<string, ClientError | undefined> = {
  HPE_HEADER_OVERFLOW: { status: '431 Request Header Fields Too Large', reason: 'header_too_large' },
  ERR_HTTP_REQUEST_TIMEOUT: { status: '408 Request Timeout', reason: 'timeout' },
  HPE_INVALID_EOF_STATE: MALFORMED,
};
