/**
 * The detectors that the benchmark judges, each in the form its seed system specifies and in the form the product uses by default. A key of the results is the
 * detector's name for the specified form and `<name>_default` for the default one. A detector that the seed systems do not have is only judged as it is.
 */

export interface DetectorForm {
  /** name in the results */
  readonly key: string;
  readonly detector: string;
  readonly options: Readonly<Record<string, unknown>>;
  /** takes a minute an entity: left out of quick runs */
  readonly slow?: boolean;
  /** key of the form whose model this one scores with; it has to be among those that are run */
  readonly modelOf?: string;
  /** what the seed system's score is as a function of this detector's */
  readonly specified?: (raw: number) => number;
}

export const forms: readonly DetectorForm[] = [
  { key: 'isolation-forest', detector: 'isolation-forest', options: { inputs: 'level', trim: 0 } },
  { key: 'isolation-forest_default', detector: 'isolation-forest', options: {} },
  // the decision value s - rho in place of -ln s: equal, to the last bit, for all rows that are far away
  {
    key: 'one-class-svm',
    detector: 'one-class-svm',
    options: { inputs: 'level' },
    specified: (raw) => 1 - Math.exp(-raw),
  },
  { key: 'one-class-svm_default', detector: 'one-class-svm', options: {} },
  { key: 'local-outlier-factor', detector: 'local-outlier-factor', options: { inputs: 'level' } },
  { key: 'local-outlier-factor_default', detector: 'local-outlier-factor', options: {} },
  {
    key: 'autoencoder',
    detector: 'autoencoder',
    options: { inputs: 'level', error: 'raw', patience: 0, validation: 0 },
  },
  { key: 'autoencoder_default', detector: 'autoencoder', options: {} },
  { key: 'lstm-autoencoder', detector: 'lstm-autoencoder', options: { error: 'raw', score: 'mean' }, slow: true },
  {
    key: 'lstm-autoencoder_default',
    detector: 'lstm-autoencoder',
    options: {},
    slow: true,
    // how errors become a score is no matter of the model
    modelOf: 'lstm-autoencoder',
  },
  { key: 'pca', detector: 'pca', options: { inputs: 'level', error: 'raw' } },
  { key: 'pca_default', detector: 'pca', options: {} },
  { key: 'conditional', detector: 'conditional', options: {} },
  { key: 'var', detector: 'var', options: {} },
  { key: 'baseline', detector: 'baseline', options: {} },
];
