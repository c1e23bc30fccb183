/**
 * Features that are modelled together. All of them, up to a number; more are cut into parts of about equal size, in their order, each with a matrix of its
 * own, because a joint matrix of a thousand features and their lags would need gigabytes and minutes.
 */
export interface Part {
  /** its first feature, and how many */
  readonly first: number;
  readonly features: number;
}

/** Features that are modelled together at most. */
export const TOGETHER = 64;

export function featureParts(features: number): Part[] {
  const parts = Math.ceil(features / TOGETHER);
  return Array.from({ length: parts }, (_, p) => {
    const first = Math.floor((p * features) / parts);
    return { first, features: Math.floor(((p + 1) * features) / parts) - first };
  });
}
