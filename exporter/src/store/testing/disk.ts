import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const folders: string[] = [];
const mounts: string[] = [];

/** Gone after `removeFolders`, which belongs into `afterEach`. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'netpulse-'));
  folders.push(folder);
  return folder;
}

export function removeFolders(): void {
  for (const folder of mounts.splice(0)) execFileSync('umount', ['-l', folder]);
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}

/** A file system of its own of so many KiB. */
export function smallDisk(kib: number): string {
  const folder = temporaryFolder();
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${kib}k`, 'tmpfs', folder], { stdio: 'pipe' });
  mounts.push(folder);
  return folder;
}

export function remount(folder: string, options: string): void {
  execFileSync('mount', ['-o', `remount,${options}`, folder], { stdio: 'pipe' });
}

/** Takes every byte that is left; returns how to give it back. */
export function fillDisk(folder: string): () => void {
  const path = join(folder, 'filler');
  for (let size = 4 * 1024 * 1024; size >= 1; size = Math.floor(size / 2)) {
    try {
      for (;;) writeFileSync(path, Buffer.alloc(size), { flag: 'a' });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    }
  }
  if (statSync(path).size === 0) throw new Error('the disk was full before');
  return () => unlinkSync(path);
}

/** `test` where file systems can be mounted, `test.skip` elsewhere. */
export function testWithDisk(): typeof test | typeof test.skip {
  try {
    smallDisk(64);
  } catch {
    return test.skip;
  } finally {
    removeFolders();
  }
  return test;
}
