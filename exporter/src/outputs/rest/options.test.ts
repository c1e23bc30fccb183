import { defaultWebOptions, parseListenAddress, webOptions } from './options.ts';

describe('options of the web server', () => {
  test('everything has a default', () => {
    expect(defaultWebOptions).toEqual({
      listenAddress: ':10190',
      configFile: undefined,
      apiTokenFile: undefined,
      externalUrl: undefined,
      routePrefix: '',
      maxRequests: 40,
      allowedOrigins: [],
      allowedHosts: [],
    });
  });

  test.each([
    [':10190', { port: 10190 }],
    [':0', { port: 0 }],
    ['localhost:80', { host: 'localhost', port: 80 }],
    ['10.0.0.1:10190', { host: '10.0.0.1', port: 10190 }],
    ['[::1]:10190', { host: '::1', port: 10190 }],
  ])('%s is an address to listen on', (text, address) => {
    expect(parseListenAddress(text)).toEqual(address);
    expect(() => webOptions.parse({ listen_address: text })).not.toThrow();
  });

  test.each(['10190', 'localhost', '::1:80', '[localhost]:80', ':65536', 'http://a:80', ''])(
    '"%s" is no address to listen on, and the message says what is',
    (text) => {
      expect(() => parseListenAddress(text)).toThrow(`"${text}" is no address to listen on; write :10190, host:10190`);
      expect(webOptions.safeParse({ listen_address: text }).success).toBe(false);
    },
  );

  test.each([
    [{}, ''],
    [{ route_prefix: '/' }, ''],
    [{ route_prefix: 'netpulse' }, '/netpulse'],
    [{ route_prefix: '//a//b/' }, '/a/b'],
    [{ route_prefix: '/../a/./b' }, '/a/b'],
    [{ external_url: 'https://example.com/monitoring/netpulse/' }, '/monitoring/netpulse'],
    [{ external_url: 'https://example.com/netpulse', route_prefix: '/' }, ''],
  ])('%j gives the route prefix "%s"', (options, prefix) => {
    expect(webOptions.parse(options).routePrefix).toBe(prefix);
  });

  test.each([
    ['an unknown key', { listen_adress: ':1' }],
    ['a prefix that means something to the router', { route_prefix: '/:x' }],
    ['an external URL with a query', { external_url: 'https://example.com/?a=b' }],
    ['an external URL of another scheme', { external_url: 'ftp://example.com' }],
    ['an origin with a path', { allowed_origins: ['https://grafana.example.com/'] }],
    ['every origin', { allowed_origins: ['*'] }],
    ['a host with a port', { allowed_hosts: ['example.com:80'] }],
    ['a negative limit', { max_requests: -1 }],
  ])('%s is refused', (_, options) => {
    expect(webOptions.safeParse(options).success).toBe(false);
  });
});
