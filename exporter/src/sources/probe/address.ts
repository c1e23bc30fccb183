/**
 * What may be probed: strict, because an address becomes an argument of `ping`, a label and a node of the map.
 */
import { isIPv4, isIPv6 } from 'node:net';

const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/i;
const ZONE = /^[a-z0-9][a-z0-9._-]{0,14}$/i;

/**
 * A host name (RFC 1123, with the underscores that people use), an IPv4 address, or an IPv6 address with or without brackets and zone; returned without
 * brackets. Throws an Error that shows the value.
 */
export function parseHost(text: string): string {
  const bare = /^\[(.*)\]$/.exec(text)?.[1] ?? text;
  if (isIPv4(bare)) return bare;
  if (bare.includes(':')) {
    const [address, ...zone] = bare.split('%');
    if (isIPv6(address) && (zone.length === 0 || (zone.length === 1 && ZONE.test(zone[0])))) return bare;
    throw new Error(`"${text}" is no IPv6 address; write it like 2001:db8::1 or fe80::1%eth0, and no port for icmp`);
  }
  const labels = bare.replace(/\.$/, '').split('.');
  if (bare.length > 253 || !labels.every((label) => LABEL.test(label)))
    throw new Error(`"${text}" is no host name or IP address; write it like db.example.org, 10.0.0.1 or 2001:db8::1`);
  // resolvers would read 10.1 as 10.0.0.1 and 0x7f.1 as 127.0.0.1
  if (/^(?:\d+|0x[0-9a-f]*)$/i.test(labels[labels.length - 1]))
    throw new Error(`"${text}" is no IPv4 address; write four numbers from 0 to 255 like 10.0.0.1`);
  return bare;
}

/** `db:5432`, `10.0.0.1:22`, `[2001:db8::1]:443`. Throws an Error that shows the value. */
export function parseHostPort(text: string): { host: string; port: number } {
  const match = /^(\[[^\]]*\]|[^:]*):(\d{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  if (!match || port < 1 || port > 65535)
    throw new Error(
      `"${text}" has no port from 1 to 65535; write it like db.example.org:5432, 10.0.0.1:22 or [2001:db8::1]:443`,
    );
  return { host: parseHost(match[1]), port };
}

/**
 * An absolute http or https URL without credentials; its fragment is dropped. Throws an Error that shows the value, without the credentials if there are
 * any.
 */
export function parseUrl(text: string): URL {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol))
    throw new Error(`"${text}" is no URL; write it like https://example.org/health`);
  const url = new URL(text);
  if (url.username || url.password)
    throw new Error(
      `the URL for ${url.host} holds a user name or password, which would show up in labels; probe a path that needs none`,
    );
  url.hash = '';
  return url;
}
