import { connect } from 'node:net';
import type { LookupFunction } from 'node:net';
import type { Attempt } from './connection-prober.ts';
import type { TcpTarget } from './options.ts';
import { reasonOf } from './reasons.ts';

/** Connects and closes at once: the latency is the TCP handshake. A name with several addresses is tried as clients do (RFC 8305). */
export function tcpAttempt({ host, port }: TcpTarget, lookup: LookupFunction): Attempt {
  return ({ resolved, settle }) => {
    const socket = connect({
      host,
      port,
      lookup: (name, options, callback) =>
        lookup(name, options, (...answer) => {
          resolved();
          callback(...answer);
        }),
    });
    socket.on('connect', () => {
      settle();
      socket.destroy();
    });
    socket.on('error', (error) => settle(reasonOf(error)));
    return () => socket.destroy();
  };
}
