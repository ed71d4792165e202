import { type Markish, type PlotOptions, plot } from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import { html, Markup } from './html.ts';

const { document } = parseHTML('<!doctype html><html></html>');

/** Sub-pixel digits that nobody sees make up a third of a chart's text. */
function shorten(svg: string): string {
  return svg.replaceAll(/(\d\.\d\d)\d+/g, '$1');
}

/**
 * Draws a chart with Observable Plot into an SVG for a page whose policy forbids style attributes and
 * foreign style elements: colours are the page's CSS variables, so that it follows light and dark.
 *
 * @param label What the picture shows, for those who do not see it.
 * @param className Class of the SVG element beside `chart`.
 */
export function draw(
  options: PlotOptions & { readonly marks: readonly Markish[] },
  label: string,
  className = '',
): Markup {
  const svg = plot({ ...options, marks: [...options.marks], document: document as never });
  svg.querySelector('style')?.remove();
  // The picture is one image with one label; what Plot says of its groups would contradict that.
  for (const group of svg.querySelectorAll('[aria-label],[aria-hidden],[aria-description]')) {
    for (const name of ['aria-label', 'aria-hidden', 'aria-description']) group.removeAttribute(name);
  }
  svg.removeAttribute('width');
  svg.removeAttribute('height');
  svg.setAttribute('class', `chart ${className}`.trim());
  svg.setAttribute('font-size', '12');
  svg.setAttribute('role', 'img');
  // linkedom writes attributes as HTML has them; as XML, a < in them must be escaped.
  const { text } = html`<svg aria-label="${label}" `;
  return new Markup(shorten(svg.outerHTML).replace('<svg ', () => text));
}
