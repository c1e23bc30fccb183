/**
 * What a configuration file may say, with its defaults, room by room. Keys are snake_case as in the file, parsed values camelCase.
 * What depends on more than one key (the step, trust, options of a source) is settled in `monitors.ts`.
 */
import { z } from 'zod';
import { ensembleOptions, thresholdOptions } from '../decision/options.ts';
import { duration, parseDuration } from '../durations.ts';
import { webOptions } from '../outputs/rest/options.ts';
import { show } from './problems.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

const name = z.string().min(1);
const featureName = z.string().regex(/^[a-z][a-z0-9_]*$/, {
  error: ({ input }) => `${show(input)} is no name of a feature; write it as in the metrics, such as cpu_usage_ratio`,
});

/** How long a model must have scored rows it was not fitted on before it may open incidents: by their time, or by their number. */
export type Trust =
  { readonly ms: number; readonly rows?: undefined } | { readonly rows: number; readonly ms?: undefined };

const trust = z.unknown().transform((value, context): Trust => {
  const rows = typeof value === 'string' ? /^(\d{1,9}) rows?$/.exec(value.trim()) : null;
  if (rows) return { rows: Number(rows[1]) };
  try {
    return { ms: parseDuration(value) };
  } catch (error) {
    context.issues.push({
      code: 'custom',
      message: `${(error as Error).message}, or a number of rows such as "1000 rows"`,
      input: value,
    });
    return z.NEVER;
  }
});

const featureSettings = z
  .strictObject({
    minimum_deviation: z.number().min(0).optional(),
    direction: z.enum(['up', 'down', 'both']).optional(),
    enabled: z.boolean().optional(),
  })
  .transform(({ minimum_deviation: minimumDeviation, direction, enabled }): FeatureSettings => ({
    ...(minimumDeviation !== undefined && { minimumDeviation }),
    ...(direction !== undefined && { direction }),
    ...(enabled !== undefined && { enabled }),
  }));

/** What a monitor changes about a feature; what is absent stays as the source says. */
export interface FeatureSettings {
  /** in the feature's own unit */
  readonly minimumDeviation?: number;
  readonly direction?: 'up' | 'down' | 'both';
  readonly enabled?: boolean;
}

/** Bounds in the feature's own unit; at least one is set, and min < max. */
export interface Limit {
  readonly min?: number;
  readonly max?: number;
}

const limit = z
  .strictObject({ min: z.number().optional(), max: z.number().optional() })
  .refine(({ min, max }) => min !== undefined || max !== undefined, { error: 'has no bound; write min, max or both' })
  .refine(({ min, max }) => min === undefined || max === undefined || min < max, {
    error: ({ input }) => `${show(input)} allows no value; min must be smaller than max`,
  });

/** `- one-class-svm: { nu: 0.05 }`: a detector with options of its own. */
const detectorWithOptions = z
  .record(name, z.record(z.string(), z.unknown()))
  .refine((entry) => Object.keys(entry).length === 1, {
    error: 'names more than one detector; give each its own line of the list',
  });

const monitorOptions = z.strictObject({
  name: z.string().regex(/^[a-z0-9_-]{1,40}$/, { error: 'use 1 to 40 of the characters a-z, 0-9, _ and -' }),
  source: name,
  interval: duration(500, HOUR).default(1000),
  step: duration(500, HOUR).optional(),
  options: z.unknown().optional(),
  detectors: z
    .array(z.union([name, detectorWithOptions]))
    .min(1)
    .default(['baseline', 'isolation-forest', 'conditional', 'var']),
  ensemble: ensembleOptions.prefault({}),
  threshold: thresholdOptions.optional(),
  features: z.record(featureName, featureSettings).default({}),
  limits: z.record(featureName, limit).default({}),
  trust: trust.optional(),
  history: duration(HOUR, 90 * DAY).default(7 * DAY),
  seed: z.int().min(0).max(0xffffffff).default(0),
});

export type MonitorOptions = z.output<typeof monitorOptions>;

export const fileOptions = z.strictObject({
  storage: z.strictObject({ path: name.optional() }).prefault({}),
  log: z
    .strictObject({
      level: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
      format: z.enum(['logfmt', 'json']).default('logfmt'),
    })
    .prefault({}),
  path: z
    .strictObject({ procfs: name.default('/proc'), sysfs: name.default('/sys'), rootfs: name.default('/') })
    .prefault({}),
  web: webOptions.prefault({}),
  metrics: z
    .strictObject({
      feature_entities: z.int().min(0).max(10_000).default(5),
      max_series: z.int().min(1000).max(10_000_000).default(50_000),
    })
    .prefault({})
    .transform((o) => ({ featureEntities: o.feature_entities, maxSeries: o.max_series })),
  monitors: z.array(monitorOptions).min(1).optional(),
});

export type FileOptions = z.output<typeof fileOptions>;
