/** When to use which detector: one sentence each, for people who compare them. */
const ADVICE: Readonly<Record<string, string>> = {
  baseline: 'one column at a time, at once: first hours, seasons, no training',
  'isolation-forest': 'quick on large tables, little memory; sees single columns, weak on clean training rows',
  'one-class-svm': 'clean training rows in one or few groups; time grows with the rows',
  'local-outlier-factor': 'rows in several groups of different density; keeps its training rows',
  autoencoder: 'many related columns and some thousand rows; slowest of the four classic ones to fit',
  'lstm-autoencoder': 'series whose shape over time matters; minutes to fit, for comparison',
  pca: 'linearly related columns; the quickest look at broken relations',
  histogram: 'values that were never seen, one column at a time; instant, whatever the number of columns',
  conditional: 'related columns: the first choice for series, explains itself',
  var: 'series whose next row follows from the last ones; beside conditional',
  ensemble: 'the default: several views in one score',
};

export function adviceFor(detector: string): string {
  return ADVICE[detector] ?? '';
}
