/** `GET /api/evaluation`: what `netpulse evaluate --save NAME` found. Times are ms since the epoch. */
export interface Evaluation {
  name: string;
  madeAt: number;
  /** as `netpulse evaluate --format json` prints it */
  result: Record<string, unknown>;
}

/** Newest first. */
export interface EvaluationList {
  evaluations: Evaluation[];
}
