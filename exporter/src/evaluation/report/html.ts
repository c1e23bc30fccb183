/** HTML that cannot be broken by what it shows: the template escapes every value that it has not made itself. */

export interface Html {
  readonly html: string;
}

type Value = string | number | Html | readonly Html[] | undefined | false;

/** `` html`<b>${name}</b>` ``: text and numbers are escaped, for content and for quoted attributes; undefined and false are nothing. The template's own indentation is left out. */
export function html(strings: TemplateStringsArray, ...values: Value[]): Html {
  return { html: partsOf(strings).reduce((page, part, i) => page + rendered(values[i - 1]) + part) };
}

const known = new WeakMap<TemplateStringsArray, readonly string[]>();

function partsOf(strings: TemplateStringsArray): readonly string[] {
  const parts = known.get(strings) ?? strings.map((part) => part.replace(/\s*\n\s*/g, '\n'));
  known.set(strings, parts);
  return parts;
}

/** Text that is HTML already. Only for text of our own. */
export function trusted(text: string): Html {
  return { html: text };
}

function rendered(value: Value): string {
  if (value === undefined || value === false) return '';
  if (typeof value === 'string' || typeof value === 'number') return escaped(String(value));
  return 'html' in value ? value.html : value.map((part) => part.html).join('');
}

/** Control characters, which no browser shows and some stumble over, are shown as what they are: not text. */
function escaped(text: string): string {
  return text
    .replace(/[&<>"'`]/g, (character) => `&#${character.charCodeAt(0)};`)
    .replace(/(?![\t\n\r])\p{Cc}/gu, '\ufffd');
}
