/**
 * What is measured of a host, its interfaces, disks and file systems, the same on every backend. One quantity has one name in every schema.
 *
 * `minimumDeviation` is what keeps a quiet server silent: no smaller deviation is ever an anomaly, however steady the value was before.
 * It is set to what an operator would look into, well above cron jobs, package updates and log rotation.
 */
import type { FeatureSpec, Schema } from '../../flow.ts';

const RATIO = { unit: 'ratio', transform: 'none', range: [0, 1] } as const;
const POSITIVE = [0, Infinity] as const;
const MEGABYTE = 1e6;

/** A running total of seconds whose rate per second is the ratio. */
function share(name: string, help: string, minimumDeviation: number, peak = false): FeatureSpec {
  return { name, help, kind: 'counter', direction: 'up', minimumDeviation, ...RATIO, ...(peak && { peak }) };
}

/** A ratio that is read as such. */
function level(name: string, help: string, minimumDeviation: number): FeatureSpec {
  return { name, help, kind: 'gauge', direction: 'up', minimumDeviation, ...RATIO };
}

/** A running total of events or bytes; bursts count, and `both` where standing still is a fault too. */
function rate(
  name: string,
  unit: 'bytes_per_second' | 'packets_per_second' | 'per_second',
  help: string,
  minimumDeviation: number,
  direction: 'up' | 'both' = 'up',
): FeatureSpec {
  return {
    name,
    unit,
    help,
    kind: 'counter',
    direction,
    transform: 'log1p',
    minimumDeviation,
    range: POSITIVE,
    peak: true,
  };
}

function count(
  name: string,
  help: string,
  minimumDeviation: number,
  direction: 'up' | 'both' = 'up',
  peak = false,
): FeatureSpec {
  return {
    name,
    unit: 'count',
    help,
    kind: 'gauge',
    direction,
    transform: 'log1p',
    minimumDeviation,
    range: POSITIVE,
    ...(peak && { peak }),
  };
}

const diskReadBytes = rate(
  'disk_read_bytes_per_second',
  'bytes_per_second',
  'Bytes read from real disks.',
  50 * MEGABYTE,
);
const diskWriteBytes = rate(
  'disk_write_bytes_per_second',
  'bytes_per_second',
  'Bytes written to real disks.',
  50 * MEGABYTE,
);
const diskOperations = rate(
  'disk_operations_per_second',
  'per_second',
  'Reads and writes that real disks completed.',
  2000,
);
const diskLatency: FeatureSpec = {
  name: 'disk_latency_seconds',
  unit: 'seconds',
  help: 'Mean time from request to completion of a read or write, time in the queue included.',
  kind: 'counter',
  per: 'disk_operations_per_second',
  // one slow request on an idle disk is no latency
  fewest: 10,
  direction: 'up',
  transform: 'none',
  minimumDeviation: 0.1,
  range: POSITIVE,
  peak: true,
};
const network = {
  receiveBytes: rate(
    'network_receive_bytes_per_second',
    'bytes_per_second',
    'Bytes received by real interfaces.',
    10 * MEGABYTE,
    'both',
  ),
  transmitBytes: rate(
    'network_transmit_bytes_per_second',
    'bytes_per_second',
    'Bytes sent by real interfaces.',
    10 * MEGABYTE,
    'both',
  ),
  receivePackets: rate(
    'network_receive_packets_per_second',
    'packets_per_second',
    'Packets received by real interfaces.',
    10_000,
  ),
  transmitPackets: rate(
    'network_transmit_packets_per_second',
    'packets_per_second',
    'Packets sent by real interfaces.',
    10_000,
  ),
  errors: rate('network_errors_per_second', 'per_second', 'Receive and transmit errors of real interfaces.', 5),
  drops: rate('network_drops_per_second', 'per_second', 'Packets that real interfaces dropped, both ways.', 20),
};

/** Totals of the machine. Context switches and runnable threads grow with the processors, so do their minimum deviations. */
export function hostSchema(cpus: number): Schema {
  return {
    name: 'host',
    features: [
      share('cpu_usage_ratio', 'Share of all processors that ran something.', 0.25),
      share('cpu_iowait_ratio', 'Share of all processors that idled while a disk request was pending.', 0.2),
      share('cpu_steal_ratio', 'Share of all processors that the hypervisor gave to other guests.', 0.1),
      {
        name: 'load1_per_cpu_ratio',
        unit: 'ratio',
        help: 'One-minute load average divided by the number of processors; may exceed 1.',
        kind: 'gauge',
        direction: 'up',
        transform: 'none',
        // decays for minutes after its cause has gone: must not keep an incident open by itself
        minimumDeviation: 2,
        range: POSITIVE,
      },
      level('memory_used_ratio', 'Share of memory that is not available to new programs.', 0.08),
      level('swap_used_ratio', 'Share of swap space in use; missing without swap.', 0.1),
      share('pressure_cpu_ratio', 'Share of time in which some task waited for a processor.', 0.5),
      share('pressure_memory_ratio', 'Share of time in which some task waited for memory.', 0.1, true),
      share('pressure_io_ratio', 'Share of time in which some task waited for a disk.', 0.3),
      diskReadBytes,
      diskWriteBytes,
      diskOperations,
      diskLatency,
      network.receiveBytes,
      network.transmitBytes,
      network.receivePackets,
      network.transmitPackets,
      network.errors,
      network.drops,
      rate('tcp_segments_out_per_second', 'per_second', 'TCP segments sent, retransmissions not counted.', 10_000),
      {
        name: 'tcp_retransmission_ratio',
        unit: 'ratio',
        help: 'TCP segments that were sent again, per segment sent.',
        kind: 'counter',
        per: 'tcp_segments_out_per_second',
        // a host that sends a few segments and repeats one is not losing a fifth of its traffic
        fewest: 20,
        direction: 'up',
        transform: 'none',
        // a host that sends a handful of segments a second reaches a tenth with one dead peer
        minimumDeviation: 0.2,
        // can exceed 1: retransmissions are not part of the segments sent
        range: POSITIVE,
      },
      count('tcp_connections_established', 'TCP connections in use.', 200, 'both'),
      count('tcp_connections_time_wait', 'TCP connections closed by this side that linger.', 1000),
      count('tcp_connections_syn_sent', 'TCP connections this host waits for: the peer does not answer.', 50),
      count('tcp_connections_syn_received', 'TCP connections half open: handshakes not finished by the peer.', 200),
      count('tcp_connections_close_wait', 'TCP connections the peer closed and a local program has not.', 100),
      count('tcp_connections_closing', 'TCP connections in FIN_WAIT1, FIN_WAIT2, CLOSING or LAST_ACK.', 500),
      rate(
        'context_switches_per_second',
        'per_second',
        'Context switches of all processors.',
        12_500 * Math.max(4, cpus),
      ),
      rate('processes_created_per_second', 'per_second', 'Processes and threads created.', 200),
      count('processes_running', 'Threads that run or want to.', Math.max(8, 4 * cpus)),
      count('processes_blocked', 'Threads blocked by disk or network file systems.', 4),
      count('threads', 'Threads of all processes.', 500),
      level('file_descriptors_used_ratio', 'Open files as a share of what the kernel allows.', 0.1),
    ],
  };
}

/** Column order is that of `INTERFACE_FIELDS` in net-dev.ts. */
export const interfaceSchema: Schema = {
  name: 'interface',
  features: [
    network.receiveBytes,
    network.transmitBytes,
    network.receivePackets,
    network.transmitPackets,
    network.errors,
    network.drops,
  ],
};

/** The first four columns are those of the host's totals. */
export const diskSchema: Schema = {
  name: 'disk',
  features: [
    diskReadBytes,
    diskWriteBytes,
    diskOperations,
    diskLatency,
    share('disk_utilisation_ratio', 'Share of time in which the disk had a request to work on.', 0.5),
  ],
};

export const filesystemSchema: Schema = {
  name: 'filesystem',
  features: [
    level('filesystem_used_ratio', 'Share of the space open to ordinary users that is used.', 0.05),
    level('filesystem_inodes_used_ratio', 'Share of inodes in use; missing where they are not limited.', 0.05),
  ],
};

/** Finds a feature's column once, when a reader is made. */
export function columnOf(schema: Schema, name: string): number {
  const column = schema.features.findIndex((feature) => feature.name === name);
  if (column < 0) throw new Error(`schema ${schema.name} has no feature ${name}`);
  return column;
}
