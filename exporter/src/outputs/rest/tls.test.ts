import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as tlsConnect, type PeerCertificate, type TLSSocket } from 'node:tls';
import { systemClock } from '../../clock.ts';
import { followProtection } from './protection.ts';
import { webOptions } from './options.ts';
import { recordingObserver, request, sendBytes, startServer, stopAll } from './testing/running-server.ts';

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
const withOpenssl = hasOpenssl ? describe : describe.skip;

let made: string;
let folder: string;

/** A key, and a certificate signed by `issuer` (itself without one). */
function certificate(name: string, { issuer, san }: { issuer?: string; san?: string } = {}): void {
  const at = (file: string) => join(made, file);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe' });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', at(`${name}.key`)];
  const subject = ['-subj', `/CN=${name}`, ...(san ? ['-addext', `subjectAltName=${san}`] : [])];
  if (!issuer) openssl('req', '-x509', ...key, ...subject, '-days', '2', '-out', at(`${name}.crt`));
  else {
    openssl('req', ...key, ...subject, '-out', at(`${name}.csr`));
    const signer = ['-CA', at(`${issuer}.crt`), '-CAkey', at(`${issuer}.key`), '-CAcreateserial'];
    openssl(
      'x509',
      '-req',
      '-in',
      at(`${name}.csr`),
      ...signer,
      '-days',
      '2',
      '-copy_extensions',
      'copy',
      '-out',
      at(`${name}.crt`),
    );
  }
}

const pem = (file: string) => readFileSync(join(made, file), 'utf8');

function get(port: number, options: RequestOptions = {}): Promise<{ status: number; certificate: PeerCertificate }> {
  return new Promise((resolve, reject) => {
    const sent = httpsRequest(
      { host: '127.0.0.1', port, path: '/metrics', rejectUnauthorized: false, agent: false, ...options },
      (response) => {
        const peer = (response.socket as TLSSocket).getPeerCertificate();
        response.resume().on('end', () => resolve({ status: response.statusCode ?? 0, certificate: peer }));
      },
    );
    sent.on('error', reject);
    sent.end();
  });
}

const clientOf = (name: string) => ({ key: pem(`${name}.key`), cert: pem(`${name}.crt`) });

function hurriedClock() {
  const clock = systemClock();
  let ahead = 0;
  return { ...clock, monotonic: () => clock.monotonic() + ahead, advance: (ms: number) => void (ahead += ms) };
}

const PLAIN = 'tls_server_config: {cert_file: server.crt, key_file: server.key}';
const withClients = (policy: string, more = '') =>
  `tls_server_config: {cert_file: server.crt, key_file: server.key, client_auth_type: ${policy}, client_ca_file: ca.crt${more}}`;

function webConfig(content: string): string {
  const file = join(folder, 'web.yaml');
  writeFileSync(file, content);
  return file;
}

withOpenssl('TLS (needs openssl)', () => {
  beforeAll(() => {
    made = mkdtempSync(join(tmpdir(), 'netpulse-certificates-'));
    certificate('ca');
    certificate('server', { san: 'DNS:localhost,IP:127.0.0.1' });
    certificate('renewed', { san: 'DNS:localhost' });
    certificate('client', { issuer: 'ca', san: 'DNS:prometheus.example.com,IP:::1' });
    certificate('stranger', { san: 'DNS:prometheus.example.com' });
  });
  afterAll(() => rmSync(made, { recursive: true, force: true }));
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'netpulse-tls-'));
    for (const file of ['server.crt', 'server.key', 'ca.crt']) copyFileSync(join(made, file), join(folder, file));
  });
  afterEach(async () => {
    await stopAll();
    rmSync(folder, { recursive: true, force: true });
  });

  test('pages are served over TLS, verified by the certificate', async () => {
    const { port } = await startServer({ options: { config_file: webConfig(PLAIN) } });
    const answer = await get(port, { ca: pem('server.crt'), rejectUnauthorized: true });
    expect(answer.status).toBe(200);
    expect(answer.certificate.subject.CN).toBe('server');
  });

  test('plain HTTP on the TLS port is closed and counted', async () => {
    const { port, refused } = await startServer({ options: { config_file: webConfig(PLAIN) } });
    expect(await sendBytes(port, 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')).not.toContain('200');
    expect(refused).toEqual({ tls_handshake: 1 });
    expect((await get(port)).status).toBe(200);
  });

  test('a renewed certificate is served within a second, a damaged one leaves the last good one', async () => {
    const clock = hurriedClock();
    const { port, logged } = await startServer({ options: { config_file: webConfig(PLAIN) }, clock });
    copyFileSync(join(made, 'renewed.crt'), join(folder, 'server.crt'));
    clock.advance(1000);
    // certificate and key do not match until both are there
    expect((await get(port)).certificate.subject.CN).toBe('server');
    copyFileSync(join(made, 'renewed.key'), join(folder, 'server.key'));
    clock.advance(1000);
    expect((await get(port)).certificate.subject.CN).toBe('renewed');
    writeFileSync(join(folder, 'server.crt'), 'no certificate');
    clock.advance(1000);
    expect((await get(port)).certificate.subject.CN).toBe('renewed');
    expect(logged.filter((line) => line.includes('TLS cannot be set up from'))).toHaveLength(2);
  });

  test('TLS can be added while running, and is not taken away', async () => {
    const clock = hurriedClock();
    const config = webConfig('');
    const { port, logged } = await startServer({ options: { config_file: config }, clock });
    expect((await request(port, { path: '/metrics', agent: false })).status).toBe(200);
    webConfig(PLAIN);
    clock.advance(1000);
    expect((await get(port)).status).toBe(200);
    webConfig('');
    clock.advance(1000);
    expect((await get(port)).status).toBe(200);
    expect(logged.at(-1)).toContain('takes away tls_server_config; that is done at the next start only');
  });

  test.each([
    ['NoClientCert', { none: 200, client: 200, stranger: 200 }, PLAIN],
    ['RequestClientCert', { none: 200, client: 200, stranger: 200 }, withClients('RequestClientCert')],
    ['RequireAnyClientCert', { none: 0, client: 200, stranger: 200 }, withClients('RequireAnyClientCert')],
    ['VerifyClientCertIfGiven', { none: 200, client: 200, stranger: 0 }, withClients('VerifyClientCertIfGiven')],
    ['RequireAndVerifyClientCert', { none: 0, client: 200, stranger: 0 }, withClients('RequireAndVerifyClientCert')],
  ])('%s admits %j', async (_, admitted, config) => {
    const { port, refused } = await startServer({ options: { config_file: webConfig(config) } });
    const status = (options: RequestOptions) =>
      get(port, options).then(
        (answer) => answer.status,
        () => 0,
      );
    expect({
      none: await status({}),
      client: await status(clientOf('client')),
      stranger: await status(clientOf('stranger')),
    }).toEqual(admitted);
    const closed = Object.values(admitted).filter((answer) => answer === 0).length;
    expect(refused).toEqual(closed > 0 ? { client_certificate: closed } : {});
  });

  test.each([
    ['prometheus.example.com', 200],
    ['::1', 200],
    ['"0:0:0:0:0:0:0:1"', 200],
    ['example.com', 0],
    ['client', 0],
    ['grafana.example.com', 0],
  ])('a client with the allowed name %s answers %d', async (name, status) => {
    const config = withClients('RequireAndVerifyClientCert', `, client_allowed_sans: [${name}]`);
    const { port } = await startServer({ options: { config_file: webConfig(config) } });
    const answer = await get(port, clientOf('client')).then(
      (got) => got.status,
      () => 0,
    );
    expect(answer).toBe(status);
  });

  test.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'a %s session that was begun without a certificate does not pass for one when it is resumed',
    async (version) => {
      const { port } = await startServer({
        options: { config_file: webConfig(withClients('VerifyClientCertIfGiven')) },
      });
      const reload = (session?: Buffer) =>
        new Promise<{ answer: string; session?: Buffer }>((resolve) => {
          let latest: Buffer | undefined;
          let answer = '';
          const socket = tlsConnect({
            port,
            host: '127.0.0.1',
            rejectUnauthorized: false,
            maxVersion: version,
            session,
          });
          socket.on('session', (ticket: Buffer) => (latest = ticket));
          socket.on('secureConnect', () => {
            latest ??= socket.getSession();
            socket.write(
              'POST /-/reload HTTP/1.1\r\nHost: localhost\r\nX-Real-IP: 203.0.113.9\r\nConnection: close\r\n\r\n',
            );
          });
          socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
          socket.on('error', () => {});
          socket.on('close', () => resolve({ answer: answer.slice(0, 12), session: latest }));
        });
      const first = await reload();
      const second = await reload(first.session);
      expect([first.answer, second.answer]).toEqual(['HTTP/1.1 403', 'HTTP/1.1 403']);
    },
  );

  test.each([
    ['RequireAndVerifyClientCert', 'client', 200],
    ['VerifyClientCertIfGiven', 'client', 200],
    ['VerifyClientCertIfGiven', undefined, 403],
    ['RequireAnyClientCert', 'stranger', 403],
  ])('from another machine with %s the certificate "%s" answers a reload with %d', async (policy, client, status) => {
    const { port } = await startServer({ options: { config_file: webConfig(withClients(policy)) } });
    const options = { path: '/-/reload', method: 'POST', headers: { 'X-Forwarded-For': '203.0.113.9' } };
    expect((await get(port, { ...options, ...(client ? clientOf(client) : {}) })).status).toBe(status);
  });

  test('a weaker policy is not taken over while running, a stronger one is', async () => {
    const clock = hurriedClock();
    const { port, logged } = await startServer({ options: { config_file: webConfig(PLAIN) }, clock });
    expect((await get(port)).status).toBe(200);
    webConfig(withClients('RequireAndVerifyClientCert'));
    clock.advance(1000);
    await expect(get(port)).rejects.toThrow();
    webConfig(PLAIN);
    clock.advance(1000);
    await expect(get(port)).rejects.toThrow();
    expect((await get(port, clientOf('client'))).status).toBe(200);
    expect(logged.at(-1)).toContain('takes away client_auth_type');
  });

  test('versions and suites are those of the configuration', async () => {
    const config = webConfig(
      'tls_server_config: {cert_file: server.crt, key_file: server.key, max_version: TLS12, cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]}',
    );
    const { port } = await startServer({ options: { config_file: config } });
    const socket = tlsConnect({ port, host: '127.0.0.1', rejectUnauthorized: false });
    await new Promise((resolve) => socket.once('secureConnect', resolve));
    expect([socket.getProtocol(), socket.getCipher().name]).toEqual(['TLSv1.2', 'ECDHE-ECDSA-AES256-GCM-SHA384']);
    socket.destroy();
    await expect(get(port, { minVersion: 'TLSv1.3' })).rejects.toThrow();
    await expect(get(port, { ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' })).rejects.toThrow();
  });

  test('a connection that says nothing does not outlive a stop', async () => {
    const { port, server } = await startServer({ options: { config_file: webConfig(PLAIN) } });
    const silent = sendBytes(port, '');
    await get(port);
    await server.stop();
    expect(await silent).toBe('');
  });

  test.each(readdirSync(join(__dirname, 'web-configs', 'good')))('%s can be served', (name) => {
    mkdirSync(folder, { recursive: true });
    copyFileSync(join(__dirname, 'web-configs', 'good', name), join(folder, name));
    const options = webOptions.parse({ config_file: join(folder, name) });
    expect(() => followProtection(options, systemClock(), recordingObserver().observer.log)).not.toThrow();
  });

  test.each([
    ['server.crt', 'cannot read cert_file'],
    ['server.key', 'cannot read key_file'],
    ['ca.crt', 'cannot read client_ca_file'],
  ])('without %s it does not start', async (file, message) => {
    rmSync(join(folder, file));
    const config = webConfig(withClients('RequireAndVerifyClientCert'));
    await expect(startServer({ options: { config_file: config } })).rejects.toThrow(message);
  });
});
