/** The frame of an HTML page that needs nothing but itself: style and script are inline, and the content policy names them by hash. */
import { markup, trusted, type Html } from './html.ts';
import { contentHash } from './security-headers.ts';

export interface Page {
  html: string;
  /** the part of its Content-Security-Policy that says what it uses */
  contentSources: string;
}

export interface PageParts {
  title: string;
  style: string;
  /** runs after the body */
  script?: string;
  /** the page asks for itself again after so many seconds where scripts do not run */
  refreshSeconds?: number;
  body: Html;
}

const ICON =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E%3Crect width='32' height='32' rx='7' fill='%23115e8c'/%3E%3Cpath d='M4 17h6l3-8 5 15 4-11 2 4h4' fill='none' stroke='white' stroke-width='2.4' stroke-linejoin='round' stroke-linecap='round'/%3E%3C/svg%3E";

export function renderPage({ title, style, script, refreshSeconds, body }: PageParts): Page {
  const page = markup`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title}</title>
        <link rel="icon" href="${trusted(ICON)}" />
        <style>${trusted(style)}</style>
        ${refreshSeconds !== undefined && markup`<noscript><meta http-equiv="refresh" content="${refreshSeconds}" /></noscript>`}
      </head>
      <body>
        ${body}
        ${script !== undefined && markup`<script>${trusted(script)}</script>`}
      </body>
    </html> `;
  const sources = [
    "default-src 'none'",
    'img-src data:',
    `style-src ${contentHash(style)}`,
    script === undefined ? undefined : `script-src ${contentHash(script)}; connect-src 'self'`,
  ];
  return { html: page.html, contentSources: sources.filter(Boolean).join('; ') };
}
