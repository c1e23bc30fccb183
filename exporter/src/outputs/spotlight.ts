/**
 * Which few entities show their features on the page. Each change starts dozens of series and ends dozens of others, so membership is sticky:
 * a member gives way only to an entity that is above the threshold and clearly more anomalous, and an anomalous member not in its first minutes.
 */

/** Whoever wants a member's place must be above the threshold, */
const ENTRY_SCORE = 1;
/** and have this many times the score of the weakest member, */
const ENTRY_FACTOR = 1.25;
/** who keeps the place this long while it is above the threshold itself, in ms. */
const TENURE_MS = 300_000;

export interface Candidate {
  readonly key: string;
  /** highest score of the last minute; NaN counts as 0 */
  readonly score: number;
}

export interface Spotlight {
  /** Chooses anew among those that are alive; the set it returns belongs to the spotlight. `now` is monotonic ms. */
  choose(candidates: readonly Candidate[], now: number): ReadonlySet<string>;
}

export function createSpotlight(places: number): Spotlight {
  const members = new Set<string>();
  const since = new Map<string, number>();

  return {
    choose(candidates, now) {
      const scores = new Map<string, number>();
      for (const { key, score } of candidates) if (members.has(key)) scores.set(key, score || 0);
      for (const key of members) if (!scores.has(key)) leave(key);
      if (places <= 0) return members;

      for (const { key, score } of strongest(candidates, members, places)) {
        if (members.size >= places) {
          const weakest = weakestOf(scores);
          if (score < ENTRY_SCORE || score < weakest.score * ENTRY_FACTOR) break;
          if (weakest.score >= ENTRY_SCORE && now - since.get(weakest.key)! < TENURE_MS) break;
          leave(weakest.key);
          scores.delete(weakest.key);
        }
        members.add(key);
        since.set(key, now);
        scores.set(key, score);
      }
      return members;
    },
  };

  function leave(key: string): void {
    members.delete(key);
    since.delete(key);
  }
}

/** The `count` highest of those that are not members, highest first; equal scores in their given order. */
function strongest(candidates: readonly Candidate[], members: ReadonlySet<string>, count: number): Candidate[] {
  const top: Candidate[] = [];
  for (const { key, score: raw } of candidates) {
    const score = raw || 0;
    if (members.has(key) || (top.length === count && score <= top[count - 1].score)) continue;
    let place = top.length;
    while (place > 0 && top[place - 1].score < score) place -= 1;
    top.splice(place, 0, { key, score });
    if (top.length > count) top.pop();
  }
  return top;
}

function weakestOf(scores: ReadonlyMap<string, number>): Candidate {
  let weakest: Candidate = { key: '', score: Infinity };
  for (const [key, score] of scores) if (score < weakest.score) weakest = { key, score };
  return weakest;
}
