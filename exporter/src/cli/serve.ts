/** `netpulse serve`: the exporter from start to stop, with its signals. */
import { systemClock } from '../clock.ts';
import type { Config } from '../config.ts';
import { createObserver } from '../observe.ts';
import { startPipeline } from '../pipeline.ts';

/** A stop that takes longer than this is not waited for. */
const STOP_MS = 4500;

/**
 * Runs until SIGTERM or SIGINT; the promise is the exit code. SIGHUP reloads the configuration. Rejects when the exporter cannot start.
 * A thread that hangs in the kernel (a dead mount) would keep the process from ending: then it kills itself, with everything saved.
 */
export async function serve(readConfig: () => Config, version: string): Promise<number> {
  const config = readConfig();
  const clock = systemClock((by) => {
    observer.count('clock_jumps_total', {});
    observer.log.warn('the clock was set', { by_seconds: Math.round(by / 1000) });
  });
  const observer = createObserver({ version, clock, level: config.log.level, format: config.log.format });
  const { log } = observer;
  for (const hint of config.hints) log.warn(hint);
  log.info('netpulse starts', {
    version,
    config: config.file ?? 'none, defaults',
    storage: config.storagePath,
    monitors: config.monitors.map((monitor) => monitor.name).join(),
  });

  // signals are listened to before anything starts: a SIGHUP that comes early must not end the process
  let late: NodeJS.Timeout | undefined;
  const asked = new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const)
      process.once(signal, () => {
        log.info('netpulse stops', { signal });
        late ??= setTimeout(() => {
          log.error('the stop takes too long, leaving without the rest', { after_ms: STOP_MS });
          process.kill(process.pid, 'SIGKILL');
        }, STOP_MS);
        resolve();
      });
  });
  let early = false;
  let reload = () => {
    early = true;
  };
  process.on('SIGHUP', () => reload());

  const pipeline = await startPipeline({ config, clock, observer, version, readConfig });
  reload = () => {
    pipeline.reload().catch(() => undefined); // reload has logged and exported what is wrong
  };
  if (early) reload();
  await asked;
  const stuck = await pipeline.stop();
  clearTimeout(late);
  log.info('netpulse has stopped');
  if (stuck) process.kill(process.pid, 'SIGKILL');
  return 0;
}
