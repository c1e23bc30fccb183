import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { systemClock } from '../../clock.ts';
import { webOptions } from './options.ts';
import { createWebServer } from './server.ts';
import { fixedData, fixedService } from './testing/fixed-service.ts';
import { recordingObserver, request, startServer, stopAll } from './testing/running-server.ts';

afterEach(stopAll);

describe('routes', () => {
  test.each([
    ['/', 200, 'text/html; charset=utf-8', '<title>High severity · NetPulse on web-01</title>'],
    ['/metrics', 200, 'text/plain; version=0.0.4; charset=utf-8', 'netpulse_build_info{version="0.1.0"} 1'],
    ['/-/healthy', 200, 'text/plain; charset=utf-8', 'NetPulse is healthy.'],
    ['/-/ready', 200, 'text/plain; charset=utf-8', 'NetPulse is ready.'],
    ['/docs', 200, 'text/html; charset=utf-8', 'API of NetPulse 0.1.0'],
    ['/api/openapi.json', 200, 'application/json; charset=utf-8', '"openapi":"3.1.0"'],
    ['/api/status', 200, 'application/json; charset=utf-8', '"apiVersion":1'],
    ['/api/incidents', 200, 'application/json; charset=utf-8', '"total":3'],
    ['/api/incidents?state=open&limit=1', 200, 'application/json; charset=utf-8', '"total":2'],
    ['/api/anomalies?state=closed', 200, 'application/json; charset=utf-8', '"total":1'],
    ['/api/incidents/inc-0007', 200, 'application/json; charset=utf-8', '"frames":[{'],
    ['/api/incidents/export', 200, 'text/csv; charset=utf-8; header=present', 'id,state,host,'],
    ['/api/incidents/export?format=json', 200, 'application/json; charset=utf-8', '"total":3'],
    ['/api/models', 200, 'application/json; charset=utf-8', '"detector":"isolation-forest"'],
    ['/api/evaluation', 200, 'application/json; charset=utf-8', '"name":"web"'],
    ['/api/model/info', 200, 'application/json; charset=utf-8', '"detector":"isolation-forest"'],
    ['/api/topology', 200, 'application/json; charset=utf-8', '"nodes":[{'],
    ['/nothing', 404, 'text/plain; charset=utf-8', 'there is nothing at /nothing'],
    ['/metrics/', 404, 'text/plain; charset=utf-8', 'there is nothing at /metrics/'],
    ['/api', 404, 'application/json; charset=utf-8', '"message":"there is nothing at /api'],
    ['/api/incidents/inc-9999', 404, 'application/json; charset=utf-8', 'no incident has the id \\"inc-9999\\"'],
    ['/api/incidents/%zz', 400, 'application/json; charset=utf-8', '"message":'],
    ['/api/incidents?kind=fire', 400, 'application/json; charset=utf-8', '"parameter":"kind"'],
    ['/api/incidents/export?format=xml', 400, 'application/json; charset=utf-8', '"parameter":"format"'],
  ])('GET %s answers %d', async (path, status, contentType, part) => {
    const { url } = await startServer();
    const answer = await fetch(url + path);
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-type')).toBe(contentType);
    expect(await answer.text()).toContain(part);
  });

  test.each([
    ['POST', '/metrics', 'GET, HEAD, OPTIONS'],
    ['DELETE', '/api/incidents/inc-0007', 'GET, HEAD, OPTIONS'],
    ['GET', '/-/reload', 'POST, PUT, OPTIONS'],
    ['PATCH', '/-/reload', 'POST, PUT, OPTIONS'],
  ])('%s %s answers 405 and says what is allowed', async (method, path, allowed) => {
    const { url } = await startServer();
    const answer = await fetch(url + path, { method });
    expect(answer.status).toBe(405);
    expect(answer.headers.get('allow')).toBe(allowed);
    expect(await answer.text()).toContain(`${method} is not possible here`);
  });

  test('HEAD has the headers of GET and no body, OPTIONS says what is allowed', async () => {
    const { url } = await startServer();
    const head = await fetch(`${url}/metrics`, { method: 'HEAD' });
    const get = await fetch(`${url}/metrics`);
    expect(head.status).toBe(200);
    expect(head.headers.get('content-length')).toBe(String((await get.text()).length));
    expect(await head.text()).toBe('');
    const options = await fetch(`${url}/metrics`, { method: 'OPTIONS' });
    expect([options.status, options.headers.get('allow')]).toEqual([204, 'GET, HEAD, OPTIONS']);
  });

  test('readiness is 503 while the exporter starts, health is not', async () => {
    const { url, data } = await startServer();
    data.ready = false;
    expect((await fetch(`${url}/-/ready`)).status).toBe(503);
    expect((await fetch(`${url}/-/healthy`)).status).toBe(200);
    expect(await (await fetch(`${url}/`)).text()).toContain('Starting or stopping');
  });

  test('an ensemble is changed by what the body says, and the answer is the monitor as it is then', async () => {
    const { url, data } = await startServer();
    const post = (name: string, body: string) =>
      fetch(`${url}/api/monitors/${name}/ensemble`, { method: 'POST', body });
    const change = { ensemble: { method: 'mean', members: { conditional: 1 } } };
    const [{ monitor: name }] = data.status.monitors;
    const good = await post(name, JSON.stringify(change));
    expect(good.status).toBe(200);
    expect((await good.json()) as unknown).toEqual(JSON.parse(JSON.stringify(data.status.monitors[0])));
    expect(data.changes).toEqual([change]);
    data.reloadError = 'the ensemble has no members';
    for (const [to, body, status, message] of [
      [name, JSON.stringify(change), 400, 'nothing was changed: the ensemble has no members'],
      [name, 'method=mean', 400, 'nothing was changed: '],
      [name, '', 400, 'the body must be a JSON object with ensemble, detectors or both'],
      [name, '[1]', 400, 'the body must be a JSON object'],
      ['nothing', JSON.stringify(change), 404, 'there is no monitor "nothing"; monitors are '],
    ] as const) {
      const answer = await post(to, body);
      expect(answer.status).toBe(status);
      expect(((await answer.json()) as { error: { message: string } }).error.message).toContain(message);
    }
    expect(data.changes).toEqual([change]);
    data.reloadError = null;
  });

  test.each(['POST', 'PUT'])('%s /-/reload reloads, and tells why it could not', async (method) => {
    const { url, data, service, logged } = await startServer();
    const good = await fetch(`${url}/-/reload`, { method });
    expect([good.status, await good.text()]).toEqual([200, 'The configuration is in force.\n']);
    expect(service.reloads).toBe(1);
    data.reloadError = 'monitors[0].intervall: unknown key';
    const bad = await fetch(`${url}/-/reload`, { method });
    expect(bad.status).toBe(500);
    expect(await bad.text()).toContain('monitors[0].intervall: unknown key');
    expect(logged.at(-1)).toContain('monitors[0].intervall: unknown key');
  });

  test('the metrics follow the Accept header and have no ETag', async () => {
    const { url } = await startServer();
    const answer = await fetch(`${url}/metrics`, {
      headers: { Accept: 'application/openmetrics-text; version=1.0.0' },
    });
    expect(answer.headers.get('content-type')).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
    expect(await answer.text()).toMatch(/# EOF\n$/);
    expect(answer.headers.get('etag')).toBeNull();
    expect(answer.headers.get('vary')).toBe('Accept, Accept-Encoding');
  });

  test('an export is a file to save, and says how many matched', async () => {
    const { url } = await startServer();
    const answer = await fetch(`${url}/api/incidents/export?limit=1`);
    expect(answer.headers.get('content-disposition')).toBe('attachment; filename="netpulse-incidents.csv"');
    expect(answer.headers.get('x-total-count')).toBe('3');
    expect((await answer.text()).split('\r\n')).toHaveLength(3);
  });

  test('a fault inside answers 500 without a word about it, and the log has it', async () => {
    const service = fixedService(fixedData());
    service.metrics = () => Promise.reject(new Error('secret path /var/lib'));
    service.status = () => {
      throw new Error('secret path /var/lib');
    };
    const { url, logged } = await startServer({ service });
    for (const path of ['/metrics', '/api/status', '/']) {
      const answer = await fetch(url + path);
      expect(answer.status).toBe(500);
      expect(await answer.text()).not.toContain('secret');
    }
    expect(logged.filter((line) => line.includes('secret path /var/lib'))).toHaveLength(3);
  });
});

describe('answers', () => {
  test.each([
    ['gzip, deflate', 'gzip'],
    ['gzip;q=0', undefined],
    ['identity', undefined],
    [undefined, undefined],
  ])('with Accept-Encoding %s a large one is encoded as %s', async (accepted, encoding) => {
    const { port, data } = await startServer();
    data.metrics = '# HELP a b\n'.repeat(500);
    const answer = await request(port, { path: '/metrics', headers: accepted ? { 'Accept-Encoding': accepted } : {} });
    expect(answer.headers['content-encoding']).toBe(encoding);
    if (encoding === undefined) expect(answer.body).toBe(data.metrics);
    else expect(Number(answer.headers['content-length'])).toBeLessThan(200);
  });

  test('the compressed page is the page, a small one is not compressed', async () => {
    const { url, data } = await startServer();
    data.metrics = '# HELP a b\n'.repeat(500);
    expect(await (await fetch(`${url}/metrics`)).text()).toBe(data.metrics);
    const small = await fetch(`${url}/-/healthy`, { headers: { 'Accept-Encoding': 'gzip' } });
    expect(small.headers.get('content-encoding')).toBeNull();
    const large = await fetch(`${url}/api/status`, { headers: { 'Accept-Encoding': 'gzip' } });
    expect(large.headers.get('content-encoding')).toBe('gzip');
    expect(JSON.parse(await large.text())).toEqual(data.status);
  });

  test('browsers are told to load, frame and guess nothing, and who serves is not said', async () => {
    const { url } = await startServer();
    const { headers } = await fetch(`${url}/api/status`);
    expect(Object.fromEntries(headers)).toMatchObject({
      'content-security-policy': "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
      'x-frame-options': 'deny',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-resource-policy': 'same-origin',
      'cache-control': 'no-store',
    });
    expect(headers.has('x-powered-by')).toBe(false);
    const page = await fetch(url);
    expect(page.headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; img-src data:; style-src 'sha256-[^']+'; script-src 'sha256-[^']+'; connect-src 'self'; base-uri 'none'/,
    );
  });
});

describe('behind a prefix', () => {
  test('every route is below it, the root and the bare prefix lead to the landing page', async () => {
    const { url, port } = await startServer({ options: { external_url: 'https://example.com/mon/netpulse/' } });
    for (const path of ['/mon/netpulse/', '/mon/netpulse/metrics', '/mon/netpulse/api/status', '/mon/netpulse/docs'])
      expect((await fetch(url + path)).status).toBe(200);
    for (const path of ['/metrics', '/api/status', '/mon', '/mon/netpulses', '/mon/netpulse/nothing'])
      expect((await fetch(url + path)).status).toBe(404);
    expect((await request(port, { path: '/' })).headers.location).toBe('mon/netpulse/');
    expect((await request(port, { path: '/mon/netpulse' })).headers.location).toBe('netpulse/');
    expect((await fetch(url)).url).toBe(`${url}/mon/netpulse/`);
    expect((await fetch(`${url}/mon/netpulse/api/x`)).headers.get('content-type')).toContain('application/json');
    const document = await (await fetch(`${url}/mon/netpulse/api/openapi.json`)).json();
    expect(document).toMatchObject({ servers: [{ url: '/mon/netpulse' }] });
  });

  test('every link of the landing page and the API page leads somewhere', async () => {
    const { url } = await startServer({ options: { route_prefix: 'x' } });
    for (const page of [`${url}/x/`, `${url}/x/docs`]) {
      const html = await (await fetch(page)).text();
      const links = [...html.matchAll(/<a [^>]*?href="([^"#][^"]*)"/g)].map(([, href]) => new URL(href, page).href);
      expect(links.length).toBeGreaterThan(1);
      for (const link of new Set(links)) expect([link, (await fetch(link)).status]).toEqual([link, 200]);
    }
  });
});

describe('start and stop', () => {
  const context = (listen: string) => ({
    options: webOptions.parse({ listen_address: listen }),
    service: fixedService(fixedData()),
    observer: recordingObserver().observer,
    clock: systemClock(),
  });

  test('a port in use is an error that names the address and the option', async () => {
    const other = createTcpServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    await expect(createWebServer(context(`127.0.0.1:${port}`)).start()).rejects.toThrow(
      `cannot listen on 127.0.0.1:${port}: another process uses this address; --web.listen-address changes the address`,
    );
    other.close();
  });

  test('an address of another machine is an error that says so', async () => {
    await expect(createWebServer(context('192.0.2.1:0')).start()).rejects.toThrow(
      'cannot listen on 192.0.2.1:0: this machine has no such address; --web.listen-address',
    );
  });

  test('the real address and port are told, IPv6 too', async () => {
    const server = createWebServer(context('[::1]:0'));
    const { address, port } = await server.start();
    expect(address).toBe('::1');
    expect((await fetch(`http://[::1]:${port}/-/healthy`)).status).toBe(200);
    await server.stop();
  });

  test('stop before start does nothing, start twice is an error, start after a failure is possible', async () => {
    const server = createWebServer(context('127.0.0.1:0'));
    await server.stop();
    await server.start();
    await expect(server.start()).rejects.toThrow('started already');
    await server.stop();
    await server.stop();
    await server.start();
    await server.stop();
  });
});
