import { spawn, type ChildProcess } from 'node:child_process';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { buildSync } from 'esbuild';

/** Bundles a program whose imports are relative to `exporter/src` into `folder`; returns its path. */
export function bundleProgram(folder: string, source: string): string {
  const outfile = join(folder, 'program.mjs');
  buildSync({
    stdin: { contents: source, resolveDir: resolve(__dirname, '../..'), loader: 'ts' },
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    outfile,
    logLevel: 'error',
  });
  return outfile;
}

const running = new Set<ChildProcess>();

/** Ends what a failed test left running; belongs into `afterEach`. */
export function killPrograms(): void {
  for (const child of running) child.kill('SIGKILL');
}

export interface Program {
  readonly process: ChildProcess;
  /** the next line it prints; undefined when it has ended */
  line(): Promise<string | undefined>;
  /** SIGKILL; resolves with the lines that were not asked for yet */
  kill(): Promise<string[]>;
}

export function startProgram(path: string, args: readonly string[] = []): Program {
  const child = spawn(process.execPath, [path, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  running.add(child);
  child.on('exit', () => running.delete(child));
  const lines: string[] = [];
  const waiting: ((line: string | undefined) => void)[] = [];
  let ended = false;
  const end = new Promise<void>((resolve) => {
    const reader = createInterface({ input: child.stdout });
    reader.on('line', (line) => {
      const next = waiting.shift();
      if (next) next(line);
      else lines.push(line);
    });
    reader.on('close', () => {
      ended = true;
      for (const next of waiting.splice(0)) next(undefined);
      resolve();
    });
  });
  return {
    process: child,
    line: () =>
      lines.length > 0 || ended
        ? Promise.resolve(lines.shift())
        : new Promise((resolve) => {
            waiting.push(resolve);
          }),
    async kill() {
      child.kill('SIGKILL');
      await end;
      return lines.splice(0);
    },
  };
}

/** Runs the program, waits for its first line and kills it at a random moment of the next 40 ms; returns everything it printed. */
export async function runAndKill(path: string, args: readonly string[]): Promise<string[]> {
  const program = startProgram(path, args);
  const first = await program.line();
  if (first === undefined) throw new Error('the program ended before it printed anything');
  await new Promise((resolve) => setTimeout(resolve, Math.random() * 40));
  return [first, ...(await program.kill())];
}
