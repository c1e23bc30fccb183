/** Interfaces from net/dev: counters, and which of them carry traffic of the machine itself. */
import { existsSync, readFileSync } from 'node:fs';
import type { Cursor } from './cursor.ts';
import { nextLine, number, skip, word } from './cursor.ts';
import type { DeviceTable } from './device-table.ts';
import type { Filter } from './options.ts';
import { selection } from './options.ts';

/** receive bytes, transmit bytes, receive packets, transmit packets, errors both ways, drops both ways: the columns of the interface schema. */
export const INTERFACE_FIELDS = 6;

/** Made by container engines, hypervisors, tunnels and for tests; what they carry passes a real interface too, or never leaves the machine. */
const NOT_REAL =
  /^(lo|veth.*|docker.*|br-.*|virbr.*|vnet.*|tap.*|tun.*|cali.*|cilium.*|lxc.*|flannel.*|cni.*|kube.*|nodelocaldns|weave.*|vxlan.*|ovs-.*|ifb.*|dummy.*|sit.*|gre.*|gretap.*|erspan.*|ip6.*|ip_vti.*|tunl.*|teql.*|nlmon.*|bonding_masters)$/u;

const COLON = 58;

/** Reads net/dev into the table; false when a line is not what it should be. */
export function interfacesParser(table: DeviceTable): (cursor: Cursor) => boolean {
  const counters = new Float64Array(INTERFACE_FIELDS);
  return (cursor) => {
    let understood = true;
    if (!nextLine(cursor)) return false;
    for (let line = 0; nextLine(cursor); line++) {
      const nameEnd = interfaceName(cursor);
      if (nameEnd < 0) {
        understood = false;
        continue;
      }
      const slot = table.slot(cursor, nameEnd, line);
      if (slot < 0) continue;
      cursor.at = nameEnd + 1;
      counters[0] = number(cursor);
      counters[2] = number(cursor);
      const receiveErrors = number(cursor);
      const receiveDrops = number(cursor);
      // fifo frame compressed multicast
      skip(cursor, 4);
      counters[1] = number(cursor);
      counters[3] = number(cursor);
      counters[4] = receiveErrors + number(cursor);
      counters[5] = receiveDrops + number(cursor);
      table.advance(slot, counters);
      for (const counter of counters) if (Number.isNaN(counter)) understood = false;
    }
    return understood;
  };
}

/** Names in net/dev. */
export function interfaceNames(cursor: Cursor): string[] {
  const names: string[] = [];
  cursor.at = 0;
  if (!nextLine(cursor)) return names;
  while (nextLine(cursor)) {
    const end = interfaceName(cursor);
    if (end >= 0) names.push(cursor.bytes.toString('latin1', cursor.at, end));
  }
  return names;
}

/**
 * Which interfaces are watched. Real ones are backed by a device (a `device` link in sysfs); bonds, bridges and VLANs are not, their traffic is counted
 * on the real ones below them. In a container even eth0 is virtual: without any real one, all that are up count, except NOT_REAL.
 */
export function chooseInterfaces(names: readonly string[], sysfs: string, filter: Filter): string[] {
  const wanted = selection(filter);
  const physical = new Set(names.filter((name) => name !== 'lo' && existsSync(`${sysfs}/class/net/${name}/device`)));
  const isReal =
    physical.size > 0
      ? (name: string) => physical.has(name)
      : (name: string) => !NOT_REAL.test(name) && attribute(sysfs, name, 'operstate') !== 'down';
  return names.filter((name) => wanted(name, () => isReal(name)));
}

/** Labels of an interface: its name, and its speed where the driver knows one. */
export function interfaceLabels(name: string, sysfs: string): Record<string, string> {
  const megabits = Number(attribute(sysfs, name, 'speed') ?? NaN);
  return megabits > 0 ? { interface: name, speed_bits_per_second: String(megabits * 1_000_000) } : { interface: name };
}

/** Moves to the first byte of the name and returns where it ends; -1 when no colon follows. */
function interfaceName(cursor: Cursor): number {
  const end = word(cursor);
  const colon = cursor.bytes.indexOf(COLON, cursor.at);
  // large counters leave no blank behind the colon
  return colon > cursor.at && colon < end ? colon : -1;
}

/** An attribute that the driver does not have, or refuses to tell while the link is down, is undefined. */
function attribute(sysfs: string, name: string, key: string): string | undefined {
  try {
    return readFileSync(`${sysfs}/class/net/${name}/${key}`, 'utf8').trim();
  } catch {
    return undefined;
  }
}
