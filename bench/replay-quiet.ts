// Replays a recording of a host through the product's flow, as it is without configuration, and prints the incidents that it opens.
//   npm run bench -- replay-quiet --file FILE.gz [--file FILE.gz ...] [--json]
// Exit code 1 when there is one: the machine was quiet.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { readHostRecording, replayRecording } from '../exporter/src/evaluation/quiet-replay.ts';

const { values: options } = parseArgs({
  options: { file: { type: 'string', multiple: true, default: [] }, json: { type: 'boolean', default: false } },
});
if (options.file.length === 0) throw new Error('no recording is named; write --file FILE.gz');

const results = options.file.map((name) => {
  // npm runs benches in their workspace: relative paths are meant from where the command was given
  const recording = readHostRecording(readFileSync(resolve(process.env.INIT_CWD ?? '.', name)));
  const started = performance.now();
  return { file: name, ...replayRecording(recording), tookMs: performance.now() - started };
});
if (options.json) console.log(JSON.stringify(results));
else
  for (const { file, samples, seconds, rows, incidents, tookMs } of results) {
    const parts = Object.entries(rows).map(([schema, count]) => `${schema} ${count}`);
    console.log(
      `${file}: ${seconds} s, ${samples} samples (${parts.join(', ')}), replayed in ${(tookMs / 1000).toFixed(1)} s`,
    );
    for (const one of incidents) {
      const end = one.closedAt === null ? 'still open' : `${(one.closedAt - one.openedAt) / 1000} s`;
      console.log(
        `  ${new Date(one.openedAt).toISOString()} ${one.kind} of ${one.entity}, ${one.severity}, peak ${one.peak.toFixed(2)}, ${end}: ${one.summary}`,
      );
    }
    console.log(`  ${incidents.length} incidents`);
  }
process.exitCode = results.some(({ incidents }) => incidents.length > 0) ? 1 : 0;
