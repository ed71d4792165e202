import type { Account } from '../winnow/winnow.ts';
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
  account: Account,
  windowDays: number,
): { kind: BadgeKind; stem: string; badge: EndpointBadge }[] {
  return CATALOGUE.map((kind) => {
    const value = kind.value(account);
    const badge: EndpointBadge = {
      schemaVersion: 1,
      label: `${kind.label} (${windowDays}d)`,
      message: formatCount(value),
      color: value < GREY_BELOW ? 'lightgrey' : 'blue',
    };
    return { kind, stem: badgeStem(kind, windowDays), badge };
  });
}

/** The badge files of a package and window. */
export function badgeFiles(account: Account, windowDays: number): BadgeFile[] {
  return endpointBadges(account, windowDays).map(({ stem, badge }) => ({
    name: `${stem}.json`,
    content: `${JSON.stringify(badge, null, 2)}\n`,
  }));
}
