/** How commands name models: `monitor/group/detector`, with `@v3` behind it for one version. */
import type { InspectedVersion } from '../training/model-inspection.ts';
import { addressOf } from '../training/model-store.ts';

export interface Named {
  /** all versions of one model, oldest first */
  readonly versions: readonly InspectedVersion[];
  /** the one that was named; undefined when none was */
  readonly version: InspectedVersion | undefined;
}

/**
 * The model that `text` names: its whole address, or a part that only one model has (its first or its last parts: a monitor, a detector, `group/detector`). Throws
 * with what there is.
 */
export function findModel(text: string, all: readonly InspectedVersion[]): Named {
  const { address, version } = splitAddress(text);
  const known = [...new Set(all.map(({ manifest }) => addressOf(manifest)))];
  if (known.length === 0) throw new Error('there are no models yet; the exporter fits them from its history');
  const exact = known.filter((each) => each === address);
  const found =
    exact.length > 0 ? exact : known.filter((each) => each.startsWith(`${address}/`) || each.endsWith(`/${address}`));
  if (found.length === 0) throw new Error(`there is no model "${address}"; there are ${listed(known)}`);
  if (found.length > 1) throw new Error(`"${address}" is more than one model: ${listed(found)}; write one of them`);
  const versions = all.filter(({ manifest }) => addressOf(manifest) === found[0]);
  if (version === undefined) return { versions, version: undefined };
  const named = versions.find(({ manifest }) => manifest.version === version);
  if (!named) {
    const there = versions.map(({ manifest }) => manifest.version);
    throw new Error(`${found[0]} has no version ${version}; it has ${there.join(', ')}`);
  }
  return { versions, version: named };
}

/** The version in force, or the one that was named. Throws when there is none that is intact. */
export function namedOrInForce({ versions, version }: Named): InspectedVersion {
  const chosen = version ?? versions.find(({ inForce }) => inForce);
  if (!chosen) throw new Error(`no version of ${addressOf(versions[0].manifest)} is intact`);
  if (chosen.damage !== undefined)
    throw new Error(
      `version ${chosen.manifest.version} of ${addressOf(chosen.manifest)} cannot be used: ${chosen.damage}`,
    );
  return chosen;
}

/** A group may hold slashes and signs of its own: only an `@v` with a number at the very end is a version. */
function splitAddress(text: string): { address: string; version: string | undefined } {
  const match = /^(.*)@(v\d+)$/.exec(text);
  return match ? { address: match[1], version: match[2] } : { address: text, version: undefined };
}

const MOST_LISTED = 12;

function listed(addresses: readonly string[]): string {
  const shown = addresses.slice(0, MOST_LISTED).join(', ');
  return addresses.length > MOST_LISTED ? `${shown} and ${addresses.length - MOST_LISTED} more` : shown;
}
