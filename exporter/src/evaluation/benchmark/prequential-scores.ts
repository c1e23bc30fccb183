/**
 * Scores as an entity earns them while time passes: models are fitted on the newest seven days of the train rows, then once a day on the seven days before,
 * and every test row is scored by the models that were fitted before it. So that there is something to calibrate on at the start, older train rows are scored
 * by the first models, which have not seen them, and the rows of the first fit by models of the other rows (cut into blocks of time: a row's neighbours
 * would give it away). Labels are not seen.
 */
import { conditional } from '../../detectors/conditional.ts';
import { vectorAutoregression } from '../../detectors/var.ts';
import type { Detector, FeatureSpec, Model, Rows } from '../../flow.ts';
import { type Mask, pick } from '../../training/row-masks.ts';
import { type MemberScores, combineScores, memberScores } from './ensemble.ts';

/** days of rows that a model is fitted on */
const FIT_DAYS = 7;
/** rows that a model is fitted on at most, the newest ones: a second's rows are more than there is memory for */
const MOST_ROWS = 20_000;
/** blocks of the first fit's rows beside its newest day, which is one too */
const BLOCKS = 3;

export interface PrequentialInput {
  /** train rows, then test rows, in model units */
  readonly rows: Rows;
  readonly trainRows: number;
  readonly features: readonly FeatureSpec[];
  readonly rowsPerDay: number;
}

interface Fitted {
  readonly detector: Detector;
  readonly model: Model;
  /** mean raw score of the rows it was fitted on, without the highest */
  readonly unit: number;
}

/**
 * The default ensemble's score of each train and test row by models that were not fitted on it; 1 is usual; NaN without any value.
 * Throws when there are too few train rows for the detectors. `onShare` is told the share of the work that is done, 0..1.
 */
export function prequentialScores(
  input: PrequentialInput,
  seed: number,
  onShare: (share: number) => void = () => {},
): Float64Array {
  return combineScores(prequentialMembers(input, seed, onShare));
}

/** The same of each member, `conditional` and `var`, in its own unit. */
export function prequentialMembers(
  { rows, trainRows, features, rowsPerDay }: PrequentialInput,
  seed: number,
  onShare: (share: number) => void = () => {},
): MemberScores[] {
  const total = rows.values.rows;
  const detectors: Detector[] = [conditional(), vectorAutoregression()];
  const scores = detectors.map(() => new Float64Array(total).fill(NaN));

  const fit = (chosen: Mask): Fitted[] =>
    detectors.map((detector) => {
      const part = pick(rows, chosen);
      const model = detector.fit(part, { seed, features, rowsPerDay });
      const own = new Float64Array(part.values.rows);
      detector.score(model, part, own);
      return { detector, model, unit: memberScores(own, own.length).unit };
    });
  const score = (members: readonly Fitted[], from: number, to: number): void => {
    members.forEach(({ detector, model, unit }, m) => {
      const begin = Math.max(0, from - detector.history); // context
      const own = new Float64Array(to - begin);
      detector.score(model, pick(rows, range(total, begin, to)), own, range(to - begin, from - begin, to - begin));
      for (let row = from; row < to; row++) scores[m][row] = own[row - begin] / unit;
    });
  };

  const fitRows = Math.min(FIT_DAYS * rowsPerDay, MOST_ROWS);
  const first = Math.max(0, trainRows - fitRows);
  const days = Math.ceil((total - trainRows) / rowsPerDay);
  const fits = days + BLOCKS + 1;
  let done = 0;
  let members = fit(range(total, first, trainRows));
  if (first > 0) score(members, 0, first);
  for (const [from, to] of blocksOf(first, trainRows, rowsPerDay)) {
    score(fit(range(total, first, trainRows).fill(0, from, to)), from, to);
    onShare(++done / fits);
  }
  for (let day = trainRows; day < total; day += rowsPerDay) {
    if (day > trainRows) members = fit(range(total, Math.max(0, day - fitRows), day));
    score(members, day, Math.min(total, day + rowsPerDay));
    onShare(++done / fits);
  }
  return scores.map((raw) => ({ raw, unit: 1 }));
}

function range(length: number, from: number, to: number): Mask {
  return new Uint8Array(length).fill(1, from, to);
}

/** The newest day (a quarter of the rows, where that is less), and the rows before it in equal parts. */
function blocksOf(from: number, to: number, rowsPerDay: number): [from: number, to: number][] {
  const newest = Math.max(to - rowsPerDay, from + Math.floor(0.75 * (to - from)));
  const edges = Array.from({ length: BLOCKS + 1 }, (_, b) => from + Math.floor((b / BLOCKS) * (newest - from)));
  return [...edges, to].slice(1).map((edge, b) => [edges[b], edge]);
}
