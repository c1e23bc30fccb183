/**
 * The host as Linux tells it, once a tick and without starting a process: /proc for what moves, /sys for what there is. In order: processors, memory, pressure,
 * TCP and devices fill one row of the host and one of each device; file systems are asked in the background.
 *
 * With a procfs path other than /proc, the network is that of its process 1: a container sees its own network under /proc/net, the host's under 1/net.
 */
import { readFileSync } from 'node:fs';
import type { Clock } from '../../clock.ts';
import type { Schema, Source } from '../../flow.ts';
import { ticks } from '../polling.ts';
import type { SourceContext } from '../source-type.ts';
import { batchBuffer } from './batch-buffer.ts';
import { diskDevices, interfaceDevices } from './devices.ts';
import { entityIndex } from './entity-index.ts';
import { filesystems } from './filesystems.ts';
import { linuxInventory } from './inventory.ts';
import type { KernelFiles } from './kernel-file.ts';
import { kernelFiles } from './kernel-file.ts';
import { memoryReader } from './memory.ts';
import type { HostOptions } from './options.ts';
import { pressureReader } from './pressure.ts';
import { processorReader } from './processor.ts';
import { diskSchema, filesystemSchema, hostSchema, interfaceSchema } from './schemas.ts';
import { statfsClient } from './statfs-client.ts';
import { tcpReader } from './tcp.ts';
import { tcpStatesReader } from './tcp-states.ts';

/** How often devices are looked for, and kernel files opened again. */
const REFRESH_MS = 15_000;

/** A source that may hold threads which nothing but the death of the process can end. */
export interface HostSource extends Source {
  /** A thread is blocked in the kernel on a dead mount: the process cannot exit, only be killed. Ask after `batches` has ended. */
  hasStuckWorkers(): boolean;
}

/** Throws when procfs has no readable `stat`. `statfsWorker`: the built statfs-worker.js. */
export function linuxSource(options: HostOptions, context: SourceContext, statfsWorker: URL): HostSource {
  const { hostname, paths, observer, monitor } = context;
  const host = hostSchema(countProcessors(paths.procfs));
  const index = entityIndex(observer);
  const hostEntity = index.add({ id: hostname, kind: 'host', host: hostname, labels: {} });
  const statfs = statfsClient(statfsWorker, options.statfs_timeout);

  return {
    name: 'host',
    schemas: [host, interfaceSchema, diskSchema, filesystemSchema],
    entities: index.entities,
    async *batches(signal, clock) {
      const files = kernelFiles(monitor, observer);
      const network = paths.procfs.replace(/\/+$/u, '') === '/proc' ? '/proc/net' : `${paths.procfs}/1/net`;
      const readers = hostReaders(paths.procfs, network, files, host, clock);
      const devices = [
        interfaceDevices(`${network}/dev`, host, options.interfaces, context, files, index),
        diskDevices(host, options.disks, context, files, index),
      ];
      const fill = filesystems({
        monitor,
        hostname,
        observer,
        paths,
        filter: options.filesystems,
        intervalMs: options.filesystem_interval,
        clock,
        index,
        statfs,
      });
      const buffer = batchBuffer(host);
      let refreshAt = -Infinity;
      const skipped = (count: number) => observer.count('source_skipped_ticks_total', { monitor }, count);
      try {
        for await (const _ of ticks(context.intervalMs, clock, signal, skipped)) {
          if (clock.monotonic() >= refreshAt) {
            refreshAt = clock.monotonic() + REFRESH_MS;
            files.reopen();
            for (const kind of devices) kind.refresh();
          }
          fill.poll();
          const time = clock.now();
          const batch = buffer.rows(1, time);
          batch.entity[0] = hostEntity;
          for (const read of readers) read(batch.values);
          for (const kind of devices) kind.read(batch.values);
          yield batch;
          for (const kind of devices) {
            const deviceBatch = kind.batch(time);
            if (deviceBatch) yield deviceBatch;
          }
          const filesystemBatch = fill.batch(time);
          if (filesystemBatch) yield filesystemBatch;
        }
      } finally {
        files.close();
        await statfs.stop();
      }
    },
    hasStuckWorkers: () => statfs.stuck() > 0,
    topology: () => ({
      nodes: [{ id: hostname, kind: 'server', title: hostname, labels: {} }],
      edges: [],
    }),
    inventory: () => Promise.resolve(linuxInventory(hostname, paths)),
  };
}

function hostReaders(procfs: string, network: string, files: KernelFiles, schema: Schema, clock: Clock) {
  return [
    processorReader(procfs, files, schema),
    memoryReader(procfs, files, schema),
    pressureReader(procfs, files, schema),
    tcpReader(network, files, schema),
    tcpStatesReader(network, files, schema, clock),
  ];
}

/** Also the test whether this works here at all: /proc/stat is on every Linux. */
function countProcessors(procfs: string): number {
  let stat: string;
  try {
    stat = readFileSync(`${procfs}/stat`, 'latin1');
  } catch (error) {
    throw new Error(
      `host source: cannot read ${procfs}/stat: ${(error as Error).message}. Set --path.procfs to where the host's /proc is mounted, or backend: systeminformation`,
      { cause: error },
    );
  }
  return Math.max(1, stat.match(/^cpu\d+ /gmu)?.length ?? 0);
}
