import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { endianness, tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../clock.ts';
import type { Batch, Source } from '../../flow.ts';
import { probeOptions } from './options.ts';
import { createProbe, probeSource } from './probe.ts';
import { childrenOf, fakePing, pingWorks, recordingObserver } from './testing.ts';

const FEATURES = ['probe_latency_seconds', 'probe_jitter_seconds', 'probe_loss_ratio'];
const HEADER = 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n';

let folder: string;
let server: Server;
let port: number;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'netpulse-probe-'));
  server = createServer((socket) => socket.on('error', () => {}).end());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});
afterEach(() => {
  server.close();
  rmSync(folder, { recursive: true });
});

function create(options: unknown, { ping, intervalMs = 50 }: { ping?: string; intervalMs?: number } = {}) {
  const observer = recordingObserver();
  const context = {
    monitor: 'probe',
    intervalMs,
    hostname: 'here',
    observer,
    paths: { procfs: folder, sysfs: '/sys', rootfs: '/' },
  };
  return { source: createProbe(probeOptions.parse(options), context, ping), observer };
}

/** Writes the routing table of `procfs`: one default gateway, little-endian. */
function writeGateway(hex: string) {
  mkdirSync(join(folder, '1/net'), { recursive: true });
  writeFileSync(join(folder, '1/net/route'), `${HEADER}eth0\t00000000\t${hex}\t0003\t0\t0\t0\t00000000\t0\t0\t0\n`);
}

/** Runs the source until `enough` says so; gives the batches to it one by one. */
async function run(source: Source, enough: (batch: Batch, seen: number) => boolean): Promise<void> {
  const stop = new AbortController();
  const deadline = setTimeout(() => stop.abort(), 20_000);
  let done = false;
  let seen = 0;
  try {
    for await (const batch of source.batches(stop.signal, systemClock())) {
      if (!done && enough(batch, ++seen)) {
        done = true;
        stop.abort();
      }
    }
  } finally {
    clearTimeout(deadline);
  }
  if (!done) throw new Error('the source ended before there was enough');
}

const loss = (batch: Batch, row: number) => batch.values[row * FEATURES.length + 2];
const latency = (batch: Batch, row: number) => batch.values[row * FEATURES.length];

describe('the probe source', () => {
  test('has one schema of three features for its targets', () => {
    const { source } = create({ targets: ['tcp://127.0.0.1:1'] });
    expect(probeSource.name).toBe('probe');
    expect(source.schemas).toHaveLength(1);
    expect(source.schemas[0].name).toBe('target');
    expect(source.schemas[0].features.map(({ name }) => name)).toEqual(FEATURES);
    expect(source.entities).toEqual([
      {
        id: 'tcp://127.0.0.1:1',
        kind: 'target',
        host: 'here',
        labels: { target: 'tcp://127.0.0.1:1', type: 'tcp', address: '127.0.0.1:1' },
      },
    ]);
  });

  test('samples every target at each tick, and a dead one reaches loss 1 while its neighbour keeps its latency', async () => {
    const closed = createServer();
    await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
    const dead = (closed.address() as AddressInfo).port;
    await new Promise((resolve) => closed.close(resolve));
    const { source, observer } = create({
      targets: [
        { name: 'alive', type: 'tcp', address: `127.0.0.1:${port}`, timeout: '10s' },
        { name: 'dead', type: 'tcp', address: `127.0.0.1:${dead}` },
      ],
      window: 5,
    });
    const latencies: number[] = [];
    const before = Date.now();
    await run(source, (batch, seen) => {
      expect(batch.schema).toBe(source.schemas[0]);
      [...batch.entity].forEach((entity, row) => {
        if (entity === 0) latencies.push(latency(batch, row));
        else expect(latency(batch, row)).toBeNaN();
        expect(loss(batch, row)).toBe(entity);
        expect(Math.abs(batch.time[row] - before)).toBeLessThan(60_000);
      });
      return seen >= 8 && batch.entity.length === 2;
    });
    expect(latencies.filter((value) => value > 0).length).toBeGreaterThan(0);
    expect(observer.errors('refused')).toBeGreaterThan(0);
    expect(observer.lines).toEqual([]);
    expect(source.topology!()).toEqual({
      nodes: [
        { id: 'here', kind: 'server', title: 'here', labels: {} },
        { id: 'alive', kind: 'server', title: 'alive', labels: source.entities[0].labels },
        { id: 'dead', kind: 'server', title: 'dead', labels: source.entities[1].labels },
      ],
      edges: [
        { source: 'here', target: 'alive', up: true, bytesPerSecond: null },
        { source: 'here', target: 'dead', up: false, bytesPerSecond: null },
      ],
    });
  });

  test('a target that never answers delays neither ticks nor other targets, and is lost', async () => {
    const silent = createServer((socket) => socket.on('error', () => {}));
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const address = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const { source, observer } = create({ targets: [address, `tcp://127.0.0.1:${port}`], window: 3 });
    let answered = 0;
    await run(source, (batch) => {
      const row = batch.entity.indexOf(1);
      if (row >= 0 && latency(batch, row) > 0) answered++;
      const lost = batch.entity.indexOf(0);
      return answered >= 4 && lost >= 0 && loss(batch, lost) === 1 && observer.errors('timeout') >= 3;
    });
    silent.close();
  });

  test('uses the arrays of a batch again', async () => {
    const { source } = create({ targets: [`tcp://127.0.0.1:${port}`] });
    const seen = new Set<Float64Array>();
    await run(source, (batch, count) => {
      seen.add(batch.values);
      return count === 5;
    });
    expect(seen.size).toBe(1);
  });

  test('two hundred targets are probed, each in its turn', async () => {
    const targets = Array.from({ length: 200 }, (_, i) => ({
      name: `t${i}`,
      type: 'tcp',
      address: `127.0.0.1:${port}`,
    }));
    const { source } = create({ targets, window: 5 }, { intervalMs: 400 });
    const answered = new Set<number>();
    await run(source, (batch) => {
      batch.entity.forEach((entity, row) => {
        if (latency(batch, row) > 0) answered.add(entity);
      });
      return answered.size === 200;
    });
  });

  test('can be run again after it ended, and its entities stay', async () => {
    const { source } = create({ targets: [`tcp://127.0.0.1:${port}`] });
    const entities = [...source.entities];
    await run(source, () => true);
    await run(source, () => true);
    expect(source.entities).toEqual(entities);
  });

  test('ends at once when it is stopped before it starts', async () => {
    const { source } = create({ targets: ['icmp://127.0.0.1'] });
    for await (const _ of source.batches(AbortSignal.abort(), systemClock())) throw new Error('there was a batch');
    expect(childrenOf(process.pid)).toEqual([]);
  });

  test('leaves no child process behind, whether it is stopped or its consumer walks away', async () => {
    const ping = fakePing(folder, `echo '64 bytes from 127.0.0.1: icmp_seq=1 ttl=64 time=0.3 ms'; exec sleep 60`);
    const { source } = create({ targets: ['icmp://127.0.0.1', 'icmp://127.0.0.2'] }, { ping });
    await run(source, (batch) => batch.entity.length === 2);
    expect(childrenOf(process.pid)).toEqual([]);
    for await (const batch of source.batches(new AbortController().signal, systemClock()))
      if (batch.entity.length === 2) break;
    expect(childrenOf(process.pid)).toEqual([]);
  });

  test('kills its children on abort even while nobody asks for the next batch', async () => {
    const ping = fakePing(folder, `echo '64 bytes from 127.0.0.1: icmp_seq=1 ttl=64 time=0.3 ms'; exec sleep 60`);
    const { source } = create({ targets: ['icmp://127.0.0.1'] }, { ping });
    const stop = new AbortController();
    const batches = source.batches(stop.signal, systemClock())[Symbol.asyncIterator]();
    await batches.next();
    expect(childrenOf(process.pid)).toHaveLength(1);
    stop.abort();
    while (childrenOf(process.pid).length > 0) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(await batches.next()).toMatchObject({ done: true });
  });

  test('throws with a way out when it needs ping for every target and there is none', async () => {
    const { source, observer } = create(
      { targets: ['icmp://127.0.0.1', 'icmp://127.0.0.2'] },
      { ping: join(folder, 'no-ping') },
    );
    await expect(run(source, () => false)).rejects.toThrow('ping is not installed: install it');
    expect(observer.errors('ping_not_installed')).toBeGreaterThanOrEqual(2);
    expect(observer.lines).toEqual([]);
  });

  test('says once that ping is missing, and goes on with the targets that need none', async () => {
    const { source, observer } = create(
      { targets: ['icmp://127.0.0.1', 'icmp://127.0.0.2', `tcp://127.0.0.1:${port}`] },
      { ping: join(folder, 'no-ping') },
    );
    await run(source, (batch) => {
      expect([...batch.entity]).toEqual([2]);
      return observer.errors('ping_not_installed') >= 4 && latency(batch, 0) > 0;
    });
    expect(observer.lines).toEqual([expect.stringMatching(/^warn: ping is not installed/)]);
    expect(source.topology!().edges.map(({ up }) => up)).toEqual([null, null, true]);
  });
});

// the routing table below is written for this byte order
(endianness() === 'LE' ? describe : describe.skip)('a probe without targets', () => {
  test('is off without a default gateway: it says so once, and ends without a batch', async () => {
    const { source, observer } = create({});
    for (let i = 0; i < 2; i++)
      for await (const _ of source.batches(new AbortController().signal, systemClock()))
        throw new Error('there was a batch');
    expect(source.entities).toEqual([]);
    expect(source.topology!()).toMatchObject({ edges: [] });
    expect(observer.lines).toEqual(['info: no default gateway: probe is off; set monitors[].options.targets']);
  });

  test('finds a gateway that came later when it is run again', async () => {
    const ping = fakePing(folder, `echo '64 bytes from gw: icmp_seq=1 ttl=64 time=0.3 ms'; exec sleep 60`);
    const { source } = create({}, { ping });
    for await (const _ of source.batches(new AbortController().signal, systemClock()))
      throw new Error('there was a batch');
    writeGateway('010200C0');
    await run(source, (batch) => latency(batch, 0) > 0);
    expect(source.entities.map(({ id, labels }) => [id, labels.address])).toEqual([['gateway', '192.0.2.1']]);
  });

  test('watches the default gateway by ICMP and follows it to another address', async () => {
    writeGateway('010200C0');
    const args = join(folder, 'args');
    const ping = fakePing(
      folder,
      `printf '%s\\n' "$*" >> ${args}; echo '64 bytes from gw: icmp_seq=1 ttl=64 time=0.3 ms'`,
    );
    const { source, observer } = create({}, { ping });
    const [entity] = source.entities;
    expect(entity).toEqual({
      id: 'gateway',
      kind: 'target',
      host: 'here',
      labels: { target: 'gateway', type: 'icmp', address: '192.0.2.1' },
    });
    expect(source.topology!().nodes[1]).toMatchObject({ id: 'gateway', kind: 'router' });
    let moved = false;
    await run(source, () => {
      if (!moved) writeGateway('0101A8C0');
      moved = true;
      return source.entities[0].labels.address === '192.168.1.1';
    });
    expect(observer.lines).toContain('info: the default gateway changed');
    expect(source.entities).toHaveLength(1);
  });

  (pingWorks() ? test : test.skip)('measures a gateway with the ping of this machine (needs ping)', async () => {
    writeGateway('0100007F');
    const { source } = create({});
    await run(source, (batch) => latency(batch, 0) > 0 && loss(batch, 0) === 0 && batch.values[1] >= 0);
  });
});
