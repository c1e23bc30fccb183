import { hostSource } from './host.ts';
import { entityIndex } from './entity-index.ts';
import { selection } from './options.ts';
import { diskSchema, filesystemSchema, hostSchema, interfaceSchema } from './schemas.ts';
import { rememberingObserver } from './testing.ts';

test('no options at all are the defaults', () => {
  const everything = { include: undefined, exclude: [] };
  expect(hostSource.options.parse({})).toEqual({
    backend: 'auto',
    disks: everything,
    interfaces: everything,
    filesystems: everything,
    filesystem_interval: 30_000,
    statfs_timeout: 5000,
  });
});

test.each([
  [{ disk: {} }, 'disk'],
  [{ disks: { only: ['sda'] } }, 'only'],
  [{ disks: { include: ['sd('] } }, 'not a regular expression'],
  [{ disks: { include: [] } }, 'include'],
  [{ backend: 'windows' }, 'backend'],
  [{ filesystem_interval: '30 parsecs' }, 'parsecs'],
  [{ filesystem_interval: '10ms' }, '1s or longer'],
])('%j is refused and the message names %p', (values, named) => {
  const { success, error } = hostSource.options.safeParse(values);
  expect(success).toBe(false);
  expect(JSON.stringify(error?.issues)).toContain(named);
});

test('patterns match whole names, and whether a device is real is asked only without include', () => {
  const wanted = selection({ include: ['eth[0-9]'], exclude: ['eth9'] });
  const asked = jest.fn(() => true);
  expect(['eth0', 'eth01', 'xeth0', 'eth9'].map((name) => wanted(name, asked))).toEqual([true, false, false, false]);
  expect(asked).not.toHaveBeenCalled();
});

test('a kind with too many entities is cut off and counted, the others are not', () => {
  const { observer, counts } = rememberingObserver();
  const index = entityIndex(observer, 2);
  const add = (id: string, kind: string) => index.add({ id, kind, host: 'box', labels: {} });
  expect([add('a', 'disk'), add('b', 'disk'), add('c', 'disk'), add('a', 'disk'), add('c', 'interface')]).toEqual([
    0, 1, -1, 0, 2,
  ]);
  expect(counts).toEqual({ 'series_limit_hits_total{disk_entities}': 1 });
});

test('every feature ends in its unit, has a minimum deviation, and divides by a counter of its own schema', () => {
  for (const { features } of [hostSchema(8), interfaceSchema, diskSchema, filesystemSchema]) {
    const counters = features.filter(({ kind }) => kind === 'counter').map(({ name }) => name);
    for (const { name, unit, minimumDeviation, per } of features) {
      if (unit !== 'count') expect(name).toMatch(new RegExp(`_${unit}$`));
      expect(minimumDeviation).toBeGreaterThan(0);
      if (per) expect(counters).toContain(per);
    }
    expect(new Set(features.map(({ name }) => name)).size).toBe(features.length);
  }
});
