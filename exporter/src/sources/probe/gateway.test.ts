import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { endianness, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { defaultGateway } from './gateway.ts';

const HEADER =
  'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT                                                       \n';
const ANY6 = '0'.repeat(32);
const route = (device: string, destination: string, gateway: string, flags: string, metric: number, mask: string) =>
  `${device}\t${destination}\t${gateway}\t${flags}\t0\t0\t${metric}\t${mask}\t0\t0\t0\n`;
const route6 = (destination: string, length: string, hop: string, metric: string, flags: string, device: string) =>
  `${destination} ${length} ${ANY6} 00 ${hop} ${metric} 00000002 00000000 ${flags} ${device.padStart(8)}\n`;

let procfs: string;
beforeEach(() => {
  procfs = mkdtempSync(join(tmpdir(), 'netpulse-gateway-'));
});
afterEach(() => rmSync(procfs, { recursive: true }));

const write = (name: string, text: string) => {
  const path = join(procfs, '1/net', name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
};

// addresses in net/route are in the machine's byte order
(endianness() === 'LE' ? describe : describe.skip)('the default gateway', () => {
  test('is the one with the lowest metric, of routes that are up and have a gateway', () => {
    write(
      'route',
      HEADER +
        route('wg0', '00000000', '00000000', '0001', 0, '00000000') +
        route('eth0', '00000000', '010200C0', '0003', 100, '00000000') +
        route('wlan0', '00000000', '0101A8C0', '0003', 50, '00000000') +
        route('eth1', '00000000', '010200C0', '0003', 75, '00000000') +
        route('down0', '00000000', '0101A8AC', '0002', 10, '00000000') +
        route('eth0', '000200C0', '010200C0', '0003', 0, '00FFFFFF'),
    );
    expect(defaultGateway(procfs)).toBe('192.168.1.1');
  });

  test('is an IPv6 address when only IPv6 has one, with the interface when it is link-local', () => {
    write('route', HEADER);
    write(
      'ipv6_route',
      route6('fd000000000000000000000000000000', '40', ANY6, '00000100', '00000001', 'eth0') +
        route6(ANY6, '00', 'fd000000000000000000000000000001', '00000400', '00000003', 'eth0') +
        route6(ANY6, '00', ANY6, 'ffffffff', '00200200', 'lo'),
    );
    expect(defaultGateway(procfs)).toBe('fd00::1');
    write('ipv6_route', route6(ANY6, '00', 'fe80000000000000021122fffe334455', '00000400', '00000003', 'eth0'));
    expect(defaultGateway(procfs)).toBe('fe80::211:22ff:fe33:4455%eth0');
  });

  test('is missing without a default route, without tables and without content', () => {
    expect(defaultGateway(procfs)).toBeUndefined();
    write('route', '');
    expect(defaultGateway(procfs)).toBeUndefined();
    write('route', HEADER + route('eth0', '000200C0', '00000000', '0001', 0, '00FFFFFF'));
    expect(defaultGateway(procfs)).toBeUndefined();
  });

  test('a table that cannot be read is an error that names it', () => {
    mkdirSync(join(procfs, '1/net/route'), { recursive: true });
    expect(() => defaultGateway(procfs)).toThrow(/net\/route cannot be read \(EISDIR\).*set the probe's targets/);
  });
});
