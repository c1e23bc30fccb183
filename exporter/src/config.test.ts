import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { detectorTypes } from './detectors/registry.ts';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { z } from 'zod';
import { FLAGS, flagValues } from './config/flags.ts';
import type { FlagValues } from './config/flags.ts';
import { fingerprint } from './config/monitors.ts';
import { ConfigError } from './config/problems.ts';
import type { Problem } from './config/problems.ts';
import { checkFeatureNames, loadConfig } from './config.ts';
import { duration } from './durations.ts';
import type { FeatureSpec } from './flow.ts';

const sources = {
  host: { options: z.strictObject({}) },
  probe: { options: z.strictObject({ targets: z.array(z.string()).default([]), timeout: duration().default(2000) }) },
  synthetic: { options: z.strictObject({}) },
};
const detectors = Object.fromEntries(detectorTypes.map((type) => [type.name, type]));
const HOME = '/home/operator';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'netpulse-config-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function written(text: string): string {
  const file = join(folder, 'netpulse.yaml');
  writeFileSync(file, text);
  return file;
}

function load(text?: string, env: Record<string, string> = {}, flags: FlagValues = {}) {
  return loadConfig({
    file: text === undefined ? undefined : written(text),
    env: { HOME, ...env },
    flags,
    sources,
    detectors,
  });
}

function problems(action: () => unknown): readonly Problem[] {
  try {
    action();
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

const monitor = (keys: string) => `monitors:\n  - { name: a, source: host, ${keys} }\n`;

test('Without a file the host and the default gateway are watched, and every option has its default.', () => {
  const common = {
    options: {},
    intervalMs: 1000,
    stepMs: 15_000,
    detectors: ['baseline', 'isolation-forest', 'conditional', 'var'],
    detectorOptions: {},
    ensemble: { method: 'mean', votes: 2 },
    threshold: { method: 'budget', incidentsPerDay: 1 },
    features: {},
    limits: {},
    trust: { ms: 86_400_000 },
    historyMs: 604_800_000,
    seed: 0,
  };
  const config = load();
  expect(config).toEqual({
    file: null,
    storagePath: '/home/operator/.local/state/netpulse',
    log: { level: 'info', format: 'logfmt' },
    paths: { procfs: '/proc', sysfs: '/sys', rootfs: '/' },
    web: expect.objectContaining({ listenAddress: ':10190', routePrefix: '' }),
    metrics: { featureEntities: 5, maxSeries: 50_000 },
    monitors: [
      { ...common, name: 'host', source: 'host' },
      { ...common, name: 'probe', source: 'probe', options: { targets: [], timeout: 2000 } },
    ],
    hints: [],
  });
});

test('A flag beats its variable, a variable beats the file, the file beats the default.', () => {
  const text = 'log: { level: warn, format: json }\nweb: { listen_address: ":1" }\n';
  expect(load(text).log).toEqual({ level: 'warn', format: 'json' });
  const env = { NETPULSE_LOG_LEVEL: 'error', NETPULSE_WEB_LISTEN_ADDRESS: ':2' };
  expect(load(text, env)).toMatchObject({ log: { level: 'error', format: 'json' }, web: { listenAddress: ':2' } });
  expect(load(text, env, { 'web.listen-address': ':3' }).web.listenAddress).toBe(':3');
});

test('The file is named by argument, flag or variable, in this order.', () => {
  const file = written('log: { level: debug }');
  const other = join(folder, 'missing.yaml');
  const input = { sources, detectors };
  expect(loadConfig({ ...input, env: { NETPULSE_CONFIG_FILE: file }, flags: {} })).toMatchObject({
    file,
    log: { level: 'debug' },
  });
  expect(loadConfig({ ...input, env: { NETPULSE_CONFIG_FILE: other }, flags: { 'config.file': file } }).file).toBe(
    file,
  );
  expect(loadConfig({ ...input, file, env: {}, flags: { 'config.file': other } }).file).toBe(file);
});

test('A wrong value from outside the file is told under the name it was given by, beside the problems of the file.', () => {
  const found = problems(() =>
    load('metrics: { max_series: 1 }', { NETPULSE_LOG_LEVEL: 'loud' }, { 'web.listen-address': '10190' }),
  );
  expect(found.map(({ key, line }) => [key, line])).toEqual([
    ['metrics.max_series', 1],
    ['NETPULSE_LOG_LEVEL', undefined],
    ['--web.listen-address', undefined],
  ]);
  expect(found[1].message).toBe('"loud" is not possible; use one of debug, info, warn, error');
});

test('A value from outside replaces a wrong one in the file.', () => {
  expect(load('log: { level: loud }', {}, { 'log.level': 'debug' }).log.level).toBe('debug');
});

test('An empty variable counts as not set; an empty flag is a mistake.', () => {
  expect(load(undefined, { NETPULSE_LOG_LEVEL: '', NETPULSE_CONFIG_FILE: '' }).log.level).toBe('info');
  expect(problems(() => load(undefined, {}, { 'storage.path': '' }))).toEqual([
    { key: '--storage.path', message: '"" is empty; write a value or leave the key out' },
  ]);
  expect(problems(() => loadConfig({ env: {}, flags: { 'config.file': '' }, sources, detectors }))[0].key).toBe(
    '--config.file',
  );
});

test('An empty file, or one of comments, means the defaults and gives a hint.', () => {
  for (const text of ['', '# nothing yet\n', '---\n']) {
    const config = load(text);
    expect({ ...config, file: null, hints: [] }).toEqual(load());
    expect(config.hints).toEqual([`${join(folder, 'netpulse.yaml')} is empty: every option has its default`]);
  }
});

test('A key without a value means its default.', () => {
  expect({ ...load('web:\nlog:\n  level:\nmonitors:\n'), file: null }).toEqual(load());
});

test('A variable that nearly spells one of ours gives a hint; any other is left alone.', () => {
  const env = {
    NETPULSE_WEB_LISTEN_ADRESS: ':1',
    NETPULSE_SERVICE_HOST: '10.0.0.1',
    NETPULSE_PORT: 'tcp://10.0.0.1:10190',
    NETPULSE_DATA: '/data',
  };
  expect(load(undefined, env).hints).toEqual([
    'NETPULSE_WEB_LISTEN_ADRESS is not read; did you mean NETPULSE_WEB_LISTEN_ADDRESS?',
  ]);
});

test.each([
  [{ STATE_DIRECTORY: '/var/lib/netpulse' }, '/var/lib/netpulse'],
  [{ STATE_DIRECTORY: '/var/lib/a:/var/lib/b', XDG_STATE_HOME: '/x' }, '/var/lib/a'],
  [{ XDG_STATE_HOME: '/x' }, '/x/netpulse'],
  [{ XDG_STATE_HOME: 'relative' }, '/home/operator/.local/state/netpulse'],
  [{ NETPULSE_STORAGE_PATH: '/data', STATE_DIRECTORY: '/var/lib/netpulse' }, '/data'],
])('With %j the state is kept in %s.', (env, path) => {
  expect(load(undefined, env).storagePath).toBe(path);
});

test('Relative paths start at the file in the file and at the working directory outside it; ~/ is the home folder.', () => {
  const text = 'storage: { path: state }\nweb: { config_file: ~/web.yaml }\npath: { procfs: ../proc }\n';
  const config = load(text, {}, { 'web.api-token-file': 'token' });
  expect(config.storagePath).toBe(join(folder, 'state'));
  expect(config.web.configFile).toBe('/home/operator/web.yaml');
  expect(config.web.apiTokenFile).toBe(join(process.cwd(), 'token'));
  expect(config.paths.procfs).toBe(join(folder, '..', 'proc'));
});

test.each([
  ['', { stepMs: 15_000, trust: { ms: 86_400_000 } }],
  ['interval: 2s', { intervalMs: 2000, stepMs: 16_000 }],
  ['interval: 500ms', { intervalMs: 500, stepMs: 15_000 }],
  ['interval: 1m', { intervalMs: 60_000, stepMs: 60_000 }],
  ['interval: 2s, step: 10s', { stepMs: 10_000 }],
  ['trust: 1000 rows', { trust: { rows: 1000 } }],
  ['trust: 2h', { trust: { ms: 7_200_000 } }],
  ['threshold: { method: sigma }', { threshold: { method: 'sigma', k: 2.5 } }],
  ['threshold: { method: budget, incidents_per_day: 0.5 }', { threshold: { method: 'budget', incidentsPerDay: 0.5 } }],
  [
    'features: { load1: { minimum_deviation: 2, direction: up } }',
    { features: { load1: { minimumDeviation: 2, direction: 'up' } } },
  ],
  ['limits: { load1: { max: 64 } }', { limits: { load1: { max: 64 } } }],
])('A host monitor with "%s" is resolved whole.', (keys, expected) => {
  expect(load(monitor(keys)).monitors[0]).toMatchObject(expected);
});

test('A synthetic monitor takes every sample as a row and is trusted by rows.', () => {
  const text = 'monitors: [{ name: demo, source: synthetic, interval: 500ms }]';
  expect(load(text).monitors[0]).toMatchObject({ stepMs: 500, trust: { rows: 1000 } });
});

test('A file over 1 MiB is refused, one just below it is not.', () => {
  const filled = (bytes: number) => `log: { level: debug }\n#${'x'.repeat(bytes - 23)}`;
  expect(load(filled(1024 * 1024)).log.level).toBe('debug');
  expect(problems(() => load(filled(1024 * 1024 + 1)))).toEqual([
    { key: 'file', message: 'is larger than 1 MiB; a configuration is a few kB, check the name' },
  ]);
});

test('A device without end is refused as well.', () => {
  expect(
    problems(() => loadConfig({ file: '/dev/zero', env: {}, flags: {}, sources, detectors }))[0].message,
  ).toContain('larger than 1 MiB');
});

test('Endless nesting is refused, not a crash.', () => {
  const text = `monitors: ${'['.repeat(100_000)}`;
  expect(problems(() => load(text))[0].message).toContain('nested too deeply');
});

test('A file that this user may not read is told as that.', () => {
  const file = written('log: {}');
  const asOther = process.getuid?.() === 0;
  chmodSync(folder, 0o755);
  chmodSync(file, 0o000);
  if (asOther) process.seteuid?.(65_534);
  try {
    expect(problems(() => loadConfig({ file, env: {}, flags: {}, sources, detectors }))).toEqual([
      { key: 'file', message: 'cannot be read by this user; change its owner or mode' },
    ]);
  } finally {
    if (asOther) process.seteuid?.(0);
  }
});

test('A path through a file is told with what the system said.', () => {
  const file = join(written('log: {}'), 'inner.yaml');
  expect(problems(() => loadConfig({ file, env: {}, flags: {}, sources, detectors }))[0].message).toMatch(
    /cannot be read \(ENOTDIR/,
  );
});

test('Keys named like parts of every object are ordinary unknown keys.', () => {
  const found = problems(() =>
    load('__proto__: { a: 1 }\nconstructor: 1\nmonitors: [{ name: a, source: toString }]\n'),
  );
  expect(found.map(({ key }) => key)).toEqual(['__proto__', 'constructor', 'monitors[0].source']);
});

test('A monitor has the same fingerprint however it is written, and another one as soon as it means something else.', () => {
  const of = (keys: string) => fingerprint(load(monitor(keys)).monitors[0]);
  const plain = of('');
  expect(plain).toMatch(/^[0-9a-f]{16}$/);
  expect(of('interval: 1000ms, history: 168h, seed: 0')).toBe(plain);
  expect(of('limits: { a: { max: 2, min: 1 }, b: { max: 1 } }')).toBe(
    of('limits: { b: { max: 1 }, a: { min: 1, max: 2 } }'),
  );
  const others = [
    'seed: 1',
    'step: 30s',
    'trust: 1 rows',
    'detectors: [baseline]',
    'limits: { a: { max: 1 } }',
    'threshold: { method: sigma }',
  ].map(of);
  expect(new Set([plain, ...others]).size).toBe(7);
});

const spec = (name: string, unit: FeatureSpec['unit'], range?: readonly [number, number]): FeatureSpec => ({
  name,
  unit,
  help: name,
  kind: 'gauge',
  direction: 'up',
  transform: 'none',
  minimumDeviation: 0,
  range,
});
const schemas = [
  { name: 'host', features: [spec('cpu_usage_ratio', 'ratio', [0, 1]), spec('load1', 'count', [0, Infinity])] },
  { name: 'disk', features: [spec('disk_read_bytes_per_second', 'bytes_per_second')] },
];

test('Names and bounds of features are checked against what the source has, all at once.', () => {
  const config = load(
    monitor(
      'features: { cpu_usage: {}, bananas: {} }, limits: { cpu_usage_ratio: { max: 95 }, load1: { min: 0, max: 9 }, disk_read_bytes_per_second: { max: 1e9 } }',
    ),
  );
  expect(problems(() => checkFeatureNames(config, () => schemas))).toEqual([
    {
      key: 'monitors[0].features.cpu_usage',
      message: 'the source "host" has no such feature; did you mean "cpu_usage_ratio"?',
    },
    {
      key: 'monitors[0].features.bananas',
      message:
        'the source "host" has no such feature; its features are cpu_usage_ratio, load1, disk_read_bytes_per_second',
    },
    {
      key: 'monitors[0].limits.cpu_usage_ratio.max',
      message: '95 can never be exceeded by a ratio; write 0.95 for 95 %',
    },
    {
      key: 'monitors[0].limits.load1.min',
      message: '0 can never be undercut by a count; it is never below 0',
    },
  ]);
});

test('A monitor of which every feature is disabled is refused.', () => {
  const off = (name: string) => `${name}: { enabled: false }`;
  const some = load(monitor(`features: { ${off('cpu_usage_ratio')} }`));
  expect(problems(() => checkFeatureNames(some, () => schemas))).toEqual([]);
  const all = load(
    monitor(`features: { ${['cpu_usage_ratio', 'load1', 'disk_read_bytes_per_second'].map(off).join(', ')} }`),
  );
  expect(problems(() => checkFeatureNames(all, () => schemas))[0].message).toContain('every feature is disabled');
});

test('Every flag has its variable, and commander gives its values back under its name.', () => {
  const command = new Command();
  for (const { name, value, description } of FLAGS) command.option(`--${name} <${value}>`, description);
  const values = Object.fromEntries(FLAGS.map(({ name }, i) => [name, String(i)]));
  command.parse(['node', 'netpulse', ...FLAGS.flatMap(({ name }, i) => [`--${name}`, String(i)])]);
  expect(flagValues({ ...command.opts(), other: 'x' })).toEqual(values);
  expect(FLAGS.find(({ name }) => name === 'web.listen-address')?.env).toBe('NETPULSE_WEB_LISTEN_ADDRESS');
  expect(new Set(FLAGS.map(({ env }) => env)).size).toBe(FLAGS.length);
});

test('The folder of a file does not matter to what it means.', () => {
  const text = 'log: { level: warn }';
  mkdirSync(join(folder, 'inner'));
  writeFileSync(join(folder, 'inner', 'other.yaml'), text);
  const other = loadConfig({ file: join(folder, 'inner', 'other.yaml'), env: { HOME }, flags: {}, sources, detectors });
  expect({ ...other, file: null }).toEqual({ ...load(text), file: null });
});
