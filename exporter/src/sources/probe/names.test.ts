import type { LookupAddress } from 'node:dns';
import { manualClock } from '../../clock.ts';
import { nameCache } from './names.ts';

/** A resolver that answers when told. */
function resolver() {
  const asked: { host: string; answer(error: NodeJS.ErrnoException | null, ...addresses: string[]): void }[] = [];
  const lookup: Parameters<typeof nameCache>[1] = (host, _, callback) =>
    asked.push({
      host,
      answer: (error, ...addresses) =>
        callback(
          error,
          addresses.map((address): LookupAddress => ({ address, family: 4 })),
        ),
    });
  return { asked, lookup };
}

const failed = (code: string) => Object.assign(new Error(code), { code });

function setUp() {
  const clock = manualClock();
  const { asked, lookup } = resolver();
  const names = nameCache(clock, lookup);
  const got: string[] = [];
  const get = (host: string) =>
    names(host, { all: true }, (error, addresses) =>
      got.push(error ? error.message : (addresses as LookupAddress[]).map(({ address }) => address).join()),
    );
  return { clock, asked, names, get, got };
}

describe('names', () => {
  test('the first call waits for the resolver, later ones do not ask again for a minute', () => {
    const { clock, asked, get, got } = setUp();
    get('db');
    get('db');
    expect(got).toEqual([]);
    asked[0].answer(null, '10.0.0.1', '10.0.0.2');
    expect(got).toEqual(['10.0.0.1,10.0.0.2', '10.0.0.1,10.0.0.2']);
    clock.advance(59_999);
    get('db');
    expect(asked).toHaveLength(1);
    clock.advance(1);
    get('db');
    expect(asked).toHaveLength(2);
    expect(got).toHaveLength(4);
    asked[1].answer(null, '10.0.0.9');
    get('db');
    expect(got[4]).toBe('10.0.0.9');
  });

  test('only two names are looked up at a time', () => {
    const { asked, get } = setUp();
    for (const host of ['a', 'b', 'c', 'd']) get(host);
    expect(asked.map(({ host }) => host)).toEqual(['a', 'b']);
    asked[1].answer(null, '10.0.0.1');
    expect(asked.map(({ host }) => host)).toEqual(['a', 'b', 'c']);
  });

  test('an unknown name fails at once until it is asked for again after ten seconds', () => {
    const { clock, asked, get, got } = setUp();
    get('gone');
    asked[0].answer(failed('ENOTFOUND'));
    get('gone');
    expect(got).toEqual(['ENOTFOUND', 'ENOTFOUND']);
    expect(asked).toHaveLength(1);
    clock.advance(10_000);
    get('gone');
    asked[1].answer(null, '10.0.0.1');
    get('gone');
    expect(got).toEqual(['ENOTFOUND', 'ENOTFOUND', 'ENOTFOUND', '10.0.0.1']);
  });

  test('the last addresses stay while the resolver is out of order, and go when the name is gone', () => {
    const { clock, asked, get, got } = setUp();
    get('db');
    asked[0].answer(null, '10.0.0.1');
    for (const code of ['EAI_AGAIN', 'ENOTFOUND']) {
      clock.advance(60_000);
      get('db');
      asked.at(-1)!.answer(failed(code));
    }
    get('db');
    expect(got).toEqual(['10.0.0.1', '10.0.0.1', '10.0.0.1', 'ENOTFOUND']);
  });

  test('a socket that wants one address gets the first with its family', () => {
    const { asked, names } = setUp();
    const got: unknown[] = [];
    names('db', {}, (...answer) => got.push(answer));
    asked[0].answer(null, '10.0.0.1', '10.0.0.2');
    expect(got).toEqual([[null, '10.0.0.1', 4]]);
  });
});
