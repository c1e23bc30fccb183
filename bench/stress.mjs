// A real fault on this machine, and what the exporter says of it: all processors busy, then half of the free memory filled, with stress-ng.
//
//   node bench/stress.mjs [--quiet 120] [--load 60] [--json FILE] [--faults cpu,memory]
//
// Starts the exporter on an empty folder, watching this host only, leaves it in quiet for that many seconds, then loads the machine. For each fault: how long
// from the load's start until an incident opened, its kind at first and at last, the feature that comes first, and how long after the load's end it closed.
// An incident that opens without a load is listed as false. The machine must be left alone meanwhile. Exit code 1 when a target is missed.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { HOST_MONITOR, sleep, startExporter, startProcess } from './exporter-process.mjs';

const TARGETS = { openSamples: 15, closeSeconds: 60 };
const INTERVAL_MS = 1000;
const POLL_MS = 250;
const MEMORY_SHARE = 0.5;
/** between two faults: no open incident for this long, so that the second stands by itself; at most this long */
const CALM_MS = 30_000;
const LONGEST_CALM_MS = 180_000;
/** share of the processors' time above which a machine is not quiet, and a missed fault says little */
const BUSY = 0.1;

const FAULTS = {
  cpu: { kind: 'cpu_spike', features: ['cpu_usage_ratio', 'pressure_cpu_ratio'], args: () => ['--cpu', '0'] },
  memory: {
    kind: 'memory_pressure',
    features: ['memory_used_ratio', 'pressure_memory_ratio'],
    args: () => ['--vm', '1', '--vm-bytes', String(Math.floor(MEMORY_SHARE * availableBytes())), '--vm-keep'],
  },
};

const { values: options } = parseArgs({
  options: {
    quiet: { type: 'string', default: '120' },
    load: { type: 'string', default: '60' },
    faults: { type: 'string', default: 'cpu,memory' },
    json: { type: 'string' },
  },
});
const quietMs = 1000 * seconds('quiet');
const loadSeconds = seconds('load');
const names = options.faults.split(',');
// npm runs benches in their workspace: relative paths are meant from where the command was given
const json = options.json && resolve(process.env.INIT_CWD ?? '.', options.json);
for (const name of names)
  if (!FAULTS[name]) throw new Error(`--faults has "${name}"; write some of ${Object.keys(FAULTS).join(',')}`);

const interrupted = new AbortController();
process.once('SIGINT', () => interrupted.abort());
process.once('SIGTERM', () => interrupted.abort());

const folder = mkdtempSync(join(tmpdir(), 'netpulse-stress-'));
const log = (text) => console.error(`${new Date().toISOString().slice(11, 19)} ${text}`);
/** incident id -> how it was first seen, and how it is now */
const incidents = new Map();
const phases = [];
let exporter;
let unanswered = 0;
let busyInQuiet = NaN;
try {
  exporter = await startExporter(join(folder, 'exporter'), [HOST_MONITOR]);
  log(`quiet for ${quietMs / 1000} s`);
  const before = processorTimes();
  await watch(quietMs);
  const after = processorTimes();
  busyInQuiet = (after.busy - before.busy) / (after.all - before.all);
  if (busyInQuiet > BUSY) log(`this is no quiet machine: its processors were ${percent(busyInQuiet)} busy`);
  for (const name of names) {
    if (interrupted.signal.aborted) break;
    await calm();
    await load(name);
  }
  await watch(5000);
  const results = summary();
  if (json) writeFileSync(json, `${JSON.stringify(results, null, 2)}\n`);
  print(results);
  process.exitCode = results.met ? 0 : 1;
} finally {
  await exporter?.stop();
  rmSync(folder, { recursive: true, force: true });
}

async function load(name) {
  const args = [...FAULTS[name].args(), '--timeout', `${loadSeconds}s`];
  log(`stress-ng ${args.join(' ')}`);
  const from = Date.now();
  const stress = startProcess('stress-ng', folder, 'stress-ng', ['--temp-path', folder, ...args]);
  try {
    const phase = { name, from, to: Infinity };
    phases.push(phase);
    while (stress.ended() === undefined && !interrupted.signal.aborted) await watch(POLL_MS);
    phase.to = Date.now();
    if (stress.ended() !== undefined && stress.ended() !== 'exit code 0')
      throw new Error(`stress-ng: ${stress.ended()}\n${readFileSync(stress.log, 'utf8')}`);
    await watch(
      1000 * TARGETS.closeSeconds,
      () => ofPhase(phase).some((one) => one.now.state === 'closed') && !anyOpen(),
    );
  } finally {
    await stress.stop();
  }
}

async function calm() {
  const end = Date.now() + LONGEST_CALM_MS;
  let since = Date.now();
  while (Date.now() < end && Date.now() - since < CALM_MS && !interrupted.signal.aborted) {
    await watch(POLL_MS);
    if (anyOpen()) since = Date.now();
  }
}

/** Asks for the incidents until the time is over, or `enough`. */
async function watch(ms, enough = () => false) {
  const end = Date.now() + ms;
  do {
    const list = await ask('/api/incidents');
    for (const incident of list.incidents) {
      const known = incidents.get(incident.id);
      if (known) known.now = incident;
      else {
        incidents.set(incident.id, { first: incident, now: incident });
        log(`incident opened: ${incident.firstKind}, ${incident.summary}`);
      }
    }
    await sleep(Math.min(POLL_MS, Math.max(0, end - Date.now())), interrupted.signal);
  } while (Date.now() < end && !enough() && !interrupted.signal.aborted);
}

/** An exporter that is slow while the machine is loaded is asked again; one that has ended is an error. */
async function ask(path) {
  try {
    const answer = await fetch(exporter.url + path, { signal: AbortSignal.timeout(5000) });
    if (answer.ok) return await answer.json();
    throw new Error(`status ${answer.status}`);
  } catch (error) {
    if (exporter.ended() !== undefined)
      throw new Error(`the exporter ended (${exporter.ended()}):\n${readFileSync(exporter.log, 'utf8')}`, {
        cause: error,
      });
    unanswered++;
    log(`${path}: ${error.message}`);
    return { incidents: [] };
  }
}

function anyOpen() {
  return [...incidents.values()].some(({ now }) => now.state === 'open');
}

/** Incidents that opened while the load ran, oldest first. */
function ofPhase({ from, to }) {
  return [...incidents.values()]
    .filter(({ now }) => now.openedAt >= from && now.openedAt <= to)
    .sort((a, b) => a.now.openedAt - b.now.openedAt);
}

function summary() {
  const faults = phases.map((phase) => {
    const own = ofPhase(phase);
    const wanted = FAULTS[phase.name];
    const found = own.find(({ now }) => now.kind === wanted.kind) ?? own[0];
    const base = { fault: phase.name, kind: wanted.kind, loadSeconds: (phase.to - phase.from) / 1000 };
    if (!found) return { ...base, opened: false, met: false, missed: ['no incident opened'], others: [] };
    const { first, now } = found;
    const openSeconds = (now.openedAt - phase.from) / 1000;
    const closeSeconds = now.closedAt === null ? null : (now.closedAt - phase.to) / 1000;
    const openSamples = Math.max(1, Math.ceil((now.openedAt - phase.from) / INTERVAL_MS));
    const firstFeature = now.contributions[0]?.feature ?? null;
    const missed = [
      openSamples <= TARGETS.openSamples ? '' : `opened after ${openSamples} samples`,
      now.kind === wanted.kind ? '' : `kind ${now.kind}`,
      now.firstKind === wanted.kind ? '' : `kind ${now.firstKind} at opening`,
      wanted.features.includes(firstFeature) ? '' : `${firstFeature} first`,
      closeSeconds !== null && closeSeconds <= TARGETS.closeSeconds
        ? ''
        : `closed after ${closeSeconds ?? 'more than 60'} s`,
      closeSeconds !== null && closeSeconds < 0 ? `closed ${-closeSeconds} s before the load's end` : '',
    ].filter(Boolean);
    return {
      ...base,
      opened: true,
      openSeconds,
      openSamples,
      kindAtOpening: now.firstKind,
      kindAtEnd: now.kind,
      featureAtOpening: first.contributions[0]?.feature ?? null,
      firstFeature,
      severity: now.severity,
      peak: now.peak,
      closeSeconds,
      summary: now.summary,
      contributions: now.contributions.slice(0, 5).map(({ feature, share, value }) => ({ feature, share, value })),
      others: own.filter((one) => one !== found).map(({ now: other }) => brief(other)),
      met: missed.length === 0,
      missed,
    };
  });
  const inLoad = new Set(phases.flatMap((phase) => ofPhase(phase).map(({ now }) => now.id)));
  const falseIncidents = [...incidents.values()].filter(({ now }) => !inLoad.has(now.id)).map(({ now }) => brief(now));
  const complete = faults.length === names.length && !interrupted.signal.aborted;
  return {
    quietSeconds: quietMs / 1000,
    busyInQuiet,
    cpus: cpus().length,
    targets: TARGETS,
    faults,
    falseIncidents,
    unanswered,
    met: complete && faults.every(({ met }) => met) && falseIncidents.length === 0,
  };
}

function brief({ kind, severity, openedAt, closedAt, summary: text }) {
  return {
    kind,
    severity,
    openedAt: new Date(openedAt).toISOString(),
    seconds: closedAt && (closedAt - openedAt) / 1000,
    summary: text,
  };
}

function print({ busyInQuiet: busy, faults, falseIncidents, unanswered: failed, met }) {
  console.log(
    `${quietMs / 1000} quiet seconds, processors ${percent(busy)} busy${busy > BUSY ? ': NOT a quiet machine' : ''}`,
  );
  if (failed > 0) console.log(`${failed} questions to the exporter got no answer`);
  for (const fault of faults) {
    console.log(`${fault.met ? 'met' : 'MISSED'}: ${fault.fault}, ${fault.loadSeconds.toFixed(1)} s of load`);
    if (fault.opened) {
      const kinds =
        fault.kindAtOpening === fault.kindAtEnd ? fault.kindAtEnd : `${fault.kindAtOpening}, then ${fault.kindAtEnd}`;
      const closed =
        fault.closeSeconds === null ? 'still open' : `closed ${fault.closeSeconds.toFixed(1)} s after the end`;
      console.log(
        `  ${kinds}: opened after ${fault.openSeconds.toFixed(1)} s (${fault.openSamples} samples), ${closed}, severity ${fault.severity}, peak ${fault.peak.toFixed(2)}`,
      );
      const share = ({ feature, share: part }) => `${feature} ${Math.round(100 * part)} %`;
      console.log(`  features: ${fault.contributions.map(share).join(', ')} (at opening ${fault.featureAtOpening})`);
      console.log(`  ${fault.summary}`);
    }
    if (fault.missed.length > 0) console.log(`  missed: ${fault.missed.join('; ')}`);
    for (const other of fault.others) console.log(`  also: ${other.kind}, ${other.summary}`);
  }
  for (const one of falseIncidents) console.log(`FALSE: ${one.openedAt} ${one.kind}, ${one.severity}, ${one.summary}`);
  console.log(met ? 'all targets met' : 'a target was missed');
  console.log(
    `targets: opened within ${TARGETS.openSamples} samples, closed within ${TARGETS.closeSeconds} s, kind and first feature of the fault, no other incident`,
  );
}

function availableBytes() {
  return 1024 * Number(/^MemAvailable:\s+(\d+) kB/mu.exec(readFileSync('/proc/meminfo', 'latin1'))[1]);
}

/** Of all processors, in ticks since the start of the machine. */
function processorTimes() {
  const [user, nice, system, idle, iowait, irq, softirq, steal] = /^cpu +(.*)$/mu
    .exec(readFileSync('/proc/stat', 'latin1'))[1]
    .split(' ')
    .map(Number);
  const busy = user + nice + system + irq + softirq + steal;
  return { busy, all: busy + idle + iowait };
}

function percent(share) {
  return `${(100 * share).toFixed(1)} %`;
}

function seconds(name) {
  const value = Number(options[name]);
  if (!(value > 0)) throw new Error(`--${name} is ${options[name]}; write seconds above 0`);
  return value;
}
