import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseWebConfig } from './web-config.ts';

const folder = join(__dirname, 'web-configs');
const files = (kind: 'good' | 'bad') =>
  readdirSync(join(folder, kind)).map((name) => ({ name, text: readFileSync(join(folder, kind, name), 'utf8') }));

describe('the web configuration file', () => {
  test.each(files('good'))('$name is accepted', ({ name, text }) => {
    expect(() => parseWebConfig(text, `/etc/netpulse/${name}`)).not.toThrow();
  });

  test.each(files('bad'))('$name is refused with what its first lines say', ({ name, text }) => {
    const expected = [...text.matchAll(/^# expect: (.*)$/gm)].map(([, message]) => message);
    expect(expected).not.toHaveLength(0);
    for (const message of expected) expect(() => parseWebConfig(text, `/etc/netpulse/${name}`)).toThrow(`  ${message}`);
  });

  test.each([
    ['no YAML at all', 'a: [', 'web.yaml is no YAML:\n  line 1: '],
    [
      'a key that is there twice',
      'rate_limit:\n  interval: 1s\nrate_limit:\n  interval: 2s',
      'line 3: Map keys must be unique',
    ],
  ])('%s is refused with the line', (_, text, message) => {
    expect(() => parseWebConfig(text, 'web.yaml')).toThrow(message);
  });

  test('every problem is told at once', () => {
    const parse = () =>
      parseWebConfig('rate_limit: {interval: soon, burst: 1}\nbasic_auth_users: {alice: b}\nx: 1', 'web.yaml');
    for (const key of ['rate_limit.interval', 'basic_auth_users.alice', 'x']) expect(parse).toThrow(`  ${key}: `);
  });

  test('relative paths are relative to the file, old names and durations are understood', () => {
    const text = readFileSync(join(folder, 'good/tls-client-certificates.yaml'), 'utf8');
    expect(parseWebConfig(text, '/etc/netpulse/web.yaml').tls).toMatchObject({
      cert: { file: '/etc/netpulse/server.crt' },
      key: { file: '/etc/netpulse/server.key' },
      clientCa: { file: '/etc/netpulse/ca.crt' },
      clientAuth: 'RequireAndVerifyClientCert',
      minVersion: 'TLSv1.2',
    });
    const old = readFileSync(join(folder, 'good/tls-old-names.yaml'), 'utf8');
    expect(parseWebConfig(old, 'web.yaml').tls?.clientAuth).toBe('RequireAnyClientCert');
    expect(parseWebConfig('rate_limit: {interval: 1m30s, burst: 20}', 'web.yaml').rateLimit).toEqual({
      intervalMs: 90_000,
      burst: 20,
    });
    expect(parseWebConfig('rate_limit: {interval: 0}', 'web.yaml').rateLimit).toBeUndefined();
  });
});
