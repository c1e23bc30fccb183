import { Agent } from 'node:http';
import { connect } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { fixedData, fixedService } from './testing/fixed-service.ts';
import { request, sendBytes, startServer, stopAll } from './testing/running-server.ts';

afterEach(stopAll);

const get = (path: string, headers = '') => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`;

// ten thousand scrapes take their time on a busy machine
jest.setTimeout(120_000);

describe('bad input', () => {
  test.each([
    ['random bytes', Buffer.from([0, 255, 1, 254, 13, 10, 13, 10])],
    ['a TLS handshake', Buffer.from('16030100a5010000a10303', 'hex')],
    ['a wrong method', 'FROB / HTTP/1.1\r\n\r\n'],
    ['a wrong version', 'GET / HTTP/9.9\r\n\r\n'],
    ['no host', 'GET / HTTP/1.1\r\n\r\n'],
    ['a header without colon', 'GET / HTTP/1.1\r\nHost localhost\r\n\r\n'],
    ['two lengths', get('/', 'Content-Length: 1\r\nContent-Length: 2\r\n')],
    ['length and chunks', get('/', 'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n')],
    ['chunks of no length', `${get('/', 'Transfer-Encoding: chunked\r\n')}zz\r\n`],
  ])('%s answer 400, and the next request is served', async (_, bytes) => {
    const { port, url } = await startServer();
    expect(await sendBytes(port, bytes)).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect((await fetch(`${url}/-/healthy`)).status).toBe(200);
  });

  test('what is no HTTP is counted', async () => {
    const { port, refused } = await startServer();
    await sendBytes(port, '\0\0\0\0');
    expect(refused).toEqual({ malformed: 1 });
  });

  test('headers beyond 16 kB answer 431', async () => {
    const { port, refused } = await startServer();
    expect(await sendBytes(port, get('/', `X: ${'a'.repeat(20_000)}\r\n`))).toMatch(/^HTTP\/1\.1 431 /);
    expect(refused).toEqual({ header_too_large: 1 });
  });

  test.each([
    ['announced', { 'Content-Length': String(65 * 1024) }],
    ['in chunks', { 'Transfer-Encoding': 'chunked' }],
  ])('a body beyond 64 kB, %s, answers 413', async (_, headers) => {
    const { url, refused, service } = await startServer();
    const body = 'Content-Length' in headers ? 'x'.repeat(65 * 1024) : new Blob(['x'.repeat(200_000)]).stream();
    const answer = await fetch(`${url}/-/reload`, { method: 'POST', body, duplex: 'half' } as RequestInit);
    expect(answer.status).toBe(413);
    expect(refused).toEqual({ body_too_large: 1 });
    expect(service.reloads).toBe(0);
  });

  test('a body of 64 kB is read and ignored', async () => {
    const { url, service } = await startServer();
    const answer = await fetch(`${url}/-/reload`, { method: 'POST', body: 'x'.repeat(64 * 1024) });
    expect(answer.status).toBe(200);
    expect(service.reloads).toBe(1);
  });

  test('a client that goes on sending after 413 is cut off', async () => {
    const { port } = await startServer();
    const socket = connect(port, '127.0.0.1');
    const sending = setInterval(() => socket.write(`400\r\n${'x'.repeat(1024)}\r\n`), 1);
    const answer = await sendBytes(port, `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n`, socket);
    clearInterval(sending);
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  });

  test('a client that never ends its head or its body is answered 408 and closed', async () => {
    const limits = { headersTimeoutMs: 150, requestTimeoutMs: 300, checkEveryMs: 50 };
    const { port, refused } = await startServer({ limits });
    const answers = await Promise.all([
      sendBytes(port, 'GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow'),
      sendBytes(port, get('/', 'Content-Length: 10\r\n')),
    ]);
    for (const answer of answers) expect(answer).toMatch(/^HTTP\/1\.1 408 /);
    expect(refused).toEqual({ timeout: 2 });
  });

  test('connections beyond the limit are closed at once and counted', async () => {
    const { port, refused } = await startServer({ limits: { connections: 2 } });
    const open = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')];
    await Promise.all(open.map((socket) => new Promise((resolve) => socket.once('connect', resolve))));
    expect(await sendBytes(port, get('/'))).toBe('');
    expect(refused).toEqual({ too_many_connections: 1 });
    for (const socket of open) socket.destroy();
  });
});

describe('scrapes', () => {
  test('more than the limit at the same time answer 503, and later ones are served', async () => {
    const service = fixedService(fixedData());
    const waiting: (() => void)[] = [];
    const page = await service.metrics(undefined);
    service.metrics = () => new Promise((resolve) => waiting.push(() => resolve(page)));
    const { port, refused } = await startServer({ service, options: { max_requests: 2 } });
    const first = [request(port, { path: '/metrics' }), request(port, { path: '/metrics' })];
    while (waiting.length < 2) await new Promise((resolve) => setImmediate(resolve));
    const third = await request(port, { path: '/metrics' });
    expect([third.status, third.headers['retry-after']]).toEqual([503, '1']);
    expect(refused).toEqual({ too_many_scrapes: 1 });
    expect((await request(port, { path: '/-/healthy' })).status).toBe(200);
    for (const release of waiting.splice(0)) release();
    expect((await Promise.all(first)).map(({ status }) => status)).toEqual([200, 200]);
    const later = request(port, { path: '/metrics' });
    while (waiting.length < 1) await new Promise((resolve) => setImmediate(resolve));
    waiting[0]();
    expect((await later).status).toBe(200);
  });

  test('a scraper that goes away gives its place back', async () => {
    const service = fixedService(fixedData());
    let asked = 0;
    service.metrics = () => new Promise(() => asked++);
    const { port, url } = await startServer({ service, options: { max_requests: 1 } });
    const socket = connect(port, '127.0.0.1');
    socket.write(get('/metrics'));
    while (asked < 1) await new Promise((resolve) => setImmediate(resolve));
    socket.destroy();
    const again = new AbortController();
    while (asked < 2) {
      void fetch(`${url}/metrics`, { signal: again.signal }).catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    again.abort();
  });

  test('ten thousand in a row leave neither handles nor memory behind', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const { port, data } = await startServer();
    data.metrics = 'netpulse_anomaly_score{monitor="host",entity="web-01"} 0.31\n'.repeat(50);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const scrape = async (times: number) => {
      for (let i = 0; i < times; i++)
        expect((await request(port, { path: '/metrics', agent })).body).toHaveLength(data.metrics.length);
      collect();
      return { heap: process.memoryUsage().heapUsed, handles: process.getActiveResourcesInfo().length };
    };
    const before = await scrape(1000);
    const after = await scrape(9000);
    agent.destroy();
    // timers come and go; a handle kept per scrape would be thousands
    expect(after.handles - before.handles).toBeLessThan(10);
    expect(after.heap - before.heap).toBeLessThan(4e6);
  });
});

describe('stop', () => {
  test('closes idle, silent and half-open connections, and lets an answer finish', async () => {
    const service = fixedService(fixedData());
    const page = await service.metrics(undefined);
    const waiting: (() => void)[] = [];
    service.metrics = () => new Promise((resolve) => waiting.push(() => resolve(page)));
    const { port, server } = await startServer({ service });
    const agent = new Agent({ keepAlive: true });
    await request(port, { path: '/-/healthy', agent });
    const silent = sendBytes(port, '');
    const halfSent = sendBytes(port, 'GET / HTTP/1.1\r\n');
    const answered = request(port, { path: '/metrics' });
    while (waiting.length < 1) await new Promise((resolve) => setImmediate(resolve));
    const stopped = server.stop();
    waiting[0]();
    expect((await answered).body).toBe(page.body);
    await stopped;
    await Promise.all([silent, halfSent]);
    await expect(request(port, { path: '/-/healthy' })).rejects.toThrow('ECONNREFUSED');
    agent.destroy();
  });

  test('does not wait for an answer that never comes', async () => {
    const service = fixedService(fixedData());
    let asked = 0;
    service.metrics = () => new Promise(() => asked++);
    const { port, server } = await startServer({ service });
    const answer = request(port, { path: '/metrics' }).catch((error: Error) => error.message);
    while (asked < 1) await new Promise((resolve) => setImmediate(resolve));
    await server.stop();
    expect(await answer).toBe('socket hang up');
  });
});
