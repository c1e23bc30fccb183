import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { buildSync } from 'esbuild';
import { manualClock } from './clock.ts';
import { createObserver, type ObserverOptions, type PipelineObserver } from './observe.ts';

let observer: PipelineObserver | undefined;
afterEach(() => observer?.stop());

function setUp(options: Partial<ObserverOptions> = {}) {
  const clock = manualClock();
  const lines: string[] = [];
  const own = createObserver({ version: '1.2.3', clock, write: (line) => void lines.push(line), ...options });
  observer = own;
  const values = async (name: string) => {
    const metric = (await own.registry.getMetricsAsJSON()).find((candidate) => candidate.name === name);
    return metric!.values.map(({ labels, value }) => [labels, value]);
  };
  return { clock, lines, observer: own, values };
}

describe('The log', () => {
  test.each([
    [{}, ''],
    [{ count: 3, ok: true, nothing: null }, ' count=3 ok=true nothing=null'],
    [{ path: '/a b' }, ' path="/a b"'],
    [{ text: 'say "hi"\n', empty: '' }, ' text="say \\"hi\\"\\n" empty=""'],
    [{ assignment: 'a=b', windows: 'c:\\x' }, ' assignment="a=b" windows="c:\\\\x"'],
    [{ list: [1, 2] }, ' list=[1,2]'],
    [{ ratio: NaN, top: Infinity }, ' ratio=NaN top=Infinity'],
    [{ error: new Error('outer', { cause: new Error('inner') }) }, ' error="outer: inner"'],
    [{ level: 'fatal', msg: 'x', 'a b': 1 }, ' field_level=fatal field_msg=x a_b=1'],
  ])('writes %j as one logfmt line.', (fields, expected) => {
    const { lines, observer } = setUp();
    observer.log.info('one thing', fields);
    expect(lines).toEqual([`time=2026-01-01T00:00:00.000Z level=info msg="one thing"${expected}\n`]);
  });

  test('writes JSON when asked to.', () => {
    const { lines, observer } = setUp({ format: 'json' });
    observer.log.warn('a\nb', { key: 'value' });
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      { level: 'warn', time: '2026-01-01T00:00:00.000Z', key: 'value', msg: 'a\nb' },
    ]);
  });

  test('leaves out what is below its level.', () => {
    const { lines, observer } = setUp({ level: 'warn' });
    observer.log.debug('a');
    observer.log.info('b');
    observer.log.warn('c');
    observer.log.error('d');
    expect(lines.map((line) => /level=(\w+)/.exec(line)![1])).toEqual(['warn', 'error']);
  });
});

describe('Counters', () => {
  test('start at 0 where that is asked for and add up by label set.', async () => {
    const { observer, values } = setUp();
    observer.preset('source_restarts_total', { monitor: 'a' });
    observer.count('source_errors_total', { monitor: 'a', reason: 'read' });
    observer.count('source_errors_total', { reason: 'read', monitor: 'a' }, 2);
    observer.count('source_errors_total', { monitor: 'b', reason: 'read' });
    expect(await values('netpulse_source_restarts_total')).toEqual([[{ monitor: 'a' }, 0]]);
    expect(await values('netpulse_source_errors_total')).toEqual([
      [{ monitor: 'a', reason: 'read' }, 3],
      [{ monitor: 'b', reason: 'read' }, 1],
    ]);
    expect(await values('netpulse_clock_jumps_total')).toEqual([[{}, 0]]);
    observer.count('clock_jumps_total', {});
    expect(await values('netpulse_clock_jumps_total')).toEqual([[{}, 1]]);
  });

  test('never fall and never become NaN.', async () => {
    const { observer, values } = setUp();
    for (const by of [2, NaN, -1, Infinity, 0]) observer.count('clock_jumps_total', {}, by);
    expect(await values('netpulse_clock_jumps_total')).toEqual([[{}, 2]]);
  });

  test('count label sets beyond two hundred under other, and say that they do.', async () => {
    const { observer, values } = setUp();
    for (let i = 0; i < 500; i++) observer.count('source_errors_total', { monitor: 'a', reason: `r${i}` });
    const all = await values('netpulse_source_errors_total');
    expect(all).toHaveLength(201);
    expect(all.at(-1)).toEqual([{ monitor: 'other', reason: 'other' }, 300]);
    expect(await values('netpulse_series_limit_hits_total')).toEqual([[{ limit: 'counter_labels' }, 300]]);
  });

  test('with labels that are not declared are counted all the same, and reported once.', async () => {
    const { observer, values, lines } = setUp();
    for (let i = 0; i < 3; i++) observer.count('sink_dropped_total', { name: 'x' });
    expect(await values('netpulse_sink_dropped_total')).toEqual([[{ sink: '' }, 3]]);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('counter=sink_dropped_total labels=name declared=sink');
  });
});

describe('A stage', () => {
  test('gives its result and exports success, duration, rows and errors.', async () => {
    const { observer, clock, values } = setUp();
    const run = () => {
      clock.advance(20);
      return 'done';
    };
    expect(observer.observeStage('decision', 7, run)).toBe('done');
    expect(await observer.observeStageAsync('decision', 5, () => Promise.resolve(run()))).toBe('done');
    expect(await values('netpulse_stage_success')).toEqual([[{ stage: 'decision' }, 1]]);
    expect(await values('netpulse_stage_duration_seconds')).toEqual([[{ stage: 'decision' }, 0.02]]);
    expect(await values('netpulse_stage_rows_total')).toEqual([[{ stage: 'decision' }, 12]]);
    expect(await values('netpulse_stage_errors_total')).toEqual([[{ stage: 'decision' }, 0]]);
  });

  test('that throws gives undefined, is counted, and is logged once a minute while it lasts and once when it ends.', async () => {
    const { observer, clock, values, lines } = setUp();
    const fail = () => {
      throw new Error('no such file', { cause: new Error('ENOENT') });
    };
    for (let second = 0; second < 150; second++) {
      expect(observer.observeStage('history', 1, fail)).toBeUndefined();
      clock.advance(1000);
    }
    expect(await values('netpulse_stage_success')).toEqual([[{ stage: 'history' }, 0]]);
    expect(await values('netpulse_stage_errors_total')).toEqual([[{ stage: 'history' }, 150]]);
    observer.observeStage('history', 1, () => {});
    expect(await values('netpulse_stage_success')).toEqual([[{ stage: 'history' }, 1]]);
    expect(lines.map((line) => line.replace(/^time=\S+ /, ''))).toEqual([
      'level=error msg="stage failed" stage=history error="no such file: ENOENT" unlogged=0\n',
      'level=error msg="stage failed" stage=history error="no such file: ENOENT" unlogged=59\n',
      'level=error msg="stage failed" stage=history error="no such file: ENOENT" unlogged=59\n',
      'level=info msg="stage works again" stage=history failures=150\n',
    ]);
  });

  test('that fails every other time does not flood the log.', async () => {
    const { observer, clock, lines } = setUp();
    for (let second = 0; second < 120; second++) {
      await observer.observeStageAsync('store', 1, () =>
        second % 2 ? Promise.resolve() : Promise.reject(new Error('x')),
      );
      clock.advance(1000);
    }
    expect(lines).toHaveLength(4);
  });
});

test('Durations and delays are histograms; a delay below 0 counts as 0 and one that is no number not at all.', async () => {
  const { observer, values } = setUp();
  for (const seconds of [-5, 0.004, NaN, Infinity]) observer.observeVerdictDelay(seconds);
  for (const seconds of [2e-5, 0.5, NaN]) observer.observeScoreDuration('baseline', seconds);
  const delays = await values('netpulse_verdict_delay_seconds');
  expect(delays.slice(-2)).toEqual([
    [{}, 0.004],
    [{}, 2],
  ]);
  const durations = await values('netpulse_score_duration_seconds');
  expect(durations[0]).toEqual([{ le: 1e-5, detector: 'baseline' }, 0]);
  expect(durations[1]).toEqual([{ le: 2.5e-5, detector: 'baseline' }, 1]);
  expect(durations.find(([labels]) => (labels as { le: unknown }).le === 0.1)![1]).toBe(1);
  expect(durations.at(-1)).toEqual([{ detector: 'baseline' }, 2]);
});

test('The process and the build are described.', async () => {
  const { values } = setUp();
  expect(await values('netpulse_build_info')).toEqual([[{ version: '1.2.3', node_version: process.version }, 1]]);
  const value = async (name: string) => (await values(name))[0][1] as number;
  expect(await value('process_cpu_seconds_total')).toBeGreaterThan(0);
  expect(await value('process_resident_memory_bytes')).toBeGreaterThan(1e7);
  expect(Math.abs((await value('process_start_time_seconds')) + process.uptime() - Date.now() / 1000)).toBeLessThan(5);
  expect(await value('nodejs_heap_size_used_bytes')).toBeLessThanOrEqual(await value('nodejs_heap_size_total_bytes'));
  expect(await value('nodejs_eventloop_lag_max_seconds')).toBeGreaterThanOrEqual(0);
  if (process.platform !== 'linux') return;
  expect(await value('process_open_fds')).toBeGreaterThan(2);
  expect(await value('process_max_fds')).toBeGreaterThan(await value('process_open_fds'));
});

describe('In a process of its own', () => {
  const folder = mkdtempSync(join(tmpdir(), 'netpulse-observe-'));
  const program = join(folder, 'program.cjs');
  afterAll(() => rmSync(folder, { recursive: true }));
  beforeAll(() => {
    buildSync({
      stdin: {
        resolveDir: __dirname,
        contents: `
          import { createObserver } from './observe.ts';
          import { systemClock } from './clock.ts';
          const { log } = createObserver({ version: '0', clock: systemClock() });
          process.stdin.once('data', () => {
            for (let i = 0; i < 3; i++) log.error('last words', { i });
            process.stdout.write('still here', () => process.kill(process.pid, 'SIGKILL'));
          });`,
      },
      outfile: program,
      bundle: true,
      platform: 'node',
      format: 'cjs',
    });
  });

  const start = (stderr: 'pipe' | number = 'pipe') =>
    spawn(process.execPath, [program], { stdio: ['pipe', 'pipe', stderr] });

  test('lines reach stderr before the process is killed.', async () => {
    const child = start();
    child.stdin!.write('go');
    const [stderr] = await Promise.all([text(child.stderr!), once(child, 'exit')]);
    expect(stderr.split('\n').map((line) => line.replace(/^time=\S+ /, ''))).toEqual([
      'level=error msg="last words" i=0',
      'level=error msg="last words" i=1',
      'level=error msg="last words" i=2',
      '',
    ]);
  });

  test('a stderr that nobody reads does not end it.', async () => {
    const child = start();
    child.stderr!.destroy();
    child.stdin!.write('go');
    const [stdout, [, signal]] = await Promise.all([text(child.stdout!), once(child, 'exit')]);
    expect([stdout, signal]).toEqual(['still here', 'SIGKILL']);
  });

  (existsSync('/dev/full') ? test : test.skip)('a stderr on a full disk does not end it.', async () => {
    const full = openSync('/dev/full', 'w');
    const child = start(full);
    closeSync(full);
    child.stdin!.write('go');
    const [stdout, [, signal]] = await Promise.all([text(child.stdout!), once(child, 'exit')]);
    expect([stdout, signal]).toEqual(['still here', 'SIGKILL']);
  });
});
