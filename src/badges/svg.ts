import { makeBadge } from 'badge-maker';
import type { Account } from '../winnow/winnow.ts';
import { type BadgeFile, type EndpointBadge, endpointBadges } from './endpoint.ts';

/**
 * A badge as an SVG, drawn by shields.io's own library; its title says label and message to those who
 * do not see it.
 *
 * @param idSuffix Tells the badges of one HTML document apart: letters and digits.
 */
export function badgeSvg({ label, message, color }: EndpointBadge, idSuffix?: string): string {
  return makeBadge({ label, message, color, ...(idSuffix === undefined ? {} : { idSuffix }) });
}

/** The SVG files of a package and window: one beside each endpoint file, under the same stem. */
export function svgFiles(account: Account, windowDays: number): BadgeFile[] {
  return endpointBadges(account, windowDays).map(({ stem, badge }) => ({
    name: `${stem}.svg`,
    content: `${badgeSvg(badge)}\n`,
  }));
}
