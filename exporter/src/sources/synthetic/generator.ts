/**
 * One node's samples: six cross-correlated AR(1) features with a daily cycle, and labelled faults. Same seed, same node, same interval: the same numbers, bit for bit.
 */
import { seededRandom } from '../../random.ts';
import { faultSchedule, type Fault } from './faults.ts';
import { CORRELATION, CYCLE, FAULTS, NORMAL, SYNTHETIC_SCHEMA } from './network.ts';

const FEATURES = SYNTHETIC_SCHEMA.features.length;
const LABEL_DEVIATIONS = 3;
const DAY_MS = 86_400_000;
/** samples in which a broken relation drifts apart */
const BREAK_BLEND = 2;
/** a broken relation stays inside 2 deviations */
const BREAK_LIMIT = 1.95;

export interface NodeSample {
  /** six values in base units; reused by the next call */
  readonly values: Float64Array;
  /** the fault this sample is labelled with */
  readonly fault: Fault | undefined;
}

export interface NodeGenerator {
  /** the sample at `time` (ms since the epoch); calls are one interval apart */
  next(time: number): NodeSample;
}

/** `intervalMs` scales the autocorrelation, so that 0.5 s samples are the same process seen twice as often. `share` of samples is labelled. */
export function nodeGenerator(seed: number, node: number, intervalMs: number, share: number): NodeGenerator {
  const random = seededRandom(seed, 2 * node + 1);
  const faults = faultSchedule(seededRandom(seed, 2 * node + 2), share, 1000 / intervalMs);
  const cholesky = choleskyFactor(CORRELATION);
  const phi = NORMAL.autocorrelation.map((lag1) => Math.pow(lag1, intervalMs / 1000));
  const latent = new Float64Array(FEATURES);
  const noise = new Float64Array(FEATURES);
  const values = new Float64Array(FEATURES);
  const noiseScale = Math.sqrt(1 - (CYCLE * CYCLE) / 2); // the random part's share of the deviation beside the cycle
  const phase = (node * Math.PI) / 9;
  let index = 0;
  let fault = faults.next(0).value ?? undefined;
  let labelled = 0;
  for (let j = 0; j < FEATURES; j++) latent[j] = random.normal();

  return {
    next(time) {
      for (let j = 0; j < FEATURES; j++) noise[j] = random.normal();
      const cycle = CYCLE * Math.sin((2 * Math.PI * (time % DAY_MS)) / DAY_MS + phase);
      for (let j = 0; j < FEATURES; j++) {
        let innovation = 0;
        for (let k = 0; k <= j; k++) innovation += cholesky[j][k] * noise[k];
        latent[j] = phi[j] * latent[j] + Math.sqrt(1 - phi[j] * phi[j]) * innovation;
        values[j] = NORMAL.mean[j] + NORMAL.deviation[j] * (cycle + noiseScale * latent[j]);
      }
      if (fault && index >= fault.to) {
        fault = faults.next(labelled).value ?? undefined;
        labelled = 0;
      }
      const active = fault && index >= fault.from ? fault : undefined;
      if (active) disturb(active, index, values, latent);
      for (let j = 0; j < FEATURES; j++) {
        const range = SYNTHETIC_SCHEMA.features[j].range!;
        values[j] = Math.min(range[1], Math.max(range[0], values[j]));
      }
      if (active && (labelled > 0 || index >= active.from + active.climb || isFarOut(active, values))) labelled++;
      index++;
      return { values, fault: labelled > 0 ? active : undefined };
    },
  };
}

/** Whether the feature that a climbing fault moves has reached the label's distance from normal. */
function isFarOut(fault: Fault, values: Float64Array): boolean {
  if (fault.kind === 'correlation_break') return true;
  const { feature } = FAULTS[fault.kind];
  return Math.abs(values[feature] - NORMAL.mean[feature]) >= LABEL_DEVIATIONS * NORMAL.deviation[feature];
}

function disturb(fault: Fault, index: number, values: Float64Array, latent: Float64Array): void {
  if (fault.kind === 'correlation_break') {
    // CPU and bandwidth, which move together, are pulled to opposite sides; the sides depend on where they are not already
    const weight = Math.min(1, (index - fault.from + 1) / BREAK_BLEND);
    const side = fault.from % 2 === 0 ? 1 : -1;
    for (const [feature, sign] of [
      [0, side],
      [4, -side],
    ]) {
      const apart = Math.max(-BREAK_LIMIT, Math.min(BREAK_LIMIT, sign * 1.5 + 0.2 * latent[feature]));
      const normal = Math.max(
        -BREAK_LIMIT,
        Math.min(BREAK_LIMIT, (values[feature] - NORMAL.mean[feature]) / NORMAL.deviation[feature]),
      );
      values[feature] = NORMAL.mean[feature] + NORMAL.deviation[feature] * ((1 - weight) * normal + weight * apart);
    }
    for (let j = 0; j < FEATURES; j++) {
      const low = NORMAL.mean[j] - BREAK_LIMIT * NORMAL.deviation[j];
      const high = NORMAL.mean[j] + BREAK_LIMIT * NORMAL.deviation[j];
      values[j] = Math.max(low, Math.min(high, values[j]));
    }
    return;
  }
  const { feature, mean, deviation } = FAULTS[fault.kind];
  const weight = fault.climb > 0 ? Math.min(1, (index - fault.from + 1) / fault.climb) : 1;
  const level = mean + deviation * latent[feature];
  values[feature] = (1 - weight) * values[feature] + weight * level;
}

function choleskyFactor(matrix: readonly (readonly number[])[]): number[][] {
  const factor = matrix.map((row) => row.map(() => 0));
  for (let i = 0; i < matrix.length; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = matrix[i][j];
      for (let k = 0; k < j; k++) sum -= factor[i][k] * factor[j][k];
      factor[i][j] = i === j ? Math.sqrt(sum) : sum / factor[j][j];
    }
  }
  return factor;
}
