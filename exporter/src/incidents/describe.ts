/** Words for an incident: one sentence, and what to look at first. */
import { humanFeature, humanValue } from '../human-units.ts';
import type { Contribution, Kind } from '../wire/incident.ts';

/** "cpu usage of web1 is 98 % (expected 3 %, at most 28 %)"; other features that matter are named after it. */
export function summarise(kind: Kind, entity: string, contributions: readonly Contribution[]): string {
  const [first, ...others] = contributions.filter((c) => c.share >= 0.1);
  if (!first) return `${entity} behaves unusually, without one feature that stands out.`;
  if (kind === 'correlation_break')
    return `Values of ${entity} that belong together have come apart, each of them within its usual range; most unusual: ${humanFeature(first.feature, first.unit)}.`;
  const value = humanValue(first.value, first.unit);
  const expected = humanValue(first.expected, first.unit);
  const over = first.value !== null && first.expected !== null && first.value > first.expected;
  const bound = over ? first.upper : first.lower;
  const limit = bound === null ? '' : `, ${over ? 'at most' : 'at least'} ${humanValue(bound, first.unit)}`;
  const also = others.slice(0, 2).map((c) => `${humanFeature(c.feature, c.unit)} ${humanValue(c.value, c.unit)}`);
  return `${humanFeature(first.feature, first.unit)} of ${entity} is ${value} (expected ${expected}${limit})${also.length > 0 ? `; also ${also.join(', ')}` : ''}.`;
}

const CHECKS: Record<Kind, readonly string[]> = {
  cpu_spike: [
    'Which process uses the CPU: top -o %CPU',
    'Did a job, a deployment or a backup start at that time?',
    'Is the load user or system time, and is the hypervisor stealing any?',
  ],
  memory_pressure: [
    'Which process grew: ps -eo pid,comm,rss --sort=-rss | head',
    'Has the kernel killed anything: dmesg | grep -i oom',
    'Is the machine swapping: vmstat 1',
  ],
  memory_leak: [
    'Which process has been growing for ten minutes or more: compare ps -eo pid,comm,rss now and in a few minutes',
    'When will memory run out at this slope? Plan a restart before then.',
    'What was deployed last?',
  ],
  latency_surge: [
    'Is one hop, disk or target slow, or all of them?',
    'Is a queue full: look at utilisation, retransmissions and I/O pressure at the same time',
    'Did traffic rise first?',
  ],
  packet_storm: [
    'Which peer and protocol send the packets: ss -s, tcpdump -c 1000 -nn',
    'Is a loop, a scan or a retry storm behind it?',
    'Are packets being dropped on the interface: ip -s link',
  ],
  bandwidth_drop: [
    'Is the link up and at its speed: ethtool, ip -s link',
    'Did the senders stop, or does nothing arrive any more?',
    'Did a route, a firewall rule or a neighbour change?',
  ],
  error_flood: [
    'Which interface, disk or target reports the errors?',
    'Cable, optics, driver: dmesg, ethtool -S',
    'Is the other side up?',
  ],
  correlation_break: [
    'Which of the named features no longer follows the others?',
    'Is a sensor or counter stuck?',
    'Has the workload changed its mix?',
  ],
  limit: ['The limit is set in the configuration: is it still right?', 'What moved before the limit was crossed?'],
  unknown: [
    'Look at the named features around the start of the incident',
    'What changed on this machine at that time?',
  ],
};

export function checksFor(kind: Kind): string[] {
  return [...CHECKS[kind]];
}
