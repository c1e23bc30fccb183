import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../clock.ts';
import { connectionProber } from './connection-prober.ts';
import type { Attempt } from './connection-prober.ts';
import { httpAttempt } from './http.ts';
import { nameCache } from './names.ts';
import { probeOptions } from './options.ts';
import { tally } from './tally.ts';
import { tcpAttempt } from './tcp.ts';
import { until } from './testing.ts';

const clock = systemClock();
const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** Listens on 127.0.0.1 and remembers its sockets. */
async function listen(server: Server): Promise<{ port: number; sockets: Set<Socket> }> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { port: (server.address() as AddressInfo).port, sockets };
}

async function closedPort(): Promise<number> {
  const server = createServer();
  const { port } = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function prober(target: unknown, { timeoutMs = 5000, window = 10 } = {}) {
  const [parsed] = probeOptions.parse({ targets: [target] }).targets;
  const reasons: string[] = [];
  const results = tally(window, (reason) => reasons.push(reason));
  const names = nameCache(clock);
  if (parsed.type === 'icmp') throw new Error('icmp opens no connection');
  const attempt = parsed.type === 'tcp' ? tcpAttempt(parsed, names) : httpAttempt(parsed, names);
  const probing = connectionProber(attempt, results, timeoutMs, clock);
  closing.push(() => void probing.stop());
  const row = new Float64Array(3);
  const known = () => !Number.isNaN(results.loss());
  const sample = () => {
    results.sample(row, 0);
    return { latency: row[0], loss: row[2] };
  };
  return { probing, reasons, known, sample };
}

async function once(target: unknown) {
  const { probing, reasons, known, sample } = prober(target);
  probing.probe();
  await until('the probe is settled', known);
  return { ...sample(), reasons };
}

describe('a TCP probe', () => {
  test('of a server that listens has a latency and closes its connection', async () => {
    const { port, sockets } = await listen(createServer());
    const { latency, loss, reasons } = await once(`tcp://127.0.0.1:${port}`);
    expect(latency).toBeGreaterThan(0);
    expect({ loss, reasons }).toEqual({ loss: 0, reasons: [] });
    await until('the connection is closed', () => sockets.size === 0);
  });

  test('of a name connects to whichever of its addresses answers', async () => {
    const { port } = await listen(createServer());
    expect(await once(`tcp://localhost:${port}`)).toMatchObject({ loss: 0 });
  });

  test('of a closed port is lost as refused', async () => {
    expect(await once(`tcp://127.0.0.1:${await closedPort()}`)).toEqual({
      latency: NaN,
      loss: 1,
      reasons: ['refused'],
    });
  });

  test('of a name that does not exist is lost as unknown', async () => {
    expect(await once('tcp://nosuch.invalid:80')).toEqual({ latency: NaN, loss: 1, reasons: ['unknown_host'] });
  });
});

describe('an HTTP probe', () => {
  const answering = (status: number, body = 'ok') =>
    listen(createHttpServer((_, response) => response.writeHead(status, { location: '/elsewhere' }).end(body)));

  test.each([
    [200, undefined, []],
    [302, undefined, []],
    [404, undefined, ['http_status']],
    [500, undefined, ['http_status']],
    [401, [401, 403], []],
    [200, [204], ['http_status']],
  ])('that is answered with %i while %j is expected fails with %j', async (status, expect_status, reasons) => {
    const { port } = await answering(status);
    const outcome = await once({ type: 'http', address: `http://127.0.0.1:${port}/health`, expect_status });
    expect(outcome.reasons).toEqual(reasons);
    expect(outcome.loss).toBe(reasons.length);
    expect(Number.isNaN(outcome.latency)).toBe(reasons.length > 0);
  });

  test('asks for the path with its query, by the given method, over a new connection each time', async () => {
    const asked: string[] = [];
    const server = createHttpServer((request, response) => {
      asked.push(
        `${request.method} ${request.url} ${request.headers.connection} ${String(request.socket.bytesRead > 0)}`,
      );
      response.end();
    });
    let connections = 0;
    server.on('connection', () => connections++);
    const { port, sockets } = await listen(server);
    const { probing, sample } = prober({ type: 'http', address: `http://127.0.0.1:${port}/a?b=c`, method: 'HEAD' });
    for (let i = 0; i < 2; i++) {
      probing.probe();
      await until('the probe is answered', () => sample().latency > 0);
    }
    expect(asked).toEqual(['HEAD /a?b=c close true', 'HEAD /a?b=c close true']);
    expect(connections).toBe(2);
    await until('the connections are closed', () => sockets.size === 0);
  });

  test('of a slow server is open until the headers come', async () => {
    const held: (() => void)[] = [];
    const { port } = await listen(createHttpServer((_, response) => void held.push(() => response.end())));
    const { probing, known, sample } = prober(`http://127.0.0.1:${port}`);
    probing.probe();
    await until('the request is there', () => held.length === 1);
    expect(known()).toBe(false);
    held[0]();
    await until('the probe is settled', known);
    expect(sample()).toEqual({ latency: expect.any(Number), loss: 0 });
  });

  test('does not wait for the body, and hangs up on one without end', async () => {
    const chunk = Buffer.alloc(16_384);
    const { port, sockets } = await listen(
      createHttpServer((_, response) => {
        const feed = setInterval(() => response.write(chunk), 1);
        response.on('close', () => clearInterval(feed));
      }),
    );
    expect(await once(`http://127.0.0.1:${port}`)).toMatchObject({ loss: 0, reasons: [] });
    await until('the connection is closed', () => sockets.size === 0);
  });

  test.each<[string, (socket: Socket) => void, string]>([
    ['garbage', (socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n'), 'protocol'],
    ['nothing but an end', (socket) => socket.end(), 'reset'],
    ['a reset', (socket) => socket.resetAndDestroy(), 'reset'],
    [
      'an upgrade',
      (socket) => socket.write('HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'),
      'protocol',
    ],
    [
      'headers without end',
      (socket) => {
        socket.write('HTTP/1.1 200 OK\r\n');
        for (let i = 0; i < 100; i++) socket.write(`x-${i}: ${'y'.repeat(1000)}\r\n`);
      },
      'protocol',
    ],
  ])('that is answered with %s is lost', async (_, answer, reason) => {
    const { port } = await listen(createServer((socket) => void socket.once('data', () => answer(socket))));
    expect(await once(`http://127.0.0.1:${port}`)).toEqual({ latency: NaN, loss: 1, reasons: [reason] });
  });

  test('with TLS of a server without TLS is lost as tls', async () => {
    const { port } = await answering(200);
    expect(await once(`https://127.0.0.1:${port}`)).toMatchObject({ loss: 1, reasons: ['tls'] });
  });

  const openssl = spawnSync('openssl', ['version']).status === 0;
  (openssl ? test : test.skip)(
    'refuses a certificate that nobody vouches for, unless it is told not to look (needs openssl)',
    async () => {
      const folder = mkdtempSync(join(tmpdir(), 'netpulse-tls-'));
      closing.push(() => rmSync(folder, { recursive: true }));
      const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
      const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=127.0.0.1'];
      execFileSync('openssl', [...request, '-keyout', key, '-out', cert], { stdio: 'ignore' });
      const server = createHttpsServer({ key: readFileSync(key), cert: readFileSync(cert) }, (_, response) =>
        response.end(),
      );
      const { port } = await listen(server);
      const address = `https://127.0.0.1:${port}`;
      expect(await once(address)).toMatchObject({ loss: 1, reasons: ['tls'] });
      expect(await once({ type: 'http', address, tls_skip_verify: true })).toMatchObject({ loss: 0, reasons: [] });
    },
  );

  test('that is never answered is lost as timeout, one at a time, and each hangs up', async () => {
    let requests = 0;
    let most = 0;
    const server = createHttpServer(() => requests++);
    const { port, sockets } = await listen(server);
    const { probing, reasons, sample } = prober(`http://127.0.0.1:${port}`, { timeoutMs: 60, window: 4 });
    await until(
      'a whole window is lost',
      () => sample().loss === 1 && reasons.length >= 4,
      () => {
        most = Math.max(most, sockets.size);
        probing.probe();
      },
    );
    expect(new Set(reasons)).toEqual(new Set(['timeout']));
    expect(requests).toBeGreaterThanOrEqual(4);
    // the one before may still be closing
    expect(most).toBeLessThanOrEqual(2);
    await probing.stop();
    await until('the last connection is closed', () => sockets.size === 0);
  });
});

describe('a connection prober', () => {
  /** An attempt that settles when told; `at` moves the clock. */
  function manual(timeoutMs: number) {
    let now = 0;
    const reasons: string[] = [];
    const results = tally(10, (reason) => reasons.push(reason));
    const attempts: { resolved(): void; settle: Parameters<Attempt>[0]['settle']; closed: boolean }[] = [];
    const probing = connectionProber(
      (events) => {
        const one = { ...events, closed: false };
        attempts.push(one);
        return () => {
          one.closed = true;
        };
      },
      results,
      timeoutMs,
      { ...clock, monotonic: () => now },
    );
    const row = new Float64Array(3);
    return {
      probing,
      attempts,
      reasons,
      at(ms: number) {
        now = ms;
      },
      sample() {
        results.sample(row, 0);
        return { latency: row[0], loss: row[2] };
      },
    };
  }

  test('takes the time from the moment the address is known', () => {
    const { probing, attempts, at, sample } = manual(900);
    probing.probe();
    at(300);
    attempts[0].resolved();
    at(310);
    attempts[0].settle();
    expect(sample()).toEqual({ latency: 0.01, loss: 0 });
  });

  test('counts an answer after the timeout as lost, even when no other probe was due meanwhile', () => {
    const { probing, attempts, reasons, at, sample } = manual(900);
    probing.probe();
    at(901);
    attempts[0].settle();
    expect(sample()).toEqual({ latency: NaN, loss: 1 });
    expect(reasons).toEqual(['timeout']);
  });

  test('has one attempt in flight, and a timeout of three intervals stands for three probes', () => {
    const { probing, attempts, reasons, at, sample } = manual(2500);
    probing.probe();
    attempts[0].settle();
    for (const ms of [1000, 2000, 3000]) {
      at(ms);
      probing.probe();
    }
    expect(attempts).toHaveLength(2);
    at(4000);
    probing.probe();
    expect(attempts.map(({ closed }) => closed)).toEqual([true, true, false]);
    expect(sample().loss).toBe(3 / 4);
    expect(reasons).toEqual(['timeout']);
  });

  test('does not listen to an attempt that was given up, or to one that speaks twice', () => {
    const { probing, attempts, reasons, at, sample } = manual(900);
    probing.probe();
    at(1000);
    probing.probe();
    attempts[0].settle('refused');
    attempts[1].settle();
    attempts[1].settle('protocol');
    expect(reasons).toEqual(['timeout']);
    expect(sample().loss).toBe(1 / 2);
  });

  test('an error of this machine is counted and says nothing about the target', () => {
    const { probing, attempts, reasons, sample } = manual(900);
    probing.probe();
    attempts[0].settle('local_error');
    expect(reasons).toEqual(['local_error']);
    expect(sample().loss).toBeNaN();
  });

  test('closes its attempt when it is stopped and starts no other', async () => {
    const { probing, attempts, reasons } = manual(900);
    probing.probe();
    await probing.stop();
    probing.probe();
    attempts[0].settle('reset');
    expect(attempts.map(({ closed }) => closed)).toEqual([true]);
    expect(reasons).toEqual([]);
  });
});
