import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/**
 * A peer in Python that answers each line of JSON with one, after a first line with its version. One thread, and no other OPENBLAS_* variable than that, so that it
 * chooses its kernels as it would for any user. undefined, and said so, when it cannot run.
 */
export async function startPythonPeer({ name, python, script, debianPackage }) {
  const env = Object.fromEntries(Object.entries(process.env).filter(([key]) => !key.startsWith('OPENBLAS_')));
  const child = spawn(python, [script], {
    env: { ...env, OPENBLAS_NUM_THREADS: '1', OMP_NUM_THREADS: '1' },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let complaint = '';
  child.stderr.on('data', (chunk) => (complaint += chunk));
  child.on('error', (error) => (complaint += error.message));
  child.stdin.on('error', () => {});
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const hello = await lines.next();
  if (hello.done) {
    console.error(
      `${name} is left out: ${python} cannot run it (${complaint.trim().split('\n').at(-1)}); Debian: apt install ${debianPackage}`,
    );
    return undefined;
  }
  return {
    version: JSON.parse(hello.value).version,
    async ask(job) {
      child.stdin.write(`${JSON.stringify(job)}\n`);
      const answer = await lines.next();
      if (answer.done) throw new Error(`${name} stopped: ${complaint}`);
      return JSON.parse(answer.value);
    },
    stop: () => child.stdin.end(),
  };
}
