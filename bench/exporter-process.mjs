// The built exporter as a child process on a folder and a loopback port of its own: what it watches is always told, so that it never looks for a default gateway.
import { spawn } from 'node:child_process';
import { createWriteStream, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PROGRAM = join(dirname(fileURLToPath(import.meta.url)), '..', 'exporter', 'bin', 'netpulse.js');
const START_MS = 30_000;
const STOP_MS = 10_000;

/** Every feature of this host, each second. */
export const HOST_MONITOR = { name: 'host', source: 'host' };
export const LOOPBACK_PROBE = { name: 'probe', source: 'probe', options: { targets: ['icmp://127.0.0.1'] } };

/** Starts the exporter with these monitors and waits until it answers. `folder` receives its configuration, log and state. */
export async function startExporter(folder, monitors) {
  mkdirSync(folder, { recursive: true });
  const port = await freePort();
  const config = join(folder, 'netpulse.yaml');
  // YAML is a superset of JSON
  writeFileSync(
    config,
    JSON.stringify({
      storage: { path: join(folder, 'state') },
      web: { listen_address: `127.0.0.1:${port}` },
      log: { level: 'warn' },
      monitors,
    }),
  );
  const started = startProcess('exporter', folder, process.execPath, [PROGRAM, '--config.file', config]);
  const url = `http://127.0.0.1:${port}`;
  await answers(started, `${url}/-/ready`);
  return { ...started, port, url };
}

/**
 * A child in a process group of its own, so that Ctrl-C reaches only us; it ends with us in any case. Its output goes to `<name>.log` in the folder.
 * `ended` is undefined while it runs, then says how it ended.
 */
export function startProcess(name, folder, command, args, options = {}) {
  const log = createWriteStream(join(folder, `${name}.log`));
  const child = spawn(command, args, { ...options, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  let ended;
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  const gone = new Promise((resolve) => {
    child.once('error', (error) => resolve((ended = error.message)));
    child.once('exit', (code, signal) => resolve((ended = signal ? `killed by ${signal}` : `exit code ${code}`)));
  });
  const killWithUs = () => child.kill('SIGKILL');
  process.once('exit', killWithUs);
  return {
    pid: child.pid,
    ended: () => ended,
    gone,
    log: log.path,
    async stop() {
      if (ended === undefined) child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
      await gone;
      clearTimeout(timer);
      process.off('exit', killWithUs);
      log.end();
    },
  };
}

/** Waits for status 200. Throws when the process ends before, or takes longer than 30 s; it is stopped then. */
export async function answers(child, url) {
  const deadline = performance.now() + START_MS;
  for (;;) {
    const answer = await fetch(url).catch(() => undefined);
    await answer?.arrayBuffer();
    if (answer?.status === 200) return;
    const late = performance.now() > deadline;
    if (!late && child.ended() === undefined) {
      await sleep(100);
      continue;
    }
    const reason = child.ended() ?? `no answer from ${url} in ${START_MS / 1000} s`;
    await child.stop();
    throw new Error(`${reason}; see ${child.log}`);
  }
}

export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Ends early, without an error, when the signal aborts. */
export function sleep(ms, signal) {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done, { once: true });
  });
}
