/** What the API says of one model. */
import type { ModelManifest, Pin } from '../training/model-manifest.ts';
import type { ModelProgress, ModelStatus } from '../wire/model.ts';
import { detectorOf, keyOf, membersOf, type Subject } from './trainer-subject.ts';

const SHOWN_THRESHOLDS = 20;

export interface ModelState {
  readonly manifest: ModelManifest | undefined;
  /** one that has not run out */
  readonly pin: Pin | undefined;
  readonly aside: readonly ModelManifest[];
  readonly progress: ModelProgress | null;
  readonly lastError: string | null;
}

export function statusOf(subject: Subject, { manifest, pin, aside, progress, lastError }: ModelState): ModelStatus {
  const { member, detector, config } = subject;
  const { group, entities } = member;
  const members = membersOf(subject);
  const warmup =
    members.reduce((sum, e) => sum + (group.modelOf(detector, e) ? group.warmup(e, detector) : 0), 0) / members.length;
  return {
    ...keyOf(subject),
    version: manifest?.version ?? null,
    trainedAt: manifest?.trainedAt ?? null,
    rows: manifest?.rows ?? 0,
    features: group.columns.map(({ name }) => name),
    warmup,
    trusted: warmup >= 1,
    thresholds: members
      .slice(0, SHOWN_THRESHOLDS)
      .map((e) => ({ entity: entities[e].id, threshold: group.threshold(e, detector) }))
      .filter(({ threshold }) => Number.isFinite(threshold)),
    sha256: manifest?.sha256 ?? null,
    bytes: manifest?.bytes ?? 0,
    parameters: { seed: config.seed, minimum_rows: detectorOf(subject).minimumRows, ...manifest?.notes },
    lastError,
    progress,
    pinnedUntil: pin?.until ?? null,
    aside: aside.map(({ version, trainedAt, aside: reason }) => ({ version, trainedAt, reason: reason ?? '' })),
  };
}
