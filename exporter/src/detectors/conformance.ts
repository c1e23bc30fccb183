/**
 * The suite that every detector passes. A detector's own test file is
 *
 *     import { describeDetector } from './conformance.ts';
 *     import { isolationForest } from './isolation-forest.ts';
 *
 *     describeDetector(isolationForest());
 *
 * followed by what is special about it.
 */
import { resolve } from 'node:path';
import type { Detector } from '../flow.ts';
import { type ConformanceOptions, checkRealServers, checks, subject } from './conformance-checks.ts';
import { realServers } from './conformance-data.ts';

/** Real data lies in `NETPULSE_DATA`, by default `../shared/data` beside the repository; jest runs in the repository's folder. */
export function describeDetector(detector: Detector, options: ConformanceOptions = {}): void {
  describe(`the detector ${detector.name}`, () => {
    const judged = subject(detector, options);
    for (const { title, about, run } of checks) {
      if (about === undefined || detector[about]) it(title, () => run(judged));
      else it.skip(`${title} (it has no method ${about})`, () => {});
    }

    const folder = resolve(process.env.NETPULSE_DATA ?? '../shared/data');
    const servers = realServers(folder);
    if (servers.length > 0) {
      it(`ranks labelled anomalies of real servers better than chance`, () => checkRealServers(judged, servers));
    } else {
      it.skip(`ranks labelled anomalies of real servers better than chance (no folder asd in ${folder}: set NETPULSE_DATA)`, () => {});
    }
  });
}
