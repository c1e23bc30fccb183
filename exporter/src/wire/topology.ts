/** `GET /api/topology`: what talks to what. `score` is the worst of the node's entities, 1 = threshold, null = not scored. */
export interface TopologyNode {
  id: string;
  kind: 'router' | 'switch' | 'firewall' | 'server' | 'database' | 'workstation' | 'cloud' | 'unknown';
  title: string;
  labels: Record<string, string>;
  score: number | null;
  status: 'ok' | 'warning' | 'critical' | 'unknown';
}

export interface TopologyEdge {
  source: string;
  target: string;
  up: boolean | null;
  bytesPerSecond: number | null;
}

export interface Topology {
  nodes: TopologyNode[];
  edges: TopologyEdge[];
}
