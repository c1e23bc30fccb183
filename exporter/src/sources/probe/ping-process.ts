/**
 * The child process behind an ICMP target. It gets no shell, no stdin, and no environment but PATH; when the exporter dies without a word, its next line of output
 * ends it (SIGPIPE).
 */
import { spawn } from 'node:child_process';

export interface PingProcess {
  kill(): void;
  /** the end of what it has written there */
  stderr(): string;
  /** resolves when the process is gone */
  readonly gone: Promise<void>;
}

export interface PingExit {
  /** set when it could not be started */
  readonly error: NodeJS.ErrnoException | undefined;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
}

/** Bound what a command that is no ping can make us keep. */
const LONGEST_LINE = 4096;
const STDERR_KEPT = 1000;

/** `onLine` gets each whole line of stdout, `onExit` is called once, after the last line; neither is called in this turn of the event loop. */
export function startPing(
  command: string,
  args: readonly string[],
  onLine: (line: string) => void,
  onExit: (exit: PingExit) => void,
): PingProcess {
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, LC_ALL: 'C' },
    cwd: '/',
  });
  let stderr = '';
  let partial = '';
  let failure: NodeJS.ErrnoException | undefined;
  let killed = false;

  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (partial + chunk).split('\n');
    partial = lines.pop()!;
    if (partial.length > LONGEST_LINE) partial = '';
    if (!killed) lines.forEach(onLine);
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr = (stderr + chunk).slice(-STDERR_KEPT);
  });
  const gone = new Promise<void>((resolve) => {
    const exit = (code: number | null, signal: NodeJS.Signals | null) => {
      resolve();
      onExit({ error: failure, code, signal, stderr: stderr.trim() });
    };
    child.on('error', (error) => {
      // a failed kill ends up here too: then the process is still there, and its exit will be told
      if (child.pid === undefined) failure = error;
    });
    child.on('close', exit);
  });
  return {
    gone,
    stderr: () => stderr.trim(),
    kill() {
      killed = true;
      child.kill('SIGKILL');
      // what it may have started itself cannot hold the pipes open, and 'close' back
      child.stdout.destroy();
      child.stderr.destroy();
    },
  };
}
