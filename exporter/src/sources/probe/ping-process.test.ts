import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { transformFileSync } from '@swc/core';
import { childrenOf, pingWorks, runningUnder, until } from './testing.ts';

(pingWorks() ? test : test.skip)('a ping ends soon after the exporter was killed (needs ping)', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'netpulse-orphan-'));
  try {
    const program = join(folder, 'program.cjs');
    const { code } = transformFileSync(join(__dirname, 'ping-process.ts'), {
      jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
      module: { type: 'commonjs' },
    });
    const start = "exports.startPing('ping', ['-n', '-O', '-i', '0.2', '--', '127.0.0.1'], () => {}, () => {});";
    writeFileSync(program, `${code}\n${start}\n`);
    const exporter = spawn(process.execPath, [program], { stdio: 'ignore' });
    await until('ping runs', () => childrenOf(exporter.pid!).length === 1);
    const [ping] = childrenOf(exporter.pid!);
    exporter.kill('SIGKILL');
    await until('ping is gone', () => runningUnder(ping) === undefined);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
