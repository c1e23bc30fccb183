/** What `netpulse evaluate --preset seed` prints. */
import type { ErrorFigures, SeedPresetResult, SeedRun } from '../evaluation/seed-preset.ts';
import { humanNumber, humanSeconds } from '../human-units.ts';
import { textTable } from './text-table.ts';

/** What the seed claims. */
const MOST_GAP = 0.05;
const LEAST_AUTOCORRELATION = 0.85;
const MOST_AUTOCORRELATION = 0.99;
const LEAST_SEPARATION = 5.6;

export function seedPresetText(result: SeedPresetResult): string {
  const { settings, network, runs } = result;
  const several = settings.scalings.length > 1;
  return [
    introduction(result),
    '\nmean squared error of a window, in the unit of its scaler\n',
    figuresTable(runs, ({ own }) => own),
    several
      ? '\nthe same in squared deviations of each feature, whatever the scaler: 1 is a model that always answers the mean\n'
      : '',
    several ? figuresTable(runs, ({ inDeviations }) => inDeviations) : '',
    '\nseparation: median error of windows with at least 10 anomalous rows / threshold; by kind, with the share of windows above the threshold\n',
    foundTable(runs),
    '\ntraining\n',
    trainingTable(result),
    '\nlag-1 autocorrelation of the rows that were learnt\n',
    textTable(
      ['>SEED', ...network.features.map((name) => `>${name}`)],
      result.autocorrelation.map(({ seed, byFeature }) => [
        String(seed),
        ...byFeature.map((value) => value.toFixed(3)),
      ]),
    ),
    '\nthe seed’s claims, with its own scaler (standard)\n',
    claimsTable(result),
  ].join('');
}

/** The whole result; what is no number is null. */
export function seedPresetJson(result: SeedPresetResult): string {
  return `${JSON.stringify(result, null, 2)}\n`;
}

function introduction({ settings, network, parameters, windows }: SeedPresetResult): string {
  const { window, hidden, dropout, batch, learning_rate: rate } = network;
  return [
    `lstm-autoencoder on the synthetic stream: node core-01, ${network.features.length} features, 1 row a second`,
    `window ${window}, hidden ${hidden}, dropout ${dropout}, batch ${batch}, Adam ${rate}, mean squared error, ${settings.epochs} epochs`,
    `${humanNumber(windows.training)} quiet windows of one day to learn from, the next ${humanNumber(windows.validation)} for validation; then, unseen, ` +
      `${settings.testHours} h: ${humanNumber(windows.unseen)} quiet windows, and with faults ${windows.anomalous.map(humanNumber).join(' / ')} windows with at least 10 anomalous rows`,
    `parameters: ${grouped(parameters.oneBias)} with one bias an LSTM, ${grouped(parameters.twoBiases)} with two, as PyTorch counts`,
    '',
  ].join('\n');
}

function figuresTable(runs: readonly SeedRun[], pick: (run: SeedRun) => ErrorFigures): string {
  return textTable(
    [
      '>SEED',
      'SCALER',
      '>BEST VALIDATION LOSS',
      '>ERROR MEAN',
      '>DEVIATION',
      '>THRESHOLD',
      '>TRAIN/VALIDATION GAP',
      '>SEPARATION',
      '>SIX KINDS ALIKE',
    ],
    runs.map((run) => {
      const { validationLoss, mean, deviation, threshold, gap, separation, balancedSeparation } = pick(run);
      const losses = [validationLoss, mean, deviation, threshold, gap].map((loss) => loss.toFixed(5));
      return [String(run.seed), run.scaling, ...losses, separation.toFixed(2), balancedSeparation.toFixed(2)];
    }),
  );
}

function foundTable(runs: readonly SeedRun[]): string {
  const kinds = [...new Set(runs.flatMap(({ byKind }) => byKind.map(({ kind }) => kind)))];
  return textTable(
    ['>SEED', 'SCALER', '>FOUND', '>FALSE ALARMS', ...kinds.map((kind) => `>${kind}`)],
    runs.map(({ seed, scaling, found, falseAlarms, byKind }) => [
      String(seed),
      scaling,
      percent(found),
      percent(falseAlarms),
      ...kinds.map((kind) => {
        const own = byKind.find((other) => other.kind === kind);
        return own ? `${humanNumber(Number(own.separation.toPrecision(3)))} (${percent(own.found)})` : '';
      }),
    ]),
  );
}

function trainingTable({ runs, settings }: SeedPresetResult): string {
  return textTable(
    ['>SEED', 'SCALER', '>EPOCHS', '>BEST EPOCH', `WITH EARLY STOPPING, PATIENCE ${settings.patience}`, '>CPU TIME'],
    runs.map(({ seed, scaling, epochs, cpuSeconds }) => [
      String(seed),
      scaling,
      String(epochs.run),
      String(epochs.best),
      epochs.stop
        ? `ends after epoch ${epochs.stop.after}, best ${epochs.stop.best} with loss ${epochs.stop.validationLoss.toFixed(5)}`
        : `does not end before epoch ${epochs.run}`,
      humanSeconds(cpuSeconds),
    ]),
  );
}

function claimsTable({ runs, autocorrelation }: SeedPresetResult): string {
  const own = runs.filter(({ scaling }) => scaling === 'standard').map((run) => run.own);
  const lags = autocorrelation.flatMap(({ byFeature }) => byFeature);
  const decimals = (digits: number, values: readonly number[]) => values.map((value) => value.toFixed(digits));
  const row = (name: string, must: string, measured: string, holds: boolean) => [
    name,
    must,
    measured,
    holds ? 'holds' : 'does not hold',
  ];
  const gaps = own.map(({ gap }) => gap);
  const all = own.map(({ separation }) => separation);
  const of = [
    row(
      'train/validation gap',
      `< ${MOST_GAP}`,
      decimals(5, gaps).join(' / '),
      gaps.every((gap) => Math.abs(gap) < MOST_GAP),
    ),
    row(
      'separation',
      `>= ${LEAST_SEPARATION}`,
      decimals(2, all).join(' / '),
      all.every((value) => value >= LEAST_SEPARATION),
    ),
  ];
  const lowest = Math.min(...lags);
  const highest = Math.max(...lags);
  return textTable(
    ['CLAIM', 'MUST BE', 'MEASURED', ''],
    [
      ...(own.length > 0 ? of : []),
      row(
        'lag-1 autocorrelation',
        `${LEAST_AUTOCORRELATION} .. ${MOST_AUTOCORRELATION}`,
        decimals(3, [lowest, highest]).join(' .. '),
        lowest >= LEAST_AUTOCORRELATION && highest <= MOST_AUTOCORRELATION,
      ),
    ],
  );
}

/** Every digit: people compare these. */
function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',');
}

function percent(share: number): string {
  return `${(100 * share).toFixed(share > 0 && share < 0.0995 ? 1 : 0)} %`;
}
