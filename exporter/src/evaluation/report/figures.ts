/** Figures and names as the report writes them. */
import { humanNumber } from '../../human-units.ts';
import { html, type Html } from './html.ts';

const NOTHING = '–';
const LONGEST_NAME = 60;
const LONGEST_WORD = 18;
const ENDLESS = html` class="endless"`;

/** Of the table and of scores: three digits that matter; very large and very small ones with an exponent. */
export function numberText(value: number): string {
  if (value !== value) return NOTHING;
  if (!Number.isFinite(value)) return value > 0 ? '∞' : '−∞';
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e15)) return value.toExponential(2).replace('-', '−');
  return humanNumber(value);
}

/** Exact, however large: `1,234,567`. */
export function countText(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** Of scores: `0.87`, `12.4`, `1,234`. */
export function scoreText(score: number): string {
  const size = Math.abs(score);
  return size < 100 ? fixedText(score, size < 10 ? 2 : 1) : numberText(score);
}

/** Digits behind the point that leave three which matter in the largest of some values; what is small beside it is then 0. */
export function digitsFor(values: readonly number[]): number {
  const largest = Math.max(...values.map((value) => (Number.isFinite(value) ? Math.abs(value) : 0)));
  return largest > 0 ? Math.max(0, Math.min(6, 2 - Math.floor(Math.log10(largest)))) : 2;
}

/** With a true minus, and none before 0. */
export function fixedText(value: number, digits: number): string {
  if (!Number.isFinite(value)) return numberText(value);
  const text = digits === 0 ? countText(Math.round(Math.abs(value))) : Math.abs(value).toFixed(digits);
  return value < 0 && Number(text) !== 0 ? `−${text}` : text;
}

/** With its sign: `+0.31`. */
export function signedText(value: number, digits: number): string {
  const text = fixedText(value, digits);
  return value > 0 && Number(text) !== 0 ? `+${text}` : text;
}

/** A quality between 0 and 1: `0.987`. */
export function ratioText(value: number): string {
  return value === value ? fixedText(value, 3) : NOTHING;
}

/** 0.0123 is `1.2 %`. */
export function percentText(share: number): string {
  if (share !== share) return NOTHING;
  const percent = 100 * share;
  return `${percent === 0 || percent >= 10 ? percent.toFixed(0) : String(Number(percent.toPrecision(2)))}\u00a0%`;
}

export function plural(count: number, noun: string): string {
  return `${countText(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** A name or text of the table, cut where it is endless, and kept from turning the direction of what follows. Breaks between its words, and anywhere only in endless ones. */
export function named(name: string): Html {
  const words = shortened(name).split(/(?<=[_./:=])(?=\w)/);
  const endless = words.some((word) => word.length > LONGEST_WORD);
  return html`<bdi${endless && ENDLESS}>${words.map((word, i) => (i === 0 ? html`${word}` : html`<wbr />${word}`))}</bdi>`;
}

export function shortened(name: string): string {
  const characters = [...name.slice(0, 4 * LONGEST_NAME)];
  return characters.length <= LONGEST_NAME && name.length <= 4 * LONGEST_NAME
    ? name
    : `${characters.slice(0, LONGEST_NAME - 1).join('')}…`;
}

/** A cell as the table has it: a number shortened to what matters, or text. */
export function cellText(value: string): Html {
  if (value === '') return html`<span class="soft">missing</span>`;
  const number = Number(value);
  return value.trim() !== '' && Number.isFinite(number) ? html`${numberText(number)}` : named(value);
}

/** UTC, to the second: `2026-01-31 12:00:05`. A time that no calendar has is the number. */
export function timeText(time: number): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? String(time) : date.toISOString().slice(0, 19).replace('T', ' ');
}
