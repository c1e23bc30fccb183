import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { webOptions } from './options.ts';
import { isFromThisMachine, trustedNames } from './request-origin.ts';

const names = trustedNames(
  webOptions.parse({
    external_url: 'https://monitoring.example.com/netpulse',
    allowed_origins: ['https://grafana.example.com'],
    allowed_hosts: ['netpulse'],
  }),
  'Web-01.example.net',
);

describe('names and origins', () => {
  test.each([
    '127.0.0.1',
    '10.0.0.1:10190',
    '[::1]:10190',
    '[fe80::1]',
    'localhost',
    'LOCALHOST:10190',
    'localhost.:10190',
    'web-01',
    'web-01.example.net:10190',
    'monitoring.example.com',
    'netpulse:10190',
  ])('%s is a name of ours', (host) => {
    expect(names.trustsHost(host)).toBe(true);
  });

  test.each([
    undefined,
    '',
    'evil.example',
    'localhost.evil.example',
    'evil.example:10190',
    '127.0.0.1.evil.example',
    'user@localhost',
    'localhost/x',
    '[evil.example]',
    'web-02',
  ])('%s is no name of ours', (host) => {
    expect(names.trustsHost(host)).toBe(false);
  });

  test.each([
    ['http://10.0.0.1:10190', '10.0.0.1:10190'],
    ['https://netpulse', 'netpulse'],
    ['https://netpulse', 'netpulse:443'],
    ['https://monitoring.example.com', '127.0.0.1:10190'],
    ['https://grafana.example.com', '127.0.0.1:10190'],
  ])('a page of %s may ask %s', (origin, host) => {
    expect(names.trustsOrigin(origin, host)).toBe(true);
  });

  test.each([
    ['https://evil.example', '127.0.0.1:10190'],
    ['null', '127.0.0.1:10190'],
    ['', ''],
    ['file://', ''],
    ['http://127.0.0.1:3000', '127.0.0.1:10190'],
    ['http://grafana.example.com', '127.0.0.1:10190'],
    ['https://grafana.example.com.evil.example', '127.0.0.1:10190'],
    ['not an origin', '127.0.0.1:10190'],
  ])('a page of %s may not ask %s', (origin, host) => {
    expect(names.trustsOrigin(origin, host)).toBe(false);
  });

  test('this machine is a loopback address without a proxy in between', async () => {
    const seen: boolean[] = [];
    const server = createServer((incoming, response) => {
      seen.push(isFromThisMachine(incoming));
      response.end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    for (const headers of [
      {},
      { 'X-Forwarded-For': '10.0.0.9' },
      { Forwarded: 'for=10.0.0.9' },
      { 'X-Real-IP': '1.2.3.4' },
    ])
      await new Promise((resolve) => request({ port, host: '127.0.0.1', headers, agent: false }, resolve).end());
    expect(seen).toEqual([true, false, false, false]);
    server.close();
  });

  test.each([
    ['::1', true],
    ['::ffff:127.0.0.1', true],
    ['127.8.8.8', true],
    ['10.0.0.1', false],
    ['::ffff:10.0.0.1', false],
    ['2001:db8::127.0.0.1', false],
    [undefined, false],
  ])('%s is this machine: %s', (remoteAddress, local) => {
    expect(isFromThisMachine({ headers: {}, socket: { remoteAddress } } as never)).toBe(local);
  });
});
