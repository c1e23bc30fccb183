/**
 * Names to addresses for probes: cached, so that a latency holds no lookup, and at most two lookups at a time. `dns.lookup` occupies one of the
 * process's four worker threads until the resolver gives up (tens of seconds), and four of them would stop all file access.
 */
import { lookup as systemLookup } from 'node:dns';
import type { LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import type { Clock } from '../../clock.ts';

const FRESH_MS = 60_000;
const FAILED_MS = 10_000;
const AT_ONCE = 2;

export type SystemLookup = (
  host: string,
  options: { all: true; order: 'verbatim' },
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

interface Name {
  addresses: LookupAddress[];
  error: NodeJS.ErrnoException | undefined;
  /** monotonic ms until which the answer above holds */
  freshUntil: number;
  asking: boolean;
  waiting: (() => void)[];
}

/**
 * A `lookup` option for sockets. The first call for a name waits for its answer; later ones get what is known at once, while an answer older than a
 * minute (a failure: ten seconds) is asked for again behind them. When the resolver itself is out of order (EAI_AGAIN), the last addresses stay.
 */
export function nameCache(clock: Clock, lookup: SystemLookup = systemLookup): LookupFunction {
  const names = new Map<string, Name>();
  const queue: string[] = [];
  let asked = 0;

  const ask = () => {
    while (asked < AT_ONCE) {
      const host = queue.shift();
      if (host === undefined) return;
      asked++;
      lookup(host, { all: true, order: 'verbatim' }, (error, addresses) => {
        asked--;
        const name = names.get(host)!;
        name.asking = false;
        name.freshUntil = clock.monotonic() + (error ? FAILED_MS : FRESH_MS);
        if (!error) name.addresses = addresses;
        else if (error.code !== 'EAI_AGAIN') name.addresses = [];
        name.error = error ?? undefined;
        for (const answer of name.waiting.splice(0)) answer();
        ask();
      });
    }
  };

  return (host, options, callback) => {
    let name = names.get(host);
    if (!name) {
      name = { addresses: [], error: undefined, freshUntil: -Infinity, asking: false, waiting: [] };
      names.set(host, name);
    }
    const known = name;
    const answer = () => {
      const [first] = known.addresses;
      if (!first) callback(known.error ?? new Error(`${host} has no address`), '', 0);
      else if (options.all) callback(null, known.addresses);
      else callback(null, first.address, first.family);
    };
    if (!known.asking && clock.monotonic() >= known.freshUntil) {
      known.asking = true;
      queue.push(host);
    }
    if (known.addresses.length > 0 || known.error) answer();
    else known.waiting.push(answer);
    ask();
  };
}
