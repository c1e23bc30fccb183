import { z } from 'zod';
import type { Detector } from '../flow.ts';
import { autoencoderType } from './autoencoder.ts';
import { baselineType } from './baseline.ts';
import { conditionalType } from './conditional.ts';
import type { DetectorType } from './detector-type.ts';
import { histogramType } from './histogram.ts';
import { isolationForestType } from './isolation-forest.ts';
import { localOutlierFactorType } from './local-outlier-factor.ts';
import { lstmAutoencoderType } from './lstm-autoencoder.ts';
import { oneClassSvmType } from './one-class-svm.ts';
import { pcaType } from './pca.ts';
import { varType } from './var.ts';

/** Every detector. A new one is its own file, one line here, and a test file that hands it to `describeDetector`. */
export const detectorTypes: readonly DetectorType[] = [
  baselineType as DetectorType,
  isolationForestType as DetectorType,
  oneClassSvmType as DetectorType,
  localOutlierFactorType as DetectorType,
  histogramType as DetectorType,
  autoencoderType as DetectorType,
  lstmAutoencoderType as DetectorType,
  pcaType as DetectorType,
  conditionalType as DetectorType,
  varType as DetectorType,
];
/** The detector with this name; options that are left out have their defaults. Throws when there is none, or with every problem of the options. */
export function createDetector(name: string, options: unknown = {}): Detector {
  const type = detectorTypes.find((candidate) => candidate.name === name);
  if (!type) {
    const known = detectorTypes.map((candidate) => candidate.name).join(', ');
    throw new Error(`there is no detector "${name}"; known detectors: ${known}`);
  }
  const parsed = type.options.safeParse(options);
  if (!parsed.success) throw new Error(`options of the detector ${name}: ${z.prettifyError(parsed.error)}`);
  return type.create(parsed.data);
}
