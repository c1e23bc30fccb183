// What watching a host costs: our exporter beside Debian's prometheus-node-exporter and netdata, all three running at once on loopback, scraped in turn.
//
//   node bench/host-cost.mjs [--minutes 5] [--scrape 1] [--warm-up 60] [--json FILE] [--encoding identity|gzip] [--only exporter,node_exporter,netdata]
//
// Ours watches the host with every feature at 1 s, both detectors, and a ping of 127.0.0.1. Its forests are fitted during the run, in its own process.
// Scrape latency is the whole request as a client sees it, on a kept-alive connection. CPU is user + system time of the process with its threads and
// children, as a share of one core; RSS is VmRSS every 5 s, of the process alone and with its children, the median over the last sixth of the run.
// The warm-up counts for neither. The JSON file is written anew each minute, so that a run that is killed leaves its figures. A peer that is not
// installed is left out by name. Exit code 1 when a target is missed.
import { execFileSync } from 'node:child_process';
import {
  accessSync,
  constants,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { Agent, request } from 'node:http';
import { cpus, release, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import {
  HOST_MONITOR,
  LOOPBACK_PROBE,
  answers,
  freePort,
  sleep,
  startExporter,
  startProcess,
} from './exporter-process.mjs';

const TARGETS = { p99AgainstNodeExporter: 0.5, cpuShare: 0.01, rssMegabytes: 90, rssMustMegabytes: 120 };
const NODE_EXPORTER = '/usr/bin/prometheus-node-exporter';
const NETDATA = '/usr/sbin/netdata';
/** USER_HZ: the unit of times in /proc/PID/stat, the same on every Linux */
const TICKS_PER_SECOND = 100;
const RSS_EVERY_MS = 5000;
/** scrapes come this share earlier or later, so that they do not keep step with anybody's sampling */
const JITTER = 0.25;
const MEGABYTE = 1e6;

const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '5' },
    scrape: { type: 'string', default: '1' },
    'warm-up': { type: 'string', default: '60' },
    json: { type: 'string' },
    encoding: { type: 'string', default: 'identity' },
    only: { type: 'string', default: 'exporter,node_exporter,netdata' },
  },
});
const minutes = positive('minutes');
const scrapeMs = 1000 * positive('scrape');
const warmUpMs = 1000 * Number(options['warm-up']);
const wanted = options.only.split(',');
// npm runs benches in their workspace: relative paths are meant from where the command was given
const json = options.json && resolve(process.env.INIT_CWD ?? '.', options.json);

const stop = new AbortController();
process.once('SIGINT', () => stop.abort());
process.once('SIGTERM', () => stop.abort());

const folder = mkdtempSync(join(tmpdir(), 'netpulse-host-cost-'));
const watched = [];
const leftOut = {};
try {
  for (const [name, start] of Object.entries({ exporter, node_exporter: nodeExporter, netdata })) {
    if (!wanted.includes(name)) continue;
    try {
      watched.push(measured(name, await start(join(folder, name))));
    } catch (error) {
      leftOut[name] = error.message;
      console.error(`${name} is left out: ${error.message}`);
    }
  }
  await scrapeInTurn(warmUpMs, () => {});
  const startedAt = Date.now();
  for (const one of watched) one.begin();
  const sampling = setInterval(() => watched.forEach((one) => one.sampleMemory()), RSS_EVERY_MS);
  const reporting = setInterval(() => progress(startedAt), 60_000);
  await scrapeInTurn(minutes * 60_000, (one, scrape) => one.add(scrape));
  clearInterval(sampling);
  clearInterval(reporting);
  for (const one of watched) one.sampleMemory();
  const results = summary(startedAt);
  save(results);
  print(results);
  process.exitCode = results.verdicts.some(({ met }) => met === false) ? 1 : 0;
} finally {
  for (const one of watched) await one.stop();
  rmSync(folder, { recursive: true, force: true });
}

async function exporter(home) {
  const started = await startExporter(home, [HOST_MONITOR, LOOPBACK_PROBE]);
  const { version } = await (await fetch(`${started.url}/api/status`)).json();
  return { ...started, version, path: '/metrics', expect: 'netpulse_build_info{' };
}

async function nodeExporter(home) {
  installed(NODE_EXPORTER);
  mkdirSync(home);
  const port = await freePort();
  const started = startProcess('node_exporter', home, NODE_EXPORTER, [`--web.listen-address=127.0.0.1:${port}`]);
  await answers(started, `http://127.0.0.1:${port}/metrics`);
  const version = /version ([\d.]+)/u.exec(execFileSync(NODE_EXPORTER, ['--version'], { encoding: 'utf8' }))?.[1];
  return { ...started, port, version, path: '/metrics', expect: 'node_cpu_seconds_total{' };
}

/** Its own /proc collection each second, in memory; machine learning on where the build has it; nothing that leaves the machine. */
async function netdata(home) {
  installed(NETDATA);
  const port = await freePort();
  for (const part of ['', 'etc', 'cache', 'lib', 'log', 'home']) mkdirSync(join(home, part));
  writeFileSync(join(home, 'etc', '.opt-out-from-anonymous-statistics'), '');
  const learns = /Machine Learning:\s+YES/u.test(execFileSync(NETDATA, ['-W', 'buildinfo'], { encoding: 'utf8' }));
  const off = [
    'timex',
    'checks',
    'idlejitter',
    'tc',
    'cgroups',
    'slabinfo',
    'ebpf',
    'perf',
    'nfacct',
    'cups',
    'xenstat',
  ];
  const external = ['apps', 'charts.d', 'python.d', 'go.d', 'node.d', 'fping', 'ioping', 'freeipmi', 'statsd'];
  const sections = {
    global: { 'run as user': 'root', 'update every': 1 },
    db: { mode: 'ram', retention: 3600, 'update every': 1 },
    directories: { config: 'etc', cache: 'cache', lib: 'lib', log: 'log', home: 'home' },
    logs: { access: 'none' },
    web: { 'bind to': '127.0.0.1', 'default port': port },
    plugins: {
      proc: 'yes',
      diskspace: 'yes',
      'enable running new plugins': 'no',
      ...Object.fromEntries([...off, ...external].map((name) => [name, 'no'])),
    },
    health: { enabled: 'no' },
    registry: { enabled: 'no' },
    statsd: { enabled: 'no' },
    cloud: { enabled: 'no' },
    ml: { enabled: learns ? 'yes' : 'no' },
  };
  for (const [key, value] of Object.entries(sections.directories)) sections.directories[key] = join(home, value);
  const lines = Object.entries(sections).map(
    ([section, keys]) =>
      `[${section}]\n${Object.entries(keys)
        .map(([key, value]) => `    ${key} = ${value}\n`)
        .join('')}`,
  );
  const file = join(home, 'netdata.conf');
  writeFileSync(file, lines.join('\n'));
  const env = { ...process.env, DISABLE_TELEMETRY: '1', DO_NOT_TRACK: '1' };
  const started = startProcess('netdata', home, NETDATA, ['-D', '-c', file], { env });
  await answers(started, `http://127.0.0.1:${port}/api/v1/info`);
  const version = execFileSync(NETDATA, ['-v'], { encoding: 'utf8' }).replace(/[^\d.]/gu, '');
  return {
    ...started,
    port,
    version,
    path: '/api/v1/allmetrics?format=prometheus',
    expect: 'netdata_system_cpu',
    notes: [`machine learning ${learns ? 'on' : 'not in this build'}`],
  };
}

function installed(path) {
  try {
    accessSync(path, constants.X_OK);
  } catch {
    throw new Error(`${path} is not installed`);
  }
}

/** One running program and what was seen of it. */
function measured(name, { pid, port, path, expect, version, notes = [], stop: end, ended }) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const latencies = [];
  const failures = [];
  const memory = [];
  const cpuByMinute = [];
  let bytes = 0;
  let began = { ticks: 0, at: 0 };
  let minute = began;
  const now = () => ({ ticks: cpuTicks(pid), at: performance.now() });
  const share = (from, to) => (10 * (to.ticks - from.ticks) * (100 / TICKS_PER_SECOND)) / (to.at - from.at);
  return {
    name,
    pid,
    alive: () => ended() === undefined,
    scrape: () => scrape({ agent, port, path, expect }),
    begin() {
      began = minute = now();
      this.sampleMemory();
    },
    add(result) {
      if (result.error) return failures.push(result.error);
      latencies.push(result.ms);
      bytes = result.bytes;
    },
    sampleMemory() {
      if (!this.alive()) return;
      const tree = processTree(pid);
      memory.push({ own: residentBytes(pid), all: tree.reduce((sum, one) => sum + residentBytes(one.pid), 0) });
    },
    endMinute() {
      if (!this.alive()) return;
      const next = now();
      cpuByMinute.push(share(minute, next));
      minute = next;
    },
    summary() {
      const last = memory.slice(-Math.ceil(memory.length / 6));
      const megabytes = (list, key) => list.map((one) => one[key] / MEGABYTE);
      return {
        name,
        version,
        notes,
        ended: ended() ?? null,
        scrapes: latencies.length,
        failures: { count: failures.length, first: failures[0] ?? null },
        pageBytes: bytes,
        latencyMs: { p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99), max: quantile(latencies, 1) },
        cpuShare: this.alive() ? share(began, now()) : quantile(cpuByMinute, 0.5),
        cpuShareByMinute: cpuByMinute,
        rssMegabytes: {
          median: quantile(megabytes(last, 'own'), 0.5),
          max: quantile(megabytes(memory, 'own'), 1),
          medianWithChildren: quantile(megabytes(last, 'all'), 0.5),
          maxWithChildren: quantile(megabytes(memory, 'all'), 1),
        },
      };
    },
    async stop() {
      agent.destroy();
      await end();
    },
  };
}

/** Each round asks everybody once, every time beginning with another one. */
async function scrapeInTurn(forMs, each) {
  const end = performance.now() + forMs;
  for (let round = 0; performance.now() < end && !stop.signal.aborted; round++) {
    const due = performance.now() + scrapeMs * (1 + JITTER * (2 * Math.random() - 1));
    for (let i = 0; i < watched.length; i++) {
      const one = watched[(round + i) % watched.length];
      if (one.alive()) each(one, await one.scrape());
    }
    await sleep(Math.max(0, Math.min(due, end) - performance.now()), stop.signal);
  }
}

function scrape({ agent, port, path, expect }) {
  return new Promise((resolve) => {
    const chunks = [];
    const headers = { Accept: 'text/plain;version=0.0.4', 'Accept-Encoding': options.encoding };
    const began = performance.now();
    const failed = (error) => resolve({ error: error.message });
    const asked = request({ agent, host: '127.0.0.1', port, path, headers, timeout: 10_000 }, (answer) => {
      answer.on('data', (chunk) => chunks.push(chunk));
      answer.once('error', failed);
      answer.once('end', () => {
        const ms = performance.now() - began;
        const body = Buffer.concat(chunks);
        if (answer.statusCode !== 200) return resolve({ error: `status ${answer.statusCode}` });
        if (!answer.headers['content-encoding'] && !body.includes(expect))
          return resolve({ error: `no ${expect} in the answer` });
        resolve({ ms, bytes: body.length });
      });
    });
    asked.once('timeout', () => asked.destroy(new Error('no answer in 10 s')));
    asked.once('error', failed);
    asked.end();
  });
}

function progress(startedAt) {
  for (const one of watched) one.endMinute();
  const results = summary(startedAt);
  save(results);
  const parts = results.processes.map(
    ({ name, latencyMs, cpuShare, rssMegabytes }) =>
      `${name} p99 ${latencyMs.p99.toFixed(2)} ms, ${(100 * cpuShare).toFixed(2)} % CPU, ${rssMegabytes.median.toFixed(1)} MB`,
  );
  console.error(`${Math.round((Date.now() - startedAt) / 60_000)} of ${minutes} min: ${parts.join('; ')}`);
}

function summary(startedAt) {
  const processes = watched.map((one) => one.summary());
  const [ours, ...peers] = ['exporter', 'node_exporter', 'netdata'].map((name) =>
    processes.find((p) => p.name === name),
  );
  const ratios = Object.fromEntries(
    peers
      .filter((peer) => ours && peer)
      .map((peer) => [
        peer.name,
        {
          p50: ours.latencyMs.p50 / peer.latencyMs.p50,
          p99: ours.latencyMs.p99 / peer.latencyMs.p99,
          cpu: ours.cpuShare / peer.cpuShare,
          rss: ours.rssMegabytes.medianWithChildren / peer.rssMegabytes.medianWithChildren,
        },
      ]),
  );
  const verdict = (what, value, limit) => ({ what, value, limit, met: value === undefined ? null : value <= limit });
  const rss = ours?.rssMegabytes.medianWithChildren;
  return {
    startedAt: new Date(startedAt).toISOString(),
    seconds: Math.round((Date.now() - startedAt) / 1000),
    scrapeSeconds: scrapeMs / 1000,
    encoding: options.encoding,
    machine: { cpus: cpus().length, model: cpus()[0]?.model ?? null, kernel: release(), node: process.version },
    leftOut,
    processes,
    ratios,
    verdicts: [
      verdict('failed scrapes of /metrics', ours?.failures.count, 0),
      verdict('p99 of /metrics against node_exporter', ratios.node_exporter?.p99, TARGETS.p99AgainstNodeExporter),
      verdict('CPU, share of one core', ours?.cpuShare, TARGETS.cpuShare),
      verdict('RSS with children, MB, wanted', rss, TARGETS.rssMegabytes),
      verdict('RSS with children, MB, required', rss, TARGETS.rssMustMegabytes),
    ],
  };
}

function save(results) {
  if (json) writeFileSync(json, `${JSON.stringify(results, null, 2)}\n`);
}

function print({ seconds, machine, processes, ratios, verdicts }) {
  console.log(`${seconds} s, a scrape of each every ${scrapeMs / 1000} s, ${machine.cpus} CPUs, Node ${machine.node}`);
  const row = (name, cells) => console.log(name.padEnd(26) + cells.map((cell) => String(cell).padStart(10)).join(''));
  row('', ['scrapes', 'failed', 'KB', 'p50 ms', 'p99 ms', 'max ms', 'CPU %', 'RSS MB', '+children', 'max']);
  for (const {
    name,
    version,
    notes,
    ended,
    scrapes,
    failures,
    pageBytes,
    latencyMs,
    cpuShare,
    rssMegabytes,
  } of processes) {
    row(`${name} ${version}`, [
      scrapes,
      failures.count,
      (pageBytes / 1000).toFixed(1),
      ...[latencyMs.p50, latencyMs.p99, latencyMs.max].map((ms) => ms.toFixed(2)),
      (100 * cpuShare).toFixed(2),
      ...[rssMegabytes.median, rssMegabytes.medianWithChildren, rssMegabytes.maxWithChildren].map((mb) =>
        mb.toFixed(1),
      ),
    ]);
    for (const note of [
      ...notes,
      ...(ended ? [`ended early: ${ended}`] : []),
      ...(failures.first ? [failures.first] : []),
    ])
      console.log(`  ${note}`);
  }
  for (const [peer, { p50, p99, cpu, rss }] of Object.entries(ratios))
    console.log(
      `ours / ${peer}: p50 ${p50.toFixed(2)}, p99 ${p99.toFixed(2)}, CPU ${cpu.toFixed(2)}, RSS ${rss.toFixed(2)}`,
    );
  for (const [name, reason] of Object.entries(leftOut)) console.log(`left out: ${name} (${reason})`);
  for (const { what, value, limit, met } of verdicts)
    console.log(
      `${met === null ? 'not measured' : met ? 'met' : 'MISSED'}: ${what} ${value?.toPrecision(3) ?? '-'} (target <= ${limit})`,
    );
}

/** The process and its descendants, with their times. */
function processTree(root) {
  const all = [];
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/u.test(entry)) continue;
    const one = processTimes(Number(entry));
    if (one) all.push(one);
  }
  const tree = all.filter((one) => one.pid === root);
  for (let i = 0; i < tree.length; i++) tree.push(...all.filter((one) => one.parent === tree[i].pid));
  return tree;
}

/** User and system time with all threads, and that of children that have ended: a child's time moves to its parent then. */
function cpuTicks(root) {
  return processTree(root).reduce((sum, one) => sum + one.ticks, 0);
}

function processTimes(pid) {
  let stat;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined; // ended since the folder was listed
  }
  // the name in parentheses may hold anything; fields are counted behind it (proc(5): 3 state, 4 ppid, 14-17 times)
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  return { pid, parent: Number(fields[1]), ticks };
}

function residentBytes(pid) {
  try {
    return 1024 * Number(/^VmRSS:\s+(\d+) kB/mu.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0);
  } catch {
    return 0; // ended
  }
}

/** Nearest rank; NaN of nothing. */
function quantile(values, q) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.length === 0 ? NaN : sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)];
}

function positive(name) {
  const value = Number(options[name]);
  if (!(value > 0)) throw new Error(`--${name} is ${options[name]}; write a number above 0`);
  return value;
}
