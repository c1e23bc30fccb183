/**
 * A metric family between what the exporter knows and the two formats it is written in. Label sets are rendered once and kept as text, because
 * ten thousand entities repeat theirs in every family of every scrape.
 */
import { createHash } from 'node:crypto';
import type { Declaration } from './declarations.ts';

/** Samples are parallel columns: `labels[i]` is a rendered block or empty, `suffixes` is set for histograms only (`_bucket`, `_sum`, `_count`). */
export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: Declaration['type'] | 'summary' | 'unknown';
  readonly labels: string[];
  readonly values: number[];
  readonly suffixes?: string[];
}

/** Longer label values are cut to this many UTF-16 units. */
export const MAX_LABEL_LENGTH = 256;

export function family(declaration: Declaration): Family {
  return {
    name: declaration.name,
    help: declaration.help,
    type: declaration.type,
    labels: [],
    values: [],
  };
}

/** Adds one sample; NaN means that there is nothing to say, and adds none. */
export function addSample(to: Family, labels: string, value: number): void {
  if (value !== value) return;
  to.labels.push(labels);
  to.values.push(value);
}

/** `{a="1",b="2"}`, or nothing without names. Names are the caller's own, values may be anything. */
export function labelBlock(names: readonly string[], values: readonly string[]): string {
  if (names.length === 0) return '';
  let block = '{';
  for (let i = 0; i < names.length; i++) block += `${i === 0 ? '' : ','}${names[i]}="${escapeLabel(values[i])}"`;
  return block + '}';
}

/** One more label in a block that has at least one. */
export function extendBlock(block: string, extension: string): string {
  return block.slice(0, -1) + extension;
}

/** What `extendBlock` takes: `,name="value"}`. */
export function blockExtension(name: string, value: string): string {
  return `,${name}="${escapeLabel(value)}"}`;
}

/**
 * A label value as both formats want it. Lone surrogates become U+FFFD and long values are cut; what was changed ends in a digest of the
 * original, so that two values never become one series.
 */
export function escapeLabel(value: string): string {
  let text = value;
  if (text.length > MAX_LABEL_LENGTH || LONE_SURROGATE.test(text)) {
    const digest = createHash('sha256').update(Buffer.from(value, 'utf16le')).digest('hex').slice(0, 16);
    text = text.slice(0, MAX_LABEL_LENGTH - 1 - digest.length).replace(LONE_SURROGATES, '\ufffd') + '~' + digest;
  }
  return NEEDS_ESCAPE.test(text) ? text.replace(ESCAPED, (character) => ESCAPES[character]) : text;
}

// with the u flag a pair of surrogates is one character, so that only lone ones match
const LONE_SURROGATE = /[\ud800-\udfff]/u;
const LONE_SURROGATES = /[\ud800-\udfff]/gu;
const NEEDS_ESCAPE = /[\\"\n]/;
const ESCAPED = /[\\"\n]/g;
const ESCAPES: Record<string, string> = { '\\': '\\\\', '"': '\\"', '\n': '\\n' };

/**
 * The boundary of a bucket in the form that OpenMetrics recommends (`1.0`, `0.25`, `1e-05`), in both formats: a series must not change its
 * name with the format of the scrape. https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md (canonical numbers)
 */
export function bucketBoundary(boundary: number): string {
  if (boundary === Infinity) return '+Inf';
  const size = Math.abs(boundary);
  if (size !== 0 && (size < 1e-4 || size >= 1e6)) {
    const [mantissa, exponent] = boundary.toExponential().split('e');
    return `${mantissa}e${exponent[0]}${exponent.slice(1).padStart(2, '0')}`;
  }
  const text = String(boundary);
  return text.includes('.') ? text : text + '.0';
}
