import { escapeMarkup } from '../format.ts';

/** Text that is markup already and goes into a page as it is. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Part = string | number | Markup | undefined | readonly Part[];

function render(part: Part): string {
  if (typeof part === 'number') return String(part);
  if (part === undefined) return '';
  if (part instanceof Markup) return part.text;
  if (typeof part === 'object') {
    let text = '';
    for (const each of part) text += render(each);
    return text;
  }
  return escapeMarkup(part);
}

/**
 * Markup from a template: every value put in is escaped, for text and quoted attributes alike, unless
 * it is Markup itself. Lists are joined, undefined is nothing.
 */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  let text = '';
  for (let index = 0; index < strings.length; index += 1) text += strings[index] + render(parts[index]);
  return new Markup(text);
}
