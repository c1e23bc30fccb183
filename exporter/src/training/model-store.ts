/**
 * Fitted models on disk. A model is immutable: every save makes a new version, and the last few are kept.
 *
 *     <folder>/<monitor>/<group>/<detector>/v3/model.bin       what the detector saved, behind a header with its SHA-256
 *     <folder>/<monitor>/<group>/<detector>/v3/manifest.json   what it was fitted on and how; written after the model, so a version without one is unfinished
 *     <folder>/<monitor>/<group>/<detector>/current.json       the version in force, and until when it is pinned; replaced last
 *
 * Killed at any point, a save has happened or it has not. The exporter holds the lock of the state folder; a command beside it may put another version into force
 * or add one, because a version's folder is made by one process only and `current.json` is replaced as a whole.
 */
import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Observer } from '../flow.ts';
import { readAtomic, sha256, writeAtomic } from '../store/atomic-file.ts';
import { refuse, RefusedFileError } from '../store/refused-file.ts';
import { replaceFile } from '../store/replace-file.ts';
import { readSealedJson, sealedJson } from '../store/sealed-json.ts';
import { WriteFailedError } from '../store/write-failure.ts';
import {
  CURRENT_FILE,
  homeOf,
  homes,
  MANIFEST_FILE,
  MODEL_FILE,
  placeOf,
  removeUnfinished,
  versionNumber,
  versionNumbers,
} from './model-folders.ts';
import {
  checkManifest,
  MANIFEST_FORMAT,
  type ModelFacts,
  type ModelKey,
  type ModelManifest,
  type Pin,
} from './model-manifest.ts';

export interface SaveOptions {
  /** why the version is kept without being put into force */
  readonly aside?: string;
  readonly pin?: Pin;
}

export interface StoredModel {
  readonly bytes: ArrayBuffer;
  readonly manifest: ModelManifest;
}

export interface ModelStore {
  /**
   * Resolves when the new version is on disk and in force, or kept aside. Rejects with `WriteFailedError`, the versions before it untouched. The bytes must not
   * change until then.
   */
  save(key: ModelKey, bytes: ArrayBuffer, facts: ModelFacts, options?: SaveOptions): Promise<ModelManifest>;
  /** The version in force or, where that is damaged, the newest intact one before it. Damaged files are set aside, counted and logged. */
  load(key: ModelKey): StoredModel | undefined;
  /** Puts an intact version into force; without a pin, the next new model that is no worse replaces it. Rejects when it is damaged or not there. */
  putIntoForce(key: ModelKey, version: string, pin?: Pin): Promise<StoredModel>;
  /** The version that is to be in force and its pin, whether that has run out or not; undefined when there is none. Reads the disk. */
  current(key: ModelKey): { readonly version: string; readonly pin: Pin | undefined } | undefined;
  /** The manifest of the version in force of every model. Reads the disk. */
  list(): ModelManifest[];
  /** Finished versions of one model, oldest first. */
  versions(key: ModelKey): ModelManifest[];
}

export interface ModelStoreOptions {
  /** versions of one model that stay, the one in force always does; default 3 */
  readonly keep?: number;
  /** versions that were kept aside and stay; default 2 */
  readonly keepAside?: number;
  /** false for a command beside a running exporter: what looks unfinished may be under way; default true */
  readonly cleanUp?: boolean;
}

const KIND = 'model';
/** of `model.bin`'s payload as such; the detector's own format is in its bytes */
const PAYLOAD_VERSION = 1;

/** Creates nothing until the first save. */
export function openModelStore(folder: string, observer: Observer, options: ModelStoreOptions = {}): ModelStore {
  const { keep = 3, keepAside = 2, cleanUp = true } = options;
  const saving = new Map<string, Promise<unknown>>();
  if (cleanUp) for (const home of homes(folder)) removeUnfinished(home);

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
  function currentOf(home: string): { number: number; pin: Pin | undefined } | undefined {
    try {
      const current = readSealedJson(join(home, CURRENT_FILE)) as { version?: string; pin?: Pin } | undefined;
      const number = versionNumber(current?.version);
      return number === undefined ? undefined : { number, pin: current?.pin };
    } catch (error) {
      refused(error);
      return undefined;
    }
  }

  /** The one in force first, then those before it, then any after it (left by a save that was killed before its last step). Those that were kept aside are none. */
  function* candidates(home: string): Generator<ModelManifest> {
    const current = currentOf(home)?.number ?? Infinity;
    const numbers = versionNumbers(home).reverse();
    for (const number of [...numbers.filter((n) => n <= current), ...numbers.filter((n) => n > current)]) {
      const manifest = manifestOf(home, number);
      if (manifest && (manifest.aside === undefined || number === current)) yield manifest;
    }
  }

  function loadVersion(home: string, manifest: ModelManifest): StoredModel | undefined {
    try {
      const payload = readModel(home, manifest);
      return payload && { bytes: payload.buffer, manifest };
    } catch (error) {
      refused(error);
      return undefined;
    }
  }

  async function saveNext(
    key: ModelKey,
    bytes: ArrayBuffer,
    facts: ModelFacts,
    { aside, pin }: SaveOptions,
  ): Promise<ModelManifest> {
    const home = homeOf(folder, key);
    const number = await takeNumber(home, Math.max(currentOf(home)?.number ?? 0, ...versionNumbers(home)) + 1);
    const payload = new Uint8Array(bytes);
    const manifest: ModelManifest = {
      formatVersion: MANIFEST_FORMAT,
      version: `v${number}`,
      monitor: key.monitor,
      group: key.group,
      detector: key.detector,
      sha256: sha256(payload),
      bytes: bytes.byteLength,
      features: facts.features.map(({ name, unit, transform }) => ({ name, unit, transform })),
      rows: facts.rows,
      trainedAt: facts.trainedAt,
      seed: facts.seed,
      options: facts.options,
      meanScore: facts.meanScore,
      usualScore: facts.usualScore,
      historyRows: facts.historyRows,
      notes: facts.notes,
      ...(aside !== undefined && { aside }),
    };
    const place = placeOf(home, number);
    try {
      await writeAtomic(join(place, MODEL_FILE), KIND, PAYLOAD_VERSION, payload);
      await replaceFile(join(place, MANIFEST_FILE), [sealedJson(manifest)]);
      if (aside === undefined) await pointTo(home, number, pin);
    } catch (error) {
      // what is left would only take up the space that was missing
      await rm(place, { recursive: true, force: true }).catch((left: Error) =>
        observer.log.warn('cannot remove an unfinished model', { path: place, error: left.message }),
      );
      throw error;
    }
    await prune(home);
    return manifest;
  }

  /** The model is saved, so trouble here is a matter of space, not of the caller. */
  async function prune(home: string): Promise<void> {
    const current = currentOf(home)?.number;
    const others = versionNumbers(home).filter((number) => number !== current);
    const aside = others.filter((number) => manifestOf(home, number)?.aside !== undefined);
    const served = others.filter((number) => !aside.includes(number));
    const surplus = [...oldest(served, keep - 1), ...oldest(aside, keepAside)];
    for (const number of surplus) {
      try {
        await rm(placeOf(home, number), { recursive: true, force: true });
      } catch (error) {
        observer.count('store_errors_total', { store: 'models', reason: 'io' });
        observer.log.warn('cannot remove an old model', { home, version: number, error: (error as Error).message });
      }
    }
  }

  /** One change of a model at a time: each takes the number after the last. */
  function inTurn<T>(home: string, change: () => Promise<T>): Promise<T> {
    const mine = (saving.get(home) ?? Promise.resolve()).then(change);
    const settled = mine
      .catch(() => undefined)
      .finally(() => {
        if (saving.get(home) === settled) saving.delete(home);
      });
    saving.set(home, settled);
    return mine;
  }

  return {
    save: (key, bytes, facts, options = {}) => inTurn(homeOf(folder, key), () => saveNext(key, bytes, facts, options)),
    load(key) {
      const home = homeOf(folder, key);
      for (const manifest of candidates(home)) {
        const stored = loadVersion(home, manifest);
        if (stored) return stored;
      }
      return undefined;
    },
    putIntoForce(key, version, pin) {
      const home = homeOf(folder, key);
      return inTurn(home, async () => {
        const number = versionNumber(version);
        const manifest = number === undefined ? undefined : readManifest(home, number);
        const payload = manifest && readModel(home, manifest);
        if (!payload) {
          const known = versionNumbers(home).map((n) => `v${n}`);
          throw new Error(
            `there is no version ${version} of ${addressOf(key)}; there ${known.length > 0 ? `are ${known.join(', ')}` : 'is none'}`,
          );
        }
        await pointTo(home, number!, pin);
        return { bytes: payload.buffer, manifest };
      });
    },
    current(key) {
      const current = currentOf(homeOf(folder, key));
      return current && { version: `v${current.number}`, pin: current.pin };
    },
    list() {
      return homes(folder).flatMap((home) => {
        const [first] = candidates(home);
        return first ? [first] : [];
      });
    },
    versions(key) {
      const home = homeOf(folder, key);
      return versionNumbers(home)
        .map((number) => manifestOf(home, number))
        .filter((manifest) => manifest !== undefined);
    },
  };
}

/** As commands write it. */
export function addressOf({ monitor, group, detector }: ModelKey): string {
  return `${monitor}/${group}/${detector}`;
}

async function pointTo(home: string, number: number, pin: Pin | undefined): Promise<void> {
  await replaceFile(join(home, CURRENT_FILE), [sealedJson({ version: `v${number}`, ...(pin && { pin }) })]);
}

/** The first free number from `first` on: the folder is made by one process only. */
async function takeNumber(home: string, first: number): Promise<number> {
  try {
    await mkdir(home, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new WriteFailedError(home, error, 'nothing');
  }
  for (let number = first; ; number++) {
    try {
      await mkdir(placeOf(home, number), { mode: 0o700 });
      return number;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST')
        throw new WriteFailedError(placeOf(home, number), error, 'nothing');
    }
  }
}

/** All but the newest `keep`. */
function oldest(numbers: readonly number[], keep: number): readonly number[] {
  return numbers.slice(0, Math.max(0, numbers.length - keep));
}

/** undefined when the version is unfinished or its model was set aside. */
function readManifest(home: string, number: number): ModelManifest | undefined {
  const place = placeOf(home, number);
  if (!existsSync(join(place, MODEL_FILE))) return undefined;
  const content = readSealedJson(join(place, MANIFEST_FILE));
  if (content === undefined) return undefined;
  try {
    return checkManifest(content);
  } catch (error) {
    throw refuse(join(place, MANIFEST_FILE), 'version', (error as Error).message);
  }
}

function readModel(home: string, manifest: ModelManifest): Uint8Array<ArrayBuffer> | undefined {
  const path = join(home, manifest.version, MODEL_FILE);
  const payload = readAtomic(path, KIND, PAYLOAD_VERSION);
  if (payload && sha256(payload) !== manifest.sha256) {
    throw refuse(path, 'checksum', 'it is intact but not the model that its manifest describes');
  }
  return payload;
}
