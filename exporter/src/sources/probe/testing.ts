/** What the tests of this folder share. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Observer } from '../../flow.ts';

export interface RecordingObserver extends Observer {
  /** `level: message`, in order */
  readonly lines: string[];
  /** how often `source_errors_total` was raised with this reason */
  errors(reason: string): number;
}

export function recordingObserver(): RecordingObserver {
  const lines: string[] = [];
  const reasons: string[] = [];
  const at = (level: string) => (message: string) => void lines.push(`${level}: ${message}`);
  return {
    lines,
    errors: (reason) => reasons.filter((other) => other === reason).length,
    log: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') },
    count(name, labels) {
      if (name === 'source_errors_total') reasons.push(labels.reason);
    },
  };
}

/** Waits until `condition` holds; throws with `what` after 15 s. `step` runs between two looks. */
export async function until(what: string, condition: () => boolean, step: () => void = () => {}): Promise<void> {
  for (let waited = 0; waited < 15_000; waited += 20) {
    if (condition()) return;
    step();
    await sleep(20);
  }
  throw new Error(`waited in vain until ${what}`);
}

/** Process ids of the running children of `parent`, without those that other tests of the same process have left running. */
export function childrenOf(parent: number): number[] {
  return everyChildOf(parent).filter((pid) => !strangers.has(pid));
}

function everyChildOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => runningUnder(pid) === parent);
}

const strangers = new Set(everyChildOf(process.pid));

/** The parent of a process that runs; undefined for one that has ended, even if nobody has asked for its exit code yet. */
export function runningUnder(pid: number): number | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // the command in parentheses may hold anything
  const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return state === 'Z' ? undefined : Number(parent);
}

/** A program that does what a shell script says, as a stand-in for `ping` in `folder`; returns its path. */
export function fakePing(folder: string, script: string): string {
  const path = join(folder, `ping-${readdirSync(folder).length}`);
  writeFileSync(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return path;
}

/** Whether the real `ping` works here. */
export function pingWorks(): boolean {
  return spawnSync('ping', ['-n', '-O', '-c', '1', '127.0.0.1'], { stdio: 'ignore' }).status === 0;
}
