/** The topology that the API and the metrics show: what the sources know of nodes and links, coloured by the worst score of each node's entities. */
import { SEVERITY_SCORES } from '../decision/severity.ts';
import type { Source } from '../flow.ts';
import type { EntityStatus } from '../wire/status.ts';
import type { Topology, TopologyNode } from '../wire/topology.ts';

/** `entities` are those with a score; nodes of the same id are one. */
export function topologyOf(sources: Iterable<Source>, entities: readonly EntityStatus[]): Topology {
  const worst = new Map<string, number>();
  const raise = (id: string, score: number) => worst.set(id, Math.max(score, worst.get(id) ?? 0));
  for (const { entity, host, score } of entities) {
    if (score === null) continue;
    raise(entity, score);
    if (host !== entity) raise(host, score);
  }
  const nodes = new Map<string, TopologyNode>();
  const edges = new Map<string, Topology['edges'][number]>();
  for (const source of sources) {
    const part = source.topology?.();
    if (!part) continue;
    for (const node of part.nodes) {
      const score = worst.get(node.id) ?? null;
      nodes.set(node.id, { ...node, score, status: statusOf(score) });
    }
    for (const edge of part.edges) edges.set(`${edge.source}\n${edge.target}`, edge);
  }
  return { nodes: [...nodes.values()], edges: [...edges.values()] };
}

function statusOf(score: number | null): TopologyNode['status'] {
  if (score === null) return 'unknown';
  return score < SEVERITY_SCORES.low ? 'ok' : score < SEVERITY_SCORES.high ? 'warning' : 'critical';
}
