/**
 * What prom-client holds, as families of ours. Its own OpenMetrics renderer is not used: it strips `_total` from the names in the registry for good.
 */
import type { Registry } from 'prom-client';
import { bucketBoundary, labelBlock, type Family } from './family.ts';

/** The part of a prom-client registry that the page reads. */
export type MetricRegistry = Pick<Registry, 'getMetricsAsJSON'>;

export async function registryFamilies(registry: MetricRegistry): Promise<Family[]> {
  const families: Family[] = [];
  for (const metric of await registry.getMetricsAsJSON()) {
    // declared as a numeric enum, but a word at run time
    const type = String(metric.type);
    const labels: string[] = [];
    const values: number[] = [];
    const suffixes: string[] = [];
    for (const sample of metric.values) {
      const names = Object.keys(sample.labels);
      labels.push(
        names.length === 0
          ? ''
          : labelBlock(
              names,
              names.map((name) => labelText(name, sample.labels[name])),
            ),
      );
      values.push(sample.value);
      suffixes.push('metricName' in sample ? String(sample.metricName).slice(metric.name.length) : '');
    }
    const composed = type === 'histogram' || type === 'summary';
    families.push({
      name: metric.name,
      help: metric.help,
      type: type === 'gauge' && metric.name.endsWith('_info') ? 'info' : familyType(type),
      labels,
      values,
      ...(composed ? { suffixes } : {}),
    });
  }
  return families;
}

function labelText(name: string, value: string | number | undefined): string {
  return name === 'le' && typeof value === 'number' ? bucketBoundary(value) : String(value ?? '');
}

function familyType(type: string): Family['type'] {
  return type === 'counter' || type === 'gauge' || type === 'histogram' || type === 'summary' ? type : 'unknown';
}
