import type { Detector } from '../flow.ts';

/** What one batch passes through in a group: rows of every stage, allocated once and for as many rows as the largest batch had. */
export function createBuffers(
  capacity: number,
  all: number,
  width: number,
  stepWidth: number,
  detectors: readonly Detector[],
) {
  const rows = () => new Float64Array(capacity);
  const cells = () => new Float64Array(capacity * width);
  let chunk = new Float64Array(0);
  let shares = new Float64Array(0);
  return {
    capacity,
    gap: new Uint8Array(capacity),
    natural: new Float64Array(capacity * all),
    values: cells(),
    trailing: new Float64Array(capacity * stepWidth),
    baseline: { deviation: cells(), expected: cells(), lower: cells(), upper: cells() },
    /** divided by the model's usual score */
    modelScores: detectors.map(rows),
    decision: {
      score: rows(),
      smoothed: rows(),
      confidence: rows(),
      severity: new Uint8Array(capacity),
      budgetUsed: rows(),
      contributions: cells(),
      largest: rows(),
      limit: new Uint8Array(capacity),
      relation: new Uint8Array(capacity),
      detectors: [
        'baseline',
        ...detectors.map((detector) => detector.name),
        ...(detectors.length > 0 ? ['ensemble'] : []),
      ].map((name) => ({ name, score: rows(), raw: rows(), threshold: rows(), warmup: rows() })),
    },
    chunkScores(length: number): Float64Array {
      if (chunk.length < length) chunk = new Float64Array(length);
      return chunk;
    },
    chunkShares(length: number): Float64Array {
      if (shares.length < length) shares = new Float64Array(length);
      return shares;
    },
  };
}
