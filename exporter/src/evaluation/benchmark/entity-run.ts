/**
 * One unit of work: some forms of detectors on one entity with one seed. The static protocol: fit on the whole train part, score train and test rows in one
 * pass so that windows and averages reach back over the border, judge the test rows.
 */
import { createDetector } from '../../detectors/registry.ts';
import type { Detector, Matrix, Model, Rows } from '../../flow.ts';
import type { LabelledEntity } from '../datasets/telemetry.ts';
import { combineScores, ensembleMembers, memberScores, smooth } from './ensemble.ts';
import { featureScoresOf } from './feature-scores.ts';
import { type DetectorForm, forms } from './forms.ts';
import { type Policy, type PolicyFigures, policyQuality } from './policy-quality.ts';
import { type Blame, type ScoreQuality, scoreQuality } from './score-quality.ts';

/** Rows over which the smoothed ensemble averages. */
export const SMOOTHING_SPAN = 5;

export interface FormResult {
  readonly key: string;
  readonly quality: ScoreQuality;
  readonly fitSeconds: number;
  readonly scoreSeconds: number;
}

export interface EntityResult {
  readonly results: readonly FormResult[];
  readonly policy: PolicyFigures | null;
  /** forms that threw, with the message */
  readonly failures: readonly { readonly key: string; readonly message: string }[];
}

interface Fitted {
  readonly form: DetectorForm;
  readonly detector: Detector;
  readonly model: Model;
  /** train rows too when they were wanted, else NaN there */
  readonly raw: Float64Array;
  readonly fitSeconds: number;
  readonly scoreSeconds: number;
}

/** `keys` are those of forms.ts, and `ensemble`, which fits its members. A form that throws is a failure of its own; the others go on. */
export function runEntity(
  entity: LabelledEntity,
  keys: readonly string[],
  seed: number,
  policy: Policy | null,
): EntityResult {
  const results: FormResult[] = [];
  const failures: { key: string; message: string }[] = [];
  const attempt = (key: string, run: () => void) => {
    try {
      run();
    } catch (error) {
      failures.push({ key, message: (error as Error).message });
    }
  };
  const anomalous = entity.labels.reduce((sum, label) => sum + label, 0);
  if (anomalous === 0 || anomalous === entity.labels.length) {
    const kind = anomalous === 0 ? 'normal' : 'anomalous';
    const message = `all ${entity.labels.length} labels are ${kind}: there is nothing to tell apart`;
    return { results, policy: null, failures: [{ key: 'entity', message }] };
  }
  const members = keys.includes('ensemble') ? ensembleMembers : [];
  const fitted = new Map<string, Fitted>();
  for (const form of forms) {
    if (!keys.includes(form.key) && !members.includes(form.key)) continue;
    attempt(form.key, () => {
      const one = fitForm(entity, form, seed, members.includes(form.key), fitted.get(form.modelOf ?? ''));
      if (members.includes(form.key) || forms.some(({ modelOf }) => modelOf === form.key)) fitted.set(form.key, one);
      if (!keys.includes(form.key)) return;
      const quality = scoreQuality(entity.labels, testPart(entity, one.raw), entity.causes, blameOf(entity, one));
      results.push({ key: form.key, quality, fitSeconds: one.fitSeconds, scoreSeconds: one.scoreSeconds });
    });
  }
  if (members.length > 0) attempt('ensemble', () => results.push(...ensembleResults(entity, fitted)));
  let figures: PolicyFigures | null = null;
  if (policy) attempt('policy', () => (figures = policyQuality(entity, policy(entity, seed))));
  return { results, policy: figures, failures };
}

/** Raw scores of one form over train and test rows; without `trainToo` only the test rows are scored. */
function fitForm(
  entity: LabelledEntity,
  form: DetectorForm,
  seed: number,
  trainToo: boolean,
  given: Fitted | undefined,
): Fitted {
  const detector = createDetector(form.detector, form.options);
  const { rows, trainRows, features, rowsPerDay } = entity;
  const begin = performance.now();
  const model = given?.model ?? detector.fit(partOf(rows, 0, trainRows), { seed, features, rowsPerDay });
  const fittedAt = performance.now();
  const raw = new Float64Array(rows.values.rows).fill(NaN);
  const wanted = new Uint8Array(rows.values.rows).fill(1, trainToo ? 0 : trainRows);
  detector.score(model, rows, raw, wanted);
  const end = performance.now();
  if (form.specified) for (let row = 0; row < raw.length; row++) raw[row] = form.specified(raw[row]);
  return {
    form,
    detector,
    model,
    raw,
    fitSeconds: given?.fitSeconds ?? (fittedAt - begin) / 1000,
    scoreSeconds: (end - fittedAt) / 1000,
  };
}

function ensembleResults(entity: LabelledEntity, fitted: ReadonlyMap<string, Fitted>): FormResult[] {
  const { labels, causes, trainRows } = entity;
  const members = ensembleMembers.map((name) => {
    const member = fitted.get(name);
    if (!member) throw new Error(`its member ${name} failed`);
    return { member, ...memberScores(member.raw, trainRows) };
  });
  const scores = combineScores(members);
  const blames = members.map(({ member }) => blameOf(entity, member));
  const blame: Blame = (first, last) => sumOf(blames.flatMap((one) => (one ? [one(first, last)] : [])));
  const seconds = {
    fitSeconds: members.reduce((sum, { member }) => sum + member.fitSeconds, 0),
    scoreSeconds: members.reduce((sum, { member }) => sum + member.scoreSeconds, 0),
  };
  return [
    { key: 'ensemble', scores },
    { key: 'ensemble_smoothed', scores: smooth(scores, SMOOTHING_SPAN) },
  ].map(({ key, scores }) => ({
    key,
    quality: scoreQuality(labels, testPart(entity, scores), causes, blame),
    ...seconds,
  }));
}

/** What a detector blames in some test rows: its features' own scores, else shares times score, for a row that is hardly unusual must not decide. */
function blameOf(entity: LabelledEntity, { detector, model, raw }: Fitted): Blame | null {
  const own = featureScoresOf(detector, model);
  if (own) return (first, last) => featuresOf(entity, detector, first, last, own);
  if (!detector.contributions) return null;
  return (first, last) => {
    const shares = featuresOf(entity, detector, first, last, (rows, out) => detector.contributions!(model, rows, out));
    const { columns } = entity.rows.values;
    const score = raw.subarray(entity.trainRows + first);
    return shares.map((share, i) => share * score[Math.floor(i / columns)]);
  };
}

/** One number a feature of the test rows first .. last, computed with the rows before them that the detector needs. */
function featuresOf(
  { rows, trainRows }: LabelledEntity,
  { history }: Detector,
  first: number,
  last: number,
  write: (rows: Rows, out: Matrix) => void,
): Float64Array {
  const { columns } = rows.values;
  const from = Math.max(0, trainRows + first - history);
  const part = partOf(rows, from, trainRows + last + 1);
  const all = new Float64Array(part.values.data.length);
  write(part, { rows: part.values.rows, columns, data: all });
  return all.subarray((trainRows + first - from) * columns);
}

/** Views, no copies. */
function partOf({ values, time, segment }: Rows, from: number, to: number): Rows {
  const { columns, data } = values;
  return {
    values: { rows: to - from, columns, data: data.subarray(from * columns, to * columns) },
    time: time.subarray(from, to),
    segment: segment.subarray(from, to),
  };
}

function testPart({ trainRows }: LabelledEntity, raw: Float64Array): Float64Array {
  return raw.subarray(trainRows);
}

function sumOf(parts: readonly Float64Array[]): Float64Array {
  return parts[0].map((_, i) => parts.reduce((sum, part) => sum + part[i], 0));
}
