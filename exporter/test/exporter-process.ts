/**
 * The built exporter as a process of its own, as users run it: a configuration in a temporary folder, 127.0.0.1, a port that the system chooses.
 * Nothing here waits for a fixed time: `until` asks again until the answer is there, and its limit only ends a test that would never end.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { request as httpRequest, type Agent, type IncomingHttpHeaders } from 'node:http';
import { join } from 'node:path';
import { readText, samplesOf, seriesKey, type ReadFamily } from '../src/outputs/fixtures/read-page.ts';
import { temporaryFolder } from '../src/store/testing/disk.ts';

export const PROGRAM = join(__dirname, '../bin/netpulse.js');

const PATIENCE_MS = 45_000;
const LOOK_MS = 100;

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface RequestOptions {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | Buffer;
  /** default: a connection of its own */
  readonly agent?: Agent;
}

export interface StartOptions {
  /** what the configuration says beside storage and address */
  readonly config: Record<string, unknown>;
  /** default: a new one */
  readonly storage?: string;
  readonly args?: readonly string[];
  readonly env?: Record<string, string>;
}

export interface Exporter {
  readonly pid: number;
  readonly port: number;
  readonly url: string;
  readonly storage: string;
  /** lines of the log so far */
  readonly lines: readonly string[];
  get(path: string, options?: RequestOptions): Promise<Answer>;
  /** the body as JSON; throws unless the status is 200 */
  api<T>(path: string): Promise<T>;
  /** the metrics page as text */
  page(): Promise<Page>;
  /** Replaces what the configuration file says beside storage and address; a text is written as it is. */
  configure(config: Record<string, unknown> | string): void;
  signal(name: NodeJS.Signals): void;
  /** SIGTERM, or another signal; resolves when the process has ended */
  stop(name?: NodeJS.Signals): Promise<Exit>;
  readonly exited: Promise<Exit>;
}

export interface Page {
  readonly body: string;
  readonly families: readonly ReadFamily[];
  /** value of a series; undefined when it is not on the page */
  value(name: string, labels?: Record<string, string>): number | undefined;
  /** sum of the series of this name that have these labels, among others; 0 when there are none */
  sum(name: string, labels?: Record<string, string>): number;
  /** distinct values of one label on the series of this name */
  labels(name: string, label: string): string[];
}

const running = new Set<ChildProcess>();

/** Kills what is still there; belongs into `afterEach` or `afterAll`. */
export async function killExporters(): Promise<void> {
  await Promise.all(
    [...running].map(
      (child) =>
        new Promise<void>((resolve) => {
          child.once('close', () => resolve());
          child.kill('SIGKILL');
        }),
    ),
  );
}

/** The environment of a child: ours, without what would configure it behind a test's back. */
export function cleanEnvironment(more: Record<string, string> = {}): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(NETPULSE_|STATE_DIRECTORY$|NODE_OPTIONS$)/.test(name),
  );
  return { ...Object.fromEntries(kept), ...more };
}

export function configText(config: Record<string, unknown>, storage: string): string {
  return JSON.stringify({ storage: { path: storage }, web: { listen_address: '127.0.0.1:0' }, ...config });
}

/** Resolves when it listens. Rejects with its output when it ends before that. */
export async function startExporter(options: StartOptions): Promise<Exporter> {
  const folder = temporaryFolder();
  const storage = options.storage ?? join(folder, 'state');
  const configFile = join(folder, 'netpulse.yaml');
  const configure: Exporter['configure'] = (config) =>
    writeFileSync(configFile, typeof config === 'string' ? config : configText(config, storage));
  configure(options.config);
  return launch([PROGRAM, '--config.file', configFile, ...(options.args ?? [])], {
    storage,
    configure,
    env: cleanEnvironment(options.env),
  });
}

/** Starts node with these arguments; for programs that are not at their usual place. */
export async function launch(
  args: readonly string[],
  { storage, configure, env }: { storage: string; configure: Exporter['configure']; env: NodeJS.ProcessEnv },
): Promise<Exporter> {
  if (args[0] === PROGRAM) expectBuilt();
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'inherit', 'pipe'] });
  running.add(child);
  const lines: string[] = [];
  let rest = '';
  let listening: (port: number) => void;
  const port = new Promise<number>((resolve) => (listening = resolve));
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\n');
    rest = parts.pop()!;
    lines.push(...parts);
    for (const line of parts) {
      const match = line.includes('"listening"') ? /\bport"?[=:](\d+)/.exec(line) : null;
      if (match) listening(Number(match[1]));
    }
  });
  const exited = new Promise<Exit>((resolve) => {
    child.once('close', (code, signal) => {
      running.delete(child);
      resolve({ code, signal });
    });
  });
  const first = await Promise.race([port, exited]);
  if (typeof first !== 'number')
    throw new Error(`the exporter ended (${JSON.stringify(first)}) before it listened:\n${lines.join('\n')}\n${rest}`);

  const url = `http://127.0.0.1:${first}`;
  const get: Exporter['get'] = (path, request) => fetchText(`${url}${path}`, request);
  return {
    pid: child.pid!,
    port: first,
    url,
    storage,
    lines,
    get,
    async api<T>(path: string) {
      const { status, body } = await get(path);
      if (status !== 200) throw new Error(`${path}: ${status} ${body}`);
      return JSON.parse(body) as T;
    },
    async page() {
      const { status, body } = await get('/metrics');
      if (status !== 200) throw new Error(`/metrics: ${status} ${body}`);
      return readPage(body);
    },
    configure,
    signal: (name) => void child.kill(name),
    stop(name = 'SIGTERM') {
      child.kill(name);
      return exited;
    },
    exited,
  };
}

export function readPage(body: string): Page {
  const families = readText(body);
  const samples = samplesOf(families);
  const named = (name: string, labels: Record<string, string>) =>
    families
      .flatMap((family) => family.samples)
      .filter(
        (sample) =>
          sample.name === name && Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
      );
  return {
    body,
    families,
    value: (name, labels = {}) => samples.get(seriesKey({ name, labels, value: 0 })),
    sum: (name, labels = {}) => named(name, labels).reduce((sum, { value }) => sum + value, 0),
    labels: (name, label) => [...new Set(named(name, {}).map(({ labels }) => labels[label]))].sort(),
  };
}

export function fetchText(url: string, options: RequestOptions = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { method = 'GET', headers, body, agent = false } = options;
    const request = httpRequest(url, { method, headers, agent }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => (text += part));
      response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, body: text }));
      response.on('error', reject);
    });
    request.on('error', reject);
    request.end(body);
  });
}

/** Asks until the answer is there and gives it back. A question that throws is asked again; its last error is told at the end. */
export async function until<T>(
  what: string,
  ask: () => Promise<T | undefined | false> | T | undefined | false,
): Promise<T> {
  const end = performance.now() + PATIENCE_MS;
  let last: unknown;
  for (;;) {
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== false) return answer;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (performance.now() > end) throw new Error(`waited in vain until ${what}`, { cause: last });
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

export interface Output extends Exit {
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command of the program to its end. */
export function runProgram(
  args: readonly string[],
  { env = {}, cwd }: { env?: Record<string, string>; cwd?: string } = {},
): Promise<Output> {
  expectBuilt();
  return runCommand(process.execPath, [PROGRAM, ...args], { env: cleanEnvironment(env), cwd });
}

export function runCommand(
  command: string,
  args: readonly string[],
  { env, cwd, input }: { env?: NodeJS.ProcessEnv; cwd?: string; input?: string } = {},
): Promise<Output> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, cwd, stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'] });
    running.add(child);
    const parts = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
    child.stdout!.on('data', (part: Buffer) => parts.stdout.push(part));
    child.stderr!.on('data', (part: Buffer) => parts.stderr.push(part));
    child.once('error', (error) => {
      running.delete(child);
      reject(error);
    });
    child.once('close', (code, signal) => {
      running.delete(child);
      const text = (chunks: Buffer[]) => Buffer.concat(chunks).toString('utf8');
      resolve({ code, signal, stdout: text(parts.stdout), stderr: text(parts.stderr) });
    });
    if (input !== undefined) child.stdin!.end(input);
  });
}

function expectBuilt(): void {
  if (!existsSync(join(__dirname, '../dist/main.js')))
    throw new Error('exporter/dist is missing; build it with: npm run build -w exporter');
}
