/**
 * The two formats of the metrics page, and the choice between them.
 * Text 0.0.4: https://prometheus.io/docs/instrumenting/exposition_formats/
 * OpenMetrics 1.0.0: https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md
 */
import type { Family } from './family.ts';

export type Format = 'text' | 'openmetrics';

export const CONTENT_TYPES: Readonly<Record<Format, string>> = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
};

/** Endings of names that are units. */
const UNITS = ['seconds', 'bytes', 'ratio'];

/** The unit that a name ends in (before `_total`), if any. */
export function unitOf(name: string): string | undefined {
  const base = name.replace(/_total$/, '');
  return UNITS.find((unit) => base.endsWith(`_${unit}`));
}

/** Families without a sample are left out: a header alone says nothing. */
export function renderPage(families: readonly Family[], format: Format): string {
  let page = '';
  for (const family of families) {
    if (family.values.length === 0) continue;
    page += format === 'text' ? textHeader(family) : openMetricsHeader(family);
    const { labels, values, suffixes } = family;
    // OpenMetrics wants `_total` and `_info` on the samples, where our full names carry them already
    const { name } = family;
    if (suffixes) {
      for (let i = 0; i < values.length; i++)
        page += name + suffixes[i] + labels[i] + ' ' + formatNumber(values[i]) + '\n';
    } else {
      for (let i = 0; i < values.length; i++) page += name + labels[i] + ' ' + formatNumber(values[i]) + '\n';
    }
  }
  return format === 'text' ? page : page + '# EOF\n';
}

export function formatNumber(value: number): string {
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  if (value === Infinity) return '+Inf';
  if (value === -Infinity) return '-Inf';
  return String(value);
}

function textHeader({ name, help, type }: Family): string {
  const escaped = help.replace(/\\/g, '\\\\').replace(/\n/g, '\\n');
  const textType = type === 'info' ? 'gauge' : type === 'unknown' ? 'untyped' : type;
  return `# HELP ${name} ${escaped}\n# TYPE ${name} ${textType}\n`;
}

function openMetricsHeader({ name, help, type }: Family): string {
  const base = type === 'counter' ? name.replace(/_total$/, '') : type === 'info' ? name.replace(/_info$/, '') : name;
  const escaped = help.replace(/\\/g, '\\\\').replace(/\n/g, '\\n').replace(/"/g, '\\"');
  const unit = unitOf(name);
  return `# TYPE ${base} ${type}\n${unit ? `# UNIT ${base} ${unit}\n` : ''}# HELP ${base} ${escaped}\n`;
}

/**
 * The format that an `Accept` header prefers: the highest q-value wins, OpenMetrics when both are equal. Text where neither is asked for, as exporters do
 * for browsers and for scrapers that want a format we do not write.
 */
export function chooseFormat(accept: string | undefined): Format {
  let openMetrics = 0;
  let text = 0;
  // RFC 9110 12.5.1: the most specific range that fits decides
  let textSpecificity = 0;
  for (const range of (accept ?? '').split(',')) {
    const [type, ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    const parameter = (name: string) =>
      parameters
        .find((part) => part.startsWith(`${name}=`))
        ?.slice(name.length + 1)
        .replace(/^"|"$/g, '');
    const asked = Number(parameter('q') ?? 1);
    const quality = asked >= 0 && asked <= 1 ? asked : 0;
    const version = parameter('version');
    if (type === 'application/openmetrics-text') {
      if (version === undefined || version === '1.0.0') openMetrics = Math.max(openMetrics, quality);
    } else {
      const specificity =
        type === 'text/plain' && (version === undefined || version === '0.0.4')
          ? 3
          : type === 'text/*'
            ? 2
            : type === '*/*'
              ? 1
              : 0;
      if (specificity > textSpecificity) {
        textSpecificity = specificity;
        text = quality;
      } else if (specificity > 0 && specificity === textSpecificity) text = Math.max(text, quality);
    }
  }
  return openMetrics > 0 && openMetrics >= text ? 'openmetrics' : 'text';
}
