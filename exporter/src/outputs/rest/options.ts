/**
 * Options of the web server. Keys are snake_case as in the file; the parsed value is camelCase.
 */
import { isIP } from 'node:net';
import { z } from 'zod';

export interface ListenAddress {
  /** undefined = every interface, IPv6 and IPv4 */
  host?: string;
  /** 0 = any free port */
  port: number;
}

/** `:10190`, `localhost:10190`, `10.0.0.1:10190` or `[::1]:10190`. Throws an Error that names the value and the forms. */
export function parseListenAddress(text: string): ListenAddress {
  const match = /^(?:\[([^[\]]+)\]|([^:[\]\s/]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (!match || port > 65535 || (match[1] !== undefined && isIP(match[1]) !== 6))
    throw new Error(
      `"${text}" is no address to listen on; write :10190, host:10190 or [::1]:10190 (port 0 to 65535, 0 = any)`,
    );
  const host = match[1] ?? match[2];
  return host ? { host, port } : { port };
}

/** Characters that need no escaping in a path and mean nothing to a router. */
const PATH = /^[A-Za-z0-9._~/-]*$/;

const listenAddress = z.string().superRefine((text, context) => {
  try {
    parseListenAddress(text);
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message });
  }
});

const externalUrl = z.string().superRefine((text, context) => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const wrong =
    !url || !/^https?:$/.test(url.protocol)
      ? 'is no http or https address'
      : url.search || url.hash || url.username || url.password
        ? 'has more than scheme, host, port and path'
        : PATH.test(url.pathname)
          ? undefined
          : 'has a path with characters other than letters, digits and ._~-/';
  if (wrong)
    context.addIssue({ code: 'custom', message: `"${text}" ${wrong}; write https://monitoring.example.com/netpulse` });
});

const origin = z.string().superRefine((text, context) => {
  if (!URL.canParse(text) || new URL(text).origin !== text.toLowerCase())
    context.addIssue({
      code: 'custom',
      message: `"${text}" is no origin; write scheme, host and port only: https://grafana.example.com`,
    });
});

const hostName = z.string().superRefine((text, context) => {
  if (!/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/.test(text))
    context.addIssue({
      code: 'custom',
      message: `"${text}" is no host name; write it without scheme and port: netpulse.example.com`,
    });
});

export const webOptions = z
  .strictObject({
    /** `:port` is every interface; `host:port` and `[::1]:port` are one */
    listen_address: listenAddress.default(':10190'),
    /** TLS, users, headers and rate limit, in the format of the Prometheus exporter toolkit */
    config_file: z.string().min(1).optional(),
    /** first line = the bearer token that `/api` and whatever changes state ask for */
    api_token_file: z.string().min(1).optional(),
    /** how users reach the exporter through a proxy; its host and origin are trusted */
    external_url: externalUrl.optional(),
    /** path before every route; default: the path of `external_url` */
    route_prefix: z
      .string()
      .regex(PATH, 'a route prefix has letters, digits and ._~-/ only; write it like /netpulse')
      .optional(),
    /** scrapes that may be answered at the same time; one more gets 503. 0 = no limit */
    max_requests: z.int().min(0).max(100_000).default(40),
    /** web pages of these origins may use `/api` (beside pages of the exporter itself and of `external_url`) */
    allowed_origins: z.array(origin).default([]),
    /** names under which `/api` may be addressed, beside IP addresses, localhost, this machine's name and `external_url`'s */
    allowed_hosts: z.array(hostName).default([]),
  })
  .transform((o) => ({
    listenAddress: o.listen_address,
    configFile: o.config_file,
    apiTokenFile: o.api_token_file,
    externalUrl: o.external_url,
    routePrefix: normalisePrefix(o.route_prefix ?? (o.external_url ? new URL(o.external_url).pathname : '')),
    maxRequests: o.max_requests,
    allowedOrigins: o.allowed_origins.map((text) => text.toLowerCase()),
    allowedHosts: o.allowed_hosts.map((text) => text.toLowerCase()),
  }));

/** `routePrefix` is normalised: empty, or `/x` without a slash at its end. */
export type WebOptions = z.output<typeof webOptions>;

export const defaultWebOptions: WebOptions = webOptions.parse({});

function normalisePrefix(text: string): string {
  const parts = text.split('/').filter((part) => part !== '' && part !== '.' && part !== '..');
  return parts.length === 0 ? '' : `/${parts.join('/')}`;
}
