/** What kind of incident a row's deviations point to. The first table entry whose pattern fits a feature's name and side gives that feature's kind. */
import type { FeatureSpec, Kind } from '../flow.ts';

const TABLE: readonly { pattern: RegExp; side: 'up' | 'down'; kind: Kind }[] = [
  {
    pattern: /^(cpu_usage|cpu_steal|load|pressure_cpu|processes_running|context_switches)/,
    side: 'up',
    kind: 'cpu_spike',
  },
  { pattern: /^(memory|swap|pressure_memory)/, side: 'up', kind: 'memory_pressure' },
  { pattern: /^probe_loss/, side: 'up', kind: 'error_flood' },
  { pattern: /(latency|jitter|iowait|pressure_io)/, side: 'up', kind: 'latency_surge' },
  { pattern: /(packets_per_second|packet_loss|drops)/, side: 'up', kind: 'packet_storm' },
  { pattern: /(error|retransmission)/, side: 'up', kind: 'error_flood' },
  { pattern: /^(bandwidth|network_receive|network_transmit|receive|transmit)/, side: 'down', kind: 'bandwidth_drop' },
  { pattern: /^(bandwidth|network_receive|network_transmit|receive|transmit)/, side: 'up', kind: 'packet_storm' },
];

/** shares below this do not vote */
const QUIET = 0.05;
/** with this share of a broken relation one feature breaks it: the fault has a name, it is only small yet */
const SINGLE_SHARE = 0.72;
/** or with this one, if it is nearly seen to be off by itself */
const NEARLY = { deviation: 0.6, share: 0.5 };
/** a memory fault keeps the CPU busy too: with this share it is named after the memory */
const MEMORY_SHARE = 0.25;

/** Kinds of each feature by side, worked out once for a schema. */
export function kindTable(features: readonly FeatureSpec[]): { up: Kind; down: Kind }[] {
  const find = (name: string, side: 'up' | 'down') =>
    TABLE.find((entry) => entry.side === side && entry.pattern.test(name))?.kind ?? 'unknown';
  return features.map((feature) => ({ up: find(feature.name, 'up'), down: find(feature.name, 'down') }));
}

/**
 * `shares` are the row's contributions, `above(j)` whether feature j is above its expected value. A crossed limit is told as one, whatever else is off. All
 * deviations small means that only the relation is, unless a single feature is to blame for that.
 * `leaking` says whether memory has been climbing.
 */
export function classify(
  table: readonly { up: Kind; down: Kind }[],
  shares: Float64Array | readonly number[],
  above: (feature: number) => boolean,
  largestDeviation: number,
  limitCrossed: boolean,
  leaking: boolean,
): Kind {
  if (limitCrossed) return 'limit';
  const needed = largestDeviation >= NEARLY.deviation ? NEARLY.share : SINGLE_SHARE;
  if (largestDeviation < 0.8 && !(Math.max(...shares) >= needed)) return 'correlation_break';
  // memory that falls back after a climb is the end of the leak
  let memory = 0;
  for (let j = 0; j < table.length; j++) if (table[j].up === 'memory_pressure') memory += shares[j] || 0;
  if (leaking && memory >= NEARLY.share) return 'memory_leak';
  const votes = new Map<Kind, number>();
  for (let j = 0; j < table.length; j++) {
    const share = shares[j];
    if (!(share >= QUIET)) continue;
    const kind = above(j) ? table[j].up : table[j].down;
    votes.set(kind, (votes.get(kind) ?? 0) + share);
  }
  let best: Kind = 'unknown';
  let most = 0;
  for (const [kind, vote] of votes) if (vote > most) [best, most] = [kind, vote];
  if (best === 'cpu_spike' && (votes.get('memory_pressure') ?? 0) >= MEMORY_SHARE) best = 'memory_pressure';
  if (best === 'memory_pressure' && leaking) return 'memory_leak';
  return best;
}
