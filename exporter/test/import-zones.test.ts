/** Imports run one way. Snippets that break a rule are linted with the project's own configuration, in a process of its own because that is ESM. */
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

const root = join(__dirname, '..', '..');

const LINT = `
  import { ESLint } from 'eslint';
  import { allowedImports } from './eslint.config.js';
  let input = '';
  for await (const chunk of process.stdin) input += chunk;
  const eslint = new ESLint({
    ruleFilter: ({ ruleId }) => ruleId === 'import-x/no-restricted-paths',
    overrideConfig: { languageOptions: { parserOptions: { projectService: false } } },
  });
  const results = [];
  for (const [filePath, imported] of JSON.parse(input)) {
    const [{ messages }] = await eslint.lintText("import type * as other from '" + imported + "';\\n", { filePath });
    results.push(messages.map(({ message }) => message).join('; '));
  }
  process.stdout.write(JSON.stringify({ results, parts: Object.keys(allowedImports) }));
`;

/** file that imports, what it imports (must exist), part of the complaint */
const FORBIDDEN: [string, string, string][] = [
  ['exporter/src/clock.ts', './flow.ts', 'clock.ts may import nothing else'],
  ['exporter/src/durations.ts', './clock.ts', 'durations.ts may import nothing else'],
  ['exporter/src/random.ts', './clock.ts', 'random.ts may import nothing else'],
  ['exporter/src/human-units.ts', './clock.ts', 'human-units.ts may import nothing else'],
  ['exporter/src/flow.ts', './durations.ts', 'flow.ts may import clock.ts, wire'],
  ['exporter/src/wire/snippet.ts', '../flow.ts', 'wire may import nothing else'],
  ['exporter/src/engine/snippet.ts', '../flow.ts', 'engine may import nothing else'],
  ['exporter/src/sources/snippet.ts', '../detectors/registry.ts', 'sources may import'],
  ['exporter/src/sources/host/snippet.ts', '../../outputs/service.ts', 'sources may import'],
  ['exporter/src/features/snippet.ts', '../sources/polling.ts', 'features may import'],
  ['exporter/src/history/snippet.ts', '../sources/polling.ts', 'history may import'],
  ['exporter/src/detectors/snippet.ts', '../sources/polling.ts', 'detectors may import'],
  ['exporter/src/decision/snippet.ts', '../detectors/registry.ts', 'decision may import'],
  ['exporter/src/training/snippet.ts', '../outputs/service.ts', 'training may import'],
  ['exporter/src/incidents/snippet.ts', '../decision/options.ts', 'incidents may import'],
  ['exporter/src/insight/snippet.ts', '../decision/options.ts', 'insight may import'],
  ['exporter/src/topology/snippet.ts', '../sources/polling.ts', 'topology may import'],
  ['exporter/src/store/snippet.ts', '../outputs/service.ts', 'store may import'],
  ['exporter/src/outputs/snippet.ts', '../sources/polling.ts', 'outputs may import'],
  ['exporter/src/outputs/rest/snippet.ts', '../../observe.ts', 'outputs may import'],
  ['exporter/src/evaluation/snippet.ts', '../outputs/service.ts', 'evaluation may import'],
  ['exporter/src/observe.ts', './config.ts', 'observe.ts may import'],
  ['exporter/src/observe/snippet.ts', '../outputs/service.ts', 'observe may import'],
  ['exporter/src/config.ts', './sources/polling.ts', 'config.ts may import'],
  ['exporter/src/config/snippet.ts', '../sources/polling.ts', 'config may import'],
  ['exporter/src/cli/snippet.ts', '../outputs/service.ts', 'cli may import'],
  ['exporter/src/outputs/snippet.ts', '../pipeline.ts', 'outputs may import'],
  ['exporter/src/outputs/snippet.ts', '../pipeline/group.ts', 'outputs may import'],
  ['exporter/src/config.ts', './main.ts', 'config.ts may import'],
  ['exporter/src/pipeline.ts', './main.ts', 'Nothing imports main.ts'],
  ['exporter/src/pipeline/snippet.ts', '../main.ts', 'Nothing imports main.ts'],
  [
    'grafana-plugin/src/snippet.ts',
    '../../exporter/src/flow.ts',
    'The plugin knows the exporter by what the API sends',
  ],
];

const ALLOWED: [string, string][] = [
  ['exporter/src/sources/snippet.ts', '../flow.ts'],
  ['exporter/src/sources/snippet.ts', '../durations.ts'],
  ['exporter/src/sources/host/snippet.ts', '../polling.ts'],
  ['exporter/src/outputs/rest/snippet.ts', '../../wire/index.ts'],
  ['exporter/src/training/snippet.ts', '../detectors/registry.ts'],
  ['exporter/src/training/snippet.ts', '../store/atomic-file.ts'],
  ['exporter/src/evaluation/snippet.ts', '../sources/polling.ts'],
  ['exporter/src/config/snippet.ts', '../decision/options.ts'],
  ['exporter/src/pipeline.ts', './outputs/service.ts'],
  ['exporter/src/pipeline.ts', './detectors/registry.ts'],
  ['exporter/src/pipeline/snippet.ts', '../decision/options.ts'],
  ['exporter/src/pipeline/snippet.ts', '../config/monitors.ts'],
  ['exporter/src/main.ts', './pipeline.ts'],
  ['exporter/src/decision/snippet.test.ts', '../sources/polling.ts'],
  ['grafana-plugin/src/snippet.ts', '../../exporter/src/wire/index.ts'],
];

let complaints: string[];
let parts: string[];
beforeAll(() => {
  const input = JSON.stringify([...FORBIDDEN, ...ALLOWED]);
  const output = execFileSync(process.execPath, ['--input-type=module', '--eval', LINT], { cwd: root, input });
  ({ results: complaints, parts } = JSON.parse(output.toString()));
}, 60_000);

test.each(FORBIDDEN.map((row, i) => [...row, i] as const))(
  '%s may not import %s.',
  (_file, _imported, complaint, i) => {
    expect(complaints[i]).toContain(complaint);
  },
);

test.each(ALLOWED.map((row, i) => [...row, i] as const))('%s may import %s.', (_file, _imported, i) => {
  expect(complaints[FORBIDDEN.length + i]).toBe('');
});

test('Every part of the exporter has its rule.', () => {
  const present = readdirSync(join(root, 'exporter', 'src')).filter((name) => !name.endsWith('.test.ts'));
  expect(present.filter((name) => !/^(main\.ts|pipeline|pipeline\.ts)$/.test(name) && !parts.includes(name))).toEqual(
    [],
  );
});

test('Every rule has a snippet that breaks it.', () => {
  const broken = FORBIDDEN.map(([file]) => file.split('/')[2]);
  expect(parts.filter((part) => !broken.includes(part))).toEqual([]);
});
