/** Where the files of models are. */
import { createHash } from 'node:crypto';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { removeTemporaryFiles } from '../store/replace-file.ts';
import type { ModelKey } from './model-manifest.ts';

const VERSION = /^v([1-9]\d{0,8})$/;

export const MODEL_FILE = 'model.bin';
export const MANIFEST_FILE = 'manifest.json';
export const CURRENT_FILE = 'current.json';

/** The folder of all versions of one model. */
export function homeOf(folder: string, { monitor, group, detector }: ModelKey): string {
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

/** The folders of all models. */
export function homes(folder: string): string[] {
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
export function versionNumbers(home: string): number[] {
  return readFolder(home)
    .map((name) => versionNumber(name) ?? 0)
    .filter((number) => number > 0)
    .sort((a, b) => a - b);
}

/** 3 of `v3`. */
export function versionNumber(version: string | undefined): number | undefined {
  return Number(VERSION.exec(version ?? '')?.[1]) || undefined;
}

export function placeOf(home: string, number: number): string {
  return join(home, `v${number}`);
}

/** What a killed save left behind. */
export function removeUnfinished(home: string): void {
  removeTemporaryFiles(home);
  for (const number of versionNumbers(home)) {
    const place = placeOf(home, number);
    const files = readFolder(place);
    removeTemporaryFiles(place);
    const unfinished = !files.some((name) => name.startsWith(MANIFEST_FILE));
    if (unfinished) rmSync(place, { recursive: true, force: true });
  }
}
