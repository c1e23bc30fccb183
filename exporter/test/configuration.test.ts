/** The example file and docs/configuration.md say what the schemas say: every key, nothing else, the same defaults. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { FLAGS } from '../src/config/flags.ts';
import { fileOptions } from '../src/config/schema.ts';
import { keyPaths } from '../src/config/schema-walk.ts';
import { loadConfig } from '../src/config.ts';
import { detectorTypes } from '../src/detectors/registry.ts';
import { sourceTypes as sources } from '../src/sources/registry.ts';

const exporter = join(__dirname, '..');
const root = join(exporter, '..');
const read = (...path: string[]) => readFileSync(join(root, ...path), 'utf8');

const env = { HOME: '/home/operator' };
const tables = { sources, detectors: Object.fromEntries(detectorTypes.map((type) => [type.name, type])) };

/** every key path that can be written, leaves only, options of sources apart */
const leaves = (paths: string[]) =>
  paths.filter((path) => !paths.some((other) => other.startsWith(`${path}.`) || other.startsWith(`${path}[]`)));
const ofSource = Object.entries(sources).map(([name, { options }]) => [name, keyPaths(options)] as const);

test('The example file loads and means the same as no file.', () => {
  const example = loadConfig({ file: join(exporter, 'netpulse.example.yaml'), env, flags: {}, ...tables });
  expect({ ...example, file: null }).toEqual(loadConfig({ env, flags: {}, ...tables }));
});

test('Every key of every schema occurs in the example file, as a key or in a comment.', () => {
  const text = read('exporter', 'netpulse.example.yaml');
  const written = new Set<string>();
  const collect = (value: unknown, prefix: string): void => {
    if (Array.isArray(value)) value.forEach((inner) => collect(inner, `${prefix}[]`));
    else if (typeof value === 'object' && value !== null)
      for (const [key, inner] of Object.entries(value)) {
        const path = prefix ? `${prefix}.${key}` : key;
        written.add(path);
        collect(inner, path);
      }
  };
  collect(parse(text), '');
  const comments = text
    .split('\n')
    .filter((line) => /^\s*#/.test(line))
    .join('\n');
  const paths = [
    ...keyPaths(fileOptions),
    ...ofSource.flatMap(([, keys]) => keys.map((key) => `monitors[].options.${key}`)),
  ];
  expect(paths.length).toBeGreaterThan(50);
  const absent = paths.filter(
    (path) => !written.has(path) && !new RegExp(`[ ({]${path.split('.').pop()}: `).test(comments),
  );
  expect(absent).toEqual([]);
});

test('Every key of the example file has its sentence above it, or is explained with its twin.', () => {
  const lines = read('exporter', 'netpulse.example.yaml').split('\n');
  const twins =
    /^ {2}- name: probe|^\s*(include|exclude|filesystems|interfaces|storage|log|web|metrics|monitors|options|threshold):/;
  const second = lines.findIndex((line) => line.includes('- name: probe'));
  const bare = lines.filter((line, i) => {
    if (i > second || !/^\s*(- )?\w+:/.test(line) || twins.test(line)) return false;
    return !/^\s*#/.test(lines[i - 1]);
  });
  expect(bare).toEqual([]);
});

test('The demonstration has one synthetic monitor on the default port and a state folder of its own.', () => {
  const demo = loadConfig({ file: join(exporter, 'demo.yaml'), env, flags: {}, ...tables });
  const plain = loadConfig({ env, flags: {}, ...tables });
  expect(demo.monitors.map(({ name, source, intervalMs }) => [name, source, intervalMs])).toEqual([
    ['demo', 'synthetic', 1000],
  ]);
  expect(demo.web).toEqual(plain.web);
  expect(demo.storagePath).toBe('/home/operator/.local/state/netpulse-demo');
  expect(demo.storagePath).not.toBe(plain.storagePath);
});

/** the tables below a heading (or a sentence), cells without padding */
function rows(document: string, after: string): string[][] {
  const start = document.indexOf(after);
  expect([after, start >= 0]).toEqual([after, true]);
  const table = /(?:^\|.*\n)+/m.exec(document.slice(start))?.[0] ?? '';
  return table
    .trim()
    .split('\n')
    .slice(2)
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

const code = (text: string | null) => (text ? `\`${text}\`` : '');

test('The documented flags are the flags.', () => {
  const documented = rows(read('docs', 'configuration.md'), '## Flags and environment');
  expect(documented).toEqual(
    FLAGS.map(({ name, env: variable, yaml, description }) => [
      code(`--${name}`),
      code(variable),
      code(yaml),
      description,
    ]),
  );
});

test('The documented keys are the keys of the schemas.', () => {
  const document = read('docs', 'configuration.md');
  const keys = (after: string) =>
    rows(document, after)
      .map(([key]) => key.replaceAll('`', ''))
      .sort();
  const all = leaves(keyPaths(fileOptions));
  expect(keys('## The file')).toEqual([...all.filter((path) => !path.startsWith('monitors')), 'monitors'].sort());
  expect(keys('Each entry of `monitors`')).toEqual(
    all
      .filter((path) => path.startsWith('monitors[].'))
      .map((path) => path.slice('monitors[].'.length))
      .sort(),
  );
  for (const [name, paths] of ofSource) {
    const expected = paths.filter((path) => leaves(paths).includes(path) || path === 'targets').sort();
    expect(keys(`### Options of \`${name}\``)).toEqual(expected);
  }
});

test('The plain documented defaults are the defaults.', () => {
  const plain = loadConfig({ env, flags: {}, ...tables });
  const documented = Object.fromEntries(
    rows(read('docs', 'configuration.md'), '## The file').map(([key, value]) => [key.replaceAll('`', ''), value]),
  );
  const expected: Record<string, unknown> = {
    'log.level': plain.log.level,
    'log.format': plain.log.format,
    'path.procfs': plain.paths.procfs,
    'path.sysfs': plain.paths.sysfs,
    'path.rootfs': plain.paths.rootfs,
    'web.listen_address': plain.web.listenAddress,
    'web.max_requests': plain.web.maxRequests,
    'metrics.feature_entities': plain.metrics.featureEntities,
    'metrics.max_series': plain.metrics.maxSeries,
  };
  for (const [key, value] of Object.entries(expected))
    expect([key, documented[key]]).toEqual([key, code(String(value))]);
});

test('Every documented key of a flag exists in the file.', () => {
  const paths = keyPaths(fileOptions);
  expect(FLAGS.filter(({ yaml }) => yaml !== null && !paths.includes(yaml))).toEqual([]);
});

test('promtool accepts prometheus.yml and the targets it names.', () => {
  const output = execFileSync('promtool', ['check', 'config', join(root, 'prometheus.yml')], {
    encoding: 'utf8',
    stdio: 'pipe',
  });
  expect(output).toContain('SUCCESS');
  const [{ targets }] = parse(read('provisioning', 'prometheus', 'targets', 'netpulse.yml')) as { targets: string[] }[];
  expect(targets).toEqual([`localhost${loadConfig({ env, flags: {}, ...tables }).web.listenAddress}`]);
});
