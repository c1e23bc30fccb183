import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hashSync } from 'bcryptjs';
import { manualClock, systemClock, type Clock } from '../../clock.ts';
import { request, sendBytes, startServer, stopAll } from './testing/running-server.ts';

const TOKEN = '0123456789abcdef0123456789abcdef';
const FROM_ELSEWHERE = { 'X-Forwarded-For': '203.0.113.9' };

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'netpulse-access-'));
});
afterEach(async () => {
  await stopAll();
  rmSync(folder, { recursive: true, force: true });
});

function file(name: string, content: string): string {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
}

const users = (pairs: Record<string, string>) =>
  `basic_auth_users:\n${Object.entries(pairs)
    .map(([user, password]) => `  ${user}: ${hashSync(password, 4)}\n`)
    .join('')}`;
const basic = (user: string, password: string) => `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
const bearer = (token: string) => `Bearer ${token}`;
const tokenFile = () => file('token', `${TOKEN}\n`);
const webConfig = (content: string) => file('web.yaml', content);

/** Time that passes as usual, and can be hurried. */
function hurriedClock(): Clock & { advance(ms: number): void } {
  const clock = systemClock();
  let ahead = 0;
  return { ...clock, monotonic: () => clock.monotonic() + ahead, advance: (ms) => void (ahead += ms) };
}

function connected(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  return new Promise((resolve) => socket.once('connect', () => resolve(socket)));
}

async function statusOf(port: number, path: string, authorization?: string, method = 'GET'): Promise<number> {
  return (await request(port, { path, method, headers: authorization ? { authorization } : {} })).status;
}

describe('without any credential configured', () => {
  test('everybody may read', async () => {
    const { port } = await startServer();
    for (const path of ['/', '/metrics', '/api/status', '/docs'])
      expect((await request(port, { path, headers: FROM_ELSEWHERE })).status).toBe(200);
  });

  test('what changes state is for this machine only, and the refusal says how to open it', async () => {
    const { port, refused, service } = await startServer();
    const answer = await request(port, { path: '/-/reload', method: 'POST', headers: FROM_ELSEWHERE });
    expect(answer.status).toBe(403);
    expect(answer.body).toContain('refused from other machines until a credential is configured');
    expect(answer.body).toContain('--web.api-token-file');
    expect(refused).toEqual({ remote_change: 1 });
    expect(service.reloads).toBe(0);
    expect(await statusOf(port, '/-/reload', undefined, 'POST')).toBe(200);
  });
});

describe('with an API token', () => {
  test.each([
    ['/metrics', 'GET', undefined, 200],
    ['/', 'GET', undefined, 200],
    ['/docs', 'GET', undefined, 200],
    ['/-/healthy', 'GET', undefined, 200],
    ['/-/reload', 'GET', undefined, 405],
    ['/api/status', 'GET', undefined, 401],
    ['/api/openapi.json', 'GET', undefined, 401],
    ['/api/status', 'GET', bearer('wrong'), 401],
    ['/api/status', 'GET', bearer(`${TOKEN}x`), 401],
    ['/api/status', 'GET', `Basic ${TOKEN}`, 401],
    ['/api/status', 'GET', TOKEN, 401],
    ['/api/status', 'GET', bearer(TOKEN), 200],
    ['/api/status', 'GET', `bearer  ${TOKEN}`, 200],
    ['/-/reload', 'POST', undefined, 401],
    ['/-/reload', 'POST', bearer(TOKEN), 200],
  ])('%s by %s with "%s" answers %d', async (path, method, authorization, status) => {
    const { port, refused } = await startServer({ options: { api_token_file: tokenFile() } });
    expect(await statusOf(port, path, authorization, method)).toBe(status);
    expect(refused).toEqual(status === 401 ? { unauthorized: 1 } : {});
  });

  test('the refusal names the scheme, and the token opens reload for other machines', async () => {
    const { port } = await startServer({ options: { api_token_file: tokenFile() } });
    const refused = await request(port, { path: '/api/status' });
    expect(refused.headers['www-authenticate']).toBe('Bearer realm="netpulse"');
    expect(JSON.parse(refused.body)).toEqual({
      error: { message: 'this needs the API token in the Authorization header' },
    });
    const headers = { ...FROM_ELSEWHERE, authorization: bearer(TOKEN) };
    expect((await request(port, { path: '/-/reload', method: 'POST', headers })).status).toBe(200);
  });

  test('the landing page shows live data without it', async () => {
    const { url } = await startServer({ options: { api_token_file: tokenFile() } });
    expect(await (await fetch(url)).text()).toContain('CPU usage of web-01 is 97 %');
  });

  test('a new token is in force within a second; a file that is gone, empty or too short leaves the last one', async () => {
    const clock = hurriedClock();
    const path = tokenFile();
    const { port, logged } = await startServer({ options: { api_token_file: path }, clock });
    const next = 'fedcba9876543210fedcba9876543210';
    writeFileSync(path, next);
    clock.advance(1000);
    expect(await statusOf(port, '/api/status', bearer(TOKEN))).toBe(401);
    expect(await statusOf(port, '/api/status', bearer(next))).toBe(200);
    for (const bad of ['', 'short', undefined]) {
      if (bad === undefined) rmSync(path);
      else writeFileSync(path, bad);
      clock.advance(1000);
      expect(await statusOf(port, '/api/status')).toBe(401);
      expect(await statusOf(port, '/api/status', bearer(''))).toBe(401);
      expect(await statusOf(port, '/api/status', bearer(next))).toBe(200);
    }
    expect(logged.filter((line) => line.startsWith('error API token not taken over'))).toHaveLength(2);
  });

  test.each([
    ['is missing', undefined, 'cannot read the API token file'],
    ['is empty', '', 'must be a token of at least 16 printable characters'],
    ['is short', 'secret', 'must be a token of at least 16 printable characters'],
  ])('a token file that %s stops the start', async (_, content, message) => {
    const path = content === undefined ? join(folder, 'none') : file('token', content);
    await expect(startServer({ options: { api_token_file: path } })).rejects.toThrow(message);
  });
});

describe('with users', () => {
  test.each([
    ['/metrics', undefined, 401],
    ['/', undefined, 401],
    ['/-/healthy', undefined, 401],
    ['/nothing', undefined, 401],
    ['/api/status', undefined, 401],
    ['/metrics', basic('alice', 'correct horse'), 200],
    ['/api/status', basic('alice', 'correct horse'), 200],
    ['/metrics', basic('bob', 'gr:ün'), 200],
    ['/metrics', basic('alice', 'correct horsE'), 401],
    ['/metrics', basic('alice', ''), 401],
    ['/metrics', basic('', ''), 401],
    ['/metrics', basic('mallory', 'correct horse'), 401],
    ['/metrics', basic('__proto__', 'x'), 401],
    ['/metrics', 'Basic !!!', 401],
    ['/metrics', 'Basic YWxpY2U=', 401],
    ['/metrics', bearer(TOKEN), 401],
  ])('%s with "%s" answers %d', async (path, authorization, status) => {
    const config = webConfig(users({ alice: 'correct horse', bob: 'gr:ün' }));
    const { port, refused } = await startServer({ options: { config_file: config } });
    expect(await statusOf(port, path, authorization)).toBe(status);
    expect(refused).toEqual(status === 401 ? { unauthorized: 1 } : {});
  });

  test('a user may reload from another machine, and every answer asks browsers for one', async () => {
    const { port } = await startServer({ options: { config_file: webConfig(users({ alice: 'a' })) } });
    const headers = { ...FROM_ELSEWHERE, authorization: basic('alice', 'a') };
    expect((await request(port, { path: '/-/reload', method: 'POST', headers })).status).toBe(200);
    expect((await request(port, { path: '/' })).headers['www-authenticate']).toBe(
      'Basic realm="netpulse", charset="UTF-8"',
    );
  });

  test('either credential opens everything when a token is configured too', async () => {
    const config = webConfig(users({ alice: 'a' }));
    const { port } = await startServer({ options: { config_file: config, api_token_file: tokenFile() } });
    for (const path of ['/metrics', '/api/status']) {
      expect(await statusOf(port, path)).toBe(401);
      expect(await statusOf(port, path, basic('alice', 'a'))).toBe(200);
      expect(await statusOf(port, path, bearer(TOKEN))).toBe(200);
    }
  });

  test('a changed password, a new and a removed user are in force within a second', async () => {
    const clock = hurriedClock();
    const config = webConfig(users({ alice: 'old', bob: 'b' }));
    const { port } = await startServer({ options: { config_file: config }, clock });
    expect(await statusOf(port, '/metrics', basic('alice', 'old'))).toBe(200);
    writeFileSync(config, users({ alice: 'new', carol: 'c' }));
    clock.advance(1000);
    expect(await statusOf(port, '/metrics', basic('alice', 'old'))).toBe(401);
    expect(await statusOf(port, '/metrics', basic('alice', 'new'))).toBe(200);
    expect(await statusOf(port, '/metrics', basic('carol', 'c'))).toBe(200);
    expect(await statusOf(port, '/metrics', basic('bob', 'b'))).toBe(401);
  });

  test.each([
    ['is gone', undefined],
    ['is empty', ''],
    ['is no YAML', 'basic_auth_users: {'],
    ['has no users any more', 'rate_limit: {interval: 0}'],
    ['has an unknown key', 'basic_auth_user: {}'],
  ])('a file that %s never opens the door: the last users stay', async (_, content) => {
    const clock = hurriedClock();
    const config = webConfig(users({ alice: 'a' }));
    const { port, logged } = await startServer({ options: { config_file: config }, clock });
    if (content === undefined) rmSync(config);
    else writeFileSync(config, content);
    clock.advance(1000);
    expect(await statusOf(port, '/metrics')).toBe(401);
    expect(await statusOf(port, '/metrics', basic('alice', 'a'))).toBe(200);
    expect(logged.filter((line) => line.startsWith('error web configuration not taken over'))).toHaveLength(1);
  });

  test('a flood of guesses is bounded and does not lock out who is known', async () => {
    const config = webConfig(`basic_auth_users:\n  alice: ${hashSync('a', 8)}\n`);
    const { port, refused } = await startServer({ options: { config_file: config } });
    expect(await statusOf(port, '/metrics', basic('alice', 'a'))).toBe(200);
    const sockets = await Promise.all(Array.from({ length: 40 }, () => connected(port)));
    const guesses = sockets.map((socket, i) =>
      sendBytes(port, `GET / HTTP/1.0\r\nAuthorization: ${basic('alice', `guess-${i}`)}\r\n\r\n`, socket),
    );
    expect(await statusOf(port, '/metrics', basic('alice', 'a'))).toBe(200);
    for (const answer of await Promise.all(guesses)) expect(answer).toMatch(/^HTTP\/1\.1 (401|503) /);
    expect(refused.busy).toBeGreaterThan(0);
    expect(refused.unauthorized).toBeGreaterThan(0);
  });
});

describe('foreign pages', () => {
  const api = { path: '/api/status' };

  test.each([
    [
      { Host: 'evil.example' },
      'foreign_host',
      'the name "evil.example" is not one of this exporter; web.allowed_hosts',
    ],
    [
      { Host: 'localhost', Origin: 'https://evil.example' },
      'foreign_origin',
      'pages of https://evil.example may not use this',
    ],
    [{ Host: 'localhost', Origin: 'null' }, 'foreign_origin', 'pages of null may not use this'],
  ])('%j is refused', async (headers, reason, message) => {
    const { port, refused, service } = await startServer();
    for (const options of [api, { path: '/-/reload', method: 'POST' }, { path: '/api/nothing' }]) {
      const answer = await request(port, { ...options, headers });
      expect(answer.status).toBe(403);
      expect(answer.body).toContain(options.path.startsWith('/api') ? JSON.stringify(message).slice(1, -1) : message);
    }
    expect(refused).toEqual({ [reason]: 3 });
    expect(service.reloads).toBe(0);
  });

  test('pages of the exporter and of allowed origins get an answer, the latter may read it', async () => {
    const { port } = await startServer({ options: { allowed_origins: ['https://grafana.example.com'] } });
    const own = await request(port, { ...api, headers: { Host: 'localhost:1', Origin: 'http://localhost:1' } });
    expect(own.status).toBe(200);
    const Origin = 'https://grafana.example.com';
    const allowed = await request(port, { ...api, headers: { Origin } });
    expect([allowed.status, allowed.headers['access-control-allow-origin']]).toEqual([200, Origin]);
    expect(allowed.headers.vary).toContain('Origin');
  });

  test('a preflight is answered without credential for allowed origins only', async () => {
    const options = { allowed_origins: ['https://grafana.example.com'], config_file: webConfig(users({ alice: 'a' })) };
    const { port } = await startServer({ options });
    const preflight = (Origin: string) =>
      request(port, { ...api, method: 'OPTIONS', headers: { Origin, 'Access-Control-Request-Method': 'GET' } });
    const allowed = await preflight('https://grafana.example.com');
    expect(allowed.status).toBe(204);
    expect(allowed.headers['access-control-allow-headers']).toBe('Authorization');
    expect((await preflight('https://evil.example')).status).toBe(401);
  });

  test('names of a proxy and configured names are ours; metrics and pages ask for no name', async () => {
    const { port } = await startServer({
      options: { external_url: 'https://mon.example.com', allowed_hosts: ['netpulse.internal'] },
    });
    for (const Host of ['mon.example.com', 'netpulse.internal:10190', '10.1.2.3'])
      expect((await request(port, { ...api, headers: { Host } })).status).toBe(200);
    expect((await request(port, { path: '/metrics', headers: { Host: 'any.name' } })).status).toBe(200);
  });
});

describe('limits of the web configuration', () => {
  test('a burst is answered, then one request an interval', async () => {
    const clock = hurriedClock();
    const config = webConfig('rate_limit: {interval: 10m, burst: 3}');
    const { port, refused } = await startServer({ options: { config_file: config }, clock });
    const statuses = [];
    for (let i = 0; i < 4; i++) statuses.push(await statusOf(port, '/metrics'));
    expect(statuses).toEqual([200, 200, 200, 429]);
    clock.advance(600_000);
    expect(await statusOf(port, '/metrics')).toBe(200);
    const late = await request(port, { path: '/metrics' });
    expect([late.status, late.headers['retry-after']]).toEqual([429, '600']);
    expect(refused).toEqual({ rate_limit: 2 });
  });

  test('its headers go before our own', async () => {
    const config = webConfig(
      'http_server_config: {headers: {X-Frame-Options: sameorigin, Strict-Transport-Security: max-age=60}}',
    );
    const { port } = await startServer({ options: { config_file: config }, clock: manualClock() });
    const { headers } = await request(port, { path: '/' });
    expect(headers['x-frame-options']).toBe('sameorigin');
    expect(headers['strict-transport-security']).toBe('max-age=60');
    expect(headers['content-security-policy']).toContain("frame-ancestors 'self'");
  });
});
