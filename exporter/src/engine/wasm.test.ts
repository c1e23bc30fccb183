import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';

const build = resolve('bench/build-engine.mjs');

describe('the committed WebAssembly', () => {
  const compiler = existsSync(resolve('node_modules/assemblyscript'));
  (compiler ? it : it.skip)(
    'is, byte for byte, what its AssemblyScript sources give (needs assemblyscript from the bench workspace)',
    () => {
      const { status, stdout, stderr } = spawnSync(process.execPath, [build, '--check'], { encoding: 'utf8' });
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      expect(stdout).toMatch(/dense\.ts is up to date/);
    },
    120_000,
  );
});
