/** What `GET /api/status` and the landing page say. */
import type { Scoreboard } from '../outputs/scoreboard.ts';
import type { Status } from '../wire/status.ts';
import type { Monitor } from './monitor.ts';

const MOST_ENTITIES = 500;

export interface StatusParts extends Pick<
  Status,
  'version' | 'startedAt' | 'now' | 'hostname' | 'inventory' | 'config' | 'incidentsOpen'
> {
  readonly monitors: readonly Monitor[];
  readonly scoreboard: Scoreboard;
}

export function statusOf({ monitors, scoreboard, ...facts }: StatusParts): Status {
  return {
    apiVersion: 1,
    ...facts,
    monitors: monitors.map((monitor) => {
      const { name, source, intervalMs, stepMs } = monitor.config();
      const { entities, features, samples } = scoreboard.totals(name);
      return {
        monitor: name,
        source,
        up: monitor.up(),
        error: monitor.error(),
        intervalMs,
        stepMs,
        entities,
        features,
        samples,
        detectors: monitor.detectors(),
      };
    }),
    entities: scoreboard.entities(MOST_ENTITIES),
    entitiesTotal: scoreboard.entityCount(),
  };
}
