/** the highest score of a crossed limit */
const LARGEST = 10;

/** How far a value is beyond its limits, as a score: 1 at the limit, 2 at twice the distance from zero; 0 inside. */
export function beyond(value: number, limits: { readonly min?: number; readonly max?: number }): number {
  if (limits.max !== undefined && value > limits.max)
    return Math.min(LARGEST, 1 + (value - limits.max) / Math.max(Math.abs(limits.max), 1e-12));
  if (limits.min !== undefined && value < limits.min)
    return Math.min(LARGEST, 1 + (limits.min - value) / Math.max(Math.abs(limits.min), 1e-12));
  return 0;
}
