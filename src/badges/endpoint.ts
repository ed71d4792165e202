import { makeBadge } from 'badge-maker';
import type { FolderFile } from '../disk/files.ts';
import { defined } from '../util.ts';
import type { EndpointBadge } from './catalogue.ts';
import { type Draw, pictureFile, THEMES } from './picture.ts';

/** The library's grey of a label, and one that stands out from a dark page. */
const LABEL_GREY = '#555';
const DARK_STYLE = `<style>@media (prefers-color-scheme:dark){[fill="${LABEL_GREY}"]{fill:#6e7681}}</style>`;

/**
 * A badge as an SVG, drawn by shields.io's own library; its title says label and message to those who
 * do not see it. Logos by name are shields.io's alone.
 *
 * @param dark Whether the label is lighter where the page is dark.
 */
function badgeSvg(badge: EndpointBadge, dark: boolean): string {
  const { label, message, color, labelColor, logoSvg, style } = badge;
  const logo = logoSvg && Buffer.from(logoSvg).toString('base64');
  const logoBase64 = logo && `data:image/svg+xml;base64,${logo}`;
  const svg = makeBadge(defined({ label, message, color, labelColor, style, logoBase64 }));
  return dark ? svg.replace('</title>', `</title>${DARK_STYLE}`) : svg;
}

/** A badge as its two files, or a picture as one for each theme. */
export function filesOf(stem: string, badge: EndpointBadge | Draw, dark = false): FolderFile[] {
  if (typeof badge === 'function') {
    return THEMES.map((theme) => ({ name: pictureFile(stem, theme), content: badge(theme) }));
  }
  return [
    { name: `${stem}.json`, content: `${JSON.stringify(badge, null, 2)}\n` },
    { name: `${stem}.svg`, content: `${badgeSvg(badge, dark)}\n` },
  ];
}
