/**
 * How far a long command is, on the error output: one line that is drawn again and again on a terminal, a line now and then anywhere else. Written at once, because a fit
 * keeps the event loop busy until it is done.
 */
import { humanDuration, humanNumber } from '../human-units.ts';
import type { FitProgress } from '../flow.ts';

export interface Progress {
  /** `share` 0..1 of the step `label`; the time left is told from how long the step has taken so far */
  update(label: string, progress: FitProgress): void;
  /** What cannot be told as a share: rows read so far. */
  count(label: string, count: number): void;
  /** Removes the line of a terminal, so that what follows stands alone. */
  clear(): void;
}

export interface ProgressOptions {
  readonly terminal: boolean;
  /** of the terminal */
  readonly columns: number;
  write(text: string): void;
  /** monotonic, ms */
  now(): number;
}

const BAR = 24;
const DRAW_MS = 80;
/** without a terminal: not more often, and not for less */
const TELL_MS = 2000;
const TELL_SHARE = 0.1;

export function createProgress({ terminal, columns, write, now }: ProgressOptions): Progress {
  let label = '';
  let started = 0;
  let drawnAt = -Infinity;
  let drawn = false;
  let told = 0;

  function begin(next: string): void {
    if (next === label) return;
    label = next;
    started = now();
    drawnAt = terminal ? -Infinity : started;
    told = 0;
  }

  function draw(text: string): void {
    write(`\r\x1b[K${text.slice(0, Math.max(20, columns - 1))}`);
    drawn = true;
    drawnAt = now();
  }

  return {
    update(next, progress) {
      begin(next);
      const share = Math.min(1, Math.max(0, progress.share));
      const elapsed = now() - started;
      const left =
        share > 0.02 && share < 1 && elapsed > 500 ? `  ${humanDuration((elapsed / share) * (1 - share))} left` : '';
      const percent = `${Math.floor(share * 100)} %`;
      if (terminal) {
        if (share < 1 && now() - drawnAt < DRAW_MS) return;
        const full = Math.round(share * BAR);
        draw(
          `${label}  ${'█'.repeat(full)}${'░'.repeat(BAR - full)}  ${percent.padStart(5)}${detail(progress)}${left}`,
        );
      } else if (now() - drawnAt >= TELL_MS && share - told >= TELL_SHARE && share < 1) {
        drawnAt = now();
        told = share;
        write(`${label}: ${percent}${detail(progress)}${left}\n`);
      }
    },
    count(next, count) {
      begin(next);
      if (terminal) {
        if (now() - drawnAt >= DRAW_MS) draw(`${label}  ${humanNumber(count)}`);
      } else if (now() - drawnAt >= 5 * TELL_MS) {
        drawnAt = now();
        write(`${label}: ${humanNumber(count)}\n`);
      }
    },
    clear() {
      if (drawn) write('\r\x1b[K');
      drawn = false;
      label = '';
    },
  };
}

/** Of this process: its error output. */
export function terminalProgress(): Progress {
  return createProgress({
    terminal: process.stderr.isTTY === true,
    columns: process.stderr.columns ?? 80,
    write: (text) => process.stderr.write(text),
    now: () => performance.now(),
  });
}

function detail({ epoch, epochs, trainLoss, validationLoss }: FitProgress): string {
  const parts = [];
  if (epoch !== undefined) parts.push(`epoch ${epoch}${epochs === undefined ? '' : `/${epochs}`}`);
  if (trainLoss !== undefined) {
    const validation = validationLoss === undefined ? '' : `, validation ${validationLoss.toPrecision(3)}`;
    parts.push(`loss ${trainLoss.toPrecision(3)}${validation}`);
  }
  return parts.map((part) => `  ${part}`).join('');
}
