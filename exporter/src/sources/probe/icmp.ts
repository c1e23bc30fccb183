/**
 * ICMP echo through one long-running `ping` per target: the system's own program has the privilege, so the exporter needs none.
 *
 * With `-O` iputils tells at each send whether the previous probe is still unanswered, so every probe is heard of: answered, or due. A ping without that option
 * (BusyBox, inetutils) is heard of only when it is answered: there a probe is lost when a later sequence number comes, or when nothing comes at all. Times
 * are ping's own, taken by the kernel's receive time stamps, and need no quiet event loop.
 */
import type { Clock } from '../../clock.ts';
import type { Log } from '../../flow.ts';
import { parsePingLine, pingFailure } from './ping-output.ts';
import type { PingLine } from './ping-output.ts';
import { startPing } from './ping-process.ts';
import type { PingExit, PingProcess } from './ping-process.ts';
import type { Prober } from './prober.ts';
import type { LossReason } from './reasons.ts';
import type { Tally } from './tally.ts';

export interface IcmpOptions {
  readonly name: string;
  /** asked at each start of the process; validated */
  readonly address: () => string;
  /** the program, by path or by name in PATH */
  readonly command: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly tally: Tally;
  readonly clock: Clock;
  readonly log: Log;
  /** ping cannot work on this machine: said at each failed start, for whoever speaks for all targets */
  readonly onBlocked: (message: string) => void;
}

/** Without privilege older iputils refuse shorter ones. */
export const SHORTEST_INTERVAL_MS = 200;
const LONGEST_BACKOFF_MS = 60_000;
/** A process that ran this long was no failed start. */
const STABLE_MS = 60_000;
/** After so long without any reply ping is started anew: the name may have moved, and so may this machine. */
const STALE_MS = 60_000;
/** A ping without -O that gets no reply writes nothing, so it would outlive a killed exporter: it ends itself after so many seconds. */
const PLAIN_LIFETIME_S = 600;
const STOP_MS = 1000;

const NOT_INSTALLED =
  'ping is not installed: install it (Debian: iputils-ping), or probe with tcp:// or https:// targets instead';
const NOT_PERMITTED =
  'ping has no permission to open its socket: grant it with "setcap cap_net_raw+ep" on the ping program, add the CAP_NET_RAW capability to the container, ' +
  'put the group of the exporter into the sysctl net.ipv4.ping_group_range, or probe with tcp:// or https:// targets instead';

export function icmpProber(options: IcmpOptions): Prober {
  const { tally, clock, log, timeoutMs } = options;
  const intervalMs = Math.max(SHORTEST_INTERVAL_MS, options.intervalMs);
  let running: PingProcess | undefined;
  let address = '';
  /** killed to be started anew: its end is no failure */
  let renewing = false;
  let stopped = false;
  /** understands no -O */
  let plain = false;
  let startedAt = 0;
  let repliedAt = 0;
  let failures = 0;
  let retryAt = 0;
  /** the target is lost without ping sending anything: its name or the way to it is unknown */
  let down: LossReason | undefined;
  let blocked: string | undefined;
  /** what was last complained about, until ping works again */
  let complaint: string | undefined;

  /** newest sequence number heard of; -1 before the first */
  let newest = -1;
  /** sent and neither answered nor too late: sequence number to monotonic ms, oldest first */
  const open = new Map<number, number>();
  /** monotonic ms at which silence means a lost probe, and how many were lost that way since the last line */
  let silentAt = 0;
  let silent = 0;

  const start = (now: number) => {
    address = options.address();
    startedAt = repliedAt = now;
    newest = -1;
    silent = 0;
    silentAt = now + Math.max(timeoutMs, intervalMs) + intervalMs;
    open.clear();
    const seconds = String(Math.round(intervalMs) / 1000);
    const flags = plain ? ['-w', String(PLAIN_LIFETIME_S)] : ['-n', '-O'];
    running = startPing(options.command, [...flags, '-i', seconds, '--', address], hear, (exit) => {
      running = undefined;
      if (!stopped) ended(exit);
    });
  };

  const hear = (text: string) => {
    const line = parsePingLine(text);
    if (!line) return;
    const now = clock.monotonic();
    silentAt = now + Math.max(timeoutMs, intervalMs) + intervalMs;
    down = blocked = undefined;
    if (complaint) log.info('ping works again', { target: options.name });
    complaint = undefined;
    const step = (line.sequence - newest) & 0xffff;
    const ahead = newest < 0 || (step > 0 && step < 0x8000);
    if (ahead) {
      if (newest >= 0) for (let i = Math.min(step - 1, 0xfff) - silent; i > 0; i--) tally.lost('timeout');
      newest = line.sequence;
    }
    silent = 0;
    // what is neither new nor open was judged before: a duplicate, or an answer that came too late
    if (ahead || open.delete(line.sequence)) judge(line, now);
  };

  const judge = ({ type, sequence, seconds }: PingLine, now: number) => {
    if (type === 'unreachable') tally.lost('unreachable');
    else if (type === 'reply') {
      repliedAt = now;
      if (seconds * 1000 > timeoutMs) tally.lost('timeout');
      else tally.reply(seconds);
    } else if (timeoutMs <= intervalMs) tally.lost('timeout');
    else open.set(sequence, now - intervalMs);
  };

  const ended = ({ error, code, signal, stderr }: PingExit) => {
    const now = clock.monotonic();
    const lived = now - startedAt;
    if (renewing) {
      renewing = false;
      return;
    }
    // complaints of a process that was killed are old ones
    const cause = error || signal ? undefined : pingFailure(stderr);
    if (cause === 'unknown_option' && !plain) {
      plain = true;
      retryAt = now;
      return;
    }
    // its lifetime was over
    if (plain && !error && !signal && lived >= STABLE_MS) return;
    failures = lived >= STABLE_MS ? 1 : failures + 1;
    const backoff = Math.min(LONGEST_BACKOFF_MS, options.intervalMs * 2 ** (failures - 1));
    retryAt = now + backoff;
    if (error?.code === 'ENOENT') return block('ping_not_installed', NOT_INSTALLED);
    if (error?.code === 'EACCES' || (cause === 'not_permitted' && newest < 0))
      return block('ping_not_permitted', NOT_PERMITTED);
    if (cause === 'unknown_host') {
      down = cause;
      return complain(cause, `ping does not know the host ${address}: correct the address or repair name resolution`);
    }
    if (cause === 'unreachable') {
      down = cause;
      return complain(cause, `ping finds no way to ${address}: check the routes of this machine`);
    }
    const how = error ? error.message : signal ? `killed by ${signal}` : `exit code ${code}`;
    tally.unmeasured('ping_exited');
    complain('ping_exited', `ping of ${address} ended by itself (${how}); it is started again`, { stderr });
  };

  const block = (reason: 'ping_not_installed' | 'ping_not_permitted', message: string) => {
    blocked = message;
    down = undefined;
    tally.forget();
    tally.unmeasured(reason);
    options.onBlocked(message);
  };

  /** once per reason, until ping works again */
  const complain = (reason: string, message: string, fields: Record<string, unknown> = {}) => {
    if (complaint === reason) return;
    complaint = reason;
    log.warn(message, { target: options.name, reason, ...fields });
  };

  return {
    probe() {
      if (stopped) return;
      const now = clock.monotonic();
      if (down) tally.lost(down);
      if (renewing) return;
      if (!running) {
        if (now >= retryAt) start(now);
        return;
      }
      for (const [sequence, sentAt] of open) {
        if (now - sentAt < timeoutMs) break;
        open.delete(sequence);
        tally.lost('timeout');
      }
      if (now >= silentAt && !down) {
        silent++;
        silentAt = Math.max(now, silentAt + intervalMs);
        tally.lost('timeout');
      }
      if (now - repliedAt >= STALE_MS) {
        log.debug('no reply for a minute: ping is started anew', { target: options.name, stderr: running.stderr() });
        renewing = true;
        running.kill();
      }
    },
    async stop() {
      stopped = true;
      const ping = running;
      if (!ping) return;
      ping.kill();
      const timer = new AbortController();
      await Promise.race([ping.gone, clock.sleep(STOP_MS, timer.signal)]);
      timer.abort();
    },
    blocked: () => blocked,
  };
}
