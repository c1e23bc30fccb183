/**
 * The process metrics that are cheap and pass `promtool check metrics`. prom-client's own default set is not used: its `nodejs_active_*_total`
 * are gauges that end in `_total`.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Counter, Gauge, type Registry } from 'prom-client';
import { PROCESS_METRICS, type ObservedMetric } from './declared.ts';

/** ms between looks at the event loop: ten wake-ups a second */
const LAG_RESOLUTION_MS = 100;

/** Registers the metrics; the function it returns ends the watch over the event loop. */
export function registerProcessMetrics(registry: Registry): () => void {
  const gauge = (metric: ObservedMetric, read: () => number | undefined) =>
    new Gauge({
      name: metric.name,
      help: metric.help,
      registers: [registry],
      collect() {
        const value = read();
        if (value === undefined) this.remove();
        else this.set(value);
      },
    });

  new Counter({
    name: PROCESS_METRICS.cpu.name,
    help: PROCESS_METRICS.cpu.help,
    registers: [registry],
    collect() {
      const { user, system } = process.cpuUsage();
      this.reset();
      this.inc((user + system) / 1e6);
    },
  });
  gauge(PROCESS_METRICS.resident, () => process.memoryUsage.rss());
  const start = Math.round(Date.now() - process.uptime() * 1000) / 1000;
  gauge(PROCESS_METRICS.start, () => start);
  // minus the one that reads the folder
  gauge(PROCESS_METRICS.openFds, () => attempt(() => readdirSync('/proc/self/fd').length - 1));
  const maxFds = maximumFileDescriptors();
  gauge(PROCESS_METRICS.maxFds, () => maxFds);

  let memory = process.memoryUsage();
  gauge(PROCESS_METRICS.heapTotal, () => (memory = process.memoryUsage()).heapTotal);
  gauge(PROCESS_METRICS.heapUsed, () => memory.heapUsed);
  gauge(PROCESS_METRICS.external, () => memory.external);

  const delay = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS });
  delay.enable();
  // the histogram holds the time between two looks; what exceeds the resolution is the delay
  const lag = (nanoseconds: number) => Math.max(0, nanoseconds / 1e6 - LAG_RESOLUTION_MS) / 1000;
  gauge(PROCESS_METRICS.lagP50, () => lag(delay.percentile(50)));
  gauge(PROCESS_METRICS.lagP99, () => lag(delay.percentile(99)));
  gauge(PROCESS_METRICS.lagMax, () => {
    const longest = lag(delay.max);
    delay.reset();
    return longest;
  });
  return () => void delay.disable();
}

function maximumFileDescriptors(): number | undefined {
  const limits = attempt(() => readFileSync('/proc/self/limits', 'utf8'));
  const soft = Number(limits?.match(/^Max open files\s+(\S+)/m)?.[1]);
  return Number.isFinite(soft) ? soft : undefined;
}

/** Other systems have no /proc: the metric is absent there. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
