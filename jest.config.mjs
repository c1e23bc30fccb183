/** Sources are TypeScript modules; jest runs them as CommonJS through swc. Whatever starts a worker or a process is tested on dist/. */
export default {
  roots: ['<rootDir>/exporter/src', '<rootDir>/exporter/test', '<rootDir>/bench'],
  testMatch: ['**/*.test.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
        module: { type: 'commonjs' },
        sourceMaps: 'inline',
      },
    ],
  },
  extensionsToTreatAsEsm: [],
  testTimeout: 30_000,
  maxWorkers: 2,
};
