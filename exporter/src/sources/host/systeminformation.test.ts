import { hostSource } from './host.ts';
import { contextFor, rememberingObserver, tickByTick } from './testing.ts';

test('forced on this machine it gives finite cpu, load and memory, and names what it cannot tell as missing', async () => {
  const { observer } = rememberingObserver();
  const paths = { procfs: '/nowhere', sysfs: '/nowhere', rootfs: '/' };
  const source = hostSource.create(
    hostSource.options.parse({ backend: 'systeminformation' }),
    contextFor(paths, observer),
  );
  const run = tickByTick(source);
  const first = (await run.next()).host.box;
  const second = (await run.next()).host.box;
  await run.stop();
  for (const feature of ['cpu_usage_ratio', 'load1_per_cpu_ratio', 'memory_used_ratio']) {
    expect([feature, Number.isFinite(second[feature])]).toEqual([feature, true]);
  }
  expect(second.cpu_usage_ratio).toBeGreaterThanOrEqual(first.cpu_usage_ratio);
  expect(second.memory_used_ratio).toBeLessThan(1);
  expect(second.pressure_cpu_ratio).toBe(NaN);
  expect(second.network_receive_packets_per_second).toBe(NaN);
  expect((await source.inventory?.())?.cpus).toBeGreaterThan(0);
});
