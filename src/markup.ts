/*
 * Text as HTML and SVG have it.
 */

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  '\t': '\t',
  '\n': '\n',
  '\r': '\r',
};

/** What means something to a parser, and control characters, of which XML and HTML allow three. */
const UNSAFE = /[&<>"'\p{Cc}]/gu;

/** Text as it may stand in HTML and XML, between tags and in quoted attributes alike. */
export function escapeMarkup(text: string): string {
  return text.replaceAll(UNSAFE, (character) => ENTITIES[character] ?? '\ufffd');
}

/** Text that is markup already and goes into a page as it is. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** What may be put into markup. Lists are joined, and undefined and false are nothing. */
export type Part = string | number | Markup | undefined | false | readonly Part[];

function render(part: Part): string {
  if (typeof part === 'number') return String(part);
  if (part === undefined || part === false) return '';
  if (part instanceof Markup) return part.text;
  if (typeof part === 'string') return escapeMarkup(part);
  let text = '';
  for (const each of part) text += render(each);
  return text;
}

/**
 * Markup from a template: every value put in is escaped, for text and quoted attributes alike, unless
 * it is Markup itself.
 */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  let text = '';
  for (let index = 0; index < strings.length; index += 1) text += strings[index] + render(parts[index]);
  return new Markup(text);
}
