import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../clock.ts';
import { icmpProber } from './icmp.ts';
import { tally } from './tally.ts';
import { childrenOf, fakePing, pingWorks, recordingObserver, until } from './testing.ts';

let folder: string;
const stops: (() => Promise<void>)[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'netpulse-ping-'));
});
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
  rmSync(folder, { recursive: true });
});

/** A long interval keeps silence and back-off out of the tests that are not about them. */
interface Settings {
  intervalMs?: number;
  window?: number;
  timeoutMs?: number;
  address?: () => string;
}

function prober(
  command: string,
  { intervalMs = 5000, window = 10, timeoutMs = 180, address = () => '127.0.0.1' }: Settings = {},
) {
  const observer = recordingObserver();
  const blocks: string[] = [];
  const results = tally(window, (reason) => observer.count('source_errors_total', { monitor: 'm', reason }));
  const clock = systemClock();
  let skippedMs = 0;
  const probing = icmpProber({
    name: 'target',
    address,
    command,
    intervalMs,
    timeoutMs,
    tally: results,
    clock: { ...clock, monotonic: () => clock.monotonic() + skippedMs },
    log: observer.log,
    onBlocked: (message) => blocks.push(message),
  });
  stops.push(() => probing.stop());
  const row = new Float64Array(3);
  return {
    probing,
    observer,
    blocks,
    loss: () => results.loss(),
    latency() {
      results.sample(row, 0);
      return row[0];
    },
    skip(ms: number) {
      skippedMs += ms;
    },
    /** probes until `condition` holds */
    run: (what: string, condition: () => boolean) => until(what, condition, () => probing.probe()),
  };
}

/** Prints `output` as it is, then lives on. */
const printing = (output: string) => fakePing(folder, `cat <<'END'\n${output}\nEND\nexec sleep 60`);

describe('the ping of this machine', () => {
  (pingWorks() ? test : test.skip)('has latencies and no loss to the machine itself (needs ping)', async () => {
    const { run, latency, loss, observer } = prober('ping', { intervalMs: 200, timeoutMs: 2000 });
    await run('there is a latency', () => latency() > 0);
    expect(loss()).toBe(0);
    expect(observer.lines).toEqual([]);
  });
});

describe('an ICMP prober', () => {
  test('starts one process with a plain environment, in which the address is no option', async () => {
    const seen = join(folder, 'seen');
    const command = fakePing(folder, `printf "%s\\n" "$*" "$LC_ALL" "$HOME" >> ${seen}; exec sleep 60`);
    const { run, probing } = prober(command, { intervalMs: 50 });
    await run('it started', () => existsSync(seen) && readFileSync(seen, 'utf8').endsWith('C\n\n'));
    for (let i = 0; i < 5; i++) probing.probe();
    expect(readFileSync(seen, 'utf8')).toBe('-n -O -i 0.2 -- 127.0.0.1\nC\n\n');
    expect(childrenOf(process.pid)).toHaveLength(1);
  });

  test('judges each probe once, whatever ping says about it later', async () => {
    const { run, loss, observer } = prober(
      printing(`PING 192.0.2.77 (192.0.2.77) 56(84) bytes of data.
64 bytes from 192.0.2.77: icmp_seq=1 ttl=64 time=0.3 ms
From 192.0.2.2 icmp_seq=2 Destination Host Unreachable
no answer yet for icmp_seq=2
no answer yet for icmp_seq=3
64 bytes from 192.0.2.77: icmp_seq=3 ttl=64 time=210 ms
64 bytes from 192.0.2.77: icmp_seq=4 ttl=64 time=0.3 ms
64 bytes from 192.0.2.77: icmp_seq=4 ttl=64 time=0.4 ms (DUP!)
64 bytes from 192.0.2.77: icmp_seq=5 ttl=64 time=181 ms`),
    );
    await run('five probes are judged', () => loss() === 3 / 5);
    expect(observer.errors('unreachable')).toBe(1);
    expect(observer.errors('timeout')).toBe(2);
  });

  test('gives an answer the whole timeout, when that is longer than the interval', async () => {
    const { run, probing, loss, skip, latency } = prober(
      printing(`no answer yet for icmp_seq=1
no answer yet for icmp_seq=2
64 bytes from 192.0.2.77: icmp_seq=1 ttl=64 time=1204 ms`),
      { intervalMs: 1000, timeoutMs: 2000 },
    );
    await run('the first is answered', () => loss() === 0);
    expect(latency()).toBe(1.204);
    // it was sent one interval before ping said that it has no answer yet
    skip(1000);
    probing.probe();
    expect(loss()).toBe(1 / 2);
  });

  test('follows sequence numbers over their end', async () => {
    const { run, loss } = prober(
      printing(`64 bytes from 192.0.2.77: icmp_seq=65535 ttl=64 time=0.3 ms
64 bytes from 192.0.2.77: icmp_seq=0 ttl=64 time=0.3 ms
no answer yet for icmp_seq=1`),
    );
    await run('three probes are judged', () => loss() === 1 / 3);
  });

  test('a dead target has lost everything after a window of probes', async () => {
    const lines = Array.from({ length: 10 }, (_, i) => `no answer yet for icmp_seq=${i + 1}`);
    const { run, loss, latency } = prober(printing(lines.join('\n')));
    await run('all is lost', () => loss() === 1);
    expect(latency()).toBeNaN();
  });

  test('a process that falls silent loses a probe an interval', async () => {
    const { run, loss, observer } = prober(printing('64 bytes from 192.0.2.77: icmp_seq=1 ttl=64 time=0.3 ms'), {
      intervalMs: 50,
      window: 3,
    });
    await run('all is lost', () => loss() === 1);
    expect(observer.errors('timeout')).toBeGreaterThanOrEqual(3);
  });

  test('output that is no ping says nothing', async () => {
    const { run, loss, observer } = prober(
      fakePing(
        folder,
        `head -c 200000 /dev/zero; echo; echo; head -c 100 /dev/urandom; echo; echo 'bytes from: seq='
echo '64 bytes from 192.0.2.77: icmp_seq=1 ttl=64 time=0.3 ms'; exec sleep 60`,
      ),
    );
    await run('the reply is found', () => loss() === 0);
    expect(observer.lines).toEqual([]);
  });

  test('a ping without -O is started without it; gaps in its answers are losses', async () => {
    const seen = join(folder, 'seen');
    const { run, loss, observer } = prober(
      fakePing(
        folder,
        `case "$*" in *-O*) echo "ping: invalid option -- 'O'" >&2; exit 1;; esac
printf "%s\\n" "$*" > ${seen}
cat <<'END'
PING 192.0.2.77 (192.0.2.77): 56 data bytes
64 bytes from 192.0.2.77: seq=0 ttl=64 time=0.052 ms
64 bytes from 192.0.2.77: seq=1 ttl=64 time=0.052 ms
64 bytes from 192.0.2.77: seq=4 ttl=64 time=0.052 ms
END
exec sleep 60`,
      ),
    );
    await run('ping is heard', () => loss() >= 0);
    expect(loss()).toBe(2 / 5);
    expect(readFileSync(seen, 'utf8')).toBe('-w 600 -i 5 -- 127.0.0.1\n');
    expect(observer.lines).toEqual([]);
  });

  test.each<[string, (folder: string) => string, string, RegExp]>([
    ['is not installed', (at) => join(at, 'no-ping'), 'ping_not_installed', /not installed: install it .*iputils-ping/],
    [
      'has no permission',
      (at) =>
        fakePing(at, `echo 'ping: socktype: SOCK_RAW' >&2; echo 'ping: socket: Operation not permitted' >&2; exit 2`),
      'ping_not_permitted',
      /no permission.*ping_group_range/,
    ],
  ])('a ping that %s blocks the prober: nothing is known of the target', async (_, command, reason, message) => {
    const { run, probing, observer, loss, blocks } = prober(command(folder), { intervalMs: 50 });
    await run('it was tried again', () => observer.errors(reason) >= 2);
    expect(probing.blocked()).toMatch(message);
    expect(blocks[0]).toBe(probing.blocked());
    expect(loss()).toBeNaN();
  });

  test('nothing is known of a target any more when ping is removed from the machine', async () => {
    const command = printing('64 bytes from 192.0.2.77: icmp_seq=1 ttl=64 time=0.3 ms');
    const { run, probing, loss } = prober(command, { intervalMs: 50 });
    await run('it works', () => loss() === 0);
    rmSync(command);
    process.kill(childrenOf(process.pid)[0], 'SIGKILL');
    await run('ping is missing', () => probing.blocked() !== undefined);
    expect(loss()).toBeNaN();
  });

  test.each([
    ['ping: nosuch.invalid: Name or service not known', 'unknown_host', 'ping does not know the host nosuch.invalid'],
    ['ping: connect: Network is unreachable', 'unreachable', 'ping finds no way to nosuch.invalid'],
  ])('"%s" is loss, and is said once until ping works again', async (stderr, reason, message) => {
    const flag = join(folder, 'repaired');
    const { run, observer, loss, latency } = prober(
      fakePing(
        folder,
        `test -e ${flag} || { echo '${stderr}' >&2; exit 2; }
echo '64 bytes from 192.0.2.77: icmp_seq=1 ttl=64 time=0.3 ms'; exec sleep 60`,
      ),
      { intervalMs: 50, window: 4, address: () => 'nosuch.invalid' },
    );
    await run('all is lost', () => loss() === 1 && observer.errors(reason) >= 6);
    expect(observer.lines).toEqual([expect.stringContaining(`warn: ${message}`)]);
    writeFileSync(flag, '');
    await run('it works again', () => latency() > 0);
    expect(observer.lines.slice(1)).toEqual(['info: ping works again']);
  });

  test('a ping that is killed is counted, said once and started again', async () => {
    const { run, observer, latency } = prober(printing('64 bytes from 192.0.2.77: icmp_seq=1 ttl=64 time=0.3 ms'), {
      intervalMs: 50,
    });
    await run('it works', () => latency() > 0);
    const [first] = childrenOf(process.pid);
    process.kill(first, 'SIGKILL');
    await run('it works again', () => latency() > 0);
    expect(observer.errors('ping_exited')).toBe(1);
    expect(observer.lines[0]).toMatch(/^warn: ping of 127.0.0.1 ended by itself \(killed by SIGKILL\)/);
    expect(childrenOf(process.pid)).toHaveLength(1);
    expect(childrenOf(process.pid)).not.toContain(first);
  });

  test('after a minute without a reply ping is started anew, and asks for its address again', async () => {
    const addresses = ['192.0.2.1', '192.0.2.9'];
    const seen = join(folder, 'seen');
    const { run, skip, observer } = prober(fakePing(folder, `printf "%s\\n" "$*" >> ${seen}; exec sleep 60`), {
      address: () => addresses.shift()!,
    });
    const starts = () => (existsSync(seen) ? readFileSync(seen, 'utf8').trim().split('\n') : []);
    await run('it started', () => starts().length === 1);
    skip(60_000);
    await run('it started again', () => starts().length === 2);
    expect(starts()[1]).toBe('-n -O -i 5 -- 192.0.2.9');
    expect(observer.errors('ping_exited')).toBe(0);
    expect(childrenOf(process.pid)).toHaveLength(1);
  });

  test('leaves no process behind when it is stopped, and starts none after', async () => {
    const { run, probing, latency, observer } = prober(
      printing('64 bytes from 192.0.2.77: icmp_seq=1 ttl=64 time=0.3 ms'),
    );
    await run('it works', () => latency() > 0);
    await probing.stop();
    probing.probe();
    expect(childrenOf(process.pid)).toEqual([]);
    await probing.stop();
    expect(observer.lines).toEqual([]);
  });
});
