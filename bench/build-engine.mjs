// Compiles the engine's AssemblyScript to WebAssembly: exporter/src/engine/assembly/<module>.ts becomes exporter/src/engine/wasm/<module>.ts, which exports
// the binary as base64 text. The generated files are committed: installing, bundling and running the exporter need no compiler.
//
//   node bench/build-engine.mjs [module ...] [--check]
//
// A module is a source that no other source of the folder imports; the rest is shared. Without names all modules are built, and generated files without a
// source are removed. --check writes nothing and exits with 1 when a committed file is not, byte for byte, what its sources give.
import asc from 'assemblyscript/asc';
import { readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

/** The stub runtime never frees: kernels work in memory that the TypeScript side lays out, and allocate nothing. */
const FLAGS = ['-O3', '--noAssert', '--runtime', 'stub', '--enable', 'simd,bulk-memory'];

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '..');
const sources = join(root, 'exporter/src/engine/assembly');
const generated = join(root, 'exporter/src/engine/wasm');

const { values: options, positionals } = parseArgs({
  options: { check: { type: 'boolean', default: false } },
  allowPositionals: true,
});

const known = modules();
for (const name of positionals) {
  if (known.includes(name)) continue;
  console.error(`there is no module ${name} in ${relative(root, sources)}; known: ${known.join(', ')}`);
  process.exit(2);
}
let stale = 0;
for (const name of positionals.length > 0 ? positionals : known) {
  const wanted = text(name, await compile(name));
  const path = join(generated, `${name}.ts`);
  const found = read(path);
  if (found === wanted) console.log(`${relative(root, path)} is up to date`);
  else if (options.check) report(path, found === undefined ? 'is missing' : 'is not what its sources give');
  else {
    // another process may be importing the file: it sees the old or the new one, never a part
    writeFileSync(`${path}.${process.pid}`, wanted);
    renameSync(`${path}.${process.pid}`, path);
    console.log(`${relative(root, path)} written`);
  }
}
for (const file of positionals.length > 0 ? [] : readdirSync(generated)) {
  if (!file.endsWith('.ts') || file.endsWith('.test.ts') || known.includes(file.slice(0, -3))) continue;
  const path = join(generated, file);
  if (options.check) report(path, 'has no source');
  else {
    rmSync(path);
    console.log(`${relative(root, path)} removed: it has no source`);
  }
}
if (stale > 0) process.exit(1);

function report(path, problem) {
  stale++;
  console.error(`${relative(root, path)} ${problem}: run npm run build:engine and commit the result`);
}

function modules() {
  const files = readdirSync(sources).filter((file) => file.endsWith('.ts'));
  const imported = new Set(
    files.flatMap((file) =>
      [...readFileSync(join(sources, file), 'utf8').matchAll(/from '\.\/([^']+?)(?:\.ts)?'/g)].map((match) => match[1]),
    ),
  );
  return files
    .map((file) => file.slice(0, -3))
    .filter((name) => !imported.has(name))
    .sort();
}

async function compile(name) {
  const outputs = new Map();
  const { error, stderr } = await asc.main([`${name}.ts`, '--outFile', 'module.wasm', ...FLAGS], {
    // asc asks for files relative to its base directory, and for its own library by URL-like names it finds itself
    readFile: (file, base) => read(join(base === '.' ? sources : join(sources, base), file)) ?? null,
    writeFile: (file, contents) => outputs.set(file, contents),
    listFiles: () => [],
  });
  if (error) {
    console.error(`${name}: ${error.message}\n${stderr.toString()}`);
    process.exit(1);
  }
  return outputs.get('module.wasm');
}

/** One line of base64: the file is neither read nor formatted by people. */
function text(name, binary) {
  return `// Generated from ../assembly/${name}.ts by bench/build-engine.mjs: npm run build:engine.\nexport const wasm =\n  '${Buffer.from(binary).toString('base64')}';\n`;
}

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}
