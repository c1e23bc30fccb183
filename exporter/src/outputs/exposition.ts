/**
 * The metrics page: entities from the scoreboard, the exporter's own state, and what prom-client holds, rendered as text or OpenMetrics.
 * Every scrape is a fresh set of families without timestamps.
 */
import type { Observer } from '../flow.ts';
import { chooseFormat, CONTENT_TYPES, renderPage } from './formats.ts';
import type { Family } from './family.ts';
import { registryFamilies, type MetricRegistry } from './registry-families.ts';
import type { Scoreboard } from './scoreboard.ts';
import { serviceFamilies, type ServiceState } from './service-families.ts';

export interface MetricsPageOptions {
  readonly scoreboard: Pick<Scoreboard, 'families'>;
  readonly registry: MetricRegistry;
  readonly state: ServiceState;
  readonly observer: Observer;
  /** most series on the page; default 50,000. Entities are left out, least anomalous first. */
  readonly maxSeries?: number;
}

/** `accept` is the request's header. The promise rejects only when a getter of the state throws. */
export type MetricsPage = (accept: string | undefined) => Promise<{ contentType: string; body: string }>;

/** Each list of the exporter's own state may take this share of the page. */
const OWN_SHARE = 0.1;

export function createMetricsPage(options: MetricsPageOptions): MetricsPage {
  const { scoreboard, registry, state, observer, maxSeries = 50_000 } = options;
  return async (accept) => {
    // counters are read first, so that a limit this page hits is counted on the next one
    const held = await registryFamilies(registry);
    const own = serviceFamilies(state, Math.floor(maxSeries * OWN_SHARE));
    for (const list of own.cut) observer.count('series_limit_hits_total', { limit: list });
    const entities = scoreboard.families(maxSeries - seriesOf(held) - seriesOf(own.families));
    const format = chooseFormat(accept);
    return {
      contentType: CONTENT_TYPES[format],
      body: renderPage([...entities, ...own.families, ...held], format),
    };
  };
}

function seriesOf(families: readonly Family[]): number {
  return families.reduce((sum, { values }) => sum + values.length, 0);
}
