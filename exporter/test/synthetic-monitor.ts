/** A monitor on the synthetic network that is quick to learn, and a past for it, so that tests need not wait for one. */
import { join } from 'node:path';
import { openHistory } from '../src/history/history.ts';
import { nodeGenerator } from '../src/sources/synthetic/generator.ts';
import { NODES, SYNTHETIC_SCHEMA } from '../src/sources/synthetic/network.ts';
import { recordingObserver } from '../src/store/testing/recording-observer.ts';

export const NODE_NAMES = NODES.map(({ id }) => id).sort();
export const INTERVAL_MS = 500;

export interface SyntheticMonitor {
  name: string;
  source: 'synthetic';
  interval: string;
  trust: string;
  options: Record<string, unknown>;
  [key: string]: unknown;
}

/** Samples twice a second, without faults; a model is trusted after 20 rows. */
export function syntheticMonitor(name = 'net', more: Record<string, unknown> = {}): SyntheticMonitor {
  return {
    name,
    source: 'synthetic',
    interval: `${INTERVAL_MS}ms`,
    trust: '20 rows',
    detectors: ['baseline', 'isolation-forest'],
    options: { seed: 1, anomaly_share: 0 },
    ...more,
  };
}

/** Makes every row of every node cross a limit: an incident of kind `limit` opens with the first sample and stays open. */
export const ALWAYS_OVER_THE_LIMIT = { limits: { cpu_usage_ratio: { max: 0.001 } } };

/** So many steps of every node that end now, as if the monitor had run before. */
export function writeHistory(storage: string, rows: number, { monitor = 'net', stepMs = INTERVAL_MS } = {}): void {
  const history = openHistory(join(storage, 'history'), {
    monitor,
    schema: SYNTHETIC_SCHEMA,
    stepMs,
    observer: recordingObserver(),
  });
  const first = Date.now() - rows * stepMs;
  NODES.forEach(({ id }, node) => {
    const generator = nodeGenerator(1, node, stepMs, 0);
    for (let r = 0; r < rows; r++) {
      const time = first + r * stepMs;
      history.append(id, time, generator.next(time).values);
    }
  });
  history.close();
}
