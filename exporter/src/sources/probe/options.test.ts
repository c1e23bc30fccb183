import { probeOptions } from './options.ts';

/** `path: message` of each problem */
function problems(options: unknown): string[] {
  const result = probeOptions.safeParse(options);
  return result.success ? [] : result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
}

describe('the options of a probe', () => {
  test('may be left out: the default gateway, loss over ten probes', () => {
    expect(probeOptions.parse({})).toEqual({ targets: [], window: 10 });
  });

  test('targets are written in short or in full', () => {
    const { targets } = probeOptions.parse({
      targets: [
        'icmp://10.0.0.1',
        'icmp://[fe80::1%eth0]/',
        'TCP://db:5432',
        'https://example.org/health?token=secret#top',
        { name: 'dns', type: 'tcp', address: '[2001:db8::1]:53', timeout: '300ms' },
        {
          name: 'api',
          type: 'http',
          address: 'http://127.0.0.1:8080',
          method: 'HEAD',
          expect_status: [401],
          tls_skip_verify: true,
        },
      ],
    });
    expect(targets).toEqual([
      { type: 'icmp', name: '10.0.0.1', address: '10.0.0.1' },
      { type: 'icmp', name: 'fe80::1%eth0', address: 'fe80::1%eth0' },
      { type: 'tcp', name: 'tcp://db:5432', address: 'db:5432', host: 'db', port: 5432 },
      {
        type: 'http',
        name: 'https://example.org/health',
        address: 'https://example.org/health',
        url: 'https://example.org/health?token=secret',
        method: 'GET',
        expectStatus: [],
        tlsSkipVerify: false,
      },
      { type: 'tcp', name: 'dns', address: '[2001:db8::1]:53', host: '2001:db8::1', port: 53, timeoutMs: 300 },
      {
        type: 'http',
        name: 'api',
        address: 'http://127.0.0.1:8080/',
        url: 'http://127.0.0.1:8080/',
        method: 'HEAD',
        expectStatus: [401],
        tlsSkipVerify: true,
      },
    ]);
  });

  test.each<[string, unknown, string]>([
    ['an option for ping', 'icmp://-f', '"-f" is no host name'],
    ['a dash in front of a label', 'icmp://a.-b', '"a.-b" is no host name'],
    ['a shell command', 'icmp://10.0.0.1;reboot', '"10.0.0.1;reboot" is no host name'],
    ['a space', 'icmp://a b', '"a b" is no host name'],
    ['a new line', 'icmp://a\nb', '"a\nb" is no host name'],
    ['nothing', 'icmp://', '"" is no host name'],
    ['a long label', `icmp://${'a'.repeat(64)}`, 'is no host name'],
    ['a long name', `icmp://${'abc.'.repeat(70)}de`, 'is no host name'],
    ['letters beyond ASCII', 'icmp://bücher.example', '"bücher.example" is no host name'],
    ['an address with a number too large', 'icmp://10.0.0.256', '"10.0.0.256" is no IPv4 address'],
    ['an abbreviated address', 'icmp://10.1', '"10.1" is no IPv4 address'],
    ['a hexadecimal address', 'icmp://0x7f000001', '"0x7f000001" is no IPv4 address'],
    ['a port for icmp', 'icmp://10.0.0.1:22', '"10.0.0.1:22" is no IPv6 address'],
    ['a zone that is an option', 'icmp://fe80::1%-f', '"fe80::1%-f" is no IPv6 address'],
    ['a missing port', 'tcp://db', '"db" has no port'],
    ['a port too large', 'tcp://db:65536', '"db:65536" has no port'],
    ['port zero', 'tcp://db:0', '"db:0" has no port'],
    ['a bad host before the port', 'tcp://-db:22', '"-db" is no host name'],
    ['an IPv6 address without brackets', 'tcp://::1:22', '"::1:22" has no port'],
    ['another scheme', 'ftp://example.org', '"ftp://example.org" is no target'],
    ['no scheme', 'example.org', '"example.org" is no target'],
    ['a URL without a host', 'http://', '"http://" is no URL'],
    ['a URL of another scheme', { type: 'http', address: 'file:///etc/passwd' }, '"file:///etc/passwd" is no URL'],
    ['credentials', 'https://me:secret@example.org/', 'the URL for example.org holds a user name or password'],
    ['a method for tcp', { type: 'tcp', address: 'db:1', method: 'GET' }, 'method is for targets of type http'],
    ['a timeout without unit', { type: 'icmp', address: '10.0.0.1', timeout: 2 }, '2 has no unit'],
    ['a long timeout', { type: 'icmp', address: '10.0.0.1', timeout: '2m' }, '"2m" is too long'],
    ['an unknown key', { type: 'icmp', address: '10.0.0.1', port: 1 }, 'Unrecognized key: "port"'],
  ])('%s is refused with the value and a way out', (_, target, message) => {
    const found = problems({ targets: ['icmp://192.0.2.1', target] });
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(/^targets\.1/);
    expect(found[0]).toContain(message);
    expect(found[0]).not.toContain('me:secret');
  });

  test('two targets cannot have one name', () => {
    expect(problems({ targets: ['icmp://10.0.0.1', { name: '10.0.0.1', type: 'tcp', address: 'db:1' }] })).toEqual([
      'targets.1.name: "10.0.0.1" is already the name of targets[0]; give each target a name of its own',
    ]);
  });

  test('unknown keys, a window of one and more than 200 targets are refused', () => {
    expect(problems({ window: 1 })[0]).toMatch(/^window: /);
    expect(problems({ interval: '1s' })[0]).toContain('Unrecognized key: "interval"');
    const targets = Array.from({ length: 201 }, (_, i) => `tcp://db:${i + 1}`);
    expect(problems({ targets })[0]).toMatch(/^targets: /);
    expect(problems({ targets: targets.slice(1) })).toEqual([]);
  });
});
