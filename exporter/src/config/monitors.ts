/** What a monitor's keys mean together: the source's own options, steps that fit intervals, names that exist, defaults that depend on the source. */
import { createHash } from 'node:crypto';
import type { z } from 'zod';
import { defaultThreshold, type EnsembleOptions, type ThresholdOptions } from '../decision/options.ts';
import { duration, formatDuration } from '../durations.ts';
import type { FeatureSpec, Schema } from '../flow.ts';
import { nearest, problemsOf, show, valueAt, wayOut } from './problems.ts';
import type { Path } from './problems.ts';
import type { FeatureSettings, Limit, MonitorOptions, Trust } from './schema.ts';

/** Every monitor, whole: nothing in here is left to a default. Times are ms. */
export interface MonitorConfig {
  /** unique, [a-z0-9_-]{1,40} */
  readonly name: string;
  /** a name of the source table */
  readonly source: string;
  /** validated by the source's own schema */
  readonly options: unknown;
  /** between samples */
  readonly intervalMs: number;
  /** between rows of history; a multiple of the interval */
  readonly stepMs: number;
  /** names of the detector table, at least one, none twice */
  readonly detectors: readonly string[];
  /** of the detectors that have any, by name; parsed by the detector itself */
  readonly detectorOptions: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly ensemble: EnsembleOptions;
  readonly threshold: ThresholdOptions;
  readonly features: Readonly<Record<string, FeatureSettings>>;
  readonly limits: Readonly<Record<string, Limit>>;
  readonly trust: Trust;
  readonly historyMs: number;
  readonly seed: number;
}

/** The names a monitor can use: the tables of sources and of detectors, of which only the options' schemas are read. */
export interface Tables {
  readonly sources: Readonly<Record<string, { readonly options: z.ZodType }>>;
  readonly detectors: Readonly<Record<string, { readonly options: z.ZodType }>>;
}

type Found = { path: Path; message: string };

/** Sources that are not tied to the wall clock: every sample is a row, and trust counts rows. */
const REPLAYED = new Set(['synthetic', 'csv']);
/** Replayed data is full of faults on purpose: a budget of false alarms would silence it, and a share of its rows would take faults for ordinary. */
const LABELLED_THRESHOLD: ThresholdOptions = { method: 'robust', deviations: 3.3 };
/** The ridge guards against normal behaviour that moves, and blurs relations; the synthetic network stays as it is. */
const SYNTHETIC_OPTIONS = { conditional: { ridge: 0.01 } };
const LIVE_STEP_MS = 15_000;
const FEWEST_STEPS = 100;

/** Watched when the file names no monitor. */
export const DEFAULT_MONITORS = [
  { name: 'host', source: 'host' },
  { name: 'probe', source: 'probe' },
];

/** `raw` is the list as written: other keys of a monitor are checked even where one is wrong. */
export function monitorProblems(raw: unknown, { sources, detectors }: Tables): Found[] {
  if (!Array.isArray(raw)) return [];
  return raw.flatMap((monitor: unknown, index) => {
    const at = (...path: Path): Path => ['monitors', index, ...path];
    const get = (...path: Path) => valueAt(monitor, path);
    const found: Found[] = [];

    const name = get('name');
    const twin = raw.findIndex((other: unknown) => name !== undefined && valueAt(other, ['name']) === name);
    if (typeof name === 'string' && twin < index)
      found.push({
        path: at('name'),
        message: `${show(name)} is already the name of monitors[${twin}]; give each monitor its own name`,
      });

    const source = get('source');
    if (typeof source === 'string' && source !== '') {
      if (!Object.hasOwn(sources, source))
        found.push({
          path: at('source'),
          message: `there is no source ${show(source)}; ${wayOut(source, Object.keys(sources))}`,
        });
      else found.push(...optionProblems(sources[source].options, get('options') ?? {}, at('options')));
    }

    const entries = get('detectors');
    const named = Array.isArray(entries) ? entries.map(writtenName) : undefined;
    if (named)
      named.forEach((detector, i) => {
        if (detector === undefined || detector === '') return;
        if (!Object.hasOwn(detectors, detector))
          found.push({
            path: at('detectors', i),
            message: `there is no detector ${show(detector)}; ${wayOut(detector, Object.keys(detectors))}`,
          });
        else if (named.indexOf(detector) < i)
          found.push({ path: at('detectors', i), message: `${show(detector)} is listed twice; keep one of them` });
        else
          found.push(
            ...optionProblems(
              detectors[detector].options,
              get('detectors', i, detector) ?? {},
              at('detectors', i, detector),
            ),
          );
      });

    const members = get('ensemble', 'members');
    if (named && typeof members === 'object' && members !== null)
      for (const member of Object.keys(members))
        if (!named.includes(member))
          found.push({
            path: at('ensemble', 'members', member),
            message: `${show(member)} is none of the monitor's detectors; ${wayOut(
              member,
              named.filter((n) => n !== undefined),
            )}`,
          });

    found.push(...scheduleProblems(get('interval') ?? '1s', get('step'), get('history') ?? '7d', at));
    return found;
  });
}

/** The name in an entry of `detectors` as written: a name, or a name with options. */
function writtenName(entry: unknown): string | undefined {
  if (typeof entry === 'string') return entry;
  return typeof entry === 'object' && entry !== null ? Object.keys(entry)[0] : undefined;
}

function detectorName(entry: MonitorOptions['detectors'][number]): string {
  return typeof entry === 'string' ? entry : Object.keys(entry)[0];
}

function optionProblems(schema: z.ZodType, value: unknown, prefix: Path): Found[] {
  const result = schema.safeParse(value);
  return result.success ? [] : problemsOf(result.error, schema, value, prefix);
}

/** Only what is a length of time by itself is compared; what is not is told by the schema. */
function scheduleProblems(interval: unknown, step: unknown, history: unknown, at: (...path: Path) => Path): Found[] {
  const [intervalMs, stepMs, historyMs] = [interval, step, history].map(lengthOrNothing);
  const found: Found[] = [];
  if (intervalMs && stepMs && stepMs % intervalMs !== 0) {
    const fitting = formatDuration(Math.ceil(stepMs / intervalMs) * intervalMs);
    found.push({
      path: at('step'),
      message: `${show(step)} is not a multiple of the interval ${show(interval)}; write ${fitting}, for example`,
    });
  }
  if (stepMs && historyMs && historyMs < FEWEST_STEPS * stepMs)
    found.push({
      path: at('history'),
      message: `${show(history)} holds fewer than ${FEWEST_STEPS} steps of ${show(step)}; write ${formatDuration(FEWEST_STEPS * stepMs)} or more`,
    });
  return found;
}

function lengthOrNothing(value: unknown): number | undefined {
  const result = duration().safeParse(value);
  return result.success ? result.data : undefined;
}

/** A monitor without problems, with the defaults that depend on its source. */
export function resolveMonitor(given: MonitorOptions, { sources }: Pick<Tables, 'sources'>): MonitorConfig {
  const replayed = REPLAYED.has(given.source);
  return {
    name: given.name,
    source: given.source,
    options: sources[given.source].options.parse(given.options ?? {}),
    intervalMs: given.interval,
    stepMs: given.step ?? (replayed ? given.interval : Math.ceil(LIVE_STEP_MS / given.interval) * given.interval),
    detectors: given.detectors.map(detectorName),
    detectorOptions: {
      ...(given.source === 'synthetic' ? SYNTHETIC_OPTIONS : {}),
      ...Object.fromEntries(
        given.detectors.flatMap((entry) => (typeof entry === 'string' ? [] : Object.entries(entry))),
      ),
    },
    ensemble: given.ensemble,
    threshold: given.threshold ?? (replayed ? LABELLED_THRESHOLD : defaultThreshold),
    features: given.features,
    limits: given.limits,
    trust: given.trust ?? (replayed ? { rows: 1000 } : { ms: 86_400_000 }),
    historyMs: given.history,
    seed: given.seed,
  };
}

/** Equal for monitors that mean the same, however they are written: a reload leaves those alone. 16 hexadecimal digits. */
export function fingerprint(monitor: MonitorConfig): string {
  return createHash('sha256').update(canonical(monitor)).digest('hex').slice(0, 16);
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

/** Names and units under `features` and `limits` against the features the monitors have; `schemasOf` gives those of one monitor. */
export function featureProblems(
  monitors: readonly MonitorConfig[],
  schemasOf: (monitor: MonitorConfig) => readonly Schema[],
): Found[] {
  return monitors.flatMap((monitor, index) => {
    const specs = new Map(
      schemasOf(monitor).flatMap(({ features }) => features.map((spec) => [spec.name, spec] as const)),
    );
    const known = [...specs.keys()];
    const found: Found[] = [];
    for (const key of ['features', 'limits'] as const)
      for (const feature of Object.keys(monitor[key])) {
        const path: Path = ['monitors', index, key, feature];
        const spec = specs.get(feature);
        if (!spec)
          found.push({
            path,
            message: `the source ${show(monitor.source)} has no such feature; ${featureWayOut(feature, known)}`,
          });
        else if (key === 'limits') found.push(...limitProblems(monitor.limits[feature], spec, path));
      }
    if (known.length > 0 && known.every((feature) => monitor.features[feature]?.enabled === false))
      found.push({
        path: ['monitors', index, 'features'],
        message: 'every feature is disabled; leave at least one enabled',
      });
    return found;
  });
}

function featureWayOut(feature: string, known: readonly string[]): string {
  return nearest(feature, known) ? wayOut(feature, known) : `its features are ${known.join(', ')}`;
}

/** A bound on or beyond the range can never be crossed: nearly always percent for a ratio. */
function limitProblems({ min, max }: Limit, spec: FeatureSpec, path: Path): Found[] {
  const [lowest, highest] = spec.range ?? [-Infinity, Infinity];
  const found: Found[] = [];
  const instead = (value: number) =>
    highest === 1 && value > 1 && value <= 100
      ? `write ${value / 100} for ${value} %`
      : `it ${highest === Infinity ? `is never below ${lowest}` : `lies between ${lowest} and ${highest}`}`;
  if (max !== undefined && max >= highest)
    found.push({ path: [...path, 'max'], message: `${max} can never be exceeded by a ${spec.unit}; ${instead(max)}` });
  if (min !== undefined && min <= lowest)
    found.push({ path: [...path, 'min'], message: `${min} can never be undercut by a ${spec.unit}; ${instead(min)}` });
  return found;
}
