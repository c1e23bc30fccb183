import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readAtomic, writeAtomic, writeAtomicSync } from './atomic-file.ts';
import { RefusedFileError } from './refused-file.ts';
import { removeTemporaryFiles } from './replace-file.ts';
import { bundleProgram, killPrograms, runAndKill } from './testing/child.ts';
import { fillDisk, remount, removeFolders, smallDisk, temporaryFolder, testWithDisk } from './testing/disk.ts';
import { WriteFailedError } from './write-failure.ts';

afterEach(killPrograms);
afterEach(removeFolders);

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (payload: Uint8Array | undefined) => payload && new TextDecoder().decode(payload);

function refusal(read: () => unknown): RefusedFileError {
  try {
    read();
  } catch (error) {
    if (error instanceof RefusedFileError) return error;
    throw error;
  }
  throw new Error('the file was not refused');
}

describe('atomic file', () => {
  test('what was written is read back, in a buffer of its own at offset 0', async () => {
    const path = join(temporaryFolder(), 'a', 'b', 'state');
    await writeAtomic(path, 'calibration', 3, bytes('one'));
    const payload = readAtomic(path, 'calibration', 3)!;
    expect(text(payload)).toBe('one');
    expect([payload.byteOffset, payload.buffer.byteLength]).toEqual([0, 3]);
    writeAtomicSync(path, 'calibration', 3, new Uint8Array(0));
    expect(readAtomic(path, 'calibration', 3)).toHaveLength(0);
    expect(readdirSync(join(path, '..'))).toEqual(['state']);
  });

  test('no file is no payload', () => {
    expect(readAtomic(join(temporaryFolder(), 'absent'), 'state', 1)).toBeUndefined();
  });

  const damages: [what: string, reason: string, damage: (file: Buffer) => Uint8Array, message: RegExp][] = [
    ['a foreign file', 'magic', () => bytes('{"not": "ours"}'), /not a state file of netpulse/],
    ['an empty file', 'length', () => bytes(''), /ends after 0 bytes/],
    ['a file that ends inside the header', 'length', (file) => file.subarray(0, 30), /ends after 30 bytes/],
    ['a file that ends inside the payload', 'length', (file) => file.subarray(0, -1), /should hold 7 bytes .* holds 6/],
    ['a file with something behind the payload', 'length', (file) => Buffer.concat([file, bytes('x')]), /holds 8/],
    ['a flipped bit in the payload', 'checksum', (file) => flip(file, file.length - 3), /checksum/],
    ['a flipped bit in the checksum', 'checksum', (file) => flip(file, 40), /checksum/],
    ['a layout of another version', 'format', (file) => flip(file, 8), /layout has version/],
    ['a damaged length that claims exabytes', 'length', (file) => flip(file, 23), /should hold \d{17,} bytes/],
  ];
  test.each(damages)('%s is refused as %s and set aside', async (_what, reason, damage, message) => {
    const path = join(temporaryFolder(), 'state');
    await writeAtomic(path, 'state', 1, bytes('payload'));
    writeFileSync(path, damage(readFileSync(path)));
    const error = refusal(() => readAtomic(path, 'state', 1));
    expect(error.reason).toBe(reason);
    expect(error.message).toMatch(message);
    expect(error.message).toContain(path);
    expect(error.message).toContain('it is set aside as state.refused-1 and relearnt');
    expect(existsSync(path)).toBe(false);
    expect(existsSync(`${path}.refused-1`)).toBe(true);
    expect(readAtomic(path, 'state', 1)).toBeUndefined();
  });

  test('another kind, a newer and an older format are told apart', async () => {
    const path = join(temporaryFolder(), 'state');
    await writeAtomic(path, 'model', 2, bytes('x'));
    expect(refusal(() => readAtomic(path, 'calibration', 2))).toMatchObject({
      reason: 'kind',
      message: expect.stringContaining('it holds "model", not "calibration"') as string,
    });
    await writeAtomic(path, 'model', 2, bytes('x'));
    expect(refusal(() => readAtomic(path, 'model', 1)).message).toContain('a newer netpulse wrote it (format 2');
    await writeAtomic(path, 'model', 2, bytes('x'));
    expect(refusal(() => readAtomic(path, 'model', 3)).message).toContain('an older netpulse wrote it (format 2');
  });

  test('at most three refused files are kept, the newest ones', () => {
    const folder = temporaryFolder();
    const path = join(folder, 'state');
    for (let i = 1; i <= 5; i++) {
      writeFileSync(path, `foreign ${i}`);
      refusal(() => readAtomic(path, 'state', 1));
    }
    const kept = readdirSync(folder);
    expect(kept.sort()).toEqual(['state.refused-1', 'state.refused-2', 'state.refused-3']);
    expect(kept.map((name) => readFileSync(join(folder, name), 'utf8')).sort()).toEqual([
      'foreign 3',
      'foreign 4',
      'foreign 5',
    ]);
  });

  test('a path that cannot be read is an error with a way out, and stays', () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'state'));
    expect(() => readAtomic(join(folder, 'state'), 'state', 1)).toThrow(/cannot read .*state.*--storage\.path/);
    expect(existsSync(join(folder, 'state'))).toBe(true);
  });

  test.each([
    ['', 1],
    ['x'.repeat(256), 1],
    ['state', -1],
    ['state', 1.5],
  ])('kind %j with version %d is refused before anything is written', async (kind, version) => {
    const folder = temporaryFolder();
    await expect(writeAtomic(join(folder, 'state'), kind, version, bytes('x'))).rejects.toThrow(RangeError);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('of many writes that were asked for at once the last one stays', async () => {
    const path = join(temporaryFolder(), 'state');
    await Promise.all(Array.from({ length: 20 }, (_, i) => writeAtomic(path, 'state', 1, bytes(`${i}`))));
    expect(text(readAtomic(path, 'state', 1))).toBe('19');
  });

  test('a synchronous write overtakes those that are under way', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'state');
    for (let round = 0; round < 20; round++) {
      const slow = [1, 2, 3].map(() => writeAtomic(path, 'state', 1, new Uint8Array(200_000)));
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 4));
      writeAtomicSync(path, 'state', 1, bytes('last'));
      await Promise.all(slow);
      expect(text(readAtomic(path, 'state', 1))).toBe('last');
    }
    expect(readdirSync(folder)).toEqual(['state']);
  });

  test('only temporary files of other processes are removed at start', async () => {
    const folder = temporaryFolder();
    for (const name of ['.state.0123456789ab-7.tmp', '.other.tmp', 'state.tmp', '.state.0123456789ab-7.tmp.bak']) {
      writeFileSync(join(folder, name), '');
    }
    const write = writeAtomic(join(folder, 'big'), 'state', 1, new Uint8Array(2_000_000));
    expect(removeTemporaryFiles(folder)).toBe(1);
    await write;
    expect(readdirSync(folder).sort()).toEqual(['.other.tmp', '.state.0123456789ab-7.tmp.bak', 'big', 'state.tmp']);
    expect(removeTemporaryFiles(join(folder, 'absent'))).toBe(0);
  });

  test('killed at any moment of a save, the file holds one of the values that were written', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'state');
    const program = bundleProgram(
      temporaryFolder(),
      `import { writeSync } from 'node:fs';
       import { readAtomic, writeAtomic } from './store/atomic-file.ts';
       import { removeTemporaryFiles } from './store/replace-file.ts';
       removeTemporaryFiles(${JSON.stringify(folder)});
       const path = ${JSON.stringify(path)};
       const last = readAtomic(path, 'state', 1);
       for (let i = last ? new Int32Array(last.buffer)[0] + 1 : 1; ; i++) {
         await writeAtomic(path, 'state', 1, new Uint8Array(new Int32Array(30_000).fill(i).buffer));
         writeSync(1, i + '\\n');
       }`,
    );
    let before = 0;
    for (let kill = 0; kill < 30; kill++) {
      const printed = (await runAndKill(program, [])).map(Number);
      const values = new Int32Array(readAtomic(path, 'state', 1)!.buffer);
      expect(values).toHaveLength(30_000);
      expect(values.every((value) => value === values[0])).toBe(true);
      // what was reported as saved is there, or the one after it
      expect(values[0] - printed.at(-1)!).toBeGreaterThanOrEqual(0);
      expect(values[0] - printed.at(-1)!).toBeLessThanOrEqual(1);
      expect(values[0]).toBeGreaterThan(before);
      before = values[0];
    }
    removeTemporaryFiles(folder);
    expect(readdirSync(folder)).toEqual(['state']);
  });
});

describe('a disk that refuses', () => {
  const withDisk = testWithDisk();

  withDisk('a full disk rejects with a way out, leaves the old file and no rubbish', async () => {
    const folder = smallDisk(256);
    const path = join(folder, 'state');
    await writeAtomic(path, 'state', 1, bytes('old'));
    const error = await writeAtomic(path, 'state', 1, new Uint8Array(400_000)).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(WriteFailedError);
    expect(error).toMatchObject({ reason: 'no_space', path });
    expect((error as Error).message).toMatch(/ENOSPC.*no space is left.*--storage\.path.*unchanged/);
    expect(() => writeAtomicSync(path, 'state', 1, new Uint8Array(400_000))).toThrow(WriteFailedError);
    expect(text(readAtomic(path, 'state', 1))).toBe('old');
    expect(readdirSync(folder)).toEqual(['state']);
    const giveBack = fillDisk(folder);
    await expect(writeAtomic(path, 'state', 1, bytes('new'))).rejects.toMatchObject({ reason: 'no_space' });
    giveBack();
    await writeAtomic(path, 'state', 1, bytes('new'));
    expect(text(readAtomic(path, 'state', 1))).toBe('new');
  });

  withDisk('a read-only disk rejects, and what is refused there stays in place and says so', async () => {
    const folder = smallDisk(256);
    const path = join(folder, 'state');
    await writeAtomic(path, 'state', 1, bytes('old'));
    writeFileSync(join(folder, 'foreign'), 'foreign');
    remount(folder, 'ro');
    await expect(writeAtomic(path, 'state', 1, bytes('new'))).rejects.toMatchObject({
      reason: 'read_only',
      message: expect.stringContaining('read-only') as string,
    });
    expect(text(readAtomic(path, 'state', 1))).toBe('old');
    expect(refusal(() => readAtomic(join(folder, 'foreign'), 'state', 1))).toMatchObject({
      movedTo: undefined,
      message: expect.stringContaining('could not be set aside') as string,
    });
  });

  test('a file that is a folder cannot be replaced and the error names it', async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'state', 'inside'), { recursive: true });
    await expect(writeAtomic(join(folder, 'state'), 'state', 1, bytes('x'))).rejects.toThrow(/cannot write .*state/);
    expect(readdirSync(folder)).toEqual(['state']);
  });
});

function flip(file: Buffer, at: number): Buffer {
  const copy = Buffer.from(file);
  copy[at] ^= 0x10;
  return copy;
}
