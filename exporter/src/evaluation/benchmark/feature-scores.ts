import { conditionalFeatureScores } from '../../detectors/conditional.ts';
import type { ConditionalModel } from '../../detectors/conditional-model.ts';
import { varFeatureScores } from '../../detectors/var.ts';
import type { VarModel } from '../../detectors/var-model.ts';
import type { Detector, Matrix, Model, Rows } from '../../flow.ts';

/**
 * How unusual each feature is by itself, on one scale over all rows, for the detectors that can say so: what explains an event of many rows best. Others only
 * have shares, which say nothing of how unusual their row is.
 */
export function featureScoresOf(detector: Detector, model: Model): ((rows: Rows, out: Matrix) => void) | null {
  if (detector.name === 'conditional')
    return (rows, out) => conditionalFeatureScores(model as ConditionalModel, rows, out);
  if (detector.name === 'var') return (rows, out) => varFeatureScores(model as VarModel, rows, out);
  return null;
}
