/** What the program says and how it ends when it is called, rightly and wrongly. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { FLAGS } from '../src/config/flags.ts';
import { removeFolders, temporaryFolder } from '../src/store/testing/disk.ts';
import { configText, killExporters, runProgram, startExporter } from './exporter-process.ts';
import { syntheticMonitor } from './synthetic-monitor.ts';

jest.setTimeout(60_000);

afterEach(killExporters);
afterAll(removeFolders);

const GOOD = { monitors: [syntheticMonitor('net')] };

/** A configuration file in a folder of its own. */
function configFile(text: string): string {
  const path = join(temporaryFolder(), 'netpulse.yaml');
  writeFileSync(path, text);
  return path;
}

test('--version says the version of the package and nothing else.', async () => {
  const { version } = JSON.parse(readFileSync(join(__dirname, '../package.json'), 'utf8')) as { version: string };
  expect(await runProgram(['--version'])).toEqual({ code: 0, signal: null, stdout: `${version}\n`, stderr: '' });
});

test('--help names every flag with its environment variable, and every command.', async () => {
  const { code, stdout, stderr } = await runProgram(['--help']);
  expect([code, stderr]).toEqual([0, '']);
  const text = stdout.replace(/\s+/g, ' ');
  for (const { name, value, env } of FLAGS) {
    expect(text).toMatch(new RegExp(`--${name.replaceAll('.', '\\.')} <${value}> [^[]*\\[${env}\\]`));
  }
  for (const command of ['serve', 'check-config', 'generate', 'train', 'score', 'evaluate'])
    expect(stdout).toMatch(new RegExp(`^  ${command} `, 'm'));
});

test.each([
  ['an unknown flag', ['--colour', 'red'], "unknown option '--colour'"],
  ['a misspelt flag', ['--log.leval', 'debug'], 'Did you mean --log.level?'],
  ['a flag without its value', ['--log.level'], 'argument missing'],
  ['an unknown command', ['watch'], "unknown command 'watch'"],
  [
    'an unknown level',
    ['check-config', '--log.level', 'loud'],
    '"loud" is not possible; use one of debug, info, warn, error',
  ],
  ['a duration without a unit', ['generate', '--duration', '10'], 'unit'],
  ['a share above one half', ['generate', '--anomaly-share', '0.9'], 'write a ratio from 0 to 0.5'],
  ['a format that does not exist', ['generate', '--format', 'xml'], 'csv, ndjson'],
  ['a time that is none', ['generate', '--start', 'yesterday'], '2026-01-01T00:00:00Z'],
])('%s is an error with a way out.', async (_, args, told) => {
  const { code, stdout, stderr } = await runProgram(args, { env: { NETPULSE_STORAGE_PATH: temporaryFolder() } });
  expect(code).toBe(1);
  expect(stdout).toBe('');
  expect(stderr).toContain(told);
  expect(stderr).not.toMatch(/^\s+at .*:\d+:\d+/m);
});

describe('check-config', () => {
  test('says that a good configuration is valid and what it watches, and makes no folder.', async () => {
    const storage = join(temporaryFolder(), 'state');
    const file = configFile(configText(GOOD, storage));
    const { code, stdout, stderr } = await runProgram(['check-config', '--config.file', file]);
    expect([code, stdout, stderr]).toEqual([0, `${file} is valid: net (synthetic)\n`, '']);
    expect(() => readFileSync(storage)).toThrow('ENOENT');
  });

  test('accepts the example and the demo that come with the package.', async () => {
    for (const name of ['netpulse.example.yaml', 'demo.yaml']) {
      const { code, stderr } = await runProgram(['check-config', '--config.file', join(__dirname, '..', name)]);
      expect([name, code, stderr]).toEqual([name, 0, '']);
    }
  });

  test('tells every problem of a bad one, on the error output, with code 1.', async () => {
    const file = configFile(
      'monitors:\n  - name: net\n    source: synthetic\n    interval: 1\n    colour: red\nlogs: {}\n',
    );
    const { code, stdout, stderr } = await runProgram(['check-config', '--config.file', file]);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain(`3 problems in ${file}:`);
    for (const key of ['monitors[0].interval (line 4)', 'monitors[0].colour (line 5)', 'logs (line 6)'])
      expect(stderr).toContain(key);
  });

  test('reads the web configuration too.', async () => {
    const web = configFile('basic_auth_users: { operator: secret }\n');
    const file = configFile(configText(GOOD, '/tmp'));
    const { code, stdout, stderr } = await runProgram([
      'check-config',
      '--config.file',
      file,
      '--web.config.file',
      web,
    ]);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain(web);
  });

  test('tells features that the source does not have.', async () => {
    const file = configFile(
      configText({ monitors: [syntheticMonitor('net', { limits: { cpu: { max: 1 } } })] }, '/tmp'),
    );
    const { code, stderr } = await runProgram(['check-config', '--config.file', file]);
    expect(code).toBe(1);
    expect(stderr).toContain('monitors[0].limits.cpu');
  });
});

describe('serve ends with code 1 before it listens and says why, for', () => {
  const folder = () => join(temporaryFolder(), 'state');
  const args = (file: string, ...more: string[]) => [
    '--config.file',
    file,
    '--web.listen-address',
    '127.0.0.1:0',
    ...more,
  ];

  test('a configuration file that does not exist.', async () => {
    const file = join(temporaryFolder(), 'missing.yaml');
    const { code, stderr } = await runProgram(args(file));
    expect(code).toBe(1);
    expect(stderr).toContain(file);
    expect(stderr.trim().split('\n').length).toBeLessThanOrEqual(2);
  });

  test('a configuration file that is a folder.', async () => {
    const file = temporaryFolder();
    const { code, stderr } = await runProgram(args(file));
    expect(code).toBe(1);
    expect(stderr).toContain(file);
  });

  test('a storage folder that is a file.', async () => {
    const file = configFile(configText(GOOD, '/unused'));
    const { code, stderr } = await runProgram(args(file, '--storage.path', file));
    expect(code).toBe(1);
    expect(stderr).toContain(file);
    expect(stderr).toContain('--storage.path');
  });

  test('a port that another process uses: the message names the address and the flag.', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const storage = folder();
    const file = configFile(configText(GOOD, storage));
    const { code, stderr } = await runProgram(['--config.file', file, '--web.listen-address', `127.0.0.1:${port}`]);
    await new Promise((resolve) => server.close(resolve));
    expect(code).toBe(1);
    expect(stderr).toContain(
      `netpulse: cannot listen on 127.0.0.1:${port}: another process uses this address; --web.listen-address changes the address`,
    );
    // and the folder is free again
    const exporter = await startExporter({ storage, config: GOOD });
    expect((await exporter.stop()).code).toBe(0);
  });

  test('a state folder that another exporter uses: the message names the process and the folder, and the other goes on.', async () => {
    const first = await startExporter({ config: GOOD });
    const file = configFile(configText(GOOD, first.storage));
    const { code, stderr } = await runProgram(args(file));
    expect(code).toBe(1);
    expect(stderr).toContain(
      `netpulse: the state folder ${first.storage} is in use by another netpulse (process ${first.pid} `,
    );
    expect(stderr).toContain('--storage.path');
    expect((await first.get('/-/ready')).status).toBe(200);
    expect((await first.stop()).code).toBe(0);
    // once it has stopped, the folder is free at once
    const second = await startExporter({ storage: first.storage, config: GOOD });
    expect((await second.stop()).code).toBe(0);
  });

  test('a state folder whose exporter was killed is not one of these: the next takes it over.', async () => {
    const first = await startExporter({ config: GOOD });
    await first.stop('SIGKILL');
    const second = await startExporter({ storage: first.storage, config: GOOD });
    expect((await second.stop()).code).toBe(0);
  });

  test('a procfs that is none.', async () => {
    const empty = temporaryFolder();
    const file = configFile(configText({ monitors: [{ name: 'host', source: 'host' }] }, folder()));
    const { code, stderr } = await runProgram(args(file, '--path.procfs', empty));
    expect(code).toBe(1);
    expect(stderr).toContain(`${empty}/stat`);
    expect(stderr).toContain('--path.procfs');
  });

  test('a web configuration that is not valid.', async () => {
    const web = configFile('tls_server_config: { cert_file: /nowhere/cert.pem }\n');
    const { code, stderr } = await runProgram(args(configFile(configText(GOOD, folder())), '--web.config.file', web));
    expect(code).toBe(1);
    expect(stderr).toContain('netpulse: ');
    expect(stderr).toContain(web);
  });
});

describe('Flags, variables and file', () => {
  test('A flag beats its variable, and both beat the file.', async () => {
    const folders = ['file', 'variable', 'flag'].map((name) => join(temporaryFolder(), name));
    for (const folder of folders) mkdirSync(folder);
    const [file, variable, flag] = folders;
    const config = configFile(configText(GOOD, file));
    const used = async (args: string[], env: Record<string, string>) => {
      const exporter = await startExporter({ storage: file, config: GOOD, args, env });
      const line = exporter.lines.find((line) => line.includes('netpulse starts'))!;
      await exporter.stop();
      return /storage=(\S+)/.exec(line)![1];
    };
    expect(config).not.toBe('');
    expect(await used([], {})).toBe(file);
    expect(await used([], { NETPULSE_STORAGE_PATH: variable })).toBe(variable);
    expect(await used(['--storage.path', flag], { NETPULSE_STORAGE_PATH: variable })).toBe(flag);
  });

  test.each([
    ['logfmt', /^time=\S+Z level=(debug|info|warn|error) msg="/],
    ['json', /^\{"level":"(debug|info|warn|error)","time":"[^"]+Z",.*\}$/],
  ])('The log is %s when asked, one record a line, and on the error output only.', async (format, record) => {
    const exporter = await startExporter({
      config: GOOD,
      args: ['--log.format', format, '--log.level', 'debug'],
    });
    await exporter.stop();
    expect(exporter.lines.length).toBeGreaterThan(2);
    for (const line of exporter.lines) expect(line).toMatch(record);
  });
});
