import { Worker } from 'node:worker_threads';
import type { Unit, UnitOutcome } from './unit.ts';

/** Runs the units on so many threads, in order of the list. A thread that dies costs its unit, which is told as an error; another one takes its place. */
export async function runUnits(
  units: readonly Unit[],
  worker: URL,
  threads: number,
  onOutcome: (outcome: UnitOutcome) => void,
): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < units.length) {
      const thread = new Worker(worker);
      try {
        let alive = true;
        while (alive && next < units.length) {
          const unit = units[next++];
          const outcome = await ask(thread, unit);
          alive = outcome.alive;
          onOutcome(outcome.answer);
        }
      } finally {
        await thread.terminate();
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(threads, units.length) }, lane));
}

function ask(thread: Worker, unit: Unit): Promise<{ alive: boolean; answer: UnitOutcome }> {
  return new Promise((resolve) => {
    const answered = (answer: UnitOutcome) => settle(true, answer);
    const crashed = (error: Error) => settle(false, { unit, error: `its thread crashed: ${error.message}` });
    const ended = (code: number) => settle(false, { unit, error: `its thread ended with code ${code}` });
    const settle = (alive: boolean, answer: UnitOutcome) => {
      thread.off('message', answered).off('error', crashed).off('exit', ended);
      resolve({ alive, answer });
    };
    thread.on('message', answered).on('error', crashed).on('exit', ended);
    thread.postMessage(unit);
  });
}
