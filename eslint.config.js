import js from '@eslint/js';
import { defineConfig, globalIgnores } from 'eslint/config';
import { createNodeResolver, importX } from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

/** What any part of the exporter may import: the data that passes between rooms, and small things without an opinion. */
const shared = ['flow.ts', 'clock.ts', 'durations.ts', 'human-units.ts', 'random.ts', 'wire'];

/** Imports run one way. Folder or file of exporter/src: what else of exporter/src it may import. Nothing imports what connects them: `main.ts`, `pipeline.ts` and its folder. */
export const allowedImports = {
  'clock.ts': [],
  'durations.ts': [],
  'human-units.ts': [],
  'random.ts': [],
  'flow.ts': ['clock.ts', 'wire'],
  wire: [],
  engine: [],
  sources: shared,
  features: shared,
  history: shared,
  detectors: [...shared, 'engine'],
  decision: shared,
  training: [...shared, 'history', 'features', 'detectors', 'decision', 'store'],
  incidents: shared,
  insight: shared,
  topology: shared,
  store: shared,
  outputs: shared,
  // an evaluation replays the product's own flow, so it may use the parts that pipeline.ts connects, but not pipeline.ts itself
  evaluation: [
    ...shared,
    'sources',
    'features',
    'detectors',
    'decision',
    'incidents',
    'training',
    'store',
    'config',
    'pipeline',
  ],
  'observe.ts': [...shared, 'observe'],
  observe: [...shared, 'observe.ts'],
  'config.ts': [...shared, 'config'],
  config: [...shared, 'decision/options.ts', 'outputs/rest/options.ts'],
  // commands of the command line; `serve` starts the pipeline
  cli: [
    ...shared,
    'config.ts',
    'config/flags.ts',
    'observe.ts',
    'pipeline.ts',
    'sources',
    'detectors',
    'decision/options.ts',
    'training',
    'store',
    'evaluation',
  ],
};

const zones = [
  ...Object.entries(allowedImports).map(([part, allowed]) => ({
    target: `./exporter/src/${part}`,
    from: './exporter/src',
    except: [part, ...allowed].map((path) => `./${path}`),
    message: `${part} may import ${allowed.join(', ') || 'nothing else of the exporter'}.`,
  })),
  {
    target: ['./exporter/src/pipeline.ts', './exporter/src/pipeline'],
    from: './exporter/src/main.ts',
    message: 'Nothing imports main.ts.',
  },
  {
    target: './grafana-plugin',
    from: './exporter',
    except: ['./src/wire'],
    message: 'The plugin knows the exporter by what the API sends: types of exporter/src/wire.',
  },
];

export default defineConfig([
  globalIgnores([
    '**/node_modules/',
    '**/dist/',
    'coverage/',
    'artifacts/',
    'bench/results/',
    // another language, and what is generated from it
    'exporter/src/engine/assembly/',
    'exporter/src/engine/wasm/',
  ]),
  js.configs.recommended,
  {
    files: ['**/*.{js,mjs}'],
    languageOptions: { globals: nodeGlobals() },
  },
  {
    files: ['**/*.ts', '**/*.tsx'],
    extends: [tseslint.configs.strict, tseslint.configs.stylistic],
    plugins: { 'import-x': importX },
    settings: { 'import-x/resolver-next': [createNodeResolver({ extensions: ['.ts', '.tsx', '.js', '.d.ts'] })] },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      // interfaces for shapes, types for unions and functions: taste, not a mistake
      '@typescript-eslint/consistent-type-definitions': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      // fallbacks and stand-ins: `onJump = () => {}`
      '@typescript-eslint/no-empty-function': 'off',
      // an invariant that the type cannot carry
      '@typescript-eslint/no-non-null-assertion': 'off',
      eqeqeq: 'error',
    },
  },
  {
    files: ['exporter/src/**/*.ts', 'grafana-plugin/**/*.{ts,tsx}'],
    ignores: ['**/*.test.ts', '**/*.test.tsx'],
    rules: { 'import-x/no-restricted-paths': ['error', { basePath: import.meta.dirname, zones }] },
  },
  {
    files: ['exporter/src/**/*.ts', 'exporter/test/**/*.ts'],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      'no-console': 'error',
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
    },
  },
  {
    // the command line speaks on the terminal
    files: ['exporter/src/main.ts'],
    rules: { 'no-console': 'off' },
  },
]);

function nodeGlobals() {
  return Object.fromEntries(
    [
      'AbortController',
      'AbortSignal',
      'Buffer',
      'URL',
      'clearInterval',
      'clearTimeout',
      'console',
      'fetch',
      'performance',
      'process',
      'setInterval',
      'setTimeout',
    ].map((name) => [name, 'readonly']),
  );
}
