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

/** A coordinate with one decimal: nobody sees what is finer, and it would make up a third of a chart's text. */
export function px(value: number): number {
  return Math.round(value * 10) / 10;
}

/**
 * A chart as one image with one label. Colours and lines are classes of page.css, as the page's policy forbids
 * style attributes; so one picture follows light and dark.
 *
 * @param label What the picture shows, for those who do not see it.
 * @param size Units of the drawing, which grows and shrinks with its place; without it, units are pixels.
 */
export function picture(
  label: string,
  className: string,
  content: Markup,
  size?: { readonly width: number; readonly height: number },
): Markup {
  const box = size === undefined ? undefined : html` viewBox="0 0 ${size.width} ${px(size.height)}"`;
  return html`<svg class="${className}" role="img" aria-label="${label}"${box}>${content}</svg>`;
}

/** What a mark says to those who point at it. */
export function title(text: string): Markup {
  return html`<title>${text}</title>`;
}
