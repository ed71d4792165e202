import type { Extra } from '../config/looks.ts';
import type { NonEmpty } from '../non-empty.ts';
import type { Breakdown } from '../winnow/breakdown.ts';
import { INSTALLERS, PIP_FAMILY, SYSTEMS, type System } from '../winnow/classes.ts';

/** A kind of badge; each package has one of it for each window. */
export interface BadgeKind {
  /** Name in the catalogue, also the beginning of the file's name. */
  readonly id: string;
  /** What stands before the window on the left half of the badge. */
  readonly label: string;
  /** Whose downloads it counts, as words that follow "downloads". */
  readonly scope: string;
  /** The figure on its right half. */
  readonly value: (breakdown: Breakdown) => number;
}

const SYSTEM_IDS: Record<System, string> = { Linux: 'linux', Darwin: 'macos', Windows: 'windows' };

/** The systems as people call them. */
export const SYSTEM_NAMES: Record<System, string> = { Linux: 'Linux', Darwin: 'macOS', Windows: 'Windows' };

const families = ['pip', ...INSTALLERS.filter((name) => !PIP_FAMILY.some((pip) => pip === name))];

/** Names as a sentence lists them. */
function listed(names: readonly string[]): string {
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

/**
 * The kinds of badge, the hero first. Their names and labels are in READMEs all over the place and never
 * change; an installer that is added gets a badge of its own.
 */
export const CATALOGUE: NonEmpty<BadgeKind> = [
  {
    id: 'downloads',
    label: families.join('/').replace('pip', 'pip*'),
    scope: `by ${listed(families)}`,
    value: (breakdown) => breakdown.count,
  },
  ...INSTALLERS.map((name) => ({
    id: `installer-${name}`,
    label: name,
    scope: `by ${name}`,
    value: (breakdown: Breakdown) => breakdown.counts[name],
  })),
  {
    id: 'installer-pip-family',
    label: 'pip*',
    scope: `by ${listed(PIP_FAMILY)}`,
    value: (breakdown) => breakdown.counts['pip-family'],
  },
  ...SYSTEMS.map((name) => ({
    id: `os-${SYSTEM_IDS[name]}`,
    label: SYSTEM_IDS[name],
    scope: `on ${SYSTEM_NAMES[name]}`,
    value: (breakdown: Breakdown) => breakdown.countsBySystem[name],
  })),
];

/** What snippets, and badges that are not renewed, must know of a kind of badge. */
export type NamedKind = Pick<BadgeKind, 'id' | 'label' | 'scope'> & {
  /** What stands before the package's name, if not its downloads. */
  readonly subject?: string;
  /** Whether there is a picture alone, and no endpoint file. */
  readonly pictureOnly?: boolean;
  /** Whether there is one for a package, whatever its windows. */
  readonly windowless?: boolean;
};

const [HERO] = CATALOGUE;

/** Kinds that are made only where tracked.yaml asks for them. */
export const EXTRA_KINDS: Readonly<Record<Extra, NamedKind>> = {
  trend: { id: 'trend', label: 'trend', subject: 'Change of the PyPI downloads of', scope: HERO.scope },
  sparkline: {
    id: 'sparkline',
    label: 'by day',
    subject: 'Line of the PyPI downloads of',
    scope: HERO.scope,
    pictureOnly: true,
  },
  total: { id: 'total', label: 'total', scope: HERO.scope, windowless: true },
};

/** Every kind, those of the catalogue first. */
export const ALL_KINDS: readonly NamedKind[] = [...CATALOGUE, ...Object.values(EXTRA_KINDS)];

/**
 * Name of a badge's file without its ending.
 *
 * @param windowDays undefined for a kind that has no window.
 */
export function badgeStem(kind: Pick<BadgeKind, 'id'>, windowDays: number | undefined): string {
  return windowDays === undefined ? `${kind.id}-non-ci` : `${kind.id}-${windowDays}d-non-ci`;
}
