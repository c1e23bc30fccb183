import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { manualClock } from '../../clock.ts';
import { hostSource } from './host.ts';
import { linuxSource } from './linux.ts';
import { contextFor, fixtureTree, rememberingObserver, statfsWorker, tickByTick } from './testing.ts';

const options = (values: object = {}) => hostSource.options.parse(values);
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

function fixture(values: object = {}) {
  const tree = fixtureTree();
  const memory = rememberingObserver();
  const source = linuxSource(options(values), contextFor(tree.paths, memory.observer), statfsWorker());
  const run = tickByTick(source);
  cleanups.push(tree.clean, run.stop);
  return { ...tree, ...memory, ...run, source };
}

describe('the host row of a machine with four processors', () => {
  test.each([
    ['cpu_usage_ratio', (10000 + 500 + 3000 + 200 + 300) / 100 / 4],
    ['cpu_iowait_ratio', 1500 / 100 / 4],
    ['cpu_steal_ratio', 400 / 100 / 4],
    ['load1_per_cpu_ratio', 0.5],
    ['memory_used_ratio', 0.625],
    ['swap_used_ratio', 0.25],
    ['pressure_cpu_ratio', 5],
    ['pressure_memory_ratio', 0.25],
    ['pressure_io_ratio', 12.5],
    ['disk_read_bytes_per_second', 80_000 * 512 + 4_000_000 * 512],
    ['disk_write_bytes_per_second', 40_000 * 512 + 6_000_000 * 512],
    ['disk_operations_per_second', 1000 + 500 + 200_000 + 300_000],
    ['disk_latency_seconds', 4 + 6 + 20 + 60],
    ['network_receive_bytes_per_second', 1_000_000 + 40_000_000_000],
    ['network_transmit_bytes_per_second', 2_000_000 + 50_000_000_000],
    ['network_receive_packets_per_second', 8000 + 30_000_000],
    ['network_transmit_packets_per_second', 9000 + 35_000_000],
    ['network_errors_per_second', 3 + 1],
    ['network_drops_per_second', 5 + 2 + 11],
    ['tcp_segments_out_per_second', 98_765],
    ['tcp_retransmission_ratio', 432],
    ['tcp_connections_established', 42],
    ['tcp_connections_time_wait', 17],
    ['tcp_connections_syn_sent', 1],
    ['tcp_connections_syn_received', 2 + 1],
    ['tcp_connections_close_wait', 1 + 2],
    ['tcp_connections_closing', 1 + 3],
    ['context_switches_per_second', 123_456],
    ['processes_created_per_second', 7890],
    ['processes_running', 3],
    ['processes_blocked', 2],
    ['threads', 456],
    ['file_descriptors_used_ratio', 0.03125],
  ])('has %s = %p', async (feature, expected) => {
    const { next, skip } = fixture();
    expect((await next()).host.box[feature]).toBe(feature.match(/syn|close_wait|closing/) ? NaN : expected);
    expect((await skip(1)).host.box[feature]).toBe(expected);
  });

  test('has no column that this table leaves out, and no error is counted', async () => {
    const { skip, counts } = fixture();
    const row = (await skip(3)).host.box;
    expect(Object.keys(row)).toHaveLength(33);
    expect(Object.values(row).every(Number.isFinite)).toBe(true);
    expect(counts).toEqual({});
  });
});

test('only real interfaces and disks have rows, with the values of their own lines', async () => {
  const { next, source } = fixture();
  const tick = await next();
  expect(tick.interface).toEqual({
    'box/net/eth0': {
      network_receive_bytes_per_second: 1_000_000,
      network_transmit_bytes_per_second: 2_000_000,
      network_receive_packets_per_second: 8000,
      network_transmit_packets_per_second: 9000,
      network_errors_per_second: 4,
      network_drops_per_second: 7,
    },
    'box/net/eth1': {
      network_receive_bytes_per_second: 40_000_000_000,
      network_transmit_bytes_per_second: 50_000_000_000,
      network_receive_packets_per_second: 30_000_000,
      network_transmit_packets_per_second: 35_000_000,
      network_errors_per_second: 0,
      network_drops_per_second: 11,
    },
  });
  expect(tick.disk).toEqual({
    'box/disk/sda': {
      disk_read_bytes_per_second: 80_000 * 512,
      disk_write_bytes_per_second: 40_000 * 512,
      disk_operations_per_second: 1500,
      disk_latency_seconds: 10,
      disk_utilisation_ratio: 3.5,
    },
    'box/disk/nvme0n1': {
      disk_read_bytes_per_second: 4_000_000 * 512,
      disk_write_bytes_per_second: 6_000_000 * 512,
      disk_operations_per_second: 500_000,
      disk_latency_seconds: 80,
      disk_utilisation_ratio: 45,
    },
  });
  const labels = Object.fromEntries(source.entities.map((entity) => [entity.id, entity.labels]));
  expect(labels['box/net/eth1']).toEqual({ interface: 'eth1', speed_bits_per_second: '10000000000' });
  expect(labels['box/disk/sda']).toEqual({ device: 'sda' });
});

test('include replaces the choice of real devices and exclude takes away from it', async () => {
  const { next } = fixture({
    interfaces: { include: ['bond.*', 'eth1'], exclude: ['eth1'] },
    disks: { exclude: ['nvme.*'] },
  });
  const tick = await next();
  expect(Object.keys(tick.interface)).toEqual(['box/net/bond0']);
  expect(Object.keys(tick.disk)).toEqual(['box/disk/sda']);
  expect(tick.host.box.network_receive_bytes_per_second).toBe(40_001_000_000);
});

test('the network is that of process 1 when procfs is not /proc', async () => {
  const { next, write } = fixture();
  write('proc/1/net/dev', readFileSync(join(__dirname, 'fixtures/proc/net/dev'), 'utf8'));
  expect((await next()).host.box.network_receive_bytes_per_second).toBe(111);
});

test('without a physical interface, virtual ones that are up count', async () => {
  const { next, write, remove } = fixture();
  for (const name of ['eth0', 'eth1']) remove(`sys/class/net/${name}/device`);
  write('sys/class/net/eth1/operstate', 'down\n');
  expect(Object.keys((await next()).interface)).toEqual(['box/net/eth0', 'box/net/bond0']);
});

test('shares go on from positive differences when idle time goes back and processors are unplugged', async () => {
  const { next, write } = fixture();
  const before = (await next()).host.box;
  write(
    'proc/stat',
    'cpu  10100 500 3000 80000 1400 200 300 400 0 0\ncpu0 1 1\ncpu1 1 1\nctxt 5\nprocesses 6\nprocs_running 1\nprocs_blocked 0\n',
  );
  const after = (await next()).host.box;
  expect(after.cpu_usage_ratio - before.cpu_usage_ratio).toBeCloseTo(0.5);
  expect(after.cpu_iowait_ratio).toBe(before.cpu_iowait_ratio);
});

describe('a kernel file that fails', () => {
  test('disappears: its features are missing, it is counted once, and it comes back by itself', async () => {
    const { next, skip, remove, write, counts, messages } = fixture();
    await next();
    remove('proc/1/net/snmp');
    remove('proc/pressure/io');
    const without = await skip(40);
    expect(without.host.box.tcp_connections_established).toBe(NaN);
    expect(without.host.box.pressure_io_ratio).toBe(NaN);
    expect(without.host.box.tcp_connections_time_wait).toBe(17);
    expect(counts).toEqual({ 'source_errors_total{unreadable}': 2 });
    expect(messages.filter((message) => message.startsWith('warn'))).toHaveLength(2);

    write('proc/1/net/snmp', readFileSync(join(__dirname, 'fixtures/proc/1/net/snmp'), 'utf8'));
    expect((await skip(20)).host.box.tcp_connections_established).toBe(42);
    expect(counts).toEqual({ 'source_errors_total{unreadable}': 2 });
  });

  test('the list of interfaces disappears: no row repeats old values', async () => {
    const { next, skip, remove } = fixture();
    await next();
    remove('proc/1/net/dev');
    const tick = await skip(20);
    expect(tick.interface).toBeUndefined();
    expect(tick.host.box.network_receive_bytes_per_second).toBe(NaN);
  });

  test.each([
    ['proc/stat', 'cpu  ten 500 3000\n', ['cpu_usage_ratio', 'load1_per_cpu_ratio', 'context_switches_per_second']],
    ['proc/meminfo', 'MemTotal: lots kB\n', ['memory_used_ratio', 'swap_used_ratio']],
    ['proc/loadavg', '', ['load1_per_cpu_ratio', 'threads']],
    ['proc/pressure/cpu', 'some avg10=0.00 total=12a\n', ['pressure_cpu_ratio']],
    ['proc/sys/fs/file-nr', '\0\0\0\0', ['file_descriptors_used_ratio']],
    [
      'proc/1/net/snmp',
      'Tcp: CurrEstab OutSegs\nTcp: 1\n',
      ['tcp_segments_out_per_second', 'tcp_retransmission_ratio'],
    ],
    ['proc/1/net/sockstat', 'TCP: inuse 5\n', ['tcp_connections_time_wait']],
    ['proc/1/net/dev', 'a\nb\n  eth0: 1 2 x\n', ['network_transmit_bytes_per_second', 'network_errors_per_second']],
    ['proc/diskstats', '8 0 sda 1 2 3 4 - 6\n', ['disk_write_bytes_per_second', 'disk_latency_seconds']],
  ])('is garbage: %s counts once and leaves its features empty, the others go on', async (path, content, features) => {
    const { next, skip, write, counts } = fixture();
    await next();
    write(path, content);
    const row = (await skip(40)).host.box;
    for (const feature of features) expect([feature, row[feature]]).toEqual([feature, NaN]);
    expect(counts).toEqual({ 'source_errors_total{malformed}': 1 });
    expect(Object.values(row).filter(Number.isFinite).length).toBeGreaterThan(20);
  });

  test('was never there but is optional: it is mentioned and not counted', async () => {
    const { paths, remove, ...memory } = { ...fixtureTree(), ...rememberingObserver() };
    cleanups.push(memory.clean);
    for (const name of ['cpu', 'memory', 'io']) remove(`proc/pressure/${name}`);
    const run = tickByTick(linuxSource(options(), contextFor(paths, memory.observer), statfsWorker()));
    cleanups.push(run.stop);
    expect((await run.skip(20)).host.box.pressure_io_ratio).toBe(NaN);
    expect(memory.counts).toEqual({});
    expect(memory.messages.filter((message) => message.startsWith('info'))).toHaveLength(3);
  });

  test('is /proc/stat at the start: the source says so and how to go on', () => {
    const tree = fixtureTree();
    cleanups.push(tree.clean);
    tree.remove('proc/stat');
    expect(() => hostSource.create(options(), contextFor(tree.paths, rememberingObserver().observer))).toThrow(
      /cannot read .*\/proc\/stat: ENOENT.*--path\.procfs/,
    );
  });
});

test('an interface that vanishes leaves the batch at once, and returns with its old index without a jump in the sum', async () => {
  const { next, skip, write, source } = fixture();
  const full = readFileSync(join(__dirname, 'fixtures/proc/1/net/dev'), 'utf8');
  const before = (await next()).host.box.network_receive_bytes_per_second;
  const index = source.entities.findIndex(({ id }) => id === 'box/net/eth1');

  write('proc/1/net/dev', full.replace(/^ *eth1:.*\n/m, ''));
  const without = await next();
  expect(Object.keys(without.interface)).toEqual(['box/net/eth0']);
  expect(without.host.box.network_receive_bytes_per_second).toBe(before);

  await skip(20);
  write('proc/1/net/dev', full.replace('eth1:40000000000', 'eth1: 5000'));
  const back = await skip(20);
  expect(back.interface['box/net/eth1'].network_receive_bytes_per_second).toBe(5000);
  expect(back.host.box.network_receive_bytes_per_second).toBe(before);
  expect(source.entities.findIndex(({ id }) => id === 'box/net/eth1')).toBe(index);
  expect(source.entities.filter(({ kind }) => kind === 'interface')).toHaveLength(2);

  write('proc/1/net/dev', full.replace('eth1:40000000000', 'eth1: 7000'));
  expect((await next()).host.box.network_receive_bytes_per_second).toBe(before + 2000);
});

test('a disk that is plugged in later gets a row and adds only what it does from then on', async () => {
  const { next, skip, write, folder } = fixture();
  const before = (await next()).host.box.disk_read_bytes_per_second;
  write('sys/block/sdb/size', '1000000\n');
  const stats = readFileSync(`${folder}/proc/diskstats`, 'utf8');
  write('proc/diskstats', stats.replace('sdb 0 0 0 0', 'sdb 10 0 800 4'));
  const after = await skip(20);
  expect(after.disk['box/disk/sdb'].disk_read_bytes_per_second).toBe(800 * 512);
  expect(after.host.box.disk_read_bytes_per_second).toBe(before);
});

test('arrays are the same from tick to tick', async () => {
  const { source } = fixture();
  const stop = new AbortController();
  const seen: Float64Array[] = [];
  for await (const batch of source.batches(stop.signal, manualClock())) {
    if (batch.schema.name === 'disk' && seen.push(batch.values) === 5) stop.abort();
  }
  expect(new Set(seen).size).toBe(1);
});

test('the inventory comes from the host root, /proc and /sys', async () => {
  const { source } = fixture();
  expect(await source.inventory?.()).toEqual({
    hostname: 'box',
    operating_system: 'Debian GNU/Linux 12 (bookworm)',
    kernel: '6.1.0-28-amd64',
    architecture: process.arch,
    cpu_model: 'Intel(R) Xeon(R) E-2334 CPU @ 3.40GHz',
    cpus: 4,
    memory_bytes: 16_000_000 * 1024,
    swap_bytes: 4_000_000 * 1024,
    boot_time: '2026-01-01T00:00:00.000Z',
    vendor: 'Example Computers',
    product: 'Rack 1',
  });
});

const onLinux = process.platform === 'linux' ? test : test.skip;
onLinux('the real /proc of this machine gives finite values for what every Linux has', async () => {
  const { observer } = rememberingObserver();
  const paths = { procfs: '/proc', sysfs: '/sys', rootfs: '/' };
  const run = tickByTick(linuxSource(options(), contextFor(paths, observer), statfsWorker()));
  cleanups.push(run.stop);
  const row = (await run.skip(8)).host.box;
  const everywhere =
    /^(cpu_|load1|memory|tcp_segments|tcp_conn.*(establ|wait)|context|processes_created|processes_r|threads|file_desc)/;
  const missing = Object.entries(row).filter(([name, value]) => everywhere.test(name) && !Number.isFinite(value));
  expect(missing).toEqual([]);
  expect(row.memory_used_ratio).toBeGreaterThan(0);
  expect(row.memory_used_ratio).toBeLessThan(1);
});
