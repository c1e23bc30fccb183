/** Small parts that sections share: a section, a table that scrolls by itself, the signs of severities and outcomes. */
import type { SeverityName } from '../../wire/incident.ts';
import { html, trusted, type Html } from './html.ts';

export type Level = 'normal' | SeverityName;

const SHAPES: Record<Level, Html> = {
  normal: trusted('<path d="M3 8.5l3.2 3.2L13 4.9" fill="none" stroke="currentColor" stroke-width="2.2"/>'),
  low: trusted('<path d="M8 1.5L14.5 8 8 14.5 1.5 8z" fill="currentColor"/>'),
  medium: trusted('<path d="M8 1.5l7 13H1z" fill="currentColor"/>'),
  high: trusted('<path d="M5 1h6l4 4v6l-4 4H5l-4-4V5z" fill="currentColor"/>'),
};

const LEVEL_NAMES: Record<Level, string> = { normal: 'Normal', low: 'Low', medium: 'Medium', high: 'High' };

/** A severity is always word, shape and colour together. */
export function severityMark(level: Level): Html {
  return html`<span class="mark ${level}">${shape(level)}${LEVEL_NAMES[level]}</span>`;
}

export function shape(level: Level): Html {
  return html`<svg class="shape" viewBox="0 0 16 16" aria-hidden="true">${SHAPES[level]}</svg>`;
}

export function section(id: string, title: string, ...content: (Html | undefined)[]): Html {
  return html`<section class="card" id="${id}" aria-labelledby="${id}-title">
    <h2 id="${id}-title">${title}</h2>
    ${content.filter((part) => part !== undefined)}
  </section> `;
}

export function sentence(text: string): Html {
  return html`<p class="lead">${text}</p>`;
}

/** Instead of what cannot be shown. */
export function leftOut(text: string): Html {
  return html`<p class="empty">${text}</p>`;
}

export interface Column {
  readonly title: string;
  /** right-aligned */
  readonly number?: boolean;
  /** takes the room that is left */
  readonly wide?: boolean;
  /** left out where the page is narrow */
  readonly spare?: boolean;
}

export const text = (title: string): Column => ({ title });
export const number = (title: string): Column => ({ title, number: true });
export const wide = (title: string): Column => ({ title, wide: true });
export const spare = (column: Column): Column => ({ ...column, spare: true });

/** The first cell of a row is its heading. Wide tables scroll by themselves, with the headings in sight. */
export function table(caption: string, columns: readonly Column[], rows: readonly (readonly Html[])[]): Html {
  const kind = (column: Column) =>
    [column.number && 'number', column.wide && 'wide', column.spare && 'spare-column'].filter(Boolean).join(' ');
  return html`<div class="scroll" role="region" tabindex="0" aria-label="${caption}">
    <table>
      <caption class="hidden">
        ${caption}
      </caption>
      <thead>
        <tr>
          ${columns.map((column) => html`<th scope="col" class="${kind(column)}">${column.title}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (cells) =>
            html`<tr>
              ${cells.map((cell, c) =>
                c === 0
                  ? html`<th scope="row" class="${kind(columns[c])}">${cell}</th>`
                  : html`<td class="${kind(columns[c])}">${cell}</td>`,
              )}
            </tr> `,
        )}
      </tbody>
    </table>
  </div>`;
}

/** The figures of a picture, for who cannot see it. */
export function figures(content: Html): Html {
  return html`<details>
    <summary>These figures as a table</summary>
    ${content}
  </details>`;
}

export const LOGO: Html = trusted(
  '<svg class="logo" viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="7"/><path d="M4 17h6l3-8 5 15 4-11 2 4h4"/></svg>',
);
