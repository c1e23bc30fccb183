// Detection quality on the synthetic network, seeds 0 to 4: an hour of learning, 24 hours scored, 5 % of samples labelled, six nodes.
//   npm run bench -- synthetic-quality [--first 0] [--seeds 5] [--hours 24] [--detectors baseline,conditional] [--json] [--smoke]
import { parseArgs } from 'node:util';
import { syntheticQuality, type SyntheticQuality } from '../exporter/src/evaluation/synthetic-quality.ts';

const { values } = parseArgs({
  options: {
    first: { type: 'string', default: '0' },
    seeds: { type: 'string', default: '5' },
    hours: { type: 'string', default: '24' },
    share: { type: 'string', default: '0.05' },
    detectors: { type: 'string', default: 'baseline,isolation-forest,conditional,var' },
    json: { type: 'boolean', default: false },
    smoke: { type: 'boolean', default: false },
  },
});
const seeds = values.smoke ? 1 : Number(values.seeds);
const hours = values.smoke ? 2 : Number(values.hours);
const results: SyntheticQuality[] = [];
const first = Number(values.first);
for (let seed = first; seed < first + seeds; seed++) {
  const result = syntheticQuality(seed, 3600, hours * 3600, Number(values.share), values.detectors.split(','));
  results.push(result);
  if (!values.json)
    console.log(
      `seed ${seed}: event recall ${result.recall.toFixed(3)}, precision ${result.precision.toFixed(3)}, first kind right ${result.rightKind.toFixed(3)}, ` +
        `correlation_break recall ${result.correlationBreakRecall.toFixed(3)}, false incidents per node and day ${result.falseIncidentsPerNodeDay.toFixed(2)}`,
    );
}
const mean = (pick: (r: SyntheticQuality) => number) => results.reduce((sum, r) => sum + pick(r), 0) / results.length;
const summary = {
  recall: mean((r) => r.recall),
  precision: mean((r) => r.precision),
  rightKind: mean((r) => r.rightKind),
  correlationBreakRecall: mean((r) => r.correlationBreakRecall),
};
if (values.json) console.log(JSON.stringify({ results, mean: summary }));
else {
  console.log(
    `mean: ${Object.entries(summary)
      .map(([name, value]) => `${name} ${value.toFixed(3)}`)
      .join(', ')}`,
  );
  console.log('targets: recall >= .98, precision >= .95, rightKind >= .95, correlationBreakRecall >= .9');
  for (const [kind, own] of Object.entries(results[0].byKind))
    console.log(`  seed ${first}, ${kind}: ${own.hits} of ${own.events} hit, ${own.rightKinds} named right`);
}
