import type { Looks, Style } from '../config/looks.ts';
import type { FolderFile } from '../disk/files.ts';
import type { Breakdown } from '../winnow/breakdown.ts';
import type { Total } from '../winnow/total.ts';
import { type BadgeKind, badgeStem, CATALOGUE, EXTRA_KINDS, type NamedKind } from './catalogue.ts';
import { formatChange, formatCount } from './message.ts';
import { drawBadge } from './picture.ts';

/** What a badge says, as shields.io's endpoint schema names it (https://shields.io/badges/endpoint-badge). */
export interface EndpointBadge {
  readonly schemaVersion: 1;
  readonly label: string;
  readonly message: string;
  readonly color: string;
  readonly labelColor?: string;
  readonly namedLogo?: string;
  readonly logoSvg?: string;
  readonly logoColor?: string;
  readonly style?: Style;
  readonly cacheSeconds?: number;
}

/** Below this a count is grey: too few to mean much. */
const GREY_BELOW = 10;

/** Below the lowest step, and where there is nothing. */
const NO_STEP = 'lightgrey';

/** The colour of a figure; the default if nothing was said. */
function colorOf({ color }: Looks, value: number, byDefault: string): string {
  if (color === undefined) return byDefault;
  if (typeof color === 'string') return color;
  return color.findLast(({ from }) => value >= from)?.color ?? NO_STEP;
}

/** The colour of a count. */
function countColor(looks: Looks, count: number): string {
  return colorOf(looks, count, count < GREY_BELOW ? 'lightgrey' : 'blue');
}

/** What the looks add to any badge. */
function adorned(looks: Looks): Omit<EndpointBadge, 'schemaVersion' | 'label' | 'message' | 'color'> {
  const { labelColor, logo, logoColor, style, cacheSeconds } = looks;
  return {
    ...(labelColor === undefined ? {} : { labelColor }),
    ...(logo === undefined ? {} : 'name' in logo ? { namedLogo: logo.name } : { logoSvg: logo.svg }),
    ...(logoColor === undefined ? {} : { logoColor }),
    ...(style === undefined ? {} : { style }),
    ...(cacheSeconds === undefined ? {} : { cacheSeconds }),
  };
}

/** The left half of a badge. */
const labelOf = (label: string, windowDays: number | undefined) =>
  windowDays === undefined ? label : `${label} (${windowDays}d)`;

/** The eleven badges of a package and window, in the order of the catalogue, with the stems of their files' names. */
export function endpointBadges(
  breakdown: Breakdown,
  windowDays: number,
  looks: Looks = {},
): { kind: BadgeKind; stem: string; badge: EndpointBadge }[] {
  return CATALOGUE.map((kind) => {
    const value = kind.value(breakdown);
    const label = kind === CATALOGUE[0] ? (looks.label ?? kind.label) : kind.label;
    const badge: EndpointBadge = {
      schemaVersion: 1,
      label: labelOf(label, windowDays),
      message: `${formatCount(value)}${looks.suffix ?? ''}`,
      color: countColor(looks, value),
      ...adorned(looks),
    };
    return { kind, stem: badgeStem(kind, windowDays), badge };
  });
}

/** The library's grey of a label, and one that stands out from a dark page. */
const LABEL_GREY = '#555';
const DARK_STYLE = `<style>@media (prefers-color-scheme:dark){[fill="${LABEL_GREY}"]{fill:#6e7681}}</style>`;

/**
 * A badge as an SVG, drawn by shields.io's own library; its title says label and message to those who
 * do not see it. Logos by name are shields.io's alone.
 *
 * @param dark Whether the label is lighter where the page is dark.
 */
export function badgeSvg(badge: EndpointBadge, dark = false): string {
  const svg = drawBadge(badge);
  return dark ? svg.replace('</title>', `</title>${DARK_STYLE}`) : svg;
}

const endpointText = (badge: EndpointBadge) => `${JSON.stringify(badge, null, 2)}\n`;

/** What stands in place of a badge that is not renewed any more, as its two files. */
export function retiredBadge(kind: NamedKind, windowDays: number | undefined): { json: string; svg: string } {
  const badge: EndpointBadge = {
    schemaVersion: 1,
    label: labelOf(kind.label, windowDays),
    message: 'not tracked any more',
    color: 'lightgrey',
  };
  return { json: endpointText(badge), svg: `${badgeSvg(badge)}\n` };
}

function filesOf(stem: string, badge: EndpointBadge, { dark }: Looks): FolderFile[] {
  return [
    { name: `${stem}.json`, content: endpointText(badge) },
    { name: `${stem}.svg`, content: `${badgeSvg(badge, dark)}\n` },
  ];
}

/** The badge files of a package and window: an endpoint file for each badge, and an SVG under the same stem. */
export function badgeFiles(breakdown: Breakdown, windowDays: number, looks: Looks = {}): FolderFile[] {
  return endpointBadges(breakdown, windowDays, looks).flatMap(({ stem, badge }) =>
    filesOf(stem, badge, looks),
  );
}

/** Colours of a trend: what grows, what shrinks, and what is neither. */
const TREND_COLORS = { up: 'brightgreen', down: 'orange', level: 'lightgrey' };

/**
 * The badge of a window's trend.
 *
 * @param change Share by which the honest count a day has changed against the window before; undefined if there is
 * nothing to compare with.
 */
export function trendFiles(change: number | undefined, windowDays: number, looks: Looks = {}): FolderFile[] {
  const percent = change === undefined ? undefined : Math.round(change * 100);
  const color = percent === undefined || percent === 0 ? 'level' : percent > 0 ? 'up' : 'down';
  const badge: EndpointBadge = {
    schemaVersion: 1,
    label: labelOf(EXTRA_KINDS.trend.label, windowDays),
    message: formatChange(percent),
    color: TREND_COLORS[color],
    ...adorned(looks),
  };
  return filesOf(badgeStem(EXTRA_KINDS.trend, windowDays), badge, looks);
}

/** Characters of the month at the beginning of a day. */
const MONTH_LENGTH = 7;

/** The badge of a total. Its label says since when, to the month; a suffix such as `/month` would not be true of it. */
export function totalFiles({ since, count }: Total, looks: Looks = {}): FolderFile[] {
  const badge: EndpointBadge = {
    schemaVersion: 1,
    label: `${EXTRA_KINDS.total.label} since ${since.slice(0, MONTH_LENGTH)}`,
    message: formatCount(count),
    color: countColor(looks, count),
    ...adorned(looks),
  };
  return filesOf(badgeStem(EXTRA_KINDS.total, undefined), badge, looks);
}
