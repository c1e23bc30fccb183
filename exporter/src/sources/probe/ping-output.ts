/**
 * The output of `ping`, line by line: iputils (Debian, Fedora, Arch; `-O` and `-D` or not), BusyBox (Alpine) and GNU inetutils, all with LC_ALL=C.
 */

export interface PingLine {
  /** `reply` in time or not; `no-answer`: sent one interval ago and nothing came yet; `unreachable`: an ICMP error or a damaged reply came */
  readonly type: 'reply' | 'no-answer' | 'unreachable';
  /** of the probe: 0 or 1 is the first, 65535 is followed by 0 */
  readonly sequence: number;
  /** round trip; NaN where there is none */
  readonly seconds: number;
}

const TIMESTAMP = String.raw`^(?:\[\d+\.\d+\] )?`;
const REPLY = new RegExp(String.raw`${TIMESTAMP}\d+ bytes from .+: (?:icmp_)?seq=(\d+)(.*)$`);
const NO_ANSWER = new RegExp(String.raw`${TIMESTAMP}no answer yet for icmp_seq=(\d+)$`);
const ICMP_ERROR = new RegExp(String.raw`${TIMESTAMP}From .+?:? icmp_seq=(\d+) (.*)$`);
/** Messages about a packet that went on its way all the same. */
const ADVICE = /^(?:Redirect|Source Quench)/;
const TIME = /\btime=(\d+(?:\.\d+)?) ms/;

/** What a line says about one probe; undefined for headings, duplicates, summaries and everything unknown. */
export function parsePingLine(line: string): PingLine | undefined {
  const reply = REPLY.exec(line);
  if (reply) {
    const sequence = Number(reply[1]);
    if (reply[2].includes('(DUP!)')) return undefined;
    if (reply[2].includes('(BAD CHECKSUM!)')) return { type: 'unreachable', sequence, seconds: NaN };
    const time = TIME.exec(reply[2]);
    return { type: 'reply', sequence, seconds: time ? Number(time[1]) / 1000 : NaN };
  }
  const missing = NO_ANSWER.exec(line);
  if (missing) return { type: 'no-answer', sequence: Number(missing[1]), seconds: NaN };
  const failed = ICMP_ERROR.exec(line);
  if (failed && !ADVICE.test(failed[2])) return { type: 'unreachable', sequence: Number(failed[1]), seconds: NaN };
  return undefined;
}

/** Why `ping` ended, from what it wrote to stderr; undefined when it says nothing known. */
export function pingFailure(
  stderr: string,
): 'unknown_host' | 'unreachable' | 'not_permitted' | 'unknown_option' | undefined {
  // first: what follows is the whole usage text, which has words of its own
  if (/(?:invalid|unrecognized|unknown) option/i.test(stderr)) return 'unknown_option';
  if (/name or service not known|in name resolution|no address associated|unknown host|bad address/i.test(stderr))
    return 'unknown_host';
  if (/network is (?:unreachable|down)|no route to host|host is (?:unreachable|down)/i.test(stderr))
    return 'unreachable';
  if (/operation not permitted|permission denied|lacking privilege|cap_net_raw/i.test(stderr)) return 'not_permitted';
  return undefined;
}
