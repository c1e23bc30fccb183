import { parsePingLine, pingFailure } from './ping-output.ts';
import type { PingLine } from './ping-output.ts';

const line = (type: PingLine['type'], sequence: number, seconds = NaN): PingLine => ({ type, sequence, seconds });

describe('a line of ping', () => {
  test.each<[string, string, PingLine | undefined]>([
    ['an iputils reply', '64 bytes from 127.0.0.1: icmp_seq=1 ttl=64 time=0.219 ms', line('reply', 1, 0.219e-3)],
    [
      'a reply with a time stamp',
      '[1795227077.289467] 64 bytes from 192.0.2.1: icmp_seq=65535 ttl=64 time=12.3 ms',
      line('reply', 65535, 12.3e-3),
    ],
    ['a slow reply', '64 bytes from 192.0.2.1: icmp_seq=7 ttl=52 time=1204 ms', line('reply', 7, 1.204)],
    ['an IPv6 reply', '64 bytes from ::1: icmp_seq=2 ttl=64 time=0.038 ms', line('reply', 2, 0.038e-3)],
    [
      'a link-local reply with its zone',
      '64 bytes from fe80::1%eth0: icmp_seq=3 ttl=64 time=0.4 ms',
      line('reply', 3, 0.4e-3),
    ],
    [
      'a reply with a resolved name',
      '64 bytes from gw.example.org (192.0.2.1): icmp_seq=4 ttl=64 time=0.5 ms',
      line('reply', 4, 0.5e-3),
    ],
    ['a reply too short for a time', '16 bytes from 127.0.0.1: icmp_seq=1 ttl=64', line('reply', 1)],
    ['a truncated reply', '24 bytes from 192.0.2.1: icmp_seq=9 ttl=64 (truncated)', line('reply', 9)],
    ['a duplicate', '64 bytes from 192.0.2.1: icmp_seq=5 ttl=64 time=0.9 ms (DUP!)', undefined],
    [
      'a damaged reply',
      '64 bytes from 192.0.2.1: icmp_seq=6 ttl=64 time=0.9 ms (BAD CHECKSUM!)',
      line('unreachable', 6),
    ],
    [
      'a reply from another address',
      '64 bytes from 192.0.2.9: icmp_seq=6 ttl=64 time=0.9 ms (DIFFERENT ADDRESS!)',
      line('reply', 6, 0.9e-3),
    ],
    ['a missing answer', 'no answer yet for icmp_seq=1', line('no-answer', 1)],
    ['a missing answer with a time stamp', '[1795227078.427713] no answer yet for icmp_seq=12', line('no-answer', 12)],
    [
      'an unreachable host',
      '[1795227080.957242] From 192.0.2.2 icmp_seq=2 Destination Host Unreachable',
      line('unreachable', 2),
    ],
    [
      'an unreachable IPv6 address',
      'From fe80::fc:ff:fe00:1%eth0 icmp_seq=1 Destination unreachable: Address unreachable',
      line('unreachable', 1),
    ],
    ['an old style error', 'From 192.0.2.2: icmp_seq=8 Time to live exceeded', line('unreachable', 8)],
    ['a redirect, which loses nothing', 'From 192.0.2.1 icmp_seq=2 Redirect Host(New nexthop: 192.0.2.3)', undefined],
    ['a BusyBox reply', '64 bytes from 127.0.0.1: seq=0 ttl=64 time=0.041 ms', line('reply', 0, 0.041e-3)],
    ['an inetutils reply', '64 bytes from 127.0.0.1: icmp_seq=0 ttl=64 time=0,033 ms', line('reply', 0)],
    ['an inetutils error, which has no number', '92 bytes from 192.0.2.2: Destination Host Unreachable', undefined],
    ['a heading', 'PING 127.0.0.1 (127.0.0.1) 56(84) bytes of data.', undefined],
    ['a summary', '9 packets transmitted, 7 received, 22.2222% packet loss, time 2563ms', undefined],
    ['the times of a summary', 'rtt min/avg/max/mdev = 0.033/0.053/0.154/0.040 ms', undefined],
    ['damaged data', 'wrong data byte #16 should be 0x10 but was 0x0', undefined],
    ['nothing', '', undefined],
  ])('%s is understood', (_, text, expected) => {
    expect(parsePingLine(text)).toEqual(expected);
  });
});

describe('the last words of ping', () => {
  test.each<[string, ReturnType<typeof pingFailure>]>([
    ['ping: nosuch.invalid: Name or service not known', 'unknown_host'],
    ['ping: db: Temporary failure in name resolution', 'unknown_host'],
    ["ping: bad address 'nosuch.invalid'", 'unknown_host'],
    ['ping: unknown host nosuch.invalid', 'unknown_host'],
    ['ping: connect: Network is unreachable', 'unreachable'],
    ['ping: sendto: Network is unreachable', 'unreachable'],
    [
      'ping: socktype: SOCK_RAW\nping: socket: Operation not permitted\nping: => missing cap_net_raw+p capability or setuid?',
      'not_permitted',
    ],
    ['ping: permission denied (are you root?)', 'not_permitted'],
    ['ping: Lacking privilege for icmp socket.', 'not_permitted'],
    [
      "ping: invalid option -- 'O'\nBusyBox v1.35.0 multi-call binary.\n\nUsage: ping [OPTIONS] HOST\n\n\t-4,-6\t\tForce IP or IPv6 name resolution",
      'unknown_option',
    ],
    ['ping: Do you want to ping broadcast? Then -b. If not, check your local firewall rules', undefined],
    ['', undefined],
  ])('%j means %s', (stderr, expected) => {
    expect(pingFailure(stderr)).toBe(expected);
  });
});
