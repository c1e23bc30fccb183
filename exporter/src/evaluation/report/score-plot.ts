/** Scores row by row against the threshold, with what was found, missed and flagged by mistake. Bounded: at most a few marks for each pixel. */
import type { TableRows } from '../table-rows.ts';
import { scoreAxis, type Axis, type Tick } from './axis.ts';
import { countText, timeText } from './figures.ts';
import { html, type Html } from './html.ts';
import { across, percent, pixels, plot } from './plot.ts';
import { outcomeOf, type Outcome } from './subject.ts';
import { stretches, thin, type Buckets } from './thinning.ts';

export interface ScorePlot {
  readonly scores: Float64Array;
  readonly table: TableRows;
  /** rows follow one another in time */
  readonly series: boolean;
  readonly height: number;
  /** points across, at most */
  readonly points: number;
  readonly label: string;
  /** small marks */
  readonly small?: boolean;
  /** rows to write the number of */
  readonly notes?: readonly number[];
}

/** Up to so many rows have a mark each; of more, the normal ones are the range of each pixel, and a mark stands for several. */
const MOST_DOTS = 2000;
/** points that a mark of many rows is wide */
const MARK_PIXELS = 4;
const STRIP = 7;
/** share of the width that a note needs */
const NOTE_WIDTH = 0.07;

export function scorePlot(picture: ScorePlot): Html {
  const { scores, table, series, height, points, label, small, notes = [] } = picture;
  const y = scoreAxis(scores);
  const down = (score: number) => (1 - y.place(score)) * height;
  const x = (row: number) => across((row + 0.5) / Math.max(1, scores.length));
  const outcome = (row: number) => outcomeOf(scores[row], table.labels?.[row] ?? NaN);
  const dense = scores.length > MOST_DOTS;
  const dots = (wanted: Outcome) => {
    const { low, high } = worst(
      thin(scores, dense ? points / MARK_PIXELS : points, (row) => outcome(row) === wanted),
      dense ? wanted : undefined,
    );
    return [...high.keys()]
      .flatMap((bucket) => (high[bucket] === low[bucket] ? [high[bucket]] : [low[bucket], high[bucket]]))
      .filter((row) => row >= 0)
      .map((row) => `M${x(row)} ${pixels(down(scores[row]))}h0`)
      .join('');
  };
  const course = series
    ? coursePath(picture, down, x)
    : dense
      ? rangePath(picture, down, x, (row) => outcome(row) === 'normal')
      : dots('normal');
  const labelled = table.labels ? stretches(scores.length, points, (row) => table.labels![row] === 1) : [];
  const strip = series
    ? labelled.map(
        ([from, to]) =>
          html`<rect class="labelled" x="${across(from)}" width="${across(to - from)}" y="0" height="${height}" /><rect
              class="strip"
              x="${across(from)}"
              width="${across(to - from)}"
              y="${height - STRIP}"
              height="${STRIP}"
            />`,
      )
    : [];
  // in a series the strip says what was to be found, and a dot for every missed row of it would hide the course
  const missed = series ? '' : dots('missed');
  const drawing = [
    ...strip,
    ...entityBorders(table, x).map((at) => html`<path class="border" d="M${at} 0V${height}" />`),
    html`<path class="${series ? 'course' : dense ? 'ranges' : 'dots'}" d="${course}" />`,
    html`<path class="threshold" d="M0 ${pixels(down(1))}H1000" />`,
    missed && html`<path class="missed-ring" d="${missed}" /><path class="missed-hole" d="${missed}" />`,
    html`<path class="false-dot" d="${dots('false alarm')}" /><path class="found-dot" d="${dots('found')}" />`,
  ].filter((part) => part !== '');
  return plot({
    height,
    y,
    x: rowTicks(table, series),
    label,
    kind: small ? 'small' : undefined,
    drawing,
    layer: noteTexts(notes, picture, y),
  });
}

/** Rows behind one mark of a picture with so many points across. */
export function rowsPerMark(rows: number, points: number): number {
  return rows > MOST_DOTS ? Math.ceil((rows / points) * MARK_PIXELS) : 1;
}

/** Of marks that stand for several rows: the highest score, and of missed rows, which are all below the threshold, the lowest. */
function worst(buckets: Buckets, wanted: Outcome | undefined): Pick<Buckets, 'low' | 'high'> {
  if (wanted === undefined) return buckets;
  return wanted === 'missed' ? { low: buckets.low, high: buckets.low } : { low: buckets.high, high: buckets.high };
}

/** From the lowest to the highest score of each pixel. */
function rangePath(
  { scores, points }: ScorePlot,
  down: (score: number) => number,
  x: (row: number) => string,
  wanted: (row: number) => boolean,
): string {
  const { low, high } = thin(scores, points, wanted);
  return [...low.keys()]
    .filter((bucket) => low[bucket] >= 0)
    .map((bucket) => `M${x(low[bucket])} ${pixels(down(scores[low[bucket]]))}V${pixels(down(scores[high[bucket]]))}`)
    .join('');
}

/** A line up and down through the lowest and highest score of each pixel, broken where there is no score and between entities. */
function coursePath({ scores, table, points }: ScorePlot, down: (score: number) => number, x: (row: number) => string) {
  const { count, low, high } = thin(scores, points);
  let path = '';
  let before = -1;
  for (let bucket = 0; bucket < count; bucket++) {
    const [first, second] = [low[bucket], high[bucket]].sort((a, b) => a - b);
    if (first < 0) {
      before = -1;
      continue;
    }
    for (const row of first === second ? [first] : [first, second]) {
      const starts = before < 0 || table.entity[row] !== table.entity[before];
      path += `${starts ? 'M' : 'L'}${x(row)} ${pixels(down(scores[row]))}`;
      // a score by itself is a dot
      if (starts) path += 'h0';
      before = row;
    }
  }
  return path;
}

const MOST_BORDERS = 60;

function entityBorders({ entity, rows }: TableRows, x: (row: number) => string): string[] {
  const borders: string[] = [];
  for (let row = 1; row < rows && borders.length <= MOST_BORDERS; row++)
    if (entity[row] !== entity[row - 1]) borders.push(x(row - 0.5));
  return borders.length > MOST_BORDERS ? [] : borders;
}

/** Times of one series, otherwise numbers of rows. */
function rowTicks({ time, row, rows, entities }: TableRows, series: boolean): Tick[] {
  if (rows === 0) return [];
  const byTime = series && time !== undefined && entities.length < 2;
  const span = byTime ? time[rows - 1] - time[0] : 0;
  const places = rows < 5 ? [0] : [0, 0.25, 0.5, 0.75, 1];
  return places.map((at) => {
    const place = Math.round(at * (rows - 1));
    return { at, text: byTime ? clockText(time[place], span) : `${at === 0 ? 'row ' : ''}${countText(row[place])}` };
  });
}

const DAY_MS = 86_400_000;

function clockText(time: number, span: number): string {
  const text = timeText(time);
  if (span > 60 * DAY_MS) return text.slice(0, 10);
  if (span > DAY_MS) return text.slice(5, 16);
  return span > DAY_MS / 12 ? text.slice(11, 16) : text.slice(11);
}

/** Numbers of the highest rows, where there is room for them. */
function noteTexts(notes: readonly number[], { scores, table, height }: ScorePlot, y: Axis): Html[] {
  const taken: number[] = [];
  return notes.flatMap((row) => {
    const at = (row + 0.5) / Math.max(1, scores.length);
    if (taken.some((other) => Math.abs(other - at) < NOTE_WIDTH)) return [];
    taken.push(at);
    const anchor = at < 0.05 ? 'start' : at > 0.95 ? 'end' : 'middle';
    const down = Math.max(-1, (1 - y.place(scores[row])) * height - 8);
    return [
      html`<text class="note" x="${percent(at)}" y="${pixels(down)}" text-anchor="${anchor}"
        >row ${countText(table.row[row])}</text
      >`,
    ];
  });
}
