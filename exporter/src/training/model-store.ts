/**
 * Fitted models on disk. A model is immutable: every save makes a new version, and the last few are kept.
 *
 *     <folder>/<monitor>/<group>/<detector>/v3/model.bin       what the detector saved, behind a header with its SHA-256
 *     <folder>/<monitor>/<group>/<detector>/v3/manifest.json   what it was fitted on and how; written after the model, so a version without one is unfinished
 *     <folder>/<monitor>/<group>/<detector>/current.json       the version in force; replaced last
 *
 * Killed at any point, a save has happened or it has not. One store per folder, under the lock of the state folder.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Observer } from '../flow.ts';
import { readAtomic, sha256, writeAtomic } from '../store/atomic-file.ts';
import { refuse, RefusedFileError } from '../store/refused-file.ts';
import { removeTemporaryFiles, replaceFile } from '../store/replace-file.ts';
import { readSealedJson, sealedJson } from '../store/sealed-json.ts';

export interface ModelKey {
  readonly monitor: string;
  readonly group: string;
  readonly detector: string;
}

/** What the trainer knows of a model. */
export interface ModelFacts {
  /** in column order */
  readonly features: readonly { readonly name: string; readonly unit: string }[];
  /** rows it was fitted on */
  readonly rows: number;
  /** ms since the epoch */
  readonly trainedAt: number;
  readonly seed: number;
  /** the detector's options, JSON */
  readonly options: Readonly<Record<string, unknown>>;
  /** of the detector's own bytes; who loads a model compares it */
  readonly formatVersion: number;
}

export interface ModelManifest extends ModelKey, ModelFacts {
  /** `v1`, `v2` … of this key; never used twice while any later one is there */
  readonly version: string;
  /** of the model's bytes, hex */
  readonly sha256: string;
  readonly bytes: number;
}

export interface ModelStore {
  /** Resolves when the new version is on disk and current. Rejects with `WriteFailedError`, the versions before it untouched. The bytes must not change until then. */
  save(key: ModelKey, bytes: ArrayBuffer, facts: ModelFacts): Promise<ModelManifest>;
  /** The current version or, where that is damaged, the newest intact one before it. Damaged files are set aside, counted and logged. */
  load(key: ModelKey): { bytes: ArrayBuffer; manifest: ModelManifest } | undefined;
  /** The manifest of the current version of every model. Reads the disk. */
  list(): ModelManifest[];
  /** Finished versions of one model, oldest first. */
  versions(key: ModelKey): ModelManifest[];
}

const KIND = 'model';
/** of `model.bin`'s payload as such; the detector's own format is in the manifest */
const PAYLOAD_VERSION = 1;
const VERSION = /^v([1-9]\d{0,8})$/;

/** Creates nothing until the first save. `keep`: versions of one model that stay, the current one always does; default 3. */
export function openModelStore(folder: string, observer: Observer, { keep = 3 }: { keep?: number } = {}): ModelStore {
  const saving = new Map<string, Promise<unknown>>();
  for (const home of homes(folder)) removeUnfinished(home);

  function refused(error: unknown): void {
    if (!(error instanceof RefusedFileError)) {
      observer.count('store_errors_total', { store: 'models', reason: 'read' });
      observer.log.warn('cannot read a model', { error: (error as Error).message });
      return;
    }
    observer.count('state_refused_total', { kind: KIND, reason: error.reason });
    observer.log.warn(error.message);
  }

  function manifestOf(home: string, version: number): ModelManifest | undefined {
    try {
      return readManifest(home, version);
    } catch (error) {
      refused(error);
      return undefined;
    }
  }

  /** undefined when there is none, or a damaged one. */
  function currentOf(home: string): number | undefined {
    try {
      const current = readSealedJson(join(home, 'current.json')) as { version: string } | undefined;
      return Number(VERSION.exec(current?.version ?? '')?.[1]) || undefined;
    } catch (error) {
      refused(error);
      return undefined;
    }
  }

  /** The one in force first, then those before it, then any after it (left by a save that was killed before its last step). */
  function candidates(home: string): number[] {
    const numbers = versionNumbers(home).reverse();
    const current = currentOf(home);
    if (current === undefined) return numbers;
    return [...numbers.filter((number) => number <= current), ...numbers.filter((number) => number > current)];
  }

  async function saveNext(key: ModelKey, bytes: ArrayBuffer, facts: ModelFacts): Promise<ModelManifest> {
    const home = homeOf(folder, key);
    const number = Math.max(currentOf(home) ?? 0, ...versionNumbers(home)) + 1;
    const payload = new Uint8Array(bytes);
    const manifest: ModelManifest = {
      version: `v${number}`,
      monitor: key.monitor,
      group: key.group,
      detector: key.detector,
      sha256: sha256(payload),
      bytes: bytes.byteLength,
      features: facts.features.map(({ name, unit }) => ({ name, unit })),
      rows: facts.rows,
      trainedAt: facts.trainedAt,
      seed: facts.seed,
      options: facts.options,
      formatVersion: facts.formatVersion,
    };
    const place = join(home, manifest.version);
    try {
      await writeAtomic(join(place, 'model.bin'), KIND, PAYLOAD_VERSION, payload);
      await replaceFile(join(place, 'manifest.json'), [sealedJson(manifest)]);
      await replaceFile(join(home, 'current.json'), [sealedJson({ version: manifest.version })]);
    } catch (error) {
      // what is left would only take up the space that was missing
      await rm(place, { recursive: true, force: true }).catch((left: Error) =>
        observer.log.warn('cannot remove an unfinished model', { path: place, error: left.message }),
      );
      throw error;
    }
    await prune(home, number);
    return manifest;
  }

  /** The model is saved, so trouble here is a matter of space, not of the caller. */
  async function prune(home: string, current: number): Promise<void> {
    const others = versionNumbers(home).filter((number) => number !== current);
    const surplus = others.slice(0, Math.max(0, others.length - (keep - 1)));
    for (const number of surplus) {
      try {
        await rm(join(home, `v${number}`), { recursive: true, force: true });
      } catch (error) {
        observer.count('store_errors_total', { store: 'models', reason: 'io' });
        observer.log.warn('cannot remove an old model', { home, version: number, error: (error as Error).message });
      }
    }
  }

  return {
    save(key, bytes, facts) {
      const home = homeOf(folder, key);
      // one save of a model at a time: each takes the number after the last
      const save = (saving.get(home) ?? Promise.resolve()).then(() => saveNext(key, bytes, facts));
      const settled = save
        .catch(() => undefined)
        .finally(() => {
          if (saving.get(home) === settled) saving.delete(home);
        });
      saving.set(home, settled);
      return save;
    },
    load(key) {
      const home = homeOf(folder, key);
      for (const number of candidates(home)) {
        const manifest = manifestOf(home, number);
        if (!manifest) continue;
        try {
          const payload = readModel(home, number, manifest);
          if (payload) return { bytes: payload.buffer, manifest };
        } catch (error) {
          refused(error);
        }
      }
      return undefined;
    },
    list() {
      const current = homes(folder).map((home) => {
        for (const number of candidates(home)) {
          const manifest = manifestOf(home, number);
          if (manifest) return manifest;
        }
        return undefined;
      });
      return current.filter((manifest) => manifest !== undefined);
    },
    versions(key) {
      const home = homeOf(folder, key);
      return versionNumbers(home)
        .map((number) => manifestOf(home, number))
        .filter((manifest) => manifest !== undefined);
    },
  };
}

function homeOf(folder: string, { monitor, group, detector }: ModelKey): string {
  return join(folder, folderName(monitor), folderName(group), folderName(detector));
}

/** Plain names as they are, anything else as a readable start and a hash: no two names share a folder and none leaves the store. */
function folderName(name: string): string {
  if (/^[a-z0-9][a-z0-9_-]{0,47}$/.test(name)) return name;
  const readable = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .slice(0, 32);
  // a dot, which plain names have not
  return `${readable}.${createHash('sha256').update(name).digest('hex').slice(0, 20)}`;
}

function homes(folder: string): string[] {
  const inside = (parent: string) => readFolder(parent).map((name) => join(parent, name));
  return inside(folder).flatMap(inside).flatMap(inside).sort();
}

function readFolder(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}

/** Ascending. */
function versionNumbers(home: string): number[] {
  return readFolder(home)
    .map((name) => Number(VERSION.exec(name)?.[1] ?? 0))
    .filter((number) => number > 0)
    .sort((a, b) => a - b);
}

/** What a killed save left behind. */
function removeUnfinished(home: string): void {
  removeTemporaryFiles(home);
  for (const number of versionNumbers(home)) {
    const place = join(home, `v${number}`);
    const files = readFolder(place);
    removeTemporaryFiles(place);
    const unfinished = !files.some((name) => name.startsWith('manifest.json'));
    if (unfinished) rmSync(place, { recursive: true, force: true });
  }
}

/** undefined when the version is unfinished or its model was set aside. */
function readManifest(home: string, number: number): ModelManifest | undefined {
  const place = join(home, `v${number}`);
  if (!existsSync(join(place, 'model.bin'))) return undefined;
  return readSealedJson(join(place, 'manifest.json')) as ModelManifest | undefined;
}

function readModel(home: string, number: number, manifest: ModelManifest): Uint8Array<ArrayBuffer> | undefined {
  const path = join(home, `v${number}`, 'model.bin');
  const payload = readAtomic(path, KIND, PAYLOAD_VERSION);
  if (payload && sha256(payload) !== manifest.sha256) {
    throw refuse(path, 'checksum', 'it is intact but not the model that its manifest describes');
  }
  return payload;
}
