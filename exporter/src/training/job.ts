import type { FeatureSpec } from '../flow.ts';

/** What a training worker is asked to do; the arrays are transferred, not copied. */
export interface FitJob {
  readonly detector: string;
  /** rows x columns in model units */
  readonly values: Float64Array;
  readonly time: Float64Array;
  readonly segment: Int32Array;
  readonly features: readonly FeatureSpec[];
  readonly seed: number;
  readonly rowsPerDay: number;
}

export interface FitResult {
  /** as `Detector.load` takes it */
  readonly model: ArrayBuffer;
  /** rows it was fitted on */
  readonly rows: number;
  /** mean raw score of its training rows without the highest 5 % */
  readonly meanScore: number;
  /** raw scores of rows that were held out, in their order */
  readonly unseen: Float64Array;
}

export type WorkerMessage = { readonly progress: number } | { readonly result: FitResult } | { readonly error: string };
