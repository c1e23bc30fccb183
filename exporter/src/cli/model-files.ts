/** Models outside the store: one file of our own, or a folder for TensorFlow.js. */
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fromLayers, SCALER_FILE, toLayers, TOPOLOGY_FILE } from '../training/interchange/layers-model.ts';
import type { ModelManifest } from '../training/model-manifest.ts';
import { packageModel, unpackageModel } from '../training/model-package.ts';

export type ModelFormat = 'netpulse' | 'tfjs';

/** A model tells what a machine does: only its owner reads it. */
const MODE = 0o600;

/** Replaces what is there. Throws with the path when it cannot be written, or when the model has no form in the format. */
export function writeModelFile(path: string, format: ModelFormat, manifest: ModelManifest, model: ArrayBuffer): void {
  if (format === 'netpulse') return write(path, packageModel(manifest, model));
  const files = toLayers(manifest, model);
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new Error(`cannot make the folder ${path}: ${(error as Error).message}`, { cause: error });
  }
  for (const [name, content] of Object.entries(files))
    write(join(path, name), content instanceof Uint8Array ? content : json(content));
}

/** Throws with what is wrong with the file or folder. */
export function readModelFile(path: string): { manifest: ModelManifest; model: ArrayBuffer } {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
    const folder = { model: parse(join(path, TOPOLOGY_FILE)), file: (name: string) => read(join(path, name)) };
    return fromLayers(path, folder, parse(join(path, SCALER_FILE)));
  }
  return unpackageModel(path, read(path));
}

function read(path: string): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(readFileSync(path));
  } catch (error) {
    throw new Error(`cannot read ${path}: ${(error as Error).message}`, { cause: error });
  }
}

function parse(path: string): unknown {
  const bytes = read(path);
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw new Error(`${path} is not JSON: ${(error as Error).message}`, { cause: error });
  }
}

function json(content: object): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(content, undefined, 2)}\n`);
}

function write(path: string, content: Uint8Array): void {
  const temporary = `${path}.tmp`;
  try {
    writeFileSync(temporary, content, { mode: MODE });
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw new Error(`cannot write ${path}: ${(error as Error).message}`, { cause: error });
  }
}
