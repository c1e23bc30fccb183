/** Disks from /proc/diskstats: counters, and which of them are real. */
import { readdirSync, readFileSync } from 'node:fs';
import type { Cursor } from './cursor.ts';
import { nextLine, number, skip, word } from './cursor.ts';
import type { DeviceTable } from './device-table.ts';
import type { Filter } from './options.ts';
import { selection } from './options.ts';

/** bytes read, bytes written, operations, ms spent on reads, ms spent on writes, ms with work */
export const DISK_FIELDS = 6;

/** The kernel counts in units of 512 bytes, whatever the disk's own sectors are. */
const SECTOR_BYTES = 512;

/** Memory, optical and floppy drives, loops over files, ZFS volumes (their pool's disks count), boot areas of flash cards. */
const NOT_REAL = /^(loop|ram|zram|sr|fd|zd)\d+$|^mmcblk\d+(boot\d+|rpmb)$/u;

/** Reads diskstats into the table; false when a watched disk's line is not what it should be. */
export function disksParser(table: DeviceTable): (cursor: Cursor) => boolean {
  const counters = new Float64Array(DISK_FIELDS);
  return (cursor) => {
    let understood = true;
    for (let line = 0; cursor.at < cursor.end; line++, nextLine(cursor)) {
      // major, minor, name
      skip(cursor, 2);
      const nameEnd = word(cursor);
      if (nameEnd === cursor.at) {
        understood = false;
        continue;
      }
      const slot = table.slot(cursor, nameEnd, line);
      if (slot < 0) continue;
      cursor.at = nameEnd;
      const reads = number(cursor);
      skip(cursor, 1);
      counters[0] = number(cursor) * SECTOR_BYTES;
      counters[3] = number(cursor);
      const writes = number(cursor);
      skip(cursor, 1);
      counters[1] = number(cursor) * SECTOR_BYTES;
      counters[4] = number(cursor);
      // in flight
      skip(cursor, 1);
      counters[5] = number(cursor);
      counters[2] = reads + writes;
      table.advance(slot, counters);
      for (const counter of counters) if (Number.isNaN(counter)) understood = false;
    }
    return understood;
  };
}

/** Remembers what cannot change while a disk exists, so that a thousand disks are not looked at again every few seconds. */
export interface DiskChooser {
  /** Names of the disks to watch. Throws when sysfs does not list block devices. */
  choose(): string[];
}

/**
 * Real disks are whole disks that are not built on others (device mapper and RAID have `slaves`, and their work is counted there), not a hidden path
 * of a multipath disk, and not empty like a card reader without a card.
 */
export function diskChooser(sysfs: string, filter: Filter): DiskChooser {
  const wanted = selection(filter);
  let real = new Map<string, boolean>();
  return {
    choose() {
      const names = readdirSync(`${sysfs}/block`).sort();
      const before = real;
      real = new Map();
      const chosen = names.filter((name) =>
        wanted(name, () => {
          const isReal = before.get(name) || (!NOT_REAL.test(name) && isWholeDisk(sysfs, name));
          real.set(name, isReal);
          return isReal;
        }),
      );
      // sysfs writes cciss/c0d0 as cciss!c0d0
      return chosen.map((name) => name.replaceAll('!', '/'));
    },
  };
}

function isWholeDisk(sysfs: string, name: string): boolean {
  const folder = `${sysfs}/block/${name}`;
  try {
    if (!(Number(readFileSync(`${folder}/size`, 'latin1')) > 0)) return false;
  } catch {
    return false; // it left between the listing and now
  }
  return text(`${folder}/hidden`) !== '1' && entries(`${folder}/slaves`) === 0;
}

function text(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1').trim();
  } catch {
    return undefined; // kernels before 4.15 have no such attribute
  }
}

function entries(folder: string): number {
  try {
    return readdirSync(folder).length;
  } catch {
    return 0;
  }
}
