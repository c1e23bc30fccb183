/**
 * The configuration: defaults < YAML file < environment < flags. Everything that is wrong is told at once; what is returned is whole, and no room
 * looks anything up later. Without a file the host and its default gateway are watched.
 */
import { homedir } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { readDocument } from './config/document.ts';
import { FLAGS } from './config/flags.ts';
import type { Flag, FlagValues } from './config/flags.ts';
import { DEFAULT_MONITORS, featureProblems, monitorProblems, resolveMonitor } from './config/monitors.ts';
import type { MonitorConfig, Tables } from './config/monitors.ts';
import { ConfigError, keyOf, nearest, problemsOf, valueAt } from './config/problems.ts';
import type { Path, Problem } from './config/problems.ts';
import { fileOptions } from './config/schema.ts';
import type { FileOptions } from './config/schema.ts';
import type { Schema } from './flow.ts';

export interface Config {
  /** absolute; null without a file */
  readonly file: string | null;
  readonly storagePath: string;
  readonly log: FileOptions['log'];
  readonly paths: { readonly procfs: string; readonly sysfs: string; readonly rootfs: string };
  readonly web: FileOptions['web'];
  readonly metrics: FileOptions['metrics'];
  readonly monitors: readonly MonitorConfig[];
  /** one sentence each, for the log: legal, but perhaps not meant */
  readonly hints: readonly string[];
}

export interface ConfigInput extends Tables {
  /** overrides --config.file and NETPULSE_CONFIG_FILE */
  readonly file?: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly flags: FlagValues;
}

/** Throws ConfigError with every problem; reads the file anew on each call. */
export function loadConfig(input: ConfigInput): Config {
  const home = input.env.HOME || homedir();
  const given = settings(input);
  const named = input.file ?? given.find(({ flag }) => flag.name === 'config.file')?.value;
  if (named === '')
    throw new ConfigError(
      [{ key: '--config.file', message: 'is empty; name a YAML file or leave the flag out' }],
      'the command line',
    );
  const file = named === undefined ? null : resolve(expandHome(named, home));
  const document = file === null ? { value: {}, empty: false, lineOf: () => undefined } : readDocument(file);

  const raw = structuredClone(document.value) as Record<string, unknown>;
  if (file !== null) for (const { yaml, path } of FLAGS) if (yaml && path) resolveIn(raw, yaml, dirname(file), home);
  const overlaid = new Map<string, string>();
  for (const { flag, value, from } of given) {
    if (!flag.yaml || !setIn(raw, flag.yaml, value)) continue;
    overlaid.set(flag.yaml, from);
    if (flag.path) resolveIn(raw, flag.yaml, process.cwd(), home);
  }

  const parsed = fileOptions.safeParse(raw);
  const found = [
    ...(parsed.success ? [] : problemsOf(parsed.error, fileOptions, raw, [])),
    ...monitorProblems(raw.monitors, input),
  ];
  if (!parsed.success || found.length > 0) {
    const problems = found.map(({ path, message }) => problemAt(path, message, overlaid, document.lineOf));
    throw new ConfigError(inOrder(problems), file ?? 'the environment and flags');
  }

  const options = parsed.data;
  const monitors = options.monitors ?? fileOptions.parse({ monitors: DEFAULT_MONITORS }).monitors ?? [];
  return {
    file,
    storagePath: options.storage.path ?? defaultStorage(input.env, home),
    log: options.log,
    paths: options.path,
    web: options.web,
    metrics: options.metrics,
    monitors: monitors.map((monitor) => resolveMonitor(monitor, input)),
    hints: [
      ...(document.empty ? [`${file} is empty: every option has its default`] : []),
      ...strayVariables(input.env),
    ],
  };
}

/**
 * Checks names and bounds under `features` and `limits` once the sources are made and their schemas known. Throws ConfigError with every problem.
 */
export function checkFeatureNames(config: Config, schemasOf: (monitor: MonitorConfig) => readonly Schema[]): void {
  const found = featureProblems(config.monitors, schemasOf);
  if (found.length === 0) return;
  throw new ConfigError(
    found.map(({ path, message }) => ({ key: keyOf(path), message })),
    config.file ?? 'the default monitors',
  );
}

/** What environment and command line say, weakest first. An empty variable counts as not set, as in compose files. */
function settings({ env, flags }: ConfigInput): { flag: Flag; value: string; from: string }[] {
  return FLAGS.flatMap((flag) => {
    const fromEnv = env[flag.env];
    const fromFlag = flags[flag.name];
    if (fromFlag !== undefined) return [{ flag, value: fromFlag, from: `--${flag.name}` }];
    return fromEnv ? [{ flag, value: fromEnv, from: flag.env }] : [];
  });
}

function problemAt(
  path: Path,
  message: string,
  overlaid: ReadonlyMap<string, string>,
  lineOf: (path: Path) => number | undefined,
): Problem {
  const key = keyOf(path);
  const from = overlaid.get(key);
  if (from) return { key: from, message };
  const line = lineOf(path);
  return line === undefined ? { key, message } : { key, line, message };
}

/** As in the file; what has no line comes last. The same key and message is told once. */
function inOrder(problems: readonly Problem[]): Problem[] {
  const unique = new Map(problems.map((problem) => [`${problem.key}\n${problem.message}`, problem]));
  return [...unique.values()].sort((a, b) => (a.line ?? Infinity) - (b.line ?? Infinity) || 0);
}

/** False where the file has something else than keys on the way: the schema tells that. */
function setIn(root: Record<string, unknown>, dotted: string, value: unknown): boolean {
  const path = dotted.split('.');
  const last = path.pop() as string;
  let at: unknown = root;
  for (const part of path) {
    const keys = at as Record<string, unknown>;
    at = keys[part] ??= {};
    if (typeof at !== 'object' || at === null || Array.isArray(at)) return false;
  }
  (at as Record<string, unknown>)[last] = value;
  return true;
}

function resolveIn(root: Record<string, unknown>, dotted: string, folder: string, home: string): void {
  const value = valueAt(root, dotted.split('.'));
  if (typeof value === 'string' && value !== '') setIn(root, dotted, resolve(folder, expandHome(value, home)));
}

function expandHome(path: string, home: string): string {
  return path === '~' || path.startsWith('~/') ? join(home, path.slice(1)) : path;
}

/** systemd's state folder (the first, where it made several), else the user's, by the XDG base directory rules: relative values are ignored. */
function defaultStorage(env: ConfigInput['env'], home: string): string {
  const systemd = env.STATE_DIRECTORY?.split(':')[0];
  if (systemd) return systemd;
  const xdg = env.XDG_STATE_HOME;
  return join(xdg && isAbsolute(xdg) ? xdg : join(home, '.local', 'state'), 'netpulse');
}

/** Other NETPULSE_ variables are nobody's mistake (Kubernetes sets some for a service of that name) unless they nearly spell one of ours. */
function strayVariables(env: ConfigInput['env']): string[] {
  const prefix = 'NETPULSE_';
  const known = FLAGS.map((flag) => flag.env.slice(prefix.length));
  return Object.keys(env).flatMap((variable) => {
    if (!variable.startsWith(prefix)) return [];
    const meant = nearest(variable.slice(prefix.length), known);
    return meant && variable !== prefix + meant ? [`${variable} is not read; did you mean ${prefix}${meant}?`] : [];
  });
}
