import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { manualClock } from '../../clock.ts';
import { followFiles } from './follow-files.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'netpulse-follow-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function follow(file: string) {
  const clock = manualClock();
  const errors: string[] = [];
  let reads = 0;
  let changes = 0;
  const followed = followFiles(
    () => {
      reads++;
      const value = readFileSync(file, 'utf8');
      if (value.startsWith('bad')) throw new Error(`not good: ${value}`);
      return { value, files: [file] };
    },
    clock,
    { onError: (message) => errors.push(message), onChange: () => changes++ },
  );
  return { followed, clock, errors, reads: () => reads, changes: () => changes };
}

describe('values from files', () => {
  test('a file that does not change is read once', () => {
    const file = join(folder, 'a');
    writeFileSync(file, 'one');
    const { followed, clock, reads } = follow(file);
    for (let i = 0; i < 10; i++) {
      clock.advance(5000);
      expect(followed.current()).toBe('one');
    }
    expect(reads()).toBe(1);
  });

  test('a change is seen at the next look, at most one look a second', () => {
    const file = join(folder, 'a');
    writeFileSync(file, 'one');
    const { followed, clock } = follow(file);
    writeFileSync(file, 'two');
    clock.advance(999);
    expect(followed.current()).toBe('one');
    clock.advance(1);
    expect(followed.current()).toBe('two');
  });

  test('a file that is replaced by another of the same size is seen', () => {
    const file = join(folder, 'a');
    writeFileSync(file, 'one');
    const { followed, clock, changes } = follow(file);
    writeFileSync(join(folder, 'b'), 'two');
    renameSync(join(folder, 'b'), file);
    clock.advance(1000);
    expect(followed.current()).toBe('two');
    expect(changes()).toBe(1);
  });

  test('what cannot be read leaves the last good value, is reported once, and is tried again', () => {
    const file = join(folder, 'a');
    writeFileSync(file, 'one');
    const { followed, clock, errors } = follow(file);
    writeFileSync(file, 'bad two');
    for (let i = 0; i < 3; i++) {
      clock.advance(1000);
      expect(followed.current()).toBe('one');
    }
    expect(errors).toEqual(['not good: bad two']);
    rmSync(file);
    clock.advance(1000);
    expect(followed.current()).toBe('one');
    expect(errors).toHaveLength(2);
    writeFileSync(file, 'three');
    clock.advance(1000);
    expect(followed.current()).toBe('three');
  });

  test('a file that cannot be read at the start is an error', () => {
    expect(() => follow(join(folder, 'missing'))).toThrow('ENOENT');
  });
});
