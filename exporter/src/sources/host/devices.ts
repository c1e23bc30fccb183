/** Interfaces and disks: which there are, a row of each, and their sums in the host's row. */
import type { Batch, Schema } from '../../flow.ts';
import type { SourceContext } from '../source-type.ts';
import { batchBuffer } from './batch-buffer.ts';
import type { DeviceTable } from './device-table.ts';
import { deviceTable } from './device-table.ts';
import { DISK_FIELDS, diskChooser, disksParser } from './disk-devices.ts';
import type { EntityIndex } from './entity-index.ts';
import type { KernelFiles } from './kernel-file.ts';
import {
  INTERFACE_FIELDS,
  chooseInterfaces,
  interfaceLabels,
  interfaceNames,
  interfacesParser,
} from './network-devices.ts';
import type { Filter } from './options.ts';
import { columnOf, diskSchema, interfaceSchema } from './schemas.ts';

/** Devices of one kind. */
export interface Devices {
  /** Looks which devices there are. One that comes later, or comes back, is found by the next call; one that has gone is missed at once by `read`. */
  refresh(): void;
  /** Reads the counters and writes the sums into the host's row: NaN without any device. */
  read(hostRow: Float64Array): void;
  /** A row for each device that the last reading saw; undefined without any. */
  batch(time: number): Batch | undefined;
}

/** `path`: net/dev of the network to watch. */
export function interfaceDevices(
  path: string,
  host: Schema,
  filter: Filter,
  { hostname, paths }: SourceContext,
  files: KernelFiles,
  index: EntityIndex,
): Devices {
  const table = deviceTable(INTERFACE_FIELDS);
  const file = files.file(path);
  const parse = interfacesParser(table);
  const columns = interfaceSchema.features.map(({ name }) => columnOf(host, name));
  const buffer = batchBuffer(interfaceSchema);
  let understood = true;

  return {
    refresh() {
      let names: string[] = [];
      file.parse((cursor) => {
        names = interfaceNames(cursor);
        return understood; // whether the counters are sound is for `read` to say
      });
      const watched = new Map<string, number>();
      for (const name of chooseInterfaces(names, paths.sysfs, filter)) {
        const id = `${hostname}/net/${name}`;
        const labels = index.has(id) ? {} : interfaceLabels(name, paths.sysfs);
        const entity = index.add({ id, kind: 'interface', host: hostname, labels });
        if (entity >= 0) watched.set(name, entity);
      }
      table.watch(watched);
    },
    read(hostRow) {
      table.begin();
      file.parse((cursor) => (understood = parse(cursor)));
      for (let field = 0; field < INTERFACE_FIELDS; field++) hostRow[columns[field]] = table.sum(field);
    },
    batch: (time) =>
      rows(
        buffer,
        table,
        time,
        (slot, values, at) => {
          for (let field = 0; field < INTERFACE_FIELDS; field++) values[at + field] = table.total(slot, field);
        },
        interfaceSchema.features.length,
      ),
  };
}

export function diskDevices(
  host: Schema,
  filter: Filter,
  { hostname, paths, monitor, observer }: SourceContext,
  files: KernelFiles,
  index: EntityIndex,
): Devices {
  const table = deviceTable(DISK_FIELDS);
  const file = files.file(`${paths.procfs}/diskstats`);
  const parse = disksParser(table);
  const chooser = diskChooser(paths.sysfs, filter);
  const column = (name: string) => columnOf(host, name);
  const readBytes = column('disk_read_bytes_per_second');
  const writeBytes = column('disk_write_bytes_per_second');
  const operations = column('disk_operations_per_second');
  const latency = column('disk_latency_seconds');
  const buffer = batchBuffer(diskSchema);
  let listed = true;

  function choose(): string[] {
    try {
      const names = chooser.choose();
      listed = true;
      return names;
    } catch (error) {
      if (listed) {
        observer.count('source_errors_total', { monitor, reason: 'unreadable' });
        observer.log.warn('block devices cannot be listed, disks are missing', { monitor, error: String(error) });
      }
      listed = false;
      return [];
    }
  }

  return {
    refresh() {
      const watched = new Map<string, number>();
      for (const name of choose()) {
        const id = `${hostname}/disk/${name}`;
        const entity = index.add({ id, kind: 'disk', host: hostname, labels: { device: name } });
        if (entity >= 0) watched.set(name, entity);
      }
      table.watch(watched);
    },
    read(hostRow) {
      table.begin();
      file.parse(parse);
      hostRow[readBytes] = table.sum(0);
      hostRow[writeBytes] = table.sum(1);
      hostRow[operations] = table.sum(2);
      hostRow[latency] = (table.sum(3) + table.sum(4)) / 1000;
    },
    batch: (time) =>
      rows(
        buffer,
        table,
        time,
        (slot, values, at) => {
          values[at] = table.total(slot, 0);
          values[at + 1] = table.total(slot, 1);
          values[at + 2] = table.total(slot, 2);
          values[at + 3] = (table.total(slot, 3) + table.total(slot, 4)) / 1000;
          values[at + 4] = table.total(slot, 5) / 1000;
        },
        diskSchema.features.length,
      ),
  };
}

function rows(
  buffer: ReturnType<typeof batchBuffer>,
  table: DeviceTable,
  time: number,
  write: (slot: number, values: Float64Array, at: number) => void,
  width: number,
): Batch | undefined {
  if (table.count === 0) return undefined;
  const batch = buffer.rows(table.count, time);
  for (let row = 0; row < table.count; row++) {
    const slot = table.present[row];
    batch.entity[row] = table.entity(slot);
    write(slot, batch.values, row * width);
  }
  return batch;
}
