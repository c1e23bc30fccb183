/** The default gateway from the kernel's routing tables (proc(5): net/route; net/ipv6_route in the kernel's Documentation). */
import { readFileSync } from 'node:fs';
import { endianness } from 'node:os';
import { join } from 'node:path';

const RTF_UP = 0x1;
const RTF_GATEWAY = 0x2;
const RTF_REJECT = 0x200;

/**
 * IPv4 first, then IPv6 (`fe80::1%eth0` when it is link-local); the lowest metric wins. Undefined without one, also when the kernel has no such table. With
 * another `procfs` than `/proc` the network of its first process is read: the machine's, not that of a container.
 * Throws when a table exists and cannot be read.
 */
export function defaultGateway(procfs: string): string | undefined {
  const net = procfs === '/proc' ? '/proc/net' : join(procfs, '1/net');
  return ipv4Gateway(table(join(net, 'route'))) ?? ipv6Gateway(table(join(net, 'ipv6_route')));
}

function table(path: string): string[][] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') return [];
    throw new Error(`${path} cannot be read (${code}): let the exporter read it, or set the probe's targets`, {
      cause,
    });
  }
  return text.split('\n').map((line) => line.trim().split(/\s+/));
}

/** Columns: interface, destination, gateway, flags, references, use, metric, mask …; addresses are hexadecimal in the machine's byte order. */
function ipv4Gateway(rows: string[][]): string | undefined {
  let best: string | undefined;
  let least = Infinity;
  for (const [, destination, gateway, flags, , , metric, mask] of rows) {
    if (destination !== '00000000' || mask !== '00000000' || !usable(flags) || Number(metric) >= least) continue;
    const bytes = [...Buffer.from(gateway, 'hex')];
    best = (endianness() === 'LE' ? bytes.reverse() : bytes).join('.');
    least = Number(metric);
  }
  return best;
}

/** Columns: destination, prefix length, source, prefix length, next hop, metric, references, use, flags, interface; all hexadecimal, addresses in network order. */
function ipv6Gateway(rows: string[][]): string | undefined {
  let best: string | undefined;
  let least = Infinity;
  for (const [destination, prefix, , , hop, metric, , , flags, device] of rows) {
    const cost = parseInt(metric, 16);
    if (!/^0{32}$/.test(destination) || prefix !== '00' || !usable(flags) || cost >= least) continue;
    const address = hop.match(/.{4}/g)!.map((group) => parseInt(group, 16).toString(16));
    const compressed = new URL(`http://[${address.join(':')}]`).hostname.slice(1, -1);
    best = /^fe[89ab]/.test(hop) ? `${compressed}%${device}` : compressed;
    least = cost;
  }
  return best;
}

function usable(flags: string): boolean {
  const bits = parseInt(flags, 16);
  return (bits & RTF_UP) !== 0 && (bits & RTF_GATEWAY) !== 0 && (bits & RTF_REJECT) === 0;
}
