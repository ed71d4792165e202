import { makeBadge } from 'badge-maker';
import type { Breakdown } from '../winnow/breakdown.ts';
import { type BadgeKind, badgeStem, CATALOGUE } from './catalogue.ts';
import { formatCount } from './message.ts';

/** What a badge says, as shields.io's endpoint schema names it (https://shields.io/badges/endpoint-badge). */
export interface EndpointBadge {
  readonly schemaVersion: 1;
  readonly label: string;
  readonly message: string;
  readonly color: 'blue' | 'lightgrey';
}

/** A file to be published: its name inside the package's folder, and its whole content. */
export interface BadgeFile {
  readonly name: string;
  readonly content: string;
}

/** Below this a count is grey: too few to mean much. */
const GREY_BELOW = 10;

/** The eleven badges of a package and window, in the order of the catalogue, with the stems of their files' names. */
export function endpointBadges(
  breakdown: Breakdown,
  windowDays: number,
): { kind: BadgeKind; stem: string; badge: EndpointBadge }[] {
  return CATALOGUE.map((kind) => {
    const value = kind.value(breakdown);
    const badge: EndpointBadge = {
      schemaVersion: 1,
      label: `${kind.label} (${windowDays}d)`,
      message: formatCount(value),
      color: value < GREY_BELOW ? 'lightgrey' : 'blue',
    };
    return { kind, stem: badgeStem(kind, windowDays), badge };
  });
}

/**
 * A badge as an SVG, drawn by shields.io's own library; its title says label and message to those who
 * do not see it.
 *
 * @param idSuffix Tells the badges of one HTML document apart: letters and digits.
 */
export function badgeSvg({ label, message, color }: EndpointBadge, idSuffix?: string): string {
  return makeBadge({ label, message, color, ...(idSuffix === undefined ? {} : { idSuffix }) });
}

const endpointText = (badge: EndpointBadge) => `${JSON.stringify(badge, null, 2)}\n`;

/** What stands in place of a badge that is not renewed any more, as its two files. */
export function retiredBadge(kind: BadgeKind, windowDays: number): { json: string; svg: string } {
  const badge: EndpointBadge = {
    schemaVersion: 1,
    label: `${kind.label} (${windowDays}d)`,
    message: 'not tracked any more',
    color: 'lightgrey',
  };
  return { json: endpointText(badge), svg: `${badgeSvg(badge)}\n` };
}

/** The badge files of a package and window: an endpoint file for each badge, and an SVG under the same stem. */
export function badgeFiles(breakdown: Breakdown, windowDays: number): BadgeFile[] {
  return endpointBadges(breakdown, windowDays).flatMap(({ stem, badge }) => [
    { name: `${stem}.json`, content: endpointText(badge) },
    { name: `${stem}.svg`, content: `${badgeSvg(badge)}\n` },
  ]);
}
