/** A thread of the benchmark. */
import { parentPort } from 'node:worker_threads';
import { createUnitRunner } from './run-unit.ts';
import type { Unit } from './unit.ts';

const port = parentPort;
if (!port) throw new Error('this worker is started by the benchmark, not by hand');
const run = createUnitRunner();
port.on('message', (unit: Unit) => port.postMessage(run(unit)));
