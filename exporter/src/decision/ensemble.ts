/**
 * Several detectors as one: the weighted mean of the members' raw scores, each divided by its own usual mean; their largest; or the number of members above
 * their own thresholds. The result is calibrated by itself: calibrated scores are never averaged.
 *
 * A member that has not scored enough unseen rows yet, or scores no more, is left out as long as the others carry at least half of the weight.
 */
import type { EnsembleOptions } from './options.ts';

/** Members are numbered like the detectors: 0 is the baseline, then the fitted ones. */
export interface Combination {
  readonly method: EnsembleOptions['method'];
  /** 0 = no member */
  readonly weights: Float64Array;
  readonly votes: number;
  /** equal for combinations that give the same raw scores */
  readonly version: string;
}

/** Weights where none are configured: what measures best. Without `conditional` every detector is a member. */
const BEST_MEMBERS: Readonly<Record<string, number>> = { conditional: 1, var: 0.2 };
/** The vote of the seed systems. */
const VOTERS = ['isolation-forest', 'one-class-svm', 'local-outlier-factor', 'autoencoder'];
/** share of the weight that has to be there */
const QUORUM = 0.5;

/** Throws when a member is no detector of the monitor, or when fewer members can vote than votes are needed. */
export function combination(options: EnsembleOptions, names: readonly string[]): Combination {
  const members = options.members ?? defaultMembers(options.method, names);
  const foreign = Object.keys(members).find((name) => !names.includes(name));
  if (foreign !== undefined)
    throw new Error(
      `the ensemble's member "${foreign}" is none of the monitor's detectors (${names.join(', ')}); add it to them or take it out of the ensemble`,
    );
  const voters = Object.keys(members).length;
  if (options.method === 'vote' && voters < options.votes)
    throw new Error(
      `${options.votes} votes are needed but the ensemble has ${voters} members; lower votes or add members`,
    );
  const weights = Float64Array.from(names, (name) => members[name] ?? 0);
  const version = JSON.stringify([options.method, options.votes, names.map((name, i) => [name, weights[i]])]);
  return { method: options.method, weights, votes: options.votes, version };
}

function defaultMembers(method: EnsembleOptions['method'], names: readonly string[]): Record<string, number> {
  if (method === 'vote') {
    const voters = names.filter((name) => VOTERS.includes(name));
    if (voters.length > 1) return Object.fromEntries(voters.map((name) => [name, 1]));
  }
  if (method !== 'mean' || !names.includes('conditional')) return Object.fromEntries(names.map((name) => [name, 1]));
  return Object.fromEntries(Object.entries(BEST_MEMBERS).filter(([name]) => names.includes(name)));
}

/**
 * The members to use, as bits. `established` scored lately, `warm` have scored enough unseen rows. The warm ones, if they are a quorum with a fitted one among
 * them; otherwise all that score, which is then not warm; 0 when those are no quorum.
 */
export function membersInUse({ weights }: Combination, established: number, warm: number): number {
  if (isQuorum(weights, warm & established)) return warm & established;
  return isQuorum(weights, established) ? established : 0;
}

function isQuorum(weights: Float64Array, members: number): boolean {
  let all = 0;
  let present = 0;
  for (let i = 0; i < weights.length; i++) {
    all += weights[i];
    if (members & (1 << i)) present += weights[i];
  }
  // the baseline alone is no ensemble
  return members > 1 && all > 0 && present >= QUORUM * all;
}

/** The bits of all members. */
export function allMembers({ weights }: Combination): number {
  let members = 0;
  for (let i = 0; i < weights.length; i++) if (weights[i] > 0) members |= 1 << i;
  return members;
}

/**
 * Raw score of the members `use` from `relative[at + i]` (raw scores in units of each member's own mean); for a vote from `calibrated[i]`. NaN when one of
 * them has no score in this row.
 */
export function combine(
  { method, weights }: Combination,
  use: number,
  relative: ArrayLike<number>,
  at: number,
  calibrated: ArrayLike<number>,
): number {
  let sum = 0;
  let total = 0;
  for (let i = 0; i < weights.length; i++) {
    if ((use & (1 << i)) === 0) continue;
    if (method === 'vote') {
      const score = calibrated[i];
      if (score !== score) return NaN;
      if (score >= 1) sum++;
      continue;
    }
    const score = relative[at + i];
    if (score !== score) return NaN;
    if (method === 'max') sum = Math.max(sum, score);
    else sum += weights[i] * score;
    total += weights[i];
  }
  return method === 'mean' ? sum / total : sum;
}
