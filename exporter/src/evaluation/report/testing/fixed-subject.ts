/** A tiny evaluation of which every figure is fixed: what the golden file and the tests of hostile content are made of. */
import type { DetectorEvaluation, TableEvaluation } from '../../table-evaluation.ts';
import type { TableRows } from '../../table-rows.ts';
import type { ReportSubject } from '../subject.ts';

/** Twelve rows, of which 4 and 9 are labelled anomalous; 9 is missed and 7 flagged by mistake. `name` stands for every name and text of the table. */
export function fixedSubject(name = (text: string) => text): ReportSubject {
  const labels = Float64Array.from({ length: 12 }, (_, row) => (row === 3 || row === 8 ? 1 : 0));
  const ensemble = Float64Array.from([0.2, 0.31, 0.12, 2.4, 0.4, NaN, 1.6, 0.22, 0.9, 0.05, 0.3, 0.18]);
  const table: TableRows = {
    file: name('flows.csv'),
    features: [
      { name: name('bytes'), column: 0, kind: 'number' },
      { name: name('proto'), column: 1, kind: 'category' },
    ],
    treatments: {},
    categories: [[], [name('tcp'), name('udp')]],
    values: Float64Array.from({ length: 24 }, (_, i) => {
      const row = i >> 1;
      if (i % 2 === 0) return row === 3 ? 9000 : 100 + row;
      return row === 5 ? NaN : row % 2;
    }),
    labels,
    time: undefined,
    entity: new Int32Array(12),
    entities: [],
    row: Float64Array.from(labels, (_, row) => row + 1),
    rows: 12,
    read: 12,
    stopped: false,
    sameTime: { rows: 0, firstLine: undefined },
  };
  return {
    result: fixedResult(name),
    table,
    scores: { members: [ensemble.map((score) => score * 0.9), ensemble.map((score) => score * 8)], ensemble },
    importance: {
      measure: 'average precision',
      base: 0.75,
      rows: 12,
      anomalous: 2,
      repeats: 3,
      features: [
        { feature: name('bytes'), mean: 0.31, lowest: 0.25, highest: 0.4 },
        { feature: name('proto'), mean: -0.002, lowest: -0.01, highest: 0 },
      ],
    },
    shap: {
      features: [name('bytes'), name('proto')],
      others: 0,
      background: 10,
      rows: [
        {
          place: 3,
          score: 2.3,
          base: 0.25,
          values: [
            { feature: name('bytes'), value: 2.1, error: 0.02 },
            { feature: name('proto'), value: -0.05, error: 0.01 },
          ],
        },
      ],
    },
    madeAt: Date.UTC(2026, 0, 31, 12),
  };
}

function fixedResult(name: (text: string) => string): TableEvaluation {
  return {
    overview: {
      file: name('flows.csv'),
      rows: 12,
      read: 12,
      stopped: false,
      skipped: 1,
      firstSkipped: name('line 4 has 3 fields'),
      columns: [
        {
          name: name('bytes'),
          kind: 'number',
          missing: 0,
          constant: false,
          treatment: 'log',
          lowest: 100,
          median: 106.5,
          mean: 847.25,
          highest: 9000,
          categories: 0,
          mostFrequent: undefined,
        },
        {
          name: name('proto'),
          kind: 'category',
          missing: 1,
          constant: false,
          treatment: 'category',
          lowest: NaN,
          median: NaN,
          mean: NaN,
          highest: NaN,
          categories: 2,
          mostFrequent: name('tcp'),
        },
      ],
      labels: { normal: 10, anomalous: 2, missing: 0 },
      time: undefined,
      sameTime: { rows: 0, firstLine: undefined },
      entities: 0,
    },
    trainOverview: undefined,
    settings: {
      series: false,
      seed: 0,
      contamination: 0.15,
      normalOnly: false,
      folds: 4,
      scaler: 'none',
      ensemble: 'mean',
    },
    detectors: [
      detector('histogram', 1, 0.004),
      detector('local-outlier-factor', 0, 0.25),
      { ...detector('ensemble', 1, 0.004), advice: 'the default' },
    ],
    top: [
      {
        row: 4,
        time: Date.UTC(2026, 0, 2),
        entity: name('web-01'),
        label: 1,
        score: 2.4,
        scores: { histogram: 2.16, 'local-outlier-factor': 19.2 },
        features: [{ feature: name('bytes'), share: 0.92, value: '9000', usual: '106.5' }],
      },
      {
        row: 7,
        time: undefined,
        entity: undefined,
        label: 0,
        score: 1.6,
        scores: { histogram: 1.44, 'local-outlier-factor': 12.8 },
        features: [{ feature: name('proto'), share: 0.6, value: '', usual: name('tcp') }],
      },
    ],
    notes: [name('12 rows are too few to leave some out for the threshold')],
  };
}

function detector(name: string, weight: number, seconds: number): DetectorEvaluation {
  return {
    name,
    weight,
    options: {},
    threshold: 4.2,
    flagged: 2,
    fitSeconds: seconds,
    scoreSeconds: seconds / 10,
    memoryBytes: weight === 0 ? 3_000_000 : 0,
    modelBytes: 5000,
    quality: {
      decision: {
        truePositives: 1,
        falsePositives: 1,
        trueNegatives: 9,
        falseNegatives: 1,
        precision: 0.5,
        recall: 0.5,
        f1: 0.5,
        accuracy: 10 / 12,
        falseAlarmRate: 0.1,
        eventRecall: 0.5,
      },
      ranking: { rocAuc: 0.95 - weight / 100, averagePrecision: 0.83, bestF1: 0.8 },
      events: undefined,
    },
    progress: undefined,
    advice: 'a sentence about when',
  };
}
