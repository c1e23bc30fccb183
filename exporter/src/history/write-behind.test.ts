import { createWriteBehind } from './write-behind.ts';

const until = async (done: () => boolean) => {
  while (!done()) await new Promise((resolve) => setTimeout(resolve, 1));
};

describe('write behind', () => {
  test('writes every item once, in slices that let others have their turn', async () => {
    const written: number[] = [];
    let turns = 0;
    const others = setInterval(() => (turns += 1), 0);
    const behind = createWriteBehind<number>({
      write(item) {
        const end = performance.now() + 2;
        while (performance.now() < end);
        return written.push(item) > 0;
      },
      delayMs: 1,
      retryMs: 1,
      sliceMs: 5,
    });
    for (let item = 0; item < 50; item++) behind.add(item);
    behind.add(7);
    await until(() => written.length > 0);
    const before = turns;
    await until(() => written.length >= 50);
    expect(turns - before).toBeGreaterThan(3);
    clearInterval(others);
    behind.stop();
    expect(written).toEqual(Array.from({ length: 50 }, (_, i) => i));
  });

  test('tries again what failed, writes what was added meanwhile, and neither what was removed nor anything after the stop', async () => {
    const tries: string[] = [];
    const behind = createWriteBehind<string>({
      write(item) {
        tries.push(item);
        if (item === 'first') behind.add('meanwhile');
        return item !== 'failing' || tries.filter((tried) => tried === 'failing').length === 3;
      },
      delayMs: 1,
      retryMs: 1,
      sliceMs: 5,
    });
    for (const item of ['first', 'failing', 'removed']) behind.add(item);
    behind.remove('removed');
    await until(() => tries.filter((item) => item === 'failing').length === 3);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(tries.sort()).toEqual(['failing', 'failing', 'failing', 'first', 'meanwhile']);
    behind.add('late');
    behind.stop();
    behind.add('later');
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(tries).toHaveLength(5);
  });
});
