/** Every version of every model with what is wrong with it, without changing, moving or locking anything: for a look beside a running exporter. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sha256 } from '../store/atomic-file.ts';
import { sealedJson } from '../store/sealed-json.ts';
import {
  CURRENT_FILE,
  homeOf,
  homes,
  MANIFEST_FILE,
  MODEL_FILE,
  placeOf,
  versionNumber,
  versionNumbers,
} from './model-folders.ts';
import { checkManifest, type ModelManifest, type Pin } from './model-manifest.ts';

export interface InspectedVersion {
  readonly manifest: ModelManifest;
  /** the version that the exporter uses, or would use */
  readonly inForce: boolean;
  /** of the one in force */
  readonly pin: Pin | undefined;
  /** one sentence; undefined when the version is intact */
  readonly damage: string | undefined;
}

/** By key, oldest version first. What cannot be read at all is told to `onDamage` and left out. */
export function inspectModels(folder: string, onDamage: (problem: string) => void = () => {}): InspectedVersion[] {
  return homes(folder).flatMap((home) => inspectHome(home, onDamage));
}

/** The numbers of a version, as `Detector.load` takes them. Throws when they are damaged. */
export function readVersion(folder: string, manifest: ModelManifest): ArrayBuffer {
  return payloadOf(join(homeOf(folder, manifest), manifest.version, MODEL_FILE), manifest);
}

function inspectHome(home: string, onDamage: (problem: string) => void): InspectedVersion[] {
  const read = <T>(from: () => T): T | undefined => {
    try {
      return from();
    } catch (error) {
      onDamage((error as Error).message);
      return undefined;
    }
  };
  const pointer = read(() => readSealed(join(home, CURRENT_FILE))) as { version?: string; pin?: Pin } | undefined;
  const current = versionNumber(pointer?.version) ?? Infinity;
  const found = versionNumbers(home).flatMap((number) => {
    const place = placeOf(home, number);
    const manifest = read(() => manifestAt(join(place, MANIFEST_FILE)));
    return manifest ? [{ number, manifest, damage: damageOf(join(place, MODEL_FILE), manifest) }] : [];
  });
  const usable = found.filter(
    ({ number, manifest, damage }) => damage === undefined && (manifest.aside === undefined || number === current),
  );
  const inForce = usable.findLast(({ number }) => number <= current) ?? usable.at(-1);
  return found.map((version) => ({
    manifest: version.manifest,
    damage: version.damage,
    inForce: version === inForce,
    pin: version === inForce && version.number === current ? pointer?.pin : undefined,
  }));
}

/** undefined when there is none: the version is being written. */
function manifestAt(path: string): ModelManifest | undefined {
  const content = readSealed(path);
  if (content === undefined) return undefined;
  try {
    return checkManifest(content);
  } catch (error) {
    throw new Error(`${path}: ${(error as Error).message}`, { cause: error });
  }
}

/** The object without its seal; undefined when there is no file. */
function readSealed(path: string): object | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const damaged = (cause?: unknown) => new Error(`${path} is damaged, or was edited by hand`, { cause });
  let parsed: object | null;
  try {
    parsed = JSON.parse(text) as object | null;
  } catch (error) {
    throw damaged(error);
  }
  const { seal: _seal, ...content } = (parsed ?? {}) as { seal?: unknown };
  if (new TextDecoder().decode(sealedJson(content)) !== text) throw damaged();
  return content;
}

function damageOf(path: string, manifest: ModelManifest): string | undefined {
  try {
    payloadOf(path, manifest);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** The payload is the end of the file. */
function payloadOf(path: string, { bytes, sha256: expected }: ModelManifest): ArrayBuffer {
  let file: Buffer;
  try {
    file = readFileSync(path);
  } catch (error) {
    throw new Error(`cannot read ${path}: ${(error as Error).message}`, { cause: error });
  }
  const payload = new Uint8Array(file.subarray(Math.max(0, file.length - bytes)));
  if (payload.length !== bytes || sha256(payload) !== expected)
    throw new Error(`${path} is damaged: its content does not match its checksum`);
  return payload.buffer;
}
