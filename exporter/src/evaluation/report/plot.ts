/**
 * The frame of a picture that is as wide as the page lets it: the drawing stretches, its lines, dots and letters do not. Coordinates across are thousandths of the width inside the
 * drawing, shares of it in the layer above; down they are pixels.
 */
import type { Axis, Tick } from './axis.ts';
import { html, type Html } from './html.ts';

export interface Plot {
  /** px of the drawing */
  readonly height: number;
  readonly y: Axis;
  /** below the drawing; every second one goes where the page is narrow */
  readonly x: readonly Tick[];
  /** what a screen reader says */
  readonly label: string;
  /** class of the frame */
  readonly kind?: string;
  /** stretched: 1000 x height */
  readonly drawing: readonly Html[];
  /** above it, not stretched */
  readonly layer?: readonly Html[];
}

const BELOW = 22;
const ABOVE = 8;

export function plot({ height, y, x, label, kind, drawing, layer = [] }: Plot): Html {
  const total = ABOVE + height + BELOW;
  const down = (at: number) => pixels(ABOVE + (1 - at) * height);
  return html`<div class="${kind === undefined ? 'plot' : `plot ${kind}`}">
    <svg class="scale" width="44" height="${total}" aria-hidden="true">
      ${y.ticks.map(({ at, text }) => html`<text x="38" y="${down(at)}" dy=".32em" text-anchor="end">${text}</text>`)}
    </svg>
    <svg class="area" width="100%" height="${total}" role="img" aria-label="${label}">
      ${y.ticks.map(({ at }) => html`<line class="grid" x1="0" x2="100%" y1="${down(at)}" y2="${down(at)}" />`)}
      <svg
        y="${ABOVE}"
        width="100%"
        height="${height}"
        viewBox="0 0 1000 ${height}"
        preserveAspectRatio="none"
        overflow="visible"
      >
        ${drawing}
      </svg>
      <svg y="${ABOVE}" width="100%" height="${height}" overflow="visible">${layer}</svg>
      ${x.map(({ at, text }, i) => html`<text class="${i % 2 === 1 ? 'tick spare' : 'tick'}" x="${percent(at)}" y="${total - 5}" text-anchor="${at < 0.02 ? 'start' : at > 0.98 ? 'end' : 'middle'}">${text}</text>`)}
    </svg>
  </div>`;
}

/** A path through points that are not numbers yet: `M` starts anew after a gap. */
export function across(share: number): string {
  return pixels(1000 * share);
}

export function pixels(value: number): string {
  return String(Math.round(value * 10) / 10);
}

export function percent(share: number): string {
  return `${Math.round(share * 10_000) / 100}%`;
}

/** A bar of a table: how much of the whole. */
export function bar(share: number, kind = ''): Html {
  const width = percent(Math.max(0, Math.min(1, share === share ? share : 0)));
  return html`<svg class="bar ${kind}" width="100%" height="6" aria-hidden="true">
    <rect class="track" width="100%" height="6" rx="3" />
    <rect class="fill" width="${width}" height="6" rx="3" />
  </svg>`;
}
