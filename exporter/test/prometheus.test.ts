/** A real Prometheus, with the repository's own prometheus.yml and targets of its own beside it, scrapes a running exporter and answers PromQL. */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { removeFolders, temporaryFolder } from '../src/store/testing/disk.ts';
import { fetchText, killExporters, startExporter, until, type Exporter } from './exporter-process.ts';
import { NODE_NAMES, syntheticMonitor, writeHistory } from './synthetic-monitor.ts';

jest.setTimeout(90_000);

const PROMETHEUS = '/usr/bin/prometheus';
const REPOSITORY = join(__dirname, '../..');

let exporter: Exporter;
let prometheus: ChildProcess | undefined;
let url: string;

const describeWithPrometheus = existsSync(PROMETHEUS) ? describe : describe.skip;
describeWithPrometheus('A real Prometheus', () => {
  beforeAll(async () => {
    const storage = join(temporaryFolder(), 'state');
    writeHistory(storage, 100);
    exporter = await startExporter({ storage, config: { monitors: [syntheticMonitor()] } });
    const folder = temporaryFolder();
    const targets = join(folder, 'provisioning/prometheus/targets');
    mkdirSync(targets, { recursive: true });
    writeFileSync(join(targets, 'netpulse.yml'), `- targets: ['127.0.0.1:${exporter.port}']\n`);
    const config = readFileSync(join(REPOSITORY, 'prometheus.yml'), 'utf8');
    writeFileSync(
      join(folder, 'prometheus.yml'),
      config
        .replace('scrape_interval: 15s', 'scrape_interval: 1s')
        .replace('evaluation_interval: 15s', 'evaluation_interval: 1s'),
    );
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    prometheus = spawn(
      PROMETHEUS,
      [
        '--config.file=prometheus.yml',
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--log.level=warn',
      ],
      { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] },
    );
    await until('Prometheus is ready', async () => (await fetchText(`${url}/-/ready`)).status === 200);
  });

  afterAll(async () => {
    if (prometheus && prometheus.exitCode === null) {
      const ended = new Promise((resolve) => prometheus!.once('close', resolve));
      prometheus.kill('SIGKILL');
      await ended;
    }
    await killExporters();
    removeFolders();
  });

  test('finds the exporter through its file of targets, and it is up.', async () => {
    const up = await until('the target is scraped', async () => {
      const result = await query('up{job="netpulse"} == 1');
      return result.length > 0 && result;
    });
    expect(up.map(({ metric }) => metric.instance)).toEqual([`127.0.0.1:${exporter.port}`]);
  });

  test('returns a score for each of the six nodes, and they are numbers from 0 on.', async () => {
    const scores = await until('every node has a score', async () => {
      const result = await query('netpulse_anomaly_score{monitor="net"}');
      return result.length === NODE_NAMES.length && result;
    });
    expect(scores.map(({ metric }) => metric.entity).sort()).toEqual(NODE_NAMES);
    for (const { value } of scores) expect(Number(value[1])).toBeGreaterThanOrEqual(0);
  });

  test('scrapes without samples out of order or twice, and the counters rise between scrapes.', async () => {
    await until('every node was counted on', async () => {
      const rising = await query('increase(netpulse_samples_total[15s]) > 0');
      return rising.length === NODE_NAMES.length;
    });
    const { body } = await fetchText(`${url}/metrics`);
    for (const what of ['out_of_order', 'out_of_bounds', 'duplicate_timestamp'])
      expect(body).toMatch(new RegExp(`^prometheus_target_scrapes_sample_${what}_total 0$`, 'm'));
    const { data } = JSON.parse((await fetchText(`${url}/api/v1/targets`)).body) as {
      data: { activeTargets: { lastError: string; health: string }[] };
    };
    expect(data.activeTargets.map(({ lastError, health }) => [health, lastError])).toEqual([['up', '']]);
  });

  test('knows type and help of every metric it has scraped.', async () => {
    const { data } = JSON.parse((await fetchText(`${url}/api/v1/metadata`)).body) as {
      data: Record<string, { type: string; help: string }[]>;
    };
    const ours = Object.entries(data).filter(([name]) => name.startsWith('netpulse_'));
    expect(ours.length).toBeGreaterThan(30);
    expect(ours.filter(([, [{ type, help }]]) => type === 'unknown' || help === '')).toEqual([]);
  });
});

async function query(promql: string): Promise<{ metric: Record<string, string>; value: [number, string] }[]> {
  const { status, body } = await fetchText(`${url}/api/v1/query?query=${encodeURIComponent(promql)}`);
  if (status !== 200) throw new Error(`${promql}: ${status} ${body}`);
  return (JSON.parse(body) as { data: { result: { metric: Record<string, string>; value: [number, string] }[] } }).data
    .result;
}

/** Free when asked; Prometheus takes no port 0. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
