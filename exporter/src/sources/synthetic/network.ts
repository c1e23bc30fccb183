/** The synthetic network: six nodes, six features each, and what its faults look like. All figures are the model's definition, not measurements. */
import type { Schema } from '../../flow.ts';
import type { TopologyEdge, TopologyNode } from '../../wire/topology.ts';

export const CORRELATION_BREAK = 'correlation_break';

/** Labelled kinds of fault, in the order of their label numbers. */
export const FAULT_KINDS = [
  'cpu_spike',
  'memory_leak',
  'latency_surge',
  'packet_storm',
  'bandwidth_drop',
  'error_flood',
  CORRELATION_BREAK,
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

export const SYNTHETIC_SCHEMA: Schema = {
  name: 'node',
  features: [
    {
      name: 'cpu_usage_ratio',
      unit: 'ratio',
      kind: 'gauge',
      direction: 'up',
      transform: 'none',
      minimumDeviation: 0.25,
      range: [0, 1],
      help: 'Share of time the CPUs were busy.',
    },
    {
      name: 'memory_used_ratio',
      unit: 'ratio',
      kind: 'gauge',
      direction: 'up',
      transform: 'none',
      minimumDeviation: 0.15,
      range: [0, 1],
      help: 'Share of memory in use.',
    },
    {
      name: 'latency_seconds',
      unit: 'seconds',
      kind: 'gauge',
      direction: 'up',
      transform: 'none',
      minimumDeviation: 0.03,
      range: [0, Infinity],
      help: 'Round-trip time to the neighbours.',
    },
    {
      name: 'packet_loss_ratio',
      unit: 'ratio',
      kind: 'gauge',
      direction: 'up',
      transform: 'none',
      minimumDeviation: 0.02,
      range: [0, 1],
      help: 'Share of packets lost.',
    },
    {
      name: 'bandwidth_bits_per_second',
      unit: 'bits_per_second',
      kind: 'gauge',
      direction: 'down',
      transform: 'none',
      minimumDeviation: 250e6,
      range: [0, Infinity],
      help: 'Traffic carried.',
    },
    {
      name: 'error_ratio',
      unit: 'ratio',
      kind: 'gauge',
      direction: 'up',
      transform: 'none',
      minimumDeviation: 0.05,
      range: [0, 1],
      help: 'Share of frames with errors.',
    },
  ],
};

/** Stationary mean and deviation of each feature (the deviation includes the daily cycle), and lag-1 autocorrelation of its random part. */
export const NORMAL = {
  mean: [0.45, 0.6, 0.02, 0.004, 500e6, 0.018],
  deviation: [0.1, 0.08, 0.005, 0.003, 80e6, 0.01],
  autocorrelation: [0.92, 0.98, 0.9, 0.85, 0.95, 0.88],
};

/** Amplitude of the daily cycle in deviations. */
export const CYCLE = 0.4;

/** Correlation of the innovations: load drives traffic, traffic drives latency, loss and errors go together. */
export const CORRELATION = [
  [1.0, 0.45, 0.55, 0.25, 0.8, 0.25],
  [0.45, 1.0, 0.3, 0.1, 0.4, 0.1],
  [0.55, 0.3, 1.0, 0.55, 0.65, 0.45],
  [0.25, 0.1, 0.55, 1.0, 0.3, 0.7],
  [0.8, 0.4, 0.65, 0.3, 1.0, 0.25],
  [0.25, 0.1, 0.45, 0.7, 0.25, 1.0],
];

/** Level of the feature that a fault moves: `mean` ± `deviation`. */
export const FAULTS: Record<
  Exclude<FaultKind, 'correlation_break'>,
  { feature: number; mean: number; deviation: number }
> = {
  cpu_spike: { feature: 0, mean: 0.85, deviation: 0.08 },
  memory_leak: { feature: 1, mean: 0.88, deviation: 0.05 },
  latency_surge: { feature: 2, mean: 0.18, deviation: 0.04 },
  packet_storm: { feature: 3, mean: 0.18, deviation: 0.06 },
  bandwidth_drop: { feature: 4, mean: 40e6, deviation: 20e6 },
  error_flood: { feature: 5, mean: 0.45, deviation: 0.1 },
};

export const NODES: readonly Omit<TopologyNode, 'score' | 'status'>[] = [
  { id: 'core-01', kind: 'router', title: 'core-01', labels: { role: 'core' } },
  { id: 'edge-01', kind: 'router', title: 'edge-01', labels: { role: 'edge' } },
  { id: 'edge-02', kind: 'router', title: 'edge-02', labels: { role: 'edge' } },
  { id: 'leaf-01', kind: 'switch', title: 'leaf-01', labels: { role: 'leaf' } },
  { id: 'leaf-02', kind: 'switch', title: 'leaf-02', labels: { role: 'leaf' } },
  { id: 'leaf-03', kind: 'switch', title: 'leaf-03', labels: { role: 'leaf' } },
];

export const LINKS: readonly Pick<TopologyEdge, 'source' | 'target'>[] = [
  { source: 'core-01', target: 'edge-01' },
  { source: 'core-01', target: 'edge-02' },
  { source: 'edge-01', target: 'leaf-01' },
  { source: 'edge-01', target: 'leaf-02' },
  { source: 'edge-02', target: 'leaf-03' },
];
