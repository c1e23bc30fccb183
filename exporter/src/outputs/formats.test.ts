import fc from 'fast-check';
import { bucketBoundary, labelBlock, type Family } from './family.ts';
import { chooseFormat, renderPage } from './formats.ts';
import { readOpenMetrics, readSample, readText } from './fixtures/read-page.ts';

function gauge(labels: string, value: number): Family {
  return { name: 'some_metric', help: 'h', type: 'gauge', labels: [labels], values: [value] };
}

test('Any well-formed label value of up to 256 characters is read back as it was.', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme', maxLength: 40 }),
      fc.string({ unit: 'binary', maxLength: 60 }),
      (a, b) => {
        const page = [gauge(labelBlock(['a', 'b'], [a, b]), 1)];
        const expected = { a, b };
        expect(readText(renderPage(page, 'text'))[0].samples[0].labels).toEqual(expected);
        expect(readOpenMetrics(renderPage(page, 'openmetrics'))[0].samples[0].labels).toEqual(expected);
      },
    ),
  );
});

test('Any number is read back as it was, sign of zero and infinities included.', () => {
  const roundTrip = (value: number) => {
    expect(readText(renderPage([gauge('', value)], 'text'))[0].samples[0].value).toBe(value);
    expect(readOpenMetrics(renderPage([gauge('', value)], 'openmetrics'))[0].samples[0].value).toBe(value);
  };
  for (const value of [Infinity, -Infinity, 0, -0, 1e-300, 5e-324, 1e21, 1e22, -1.5e-7, Number.MAX_VALUE])
    roundTrip(value);
  fc.assert(fc.property(fc.double({ noNaN: true }), roundTrip));
});

test('Lone surrogates and very long values become valid UTF-8 and stay apart from each other.', () => {
  const hostile = [
    '\ud800',
    '\ud801',
    'a\udc00b',
    'x'.repeat(10_000),
    'x'.repeat(10_001),
    '😀'.repeat(200),
    '"'.repeat(300),
  ];
  const read = hostile.map((value) => {
    const block = labelBlock(['a'], [value]);
    expect(Buffer.from(block, 'utf8').toString('utf8')).toBe(block);
    return readSample(`some_metric${block} 1`).labels.a;
  });
  expect(new Set(read).size).toBe(hostile.length);
  for (const value of read) expect(value.length).toBeLessThanOrEqual(256);
});

test('A help text with a newline, a quote and a backslash stays on its line in both formats.', () => {
  const family: Family = { ...gauge('', 1), help: 'a "b" \\ c\nd' };
  expect(renderPage([family], 'text')).toBe(
    '# HELP some_metric a "b" \\\\ c\\nd\n# TYPE some_metric gauge\nsome_metric 1\n',
  );
  expect(renderPage([family], 'openmetrics')).toBe(
    '# TYPE some_metric gauge\n# HELP some_metric a \\"b\\" \\\\ c\\nd\nsome_metric 1\n# EOF\n',
  );
});

test('OpenMetrics names a counter without _total and an info without _info, and gives the unit a name ends in.', () => {
  const families: Family[] = [
    { name: 'cpu_seconds_total', help: 'h', type: 'counter', labels: [''], values: [2] },
    { name: 'build_info', help: 'h', type: 'info', labels: ['{v="1"}'], values: [1] },
    { name: 'empty', help: 'h', type: 'gauge', labels: [], values: [] },
  ];
  expect(renderPage(families, 'openmetrics')).toBe(
    '# TYPE cpu_seconds counter\n# UNIT cpu_seconds seconds\n# HELP cpu_seconds h\ncpu_seconds_total 2\n' +
      '# TYPE build info\n# HELP build h\nbuild_info{v="1"} 1\n# EOF\n',
  );
  expect(renderPage(families, 'text')).toBe(
    '# HELP cpu_seconds_total h\n# TYPE cpu_seconds_total counter\ncpu_seconds_total 2\n' +
      '# HELP build_info h\n# TYPE build_info gauge\nbuild_info{v="1"} 1\n',
  );
});

test.each([
  [0.00001, '1e-05'],
  [0.000025, '2.5e-05'],
  [0.0001, '0.0001'],
  [0.25, '0.25'],
  [1, '1.0'],
  [30, '30.0'],
  [100000, '100000.0'],
  [1e6, '1e+06'],
  [Infinity, '+Inf'],
])('The bucket boundary %d is written %s.', (boundary, text) => {
  expect(bucketBoundary(boundary)).toBe(text);
});

const PROMETHEUS_2 =
  'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1';
const PROMETHEUS_3 =
  'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1';
const PROTOBUF = 'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.7';
test.each([
  [undefined, 'text'],
  ['', 'text'],
  ['*/*', 'text'],
  [PROMETHEUS_2, 'openmetrics'],
  [PROMETHEUS_3, 'openmetrics'],
  [`${PROTOBUF},${PROMETHEUS_3}`, 'openmetrics'],
  [`${PROTOBUF},text/plain;version=0.0.4;q=0.4`, 'text'],
  ['application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1', 'openmetrics'],
  ['application/openmetrics-text;version=1.0.0;q=0.2, text/plain;version=0.0.4;q=0.5', 'text'],
  ['APPLICATION/OPENMETRICS-TEXT; Version="1.0.0"', 'openmetrics'],
  ['application/openmetrics-text', 'openmetrics'],
  ['text/plain,application/openmetrics-text', 'openmetrics'],
  ['text/plain;q=0.8,text/plain;version=0.0.4;q=0.2,application/openmetrics-text;q=0.5', 'text'],
  ['application/openmetrics-text;version=0.0.1', 'text'],
  ['application/openmetrics-text;q=0', 'text'],
  ['application/openmetrics-text;q=0.3,text/plain;q=0.2,*/*;q=0.9', 'openmetrics'],
  ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 'text'],
  ['application/json', 'text'],
  ['application/openmetrics-text;q=nonsense', 'text'],
  [',;,=;q', 'text'],
] as const)('An Accept header of %p is answered in %s.', (accept, format) => {
  expect(chooseFormat(accept)).toBe(format);
});
