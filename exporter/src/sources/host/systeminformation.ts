/**
 * The host where there is no Linux /proc, through Node itself (processors, load) and the systeminformation package (the rest, some of it by starting programs).
 * Same schemas; what it cannot tell is missing. Disks are known in sum only. The package is loaded with the first tick.
 */
import { cpus, loadavg } from 'node:os';
import type systeminformation from 'systeminformation';
import type { Batch } from '../../flow.ts';
import { ticks } from '../polling.ts';
import type { SourceContext } from '../source-type.ts';
import { batchBuffer } from './batch-buffer.ts';
import { deviceTable } from './device-table.ts';
import { entityIndex } from './entity-index.ts';
import { filesystemEntity } from './filesystems.ts';
import type { HostSource } from './linux.ts';
import { INTERFACE_FIELDS } from './network-devices.ts';
import type { HostOptions } from './options.ts';
import { selection } from './options.ts';
import { columnOf, filesystemSchema, hostSchema, interfaceSchema } from './schemas.ts';

type Systeminformation = typeof systeminformation;
type FileSystem = Awaited<ReturnType<Systeminformation['fsSize']>>[number];

/** Processes, interfaces and open files are found by started programs: not every tick. */
const SLOW_INTERVAL_MS = 15_000;
/** A program that takes longer is not waited for, and not started again before it ends. */
const PATIENCE_MS = 5000;

export function systeminformationSource(options: HostOptions, context: SourceContext): HostSource {
  const { hostname, monitor, observer } = context;
  const schema = hostSchema(Math.max(1, cpus().length));
  const column = Object.fromEntries(schema.features.map(({ name }) => [name, columnOf(schema, name)]));
  const index = entityIndex(observer);
  const hostEntity = index.add({ id: hostname, kind: 'host', host: hostname, labels: {} });
  const wantedInterface = selection(options.interfaces);
  const wantedFilesystem = selection(options.filesystems);

  return {
    name: 'host',
    schemas: [schema, interfaceSchema, filesystemSchema],
    entities: index.entities,
    async *batches(signal, clock) {
      const package_ = await load();
      let logged = false;
      const failed = (error: unknown) => {
        observer.count('source_errors_total', { monitor, reason: 'unreadable' });
        if (!logged)
          observer.log.warn('systeminformation failed, its values are missing', { monitor, error: String(error) });
        logged = true;
      };
      const ask = {
        memory: patiently(() => package_.mem(), failed),
        bytes: patiently(() => package_.fsStats(), failed),
        operations: patiently(() => package_.disksIO(), failed),
        interfaces: patiently(() => package_.networkInterfaces(), failed),
        traffic: patiently(() => package_.networkStats(names.join(',')), failed),
        processes: patiently(() => package_.processes(), failed),
        openFiles: patiently(() => package_.fsOpenFiles(), failed),
        filesystems: patiently(() => package_.fsSize(), failed),
      };
      const buffers = {
        host: batchBuffer(schema),
        interfaces: batchBuffer(interfaceSchema),
        filesystems: batchBuffer(filesystemSchema),
      };
      const table = deviceTable(INTERFACE_FIELDS);
      const counters = new Float64Array(INTERFACE_FIELDS);
      let names: string[] = [];
      let mounts: readonly { entity: number; used: number }[] = [];
      const slow = { processes_running: NaN, processes_blocked: NaN, file_descriptors_used_ratio: NaN };
      let slowAt = -Infinity;
      let filesystemsAt = -Infinity;

      async function askSlowly(): Promise<void> {
        const [interfaces, processes, openFiles] = await Promise.all([
          ask.interfaces(),
          ask.processes(),
          ask.openFiles(),
        ]);
        const list = interfaces ?? [];
        const someReal = list.some((one) => !one.internal && !one.virtual);
        const chosen = new Map<string, number>();
        for (const { iface, internal, virtual } of list) {
          if (!wantedInterface(iface, () => !internal && !(virtual && someReal))) continue;
          const labels = { interface: iface };
          const entity = index.add({ id: `${hostname}/net/${iface}`, kind: 'interface', host: hostname, labels });
          if (entity >= 0) chosen.set(iface, entity);
        }
        names = [...chosen.keys()];
        table.watch(chosen);
        slow.processes_running = processes?.running ?? NaN;
        slow.processes_blocked = processes?.blocked ?? NaN;
        slow.file_descriptors_used_ratio = openFiles && openFiles.max > 0 ? openFiles.allocated / openFiles.max : NaN;
      }

      function takeFilesystems(list: readonly FileSystem[]): void {
        mounts = list
          .filter(({ mount, size }) => wantedFilesystem(mount, () => size > 0))
          .map(({ fs, type, mount, used, available }) => ({
            entity: index.add(filesystemEntity(hostname, { device: fs, mountpoint: mount, type })),
            used: used / (used + available),
          }))
          .filter(({ entity }) => entity >= 0);
      }

      function filesystemRows(time: number): Batch {
        const batch = buffers.filesystems.rows(mounts.length, time);
        batch.values.fill(NaN);
        mounts.forEach(({ entity, used }, row) => {
          batch.entity[row] = entity;
          batch.values[row * filesystemSchema.features.length] = used;
        });
        return batch;
      }

      function interfaceRows(time: number): Batch {
        const batch = buffers.interfaces.rows(table.count, time);
        for (let row = 0; row < table.count; row++) {
          const slot = table.present[row];
          batch.entity[row] = table.entity(slot);
          for (let field = 0; field < INTERFACE_FIELDS; field++) {
            batch.values[row * INTERFACE_FIELDS + field] = table.total(slot, field);
          }
        }
        return batch;
      }

      const skipped = (count: number) => observer.count('source_skipped_ticks_total', { monitor }, count);
      for await (const _ of ticks(context.intervalMs, clock, signal, skipped)) {
        if (clock.monotonic() >= slowAt) {
          slowAt = clock.monotonic() + SLOW_INTERVAL_MS;
          await askSlowly();
        }
        if (clock.monotonic() >= filesystemsAt) {
          filesystemsAt = clock.monotonic() + options.filesystem_interval;
          void ask.filesystems().then((list) => takeFilesystems(list ?? []));
        }
        const [memory, bytes, operations, traffic] = await Promise.all([
          ask.memory(),
          ask.bytes(),
          ask.operations(),
          names.length > 0 ? ask.traffic() : undefined,
        ]);
        const time = clock.now();
        table.begin();
        for (const one of traffic ?? []) {
          const slot = table.find(one.iface);
          if (slot < 0) continue;
          counters.set([one.rx_bytes, one.tx_bytes, NaN, NaN]);
          counters[4] = one.rx_errors + one.tx_errors;
          counters[5] = one.rx_dropped + one.tx_dropped;
          table.advance(slot, counters);
        }

        const batch = buffers.host.rows(1, time);
        const row = batch.values.fill(NaN);
        batch.entity[0] = hostEntity;
        const processors = processorTime();
        row[column.cpu_usage_ratio] = processors.busySeconds / processors.count;
        // Windows has no load average: Node says 0
        if (process.platform !== 'win32') row[column.load1_per_cpu_ratio] = loadavg()[0] / processors.count;
        if (memory && memory.total > 0) row[column.memory_used_ratio] = 1 - memory.available / memory.total;
        if (memory && memory.swaptotal > 0) row[column.swap_used_ratio] = memory.swapused / memory.swaptotal;
        // `ms` is 0 where the package could not ask and fills in zeros
        if (bytes && bytes.ms > 0) {
          row[column.disk_read_bytes_per_second] = bytes.rx;
          row[column.disk_write_bytes_per_second] = bytes.wx;
        }
        if (operations && operations.ms > 0) {
          row[column.disk_operations_per_second] = operations.rIO + operations.wIO;
          const waited = operations.rWaitTime + operations.wWaitTime;
          if (waited > 0) row[column.disk_latency_seconds] = waited / 1000;
        }
        interfaceSchema.features.forEach(({ name }, field) => (row[column[name]] = table.sum(field)));
        for (const [name, value] of Object.entries(slow)) row[column[name]] = value;
        yield batch;
        if (table.count > 0) yield interfaceRows(time);
        if (mounts.length > 0) yield filesystemRows(time);
      }
    },
    hasStuckWorkers: () => false,
    topology: () => ({ nodes: [{ id: hostname, kind: 'server', title: hostname, labels: {} }], edges: [] }),
    async inventory() {
      const package_ = await load();
      const [system, os, cpu, memory] = await Promise.all([
        package_.system(),
        package_.osInfo(),
        package_.cpu(),
        package_.mem(),
      ]);
      const facts = {
        hostname,
        operating_system: `${os.distro} ${os.release}`,
        kernel: os.kernel,
        architecture: os.arch,
        cpu_model: `${cpu.manufacturer} ${cpu.brand}`.trim(),
        cpus: cpus().length,
        memory_bytes: memory.total,
        swap_bytes: memory.swaptotal,
        vendor: system.manufacturer,
        product: system.model,
      };
      return Object.fromEntries(Object.entries(facts).filter(([, fact]) => fact !== ''));
    },
  };
}

async function load(): Promise<Systeminformation> {
  const package_: { default: Systeminformation } = await import('systeminformation');
  return package_.default;
}

/** Since boot, over all processors. */
function processorTime(): { busySeconds: number; count: number } {
  const processors = cpus();
  let milliseconds = 0;
  for (const { times } of processors) milliseconds += times.user + times.nice + times.sys + times.irq;
  return { busySeconds: milliseconds / 1000, count: Math.max(1, processors.length) };
}

/**
 * The question with an end to waiting: undefined when there is no answer in time, while an earlier one is still open, and when it failed, which `onError`
 * is told.
 */
function patiently<T>(ask: () => Promise<T>, onError: (error: unknown) => void): () => Promise<T | undefined> {
  let open = false;
  return async () => {
    if (open) return undefined;
    open = true;
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<undefined>((resolve) => {
      timer = setTimeout(resolve, PATIENCE_MS, undefined);
      timer.unref();
    });
    const answer = ask()
      .catch((error: unknown) => {
        onError(error);
        return undefined;
      })
      .finally(() => (open = false));
    const first = await Promise.race([answer, patience]);
    clearTimeout(timer);
    return first;
  };
}
