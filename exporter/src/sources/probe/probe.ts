/** Latency, jitter and loss to targets: one sample of every target at each tick, of what was answered since the last one. */
import type { Clock } from '../../clock.ts';
import type { Batch, Entity, Source } from '../../flow.ts';
import type { TopologyEdge, TopologyNode } from '../../wire/topology.ts';
import { ticks } from '../polling.ts';
import type { SourceContext, SourceType } from '../source-type.ts';
import { connectionProber } from './connection-prober.ts';
import { defaultGateway } from './gateway.ts';
import { httpAttempt } from './http.ts';
import { icmpProber, SHORTEST_INTERVAL_MS } from './icmp.ts';
import { nameCache } from './names.ts';
import { probeOptions } from './options.ts';
import type { ProbeOptions, Target } from './options.ts';
import type { Prober } from './prober.ts';
import { FEATURES, TARGET_SCHEMA } from './schema.ts';
import { tally } from './tally.ts';
import type { Tally } from './tally.ts';
import { tcpAttempt } from './tcp.ts';

export const probeSource: SourceType<ProbeOptions> = {
  name: 'probe',
  options: probeOptions,
  create: (options, context) => createProbe(options, context),
};

const GATEWAY = 'gateway';
const LONGEST_DEFAULT_TIMEOUT_MS = 5000;
/** The first probe waits so long at most, however long the interval. */
const FIRST_PROBE_MS = 500;

/**
 * Without targets the default gateway is watched; without a gateway the source is off: `batches` says so once and ends without a sample. Called again, it looks
 * for a gateway again. `batches` throws when every target needs ping and ping cannot work on this machine; other troubles are logged and counted.
 * `ping` is the program for ICMP.
 */
export function createProbe(options: ProbeOptions, context: SourceContext, ping = 'ping'): Source {
  const { monitor, intervalMs, hostname, observer } = context;
  const targets: Target[] = [...options.targets];
  const entities: Entity[] = targets.map((target) => entityOf(target, hostname));
  const tallies: Tally[] = [];
  let toldOff = false;

  /** The gateway is one entity whatever its address: the machine may move to another network. */
  const followGateway = (): boolean => {
    const address = defaultGateway(context.paths.procfs);
    const [known] = targets;
    if (address !== undefined && address !== known?.address) {
      if (known) observer.log.info('the default gateway changed', { monitor, from: known.address, to: address });
      targets[0] = { name: GATEWAY, type: 'icmp', address, timeoutMs: undefined };
      entities[0] = entityOf(targets[0], hostname);
    }
    return targets.length > 0;
  };
  if (options.targets.length === 0) followGateway();

  const startProbers = (clock: Clock, onBlocked: (message: string) => void): Prober[] => {
    const lookup = nameCache(clock);
    return targets.map((target, index) => {
      const results = tally(options.window, (reason) => observer.count('source_errors_total', { monitor, reason }));
      tallies[index] = results;
      const timeoutMs = target.timeoutMs ?? defaultTimeout(target, intervalMs);
      if (target.type === 'tcp') return connectionProber(tcpAttempt(target, lookup), results, timeoutMs, clock);
      if (target.type === 'http') return connectionProber(httpAttempt(target, lookup), results, timeoutMs, clock);
      return icmpProber({
        name: target.name,
        address: () => {
          if (options.targets.length === 0) followGateway();
          return targets[index].address;
        },
        command: ping,
        intervalMs,
        timeoutMs,
        tally: results,
        clock,
        log: observer.log,
        onBlocked,
      });
    });
  };

  return {
    name: 'probe',
    schemas: [TARGET_SCHEMA],
    entities,
    async *batches(signal, clock) {
      if (targets.length === 0 && !followGateway()) {
        if (!toldOff)
          observer.log.info('no default gateway: probe is off; set monitors[].options.targets', { monitor });
        toldOff = true;
        return;
      }
      const onlyPing = targets.every((target) => target.type === 'icmp');
      const told = new Set<string>();
      const probers = startProbers(clock, (message) => {
        if (onlyPing || told.has(message)) return;
        told.add(message);
        observer.log.warn(message, { monitor });
      });
      const stop = new AbortController();
      const release = () => {
        stop.abort();
        return Promise.all(probers.map((prober) => prober.stop()));
      };
      const onAbort = () => void release();
      signal.addEventListener('abort', onAbort, { once: true });
      if (signal.aborted) stop.abort();
      let failure: Error | undefined;
      const pacing = pace(probers, intervalMs, clock, stop.signal).catch((error: Error) => {
        failure = error;
      });
      try {
        const fill = filler(tallies);
        const skipped = (count: number) => observer.count('source_skipped_ticks_total', { monitor }, count);
        for await (const _ of ticks(intervalMs, clock, stop.signal, skipped)) {
          if (failure) throw failure;
          if (probers.every((prober) => prober.blocked() !== undefined)) throw new Error(probers[0].blocked());
          const batch = fill(clock.now());
          if (batch) yield batch;
        }
      } finally {
        signal.removeEventListener('abort', onAbort);
        await release();
        await pacing;
      }
    },
    topology: () => mapOf(hostname, entities, tallies),
  };
}

/** Short enough that a dead target is lost once an interval, so that its loss is 1 after as many intervals as the window has probes. */
function defaultTimeout({ type }: Target, intervalMs: number): number {
  const between = type === 'icmp' ? Math.max(SHORTEST_INTERVAL_MS, intervalMs) : intervalMs;
  return Math.min(LONGEST_DEFAULT_TIMEOUT_MS, 0.9 * between);
}

/** Probes each target once an interval, one after the other and not with the ticks: what a tick sets off in this process would delay the answers. */
async function pace(probers: readonly Prober[], intervalMs: number, clock: Clock, signal: AbortSignal): Promise<void> {
  const apart = intervalMs / probers.length;
  let next = 0;
  const turns = (count: number) => {
    for (let i = 0; i < count; i++) {
      probers[next].probe();
      next = (next + 1) % probers.length;
    }
  };
  await clock.sleep(Math.min(apart / 2, FIRST_PROBE_MS), signal);
  // many targets have turns a few ms apart: late ones are made up for, or all would be probed less than once an interval
  for await (const _ of ticks(apart, clock, signal, (late) => turns(Math.min(late, probers.length - 1)))) turns(1);
}

/** The rows of the targets that something is known of, in arrays that are used again; undefined without any. */
function filler(tallies: readonly Tally[]): (now: number) => Batch | undefined {
  const entity = new Int32Array(tallies.length);
  const time = new Float64Array(tallies.length);
  const values = new Float64Array(tallies.length * FEATURES);
  let batch: Batch | undefined;
  return (now) => {
    let rows = 0;
    for (let index = 0; index < tallies.length; index++)
      if (tallies[index].sample(values, rows * FEATURES)) entity[rows++] = index;
    if (rows === 0) return undefined;
    time.fill(now);
    if (batch?.entity.length !== rows)
      batch = {
        schema: TARGET_SCHEMA,
        entity: entity.subarray(0, rows),
        time: time.subarray(0, rows),
        values: values.subarray(0, rows * FEATURES),
      };
    return batch;
  };
}

function entityOf({ name, type, address }: Target, hostname: string): Entity {
  return { id: name, kind: TARGET_SCHEMA.name, host: hostname, labels: { target: name, type, address } };
}

/** This machine, the targets, and whether each was reached within the window. */
function mapOf(hostname: string, entities: readonly Entity[], tallies: readonly Tally[]) {
  const nodes: Omit<TopologyNode, 'score' | 'status'>[] = [
    { id: hostname, kind: 'server', title: hostname, labels: {} },
  ];
  const edges: TopologyEdge[] = [];
  entities.forEach(({ id, labels }, index) => {
    // a target with the name of this machine is this machine
    if (id === hostname) return;
    const loss = tallies[index]?.loss() ?? NaN;
    const kind = id === GATEWAY && labels.type === 'icmp' ? 'router' : labels.type === 'icmp' ? 'unknown' : 'server';
    nodes.push({ id, kind, title: id, labels });
    edges.push({ source: hostname, target: id, up: Number.isNaN(loss) ? null : loss < 1, bytesPerSecond: null });
  });
  return { nodes, edges };
}
