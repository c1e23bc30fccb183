// Runs benches by name: npm run bench -- [name ...] [options]. Without a name, and with --smoke, all that need no peer; each prints its own table.
import { build } from 'esbuild';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const SMOKE = ['columnar', 'pipeline', 'synthetic-quality', 'lstm', 'autoencoder', 'neighbours-and-svm'];
const ALL = [...SMOKE, 'isolation-forest'];
/** take long, or the whole machine, or a file: only by name */
const BY_NAME = ['budget', 'host-cost', 'stress', 'record-host', 'replay-quiet'];

const args = process.argv.slice(2);
const names = [];
while (args.length > 0 && !args[0].startsWith('--')) names.push(args.shift());
const wanted = names.length > 0 ? names : args.includes('--smoke') ? SMOKE : ALL;

process.on('SIGINT', () => {});

for (const name of wanted) {
  if (names.length === 0 && !args.includes('--json')) console.log(`\n== ${name}`);
  const script = join(here, `${name}.mjs`);
  const status = existsSync(script) ? await run(script) : await runTypeScript(join(here, `${name}.ts`));
  if (status !== 0) process.exit(status ?? 1);
}

/** Ctrl-C reaches the bench too, which then prints what it has: we wait for it. */
function run(file) {
  const child = spawn(process.execPath, ['--expose-gc', file, ...args], { stdio: 'inherit' });
  const end = () => child.kill('SIGTERM');
  process.once('SIGTERM', end);
  return new Promise((resolve) =>
    child.once('exit', (code) => {
      process.off('SIGTERM', end);
      resolve(code ?? 1);
    }),
  );
}

async function runTypeScript(source) {
  if (!existsSync(source)) {
    console.error(`there is no bench ${source}; known: ${[...ALL, ...BY_NAME].join(', ')}`);
    return 2;
  }
  const folder = mkdtempSync(join(tmpdir(), 'netpulse-bench-'));
  try {
    symlinkSync(join(here, '..', 'node_modules'), join(folder, 'node_modules'));
    const outfile = join(folder, 'bench.mjs');
    await build({
      entryPoints: [source],
      outfile,
      bundle: true,
      platform: 'node',
      target: 'node20',
      format: 'esm',
      packages: 'external',
      logLevel: 'warning',
    });
    return await run(outfile);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
