import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { seededRandom } from '../../random.ts';
import { evaluationReport, renderReport } from './report.ts';
import type { ReportSubject } from './subject.ts';
import { evaluated, readRows } from './testing/evaluated.ts';
import { fixedSubject } from './testing/fixed-subject.ts';

const GOLDEN = join(__dirname, 'golden', 'report.html.txt');

/** Text as read: no tags, no style. */
function textOf(html: string): string {
  return html
    .replace(/<style>[^]*?<\/style>/g, '')
    .replace(/<[^>]+>/g, ' ')
    .replaceAll('\u00a0', ' ')
    .replace(/\s+/g, ' ');
}

/** Elements that are open at the end, or closed without being open; empty when the page is well-formed. */
function unbalanced(html: string): string[] {
  const open: string[] = [];
  for (const [, close, name, self] of html
    .replace(/<style>[^]*?<\/style>/g, '')
    .matchAll(/<(\/?)([a-z][a-z0-9]*)(?:\s+[a-zA-Z-]+(?:="[^"<>]*")?)*\s*(\/?)>/g)) {
    if (close) {
      if (open.pop() !== name) return [`</${name}>`];
    } else if (!self && !['meta', 'link', 'wbr', 'br'].includes(name)) open.push(name);
  }
  return open;
}

const RANDOM_ROWS = 80;

function connections(rows = RANDOM_ROWS, label?: (row: number) => string): string {
  const random = seededRandom(2);
  const lines = Array.from({ length: rows }, (_, row) => {
    const odd = row % 16 === 5;
    const values = [odd ? 9000 : 100 + random.next(), random.normal(), odd ? 'icmp' : ['tcp', 'udp'][random.below(2)]];
    return [...values, ...(label ? [label(row)] : [])].join();
  });
  return `bytes,rate,proto${label ? ',label' : ''}\n${lines.join('\n')}\n`;
}

const OPTIONS = { seed: 0, madeAt: 0 };

describe('the report of an evaluation', () => {
  // UPDATE_GOLDEN=1 writes the file anew; look at the difference before it is committed
  test('equals its golden file.', () => {
    const page = renderReport(fixedSubject())
      .replace(/<style>[^]*?<\/style>/, '<style></style>')
      .replace(/sha256-[A-Za-z0-9+/=]+/, 'sha256-')
      .replace(/[ \t]+\n/g, '\n');
    if (process.env.UPDATE_GOLDEN === '1') writeFileSync(GOLDEN, page);
    expect(page).toBe(readFileSync(GOLDEN, 'utf8'));
  });

  test('needs nothing from elsewhere, runs nothing, and its content policy says so.', () => {
    const page = renderReport(fixedSubject());
    const [, style] = /<style>([^]*?)<\/style>/.exec(page) ?? [];
    const hash = createHash('sha256').update(style).digest('base64');
    expect(page).toContain(
      `content="default-src &#39;none&#39;; img-src data:; style-src &#39;sha256-${hash}&#39;; base-uri &#39;none&#39;; form-action &#39;none&#39;"`,
    );
    expect(page).not.toMatch(/<script| style=| on\w+=|@import|url\(|src=|https?:\/\/(?!www\.w3\.org)/);
    expect(unbalanced(page)).toEqual([]);
  });

  test('says in words and tables what its pictures show.', () => {
    const page = renderReport(fixedSubject());
    const pictures = page.match(/<svg[^>]*role="img"[^>]*>/g) ?? [];
    expect(pictures.length).toBeGreaterThan(4);
    for (const picture of pictures) expect(picture).toMatch(/aria-label="[^"]+"/);
    for (const other of page.match(/<svg(?![^>]*role="img")[^>]*class="(?:bar|shape|scale|swarm)[^>]*>/g) ?? [])
      expect(other).toContain('aria-hidden="true"');
    const text = textOf(page);
    expect(text).toContain('2 rows flagged 17 % of 12 rows, by the ensemble. A score of 1 is the threshold.');
    expect(text).toContain(
      'Anomalous 2 1 found 50 % 1 missed 50 % Normal 10 1 false alarms 10 % 9 rightly left alone 90 %',
    );
    expect(text).toContain('High 2 and above 1 1');
    expect(text).toContain('1 row without any value has no score');
    expect(text).toContain('normal rows 0.25 + SHAP values 2.05 = score 2.30');
    expect(text).toContain('bytes 0.310 0.250 to 0.400');
  });

  test('hostile names and values are shown, not run.', () => {
    const hostile = `"><script>alert(1)</script><img src=x onerror='alert(2)'>\`&{{7*7}}\u202e\u0000`;
    let count = 0;
    const page = renderReport(fixedSubject(() => `${++count}${hostile}`.slice(0, 400)));
    const same = renderReport(fixedSubject((text) => `${text}${hostile}`));
    for (const html of [page, same]) {
      expect(html).not.toMatch(/<script|<img/);
      expect(html).not.toContain('\u0000');
      expect(html).not.toMatch(/="[^"]*"[^\s>/]/);
      expect(unbalanced(html)).toEqual([]);
    }
    expect(same).toContain('bytes&#34;&#62;&#60;script&#62;alert(1)&#60;');
  });

  test('endless names are cut.', () => {
    const page = renderReport(fixedSubject((text) => text + 'x'.repeat(100_000)));
    expect(page.length).toBeLessThan(120_000);
    expect(page).toContain('class="endless"');
  });

  test('a column called __proto__ or constructor is a column.', async () => {
    const content = connections().replace('bytes,rate', '__proto__,constructor');
    const { result, evidence } = evaluated(await readRows(content));
    const text = textOf(evaluationReport(result, evidence, OPTIONS));
    expect(text).toContain('constructor');
  });

  test('leaves what needs labels out, with a sentence, where there are none or of one kind only.', async () => {
    const sentences = async (content: string) => {
      const { result, evidence } = evaluated(await readRows(content));
      return textOf(evaluationReport(result, evidence, OPTIONS));
    };
    const none = await sentences(connections());
    expect(none).toContain(
      'Quality is left out: the table has no labels, so nobody can say which flagged rows are right.',
    );
    expect(none).toContain('The confusion matrix is left out');
    expect(none).toContain('How much the scores change, on average, when the values of one column are shuffled.');
    expect(none).not.toContain('flagged by mistake');
    const one = await sentences(connections(RANDOM_ROWS, () => '0'));
    expect(one).toContain('Quality is left out: all labels are normal');
    expect(one).toContain('The labels are of one kind only');
  });

  test('with labels it has quality, and importance as lost precision.', async () => {
    const { result, evidence } = evaluated(
      await readRows(connections(200, (row) => (row % 16 === 5 ? 'dos' : 'normal'))),
      { normalOnly: true, contamination: 0.02 },
    );
    const told: string[] = [];
    const html = evaluationReport(result, evidence, {
      ...OPTIONS,
      onProgress: (step, share) => told.push(`${step} ${share}`),
    });
    const text = textOf(html);
    expect(text).toContain('Average precision that is lost when the values of one column are shuffled');
    expect(text).toContain('13 found');
    expect(told).toContain('shuffling columns 1');
    expect(told.at(-1)).toBe('explaining rows 1');
    expect(evaluationReport(result, evidence, OPTIONS)).toBe(html);
  });

  test('a single row, rows without any score, constant scores and no anomaly are reports too.', async () => {
    const train = await readRows(connections());
    const content = connections().split('\n');
    const one = await readRows(`${content[0]}\n${content[1]}\n`);
    const empty = await readRows(`${content[0]}\n,,\n,,\n`, { numbers: ['bytes', 'rate'], categories: ['proto'] });
    const same = await readRows(`${content[0]}\n${`${content[1]}\n`.repeat(30)}`);
    for (const judged of [one, empty, same]) {
      const { result, evidence } = evaluated(judged, {
        train,
        detectors: ['local-outlier-factor', 'isolation-forest'],
      });
      const html = evaluationReport(result, evidence, OPTIONS);
      expect(unbalanced(html)).toEqual([]);
      expect(html).not.toMatch(/NaN|Infinity|undefined/);
      expect(textOf(html)).toContain('No row is anomalous');
    }
    const nothing = { ...fixedSubject(), importance: undefined, shap: undefined };
    const subject: ReportSubject = {
      ...nothing,
      table: {
        ...nothing.table,
        rows: 0,
        values: new Float64Array(0),
        labels: new Float64Array(0),
        row: new Float64Array(0),
        entity: new Int32Array(0),
      },
      scores: { members: [new Float64Array(0), new Float64Array(0)], ensemble: new Float64Array(0) },
      result: { ...nothing.result, top: [] },
    };
    const html = renderReport(subject);
    expect(html).not.toMatch(/NaN|Infinity|undefined/);
    expect(textOf(html)).toContain('No row comes near the threshold');
    expect(textOf(html)).toContain('No column has a value to show.');
  });

  test('an infinite score does not bend the pictures.', () => {
    const subject = fixedSubject();
    subject.scores.ensemble[3] = Infinity;
    const html = renderReport(subject);
    expect(html).not.toMatch(/d="[^"]*(?:NaN|Infinity)/);
  });

  test('a series has a course, its events in a table, and times below.', async () => {
    const random = seededRandom(4);
    const lines = Array.from({ length: 300 }, (_, row) => {
      const label = row >= 200 && row < 210 ? 1 : 0;
      const time = new Date(Date.UTC(2026, 0, 1) + row * 60_000).toISOString();
      return [time, ...Array.from({ length: 3 }, () => (random.normal() + 8 * label).toFixed(3)), label].join();
    });
    const rows = await readRows(`time,a,b,c,label\n${lines.join('\n')}\n`, { time: 'time' });
    const { result, evidence } = evaluated(rows, { series: true, time: 'time', detectors: ['conditional', 'var'] });
    const html = evaluationReport(result, evidence, OPTIONS);
    expect(html).toMatch(/class="course" d="M/);
    expect(html).toMatch(/class="strip"\s+x="666\.7"/);
    const text = textOf(html);
    expect(text).toContain('2026-01-01 00:00:00 to 2026-01-01 04:59:00 UTC');
    expect(text).toContain('Events');
    expect(text).toContain('02:30');
  });

  test('a million rows make a report of bounded size.', () => {
    const small = fixedSubject();
    const rows = 1_000_000;
    const random = seededRandom(1);
    const scores = Float64Array.from({ length: rows }, () => -Math.log(random.next()) / 4);
    const labels = scores.map((score) => (score > 2 === random.next() > 0.1 ? 1 : 0));
    const table = {
      ...small.table,
      rows,
      labels,
      values: Float64Array.from({ length: 2 * rows }, (_, i) => (i % 2 === 0 ? random.normal() : random.below(2))),
      row: labels.map((_, row) => row + 1),
      entity: new Int32Array(rows),
    };
    for (const series of [false, true]) {
      const result = { ...small.result, settings: { ...small.result.settings, series } };
      const html = renderReport({ ...small, result, table, scores: { members: [scores, scores], ensemble: scores } });
      expect(html.length).toBeLessThan(400_000);
    }
  }, 60_000);
});
