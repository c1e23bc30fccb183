/**
 * When faults happen on one node and what shape they have. A fault is a spike (short), a plateau (long) or a ramp (climbs, holds, ends); a climb is
 * labelled from the first sample that is 3 deviations from normal. A memory leak always climbs for 10 to 20 minutes before that, whatever its shape afterwards: a leak that
 * does not climb is not one.
 */
import type { Random } from '../../random.ts';
import { FAULT_KINDS, type FaultKind } from './network.ts';

export type FaultShape = 'spike' | 'ramp' | 'plateau';

/** All in samples; `from` inclusive, `to` exclusive. The climb is [from, from + climb). */
export interface Fault {
  readonly kind: FaultKind;
  readonly shape: FaultShape;
  readonly from: number;
  readonly climb: number;
  readonly to: number;
}

const SHAPES: readonly FaultShape[] = ['spike', 'ramp', 'plateau'];
const SHORTEST = 5;
/** quiet samples after a fault, at least */
const SHORTEST_GAP = 60;

/**
 * An endless schedule for one node. `share` of all samples is labelled in the long run: the caller answers each fault with the number of samples it
 * labelled (`next(labelled)`), and the gap that follows is made to fit. `second` is the number of samples a second.
 */
export function* faultSchedule(random: Random, share: number, second: number): Generator<Fault, void, number> {
  if (share <= 0) return;
  let now = 0;
  let owed = random.between(20, 80) / share; // samples until the labelled share is down to its target; at first as if a fault had just ended
  for (;;) {
    const kind = FAULT_KINDS[random.below(FAULT_KINDS.length)];
    const shape = SHAPES[random.below(SHAPES.length)];
    const climb = climbOf(kind, shape, random, second);
    const from = now + Math.max(SHORTEST_GAP, Math.round(owed * random.between(0.5, 1.5)) - climb);
    const to = from + climb + holdOf(shape, random);
    const labelled = yield { kind, shape, from, climb, to };
    owed += labelled / share - (to - now);
    now = to;
  }
}

function climbOf(kind: FaultKind, shape: FaultShape, random: Random, second: number): number {
  if (kind === 'memory_leak') return Math.round(random.between(600, 1200) * second);
  return shape === 'ramp' ? Math.round(random.between(10, 60)) : 0;
}

function holdOf(shape: FaultShape, random: Random): number {
  const [shortest, longest] = { spike: [SHORTEST, 12], ramp: [SHORTEST, 40], plateau: [30, 90] }[shape];
  return Math.round(random.between(shortest, longest));
}
