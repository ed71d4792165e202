/** Text that is markup already and goes into a page as it is. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Part = string | number | Markup | undefined | readonly Part[];

const ENTITIES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** What means something to a parser, and control characters, which HTML does not allow. */
const UNSAFE = /[&<>"']|(?![\t\n\r])\p{Cc}/gu;

function render(part: Part): string {
  if (typeof part === 'number') return String(part);
  if (part === undefined) return '';
  if (part instanceof Markup) return part.text;
  if (typeof part === 'object') {
    let text = '';
    for (const each of part) text += render(each);
    return text;
  }
  return part.replaceAll(UNSAFE, (character) => ENTITIES[character] ?? '\ufffd');
}

/**
 * Markup from a template: every value put in is escaped, for text and quoted attributes alike, unless
 * it is Markup itself. Lists are joined, undefined is nothing.
 */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  let text = strings[0] ?? '';
  for (const [index, part] of parts.entries()) text += render(part) + (strings[index + 1] ?? '');
  return new Markup(text);
}
