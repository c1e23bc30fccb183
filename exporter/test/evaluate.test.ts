/** `netpulse evaluate`: detectors side by side, as text, CSV and JSON. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { removeFolders, temporaryFolder } from '../src/store/testing/disk.ts';
import { killExporters, runProgram } from './exporter-process.ts';

jest.setTimeout(120_000);

/** Steps that take seconds on a busy machine are told on the error output. */
const withoutProgress = (stderr: string) => stderr.replace(/^(fitting|reading) .*\n/gm, '');

const folder = temporaryFolder();
const table = join(folder, 'connections.csv');
const clean = join(folder, 'clean.csv');
const TWO = ['--detector', 'isolation-forest,local-outlier-factor', '--options', '{"isolation-forest": {"trees": 20}}'];
const data = process.env.NETPULSE_DATA ?? join(__dirname, '../../../shared/data');
const nslKdd = ['KDDTrain+_20Percent.txt.gz', 'KDDTest+.txt.gz'].map((name) => join(data, 'nslkdd', name));

beforeAll(async () => {
  await Promise.all([
    runProgram(['generate', '--kind', 'connections', '--rows', '500', '--output', table]),
    runProgram(['generate', '--kind', 'connections', '--anomaly-share', '0', '--seed', '100', '--output', clean]),
  ]);
});
afterEach(killExporters);
afterAll(removeFolders);

interface Result {
  detectors: {
    name: string;
    threshold: number;
    flagged: number;
    fitSeconds: number;
    modelBytes: number;
    advice: string;
    quality: null | {
      decision: Record<'truePositives' | 'falsePositives' | 'trueNegatives' | 'falseNegatives' | 'accuracy', number>;
      ranking: { rocAuc: number };
      events?: { vusPr: number };
    };
  }[];
  top: { row: number; score: number; features: { feature: string; share: number }[] }[];
  overview: { rows: number; labels: { normal: number; anomalous: number } };
}

async function evaluate(...args: string[]): Promise<Result> {
  const { code, stdout, stderr } = await runProgram(['evaluate', ...args, '--format', 'json']);
  expect([code, withoutProgress(stderr)]).toEqual([0, '']);
  return JSON.parse(stdout) as Result;
}

test('Detectors are compared by quality, time, memory and what they are for.', async () => {
  const { code, stdout, stderr } = await runProgram(['evaluate', table, ...TWO, '--contamination', '0.15']);
  expect([code, withoutProgress(stderr)]).toEqual([0, '']);
  for (const title of [
    /^DETECTOR +ROC-AUC +AP +BEST F1 +PRECISION +RECALL +F1 +ACCURACY +FALSE ALARMS$/m,
    /^DETECTOR +THRESHOLD +FIT +SCORE +MEMORY +MODEL +WHEN TO USE$/m,
    /^ensemble +FLAGGED +NOT FLAGGED$/m,
    /^ *ROW +SCORE +LABEL +WHAT MOVED$/m,
  ])
    expect(stdout).toMatch(title);
  expect(stdout.match(/^isolation-forest /gm)).toHaveLength(2);
});

test('JSON holds the whole result: a confusion matrix that adds up, rows that are explained.', async () => {
  const { detectors, top, overview } = await evaluate(table, ...TWO, '--contamination', '0.15', '--top', '4');
  expect([overview.rows, overview.labels]).toEqual([500, { normal: 425, anomalous: 75, missing: 0 }]);
  expect(detectors.map(({ name }) => name)).toEqual(['isolation-forest', 'local-outlier-factor', 'ensemble']);
  for (const { quality, flagged, threshold, modelBytes, advice } of detectors) {
    const { truePositives, falsePositives, trueNegatives, falseNegatives, accuracy } = quality!.decision;
    expect(truePositives + falseNegatives).toBe(75);
    expect(falsePositives + trueNegatives).toBe(425);
    expect(truePositives + falsePositives).toBe(flagged);
    expect(accuracy).toBeCloseTo((truePositives + trueNegatives) / 500, 12);
    expect(flagged).toBe(75);
    expect(threshold > 0 && modelBytes > 0 && advice !== '').toBe(true);
  }
  expect(top).toHaveLength(4);
  expect(top.every(({ score, features }, i) => features.length > 0 && (i === 0 || score <= top[i - 1].score))).toBe(
    true,
  );
});

test('CSV has a line for each detector with the same figures as JSON.', async () => {
  const args = [table, ...TWO];
  const [{ stdout }, { detectors }] = await Promise.all([
    runProgram(['evaluate', ...args, '--format', 'csv']),
    evaluate(...args),
  ]);
  const [header, ...lines] = stdout.trimEnd().split('\n');
  const names = header.split(',');
  expect(lines.map((line) => line.split(',')[0])).toEqual(detectors.map(({ name }) => name));
  lines.forEach((line, i) => {
    const cells = line.split(',');
    expect(cells).toHaveLength(names.length);
    expect(Number(cells[names.indexOf('roc_auc')])).toBe(detectors[i].quality!.ranking.rocAuc);
  });
});

test('With a table to learn from, that one is learnt and the other one judged; nothing is saved.', async () => {
  const storage = join(temporaryFolder(), 'state');
  const { detectors } = await evaluate(table, '--train', clean, '--normal-only', ...TWO, '--storage.path', storage);
  const factor = detectors[1].quality!;
  // far from chance; how good it is, the benchmark says
  expect(factor.ranking.rocAuc).toBeGreaterThan(0.8);
  expect(existsSync(storage)).toBe(false);
});

test('Labels of one class, and none at all, are told, and everything but the quality is there.', async () => {
  const oneClass = await runProgram(['evaluate', clean, ...TWO]);
  expect([oneClass.code, oneClass.stdout.includes('no quality: all labels are normal')]).toEqual([0, true]);
  const none = await runProgram(['evaluate', table, '--no-label', ...TWO]);
  expect([none.code, none.stdout.includes('no quality: there are no labels')]).toEqual([0, true]);
});

test('Rows in an order of time are judged as events.', async () => {
  const path = join(folder, 'network.csv');
  await runProgram(['generate', '--duration', '3h', '--interval', '10s', '--output', path]);
  const series = ['--time', 'time', '--entity', 'node', '--exclude', 'kind,event'];
  const { detectors } = await evaluate(path, ...series, '--detector', 'conditional');
  expect(detectors).toHaveLength(1);
  // random scores have about .1
  expect(detectors[0].quality!.events!.vusPr).toBeGreaterThan(0.3);
});

test('The output goes to a file when one is named.', async () => {
  const output = join(temporaryFolder(), 'result.json');
  const { code, stdout } = await runProgram(['evaluate', table, ...TWO, '--format', 'json', '--output', output]);
  expect([code, stdout]).toEqual([0, '']);
  expect((JSON.parse(readFileSync(output, 'utf8')) as Result).detectors).toHaveLength(3);
});

test('Both tables cannot come from one pipe.', async () => {
  const { code, stderr } = await runProgram(['evaluate', '-', '--train', '-']);
  expect([code, stderr]).toEqual([1, 'netpulse: only one of the two tables can come from the standard input\n']);
});

test('A judged table without a column that was learnt is an error that names it.', async () => {
  const path = join(folder, 'narrow.csv');
  writeFileSync(path, 'packet_size,label\n1,0\n2,1\n');
  const { code, stderr } = await runProgram(['evaluate', path, '--train', clean, ...TWO]);
  expect(code).toBe(1);
  expect(stderr).toContain('has no column "duration"');
});

(nslKdd.every(existsSync) ? test : test.skip)(
  'Public connections without a header, with texts and names of attacks, are learnt and judged (needs NETPULSE_DATA).',
  async () => {
    const [train, test] = nslKdd;
    const { detectors, overview } = await evaluate(
      ...[test, '--train', train, '--label', 'column_42', '--exclude', 'column_43', '--normal-only'],
      ...['--detector', 'isolation-forest', '--folds', '2'],
    );
    expect(overview.labels).toEqual({ normal: 4875, anomalous: 6411, missing: 0 });
    expect(detectors[0].quality!.ranking.rocAuc).toBeGreaterThan(0.93);
  },
);
