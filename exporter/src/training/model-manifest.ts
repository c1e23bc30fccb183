/** What is known of a fitted model besides its numbers. */

export interface ModelKey {
  readonly monitor: string;
  readonly group: string;
  readonly detector: string;
}

export interface ModelFeature {
  readonly name: string;
  readonly unit: string;
  /** what is done to values before the model sees them; default: nothing */
  readonly transform?: 'none' | 'log1p';
}

/** What the trainer knows of a model. */
export interface ModelFacts {
  /** in column order */
  readonly features: readonly ModelFeature[];
  /** rows it was fitted on */
  readonly rows: number;
  /** ms since the epoch */
  readonly trainedAt: number;
  readonly seed: number;
  /** the detector's options, JSON */
  readonly options: Readonly<Record<string, unknown>>;
  /** mean raw score of its training rows without the highest 5 %; > 0 */
  readonly meanScore: number;
  /** 99th percentile of its scores of rows it was not fitted on; null when that is not known */
  readonly usualScore: number | null;
  /** rows there were to fit on */
  readonly historyRows: number;
  /** what the detector and the fit say of themselves: losses, seconds, rows left out */
  readonly notes: Readonly<Record<string, number | string>>;
}

export interface ModelManifest extends ModelKey, ModelFacts {
  /** of the manifest; who reads a model compares it */
  readonly formatVersion: number;
  /** `v1`, `v2` … of this key; never used twice while any later one is there */
  readonly version: string;
  /** of the model's bytes, hex */
  readonly sha256: string;
  readonly bytes: number;
  /** why it was not put into force when it was fitted; absent for one that was */
  readonly aside?: string;
}

/** Someone has chosen the version in force: until then no new model replaces it. ms since the epoch. */
export interface Pin {
  readonly at: number;
  readonly until: number;
}

export const MANIFEST_FORMAT = 2;

/** Everything that a manifest must say, whatever it was read from. Throws with what is missing or makes no sense. */
export function checkManifest(content: unknown): ModelManifest {
  const given = (typeof content === 'object' && content !== null ? content : {}) as Record<string, unknown>;
  const wrong = (what: string): never => {
    throw new Error(`the manifest ${what}`);
  };
  if (given.formatVersion !== MANIFEST_FORMAT)
    wrong(
      `has format version ${JSON.stringify(given.formatVersion)}, this netpulse reads version ${MANIFEST_FORMAT}${
        Number(given.formatVersion) > MANIFEST_FORMAT ? '; it was written by a newer netpulse' : ''
      }`,
    );
  for (const key of ['monitor', 'group', 'detector', 'version', 'sha256'])
    if (typeof given[key] !== 'string') wrong(`has no ${key}`);
  for (const key of ['rows', 'trainedAt', 'seed', 'historyRows', 'bytes'])
    if (!Number.isFinite(given[key])) wrong(`has no number under ${key}`);
  if (!(Number(given.meanScore) > 0) || !Number.isFinite(given.meanScore)) wrong('has no mean score above 0');
  if (given.usualScore !== null && !Number.isFinite(given.usualScore)) wrong('has a usual score that is no number');
  const { features } = given;
  if (!Array.isArray(features) || features.length === 0 || !features.every(isFeature)) wrong('has no list of features');
  for (const key of ['options', 'notes'])
    if (typeof given[key] !== 'object' || given[key] === null) wrong(`has no ${key}`);
  return content as ModelManifest;
}

function isFeature(feature: unknown): boolean {
  const { name, unit, transform } = (feature ?? {}) as Record<string, unknown>;
  const named = typeof name === 'string' && name !== '' && typeof unit === 'string';
  return named && (transform === undefined || transform === 'none' || transform === 'log1p');
}
