import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { seededRandom } from '../exporter/src/random.ts';

const SCRIPT = resolve('bench', 'evaluate.mjs');

describe('the command evaluate', () => {
  let data: string;
  beforeAll(() => {
    data = mkdtempSync(join(tmpdir(), 'netpulse-evaluate-test-'));
    mkdirSync(join(data, 'tiny'));
    const random = seededRandom(1);
    const row = (anomalous: boolean) =>
      [0, 1, 2].map(() => (random.normal() + (anomalous ? 9 : 0)).toFixed(4)).join(',');
    const train = Array.from({ length: 400 }, () => row(false));
    const test = Array.from({ length: 300 }, (_, i) => `${row(i >= 100 && i < 110)},${i >= 100 && i < 110 ? 1 : 0}`);
    writeFileSync(join(data, 'tiny', 'e.train.csv.gz'), gzipSync(['m0,m1,m2', ...train].join('\n')));
    writeFileSync(join(data, 'tiny', 'e.test.csv.gz'), gzipSync(['m0,m1,m2,label', ...test].join('\n')));
  });
  afterAll(() => rmSync(data, { recursive: true }));

  it('prints one JSON object on stdout, by data set, detector and figure, and progress elsewhere', () => {
    const args = [
      SCRIPT,
      '--data',
      data,
      '--json',
      '--seeds',
      '0-1',
      '--forms',
      'isolation-forest,one-class-svm',
      '--threads',
      '1',
    ];
    const result = JSON.parse(
      execFileSync(process.execPath, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
    ) as {
      tiny: Record<string, Record<string, unknown>>;
    };
    expect(Object.keys(result)).toEqual(['tiny']);
    expect(Object.keys(result.tiny)).toEqual(['isolation-forest', 'one-class-svm', 'spread']);
    expect(result.tiny['one-class-svm']).toMatchObject({
      average_precision: 1,
      event_recall_1pct: 1,
      cause_hit_rate_100: null,
    });
  }, 120_000);

  it('says what is wrong and ends with 1', () => {
    const run = (...args: string[]) =>
      spawnSync(process.execPath, [SCRIPT, '--data', data, ...args], { encoding: 'utf8' });
    const none = run('--only', 'asd');
    expect([none.status, none.stdout]).toEqual([1, '']);
    expect(none.stderr).toContain('of tiny, nslkdd, connections, none is asked for');
    expect(run('--seeds', 'x').stderr).toContain('--seeds x: a whole number from 0 on is needed');
  }, 120_000);
});
