/** `npm pack` makes what people install: it goes into an empty folder, and runs from there. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cleanEnvironment, configText, killExporters, launch, runCommand, until } from './exporter-process.ts';
import { NODE_NAMES, syntheticMonitor } from './synthetic-monitor.ts';

jest.setTimeout(300_000);

const EXPORTER = join(__dirname, '..');
const { version, dependencies } = JSON.parse(readFileSync(join(EXPORTER, 'package.json'), 'utf8')) as {
  version: string;
  dependencies: Record<string, string>;
};
/** npm as configured here, without what it tells the scripts it runs. */
const env = Object.fromEntries(
  Object.entries(cleanEnvironment()).filter(
    ([name]) => !/^npm_(package|lifecycle|config_(workspace|prefix))/i.test(name),
  ),
);
const npm = (args: string[], cwd: string) => runCommand('npm', args, { cwd, env });

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'netpulse-package-'));
});
afterAll(async () => {
  await killExporters();
  rmSync(folder, { recursive: true, force: true });
});

/** The registry that npm is configured for answers. */
const online = spawnSync('npm', ['view', 'pino', 'version'], { env, timeout: 20_000 }).status === 0;
const testOnline = online ? test : test.skip;

testOnline('The packed exporter installs into an empty folder and serves scores from there.', async () => {
  // without the build that packing runs first: other tests use what is built
  const packed = await npm(['pack', '--ignore-scripts', '--json', '--pack-destination', folder], EXPORTER);
  expect([packed.code, packed.code === 0 ? '' : packed.stderr]).toEqual([0, '']);
  const [{ filename, files }] = JSON.parse(packed.stdout) as { filename: string; files: { path: string }[] }[];
  const paths = files.map(({ path }) => path);
  for (const path of ['bin/netpulse.js', 'dist/main.js', 'dist/training-worker.js', 'netpulse.example.yaml', 'LICENSE'])
    expect(paths).toContain(path);
  expect(paths.filter((path) => /\.test\.|^src\/(?!wire\/)|^test\//.test(path))).toEqual([]);

  const home = join(folder, 'empty');
  const install = ['install', '--prefix', home, '--no-audit', '--no-fund', '--omit=dev', join(folder, filename)];
  const installed = await npm(install, folder);
  if (
    installed.code !== 0 &&
    /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH|network/i.test(installed.stderr)
  ) {
    // a registry that is out of reach says nothing about the package
    process.stderr.write('The package was not installed: no registry is in reach\n');
    return;
  }
  expect([installed.code, installed.code === 0 ? '' : installed.stderr]).toEqual([0, '']);
  for (const name of Object.keys(dependencies)) expect(existsSync(join(home, 'node_modules', name))).toBe(true);
  const npx = await npm(['exec', '--offline', '--prefix', home, '--', 'netpulse', '--version'], home);
  expect([npx.code, npx.stdout]).toEqual([0, `${version}\n`]);

  const file = join(folder, 'netpulse.yaml');
  const storage = join(folder, 'state');
  writeFileSync(file, configText({ monitors: [syntheticMonitor('net')] }, storage));
  const program = join(home, 'node_modules/.bin/netpulse');
  const exporter = await launch([program, '--config.file', file], { storage, configure() {}, env: cleanEnvironment() });
  await until(
    'every node is sampled',
    async () => (await exporter.page()).labels('netpulse_samples_total', 'entity').length === NODE_NAMES.length,
  );
  expect((await exporter.stop()).code).toBe(0);
  expect(readdirSync(storage)).toContain('state');
});
