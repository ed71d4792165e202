import { plural } from '../format.ts';
import { html, type Markup } from '../markup.ts';
import { type BadgeKind, badgeStem, CATALOGUE, COMPARISON_FOLDER } from './catalogue.ts';
import { pictureFile, type Size } from './picture.ts';

/** Markup languages that a badge can be pasted in; `url` is the bare address of the picture. */
export const SNIPPET_FORMATS = ['markdown', 'rst', 'html', 'url'] as const;
export type SnippetFormat = (typeof SNIPPET_FORMATS)[number];

/** Which badge a snippet shows. */
export interface SnippetBadge {
  /** Folder of its file: the normalized name of a package or a group, or that of comparisons. */
  readonly package: string;
  /** What it is about, if that is no package of PyPI's but has a page of ours. */
  readonly title?: string | undefined;
  readonly kind: BadgeKind;
  /** undefined for a kind that has no window. */
  readonly windowDays: number | undefined;
  /** Whose figures these are, in short. */
  readonly sourceName: string;
}

/** Who draws the picture: shields.io from the endpoint file, or the collector itself. */
export type Picture = 'shields' | 'svg';

const SHIELDS = 'https://img.shields.io/endpoint';

/** Sites that shields.io asks for no endpoint (its services/endpoint-common.js). */
const SHIELDS_BLOCKED = ['github.com', 'shields.io'];

/** Why shields.io would show an error instead of the badges at an address; undefined if it would not. */
export function shieldsRefuses(publicUrl: string): string | undefined {
  const { protocol, hostname } = new URL(publicUrl);
  if (protocol !== 'https:') return 'shields.io fetches badges over https:// only';
  const blocked = SHIELDS_BLOCKED.find((site) => hostname === site || hostname.endsWith(`.${site}`));
  return blocked === undefined ? undefined : `shields.io fetches no badges from ${blocked}`;
}

const percent = (character: string) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`;

/** RFC 3986's unreserved characters stay; parentheses, quotes and asterisks would break markup. */
function percentEncode(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, percent);
}

/** An absolute URL in the form that is safe in any markup: what URLs may hold raw, but markup means. */
function safeUrl(url: string): string {
  return new URL(url).href.replaceAll(/['()*[\]^`{|}]/g, percent);
}

/** Address of the picture of a badge. */
export function pictureUrl(badge: SnippetBadge, publicUrl: string, picture: Picture): string {
  const stem = `${publicUrl}/${badge.package}/${badgeStem(badge.kind, badge.windowDays)}`;
  return picture === 'svg' || badge.kind.size !== undefined
    ? safeUrl(`${stem}.svg`)
    : `${SHIELDS}?url=${percentEncode(safeUrl(`${stem}.json`))}`;
}

/**
 * An image as HTML. Of a picture there are two fixed themes: an `<img>` alone may follow the reader's system instead of the
 * page. The light one is the `<img>`, as PyPI leaves out every `<source>`.
 */
function imageOf(url: string, size: Size | undefined, alt: string): Markup {
  if (size === undefined) return html`<img src="${url}" alt="${alt}">`;
  const stem = url.slice(0, -'.svg'.length);
  return html`<picture><source media="(prefers-color-scheme: dark)" srcset="${pictureFile(stem, 'dark')}"><img src="${pictureFile(stem, 'light')}" width="${size.width}" alt="${alt}"></picture>`;
}

/** When the downloads of a badge were: `in 30 days`. */
export function windowText(windowDays: number | undefined): string {
  return windowDays === undefined ? 'on known days' : `in ${plural(windowDays, 'day')}`;
}

/** Most characters of a name in an alternative text: with them, none has more than 100. */
const NAME_MAX = 28;

/** What the figure on a badge is, for those who do not see it; at most 100 characters. */
export function altText({ package: name, title = name, kind, windowDays, sourceName }: SnippetBadge): string {
  const short = title.length > NAME_MAX ? `${title.slice(0, NAME_MAX - 1)}…` : title;
  return `${kind.subject ?? 'Non-CI PyPI downloads of'} ${short} ${kind.scope ?? CATALOGUE[0].scope} ${windowText(windowDays)} (${sourceName})`;
}

/**
 * A badge ready to paste, linking to the package's page on PyPI, or to a page of ours.
 *
 * @param publicUrl Where the output folder is served, without a slash at its end.
 */
export function snippet(
  badge: SnippetBadge,
  publicUrl: string,
  format: SnippetFormat,
  picture: Picture,
): string {
  const image = pictureUrl(badge, publicUrl, picture);
  const alt = altText(badge);
  const page = badge.package === COMPARISON_FOLDER ? 'index.html' : `${badge.package}/index.html`;
  const target = safeUrl(badge.title ? `${publicUrl}/${page}` : `https://pypi.org/project/${badge.package}/`);
  switch (format) {
    case 'markdown':
      return `[![${alt.replaceAll(/[\\[\]`*_<]/g, String.raw`\$&`)}](${image})](${target})`;
    case 'rst':
      return `.. image:: ${image}\n   :alt: ${alt}\n   :target: ${target}`;
    case 'html':
      return html`<a href="${target}">${imageOf(image, badge.kind.size, alt)}</a>`.text;
    case 'url':
      return image;
  }
}
