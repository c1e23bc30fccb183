/** HTML that cannot be broken by what it shows: the template escapes every value that is not itself made by the template. */

export interface Html {
  readonly html: string;
}

type Value = string | number | Html | readonly Html[] | null | undefined | false;

/** `` markup`<b>${name}</b>` ``: text and numbers are escaped, for content and for quoted attributes; null, undefined and false are nothing. */
export function markup(strings: TemplateStringsArray, ...values: Value[]): Html {
  return { html: strings.reduce((page, part, i) => page + rendered(values[i - 1]) + part) };
}

/** Text that is HTML already. Only for text of our own. */
export function trusted(text: string): Html {
  return { html: text };
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"'`]/g, (character) => `&#${character.charCodeAt(0)};`);
}

function rendered(value: Value): string {
  if (value === null || value === undefined || value === false) return '';
  if (typeof value === 'string' || typeof value === 'number') return escapeHtml(String(value));
  return 'html' in value ? value.html : value.map((part) => part.html).join('');
}
