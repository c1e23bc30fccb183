/**
 * The distribution of each entity's raw scores, kept as a histogram with logarithmic bins that forgets exponentially: quantiles to within a bin's width
 * (5 %) from 640 bytes an entity, however many rows it has seen.
 */

const BINS = 160;
const LOWEST = 0.05;
/** each bin is this much wider than the one before: 160 bins reach from 0.05 to about 120, for a model's rare rows score many times its usual one */
const GROWTH = 1.05;
const LOG_GROWTH = Math.log(GROWTH);

export interface Tail {
  grow(count: number): void;
  /** `weight` 1 a row; `decay` 0..1 multiplies what was there before */
  add(entity: number, score: number): void;
  decay(factor: number): void;
  /** the same for one entity */
  weaken(entity: number, factor: number): void;
  /** rows seen, after forgetting */
  rows(entity: number): number;
  /** smallest score that at most a share of 1 - q lies above; NaN without rows */
  quantile(entity: number, q: number): number;
  /** mean and standard deviation of the binned scores; NaN without rows */
  moments(entity: number): { mean: number; deviation: number };
  /** mean of the scores without the highest `share` of them; NaN without rows */
  trimmedMean(entity: number, share: number): number;
  save(entity: number): Float32Array;
  restore(entity: number, saved: Float32Array): void;
  forget(entity: number): void;
}

/** `unit` is an ordinary score (scores from unit / 20 to 120 unit are told apart). */
export function createTail(unit: number): Tail {
  let counts = new Float32Array(0);
  const valueOf = (bin: number) => unit * LOWEST * Math.pow(GROWTH, bin + 0.5);
  const binOf = (score: number) => {
    const bin = Math.floor(Math.log(score / (unit * LOWEST)) / LOG_GROWTH);
    return bin < 0 ? 0 : bin >= BINS ? BINS - 1 : bin;
  };
  const total = (entity: number) => {
    let sum = 0;
    for (let b = 0; b < BINS; b++) sum += counts[entity * BINS + b];
    return sum;
  };
  return {
    grow(count) {
      if (count * BINS <= counts.length) return;
      const larger = new Float32Array(
        Math.max(count, Math.min((2 * counts.length) / BINS, counts.length / BINS + 1024)) * BINS,
      );
      larger.set(counts);
      counts = larger;
    },
    add(entity, score) {
      if (score === score) counts[entity * BINS + (score > 0 ? binOf(score) : 0)]++;
    },
    decay(factor) {
      for (let i = 0; i < counts.length; i++) counts[i] *= factor;
    },
    weaken(entity, factor) {
      for (let b = 0; b < BINS; b++) counts[entity * BINS + b] *= factor;
    },
    rows: total,
    quantile(entity, q) {
      const sum = total(entity);
      if (sum === 0) return NaN;
      let above = 0;
      for (let b = BINS - 1; b >= 0; b--) {
        const here = counts[entity * BINS + b];
        if (above + here > (1 - q) * sum) {
          const share = ((1 - q) * sum - above) / here; // place inside the bin
          return unit * LOWEST * Math.pow(GROWTH, b + 1 - share);
        }
        above += here;
      }
      return valueOf(0);
    },
    moments(entity) {
      const sum = total(entity);
      let first = 0;
      let second = 0;
      for (let b = 0; b < BINS; b++) {
        const weight = counts[entity * BINS + b] / sum;
        first += weight * valueOf(b);
        second += weight * valueOf(b) * valueOf(b);
      }
      return { mean: first, deviation: Math.sqrt(Math.max(0, second - first * first)) };
    },
    trimmedMean(entity, share) {
      const kept = (1 - share) * total(entity);
      let sum = 0;
      let taken = 0;
      for (let b = 0; b < BINS && taken < kept; b++) {
        const here = Math.min(counts[entity * BINS + b], kept - taken);
        sum += here * valueOf(b);
        taken += here;
      }
      return sum / kept;
    },
    save: (entity) => counts.slice(entity * BINS, (entity + 1) * BINS),
    restore(entity, saved) {
      if (saved.length !== BINS) throw new Error(`a saved distribution has ${saved.length} bins instead of ${BINS}`);
      this.grow(entity + 1);
      counts.set(saved, entity * BINS);
    },
    forget(entity) {
      counts.fill(0, entity * BINS, (entity + 1) * BINS);
    },
  };
}
