import type { FeatureSpec, FitProgress } from '../flow.ts';
import type { Evidence } from './acceptance.ts';

/** The model that serves now: what the new one is compared with, and whose scores tell which rows not to learn from. */
export interface ModelInForce {
  /** as `Detector.load` takes it */
  readonly model: ArrayBuffer;
  /** ms since the epoch */
  readonly trainedAt: number;
  /** `FitResult.usual` of its own fit; NaN when that is not known */
  readonly usual: number;
}

interface Task {
  readonly detector: string;
  /** of the detector, as the configuration has them; default: its own defaults */
  readonly options?: unknown;
  readonly features: readonly FeatureSpec[];
  readonly seed: number;
  readonly rowsPerDay: number;
  readonly inForce?: ModelInForce;
}

/** What a fit is asked to do; the arrays are transferred to the worker, not copied. */
export interface FitJob extends Task {
  /** rows x columns in model units */
  readonly values: Float64Array;
  readonly time: Float64Array;
  readonly segment: Int32Array;
}

/** The same for rows that the worker reads itself, so that they never pass through the thread that scores. */
export interface StoredFitJob extends Task {
  /** ring file of one entity, natural units */
  readonly file: string;
  /** the newest so many */
  readonly mostRows: number;
  readonly stepMs: number;
}

export interface FitResult {
  /** as `Detector.load` takes it */
  readonly model: ArrayBuffer;
  /** rows it was fitted on */
  readonly rows: number;
  /** rows there were */
  readonly rowsRead: number;
  /** mean raw score of its training rows without the highest 5 % */
  readonly meanScore: number;
  /** raw scores of rows that were held out, in their order */
  readonly unseen: Float64Array;
  /** 99th percentile of those; NaN where nothing was held out */
  readonly usual: number;
  /** training rows that were left out because the model before it found them the most unusual */
  readonly leftOut: number;
  /** of the last epoch, for detectors that have epochs */
  readonly trainLoss?: number;
  readonly validationLoss?: number;
  /** what the two models did on the newest day; `inForce` is absent for a first model */
  readonly evidence: { readonly fresh: Evidence; readonly inForce?: Evidence };
  /** one sentence on why the new model is worse than the one that serves and does not replace it; absent when it does */
  readonly worse?: string;
}

export type WorkerMessage =
  /** the system's id of the worker's thread, where it has one */
  | { readonly thread: number }
  | { readonly progress: FitProgress }
  | { readonly result: FitResult }
  | { readonly error: string };
