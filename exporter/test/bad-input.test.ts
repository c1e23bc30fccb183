/** What clients may throw at a running exporter: very many scrapes, bytes that are no HTTP, bodies nobody asked for. It goes on, and counts. */
import { Agent } from 'node:http';
import { connect } from 'node:net';
import { removeFolders } from '../src/store/testing/disk.ts';
import { fetchText, killExporters, startExporter, until, type Exporter, type Page } from './exporter-process.ts';
import { NODE_NAMES, syntheticMonitor } from './synthetic-monitor.ts';

jest.setTimeout(120_000);

let exporter: Exporter;
beforeAll(async () => {
  exporter = await startExporter({
    config: { metrics: { feature_entities: 0 }, monitors: [syntheticMonitor('net')] },
  });
});
afterAll(async () => {
  await killExporters();
  removeFolders();
});

const refused = (page: Page, reason: string) => page.sum('netpulse_web_requests_refused_total', { reason });
const openFiles = (page: Page) => page.value('process_open_fds')!;

async function samplesGoOn(): Promise<void> {
  const before = (await exporter.page()).sum('netpulse_samples_total');
  await until('samples go on', async () => (await exporter.page()).sum('netpulse_samples_total') > before);
}

/** Sends bytes as they are; resolves with the answer when the other side has closed. */
function sendRaw(bytes: string | Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(exporter.port, '127.0.0.1', () => socket.write(bytes));
    socket.setEncoding('latin1').on('data', (text: string) => (answer += text));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (!['ECONNRESET', 'EPIPE'].includes(error.code ?? '')) reject(error);
    });
    socket.on('close', () => resolve(answer));
  });
}

test('10,000 scrapes in a row are all answered, and neither descriptors nor memory grow with them.', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const scrape = async (times: number) => {
    for (let i = 0; i < times; i++) {
      const { status, body } = await fetchText(`${exporter.url}/metrics`, { agent });
      if (status !== 200 || !body.endsWith('\n')) throw new Error(`scrape ${i}: ${status} ${body.slice(0, 200)}`);
    }
    return exporter.page();
  };
  const warm = await scrape(3000);
  const after = await scrape(7000);
  agent.destroy();
  expect(openFiles(after)).toBeLessThanOrEqual(openFiles(warm) + 2);
  // a leak of one kilobyte a scrape would be 7 MB; the heap's own breathing is less than that after a warm-up
  const resident = (page: Page) => page.value('process_resident_memory_bytes')!;
  expect(resident(after) - resident(warm)).toBeLessThan(30e6);
  expect(after.families.length).toBe(warm.families.length);
  await samplesGoOn();
});

describe('Bytes that are no HTTP request', () => {
  test.each([
    ['text', 'hello, is this a port?\r\n\r\n', 'malformed'],
    ['a TLS handshake', Buffer.from('16030100a5010000a10303', 'hex'), 'malformed'],
    ['binary noise', Buffer.from(Array.from({ length: 4096 }, (_, i) => (i * 167 + 13) % 256)), 'malformed'],
    ['a request line without end', `GET /${'a'.repeat(40_000)}`, 'header_too_large'],
    ['headers of 100 kB', `GET /metrics HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(100_000)}\r\n\r\n`, 'header_too_large'],
    [
      'two lengths',
      'POST /-/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab',
      'malformed',
    ],
    ['another version', 'GET /metrics HTTP/9.9\r\nHost: x\r\n\r\n', 'malformed'],
  ])('(%s) are answered with an error of the 400s or cut off, and counted.', async (_, bytes, reason) => {
    const before = refused(await exporter.page(), reason);
    const answer = await sendRaw(bytes);
    expect(answer === '' || /^HTTP\/1\.1 4\d\d /.test(answer)).toBe(true);
    await until('it is counted', async () => refused(await exporter.page(), reason) === before + 1);
  });
});

test('A body that is too large is refused, announced or not, and counted.', async () => {
  const before = refused(await exporter.page(), 'body_too_large');
  const body = Buffer.alloc(1_000_000, 'x');
  const announced = await exporter.get('/metrics', { method: 'POST', body }).catch((error: Error) => error);
  if (!(announced instanceof Error)) expect(announced.status).toBe(413);
  const chunk = `${(100_000).toString(16)}\r\n${'x'.repeat(100_000)}\r\n`;
  const chunked = await sendRaw(
    `PUT /-/reload HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}${chunk}0\r\n\r\n`,
  );
  expect(chunked === '' || chunked.startsWith('HTTP/1.1 413 ')).toBe(true);
  expect(refused(await exporter.page(), 'body_too_large')).toBe(before + 2);
  expect(exporter.lines.some((line) => line.includes('configuration reloaded'))).toBe(false);
});

test.each([
  ['GET', '/nothing/here', 404],
  ['DELETE', '/metrics', 405],
  ['GET', '/-/reload', 405],
  ['GET', '/api/incidents?state=sleeping', 400],
  ['GET', '/api/incidents?limit=1e9', 400],
  ['GET', '/api/incidents/not-an-id', 404],
  ['GET', '/%', 404],
])('%s %s is answered with %d and a sentence, no stack.', async (method, path, status) => {
  const answer = await exporter.get(path, { method });
  expect(answer.status).toBe(status);
  expect(answer.body).not.toMatch(/\n\s+at |node_modules|\.ts:\d/);
  expect(answer.body.length).toBeGreaterThan(10);
});

test('Two hundred clients that connect and say nothing do not keep a scraper out, and leave nothing behind.', async () => {
  const before = openFiles(await exporter.page());
  const silent = await Promise.all(
    Array.from(
      { length: 200 },
      () =>
        new Promise<ReturnType<typeof connect>>((resolve, reject) => {
          const socket = connect(exporter.port, '127.0.0.1', () => resolve(socket)).once('error', reject);
        }),
    ),
  );
  const page = await exporter.page();
  expect(openFiles(page)).toBeGreaterThanOrEqual(before + 200);
  for (const socket of silent) socket.destroy();
  await until('their descriptors are closed', async () => openFiles(await exporter.page()) <= before + 2);
});

test('After all that it is healthy, has logged no error and still scores every node.', async () => {
  await samplesGoOn();
  expect((await exporter.get('/-/healthy')).status).toBe(200);
  await until(
    'every node has a score',
    async () => (await exporter.page()).labels('netpulse_anomaly_score', 'entity').length === NODE_NAMES.length,
  );
  expect(exporter.lines.filter((line) => line.includes('level=error'))).toEqual([]);
  expect((await exporter.stop()).code).toBe(0);
});
