import { type Offer, createScheduler } from './scheduler.ts';

const MINUTE = 60_000;
const DAY = 1440 * MINUTE;

interface Fit {
  readonly key: string;
  succeed(): void;
  fail(): void;
}

/** A scheduler whose fits end when the test says so. */
function setup() {
  const fits: Fit[] = [];
  const scheduler = createScheduler(
    (key) =>
      new Promise<void>((resolve, reject) => {
        fits.push({ key, succeed: resolve, fail: () => reject(new Error('no luck')) });
      }),
  );
  const offer = (rows: number, now: number, changes: Partial<Offer> = {}) =>
    scheduler.offer({ key: 'a', rows, minimumRows: 64, rowsPerDay: 1440, now, ...changes });
  return { scheduler, fits, offer };
}

/** Lets everything that is already decided happen. */
async function settle(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}

describe('the training scheduler', () => {
  it.each([
    ['at each doubling up to a day, and then daily', 1440, [64, 128, 256, 512, 1024, 1440, 2880, 4320, 5760]],
    ['daily only when a day has fewer rows than a fit needs', 48, [64, 1504, 2944, 4384]],
  ])('fits with the fewest rows, %s', async (_, rowsPerDay, expected) => {
    const { fits, offer } = setup();
    const fittedAt: number[] = [];
    for (let row = 1; row <= 4 * 1440; row++) {
      offer(row, row * MINUTE, { rowsPerDay });
      await settle();
      if (fits.length === 0) continue;
      fittedAt.push(row);
      fits.pop()?.succeed();
      await settle();
    }
    expect(fittedAt).toEqual(expected);
  });

  it('fits daily when the rows are bounded and no longer grow', async () => {
    const { fits, offer } = setup();
    const fittedAt: number[] = [];
    for (let minute = 0; minute <= 3 * 1440; minute++) {
      offer(2000, minute * MINUTE);
      await settle();
      if (fits.length === 0) continue;
      fittedAt.push(minute);
      fits.pop()?.succeed();
      await settle();
    }
    expect(fittedAt).toEqual([0, 1440, 2880, 4320]);
  });

  it('runs one fit at a time, in the order they were due', async () => {
    const { scheduler, fits, offer } = setup();
    for (const key of ['a', 'b', 'c']) offer(64, 0, { key });
    for (let i = 0; i < 3; i++) {
      await settle();
      expect(fits.map(({ key }) => key)).toEqual(['a', 'b', 'c'].slice(0, i + 1));
      expect(scheduler.running()).toBe(fits[i].key);
      if (i === 1) fits[i].fail();
      else fits[i].succeed();
    }
    await scheduler.idle();
    expect(scheduler.running()).toBeUndefined();
  });

  it('queues a fit once, however often rows are offered, and counts the rows there were then', async () => {
    const { fits, offer } = setup();
    for (let row = 64; row < 130; row++) offer(row, row * MINUTE);
    await settle();
    fits[0].succeed();
    await settle();
    expect(fits).toHaveLength(1);
    offer(130, 130 * MINUTE); // twice 64, though there were 129 when the fit ended
    await settle();
    expect(fits).toHaveLength(2);
  });

  it('tries again after pauses that double up to six hours', async () => {
    const { fits, offer } = setup();
    const attempts: number[] = [];
    for (let minute = 64; minute < 2000; minute++) {
      offer(minute, minute * MINUTE);
      await settle();
      if (fits.length === 0) continue;
      attempts.push(minute);
      fits.pop()?.fail();
      await settle();
    }
    const pauses = attempts.slice(1).map((minute, i) => minute - attempts[i]);
    expect(pauses).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360, 360]);
  });

  it('forgets failures after a success', async () => {
    const { fits, offer } = setup();
    const attempt = async (minute: number, end: 'succeed' | 'fail') => {
      offer(1440 + minute, minute * MINUTE);
      await settle();
      fits.at(-1)?.[end]();
      await settle();
    };
    await attempt(0, 'fail');
    await attempt(1, 'fail');
    await attempt(3, 'succeed');
    await attempt(3 + 1440, 'fail');
    expect(fits).toHaveLength(4);
    await attempt(4 + 1440, 'succeed'); // one minute later again, not four
    expect(fits).toHaveLength(5);
  });

  it('resumes where an earlier run stopped', async () => {
    const { scheduler, fits, offer } = setup();
    scheduler.fitted('a', 1440, 10 * DAY);
    offer(9000, 10.9 * DAY);
    await settle();
    expect(fits).toHaveLength(0);
    offer(9100, 11 * DAY);
    await settle();
    expect(fits).toHaveLength(1);
  });

  it('goes on when the clock is set back', async () => {
    const { fits, offer } = setup();
    offer(2000, 400 * DAY);
    await settle();
    fits[0].succeed();
    await settle();
    offer(2000, 399.9 * DAY);
    await settle();
    expect(fits).toHaveLength(1); // two hours are no reason to fit again
    offer(2000, 10 * DAY);
    await settle();
    expect(fits).toHaveLength(2);
    fits[1].fail();
    await settle();
    offer(2000, 2 * DAY);
    await settle();
    expect(fits).toHaveLength(3);
  });

  it('drops what is queued under a cancelled prefix and goes on with the rest', async () => {
    const { scheduler, fits, offer } = setup();
    for (const key of ['x', 'host/a', 'host/b', 'other/a']) offer(64, 0, { key });
    await settle();
    scheduler.cancel('host/');
    fits[0].succeed();
    await settle();
    expect(fits.map(({ key }) => key)).toEqual(['x', 'other/a']);
  });

  it('starts anew with a key that was cancelled while it ran, and came back', async () => {
    const { scheduler, fits, offer } = setup();
    offer(64, 0);
    await settle();
    scheduler.cancel('a');
    offer(64, 0);
    fits[0].fail();
    await settle();
    expect(fits).toHaveLength(2); // no pause for the failure of what was cancelled
    fits[1].succeed();
    await settle();
    scheduler.cancel('a');
    offer(64, MINUTE); // other features, say: nothing is fitted for them
    await settle();
    expect(fits).toHaveLength(3);
  });

  it('starts what is offered after everything queued was cancelled', async () => {
    const { scheduler, fits, offer } = setup();
    offer(64, 0);
    scheduler.cancel('');
    offer(64, 0, { key: 'b' });
    await settle();
    expect(fits.map(({ key }) => key)).toEqual(['b']);
  });

  it('counts a run that throws before it promises anything as a failure', async () => {
    let runs = 0;
    const scheduler = createScheduler(() => {
      runs++;
      throw new Error('at once');
    });
    const offer = (now: number) => scheduler.offer({ key: 'a', rows: 64, minimumRows: 64, rowsPerDay: 1440, now });
    for (const second of [0, 30, 60]) {
      offer(second * 1000);
      await scheduler.idle();
    }
    expect(runs).toBe(2);
  });

  it('is idle before anything began', async () => {
    const { scheduler } = setup();
    await scheduler.idle();
    scheduler.cancel('a');
    expect(scheduler.running()).toBeUndefined();
  });
});
