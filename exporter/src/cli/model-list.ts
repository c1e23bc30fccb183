/** What `netpulse model list` and `show` print. */
import { humanValue } from '../human-units.ts';
import type { InspectedVersion } from '../training/model-inspection.ts';
import { addressOf } from '../training/model-store.ts';

export interface ListedVersion {
  readonly model: string;
  readonly version: string;
  readonly state: 'in force' | 'pinned' | 'earlier' | 'kept aside' | 'damaged';
  /** why it was kept aside, what is damaged, until when it is pinned; empty for the others */
  readonly note: string;
  /** ms since the epoch */
  readonly trainedAt: number;
  readonly rows: number;
  readonly bytes: number;
}

/** `now`: ms since the epoch. */
export function listVersions(versions: readonly InspectedVersion[], now: number): ListedVersion[] {
  return versions.map((version) => ({
    model: addressOf(version.manifest),
    version: version.manifest.version,
    ...stateOf(version, now),
    trainedAt: version.manifest.trainedAt,
    rows: version.manifest.rows,
    bytes: version.manifest.bytes,
  }));
}

function stateOf(
  { manifest, inForce, pin, damage }: InspectedVersion,
  now: number,
): Pick<ListedVersion, 'state' | 'note'> {
  if (damage !== undefined) return { state: 'damaged', note: damage };
  if (inForce && pin && now < pin.until) return { state: 'pinned', note: `until ${instant(pin.until)}` };
  if (inForce) return { state: 'in force', note: '' };
  if (manifest.aside !== undefined) return { state: 'kept aside', note: manifest.aside };
  return { state: 'earlier', note: '' };
}

const COLUMNS: readonly [title: string, text: (version: ListedVersion) => string, right?: boolean][] = [
  ['MODEL', ({ model }) => model],
  ['VERSION', ({ version }) => version],
  ['STATE', ({ state }) => state],
  ['FITTED', ({ trainedAt }) => instant(trainedAt)],
  ['ROWS', ({ rows }) => String(rows), true],
  ['SIZE', ({ bytes }) => humanValue(bytes, 'bytes'), true],
  ['', ({ note }) => note],
];

/** One line a version, columns aligned, without a line end. */
export function versionTable(versions: readonly ListedVersion[]): string {
  const lines = [
    COLUMNS.map(([title]) => title),
    ...versions.map((version) => COLUMNS.map(([, text]) => text(version))),
  ];
  const widths = COLUMNS.map((_, c) => lines.reduce((width, line) => Math.max(width, line[c].length), 0));
  return lines
    .map((line) =>
      line
        .map((text, c) => (COLUMNS[c][2] ? text.padStart(widths[c]) : text.padEnd(widths[c])))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Everything that is known of one version, a line each. */
export function versionDetails(version: InspectedVersion, now: number): string {
  const { manifest } = version;
  const { state, note } = stateOf(version, now);
  const entries: [string, string][] = [
    ['model', addressOf(manifest)],
    ['version', manifest.version],
    ['state', note === '' ? state : `${state}: ${note}`],
    ['fitted', instant(manifest.trainedAt)],
    ['rows', `${manifest.rows} of ${manifest.historyRows}`],
    ['seed', String(manifest.seed)],
    ['size', humanValue(manifest.bytes, 'bytes')],
    ['sha256', manifest.sha256],
    ['mean score', String(manifest.meanScore)],
    [
      '99th percentile',
      manifest.usualScore === null ? 'not known' : `${manifest.usualScore} of rows it was not fitted on`,
    ],
    ...Object.entries(manifest.notes).map(([key, value]): [string, string] => [
      key.replaceAll('_', ' '),
      String(value),
    ]),
    ...Object.entries(manifest.options).map(([key, value]): [string, string] => [
      `option ${key}`,
      JSON.stringify(value),
    ]),
    ...manifest.features.map(({ name, unit, transform }, c): [string, string] => [
      `feature ${c + 1}`,
      `${name} (${unit}${transform === 'log1p' ? ', log1p' : ''})`,
    ]),
  ];
  const width = entries.reduce((widest, [key]) => Math.max(widest, key.length), 0);
  return entries.map(([key, value]) => `${key.padEnd(width)}  ${value}`).join('\n');
}

function instant(ms: number): string {
  return new Date(ms).toISOString().replace('.000Z', 'Z');
}
