/** `GET /api/models`: one fitted detector of one group. Times are ms since the epoch; null = not yet. */
export interface ModelStatus {
  monitor: string;
  group: string;
  detector: string;
  version: string | null;
  trainedAt: number | null;
  rows: number;
  features: string[];
  warmup: number;
  trusted: boolean;
  /** raw score at which the calibrated score is 1, per entity (at most 20 shown) */
  thresholds: { entity: string; threshold: number }[];
  sha256: string | null;
  bytes: number;
  parameters: Record<string, number | string>;
  lastError: string | null;
  /** of the fit under way; null while there is none */
  progress: ModelProgress | null;
  /** the version was chosen by hand and is not replaced before then; null = the next model that is no worse replaces it */
  pinnedUntil: number | null;
  /** fitted and not put into force, newest first */
  aside: AsideModel[];
}

/** A fit under way. */
export interface ModelProgress {
  /** 0..1 */
  share: number;
  /** null for detectors that have no epochs, and before the first */
  epoch: number | null;
  epochs: number | null;
  trainLoss: number | null;
  validationLoss: number | null;
  startedAt: number;
  /** null until there is something to go by */
  secondsLeft: number | null;
}

/** A version that was found worse than the one in force. */
export interface AsideModel {
  version: string;
  trainedAt: number;
  reason: string;
}

export interface ModelList {
  models: ModelStatus[];
}
