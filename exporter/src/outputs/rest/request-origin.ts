/**
 * Where a request comes from, as far as a browser tells: a page of another site must neither read the API nor reload the exporter in the name of
 * whoever looks at it. `Origin` catches pages that call us by our name; `Host` catches pages whose own name was pointed at our address (DNS rebinding),
 * for which every request is same-origin.
 */
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import type { WebOptions } from './options.ts';

export interface TrustedNames {
  /** whether `Host` names us: an IP address, localhost, this machine, or a configured name */
  trustsHost(host: string | undefined): boolean;
  /** whether a page of this origin may ask: same origin as `Host`, or configured */
  trustsOrigin(origin: string, host: string | undefined): boolean;
}

/** `hostname`: this machine's name, short or full. */
export function trustedNames(options: WebOptions, hostname: string): TrustedNames {
  const external = options.externalUrl ? new URL(options.externalUrl) : undefined;
  const machine = hostname.toLowerCase();
  const hosts = new Set(
    ['localhost', machine, machine.split('.')[0], external?.hostname, ...options.allowedHosts].filter(Boolean),
  );
  const origins = new Set([external?.origin, ...options.allowedOrigins].filter(Boolean));
  return {
    trustsHost(host) {
      const name = hostName(host);
      return name !== undefined && (isIP(name) !== 0 || hosts.has(name));
    },
    trustsOrigin(origin, host) {
      if (origins.has(origin.toLowerCase())) return true;
      if (!host || !URL.canParse(origin)) return false;
      const { protocol, host: from } = new URL(origin);
      // a proxy may have taken TLS off, so only names and ports are compared; `null` and file pages have no host
      return from !== '' && URL.canParse(`${protocol}//${host}`) && new URL(`${protocol}//${host}`).host === from;
    },
  };
}

/** Whether the other end is a program on this machine. What came through a proxy is not, whatever the proxy's address. */
export function isFromThisMachine(request: IncomingMessage): boolean {
  if (request.headers['x-forwarded-for'] || request.headers.forwarded || request.headers['x-real-ip']) return false;
  const address = request.socket.remoteAddress ?? '';
  return address === '::1' || /^(::ffff:)?127\./.test(address);
}

/** Lower case, without port, brackets and the root's dot. */
function hostName(host: string | undefined): string | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:[\]\s/@]+?)\.?)(?::\d+)?$/i.exec(host ?? '');
  return (match?.[1] ?? match?.[2])?.toLowerCase();
}
