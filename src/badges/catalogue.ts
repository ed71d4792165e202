import type { NonEmpty } from '../non-empty.ts';
import { INSTALLERS, SYSTEMS, type System } from '../winnow/classes.ts';
import type { Account } from '../winnow/winnow.ts';

/** A kind of badge; each package has one of it for each window. */
export interface BadgeKind {
  /** Name in the catalogue, also the beginning of the file's name. */
  readonly id: string;
  /** What stands before the window on the left half of the badge. */
  readonly label: string;
  /** Whose downloads it counts, as words that follow "downloads". */
  readonly scope: string;
  /** The figure on its right half. */
  readonly value: (account: Account) => number;
}

const SYSTEM_IDS: Record<System, string> = { Linux: 'linux', Darwin: 'macos', Windows: 'windows' };

/** The systems as people call them. */
export const SYSTEM_NAMES: Record<System, string> = { Linux: 'Linux', Darwin: 'macOS', Windows: 'Windows' };

/**
 * The eleven kinds of badge (DESIGN section 6), the hero first. Their names and labels are in READMEs
 * all over the place and never change.
 */
export const CATALOGUE: NonEmpty<BadgeKind> = [
  {
    id: 'downloads',
    label: 'pip*/uv/poetry/pdm',
    scope: 'by pip, uv, poetry and pdm',
    value: (account) => account.count,
  },
  ...INSTALLERS.map((name) => ({
    id: `installer-${name}`,
    label: name,
    scope: `by ${name}`,
    value: (account: Account) => account.counts[name],
  })),
  {
    id: 'installer-pip-family',
    label: 'pip*',
    scope: 'by pip, pipenv and pipx',
    value: (account) => account.counts['pip-family'],
  },
  ...SYSTEMS.map((name) => ({
    id: `os-${SYSTEM_IDS[name]}`,
    label: SYSTEM_IDS[name],
    scope: `on ${SYSTEM_NAMES[name]}`,
    value: (account: Account) => account.countsBySystem[name],
  })),
];

/** Name of a badge's file without its ending. */
export function badgeStem(kind: BadgeKind, windowDays: number): string {
  return `${kind.id}-${windowDays}d-non-ci`;
}
