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
}

export interface ModelList {
  models: ModelStatus[];
}
