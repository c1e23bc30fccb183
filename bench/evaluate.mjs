// Builds the evaluation and runs it: npm run -s evaluate -- --data DIR [--json] [--quick] [--seed N | --seeds 0-2] [--peers] [--write]
import { build } from 'esbuild';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'netpulse-evaluate-'));
let code;
try {
  symlinkSync(join(here, '..', 'node_modules'), join(folder, 'node_modules'));
  await build({
    entryPoints: {
      evaluate: join(here, 'evaluate.ts'),
      worker: join(here, '..', 'exporter', 'src', 'evaluation', 'benchmark', 'worker.ts'),
    },
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    packages: 'external',
    define: { 'process.env.NETPULSE_BENCH': JSON.stringify(here) },
    logLevel: 'warning',
  });
  code = await run(join(folder, 'evaluate.mjs'), process.argv.slice(2));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = code ?? 1;

function run(file, args) {
  const child = spawn(process.execPath, [file, ...args], { stdio: 'inherit' });
  const end = () => child.kill('SIGTERM');
  // Ctrl-C reaches the child too: wait for it, then clear up
  process.on('SIGINT', () => {});
  process.once('SIGTERM', end);
  return new Promise((resolve) => child.once('exit', (status) => resolve(status ?? 1)));
}
