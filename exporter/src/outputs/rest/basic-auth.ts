/**
 * Passwords against bcrypt hashes. One comparison costs tens of ms of CPU by design, and scrapes come every few seconds, so verified pairs are remembered
 * (as salted digests, never as text); wrong ones are not, they would push good ones out. Comparisons run one at a time, and a few may wait: a flood
 * of guesses costs one core at most and never delays who is known.
 */
import { createHash, createHmac, randomBytes } from 'node:crypto';
import { setImmediate as afterOthers } from 'node:timers/promises';
import { compare } from 'bcryptjs';
import { refusal } from './refusal.ts';

const MOST_REMEMBERED = 256;
const MOST_WAITING = 8;

export interface PasswordCheck {
  /** Rejects with a 503 refusal while too many comparisons wait. */
  matches(users: ReadonlyMap<string, string>, user: string, password: string): Promise<boolean>;
}

export function createPasswordCheck(): PasswordCheck {
  const salt = randomBytes(32);
  const verified = new Map<string, true>();
  let waiting = 0;
  let last: Promise<unknown> = Promise.resolve();

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (waiting >= MOST_WAITING)
      throw refusal(503, 'too many log-ins at the same time; try again in a second', {
        reason: 'busy',
        headers: { 'Retry-After': '1' },
      });
    waiting++;
    const result = last.then(work).finally(() => waiting--);
    last = result.catch(() => {});
    return result;
  }

  return {
    async matches(users, user, password) {
      const known = users.get(user);
      const hash = known ?? unknownUsersHash(users, user, salt);
      const key = createHash('sha256')
        .update(salt)
        .update(JSON.stringify([user, password, hash]))
        .digest('base64');
      if (verified.delete(key)) {
        // last used goes to the end: the oldest is forgotten first
        verified.set(key, true);
        return true;
      }
      const matched = await inTurn(async () => {
        // the comparison blocks; whoever has arrived meanwhile is served first
        await afterOthers();
        return compare(password, hash);
      });
      if (!matched || known === undefined) return false;
      verified.set(key, true);
      if (verified.size > MOST_REMEMBERED) verified.delete(verified.keys().next().value!);
      return true;
    },
  };
}

/**
 * A hash nobody has the password of, at the cost of one of the real users (always the same one for a name): the time of an answer does not tell
 * whether a user exists.
 */
function unknownUsersHash(users: ReadonlyMap<string, string>, user: string, salt: Buffer): string {
  const hashes = [...users.values()];
  const pick = createHmac('sha256', salt).update(user).digest();
  const like = hashes[pick.readUInt32BE() % hashes.length];
  return like.slice(0, 7) + pick.toString('hex').slice(0, 53);
}

/** The pair of `Authorization: Basic`, undefined when the header is something else or damaged. */
export function basicCredentials(authorization: string | undefined): { user: string; password: string } | undefined {
  const match = /^Basic +([A-Za-z0-9+/=_-]+)$/i.exec(authorization ?? '');
  if (!match) return undefined;
  const text = Buffer.from(match[1], 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 0 ? undefined : { user: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** The token of `Authorization: Bearer`. */
export function bearerToken(authorization: string | undefined): string | undefined {
  return /^Bearer +([\x21-\x7e]+)$/i.exec(authorization ?? '')?.[1];
}
