/** The synthetic network as a source: runs in real time, at any speed in a replay. */
import { z } from 'zod';
import type { Batch, Entity, Source } from '../../flow.ts';
import { ticks } from '../polling.ts';
import type { SourceType } from '../source-type.ts';
import { nodeGenerator } from './generator.ts';
import { LINKS, NODES, SYNTHETIC_SCHEMA } from './network.ts';

export const syntheticOptions = z.strictObject({
  /** same seed, same samples */
  seed: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER).default(0),
  /** share of samples that are labelled anomalous, 0..0.5 */
  anomaly_share: z.number().min(0).max(0.5).default(0.05),
});
export type SyntheticOptions = z.infer<typeof syntheticOptions>;

const FEATURES = SYNTHETIC_SCHEMA.features.length;

export const syntheticSource: SourceType<SyntheticOptions> = {
  name: 'synthetic',
  options: syntheticOptions,
  create(options, context): Source {
    const entities: Entity[] = NODES.map((node) => ({
      id: node.id,
      kind: SYNTHETIC_SCHEMA.name,
      host: node.id,
      labels: { role: node.labels.role },
    }));
    let bandwidth = new Float64Array(NODES.length).fill(NaN);
    return {
      name: 'synthetic',
      schemas: [SYNTHETIC_SCHEMA],
      entities,
      async *batches(signal, clock) {
        const nodes = NODES.map((_, node) =>
          nodeGenerator(options.seed, node, context.intervalMs, options.anomaly_share),
        );
        const batch: Batch = {
          schema: SYNTHETIC_SCHEMA,
          entity: Int32Array.from(NODES.keys()),
          time: new Float64Array(NODES.length),
          values: new Float64Array(NODES.length * FEATURES),
        };
        bandwidth = new Float64Array(NODES.length);
        const skipped = (count: number) =>
          context.observer.count('source_skipped_ticks_total', { monitor: context.monitor }, count);
        for await (const _ of ticks(context.intervalMs, clock, signal, skipped)) {
          const now = clock.now();
          for (let node = 0; node < nodes.length; node++) {
            const { values } = nodes[node].next(now);
            batch.time[node] = now;
            batch.values.set(values, node * FEATURES);
            bandwidth[node] = values[4];
          }
          yield batch;
        }
      },
      topology: () => ({
        nodes: [...NODES],
        edges: LINKS.map((link) => ({
          ...link,
          up: true,
          bytesPerSecond: finiteOrNull(bandwidth[NODES.findIndex((node) => node.id === link.target)] / 8),
        })),
      }),
    };
  },
};

function finiteOrNull(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
