/**
 * One exporter per state folder. Node has no flock, so the lock is a file that tells who holds it, and dead holders are told from living ones.
 *
 * Files are called `lock.<n>`; the one with the highest number counts, and that one is never removed, only followed. Whoever finds its holder dead or gone
 * creates number n + 1 with its content already inside (a hard link to a prepared file: atomic, fails when the name is taken) and then looks whether it is
 * the highest. Two starters can therefore never both win, however their steps interleave; there is no moment in which a lock is unlinked and re-made.
 *
 * Is the holder alive?
 * - same boot and same process-id namespace: `/proc/<pid>/stat` says, exactly (the start time tells a reused id)
 * - same host name, other boot: the machine was restarted, so it is dead
 * - otherwise (another container, another machine on a shared folder) its ids mean nothing here: the holder touches its lock every 3 s, and is taken for dead when
 *   nothing was touched for 10 s. So a container that was killed starts 10 s late once, in its new process-id namespace.
 * - no `/proc` (other systems): the process id alone, by signal 0
 *
 * Limits: a holder in another container or machine that is suspended for longer than 10 s loses its lock; two machines of one host name that share a folder
 * take each other for restarted. The folder's file system must have hard links.
 */
import { randomBytes } from 'node:crypto';
import {
  linkSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  utimes,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Observer } from '../flow.ts';
import { discard } from './replace-file.ts';
import { WriteFailedError, writeFailure } from './write-failure.ts';

export interface Lock {
  /** the lock file */
  readonly path: string;
  /** Lets the next exporter in at once. Safe to call twice. */
  release(): void;
}

export interface LockOptions {
  readonly observer: Observer;
  /** ms between signs of life, default 3000 */
  readonly heartbeatMs?: number;
  /** ms without a sign of life after which a holder that cannot be looked up is dead, default 10000; more than twice the heartbeat */
  readonly watchMs?: number;
}

/** Another exporter uses the folder. */
export class FolderLockedError extends Error {
  readonly folder: string;
  readonly pid: number | undefined;

  constructor(folder: string, path: string, holder: Holder | undefined) {
    const who = holder ? `process ${holder.pid} on ${holder.hostname}` : 'another process';
    super(
      `the state folder ${folder} is in use by another netpulse (${who}, lock file ${path}); ` +
        'stop that one, or give this one a folder of its own with --storage.path',
    );
    this.name = 'FolderLockedError';
    this.folder = folder;
    this.pid = holder?.pid;
  }
}

/** Who holds the lock. null = the system does not tell. */
interface Holder {
  readonly pid: number;
  /** clock ticks since boot, field 22 of `/proc/<pid>/stat` (proc_pid_stat(5)) */
  readonly startTime: string | null;
  readonly bootId: string | null;
  readonly pidNamespace: string | null;
  readonly hostname: string;
}

const LOCK_FILE = /^lock\.(\d{1,15})$/;
const CANDIDATE = /^\.lock-candidate\.[0-9a-f]{16}$/;
/** A starter needs its candidate for as long as it watches; older ones belong to killed starters. */
const CANDIDATE_MS = 60_000;
const POLLS = 40;
const EXIT_LOOKS = 5;
const EXIT_LOOK_MS = 50;

/**
 * Takes the lock of the folder, which is made when missing. Throws `FolderLockedError` when a living exporter holds it, `WriteFailedError` when the folder cannot
 * be written. Takes as long as `watchMs` only when the previous holder was in another container or on another machine.
 */
export async function acquireLock(folder: string, options: LockOptions): Promise<Lock> {
  const { observer, heartbeatMs = 3000, watchMs = 10_000 } = options;
  const candidate = candidateIn(folder);
  const me = identify();
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(candidate, JSON.stringify(me), { flag: 'wx', mode: 0o600 });
  } catch (error) {
    discard(candidate);
    throw new WriteFailedError(folder, error, 'nothing');
  }
  try {
    for (;;) {
      const newest = lockNumbers(folder).at(-1) ?? 0;
      if (newest > 0) {
        const path = join(folder, `lock.${newest}`);
        const content = readHolder(path);
        if (content !== 'released' && (await isHeld(path, content, me, watchMs))) {
          throw new FolderLockedError(folder, path, content);
        }
      }
      const path = join(folder, `lock.${newest + 1}`);
      if (!takeNumber(candidate, path)) continue;
      if (lockNumbers(folder).at(-1) !== newest + 1) {
        // our number had come and gone while we looked: somebody is ahead
        rmSync(path, { force: true });
        continue;
      }
      removeOlder(folder, newest + 1, candidate);
      if (newest > 0) observer.log.debug('lock of the state folder taken', { path });
      return hold(path, observer, heartbeatMs);
    }
  } finally {
    discard(candidate);
  }
}

function hold(path: string, observer: Observer, heartbeatMs: number): Lock {
  let failing = false;
  let released = false;
  const heartbeat = setInterval(() => {
    const now = new Date();
    utimes(path, now, now, (error) => {
      if (released) return;
      if (error) {
        observer.count('store_errors_total', { store: 'lock', reason: writeFailure(error) });
        if (!failing) observer.log.warn('cannot touch the lock of the state folder', { path, error: error.message });
      }
      failing = error !== null;
    });
  }, heartbeatMs);
  // the lock must not keep a process alive that has nothing else to do
  heartbeat.unref();
  return {
    path,
    release() {
      if (released) return;
      released = true;
      clearInterval(heartbeat);
      const note = candidateIn(dirname(path));
      try {
        writeFileSync(note, JSON.stringify({ released: true }), { mode: 0o600 });
        renameSync(note, path);
      } catch (error) {
        // the next start finds this process gone, which is as good
        observer.count('store_errors_total', { store: 'lock', reason: writeFailure(error) });
        observer.log.warn('cannot mark the lock as released', { path, error: (error as Error).message });
      }
    },
  };
}

function candidateIn(folder: string): string {
  return join(folder, `.lock-candidate.${randomBytes(8).toString('hex')}`);
}

/** False when the name is taken. */
function takeNumber(candidate: string, path: string): boolean {
  try {
    linkSync(candidate, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    if (writeFailure(error) !== 'permission') throw new WriteFailedError(path, error, 'nothing');
    throw new Error(
      `cannot lock ${path}: its file system has no hard links or forbids them; choose another folder with --storage.path`,
      { cause: error },
    );
  }
}

/** The one before stays: a starter that reads the folder while we are here must see one of the two. */
function removeOlder(folder: string, mine: number, candidate: string): void {
  for (const number of lockNumbers(folder)) {
    if (number < mine - 1) rmSync(join(folder, `lock.${number}`), { force: true });
  }
  const now = statSync(candidate).mtimeMs;
  for (const name of readdirSync(folder).filter((name) => CANDIDATE.test(name))) {
    const age = now - (statSync(join(folder, name), { throwIfNoEntry: false })?.mtimeMs ?? now);
    if (age > CANDIDATE_MS) rmSync(join(folder, name), { force: true });
  }
}

function lockNumbers(folder: string): number[] {
  return readdirSync(folder)
    .map((name) => Number(LOCK_FILE.exec(name)?.[1] ?? 0))
    .filter((number) => number > 0)
    .sort((a, b) => a - b);
}

/** undefined: gone or unreadable content (a power cut). */
function readHolder(path: string): Holder | 'released' | undefined {
  try {
    const parsed = JSON.parse(readFileSync(path, 'utf8')) as Partial<Holder> & { released?: boolean };
    if (parsed?.released === true) return 'released';
    if (!Number.isInteger(parsed?.pid) || typeof parsed.hostname !== 'string') return undefined;
    const text = (value: unknown) => (typeof value === 'string' ? value : null);
    return {
      pid: parsed.pid as number,
      startTime: text(parsed.startTime),
      bootId: text(parsed.bootId),
      pidNamespace: text(parsed.pidNamespace),
      hostname: parsed.hostname,
    };
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new Error(`cannot read the lock file ${path}: ${(error as Error).message}`, { cause: error });
  }
}

async function isHeld(path: string, holder: Holder | undefined, me: Holder, watchMs: number): Promise<boolean> {
  if (!holder) return await isTouched(path, watchMs);
  const sameBoot = holder.bootId !== null && holder.bootId === me.bootId;
  if (sameBoot && holder.pidNamespace !== null && holder.pidNamespace === me.pidNamespace) {
    return await goesOn(() => holder.startTime !== null && processStart(holder.pid) === holder.startTime);
  }
  if (holder.hostname === me.hostname) {
    if (holder.bootId === null && me.bootId === null) return await goesOn(() => answersSignals(holder.pid));
    if (holder.bootId !== null && me.bootId !== null && !sameBoot) return false;
  }
  return await isTouched(path, watchMs);
}

/** A process that was just killed is still seen for a moment, while its memory is given back. */
async function goesOn(isThere: () => boolean): Promise<boolean> {
  for (let look = 0; look < EXIT_LOOKS; look++) {
    if (!isThere()) return false;
    await sleep(EXIT_LOOK_MS);
  }
  return isThere();
}

/** Compares the file's times with each other only, never with a clock: folders of other machines have clocks of their own. */
async function isTouched(path: string, watchMs: number): Promise<boolean> {
  const touched = () => statSync(path, { throwIfNoEntry: false })?.mtimeMs;
  const before = touched();
  if (before === undefined) return false;
  for (let poll = 0; poll < POLLS; poll++) {
    await sleep(watchMs / POLLS);
    const now = touched();
    if (now !== before) return now !== undefined && readHolder(path) !== 'released';
  }
  return false;
}

function identify(): Holder {
  return {
    pid: process.pid,
    startTime: processStart(process.pid),
    bootId: readOrNull(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()),
    pidNamespace: readOrNull(() => readlinkSync('/proc/self/ns/pid')),
    hostname: hostname(),
  };
}

/** null when there is no such process, or one that has ended and was not waited for yet. */
function processStart(pid: number): string | null {
  const stat = readOrNull(() => readFileSync(`/proc/${pid}/stat`, 'utf8'));
  if (stat === null) return null;
  // the command in brackets may hold blanks and brackets; the fields after it start with the third
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? null : (fields[19] ?? null);
}

function answersSignals(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Systems and sandboxes without these files are decided by what is left. */
function readOrNull(read: () => string): string | null {
  try {
    return read();
  } catch {
    return null;
  }
}
